//! The migrators, each given the same SQL in the shape that it wants.

use std::path::{Path, PathBuf};

use diesel::sql_types::Text;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use heirloom::Migrator;
use heirloom::rusqlite::Connection;
use refinery::{Migration, Runner};
use rusqlite_migration::{M, Migrations};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

/// A migrator, as an app would set it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Heirloom,
    Refinery,
    RefineryGrouped,
    RusqliteMigration,
    Sqlx,
    Diesel,
}

pub const PEERS: &[Peer] = &[
    Peer::Heirloom,
    Peer::Refinery,
    Peer::RefineryGrouped,
    Peer::RusqliteMigration,
    Peer::Sqlx,
    Peer::Diesel,
];

/// What an app reads first, of [`Set::Small`].
const FIRST_ROW: &str = "SELECT name FROM t1 LIMIT 1";

/// What is to be migrated.
#[derive(Debug, Clone, Copy)]
pub enum Set {
    /// So many small migrations.
    Small(usize),
    /// A parent with three children.
    Family,
    /// The same, and the parent built anew.
    FamilyRebuilt,
}

impl Set {
    pub fn named(name: &str) -> Set {
        let count = name
            .strip_prefix("small-")
            .and_then(|count| count.parse().ok());
        Set::Small(count.unwrap())
    }

    fn statements(self) -> Vec<String> {
        const FAMILY: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
            INSERT INTO parent VALUES (1, 'a');
            INSERT INTO child VALUES (1, 1), (2, 1), (3, 1);";
        const REBUILD: &str =
            "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');
            INSERT INTO parent_new (id, name) SELECT id, name FROM parent;
            DROP TABLE parent;
            ALTER TABLE parent_new RENAME TO parent;";
        match self {
            Set::Small(count) => (1..=count)
                .map(|n| {
                    format!(
                        "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER DEFAULT 0);\n\
                         CREATE INDEX t{n}_name ON t{n} (name);\n\
                         INSERT INTO t{n} (name) VALUES ('a'), ('b');"
                    )
                })
                .collect(),
            Set::Family => vec![FAMILY.to_owned()],
            Set::FamilyRebuilt => vec![FAMILY.to_owned(), REBUILD.to_owned()],
        }
    }
}

/// Migrations in a migrator's own shape, ready to be run as often as one likes.
pub enum Ready {
    Heirloom(Box<Migrator<'static>>),
    Refinery(Box<Runner>),
    RusqliteMigration(Migrations<'static>),
    Sqlx(tokio::runtime::Runtime, sqlx::migrate::Migrator),
    Diesel(FileBasedMigrations),
}

impl Peer {
    pub fn named(name: &str) -> Peer {
        *PEERS.iter().find(|peer| peer.name() == name).unwrap()
    }

    pub fn name(self) -> &'static str {
        match self {
            Peer::Heirloom => "heirloom",
            Peer::Refinery => "refinery",
            Peer::RefineryGrouped => "refinery, grouped",
            Peer::RusqliteMigration => "rusqlite_migration",
            Peer::Sqlx => "sqlx migrate",
            Peer::Diesel => "diesel_migrations",
        }
    }

    pub fn file(self) -> String {
        self.name().replace([' ', ','], "-")
    }

    pub fn prepare(self, set: &Set, folder: &Path) -> Ready {
        let statements = set.statements();
        let numbered = || {
            statements
                .iter()
                .enumerate()
                .map(|(index, sql)| (index + 1, sql))
        };
        let versions = || -> Vec<Migration> {
            numbered()
                .map(|(n, sql)| Migration::unapplied(&format!("V{n}__step"), sql).unwrap())
                .collect()
        };
        match self {
            Peer::Heirloom => {
                Ready::Heirloom(Box::new(Migrator::new(versions_of_heirloom(&statements))))
            }
            Peer::Refinery => Ready::Refinery(Box::new(Runner::new(&versions()))),
            Peer::RefineryGrouped => {
                Ready::Refinery(Box::new(Runner::new(&versions()).set_grouped(true)))
            }
            Peer::RusqliteMigration => {
                let steps = statements
                    .iter()
                    .map(|sql| M::up(String::leak(sql.clone())));
                Ready::RusqliteMigration(Migrations::new(steps.collect()))
            }
            Peer::Sqlx => {
                let files = made(folder.join("sqlx"));
                for (n, sql) in numbered() {
                    std::fs::write(files.join(format!("{n:04}_step.sql")), sql).unwrap();
                }
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let migrator = runtime
                    .block_on(sqlx::migrate::Migrator::new(files))
                    .unwrap();
                Ready::Sqlx(runtime, migrator)
            }
            Peer::Diesel => {
                let files = made(folder.join("diesel"));
                for (n, sql) in numbered() {
                    let step = made(files.join(format!("{n:04}_step")));
                    std::fs::write(step.join("up.sql"), sql).unwrap();
                    std::fs::write(step.join("down.sql"), "SELECT 1;").unwrap();
                }
                Ready::Diesel(FileBasedMigrations::from_path(files).unwrap())
            }
        }
    }
}

fn versions_of_heirloom(statements: &[String]) -> Vec<heirloom::refinery_core::Migration> {
    let numbered = statements.iter().enumerate();
    numbered
        .map(|(index, sql)| {
            let name = format!("V{}__step", index + 1);
            heirloom::refinery_core::Migration::unapplied(&name, sql).unwrap()
        })
        .collect()
}

fn made(folder: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Ready {
    /// From an open to a close.
    pub fn migrate(&self, database: &Path) -> Result<(), String> {
        self.open(database, None)
    }

    /// The same with the app's first row read in between, on the connection that it goes on with:
    /// what a user waits for.
    pub fn start(&self, database: &Path) -> Result<(), String> {
        self.open(database, Some(FIRST_ROW))
    }

    fn open(&self, database: &Path, row: Option<&'static str>) -> Result<(), String> {
        match self {
            Ready::Heirloom(migrator) => {
                let opened = migrator.open(database).map_err(|e| format!("{e:#}"))?;
                read(&opened.connection, row)
            }
            Ready::Refinery(runner) => {
                let mut connection = Connection::open(database).map_err(|e| e.to_string())?;
                runner.run(&mut connection).map_err(|e| e.to_string())?;
                read(&connection, row)
            }
            Ready::RusqliteMigration(migrations) => {
                let mut connection = Connection::open(database).map_err(|e| e.to_string())?;
                migrations
                    .to_latest(&mut connection)
                    .map_err(|e| e.to_string())?;
                read(&connection, row)
            }
            Ready::Sqlx(runtime, migrator) => runtime.block_on(async {
                let options = SqliteConnectOptions::new()
                    .filename(database)
                    .create_if_missing(true);
                let mut connection = options.connect().await.map_err(|e| e.to_string())?;
                migrator
                    .run(&mut connection)
                    .await
                    .map_err(|e| e.to_string())?;
                if let Some(row) = row {
                    let row = sqlx::query_scalar::<_, String>(row);
                    let row = row.fetch_one(&mut connection).await;
                    row.map_err(|e| e.to_string())?;
                }
                sqlx::Connection::close(connection)
                    .await
                    .map_err(|e| e.to_string())
            }),
            Ready::Diesel(migrations) => {
                let url = database.to_str().unwrap();
                let mut connection = SqliteConnection::establish(url).map_err(|e| e.to_string())?;
                connection
                    .run_pending_migrations(migrations.clone())
                    .map_err(|e| e.to_string())?;
                if let Some(row) = row {
                    let row = diesel::dsl::sql::<Text>(row);
                    let row = row.get_result::<String>(&mut connection);
                    row.map_err(|e| e.to_string())?;
                }
                Ok(())
            }
        }
    }
}

fn read(connection: &Connection, row: Option<&str>) -> Result<(), String> {
    let Some(row) = row else { return Ok(()) };
    let read = connection.query_row(row, [], |row| row.get::<_, String>(0));
    read.map(drop).map_err(|e| e.to_string())
}
