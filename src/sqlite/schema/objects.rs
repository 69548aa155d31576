//! A schema as values: what the tables are, and what else there is by name and text.

use std::fmt;

use crate::sqlite::sql::name::same_name;

/// Every object of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The tables, virtual and shadow tables among them.
    pub tables: Vec<Table>,
    /// Indexes, triggers and views that have a text of their own.
    pub others: Vec<Object>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// The name as written.
    pub name: String,
    /// What kind of table.
    pub kind: TableKind,
    /// The columns in order, hidden ones left out.
    pub columns: Vec<Column>,
    /// The CREATE statement as SQLite keeps it.
    pub sql: String,
}

/// Kinds of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    /// Rows in a b-tree.
    Ordinary,
    /// Made by a module.
    Virtual,
    /// A module's own storage; its rows are that module's business.
    Shadow,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// The name as written.
    pub name: String,
    /// The declared type, empty where there is none.
    pub declared: String,
    /// Whether its values are computed from others.
    pub generated: bool,
}

/// An index, a trigger or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// Which of the three.
    pub kind: ObjectKind,
    /// The name as written.
    pub name: String,
    /// The table an index or a trigger belongs to (a trigger's may be a view), a view's own
    /// name.
    pub table: String,
    /// The CREATE statement as SQLite keeps it.
    pub sql: String,
}

/// What an [`Object`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    /// An index.
    Index,
    /// A trigger.
    Trigger,
    /// A view.
    View,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Index => "index",
            ObjectKind::Trigger => "trigger",
            ObjectKind::View => "view",
        })
    }
}

impl Schema {
    /// The table of a name.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| same_name(&table.name, name))
    }
}

impl Table {
    /// The column of a name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// Whether its rows are a copy of what another table holds, so that dropping it loses
    /// nothing: FTS with external content
    /// (<https://sqlite.org/fts5.html#external_content_and_contentless_tables>).
    pub(crate) fn is_derived(&self) -> bool {
        self.content().is_some()
    }

    /// The table or view that a search table takes its rows from (`content = 'notes'`).
    pub(crate) fn content(&self) -> Option<String> {
        if self.kind != TableKind::Virtual {
            return None;
        }
        let tokens: Vec<_> = crate::sqlite::sql::token::Tokens::new(&self.sql).collect();
        let content = tokens
            .windows(3)
            .find(|three| three[0].word() == "CONTENT" && three[1].text == "=")?;
        // Without a name it holds words of rows that nothing else does.
        let name = content[2].name().into_owned();
        (!name.is_empty()).then_some(name)
    }
}

/// The affinity a declared type gives (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// TEXT
    Text,
    /// NUMERIC
    Numeric,
    /// INTEGER
    Integer,
    /// REAL
    Real,
    /// BLOB: nothing is converted.
    Blob,
}

/// The affinity of a declared type: the first rule that matches wins.
pub(crate) fn affinity(declared: &str) -> Affinity {
    let upper = declared.to_ascii_uppercase();
    let has = |part: &str| upper.contains(part);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || upper.is_empty() {
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_name_decides_the_affinity_in_the_order_of_the_manual() {
        let cases = [
            ("INTEGER", Affinity::Integer),
            ("FLOATING POINT", Affinity::Integer),
            ("CHARINT", Affinity::Integer),
            ("NVARCHAR(160)", Affinity::Text),
            ("", Affinity::Blob),
            ("BLOB", Affinity::Blob),
            ("DOUBLE", Affinity::Real),
            ("STRING", Affinity::Numeric),
            ("DATETIME", Affinity::Numeric),
        ];
        for (declared, expected) in cases {
            assert_eq!(affinity(declared), expected, "{declared}");
        }
    }
}
