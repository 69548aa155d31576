//! heirloom as a plug-in of Tauri: the database is migrated before a window shows data, and pages
//! can look at it, take snapshots and restore backups.
//!
//! ```no_run
//! use heirloom::include_dir::{self, Dir, include_dir};
//! use tauri_plugin_heirloom::heirloom;
//!
//! // Needs `println!("cargo::rerun-if-changed=migrations")` in build.rs.
//! # const _: &str = stringify!(
//! static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");
//! # );
//! # static MIGRATIONS: Dir = Dir::new("", &[]);
//!
//! # fn app() -> tauri::Builder<tauri::Wry> {
//! tauri::Builder::default()
//!     .plugin(tauri_plugin_heirloom::Builder::new(&MIGRATIONS, "notes.db").build())
//! # }
//! ```

mod commands;
mod failure;
mod state;

use std::path::PathBuf;
use std::sync::Arc;

use tauri::path::BaseDirectory;
use tauri::plugin::TauriPlugin;
use tauri::{Manager, Runtime};

pub use failure::Failure;
pub use heirloom;
use heirloom::{Migrator, Source};
pub use state::Heirloom;

type Configure = dyn Fn(Migrator<'static>) -> Migrator<'static> + Send + Sync;

/// What an app says once: its migrations, and where its database is.
#[must_use]
pub struct Builder {
    source: Source,
    file: PathBuf,
    base: BaseDirectory,
    configure: Arc<Configure>,
    in_setup: bool,
}

impl Builder {
    /// Migrations, and the database's file below the app's data folder (or an absolute path).
    pub fn new(migrations: impl Into<Source>, file: impl Into<PathBuf>) -> Builder {
        Builder {
            source: migrations.into(),
            file: file.into(),
            base: BaseDirectory::AppData,
            configure: Arc::new(|migrator| migrator),
            in_setup: false,
        }
    }

    /// The folder where tauri-plugin-sql has `sqlite:notes.db`: that of the app's configuration,
    /// which on Linux is another one than that of its data.
    pub fn beside_sql(self) -> Builder {
        self.base(BaseDirectory::AppConfig)
    }

    /// Another folder of the app than that of its data.
    pub fn base(self, base: BaseDirectory) -> Builder {
        Builder { base, ..self }
    }

    /// What else is to be said to the `Migrator`: how many backups to keep, hooks, Rust migrations.
    /// Called for each command. The plug-in sets the app's version, the listener and the flag that
    /// cancels.
    pub fn configure(
        self,
        configure: impl Fn(Migrator<'static>) -> Migrator<'static> + Send + Sync + 'static,
    ) -> Builder {
        Builder {
            configure: Arc::new(configure),
            ..self
        }
    }

    /// Ends the migration before the app goes on with its start: for plug-ins and code that open
    /// the database in their own set-up, as tauri-plugin-sql does with `preload`. No window is
    /// there meanwhile. Otherwise it runs on a thread of its own, and pages wait with `ready()`.
    pub fn in_setup(self) -> Builder {
        Builder {
            in_setup: true,
            ..self
        }
    }

    /// The plug-in. Register it before those that open the database.
    ///
    /// A migration that fails does not end the start of the app: [`Heirloom::wait`] and `ready()`
    /// have the failure, for a dialog.
    pub fn build<R: Runtime>(self) -> TauriPlugin<R> {
        tauri::plugin::Builder::new("heirloom")
            .invoke_handler(tauri::generate_handler![
                commands::ready,
                commands::migrate,
                commands::cancel,
                commands::status,
                commands::plan,
                commands::backups,
                commands::plan_restore,
                commands::downgrade_options,
                commands::doctor,
                commands::log,
                commands::stats,
                commands::inspect,
                commands::compare,
                commands::snapshot,
                commands::restore,
                commands::revert_to_known,
                commands::open_anyway,
            ])
            .setup(move |app, _| {
                let path = app.path().resolve(&self.file, self.base)?;
                let version = app.package_info().version.to_string();
                let configure = Arc::clone(&self.configure);
                let state = Arc::new(Heirloom::new(path, self.source, move |migrator| {
                    configure(migrator.app_version(&version))
                }));
                app.manage(Arc::clone(&state));
                let handle = app.clone();
                match self.in_setup {
                    true => state.start(&handle),
                    false => {
                        std::thread::Builder::new()
                            .name("heirloom".to_owned())
                            .spawn(move || state.start(&handle))?;
                    }
                }
                Ok(())
            })
            .build()
    }
}

/// The plug-in's state, from an app, a handle or a window.
pub trait HeirloomExt<R: Runtime> {
    /// The database of the app.
    fn heirloom(&self) -> Arc<Heirloom>;
}

impl<R: Runtime, T: Manager<R>> HeirloomExt<R> for T {
    fn heirloom(&self) -> Arc<Heirloom> {
        Arc::clone(&self.state::<Arc<Heirloom>>())
    }
}
