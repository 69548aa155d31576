//! `push`: a database under development made as the schema file says, without migrations.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::devtools::alter::compose::composer::Composed;
use crate::devtools::generate::from_schema;
use crate::devtools::generate::generated::GenerateOptions;
use crate::migration::compare::newest;
use crate::migration::history::{marker, table};
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::settings::{Options, memory};
use crate::report::act::Act;
use crate::report::change::TableChange;
use crate::report::count::Counted;
use crate::report::error::{Error, ErrorKind};
use crate::report::outcome::{Pushed, Report};
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::engine::session::{Session, Stage};
use crate::run::migrate;
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::empty_copy::copy_schema;
use crate::sqlite::sql::script::Script;
use crate::sqlite::view;

/// What becomes of a database that has a history. After a push it would no longer say how the
/// schema came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnHistory {
    /// The push is refused.
    Refuse,
    /// The push is done, and the history says what is not so.
    MakeUntrue,
}

/// What changed, as part of the report.
fn pushed(composed: Composed) -> Pushed {
    let changes = composed.changes.into_iter().map(|change| TableChange {
        table: change.table,
        kind: change.kind,
        destroys: change.destroys,
        file: None,
    });
    Pushed {
        changes: changes.collect(),
        sql: composed.sql,
    }
}

/// Makes the schema of a database what the schema file says.
pub(crate) fn push(
    options: &Options<'_>,
    path: &Path,
    wishes: &GenerateOptions,
    on_history: OnHistory,
) -> Result<Report, Error> {
    let started = Instant::now();
    let work = Push::new(options, wishes, on_history)?;
    let target = open::resolve(path)?;
    match work.look(&target) {
        Ok(Some((version, composed))) if composed.sql.is_empty() => {
            return Ok(Report {
                pushed: Some(pushed(composed)),
                ..Report::new(Act::Push, target.path, version, started)
            });
        }
        Err(error) if !error.is_busy() => return Err(error),
        _ => {}
    }
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = work.carry_out(&mut session);
    session.conclude(outcome).map(|(_, report)| report)
}

/// What a push would do. Writes nothing, creates nothing.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    wishes: &GenerateOptions,
    on_history: OnHistory,
) -> Result<Plan, Error> {
    let work = Push::new(options, wishes, on_history)?;
    let target = open::resolve(path)?;
    let view = view::view_of(&target)?;
    options.set_up(&view.connection)?;
    let marker = marker::read_marker(&view.connection)?;
    let tasks = match &marker {
        // What is put back first is what must be compared.
        Some(_) => Vec::new(),
        None => work.tasks(&work.composed(&view.connection)?)?,
    };
    Ok(Plan {
        interrupted: marker.map(|marker| marker.started_at),
        ..migrate::plan_tasks(options, target.path, &view.connection, &tasks)?
    })
}

/// What is asked for.
struct Push<'p, 'o> {
    options: &'p Options<'o>,
    wishes: &'p GenerateOptions,
    on_history: OnHistory,
    script: Script,
}

impl<'p, 'o> Push<'p, 'o> {
    fn new(
        options: &'p Options<'o>,
        wishes: &'p GenerateOptions,
        on_history: OnHistory,
    ) -> Result<Push<'p, 'o>, Error> {
        options.check_history_table()?;
        if !options.components.is_empty() || options.component.is_some() {
            return Err(Error::usage("a database with components cannot be pushed to: the schema file does not speak of their tables", "write a migration instead")
            .with_remedy(Remedy::Generate));
        }
        Ok(Push {
            options,
            wishes,
            on_history,
            script: from_schema::schema_script(options)?,
        })
    }

    /// What is to be done, and the schema version. None where something that was interrupted
    /// must be put back first.
    fn look(&self, target: &Target) -> Result<Option<(Option<i64>, Composed)>, Error> {
        if Intent::path_for(&target.path).exists() {
            return Ok(None);
        }
        let view = view::view_of(target)?;
        self.options.set_up(&view.connection)?;
        if marker::read_marker(&view.connection)?.is_some() {
            return Ok(None);
        }
        let applied = table::read(&view.connection, &self.options.history_table)?;
        Ok(Some((newest(&applied), self.composed(&view.connection)?)))
    }

    /// Under the write lock: compares, acts, proves.
    fn carry_out(&self, session: &mut Session<'_, '_>) -> Result<Report, Error> {
        let applied = table::read(&session.connection, &self.options.history_table)?;
        let composed = self.composed(&session.connection)?;
        let mut report = Report {
            recovered: session.recovered.take(),
            ..Report::new(
                Act::Push,
                session.target.path.clone(),
                newest(&applied),
                session.started,
            )
        };
        let tasks = self.tasks(&composed)?;
        if !tasks.is_empty() {
            migrate::carry_out(session, &tasks, &mut report).map_err(|error| {
                match error.kind() {
                    ErrorKind::Destructive => error.with_other_help(
                        "allow it if that is intended",
                        vec![Remedy::AllowDestructive { file: None }],
                    ),
                    ErrorKind::MigrationFailed => error.with_help(
                        "correct the rows, or give the column `-- using: EXPR` in the schema file",
                    ),
                    _ => error,
                }
            })?;
            if !applied.is_empty() {
                report.notes.push(format!(
                    "the history of {} no longer says how the schema came about; a reset starts again from the migrations",
                    Counted(applied.len() as u64, "migration")
                ));
            }
        }
        report.pushed = Some(pushed(composed));
        Ok(report)
    }

    /// What leads from the database's own schema to that of the file.
    fn composed(&self, real: &Connection) -> Result<Composed, Error> {
        let present = memory(self.options)?;
        copy_schema(real, &present)?;
        let composed = from_schema::at_once(self.options, self.wishes, &present, &self.script);
        let applied = table::read(real, &self.options.history_table)?;
        let is_done = matches!(&composed, Ok(composed) if composed.sql.is_empty());
        if applied.is_empty() || is_done || self.on_history == OnHistory::MakeUntrue {
            return composed;
        }
        Err(Error::usage(format!(
                "{} applied to this database, and after a push its history would not say how its schema came about",
                match applied.len() {
                    1 => "a migration is".to_owned(),
                    many => format!("{} are", Counted(many as u64, "migration")),
                }
            ), "write a migration instead; or push anyway if the database can be thrown away")
        .with_remedy(Remedy::Generate)
        .with_remedy(Remedy::PushAnyway))
    }

    fn tasks(&self, composed: &Composed) -> Result<Vec<MigrationStep>, Error> {
        if composed.sql.is_empty() {
            return Ok(Vec::new());
        }
        let script = Script::new(
            format!("the way to {}", self.script.file()),
            composed.sql.clone(),
        );
        let name = Path::new(self.script.file()).file_name();
        let name = name.unwrap_or_default().to_string_lossy();
        let task = MigrationStep::apart(StepKind::Unrecorded, &name, script)?;
        Ok(vec![MigrationStep {
            consents: self.wishes.consents(),
            ..task
        }])
    }
}
