//! Which migrations make which table, so that two components that claim the same one are reported.

use std::collections::BTreeMap;

use crate::migration::set::Migration;
use crate::report::error::{Error, invalid};
use crate::sqlite::sql::statement::Action;
use crate::sqlite::sql::token::Tokens;

/// The tables that a list of migrations leaves behind, by their names in small letters, and who
/// made or touched each last.
#[derive(Default)]
struct Claims<'m> {
    made: BTreeMap<String, &'m Migration>,
    /// Altered or dropped without having been made here.
    touched: BTreeMap<String, &'m Migration>,
}

impl<'m> Claims<'m> {
    fn of(migrations: &'m [Migration]) -> Claims<'m> {
        let mut claims = Claims::default();
        for migration in migrations {
            for statement in migration.up.statements() {
                claims.observe(migration, statement.action(), altered(statement.text));
            }
        }
        claims
    }

    fn observe(&mut self, migration: &'m Migration, action: Action, altered: Option<String>) {
        match action {
            Action::CreateTable(name) => {
                self.made.insert(name.to_lowercase(), migration);
            }
            Action::DropTable(name) => {
                self.take(&name, migration);
            }
            Action::RenameTable { from, to } if self.take(&from, migration) => {
                self.made.insert(to.to_lowercase(), migration);
            }
            _ => {
                if let Some(table) = altered.filter(|table| !self.made.contains_key(table)) {
                    self.touched.insert(table, migration);
                }
            }
        }
    }

    /// The table is gone under this name. False where it was not made here.
    fn take(&mut self, table: &str, migration: &'m Migration) -> bool {
        let table = table.to_lowercase();
        let made_here = self.made.remove(&table).is_some();
        if !made_here {
            self.touched.insert(table, migration);
        }
        made_here
    }
}

/// The tables that migrations leave behind.
pub(crate) fn made(migrations: &[Migration]) -> Vec<String> {
    Claims::of(migrations).made.into_keys().collect()
}

/// The table that ALTER TABLE alters, in small letters.
fn altered(sql: &str) -> Option<String> {
    let mut tokens = Tokens::new(sql);
    let words = [tokens.next()?.word(), tokens.next()?.word()];
    if words != ["ALTER", "TABLE"] {
        return None;
    }
    let first = tokens.next()?;
    let table = match tokens.next() {
        Some(point) if point.text == "." => tokens.next()?,
        _ => first,
    };
    Some(table.name().to_lowercase())
}

/// Refuses two lists of migrations that claim one table.
///
/// # Errors
/// `InvalidMigration`, naming the table and both files.
pub(crate) fn refuse_twins(lists: &[&[Migration]]) -> Result<(), Error> {
    let claims: Vec<Claims<'_>> = lists.iter().map(|list| Claims::of(list)).collect();
    for (index, one) in claims.iter().enumerate() {
        for (table, maker) in &one.made {
            for (_, other) in claims.iter().enumerate().filter(|(at, _)| *at != index) {
                if let Some(second) = other.made.get(table) {
                    return Err(clash(table, second, "made", maker));
                }
                if let Some(second) = other.touched.get(table) {
                    return Err(clash(table, second, "changed", maker));
                }
            }
        }
    }
    Ok(())
}

/// Refuses a history table of a component that a list of migrations makes or changes: its rows
/// are somebody's data.
///
/// # Errors
/// `InvalidMigration`, naming the table and the file.
pub(crate) fn refuse_histories<'t>(
    lists: &[&[Migration]],
    mut histories: impl Iterator<Item = &'t str>,
) -> Result<(), Error> {
    let claims: Vec<Claims<'_>> = lists.iter().map(|list| Claims::of(list)).collect();
    let clash = histories.find_map(|table| {
        let name = table.to_lowercase();
        let mut of_each = claims.iter();
        let maker = of_each.find_map(|one| one.made.get(&name).or(one.touched.get(&name)))?;
        Some((table, maker))
    });
    match clash {
        None => Ok(()),
        Some((table, maker)) => Err(invalid(format!(
            "the table `{table}` is a table of {}, and a component has it for its history",
            maker.label()
        ))
        .in_migration(&maker.label())
        .with_help("give the component another history table")),
    }
}

fn clash(table: &str, second: &Migration, what: &str, maker: &Migration) -> Error {
    invalid(format!(
        "the table `{table}` is made by {}, and {what} by {} too",
        maker.label(),
        second.label()
    ))
    .in_migration(&second.label())
    .with_help("a table belongs to one component; give one of the two another name, or change it in the component that made it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::files::pair_up::assemble;
    use crate::sqlite::sql::script::Script;

    fn list(sql: &'static str) -> Vec<Migration> {
        assemble(vec![Script::new("V1__a.sql", sql)]).unwrap()
    }

    #[test]
    fn a_table_has_one_owner_whatever_it_was_called_on_the_way() {
        let clash = |one, other| refuse_twins(&[&list(one), &list(other)]).is_err();
        for (one, other, expected) in [
            ("CREATE TABLE a (x)", "CREATE TABLE b (x)", false),
            ("CREATE TABLE a (x)", "CREATE TABLE A (x)", true),
            ("CREATE TABLE a (x)", "ALTER TABLE a RENAME TO b", true),
            ("CREATE TABLE a (x)", "ALTER TABLE a DROP COLUMN x", true),
            ("CREATE TABLE a (x)", "DROP TABLE a", true),
            (
                "CREATE TABLE a (x)",
                "ALTER TABLE main.\"A\" ADD COLUMN y",
                true,
            ),
            // The new table of a rebuild is often called the same.
            (
                "CREATE TABLE a (x); CREATE TABLE new (x); DROP TABLE a; ALTER TABLE new RENAME TO a",
                "CREATE TABLE b (x); CREATE TABLE new (x); DROP TABLE b; ALTER TABLE new RENAME TO b",
                false,
            ),
            (
                "CREATE TABLE a (x); DROP TABLE a",
                "CREATE TABLE a (x)",
                false,
            ),
            ("CREATE TABLE a (x)", "SELECT * FROM a", false),
        ] {
            assert_eq!(clash(one, other), expected, "{one} / {other}");
            assert_eq!(clash(other, one), expected, "{other} / {one}");
        }
    }
}
