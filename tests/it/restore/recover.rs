//! What can still be read of a damaged database, in a new file.

use std::path::PathBuf;

use heirloom::backups::{RecoveredTable, Recovery};
use heirloom::{BackupRef, ErrorKind};
use rusqlite::Connection;

use crate::support::app::{App, contents};

/// Bytes of a page.
const PAGE: usize = 4096;

/// Tables of every kind, each of more than one page, and no backup.
fn app() -> App {
    app_in("UTF-8")
}

fn app_in(encoding: &str) -> App {
    let app = App::new();
    app.sql(&format!(
        "PRAGMA encoding = '{encoding}'; PRAGMA user_version = 1"
    ));
    app.file(
        "V1__t.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, big BLOB, n REAL);
         CREATE INDEX by_body ON notes (body);
         CREATE TABLE plain (a, b INT, v AS (a || 'x') VIRTUAL, s AS (b * 2) STORED);
         CREATE TABLE keyed (k TEXT, v INT, p INT, PRIMARY KEY (p, k)) WITHOUT ROWID;
         CREATE TABLE grown (a); INSERT INTO grown VALUES (1), (2);
         ALTER TABLE grown ADD COLUMN z DEFAULT 'given'; INSERT INTO grown VALUES (3, 'own');
         CREATE VIEW seen AS SELECT body FROM notes;
         CREATE TRIGGER told AFTER DELETE ON plain BEGIN SELECT 1; END;",
    );
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            INSERT INTO notes (body, big, n) SELECT 'note ' || i, iif(i % 400 = 0, randomblob(20000), NULL), i / 3.0 FROM n;
         INSERT INTO plain (a, b) SELECT body, id - 50 FROM notes;
         INSERT INTO keyed SELECT body, id, id % 7 FROM notes;
         DELETE FROM notes WHERE id = 77; DELETE FROM plain WHERE rowid = 5;
         PRAGMA user_version = 7;",
    );
    app
}

fn recover(app: &App) -> Recovery {
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let before = std::fs::read(app.database()).unwrap();
    let saved = database.recover(app.folder().join("saved.db")).unwrap();
    assert_eq!(std::fs::read(app.database()).unwrap(), before);
    saved
}

fn of<'r>(saved: &'r Recovery, table: &str) -> &'r RecoveredTable {
    let mut tables = saved.tables.iter();
    tables.find(|found| found.table == table).unwrap()
}

/// Changes the bytes of the file.
fn damage(app: &App, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(app.database()).unwrap();
    change(&mut bytes);
    std::fs::write(app.database(), bytes).unwrap();
}

fn root_of(app: &App, table: &str) -> usize {
    let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    usize::try_from(app.number(&sql)).unwrap() - 1
}

fn overwrite(bytes: &mut [u8], page: usize) {
    bytes[page * PAGE..(page + 1) * PAGE].fill(0xaa);
}

/// The leaves of tables, by the first byte of a page.
fn leaves(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() / PAGE)
        .filter(|page| bytes[page * PAGE] == 13)
        .collect()
}

/// Before anything is damaged everything comes through: values, rowids, counters, what was added later,
/// and what was deleted does not come back. In each encoding, and with what is in the log alone.
#[test]
fn of_a_whole_file_everything_is_saved() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let app = app_in(encoding);
        let open = app.connect();
        open.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             INSERT INTO grown VALUES (4, 'in the log')",
        )
        .unwrap();
        // As the power cut left it.
        let left = app.folder().join("left.db");
        for ending in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{ending}", app.database().display()));
            std::fs::copy(from, format!("{}{ending}", left.display())).unwrap();
        }
        let expected = contents(&app.database());
        drop(open);
        let migrator = app.migrator();
        let into = app.folder().join("saved.db");
        let saved = migrator.database(&left).recover(&into).unwrap();
        assert!(saved.is_complete(), "{encoding}: {saved:?}");
        assert_eq!(contents(&into), expected, "{encoding}");
        assert_eq!(of(&saved, "notes").rows, 1999);
        let read = Connection::open(&into).unwrap();
        let number = |sql: &str| -> i64 { read.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(number("SELECT seq FROM sqlite_sequence"), 2000);
        assert_eq!(number("SELECT count(*) FROM grown WHERE z = 'given'"), 2);
        assert_eq!(
            number("SELECT count(*) FROM grown WHERE z = 'in the log'"),
            1
        );
        assert_eq!(number("SELECT max(rowid) FROM plain"), 2000);
        assert_eq!(number("PRAGMA user_version"), 7);
    }
}

/// A bad sector took one page of an app's only file, and there was no backup. SQLite refused to read
/// past it.
#[test]
fn around_a_damaged_page_every_other_row_is_saved_and_the_lost_ones_are_counted() {
    let app = app();
    let expected = app.number("SELECT count(*) FROM notes");
    let page = {
        let bytes = std::fs::read(app.database()).unwrap();
        let leaf = |page: &usize| {
            let text = String::from_utf8_lossy(&bytes[page * PAGE..(page + 1) * PAGE]);
            text.contains("note 1000") && !text.contains("note 1000x")
        };
        leaves(&bytes).into_iter().find(leaf).unwrap()
    };
    damage(&app, |bytes| overwrite(bytes, page));
    let saved = recover(&app);
    let damaged: Vec<&RecoveredTable> = saved
        .tables
        .iter()
        .filter(|table| table.damaged_pages > 0)
        .collect();
    assert_eq!(damaged.len(), 1, "{saved:?}");
    assert_eq!(saved.lost_and_found, None);
    // The index of the notes says how many there were.
    let notes = of(&saved, "notes");
    assert_eq!(
        notes.rows + notes.lost,
        u64::try_from(expected).unwrap(),
        "{saved:?}"
    );
    let read = Connection::open(&saved.file).unwrap();
    let whole: String = read
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
    // And the new file is put in its place, with what was there kept.
    let before = std::fs::read(app.database()).unwrap();
    let migrator = app.migrator();
    let restored = migrator
        .database(app.database())
        .restore(&BackupRef::File(saved.file.clone()))
        .unwrap();
    let kept = restored.restored.unwrap().replaced.unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), before);
    assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
    assert_eq!(
        u64::try_from(app.number("SELECT count(*) FROM notes")).unwrap(),
        notes.rows
    );
}

/// The page that led to all the others was gone: the rows were there, and nothing led to them.
#[test]
fn rows_that_nothing_leads_to_any_more_are_found() {
    let app = app();
    let expected = contents(&app.database());
    let root = root_of(&app, "notes");
    damage(&app, |bytes| overwrite(bytes, root));
    let saved = recover(&app);
    assert_eq!(
        (of(&saved, "notes").lost, of(&saved, "notes").rows),
        (0, 1999),
        "{saved:?}"
    );
    assert_eq!(saved.lost_and_found, None, "{saved:?}");
    assert_eq!(contents(&saved.file), expected);
}

/// The beginning of the file was gone, with the page size and every name. SQLite called it no
/// database. What the migrations give says where the rows belong.
#[test]
fn without_its_first_page_a_file_is_read_by_what_the_migrations_give() {
    let app = app();
    let rows = |path: &PathBuf| {
        let read = Connection::open(path).unwrap();
        let sql = "SELECT group_concat(id || body || n) FROM (SELECT * FROM notes ORDER BY id)";
        read.query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    let expected = rows(&app.database());
    for length in [100, PAGE] {
        let app = self::app();
        damage(&app, |bytes| bytes[..length].fill(0));
        let saved = recover(&app);
        assert!(!saved.is_complete());
        assert_eq!(rows(&saved.file), expected, "{saved:?}");
    }
    // Of a database that nobody has migrations for the rows are kept all the same.
    let app = self::app();
    damage(&app, |bytes| bytes[..PAGE].fill(0));
    std::fs::remove_file(app.migrations().join("V1__t.sql")).unwrap();
    let saved = recover(&app);
    let found = saved.lost_and_found.unwrap();
    assert!(found.rows >= 1999 + 1999 + 3, "{found:?}");
    let read = Connection::open(&saved.file).unwrap();
    let sql = "SELECT count(*) FROM lost_and_found WHERE c1 LIKE 'note %' AND fields = 4";
    let notes: i64 = read.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(notes, 1999);
}

/// A file that is cut off, or full of nonsense, ends the work of nobody.
#[test]
fn whatever_the_bytes_are_it_ends_and_changes_nothing() {
    let app = app();
    let whole = std::fs::read(app.database()).unwrap();
    let mut seed = 0x9e37_79b9_u32;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        usize::try_from(seed).unwrap()
    };
    for round in 0..40 {
        let into = app.folder().join("saved.db");
        let _ = std::fs::remove_file(&into);
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(random() % bytes.len()),
            1 => (0..200).for_each(|_| {
                let at = random() % whole.len();
                bytes[at] = random().to_le_bytes()[0];
            }),
            // Pages in each other's places lead in circles.
            2 => (0..20).for_each(|_| {
                let count = whole.len() / PAGE;
                let (one, other) = (random() % count, random() % count);
                bytes.copy_within(one * PAGE..(one + 1) * PAGE, other * PAGE);
            }),
            _ => bytes
                .iter_mut()
                .skip(100)
                .step_by(7)
                .for_each(|byte| *byte = 0xff),
        }
        std::fs::write(app.database(), &bytes).unwrap();
        let migrator = app.migrator();
        match migrator.database(app.database()).recover(&into) {
            Ok(saved) => assert!(saved.file.is_file()),
            Err(_) => assert!(!into.exists(), "nothing is left half done"),
        }
        assert!(
            std::fs::read(app.database()).unwrap() == bytes,
            "round {round}"
        );
    }
}

#[test]
fn a_recovery_replaces_nothing_and_needs_a_database() {
    let app = app();
    let into = app.folder().join("there.db");
    std::fs::write(&into, "mine").unwrap();
    let migrator = app.migrator();
    let refused = migrator
        .database(app.database())
        .recover(&into)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert_eq!(std::fs::read(&into).unwrap(), b"mine");
    let nowhere = migrator.database(app.folder().join("none.db"));
    let refused = nowhere.recover(app.folder().join("new.db")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(!app.folder().join("new.db").exists());
}
