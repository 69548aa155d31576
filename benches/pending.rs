//! 200 small pending migrations on a fresh file, against refinery in grouped mode:
//! `cargo bench --bench pending`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{compare, embedded, time};
use heirloom::Migrator;
use refinery_core::Runner;
use rusqlite::Connection;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder_of_migrations = embedded(200, |n| {
        format!(
            "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER DEFAULT 0);\n\
             CREATE INDEX t{n}_name ON t{n} (name);\n\
             INSERT INTO t{n} (name) VALUES ('a'), ('b');"
        )
    });
    let (ours, theirs) = (
        folder.path().join("ours.db"),
        folder.path().join("theirs.db"),
    );
    let migrations: Vec<_> = folder_of_migrations
        .files()
        .map(|file| {
            let name = file.path().file_stem().unwrap().to_str().unwrap();
            refinery_core::Migration::unapplied(name, file.contents_utf8().unwrap()).unwrap()
        })
        .collect();
    let migrator = Migrator::new(folder_of_migrations);
    let runner = Runner::new(&migrations).set_grouped(true);
    compare(
        60,
        3,
        ("heirloom", || {
            let _ = std::fs::remove_file(&ours);
            time(|| migrator.migrate(&ours).unwrap())
        }),
        ("refinery, grouped", || {
            let _ = std::fs::remove_file(&theirs);
            time(|| {
                let mut connection = Connection::open(&theirs).unwrap();
                runner.run(&mut connection).unwrap();
                // Closing counts for both.
                drop(connection);
            })
        }),
    );
}
