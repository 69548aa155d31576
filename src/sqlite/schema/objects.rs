//! A schema as values: what the tables are, and what else there is by name and text.

use std::fmt;

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

/// Whether two names are one to SQLite, which folds ASCII letters and no others.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
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

/// What tells two schemas apart, in words about the second. Space, comments, quotes and
/// the case of keywords do not count.
pub(crate) fn differences(expected: &Schema, actual: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for table in &expected.tables {
        match actual.table(&table.name) {
            None => found.push(format!("table `{}` is missing", table.name)),
            Some(now) => table_differences(table, now, &mut found),
        }
    }
    for table in &actual.tables {
        if expected.table(&table.name).is_none() {
            found.push(format!("table `{}` should not be there", table.name));
        }
    }
    let same = |a: &Object, b: &Object| a.kind == b.kind && same_name(&a.name, &b.name);
    for object in &expected.others {
        let Object {
            kind, name, sql, ..
        } = object;
        match actual.others.iter().find(|now| same(now, object)) {
            None => found.push(format!("{kind} `{name}` is missing")),
            Some(now) if !same_sql(sql, &now.sql) && !same_object(object, now) => {
                found.push(format!("{kind} `{name}` differs"))
            }
            Some(_) => {}
        }
    }
    for object in &actual.others {
        if !expected.others.iter().any(|was| same(was, object)) {
            found.push(format!(
                "{} `{}` should not be there",
                object.kind, object.name
            ));
        }
    }
    found
}

fn table_differences(expected: &Table, now: &Table, found: &mut Vec<String>) {
    let before = found.len();
    let name = &expected.name;
    for column in &expected.columns {
        match now.column(&column.name) {
            None => found.push(format!("column `{}` of `{name}` is missing", column.name)),
            Some(present) if !present.declared.eq_ignore_ascii_case(&column.declared) => {
                found.push(format!(
                    "column `{}` of `{name}` is {} instead of {}",
                    column.name, present.declared, column.declared
                ));
            }
            Some(_) => {}
        }
    }
    for column in &now.columns {
        if expected.column(&column.name).is_none() {
            found.push(format!(
                "column `{}` of `{name}` should not be there",
                column.name
            ));
        }
    }
    if found.len() == before && !same_sql(&expected.sql, &now.sql) && !same_table(expected, now) {
        let order = |table: &Table| -> Vec<String> {
            let names = table
                .columns
                .iter()
                .map(|column| column.name.to_ascii_lowercase());
            names.collect()
        };
        found.push(if order(expected) == order(now) {
            format!("the definition of table `{name}` differs")
        } else {
            format!("the columns of table `{name}` are in another order")
        });
    }
}

/// Whether two tables are the same once they are taken apart, where the parser for that is
/// compiled in.
fn same_table(one: &Table, other: &Table) -> bool {
    #[cfg(feature = "devtools")]
    return crate::devtools::model::diff::same_tables(&one.sql, &other.sql);
    #[cfg(not(feature = "devtools"))]
    return same_sql(&one.sql, &other.sql);
}

/// The same for the other objects.
fn same_object(one: &Object, other: &Object) -> bool {
    #[cfg(feature = "devtools")]
    return crate::devtools::model::diff::same_objects(one, other);
    #[cfg(not(feature = "devtools"))]
    return same_sql(&one.sql, &other.sql);
}

/// Whether two statements are the same tokens.
fn same_sql(one: &str, other: &str) -> bool {
    let tokens = |sql| {
        crate::sqlite::sql::token::Tokens::new(sql).map(|token| {
            match token.text.as_bytes().first() {
                // A string keeps its case, a name does not.
                Some(b'\'') => token.text.to_owned(),
                _ => token.name().to_ascii_lowercase(),
            }
        })
    };
    tokens(one).eq(tokens(other))
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
    fn differences_are_told_in_words_and_spelling_is_none() {
        let table = |sql: &str, columns: &[(&str, &str)]| Table {
            name: "t".into(),
            kind: TableKind::Ordinary,
            sql: sql.into(),
            columns: columns
                .iter()
                .map(|(name, declared)| Column {
                    name: (*name).into(),
                    declared: (*declared).into(),
                    generated: false,
                })
                .collect(),
        };
        let of = |tables: Vec<Table>, index: Option<&str>| Schema {
            tables,
            others: index
                .map(|sql| Object {
                    kind: ObjectKind::Index,
                    name: "i".into(),
                    table: "t".into(),
                    sql: sql.into(),
                })
                .into_iter()
                .collect(),
        };
        let plain = table("CREATE TABLE t(a INT)", &[("a", "INT")]);
        let spelled = table("create table \"t\" ( A int ) -- x", &[("A", "int")]);
        assert_eq!(
            differences(&of(vec![plain.clone()], None), &of(vec![spelled], None)),
            Vec::<String>::new()
        );
        let cases = [
            (of(vec![], None), "table `t` is missing"),
            (
                of(vec![table("x", &[])], None),
                "column `a` of `t` is missing",
            ),
            (
                of(vec![table("x", &[("a", "TEXT")])], None),
                "column `a` of `t` is TEXT instead of INT",
            ),
            (
                of(vec![table("x", &[("a", "INT")])], None),
                "the definition of table `t` differs",
            ),
            (
                of(vec![plain.clone()], Some("x")),
                "index `i` should not be there",
            ),
        ];
        for (actual, expected) in cases {
            assert_eq!(
                differences(&of(vec![plain.clone()], None), &actual),
                [expected]
            );
        }
        let with = |index| of(vec![plain.clone()], Some(index));
        let before = with("CREATE INDEX i ON t (a)");
        assert_eq!(
            differences(&before, &with("create index i on t(A) -- x")),
            [""; 0]
        );
        assert_eq!(
            differences(&before, &with("CREATE INDEX i ON t (a DESC)")),
            ["index `i` differs"]
        );
        let letter = |default: &str| {
            let sql = format!("CREATE TABLE t(a INT DEFAULT {default})");
            of(vec![table(&sql, &[("a", "INT")])], None)
        };
        assert_eq!(
            differences(&letter("'a'"), &letter("'A'")),
            ["the definition of table `t` differs"]
        );
    }

    #[cfg(feature = "devtools")]
    #[test]
    fn an_index_that_is_spelled_out_is_no_other_one() {
        let index = |sql: &str| Schema {
            tables: Vec::new(),
            others: vec![Object {
                kind: ObjectKind::Index,
                name: "i".into(),
                table: "t".into(),
                sql: sql.into(),
            }],
        };
        let (short, long) = ("CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a ASC)");
        assert_eq!(differences(&index(short), &index(long)), [""; 0]);
    }

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
