//! Which rows of two tables are the same one, and which columns are compared.

use super::shape::Shape;
use crate::sqlite::schema::objects::affinity;
use crate::sqlite::sql::name::quote;

/// What tells rows apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The rowid, in tables that have no key.
    Rowid,
    /// Columns, by their name on either side.
    Key(Vec<(String, String)>),
    /// Everything that is compared: rows are equal or they are not the same one.
    Content,
}

/// A column by its name on either side. One that a side lacks is NULL there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairedColumn {
    pub(crate) left: Option<String>,
    pub(crate) right: Option<String>,
}

impl PairedColumn {
    /// The name it goes by: that on the right, the newer state.
    pub(crate) fn name(&self) -> &str {
        self.right
            .as_deref()
            .or(self.left.as_deref())
            .unwrap_or_default()
    }
}

/// How two tables are walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairing {
    pub(crate) identity: Identity,
    pub(crate) columns: Vec<PairedColumn>,
}

/// The ways in which rows of two tables can be distinguished, the best first: a key that both have,
/// the rowid, and at last their content. `renamed` is the name on the right of a column on the
/// left, none where it is not there or holds something else.
pub(crate) fn identities(
    left: &Shape,
    right: &Shape,
    renamed: &dyn Fn(&str) -> Option<String>,
) -> Vec<Identity> {
    let mut found = Vec::new();
    for key in &left.keys {
        let pairs: Option<Vec<(String, String)>> = key
            .iter()
            .map(|name| {
                let now = renamed(name)?;
                right.column(&now).is_some().then(|| (name.clone(), now))
            })
            .collect();
        found.extend(pairs.map(Identity::Key));
    }
    let no_key = left.keys.is_empty() || found.is_empty();
    if no_key && left.rowid.is_some() && right.rowid.is_some() {
        found.push(Identity::Rowid);
    }
    found.push(Identity::Content);
    found
}

impl Pairing {
    /// The queries for either side, and how many of their first columns are the key. Both sort
    /// what they find alike.
    pub(super) fn queries(&self, left: &Shape, right: &Shape) -> (String, String, usize) {
        let mut keys: Vec<(String, String)> = Vec::new();
        // Only UTF-8 sorts here as it sorts there.
        let plain = left.is_utf8 && right.is_utf8;
        let both = |one: &str, other: &str| {
            let of = |shape: &Shape, name: &str| {
                let declared = shape.column(name).map(|column| column.declared.clone());
                affinity(&declared.unwrap_or_default())
            };
            let (left_type, right_type) = (of(left, one), of(right, other));
            let key = |name: &str| {
                let name = format!("x.{}", quote(name));
                match (plain, left_type == right_type) {
                    (true, true) => name,
                    (true, false) => format!("CAST({name} AS TEXT)"),
                    (false, _) => format!("hex(CAST({name} AS TEXT))"),
                }
            };
            (key(one), key(other))
        };
        match &self.identity {
            Identity::Rowid => keys.push((
                format!("x.{}", left.rowid.unwrap_or("rowid")),
                format!("x.{}", right.rowid.unwrap_or("rowid")),
            )),
            Identity::Key(columns) => {
                keys.extend(columns.iter().map(|(one, other)| both(one, other)));
            }
            Identity::Content => {
                let columns = self.columns.iter();
                let pairs = columns
                    .filter_map(|column| column.left.as_deref().zip(column.right.as_deref()));
                keys.extend(pairs.map(|(one, other)| both(one, other)));
            }
        }
        let query = |shape: &Shape, is_left: bool| {
            let mut key = keys.iter().map(|(one, other)| match is_left {
                true => one.as_str(),
                false => other.as_str(),
            });
            let keys: Vec<&str> = key.by_ref().collect();
            let columns = self.columns.iter().map(|column| {
                let name = match is_left {
                    true => &column.left,
                    false => &column.right,
                };
                name.as_deref()
                    .map_or("NULL".to_owned(), |name| format!("x.{}", quote(name)))
            });
            let columns: Vec<String> = columns.collect();
            let selected: Vec<&str> = keys
                .iter()
                .copied()
                .chain(columns.iter().map(String::as_str))
                .collect();
            let order: Vec<String> = keys
                .iter()
                .map(|key| match self.identity {
                    Identity::Rowid => (*key).to_owned(),
                    _ => format!("{key} COLLATE BINARY"),
                })
                .collect();
            let selected = match selected.is_empty() {
                true => "NULL".to_owned(),
                false => selected.join(", "),
            };
            let order = match order.is_empty() {
                true => String::new(),
                false => format!(" ORDER BY {}", order.join(", ")),
            };
            format!(
                "SELECT {selected} FROM main.{} AS x{order}",
                quote(&shape.table)
            )
        };
        (query(left, true), query(right, false), keys.len())
    }
}
