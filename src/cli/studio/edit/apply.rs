//! The list done in one transaction. A row that is not as it was when it was looked at stops all of
//! it: a change that changes nothing, or another row, must never pass for one.

use heirloom::HookError;
use heirloom::for_the_command::quote;
use heirloom::rusqlite::{Connection, params_from_iter};

use crate::studio::edit::list::{Edit, What};
use crate::studio::read::table::Table;
use crate::studio::read::value::Stored;

/// Does every edit, in order.
pub(crate) fn apply(connection: &Connection, edits: &[Edit]) -> Result<usize, HookError> {
    for (at, edit) in edits.iter().enumerate() {
        one(connection, edit)
            .map_err(|error| format!("edit {} ({}): {error}", at + 1, edit.table))?;
    }
    Ok(edits.len())
}

/// A value is the one that was seen, of the type that it had: to SQLite, 1 is 1.0.
fn as_seen(conditions: &mut Vec<String>, bound: &mut Vec<Stored>, column: &str, value: &Stored) {
    let column = quote(column);
    conditions.push(format!(
        "{column} IS ? AND typeof({column}) = '{}'",
        value.kind()
    ));
    bound.push(value.clone());
}

fn one(connection: &Connection, edit: &Edit) -> Result<(), HookError> {
    let table = Table::find(connection, &edit.table)?.ok_or("the table is gone")?;
    let name = quote(&table.name);
    let keys = table.identity_sql();
    if matches!(edit.what, What::Update(_) | What::Delete(_)) && keys.len() != edit.key.len() {
        return Err("the table has another key now".into());
    }
    let mut bound = Vec::new();
    let mut conditions: Vec<String> = keys.iter().map(|key| format!("{key} IS ?")).collect();
    let sql = match &edit.what {
        What::Insert(values) => {
            let columns: Vec<String> = values.iter().map(|(column, _)| quote(column)).collect();
            bound.extend(values.iter().map(|(_, value)| value.clone()));
            match columns.is_empty() {
                true => format!("INSERT INTO main.{name} DEFAULT VALUES"),
                false => format!(
                    "INSERT INTO main.{name} ({}) VALUES ({})",
                    columns.join(", "),
                    vec!["?"; columns.len()].join(", ")
                ),
            }
        }
        What::Update(changes) => {
            let mut set = Vec::new();
            for (column, _, new) in changes {
                set.push(format!("{} = ?", quote(column)));
                bound.push(new.clone());
            }
            bound.extend(edit.key.iter().cloned());
            for (column, old, _) in changes {
                as_seen(&mut conditions, &mut bound, column, old);
            }
            let (set, conditions) = (set.join(", "), conditions.join(" AND "));
            format!("UPDATE main.{name} SET {set} WHERE {conditions}")
        }
        What::Delete(seen) => {
            bound.extend(edit.key.iter().cloned());
            for (column, old) in seen {
                as_seen(&mut conditions, &mut bound, column, old);
            }
            format!("DELETE FROM main.{name} WHERE {}", conditions.join(" AND "))
        }
    };
    match connection.execute(&sql, params_from_iter(&bound))? {
        1 => Ok(()),
        0 => Err("the row is not there, or has other values than when it was looked at; look at it again".into()),
        many => Err(format!("it would change {many} rows").into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 1, 'x'), (2, 1.0, NULL);
            CREATE TABLE w (a, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO w VALUES (1, 'k', 'same'), (2, 'k', 'same')";
        connection.execute_batch(sql).unwrap();
        connection
    }

    fn edit<const N: usize>(table: &str, key: [&Stored; N], what: What) -> Edit {
        Edit {
            table: table.into(),
            key: key.into_iter().cloned().collect(),
            what,
        }
    }

    #[test]
    fn a_value_of_another_type_is_another_value() {
        let connection = database();
        let (one, two) = (Stored::Integer(1), Stored::Integer(2));
        let change =
            |old: Stored| What::Update(vec![("a".into(), old, Stored::Text("new".into()))]);
        assert!(apply(&connection, &[edit("t", [&two], change(one.clone()))]).is_err());
        assert!(apply(&connection, &[edit("t", [&one], change(Stored::Real(1.0)))]).is_err());
        assert_eq!(
            apply(&connection, &[edit("t", [&one], change(one.clone()))]).unwrap(),
            1
        );
        let now: String = connection
            .query_row(
                "SELECT group_concat(id || typeof(a) || a) FROM t",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(now, "1textnew,2real1.0");
        assert!(apply(&connection, &[edit("t", [&two], change(Stored::Null))]).is_err());
    }

    #[test]
    fn a_row_without_a_rowid_is_found_by_its_whole_key() {
        let connection = database();
        let (first, second) = (Stored::Integer(2), Stored::Text("k".into()));
        let key = [&first, &second];
        let change = What::Update(vec![(
            "c".into(),
            Stored::Text("same".into()),
            Stored::Null,
        )]);
        apply(&connection, &[edit("w", key, change)]).unwrap();
        let now: String = connection
            .query_row(
                "SELECT group_concat(a || ifnull(c, '-')) FROM w",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(now, "1same,2-");
        let gone = What::Delete(vec![("c".into(), Stored::Null)]);
        apply(&connection, &[edit("w", key, gone.clone())]).unwrap();
        assert!(apply(&connection, &[edit("w", key, gone)]).is_err());
    }
}
