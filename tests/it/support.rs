//! What the tests share: a folder with a database and migrations in it.

use std::path::{Path, PathBuf};

use heirloom::{Error, Migrator, Report};
use rusqlite::Connection;

/// A temporary folder with `migrations/` and a database `app.db`.
pub struct App {
    folder: tempfile::TempDir,
}

impl App {
    pub fn new() -> App {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("migrations")).unwrap();
        App { folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn migrations(&self) -> PathBuf {
        self.folder().join("migrations")
    }

    pub fn database(&self) -> PathBuf {
        self.folder().join("app.db")
    }

    /// Writes a migration file, `V1__a.sql` or `V1__a.down.sql`.
    pub fn file(&self, name: &str, sql: &str) -> &App {
        std::fs::write(self.migrations().join(name), sql).unwrap();
        self
    }

    pub fn migrator(&self) -> Migrator<'static> {
        Migrator::new(self.migrations())
    }

    pub fn run(&self) -> Result<Report, Error> {
        self.migrator().migrate(self.database())
    }

    /// A plain connection, as another program would have it.
    pub fn connect(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// Runs SQL as another program would.
    pub fn sql(&self, sql: &str) -> &App {
        self.connect().execute_batch(sql).unwrap();
        self
    }

    /// One number from the database.
    pub fn number(&self, sql: &str) -> i64 {
        self.connect()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One text from the database.
    pub fn text(&self, sql: &str) -> String {
        self.connect()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The automatic backups, by name.
    pub fn backups(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = match std::fs::read_dir(self.folder().join("backups")) {
            Err(_) => Vec::new(),
            Ok(entries) => entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|ending| ending == "db"))
                .collect(),
        };
        found.sort();
        found
    }

    /// Everything in the folder with its length, to see that nothing came or went.
    pub fn listing(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder(), &mut found);
        found.sort();
        found
    }
}

/// Every row of every table and the text of every object: what must not change.
pub fn contents(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let mut lines = Vec::new();
    let mut objects = connection
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2")
        .unwrap();
    let objects: Vec<(String, String, String)> = objects
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (kind, name, sql) in objects {
        lines.push(format!("{kind} {name} {sql}"));
        if kind != "table" {
            continue;
        }
        let mut rows = connection
            .prepare(&format!("SELECT * FROM \"{}\"", name.replace('"', "\"\"")))
            .unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|index| format!("{:?}", row.get_ref(index).unwrap()))
                .collect();
            lines.push(format!("{name}: {}", values.join(", ")));
        }
    }
    lines
}
