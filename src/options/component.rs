//! A second history in a database: a library with tables of its own brings its migrations along.

use crate::migration::files::source::Source;

/// Migrations with a history of their own in the app's database, as a library has that keeps
/// its tables there.
///
/// ```
/// use heirloom::{Component, Migrator};
/// # let folder = tempfile::tempdir().unwrap();
/// # let at = |path: &str| folder.path().join(path);
/// # std::fs::create_dir(at("auth")).unwrap();
/// # std::fs::create_dir(at("app")).unwrap();
/// # std::fs::write(at("auth/V1__users.sql"), "CREATE TABLE auth_users (id INTEGER PRIMARY KEY);").unwrap();
/// # std::fs::write(at("app/V1__notes.sql"), "CREATE TABLE notes (id INTEGER PRIMARY KEY);").unwrap();
/// # let (auth, app) = (at("auth"), at("app"));
/// let report = Migrator::new(app)
///     .component(Component::new("auth", auth))
///     .migrate(at("notes.db"))?;
/// assert_eq!(report.applied.len(), 2);
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
pub struct Component {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) history_table: String,
}

impl Component {
    /// A component by its name, with its migrations. Its history is `{name}_schema_history`
    /// unless said otherwise.
    pub fn new(name: impl Into<String>, source: impl Into<Source>) -> Component {
        let name = name.into();
        Component {
            history_table: format!("{name}_schema_history"),
            name,
            source: source.into(),
        }
    }

    /// Its history table.
    pub fn history_table(mut self, name: impl Into<String>) -> Self {
        self.history_table = name.into();
        self
    }
}
