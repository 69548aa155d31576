//! What every page is made from: the settings, the keys, the work that is under way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use heirloom::inspect::{Reader, StateRef};
use heirloom::{Event, Migrator};

use crate::exit::Failure;
use crate::output::remedy::Typed;
use crate::output::text;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;
use crate::studio::assets;
use crate::studio::edit::list::Edits;
use crate::studio::jobs::job::Job;
use crate::studio::jobs::queue::Queue;
use crate::studio::web::keys::Keys;

/// How long a page may read, and how long somebody's SQL.
pub(crate) const PAGE: Duration = Duration::from_secs(5);
pub(crate) const QUERY: Duration = Duration::from_secs(30);

/// A studio.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) port: u16,
    /// Whether the database may be changed.
    pub(crate) write: bool,
    pub(crate) jobs: Queue,
    /// What is going to be changed, after a review.
    pub(crate) edits: Edits,
    /// In the addresses of the assets, so that a browser keeps them until they change.
    pub(crate) version: String,
    pub(crate) typed: Typed,
}

impl App {
    pub(crate) fn new(settings: Settings, port: u16, write: bool) -> Result<App, Failure> {
        Ok(App {
            keys: Keys::new(port)?,
            typed: Typed::of(&settings),
            settings,
            port,
            write,
            jobs: Queue::default(),
            edits: Edits::default(),
            version: assets::version(),
        })
    }

    /// The address that lets somebody in.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("http://127.0.0.1:{}/enter?k={key}", self.port)
    }

    /// The database.
    pub(crate) fn path(&self) -> &Path {
        &self.settings.database.value
    }

    /// Its file name, and its path as a person types it.
    pub(crate) fn name(&self) -> String {
        let name = self.path().file_name().unwrap_or(self.path().as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// What is another when somebody wrote to the database.
    pub(crate) fn stamp(&self) -> String {
        let mut log = self.path().as_os_str().to_owned();
        log.push("-wal");
        let files = [self.path(), Path::new(&log)].map(|file| {
            let found = file.metadata().ok();
            found.map(|file| (file.len(), file.modified().ok()))
        });
        let hash = blake3::hash(format!("{files:?}").as_bytes());
        hash.to_hex().chars().take(16).collect()
    }

    /// A migrator for one page.
    pub(crate) fn migrator(&self) -> Result<Migrator<'static>, Failure> {
        let patience = self.settings.lock_timeout.value.min(PAGE);
        Ok(keeper(&self.settings)?.lock_timeout(patience))
    }

    /// The same for a piece of work, which is told what happens and can be cancelled.
    pub(crate) fn migrator_of<'j>(&self, job: &'j Job) -> Result<Migrator<'j>, Failure> {
        Ok(keeper(&self.settings)?
            .cancel_with(job.flag())
            .on_event(move |event| tell(job, event)))
    }

    /// A state of the database, inside the fence.
    pub(crate) fn reader(
        &self,
        longest: Duration,
        cancel: Arc<AtomicBool>,
    ) -> Result<Reader, Failure> {
        self.reader_of(&StateRef::Live, longest, cancel)
    }

    fn reader_of(
        &self,
        state: &StateRef,
        longest: Duration,
        cancel: Arc<AtomicBool>,
    ) -> Result<Reader, Failure> {
        let migrator = self.migrator()?;
        let mut reader = migrator.database(self.path()).read(state)?;
        reader.confine(longest, cancel)?;
        Ok(reader)
    }
}

/// What SQLite says, as a failure.
pub(crate) fn sqlite(error: heirloom::rusqlite::Error) -> Failure {
    let error = match error {
        heirloom::rusqlite::Error::ToSqlConversionFailure(inner) => {
            match inner.downcast::<heirloom::Error>() {
                Ok(error) => return Failure::Library(*error),
                Err(inner) => heirloom::rusqlite::Error::ToSqlConversionFailure(inner),
            }
        }
        error => error,
    };
    let interrupted =
        error.sqlite_error_code() == Some(heirloom::rusqlite::ErrorCode::OperationInterrupted);
    match interrupted {
        true => Failure::Usage {
            message: "it took too long, and was ended".into(),
            help: "without an index every row is read: filter or sort by a column that has one"
                .into(),
        },
        false => Failure::Usage {
            message: error.to_string(),
            help: "reload the page; if it happens again, look at the overview".into(),
        },
    }
}

/// An event as a line, or as how far it is.
fn tell(job: &Job, event: &Event<'_>) {
    match event {
        Event::Waiting { holder } => job.line(format!("waiting for {holder}")),
        Event::Recovering { .. } => job.line("a run was interrupted: it is put back first".into()),
        Event::Copying { done, total } => job.progress("backing up", *done, *total),
        Event::CopyVerified { backup, duration } => job.line(format!(
            "backup {} verified ({})",
            backup.file_name().unwrap_or_default().to_string_lossy(),
            text::duration(*duration)
        )),
        Event::Planned { migrations } => {
            job.line(text::counted(*migrations as u64, "migration"));
        }
        Event::Started {
            migration,
            number,
            of,
        } => {
            job.progress(migration, (*number as u64).saturating_sub(1), *of as u64);
        }
        Event::Filling { table, done, total } => {
            job.progress(&format!("rebuilding {table}"), *done, *total);
        }
        Event::Finished {
            migration,
            duration,
        } => job.line(format!("{migration} ({})", text::duration(*duration))),
        Event::Proving => job.line("checking the result".into()),
        Event::Committed => job.line("committed".into()),
        Event::RollingBack => job.line("rolling back".into()),
        _ => {}
    }
}
