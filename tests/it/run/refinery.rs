//! Either tool continues what the other began.

use std::collections::BTreeMap;
use std::time::SystemTime;

use heirloom::{ErrorKind, Migrator, RevertTo, Source};
use include_dir::{Dir, include_dir};
use proptest::prelude::prop;
use proptest::test_runner::{Config, TestRunner};
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use refinery_core::{Migration, Runner};
use rusqlite::Connection;

use crate::support::app::App;

/// refinery's own rusqlite driver, which this crate does not compile in, line by line.
struct Refinery(Connection);

impl Transaction for Refinery {
    type Error = rusqlite::Error;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> rusqlite::Result<usize> {
        let transaction = self.0.transaction()?;
        let mut count = 0;
        for query in queries {
            transaction.execute_batch(query)?;
            count += 1;
        }
        transaction.commit()?;
        Ok(count)
    }
}

impl Query<Vec<Migration>> for Refinery {
    fn query(&mut self, query: &str) -> rusqlite::Result<Vec<Migration>> {
        let mut statement = self.0.prepare(query)?;
        let rows = statement.query_map([], |row| {
            let applied_on: String = row.get(2)?;
            chrono::DateTime::parse_from_rfc3339(&applied_on).expect("RFC 3339");
            let checksum: String = row.get(3)?;
            let checksum = checksum.parse().expect("checksum must be a valid u64");
            Ok(Migration::applied(
                row.get(0)?,
                row.get(1)?,
                SystemTime::UNIX_EPOCH.into(),
                checksum,
            ))
        })?;
        rows.collect()
    }
}

impl Migrate for Refinery {}

const FILES: [(&str, &str); 3] = [
    ("V1__a", "CREATE TABLE a (x);\r\n"),
    ("V20261121091403__b", "CREATE TABLE b (x);"),
    ("U2__late", "CREATE TABLE late (x);"),
];

fn values(files: &[(&str, &str)]) -> Vec<Migration> {
    files
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql).unwrap())
        .collect()
}

/// The same as heirloom takes them, with the feature `refinery` and without.
fn files(files: &[(&str, &str)]) -> Source {
    let named = |(name, sql): &(&str, &str)| (format!("{name}.sql"), (*sql).to_owned());
    Source::of_files(files.iter().map(named))
}

#[cfg(feature = "refinery")]
#[test]
fn refinerys_own_values_are_migrations() {
    let app = App::new();
    let report = Migrator::new(values(&FILES)).migrate(app.database());
    assert_eq!(report.unwrap().applied.len(), 3);
    let report = Migrator::new(files(&FILES)).migrate(app.database());
    assert!(report.unwrap().is_up_to_date());
}

/// Names of every kind of letter, SQL of every kind of text: what refinery wrote is recognised, what
/// heirloom wrote refinery recognises, and the rows are the same but for the time.
#[test]
fn rows_of_either_are_the_same_for_any_name_and_text() {
    let name = "[a-zA-Z0-9_äßéжλ中]{1,20}";
    let set = prop::collection::btree_map(0..=i64::MAX, (name, "(\\PC|[\r\n\t']){0,60}"), 1..5);
    let mut runner = TestRunner::new(Config::with_cases(64));
    let both = |set: BTreeMap<i64, (String, String)>| {
        let named: Vec<(String, String)> = set
            .iter()
            .map(|(version, (name, text))| {
                let text = text.replace("*/", "");
                (
                    format!("V{version}__{name}"),
                    format!("CREATE TABLE t{version} (x); /*{text}*/"),
                )
            })
            .collect();
        let named: Vec<(&str, &str)> = named
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        let (ours, theirs) = (App::new(), App::new());
        Migrator::new(files(&named))
            .migrate(ours.database())
            .unwrap();
        let migrations = values(&named);
        Runner::new(&migrations)
            .run(&mut Refinery(theirs.connect()))
            .unwrap();
        let rows = "SELECT group_concat(version || ' ' || name || ' ' || typeof(checksum) || checksum, x'0a')
            FROM (SELECT * FROM refinery_schema_history ORDER BY version)";
        assert_eq!(ours.text(rows), theirs.text(rows));
        let up_to_date = Migrator::new(files(&named)).migrate(theirs.database());
        assert!(up_to_date.unwrap().is_up_to_date());
        let nothing = Runner::new(&migrations)
            .set_abort_divergent(true)
            .set_abort_missing(true)
            .run(&mut Refinery(ours.connect()));
        assert_eq!(nothing.unwrap().applied_migrations().len(), 0);
    };
    let run = runner.run(&set, |set| {
        both(set);
        Ok(())
    });
    run.unwrap();
}

#[test]
fn what_heirloom_applied_refinery_accepts_and_continues() {
    let app = App::new();
    Migrator::new(files(&FILES[..1]))
        .migrate(app.database())
        .unwrap();
    let mut refinery = Refinery(app.connect());
    let report = Runner::new(&values(&FILES)).run(&mut refinery).unwrap();
    assert_eq!(report.applied_migrations().len(), 2);
    let report = Migrator::new(files(&FILES))
        .migrate(app.database())
        .unwrap();
    assert!(report.is_up_to_date());
    assert_eq!(report.version, Some(20_261_121_091_403));
}

#[test]
fn what_refinery_applied_heirloom_accepts_and_continues() {
    let app = App::new();
    let mut refinery = Refinery(app.connect());
    Runner::new(&values(&FILES[..2]))
        .run(&mut refinery)
        .unwrap();
    let report = Migrator::new(files(&FILES))
        .migrate(app.database())
        .unwrap();
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.applied[0].version, 2);
    let report = Runner::new(&values(&FILES)).run(&mut refinery).unwrap();
    assert_eq!(report.applied_migrations().len(), 0);
    assert_eq!(app.number("SELECT count(*) FROM late"), 0);
}

#[test]
fn what_heirloom_reverted_refinery_applies_again() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x);")
        .file("V1__a.down.sql", "DROP TABLE a;");
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    let mut refinery = Refinery(app.connect());
    let report = Runner::new(&values(&[("V1__a", "CREATE TABLE a (x);")]))
        .run(&mut refinery)
        .unwrap();
    assert_eq!(report.applied_migrations().len(), 1);
    assert!(app.run().unwrap().is_up_to_date());
}

#[test]
fn the_history_table_is_the_one_refinery_makes() {
    let ours = App::new();
    Migrator::new(files(&FILES[..1]))
        .migrate(ours.database())
        .unwrap();
    let theirs = App::new();
    Runner::new(&values(&FILES[..1]))
        .run(&mut Refinery(theirs.connect()))
        .unwrap();
    let columns = "SELECT group_concat(name || ' ' || type || ' ' || pk) FROM pragma_table_info('refinery_schema_history')";
    assert_eq!(ours.text(columns), theirs.text(columns));
    let row = "SELECT version || name || checksum FROM refinery_schema_history";
    assert_eq!(ours.text(row), theirs.text(row));
}

#[test]
fn values_of_refinery_that_contradict_each_other_are_refused() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)");
    let twins = files(&[
        ("V1__a", "CREATE TABLE a (x)"),
        ("V1__b", "CREATE TABLE b (x)"),
    ]);
    app.refused_by(&Migrator::new(twins), ErrorKind::InvalidMigration);
    app.refused_by(
        &Migrator::new(files(&[("V1__a", "")])),
        ErrorKind::InvalidMigration,
    );
}

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/data/embedded");

#[test]
fn a_folder_in_the_program_is_the_folder_on_disk() {
    let app = App::new();
    let report = Migrator::new(&EMBEDDED).migrate(app.database()).unwrap();
    assert_eq!(report.version, Some(2));
    let on_disk = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/embedded");
    assert!(
        Migrator::new(on_disk)
            .migrate(app.database())
            .unwrap()
            .is_up_to_date()
    );
    app.sql("INSERT INTO note (body) VALUES ('kept')");
    let report = Migrator::new(&EMBEDDED)
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(report.version, Some(1));
    assert_eq!(app.text("SELECT body FROM note"), "kept");
    assert_eq!(
        app.number("SELECT count(*) FROM pragma_table_info('note')"),
        2
    );
}

/// What the table of peers says of refinery, shown: the same files, and the children gone. In
/// heirloom's hands they stay.
#[test]
fn refinerys_own_runner_deletes_the_children_of_a_rebuilt_parent_and_reports_success() {
    let family = [
        (
            "V1__family",
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT REFERENCES parent (id) ON DELETE CASCADE);
             INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (1, 1), (2, 1), (3, 1);",
        ),
        (
            "V2__rebuild",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');
             INSERT INTO n SELECT id, name FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent;",
        ),
    ];
    let theirs = App::new();
    let mut connection = theirs.connect();
    connection
        .execute_batch("PRAGMA foreign_keys = ON")
        .unwrap();
    Runner::new(&values(&family)).run(&mut connection).unwrap();
    let ours = App::new();
    Migrator::new(files(&family))
        .migrate(ours.database())
        .unwrap();
    let children = |app: &App| app.number("SELECT count(*) FROM child");
    assert_eq!((children(&theirs), children(&ours)), (0, 3));
}
