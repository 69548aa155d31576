//! A request as a value, and its answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use heirloom::inspect::StateRef;
use heirloom::{
    Backfill, BackupRef, Component, Database, Error, Layout, Migrator, RevertTo, Source, Tool,
    Verify,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::open_here::open_here;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Request {
    database: PathBuf,
    #[serde(default)]
    options: Options,
    call: Method,
}

/// The configuration of a `Migrator`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Options {
    migrations: Vec<(String, String)>,
    layout: Option<String>,
    components: Vec<ComponentOptions>,
    keep_last: Option<usize>,
    backups: Option<PathBuf>,
    history_table: Option<String>,
    /// In milliseconds.
    lock_timeout: Option<u64>,
    app_version: Option<String>,
    allow_destructive: bool,
    keep_interrupted: bool,
    without_migrating: bool,
    leave_out: Vec<String>,
    /// A tool by its name, or whichever it is.
    adopt_from: Option<Adopt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ComponentOptions {
    name: String,
    migrations: Vec<(String, String)>,
    layout: Option<String>,
    history_table: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Adopt {
    Tool(String),
    Any(bool),
}

#[derive(Deserialize)]
#[serde(
    tag = "method",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Method {
    Migrate {
        to: Option<i64>,
    },
    Plan {
        to: Option<i64>,
    },
    Rehearse {
        to: Option<i64>,
    },
    Status,
    Revert {
        to: RevertTo,
    },
    PlanRevert {
        to: RevertTo,
    },
    Backups {
        verify: Verify,
    },
    Snapshot {
        name: String,
        folders: Vec<PathBuf>,
    },
    Restore {
        backup: BackupRef,
        keep_newer: bool,
    },
    PlanRestore {
        backup: BackupRef,
    },
    DowngradeOptions,
    RevertToKnown,
    OpenAnyway,
    Reindex,
    Recover {
        into: PathBuf,
    },
    Inspect {
        table: Option<String>,
    },
    Stats,
    Doctor,
    Log,
    Compare {
        from: StateRef,
        to: StateRef,
    },
    CompareRows {
        from: StateRef,
        to: StateRef,
        table: String,
    },
    CompareSql {
        from: StateRef,
        to: StateRef,
    },
    Adopt {
        tool: Option<String>,
    },
    PlanAdopt {
        tool: Option<String>,
    },
    Baseline {
        version: i64,
    },
    PlanBaseline {
        version: i64,
    },
    Backfill {
        backfill: BackfillOptions,
    },
    PlanBackfill {
        backfill: BackfillOptions,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BackfillOptions {
    name: String,
    table: String,
    sql: String,
    batch: Option<u64>,
    #[serde(default)]
    again: bool,
}

/// A call of one database at a time: heirloom's own files are not another library's.
static BUSY: Mutex<BTreeMap<PathBuf, Arc<Mutex<()>>>> = Mutex::new(BTreeMap::new());

/// What JavaScript throws, where it did not come from heirloom itself.
pub(crate) fn usage(message: &str) -> Value {
    json!({
        "kind": "usage", "message": message, "help": "correct the call", "remedies": [],
        "database_unchanged": true, "data": "the database was not changed", "details": message,
        "interrupted": false, "migration": null, "file": null, "line": null, "column": null,
        "statement": null, "backup": null, "restored_from": null,
    })
}

fn opened_by_another(database: &Path, open: &Path) -> Value {
    let message = format!(
        "{} is open in this process through another library ({})",
        database.display(),
        open.display()
    );
    let help = "close it there first (`db.close()`, `dataSource.destroy()`) and open it again afterwards: two SQLite libraries in one process lose each other's locks, and with them data";
    let mut failure = usage(&message);
    failure["kind"] = json!("open-in-process");
    failure["help"] = json!(help);
    failure["details"] = json!(format!(
        "{message}\ndata: the database was not changed\nhelp: {help}"
    ));
    failure
}

fn failure(error: Error) -> Value {
    let mut failure = value(&error);
    failure["details"] = json!(format!("{error:#}"));
    failure["interrupted"] = json!(error.is_interrupted());
    failure
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| usage(&error.to_string()))
}

impl Request {
    /// Does what is asked. The error is a failure as JSON.
    pub(crate) fn answer(
        self,
        cancel: Arc<AtomicBool>,
        tell: impl Fn(String) + Send,
    ) -> Result<Value, Value> {
        let database = std::path::absolute(&self.database).unwrap_or(self.database);
        let key = database.canonicalize().unwrap_or_else(|_| database.clone());
        let turn = {
            let mut busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
            busy.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(busy.entry(key).or_default())
        };
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open_here(&database) {
            return Err(opened_by_another(&database, &open));
        }
        let migrator = self
            .options
            .migrator()?
            .cancel_with(cancel)
            .on_event(move |event| {
                tell(value(event).to_string());
            });
        self.call.answer(&migrator.database(&database), || {
            migrator.migrate(&database)
        })
    }
}

impl Options {
    fn migrator<'a>(self) -> Result<Migrator<'a>, Value> {
        let mut migrator = Migrator::new(source(self.migrations, self.layout)?);
        for component in self.components {
            let of = Component::new(
                component.name,
                source(component.migrations, component.layout)?,
            );
            migrator = migrator.component(match component.history_table {
                Some(table) => of.history_table(table),
                None => of,
            });
        }
        if let Some(backups) = self.keep_last {
            migrator = migrator.keep_last(backups);
        }
        if let Some(folder) = self.backups {
            migrator = migrator.backups(folder);
        }
        if let Some(table) = self.history_table {
            migrator = migrator.history_table(table);
        }
        if let Some(milliseconds) = self.lock_timeout {
            migrator = migrator.lock_timeout(Duration::from_millis(milliseconds));
        }
        if let Some(version) = self.app_version {
            migrator = migrator.app_version(version);
        }
        if self.allow_destructive {
            migrator = migrator.allow_destructive();
        }
        if self.keep_interrupted {
            migrator = migrator.keep_interrupted();
        }
        if self.without_migrating {
            migrator = migrator.without_migrating();
        }
        for table in self.leave_out {
            migrator = migrator.leave_out(table);
        }
        Ok(match self.adopt_from {
            Some(Adopt::Tool(name)) => migrator.adopt_from(tool(Some(name))?),
            Some(Adopt::Any(true)) => migrator.adopt_from(None),
            Some(Adopt::Any(false)) | None => migrator,
        })
    }
}

fn source(files: Vec<(String, String)>, layout: Option<String>) -> Result<Source, Value> {
    let layout = layout.map(|name| name.parse()).transpose();
    let layout: Option<Layout> = layout.map_err(|sentence: String| usage(&sentence))?;
    Ok(Source::of_files(files).layout(layout.unwrap_or_default()))
}

fn tool(name: Option<String>) -> Result<Option<Tool>, Value> {
    name.map(|name| name.parse())
        .transpose()
        .map_err(|sentence: String| usage(&sentence))
}

impl BackfillOptions {
    fn backfill(self) -> Backfill<'static> {
        let mut backfill = Backfill::sql(self.name, self.table, self.sql);
        if let Some(rows) = self.batch {
            backfill = backfill.batch(rows);
        }
        match self.again {
            true => backfill.again(),
            false => backfill,
        }
    }
}

impl Method {
    fn answer(
        self,
        database: &Database<'_, '_>,
        migrate: impl FnOnce() -> Result<heirloom::Report, Error>,
    ) -> Result<Value, Value> {
        fn done<T: Serialize>(result: Result<T, Error>) -> Result<Value, Value> {
            result.map(|found| value(&found)).map_err(failure)
        }
        match self {
            Method::Migrate { to: None } => done(migrate()),
            Method::Migrate { to: Some(version) } => done(database.migrate_to(version)),
            Method::Plan { to } => done(database.plan(to)),
            Method::Rehearse { to } => done(database.rehearse(to)),
            Method::Status => done(database.status()),
            Method::Revert { to } => done(database.revert(to)),
            Method::PlanRevert { to } => done(database.plan_revert(to)),
            Method::Backups { verify } => done(database.backups(verify)),
            Method::Snapshot { name, folders } => done(database.snapshot_with(&name, &folders)),
            Method::Restore {
                backup,
                keep_newer: true,
            } => done(database.restore_keeping_newer(&backup)),
            Method::Restore {
                backup,
                keep_newer: false,
            } => done(database.restore(&backup)),
            Method::PlanRestore { backup } => done(database.plan_restore(&backup)),
            Method::DowngradeOptions => done(database.downgrade_options()),
            Method::RevertToKnown => done(database.revert_to_known()),
            // Closed again: the app opens it with its own library.
            Method::OpenAnyway => done(database.open_anyway().map(|opened| opened.report)),
            Method::Reindex => done(database.reindex()),
            Method::Recover { into } => done(database.recover(into)),
            Method::Inspect { table } => done(database.inspect(table.as_deref())),
            Method::Stats => done(database.stats()),
            Method::Doctor => done(database.doctor()),
            Method::Log => done(database.log()),
            Method::Compare { from, to } => done(database.compare(&from, &to)),
            Method::CompareRows { from, to, table } => {
                let mut rows = Vec::new();
                let each = |row: &_| rows.push(value(row));
                done(
                    database
                        .compare_rows(&from, &to, &table, each)
                        .map(|()| rows),
                )
            }
            Method::CompareSql { from, to } => {
                let mut statements = Vec::new();
                let each = |sql: &str| statements.push(sql.to_owned());
                done(database.compare_sql(&from, &to, each).map(|()| statements))
            }
            Method::Adopt { tool: name } => done(database.adopt(tool(name)?)),
            Method::PlanAdopt { tool: name } => done(database.plan_adopt(tool(name)?)),
            Method::Baseline { version } => done(database.baseline(version)),
            Method::PlanBaseline { version } => done(database.plan_baseline(version)),
            Method::Backfill { backfill } => done(database.backfill(&backfill.backfill())),
            Method::PlanBackfill { backfill } => done(database.plan_backfill(&backfill.backfill())),
        }
    }
}
