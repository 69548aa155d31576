//! The files of a folder, put together as migrations; and what among them is refused.

use crate::migration::files::layout::Layout;
use crate::migration::files::name::{FileName, Parsed, parse};
use crate::migration::label::label;
use crate::migration::set::{IN_RUST, Migration, says_irreversible};
use crate::report::error::{Error, invalid};
use crate::report::remedy::Remedy;
use crate::sqlite::sql::script::Script;

/// Puts the files of a folder together as migrations, in the order of their versions.
///
/// What is not a migration is left out; what looks like one and is none is an error.
///
/// # Errors
/// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration), naming the file.
pub(crate) fn assemble(files: Vec<Script>) -> Result<Vec<Migration>, Error> {
    let (migrations, refused) = sort_out(files);
    match refused.into_iter().next() {
        None => Ok(migrations),
        Some((_, error)) => Err(error),
    }
}

/// A file that looks like a migration and is none, and the reason.
pub(crate) type Refused = (String, Error);

/// The migrations among the files of a folder, in the order of their versions, and the files
/// that look like one and are none.
pub(crate) fn sort_out(files: Vec<Script>) -> (Vec<Migration>, Vec<Refused>) {
    let mut migrations: Vec<Migration> = Vec::with_capacity(files.len());
    let mut downs: Vec<(i64, String, Script)> = Vec::new();
    let mut refused = Vec::new();
    for script in files {
        match parse(script.name()) {
            Ok(FileName::Other) => {}
            Ok(FileName::Up(parsed)) => {
                let (replaces, any_order) = (script.replaces(), parsed.any_order);
                let (version, name) = (parsed.version, parsed.name.to_owned());
                migrations.push(Migration {
                    name,
                    replaces,
                    any_order,
                    ..Migration::new(version, "", script)
                });
            }
            Ok(FileName::Rust(parsed)) => {
                let up = Script::new(script.file().to_owned(), IN_RUST);
                let in_rust = true;
                migrations.push(Migration {
                    in_rust,
                    ..migration_of(parsed, up)
                });
            }
            Ok(FileName::Down(Parsed { version, name, .. })) => {
                let name = name.to_owned();
                downs.push((version, name, script));
            }
            Err(reason) => refused.push((
                script.file().to_owned(),
                invalid(format!("{}: {reason}", script.file()))
                    .with_help(help_with_name(script.name())),
            )),
        }
    }
    // A squashed one behind what it replaces.
    let order = |migration: &Migration| (migration.version, migration.replaces.len());
    if !migrations.is_sorted_by_key(order) {
        migrations.sort_by_key(order);
    }
    refused.extend(refuse_squashed(&mut migrations));
    let mut second_ones = Vec::new();
    migrations.dedup_by(|second, first| {
        let twins = first.version == second.version && !second.stands_for(first);
        if twins {
            second_ones.push((second.version, second.name.clone()));
            let error = invalid(format!(
                "{} and {} have the same version",
                first.up.file(),
                second.up.file()
            ))
            .with_help("give one of them another version");
            refused.push((second.up.file().to_owned(), error));
        }
        twins
    });
    for (version, name, script) in downs {
        let first = migrations.partition_point(|migration| migration.version < version);
        let mut same = migrations[first..]
            .iter_mut()
            .take_while(|migration| migration.version == version);
        match same.find(|migration| migration.name == name) {
            // Its migration was refused already.
            None if second_ones.contains(&(version, name.clone())) => {}
            None => {
                let error = invalid(format!(
                    "{} is the down migration of a migration that does not exist",
                    script.file()
                ))
                .with_help(format!(
                    "add {}.sql beside it, or remove it",
                    label(version, &name)
                ));
                refused.push((script.file().to_owned(), error));
            }
            // A template nobody filled in is not a down migration, unless there is nothing to take back.
            Some(migration) if script.is_empty() && !migration.up.is_empty() => {
                migration.irreversible = says_irreversible(&script);
            }
            Some(migration) => migration.down = Some(script),
        }
    }
    (migrations, refused)
}

/// Takes out the squashed migrations that cannot be what they say, and what is older than a
/// squashed one and not in it: a new database would never come by it.
fn refuse_squashed(migrations: &mut Vec<Migration>) -> Vec<Refused> {
    let mut refused = Vec::new();
    migrations.retain(|migration| match migration.is_squashed_rightly() {
        true => true,
        false => {
            let error = invalid(format!(
                "{} does not replace migrations up to its own version, in their order",
                migration.up.file()
            ))
            .with_help("write it by squashing, and leave its first lines as they are")
            .with_remedy(Remedy::Squash);
            refused.push((migration.up.file().to_owned(), error));
            false
        }
    });
    let Some(index) = migrations.iter().rposition(Migration::is_squashed) else {
        return refused;
    };
    let mut newer = migrations.split_off(index);
    let squashed = &newer[0];
    migrations.retain(|migration| {
        // One of the same version is reported as a duplicate.
        let twin = migration.version == squashed.version && !migration.is_squashed();
        let stays = twin || squashed.stands_for(migration);
        if !stays {
            let error = invalid(format!(
                "{} is older than {}, which does not hold it",
                migration.up.file(),
                squashed.label()
            ))
            .with_help("give it a newer version, or squash again without the squashed file");
            refused.push((migration.up.file().to_owned(), error));
        }
        stays
    });
    migrations.append(&mut newer);
    refused
}

fn help_with_name(name: &str) -> &'static str {
    let of_another_tool = Layout::Sqlx.name_of(name).is_ok_and(|ours| ours != name)
        || matches!(name, "up.sql" | "down.sql");
    match of_another_tool {
        true => {
            "if the folder is laid out as sqlx's or diesel's, say so with the setting `layout` or `Source::layout`; else rename it like V1__create_notes.sql, or move it out of the folder"
        }
        false => "rename it like V1__create_notes.sql, or move it out of the folder",
    }
}

fn migration_of(file: Parsed<'_>, up: Script) -> Migration {
    Migration {
        any_order: file.any_order,
        ..Migration::new(file.version, file.name, up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_contradiction_is_refused_by_name() {
        let files = |names: &[&str]| {
            assemble(
                names
                    .iter()
                    .map(|n| Script::new(n.to_string(), "SELECT 1"))
                    .collect(),
            )
        };
        let message = |names: &[&str]| files(names).unwrap_err().to_string();
        assert_eq!(
            files(&["V2__b.sql", "V1__a.sql", "V1__a.down.sql", "notes.txt"])
                .unwrap()
                .len(),
            2
        );
        let twins = message(&["V1__a.sql", "V01__b.sql"]);
        assert!(
            twins.contains("V1__a.sql") && twins.contains("V01__b.sql"),
            "{twins}"
        );
        assert!(message(&["V1__a.sql", "V1__b.down.sql"]).contains("V1__b.down.sql"));
        assert!(message(&["V1__a.sql", "oops.sql"]).contains("oops.sql"));
    }

    #[test]
    fn a_template_nobody_filled_in_is_no_way_back() {
        let made = assemble(vec![
            Script::new("V1__a.sql", "SELECT 1"),
            Script::new("V1__a.down.sql", "-- write it here\n"),
        ]);
        assert_eq!(made.unwrap()[0].down, None);
    }
}
