//! A migration in one direction, ready to be carried out.

use crate::migration::directive::Directive;
use crate::migration::files::sections;
use crate::migration::label::label_in;
use crate::migration::set::Migration;
use crate::report::error::{Error, invalid};
use crate::report::estimate::Estimate;
use crate::report::loss::Loss;
use crate::report::plan::Step;
use crate::report::remedy::Remedy;
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::table_tracker::Effects;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, CHECKS, Statement};
use crate::sqlite::sql::token::{Token, Tokens};

/// How a task is done, and what is written of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// Statements, and a row in the history that comes or goes.
    Sql,
    /// A function of the app's, and a row in the history that comes or goes. The script says no
    /// more than that.
    Rust,
    /// A row in the history and nothing else: what it stands for is there already.
    MarkOnly,
    /// Statements, and a note of the file among the seeds.
    Seed,
    /// Statements, and nothing written of them.
    #[cfg(feature = "devtools")]
    Unrecorded,
}

impl StepKind {
    /// Whether the history has a row of it.
    pub(crate) fn is_in_history(self) -> bool {
        matches!(self, StepKind::Sql | StepKind::Rust | StepKind::MarkOnly)
    }
}

/// One migration to carry out, in one direction.
#[derive(Debug, Clone)]
pub(crate) struct MigrationStep {
    pub(crate) version: i64,
    pub(crate) name: String,
    /// What is run.
    pub(crate) script: Script,
    /// The down migration, kept in the database when the up migration is run.
    pub(crate) down: Option<Script>,
    pub(crate) consents: bool,
    pub(crate) no_transaction: bool,
    /// Whether it runs with foreign keys enforced, which a transaction keeps from being switched
    /// on: so in one of its own.
    pub(crate) enforces: bool,
    pub(crate) kind: StepKind,
    /// The component whose it is, none for the app's own.
    pub(crate) component: Option<String>,
}

impl MigrationStep {
    /// The up migration.
    ///
    /// # Errors
    /// `InvalidMigration`, for what can be said of a file without a database.
    pub(crate) fn up(migration: &Migration) -> Result<MigrationStep, Error> {
        let task = match migration.in_rust {
            true => MigrationStep::in_rust(migration, false),
            false => MigrationStep::down(migration.version, &migration.name, migration.up.clone())?,
        };
        Ok(MigrationStep {
            component: migration.component.clone(),
            down: migration.down.clone(),
            ..task
        })
    }

    /// What a function does, there or back.
    pub(crate) fn in_rust(migration: &Migration, consents: bool) -> MigrationStep {
        MigrationStep {
            version: migration.version,
            name: migration.name.clone(),
            script: migration.up.clone(),
            down: None,
            consents,
            no_transaction: false,
            enforces: false,
            kind: StepKind::Rust,
            component: migration.component.clone(),
        }
    }

    /// The down migration, by a script whose own directives count.
    ///
    /// # Errors
    /// As [`MigrationStep::up`].
    pub(crate) fn down(version: i64, name: &str, script: Script) -> Result<MigrationStep, Error> {
        MigrationStep::read(version, name, script, StepKind::Sql)
    }

    /// What is in no history, by the name that messages have for it.
    ///
    /// # Errors
    /// As [`MigrationStep::up`].
    #[cfg(feature = "devtools")]
    pub(crate) fn apart(
        kind: StepKind,
        name: &str,
        script: Script,
    ) -> Result<MigrationStep, Error> {
        MigrationStep::read(0, name, script, kind)
    }

    fn read(
        version: i64,
        name: &str,
        script: Script,
        kind: StepKind,
    ) -> Result<MigrationStep, Error> {
        let mut task = MigrationStep {
            version,
            name: name.to_owned(),
            script,
            down: None,
            consents: false,
            no_transaction: false,
            enforces: false,
            kind,
            component: None,
        };
        let directives = task
            .check()
            .map_err(|error| match task.script.help() {
                Some(help) => error.with_help(help),
                None => error,
            })
            .map_err(|error| error.in_migration(&task.label()))?;
        task.consents = directives.contains(&Directive::AllowDestructive);
        task.enforces = directives.contains(&Directive::EnforceForeignKeys);
        task.no_transaction = directives.contains(&Directive::NoTransaction);
        Ok(task)
    }

    /// What the file says of itself, where nothing in it is to be refused.
    fn check(&self) -> Result<Vec<Directive>, Error> {
        let script = &self.script;
        check_text(script)?;
        let directives = script
            .directives()
            .map_err(|(offset, sentence)| invalid(sentence).at(script.location(offset, true)))?;
        if directives.iter().any(is_of_a_backfill) {
            let (what, among) = match self.kind {
                StepKind::Seed => ("seed file", "seeds"),
                _ => ("migration", "migrations"),
            };
            let sentence = format!("{} is a backfill, and no {what}", script.file());
            return Err(invalid(sentence)
                .with_help(format!(
                    "move it out of the {among}, and run it after them as a backfill"
                ))
                .with_remedy(Remedy::Backfill { again: false }));
        }
        check_statements(
            script,
            directives.contains(&Directive::NoTransaction),
            self.kind,
        )?;
        if directives.contains(&Directive::EnforceForeignKeys) {
            refuse_rebuilds(script)?;
        }
        Ok(directives)
    }

    /// The task as a plan shows it.
    pub(crate) fn step(
        &self,
        losses: Vec<Loss>,
        effects: &Effects,
        estimate: Option<Estimate>,
        notes: Vec<String>,
    ) -> Step {
        Step {
            component: self.component.clone(),
            version: self.version,
            name: self.name.clone(),
            file: self.script.file().to_owned(),
            sql: self.script.text().to_owned(),
            losses,
            rebuilds: effects.rebuilt_names(),
            estimate,
            consents: self.consents,
            no_transaction: self.no_transaction,
            notes,
        }
    }

    /// Whether one transaction cannot protect it, and a marker in the database does.
    pub(crate) fn is_apart(&self) -> bool {
        self.no_transaction || self.enforces
    }

    pub(crate) fn label(&self) -> String {
        match self.kind.is_in_history() {
            true => label_in(self.component.as_deref(), self.version, &self.name),
            false => self.name.clone(),
        }
    }
}

fn is_of_a_backfill(directive: &Directive) -> bool {
    matches!(directive, Directive::Backfill(_) | Directive::Batch(_))
}

pub(crate) fn check_text(script: &Script) -> Result<(), Error> {
    if let Some((offset, tool)) = sections::first(script) {
        return Err(invalid(format!(
            "{} has comments that tell {tool} the up from the down migration, and without {tool} both would run",
            script.file()
        ))
        .at(script.location(offset, true))
        .with_help(sections::help(tool)));
    }
    match script.text().find('\0') {
        None => Ok(()),
        Some(offset) => Err(invalid(format!(
            "{} holds a NUL character, at which SQLite would stop reading",
            script.file()
        ))
        .at(script.location(offset, true))),
    }
}

/// What can be refused from a script's tokens alone, before anything is opened: an empty
/// file, transaction control inside the run's transaction, other databases.
fn check_statements(script: &Script, no_transaction: bool, kind: StepKind) -> Result<(), Error> {
    // Seeds go into one transaction, whatever they say.
    let outside = |help| match kind {
        StepKind::Seed => "remove it: the seed files are run in one transaction",
        _ => help,
    };
    let refuse = |offset, sentence: String, help: &str| {
        Err(invalid(sentence)
            .at(script.location(offset, true))
            .with_help(help))
    };
    // A migration may do nothing (the half of a platform that needs none, what was squashed
    // away), and once it is released it stays as it is. A seed file is there to fill something.
    // One with nothing in it at all may have been cut off.
    let nothing = script.text().trim().is_empty();
    if script.is_empty() && (kind == StepKind::Seed || nothing || is_template(script)) {
        return Err(invalid(format!("{} has no statement", script.file()))
            .with_help("write the statements into it, or remove the file"));
    }
    let (statements, own) = (script.statements(), OwnTables::with([]));
    for (index, statement) in statements.iter().enumerate() {
        if let Some(name) = own_table_touched_by(statement, &own) {
            return Err(refused_own_table(script, statement, &name));
        }
        match statement.action() {
            // No run sees which rows went.
            Action::Delete { .. } if statement.writes_to_schema_table() => {
                return refuse(
                    statement.start,
                    "deleting from SQLite's schema table would lose tables with their rows unseen"
                        .into(),
                    "write DROP TABLE, DROP VIEW, DROP INDEX or DROP TRIGGER",
                );
            }
            Action::Transaction(word) if !no_transaction => {
                return refuse(
                    statement.start,
                    format!("{word} would escape the transaction of the run"),
                    outside(
                        "remove it: a run is one transaction already; or put `-- heirloom: no-transaction` at the top of the file",
                    ),
                );
            }
            Action::Vacuum if !no_transaction => {
                return refuse(
                    statement.start,
                    "VACUUM cannot run inside a transaction".into(),
                    outside("put `-- heirloom: no-transaction` at the top of the file"),
                );
            }
            Action::Pragma(name) => {
                let refused = useless(&name, &statements[index..], no_transaction);
                if let Some((sentence, help)) = refused {
                    return refuse(statement.start, sentence, outside(help));
                }
            }
            Action::Attach(word) => {
                return refuse(
                    statement.start,
                    format!("{word} reaches for another database, which no backup protects"),
                    "migrate each database by itself",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where foreign keys are enforced, a table that is dropped takes the rows along that refer to it
/// (<https://sqlite.org/foreignkeys.html#fk_schemacommands>).
fn refuse_rebuilds(script: &Script) -> Result<(), Error> {
    let statements = script.statements();
    let mut drops = statements.iter();
    match drops.find(|statement| matches!(statement.action(), Action::DropTable(_))) {
        None => Ok(()),
        Some(statement) => Err(invalid(
            "DROP TABLE would delete the rows that refer to the table, where foreign keys are enforced".into(),
        )
        .at(script.location(statement.start, true))
        .with_help("drop it in a file of its own, without `-- heirloom: enforce-foreign-keys`")),
    }
}

/// How the only line of a new migration ends, in which nobody wrote anything yet.
pub(crate) const TEMPLATE: &str = ": the up migration.";

fn is_template(script: &Script) -> bool {
    let text = script.text().trim();
    text.starts_with("-- ") && text.ends_with(TEMPLATE) && text.lines().count() == 1
}

/// The table of ours that a statement makes, changes or writes to: a file that takes one of these
/// names, or alters what is kept there, would keep the next start from going on.
pub(crate) fn own_table_touched_by(
    statement: &Statement<'_>,
    own: &OwnTables<'_>,
) -> Option<String> {
    // What generated migrations check rows with is temporary, and gone when they end.
    let head = Tokens::new(statement.text).take_while(|token| token.text != "(");
    let head: Vec<String> = head
        .map(|token| token.name().to_ascii_lowercase())
        .collect();
    let is_temporary = matches!(head.get(1).map(String::as_str), Some("temp" | "temporary"))
        || head.windows(2).any(|pair| pair == ["temp", "."]);
    // What a trigger writes is written by a statement that names nothing of ours.
    let is_trigger = head.first().is_some_and(|word| word == "create")
        && head.iter().take(3).any(|word| word == "trigger");
    if is_trigger && let Some(name) = written_by_a_trigger(statement, own) {
        return Some(name);
    }
    if is_temporary {
        return None;
    }
    let touched = [statement.shapes(), statement.writes_to()];
    touched.into_iter().flatten().find(|name| own.hold(name))
}

/// The table of ours that a trigger inserts into, updates or deletes from.
fn written_by_a_trigger(statement: &Statement<'_>, own: &OwnTables<'_>) -> Option<String> {
    let tokens: Vec<_> = Tokens::new(statement.text).collect();
    let word = |at: usize| tokens.get(at).map(Token::word).unwrap_or_default();
    (1..tokens.len()).find_map(|at| {
        let is_written = match word(at - 1).as_str() {
            "INTO" | "UPDATE" => true,
            "FROM" => at > 1 && word(at - 2) == "DELETE",
            // UPDATE OR ABORT.
            _ => at > 2 && word(at - 2) == "OR" && word(at - 3) == "UPDATE",
        };
        let name = tokens[at].name();
        (is_written && own.hold(&name)).then(|| name.into_owned())
    })
}

/// Refuses a migration that touches a history, or that makes a table with the name that generated
/// migrations give to a temporary one: that would hide it. An app that had one before it came here
/// has it in its first migration, and keeps it.
pub(crate) fn refuse_names_of_ours(
    migration: &Migration,
    first: Option<&Migration>,
    own: &OwnTables<'_>,
) -> Result<(), Error> {
    let makes_checks = |statement: &Statement<'_>| match statement.action() {
        Action::CreateTable(name) | Action::RenameTable { to: name, .. } => {
            same_name(&name, CHECKS)
        }
        _ => false,
    };
    let had_checks = || {
        let first = first.map(|first| first.up.statements());
        first
            .into_iter()
            .flatten()
            .any(|statement| makes_checks(&statement))
    };
    for statement in migration.up.statements() {
        let name = match own_table_touched_by(&statement, own) {
            // It is there, and nothing happens.
            Some(_) if statement.makes_only_what_is_not_there() => None,
            None if makes_checks(&statement) && !had_checks() => Some(CHECKS.to_owned()),
            touched => touched,
        };
        if let Some(name) = name {
            let refused = refused_own_table(&migration.up, &statement, &name);
            return Err(refused.in_migration(&migration.label()));
        }
    }
    Ok(())
}

/// What is refused because of [`own_table_touched_by`].
pub(crate) fn refused_own_table(script: &Script, statement: &Statement<'_>, name: &str) -> Error {
    invalid(format!(
        "`{name}` is the name of a table that heirloom keeps in the database"
    ))
    .at(script.location(statement.start, true))
    .with_statement(statement.text)
    .with_help("give what is the app's another name; what heirloom keeps there is not for migrations to change")
}

/// Without effect inside a transaction, or an error there (<https://sqlite.org/pragma.html>).
///
/// `foreign_keys` is not among them: a file that switches it off wants what a run does in
/// any case.
const PRAGMAS_OUTSIDE: &[&str] = &["journal_mode", "synchronous"];

/// Why a PRAGMA would do nothing, and what to write instead. `rest` is the statement and those
/// behind it. A question does no harm.
fn useless(
    name: &str,
    rest: &[Statement<'_>],
    no_transaction: bool,
) -> Option<(String, &'static str)> {
    let in_a_transaction =
        || format!("PRAGMA {name} does nothing inside a transaction, and says nothing");
    let sets = rest.first().is_some_and(|statement| {
        let mut tokens = Tokens::new(statement.text);
        tokens.any(|token| matches!(token.text, "=" | "("))
    });
    let vacuum = || rest.iter().any(|later| later.action() == Action::Vacuum);
    match name {
        name if PRAGMAS_OUTSIDE.contains(&name) && !no_transaction => Some((
            in_a_transaction(),
            "remove it, or put `-- heirloom: no-transaction` at the top of the file",
        )),
        "wal_checkpoint" if !no_transaction => Some((
            "PRAGMA wal_checkpoint cannot run inside a transaction: it would wait for the lock of the run itself".into(),
            "remove it, or put it into a file of its own with `-- heirloom: no-transaction` at its top",
        )),
        "encoding" if sets => Some((
            "PRAGMA encoding does nothing in a database that is there already, and says nothing".into(),
            "remove it; the encoding is chosen when the file is made, in the connection set-up",
        )),
        "auto_vacuum" | "page_size" if sets && !no_transaction => Some((
            in_a_transaction(),
            "put `-- heirloom: no-transaction` at the top of a file of its own, and `VACUUM;` below the PRAGMA",
        )),
        "auto_vacuum" | "page_size" if sets && !vacuum() => Some((
            format!("PRAGMA {name} does nothing without a VACUUM after it, and says nothing"),
            "put `VACUUM;` below it",
        )),
        _ => None,
    }
}

/// Refuses what a write-ahead log keeps from doing anything, VACUUM or not: the size of the pages
/// (<https://sqlite.org/pragma.html#pragma_page_size>).
pub(crate) fn refuse_in_wal_mode(script: &Script, journal_mode: &str) -> Result<(), Error> {
    let mut is_wal = journal_mode.eq_ignore_ascii_case("wal");
    for statement in script.statements() {
        let Action::Pragma(name) = statement.action() else {
            continue;
        };
        let value = Tokens::new(statement.text)
            .skip_while(|token| !matches!(token.text, "=" | "("))
            .nth(1);
        match (name.as_str(), value) {
            ("journal_mode", Some(mode)) => {
                let mode = mode.name();
                is_wal = mode.trim_matches('\'').eq_ignore_ascii_case("wal");
            }
            ("page_size", Some(_)) if is_wal => {
                return Err(invalid(
                    "PRAGMA page_size does nothing in WAL mode, with VACUUM or without, and says nothing".into(),
                )
                .at(script.location(statement.start, true))
                .with_help("put `PRAGMA journal_mode = DELETE;` above it, and `PRAGMA journal_mode = WAL;` below the VACUUM"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_pages_is_refused_in_wal_mode_where_the_file_does_not_leave_it() {
        let refused =
            |sql: &'static str, mode| refuse_in_wal_mode(&Script::new("f.sql", sql), mode).is_err();
        let plain = "PRAGMA page_size = 8192; VACUUM;";
        assert!(refused(plain, "wal"));
        assert!(!refused(plain, "delete"));
        assert!(!refused(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 8192; VACUUM; PRAGMA journal_mode = WAL;",
            "wal"
        ));
        assert!(refused(
            "PRAGMA journal_mode('wal'); PRAGMA page_size(8192); VACUUM;",
            "delete"
        ));
        assert!(!refused("PRAGMA page_size;", "wal"));
    }

    #[test]
    fn what_would_leave_the_transaction_is_refused_with_its_line() {
        let line = |sql: &'static str, free| {
            check_statements(&Script::new("f.sql", sql), free, StepKind::Sql)
                .map_err(|error| error.location().map_or(0, |at| at.position.line))
        };
        assert_eq!(line("SELECT 1;\nCOMMIT;", false), Err(2));
        assert_eq!(line("SELECT 1;\n-- x\nVACUUM;", false), Err(3));
        assert_eq!(line("PRAGMA journal_mode=WAL;", false), Err(1));
        assert_eq!(line("PRAGMA foreign_keys=OFF;", false), Ok(()));
        for sql in [
            "PRAGMA auto_vacuum = 1;",
            "PRAGMA main.page_size(8192);",
            "PRAGMA encoding = 'UTF-16';",
            "PRAGMA wal_checkpoint;",
        ] {
            assert_eq!(line(sql, false), Err(1), "{sql}");
        }
        for sql in [
            "PRAGMA auto_vacuum = 1;",
            "PRAGMA page_size = 512;",
            "PRAGMA encoding = 'UTF-8';",
        ] {
            assert_eq!(line(sql, true), Err(1), "{sql}");
        }
        for sql in [
            "PRAGMA auto_vacuum = 1; VACUUM;",
            "PRAGMA page_size; PRAGMA encoding;",
            "PRAGMA wal_checkpoint(TRUNCATE);",
        ] {
            assert_eq!(line(sql, true), Ok(()), "{sql}");
        }
        assert_eq!(line("PRAGMA page_size; PRAGMA auto_vacuum;", false), Ok(()));
        assert_eq!(
            line(
                "BEGIN; SELECT 1; COMMIT; VACUUM; PRAGMA journal_mode=WAL;",
                true
            ),
            Ok(())
        );
        assert_eq!(line("ATTACH 'x' AS y;", true), Err(1));
        assert_eq!(line("-- only a comment\n;", false), Ok(()));
        assert_eq!(line("SELECT 'COMMIT'; SELECT \"begin\"", false), Ok(()));
    }
}
