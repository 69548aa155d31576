//! Tables and views as a reader of rows needs them: columns, and what tells rows apart.

pub(crate) use heirloom::for_the_command::RelationKind as Kind;
use heirloom::for_the_command::{Relation, quote, refuse_too_nested, relation, relations};
use heirloom::rusqlite::{Connection, Error, OptionalExtension, Result};

/// Whether SQLite or heirloom keeps a table for itself.
pub(crate) fn is_internal(table: &Relation, history: &str) -> bool {
    table.kind == Kind::Shadow
        || table.name.starts_with("sqlite_")
        || table.name.starts_with("heirloom_")
        || table.name == history
}

/// Every table and view, by name.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Relation>> {
    relations(connection).map_err(said)
}

/// What the library says, as a failure of SQLite.
fn said(error: heirloom::Error) -> Error {
    Error::ToSqlConversionFailure(Box::new(error))
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared: String,
    pub(crate) not_null: bool,
    /// Its place in the primary key, from 1.
    pub(crate) key: Option<i64>,
    pub(crate) generated: bool,
}

/// How a column converts what is written to it (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Column {
    pub(crate) fn affinity(&self) -> Affinity {
        let declared = self.declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        match () {
            () if has(&["INT"]) => Affinity::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Affinity::Text,
            () if declared.is_empty() || has(&["BLOB"]) => Affinity::Blob,
            () if has(&["REAL", "FLOA", "DOUB"]) => Affinity::Real,
            () => Affinity::Numeric,
        }
    }

    /// Whether its numbers stand to the right.
    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self.affinity(),
            Affinity::Integer | Affinity::Real | Affinity::Numeric
        )
    }
}

/// What tells a row from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The rowid, by a name that no column has.
    Rowid(&'static str),
    /// The primary key of a table WITHOUT ROWID.
    Key(Vec<String>),
    /// Nothing: of a view, a virtual table, or where columns have all the names of the rowid.
    None,
}

/// A table or a view.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) columns: Vec<Column>,
    pub(crate) identity: Identity,
}

impl Table {
    /// None where there is none of that name.
    pub(crate) fn find(connection: &Connection, name: &str) -> Result<Option<Table>> {
        let Some(named) = relation(connection, name).map_err(said)? else {
            return Ok(None);
        };
        if matches!(named.kind, Kind::View | Kind::Virtual) {
            refuse_too_nested(connection, &quote(&named.name)).map_err(said)?;
        }
        let sql = "SELECT name, type, \"notnull\", pk, hidden
            FROM pragma_table_xinfo(?1) ORDER BY cid";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([&named.name], |row| {
            let place: i64 = row.get(3)?;
            let hidden: i64 = row.get(4)?;
            let column = Column {
                name: row.get(0)?,
                declared: row.get(1)?,
                not_null: row.get(2)?,
                key: (place > 0).then_some(place),
                generated: hidden >= 2,
            };
            // Hidden columns of virtual tables are parameters, not values.
            Ok((column, hidden == 1))
        })?;
        let columns: Vec<(Column, bool)> = rows.collect::<Result<_>>()?;
        let columns: Vec<Column> = columns
            .into_iter()
            .filter(|(_, is_parameter)| !is_parameter)
            .map(|(column, _)| column)
            .collect();
        let identity = identity(&named, &columns);
        Ok(Some(Table {
            name: named.name,
            kind: named.kind,
            columns,
            identity,
        }))
    }

    /// The same for what a row refers to, which is no view.
    pub(crate) fn unless_a_view(connection: &Connection, name: &str) -> Result<Option<Table>> {
        match relation(connection, name).map_err(said)? {
            Some(named) if named.kind == Kind::Table => Table::find(connection, name),
            _ => Ok(None),
        }
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns by which rows are distinguished and ordered, as SQL.
    pub(crate) fn identity_sql(&self) -> Vec<String> {
        match &self.identity {
            Identity::Rowid(name) => vec![(*name).to_owned()],
            Identity::Key(columns) => columns.iter().map(|column| quote(column)).collect(),
            Identity::None => Vec::new(),
        }
    }

    /// Whether an index gives the rows in the order of a column.
    pub(crate) fn has_order(&self, connection: &Connection, column: &str) -> Result<bool> {
        let is_first_of_key = match &self.identity {
            Identity::Key(columns) => columns
                .first()
                .is_some_and(|first| first.eq_ignore_ascii_case(column)),
            Identity::Rowid(_) => {
                let keys = self.columns.iter().filter(|column| column.key.is_some());
                let is_key = |key: &Column| {
                    key.name.eq_ignore_ascii_case(column)
                        && key.declared.eq_ignore_ascii_case("INTEGER")
                };
                keys.clone().count() == 1 && keys.clone().any(is_key)
            }
            Identity::None => false,
        };
        let sql =
            "SELECT 1 FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info
            WHERE info.seqno = 0 AND info.name = ?2 COLLATE NOCASE AND NOT list.partial";
        let found = connection
            .query_row(sql, [self.name.as_str(), column], |_| Ok(()))
            .optional()?;
        Ok(is_first_of_key || found.is_some())
    }
}

/// Whether a table has triggers.
pub(crate) fn has_triggers(connection: &Connection, table: &str) -> Result<bool> {
    let sql = "SELECT count(*) > 0 FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
    connection.query_row(sql, [table], |row| row.get(0))
}

fn identity(named: &Relation, columns: &[Column]) -> Identity {
    if named.kind == Kind::View || named.kind == Kind::Virtual {
        return Identity::None;
    }
    if named.without_rowid {
        let mut keys: Vec<&Column> = columns.iter().filter(|one| one.key.is_some()).collect();
        keys.sort_by_key(|column| column.key);
        return Identity::Key(keys.into_iter().map(|column| column.name.clone()).collect());
    }
    let is_free = |name: &&str| {
        !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let names = ["rowid", "_rowid_", "oid"];
    let free = names.into_iter().find(is_free);
    free.map_or(Identity::None, Identity::Rowid)
}
