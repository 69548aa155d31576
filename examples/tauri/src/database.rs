//! heirloom as commands and events of a Tauri app.
//!
//! The front end listens to `migration`, then calls `open`, and shows its splash until that
//! returns. Every command fails with a [`Failure`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom::include_dir::{self, Dir, include_dir};
use heirloom::rusqlite::{self, Connection};
use heirloom::{BackupInfo, BackupRef, Error, Event, Migrator, MigrationState, Verify};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Emitter, State};

/// In your app: `include_dir!("$CARGO_MANIFEST_DIR/migrations")`.
static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../migrations");

fn migrator<'a>() -> Migrator<'a> {
    Migrator::new(&MIGRATIONS).app_version(env!("CARGO_PKG_VERSION"))
}

/// What Tauri keeps: one database, open once `open` has returned.
pub struct Database {
    file: PathBuf,
    connection: Mutex<Option<Connection>>,
    cancel: Arc<AtomicBool>,
}

impl Database {
    pub fn at(file: PathBuf) -> Database {
        Database {
            file,
            connection: Mutex::new(None),
            cancel: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A panic while it was held left no transaction open: SQLite rolls back what is dropped.
    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the front end shows of a failure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// As in heirloom's JSON: `locked`, `database-newer`, `disk-full` …
    kind: &'static str,
    message: String,
    help: Option<String>,
    data_state: String,
    /// Whether the database is as it was before the command.
    unchanged: bool,
    /// The user pressed Cancel.
    cancelled: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure {
            kind: error.kind().as_str(),
            message: error.to_string(),
            help: error.help().map(str::to_owned),
            data_state: error.data_state().to_string(),
            unchanged: error.data_state().is_unchanged(),
            cancelled: error.is_interrupted(),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure {
            kind: "io",
            message: error.to_string(),
            help: None,
            data_state: "the statement was not carried out".to_owned(),
            unchanged: true,
            cancelled: false,
        }
    }
}

/// The payload of the event `migration`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase", tag = "step")]
enum Progress {
    Waiting {
        holder: String,
    },
    Recovering,
    Copying {
        done: u64,
        total: u64,
    },
    Migrating {
        migration: String,
        number: usize,
        of: usize,
    },
    Filling {
        table: String,
        done: u64,
        total: u64,
    },
    Proving,
    Committed,
    RollingBack,
}

impl Progress {
    fn of(event: &Event<'_>) -> Option<Progress> {
        Some(match *event {
            Event::Waiting { holder } => Progress::Waiting {
                holder: holder.to_owned(),
            },
            Event::Recovering { .. } => Progress::Recovering,
            Event::Copying { done, total } => Progress::Copying { done, total },
            Event::Started {
                migration,
                number,
                of,
            } => Progress::Migrating {
                migration: migration.to_owned(),
                number,
                of,
            },
            Event::Filling { table, done, total } => Progress::Filling {
                table: table.to_owned(),
                done,
                total,
            },
            Event::Proving => Progress::Proving,
            Event::Committed => Progress::Committed,
            Event::RollingBack => Progress::RollingBack,
            _ => return None,
        })
    }
}

/// Migrates and opens the database, and says what was done. `async` here means that Tauri calls
/// it away from the thread of the window.
#[tauri::command(async)]
pub fn open(app: AppHandle, database: State<'_, Database>) -> Result<String, Failure> {
    database.cancel.store(false, Ordering::Relaxed);
    let mut connection = database.connection();
    // `open` twice, after a reload of the page, begins anew.
    *connection = None;
    let opened = migrator()
        .cancel_with(database.cancel.clone())
        .on_event(move |event| {
            if let Some(progress) = Progress::of(event) {
                // A window that is gone misses nothing.
                let _ = app.emit("migration", progress);
            }
        })
        .open(&database.file)?;
    *connection = Some(opened.connection);
    Ok(opened.report.to_string())
}

/// Ends an `open` that is under way: it fails with `cancelled`, and all is as it was.
#[tauri::command]
pub fn cancel(database: State<'_, Database>) {
    database.cancel.store(true, Ordering::Relaxed);
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    version: Option<i64>,
    newest_known: Option<i64>,
    pending: usize,
}

#[tauri::command(async)]
pub fn status(database: State<'_, Database>) -> Result<Standing, Failure> {
    let status = migrator().database(&database.file).status()?;
    Ok(Standing {
        pending: status.count(MigrationState::Pending),
        version: status.version,
        newest_known: status.newest_known,
    })
}

/// A row of the settings page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    file: PathBuf,
    origin: &'static str,
    created_at: String,
    bytes: u64,
    version: Option<i64>,
    verified: bool,
}

impl From<BackupInfo> for Copy {
    fn from(copy: BackupInfo) -> Copy {
        Copy {
            origin: copy.origin.as_str(),
            file: copy.file,
            created_at: copy.created_at,
            bytes: copy.bytes,
            version: copy.version,
            verified: copy.verified,
        }
    }
}

#[tauri::command(async)]
pub fn copies(database: State<'_, Database>) -> Result<Vec<Copy>, Failure> {
    let copies = migrator().database(&database.file).backups(Verify::Digest)?;
    Ok(copies.into_iter().map(Copy::from).collect())
}

#[tauri::command(async)]
pub fn snapshot(database: State<'_, Database>, name: String) -> Result<Copy, Failure> {
    let copy = migrator().database(&database.file).snapshot(&name)?;
    Ok(Copy::from(copy))
}

/// Which copy the front end means: `"latest"`, `{ file: … }` or `{ snapshot: … }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    Latest,
    File(PathBuf),
    Snapshot(String),
}

impl From<Which> for BackupRef {
    fn from(which: Which) -> BackupRef {
        match which {
            Which::Latest => BackupRef::Latest,
            Which::File(file) => BackupRef::File(file),
            Which::Snapshot(name) => BackupRef::Snapshot(name),
        }
    }
}

/// What a restore would change, for the question before it: rows by table.
#[derive(Debug, Serialize)]
pub struct Change {
    now: BTreeMap<String, u64>,
    then: BTreeMap<String, u64>,
}

#[tauri::command(async)]
pub fn plan_restore(database: State<'_, Database>, copy: Which) -> Result<Change, Failure> {
    let plan = migrator().database(&database.file).plan_restore(&copy.into())?;
    Ok(Change {
        now: plan.before.map(|before| before.rows).unwrap_or_default(),
        then: plan.after.rows,
    })
}

/// Puts a copy back, and migrates it where it is older than the app.
#[tauri::command(async)]
pub fn restore(
    app: AppHandle,
    database: State<'_, Database>,
    copy: Which,
) -> Result<String, Failure> {
    // Closed for as long as it lasts, which a damaged database needs.
    *database.connection() = None;
    let restored = migrator().database(&database.file).restore(&copy.into());
    let opened = open(app, database);
    restored?;
    opened
}

/// What the app's own commands look like.
#[tauri::command(async)]
pub fn count_notes(database: State<'_, Database>) -> Result<i64, Failure> {
    let connection = database.connection();
    let Some(connection) = &*connection else {
        return Err(rusqlite::Error::InvalidQuery.into());
    };
    Ok(connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?)
}
