//! Foreign keys, followed both ways.

use heirloom::for_the_command::quote;
use heirloom::rusqlite::{Connection, Result, params_from_iter};

use crate::studio::read::table::{self, Kind, Table};
use crate::studio::read::value::Stored;

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The table that refers, and its columns.
    pub(crate) from: String,
    pub(crate) columns: Vec<String>,
    /// The table that is referred to, and its columns in the same order.
    pub(crate) to: String,
    pub(crate) targets: Vec<String>,
    /// What becomes of a row when the one that it refers to is deleted.
    pub(crate) on_delete: String,
}

/// What a table refers to.
pub(crate) fn of(connection: &Connection, table: &str) -> Result<Vec<Link>> {
    let sql = "SELECT id, \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([table])?;
    let mut links: Vec<(i64, Link)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, to): (i64, String) = (row.get(0)?, row.get(1)?);
        let (column, target): (String, Option<String>) = (row.get(2)?, row.get(3)?);
        if links.last().is_none_or(|(last, _)| *last != id) {
            let link = Link {
                from: table.to_owned(),
                columns: Vec::new(),
                to,
                targets: Vec::new(),
                on_delete: row.get(4)?,
            };
            links.push((id, link));
        }
        if let Some((_, link)) = links.last_mut() {
            link.columns.push(column);
            link.targets.extend(target);
        }
    }
    let mut links: Vec<Link> = links.into_iter().map(|(_, link)| link).collect();
    // Without columns the primary key is meant.
    for link in &mut links {
        if let Some(target) = Table::unless_a_view(connection, &link.to)? {
            link.to.clone_from(&target.name);
            if link.targets.len() < link.columns.len() {
                let mut keys: Vec<_> = target.columns.iter().filter(|c| c.key.is_some()).collect();
                keys.sort_by_key(|column| column.key);
                link.targets = keys.iter().map(|column| column.name.clone()).collect();
            }
        }
    }
    links.retain(|link| link.targets.len() == link.columns.len());
    Ok(links)
}

/// What refers to a table.
pub(crate) fn to(connection: &Connection, table: &str) -> Result<Vec<Link>> {
    let mut found = Vec::new();
    for other in table::all(connection)? {
        if other.kind == Kind::Table {
            let links = of(connection, &other.name)?;
            found.extend(
                links
                    .into_iter()
                    .filter(|link| link.to.eq_ignore_ascii_case(table)),
            );
        }
    }
    Ok(found)
}

/// How many rows refer to one with these values, up to a limit.
pub(crate) fn count(
    connection: &Connection,
    link: &Link,
    values: &[Stored],
    most: u64,
) -> Result<u64> {
    let conditions: Vec<String> = link
        .columns
        .iter()
        .map(|column| format!("{} = ?", quote(column)))
        .collect();
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM main.{} WHERE {} LIMIT {most})",
        quote(&link.from),
        conditions.join(" AND ")
    );
    connection.query_row(&sql, params_from_iter(values), |row| {
        row.get(0).map(i64::unsigned_abs)
    })
}
