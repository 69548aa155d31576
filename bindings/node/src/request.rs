//! A request as a value, and its answer.

use std::collections::BTreeMap;
use std::error::Error as _;
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
use crate::sql::{self, Edit, Parameters};

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
    /// The component that is spoken of.
    only: Option<String>,
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
    Read {
        state: StateRef,
        sql: String,
        params: Parameters,
    },
    Edit {
        statements: Vec<Edit>,
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

/// What JavaScript throws, where it did not come from heirloom itself: before anything was changed.
pub(crate) fn refusal(kind: &str, message: &str, help: &str) -> Value {
    let data = "the database was not changed";
    json!({
        "kind": kind, "message": message, "help": help, "remedies": [],
        "database_unchanged": true, "data": data,
        "details": format!("{message}\ndata: {data}\nhelp: {help}"),
        "interrupted": false, "migration": null, "file": null, "line": null, "column": null,
        "statement": null, "backup": null, "restored_from": null,
    })
}

pub(crate) fn usage(message: &str) -> Value {
    refusal("usage", message, "correct the call")
}

const WHY: &str = "two SQLite libraries in one process lose each other's locks, and with them data";

fn opened_by_another(database: &Path, open: &Path) -> Value {
    let message = format!(
        "{} is open in this process through another library ({})",
        database.display(),
        open.display()
    );
    let help = format!(
        "close it there first (`db.close()`, `dataSource.destroy()`) and open it again afterwards: {WHY}"
    );
    refusal("open-in-process", &message, &help)
}

fn opened_meanwhile(database: &Path, open: &Path) -> Value {
    let message = format!(
        "{} was opened in this process through another library ({}) while heirloom worked on it",
        database.display(),
        open.display()
    );
    let help = format!(
        "close it there and open it again now, and `await` the call before it is opened: {WHY}"
    );
    let data = "the call was done; what the other library wrote meanwhile may be lost";
    let mut failure = refusal("open-in-process", &message, &help);
    failure["database_unchanged"] = json!(false);
    failure["data"] = json!(data);
    failure["details"] = json!(format!("{message}\ndata: {data}\nhelp: {help}"));
    failure
}

pub(crate) fn failure(error: Error) -> Value {
    let mut failure = value(&error);
    failure["details"] = json!(format!("{error:#}"));
    failure["interrupted"] = json!(error.is_interrupted());
    failure
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| usage(&error.to_string()))
}

impl Request {
    /// What does not fit is said with its name.
    pub(crate) fn parse(json: &str) -> Result<Request, Value> {
        let mut json = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let name = path.strip_prefix("options.").unwrap_or(&path).to_owned();
            let said = error.into_inner().to_string();
            // A place in a text that nobody wrote.
            let mut said = said.split(" at line ").next().unwrap_or(&said).to_owned();
            for integer in ["u64", "usize", "i64"] {
                said = said.replace(&format!("expected {integer}"), "expected a whole number");
            }
            usage(&match name.as_str() {
                "call" => said,
                name => format!("{name}: {said}"),
            })
        })
    }

    /// Does what is asked. The error is a failure as JSON.
    pub(crate) fn answer(
        self,
        cancel: Arc<AtomicBool>,
        tell: impl Fn(String) + Send,
    ) -> Result<Value, Value> {
        let database = std::path::absolute(&self.database).unwrap_or(self.database);
        let key = one_name(&database);
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
            .cancel_with(Arc::clone(&cancel))
            .on_event(move |event| {
                tell(value(event).to_string());
            });
        let handle = migrator.database(&database);
        let done = self
            .call
            .answer(&handle, &cancel, || migrator.migrate(&database))?;
        // Nothing of heirloom's is open any more: a call that nobody waited for.
        match open_here(&database) {
            Some(open) => Err(opened_meanwhile(&database, &open)),
            None => Ok(done),
        }
    }
}

/// One name for a file that may not be there yet, or be reached through links.
fn one_name(database: &Path) -> PathBuf {
    let of_folder = || {
        let folder = database.parent()?.canonicalize().ok()?;
        Some(folder.join(database.file_name()?))
    };
    let name = database.canonicalize().ok().or_else(of_folder);
    name.unwrap_or_else(|| database.to_owned())
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
        if let Some(component) = self.only {
            migrator = migrator.only(&component).map_err(failure)?;
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
        cancel: &Arc<AtomicBool>,
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
            Method::Read { state, sql, params } => {
                sql::read(database, &state, &sql, &params, cancel)
            }
            Method::Edit { statements } => {
                let done = database.edit(|connection| sql::edit(connection, &statements));
                done.map(Value::from).map_err(|error| {
                    let reason = error.source().map(ToString::to_string);
                    let mut failure = failure(error);
                    if let (Some(reason), Some(what)) = (reason, failure["message"].as_str()) {
                        failure["message"] = json!(format!("{what}: {reason}"));
                    }
                    failure
                })
            }
        }
    }
}
