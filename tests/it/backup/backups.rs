//! A verified copy first: what is in it, who may read it, and how long it stays.

use std::path::{Path, PathBuf};

#[cfg(unix)]
use heirloom::Verify;
use heirloom::{ErrorKind, RevertTo};

use crate::support::app::{App, assert_mode, contents, permit};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a');";

/// Everything in the backups folder, by name.
fn names(app: &App) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(app.folder().join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Adds a migration that changes the data, and runs it.
fn next(app: &App, keep: usize, version: i64) -> PathBuf {
    app.file(
        &format!("V{version}__n.sql"),
        &format!("CREATE TABLE t{version} (x)"),
    );
    let report = app
        .migrator()
        .keep_last(keep)
        .migrate(app.database())
        .unwrap();
    report.backup.unwrap()
}

#[test]
fn the_copy_is_the_state_before_the_run_as_a_plain_database_without_companions() {
    for journal in ["DELETE", "WAL", "PERSIST"] {
        let app = App::new();
        app.sql(&format!("PRAGMA page_size = 1024; PRAGMA journal_mode = {journal}; PRAGMA user_version = 7; {TABLE}"));
        app.file("V1__a.sql", "CREATE TABLE a (x)");
        let before = contents(&app.database());
        let backup = app.run().unwrap().backup.unwrap();
        let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            names(&app),
            [format!(".{name}.record"), name.clone()],
            "{journal}"
        );
        assert_eq!(contents(&backup), before, "{journal}");
        let copy = rusqlite::Connection::open(&backup).unwrap();
        for (sql, expected) in [
            ("PRAGMA user_version", "7"),
            ("PRAGMA journal_mode", "delete"),
            ("PRAGMA integrity_check", "ok"),
        ] {
            let found: String = copy
                .query_row(sql, [], |row| {
                    Ok(row
                        .get_ref(0)?
                        .as_i64()
                        .map_or_else(|_| row.get(0).unwrap(), |n| n.to_string()))
                })
                .unwrap();
            assert_eq!(found, expected, "{journal}");
        }
        assert_eq!(names(&app).len(), 2, "opening it leaves nothing beside it");
    }
}

#[test]
fn what_lies_only_in_the_wal_is_in_the_copy() {
    let app = App::new();
    let writer = app.connect();
    writer
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; {TABLE}"
        ))
        .unwrap();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let backup = app.run().unwrap().backup.unwrap();
    drop(writer);
    assert!(
        contents(&backup).contains(&"t: Integer(1), Text([97])".to_owned()),
        "{:?}",
        contents(&backup)
    );
}

#[test]
fn nobody_can_read_the_copy_who_cannot_read_the_database() {
    for (database, folder) in [
        (0o600, 0o700),
        (0o640, 0o750),
        (0o644, 0o755),
        (0o660, 0o770),
    ] {
        let app = App::new();
        app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
        permit(&app.database(), database);
        let backup = app.run().unwrap().backup.unwrap();
        assert_mode(&backup, database, "");
        assert_mode(backup.parent().unwrap(), folder, "");
        assert_mode(&app.database(), database, "");
    }
}

#[test]
fn a_second_copy_in_one_second_gets_a_number() {
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
    std::fs::create_dir(app.folder().join("backups")).unwrap();
    // Every name the next two minutes could give is taken.
    let now = chrono::Utc::now();
    for second in 0..120 {
        let at = now + chrono::TimeDelta::seconds(second);
        let name = at.format("app-%Y-%m-%dT%H-%M-%S.db").to_string();
        std::fs::write(app.folder().join("backups").join(name), "somebody's").unwrap();
    }
    let backup = app.run().unwrap().backup.unwrap();
    assert!(
        backup.to_str().unwrap().ends_with("-2.db"),
        "{}",
        backup.display()
    );
    let others: Vec<_> = app
        .backups()
        .into_iter()
        .filter(|path| *path != backup)
        .collect();
    assert_eq!(others.len(), 120);
    assert!(
        others
            .iter()
            .all(|path| std::fs::read(path).unwrap() == b"somebody's")
    );
}

#[test]
fn a_crash_loop_copies_the_same_state_once_and_different_states_within_the_bound() {
    let app = App::new();
    app.sql(TABLE)
        .file("V1__a.sql", "INSERT INTO t VALUES (1, 'twice')");
    for _ in 0..3 {
        let error = app.refused(ErrorKind::MigrationFailed);
        assert_eq!(error.backup(), Some(app.backups()[0].as_path()));
        assert_eq!(app.backups().len(), 1);
    }
    for row in 2..9 {
        app.sql(&format!("INSERT INTO t VALUES ({row}, 'more')"));
        let before = contents(&app.database());
        let error = app.refused_by(&app.migrator().keep_last(3), ErrorKind::MigrationFailed);
        assert!(app.backups().len() <= 3, "{:?}", app.backups());
        assert_eq!(contents(error.backup().unwrap()), before);
    }
}

#[test]
fn a_copy_that_was_damaged_is_not_taken_for_the_same_state() {
    let app = App::new();
    app.sql(TABLE)
        .file("V1__a.sql", "INSERT INTO t VALUES (1, 'twice')");
    let first = app.run().unwrap_err().backup().unwrap().to_owned();
    std::fs::write(&first, "damaged").unwrap();
    let second = app.run().unwrap_err().backup().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(contents(&second), contents(&app.database()));
}

#[test]
fn the_newest_stay_with_their_records_and_the_others_go_with_theirs() {
    let app = App::new();
    app.sql(TABLE);
    let made: Vec<PathBuf> = (1..=5).map(|version| next(&app, 2, version)).collect();
    let mut kept = vec![made[3].clone(), made[4].clone()];
    kept.sort();
    assert_eq!(app.backups(), kept);
    assert_eq!(names(&app).len(), 4);
}

#[test]
fn five_stay_unless_said_otherwise_and_one_always() {
    let app = App::new();
    app.sql(TABLE);
    for version in 1..=7 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE t{version} (x)"),
        );
        app.run().unwrap();
    }
    assert_eq!(app.backups().len(), 5);
    let last = next(&app, 0, 8);
    assert_eq!(app.backups(), [last]);
}

#[test]
fn the_clock_decides_nothing() {
    let app = App::new();
    app.sql(TABLE);
    let first = next(&app, 5, 1);
    // As if the clock had been ahead by years when the first copy was made.
    let ahead = first.with_file_name("app-2099-01-01T00-00-00.db");
    let record = |path: &Path| {
        path.with_file_name(format!(
            ".{}.record",
            path.file_name().unwrap().to_str().unwrap()
        ))
    };
    std::fs::rename(&first, &ahead).unwrap();
    std::fs::rename(record(&first), record(&ahead)).unwrap();
    let second = next(&app, 1, 2);
    assert_eq!(app.backups(), [second]);
}

#[test]
fn the_newest_copy_from_before_a_pending_version_stays() {
    let app = App::new();
    app.sql(TABLE);
    for file in ["V1__n.sql", "V2__n.sql"] {
        app.file(file, &format!("CREATE TABLE {} (x)", &file[..2]));
    }
    app.run().unwrap();
    let before_three = next(&app, 1, 3);
    app.file("V3__n.down.sql", "DROP TABLE t3");
    app.sql("INSERT INTO t VALUES (9, 'z')");
    let report = app
        .migrator()
        .keep_last(1)
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    let mut kept = vec![before_three, report.backup.unwrap()];
    kept.sort();
    assert_eq!(app.backups(), kept);
}

#[test]
fn what_heirloom_did_not_make_is_never_touched() {
    let app = App::new();
    app.sql(TABLE);
    let folder = app.folder().join("backups");
    std::fs::create_dir(&folder).unwrap();
    let strangers = [
        "app-2020-01-01T00-00-00.db",
        "app.db",
        "app-old.db",
        ".other-2020-01-01T00-00-00.db.partial",
        ".app-notes.db.partial",
        ".app-2020-01-01T00-00-00.db.txt",
        "holiday.jpg",
    ];
    for name in strangers {
        std::fs::write(folder.join(name), name).unwrap();
    }
    for version in 1..=3 {
        next(&app, 1, version);
    }
    for name in strangers {
        assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), name);
    }
}

#[test]
fn a_staging_file_and_a_record_without_its_copy_are_cleaned_away() {
    let app = App::new();
    app.sql(TABLE);
    let first = next(&app, 5, 1);
    let name = first.file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::remove_file(&first).unwrap();
    let partial = first.with_file_name(".app.db-2020-01-01T00-00-00.partial");
    std::fs::write(&partial, "half").unwrap();
    app.file("V2__n.sql", "CREATE TABLE t2 (x)");
    let told = std::sync::Mutex::new(0);
    let report = app
        .migrator()
        .on_event(|event| {
            if let heirloom::Event::CleanedUp { files } = event {
                *told.lock().unwrap() += files;
            }
        })
        .migrate(app.database())
        .unwrap();
    let second = report.backup.unwrap();
    assert_eq!(told.into_inner().unwrap(), 2);
    assert!(!partial.exists());
    let expected = second.file_name().unwrap().to_str().unwrap().to_owned();
    let records = names(&app)
        .iter()
        .filter(|name| name.ends_with(".record"))
        .count();
    assert_eq!(records, 1, "{name} {:?}", names(&app));
    assert!(names(&app).contains(&expected));
}

/// `notes.db` and `notes.sqlite` have one stem, and by the names of their copies nobody
/// could tell them apart.
#[test]
fn two_databases_of_one_stem_do_not_remove_each_others_copies() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let paths = [
        app.folder().join("notes.db"),
        app.folder().join("notes.sqlite"),
    ];
    let backups: Vec<PathBuf> = paths
        .iter()
        .map(|path| {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch(TABLE).unwrap();
            let name = path.display().to_string();
            connection
                .execute("INSERT INTO t VALUES (2, ?1)", [name])
                .unwrap();
            drop(connection);
            app.migrator()
                .keep_last(1)
                .migrate(path)
                .unwrap()
                .backup
                .unwrap()
        })
        .collect();
    for (path, backup) in paths.iter().zip(&backups) {
        assert!(backup.is_file(), "the copy of {} is gone", path.display());
        let copy = rusqlite::Connection::open(backup).unwrap();
        let whose: String = copy
            .query_row("SELECT x FROM t WHERE id = 2", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whose, path.display().to_string());
    }
}

#[test]
fn nothing_to_do_and_nothing_to_copy_make_no_folder() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    assert_eq!(app.run().unwrap().backup, None);
    assert_eq!(app.run().unwrap().backup, None);
    assert!(!app.folder().join("backups").exists());
}

#[test]
fn backups_go_where_they_are_told() {
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
    let folder = app.folder().join("far").join("away");
    let report = app
        .migrator()
        .backups(&folder)
        .migrate(app.database())
        .unwrap();
    assert_eq!(report.backup.unwrap().parent().unwrap(), folder);
    assert!(!app.folder().join("backups").exists());
}

/// A folder given as `backups` and not as `/…/backups` could not be opened, and no run went past it.
#[cfg(unix)]
#[test]
fn a_folder_relative_to_the_working_directory_is_one_like_any_other() {
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
    let here = std::env::current_dir().unwrap();
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let folder = app.folder().join("far");
    let relative = up.join(folder.strip_prefix("/").unwrap());
    let report = app.migrator().backups(&relative).migrate(app.database());
    let backup = report.unwrap().backup.unwrap();
    assert_eq!(backup.canonicalize().unwrap().parent().unwrap(), folder);
    for folder in [relative, folder] {
        let copies = app
            .migrator()
            .backups(folder)
            .database(app.database())
            .backups(Verify::Digest);
        assert_eq!(copies.unwrap().len(), 1);
    }
}

#[test]
fn a_copy_that_cannot_be_made_stops_the_run_before_the_first_change() {
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
    std::fs::write(app.folder().join("backups"), "a file in its place").unwrap();
    app.refused(ErrorKind::Io);
}

#[test]
fn a_damaged_database_is_not_migrated() {
    let app = App::new();
    app.sql(&format!(
        "PRAGMA page_size = 1024; {TABLE} CREATE INDEX by_x ON t (x);"
    ));
    app.sql("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, i FROM n");
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let mut bytes = std::fs::read(app.database()).unwrap();
    let middle = bytes.len() / 1024 / 2 * 1024;
    bytes[middle..middle + 1024].fill(0x5a);
    std::fs::write(app.database(), &bytes).unwrap();
    let error = app.run().unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::BackupInvalid | ErrorKind::NotADatabase
        ),
        "{error:#}"
    );
    assert_eq!(std::fs::read(app.database()).unwrap(), bytes);
    assert_eq!(app.backups().len(), 0);
}

/// The file is copied as it is where its write-ahead log is empty, and by the backup API
/// where a reader keeps the log from being emptied. One state gives one copy either way.
#[test]
fn both_ways_of_copying_give_the_same_file() {
    let app = App::new();
    app.sql(TABLE)
        .sql("PRAGMA journal_mode = WAL")
        .sql("INSERT INTO t VALUES (7, 'seven')");
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (x); INSERT INTO a VALUES ((SELECT count(*) FROM t) / 0 || NULL)",
    );
    app.file("V2__b.sql", "CREATE TABLE a (x)");
    let mut digests = Vec::new();
    for read in [false, true] {
        let reader = app.connect();
        if read {
            reader
                .execute_batch("BEGIN; SELECT count(*) FROM t")
                .unwrap();
            app.connect()
                .execute_batch("UPDATE t SET rowid = rowid")
                .unwrap();
        }
        let copy = app
            .migrator()
            .database(app.database())
            .snapshot(&format!("s{read}"))
            .unwrap();
        digests.push((copy.bytes, std::fs::read(copy.file).unwrap()));
    }
    assert!(digests[0] == digests[1]);
}

/// A NULL that is older than its column's NOT NULL, an index of full-text search that lags
/// behind: they were there before, and are no damage that would keep an app from its data.
#[test]
fn old_oddities_in_the_contents_are_no_damage() {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, NULL);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, x NOT NULL)'
         WHERE name = 't';",
    );
    app.sql(
        "CREATE VIRTUAL TABLE f USING fts5 (x, content = 't', content_rowid = 'id');
         INSERT INTO f (f) VALUES ('rebuild'); UPDATE t SET x = NULL WHERE 0;",
    );
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    assert_eq!(app.run().unwrap().version, Some(1));
}

/// Whatever begins next under the lock cleans up after an interruption, and says so.
#[test]
fn unfinished_files_of_an_interruption_go_with_the_next_work_of_any_kind() {
    for verb in ["run", "snapshot", "restore"] {
        let app = App::new();
        app.sql(TABLE);
        next(&app, 5, 1);
        let folder = app.folder();
        std::fs::create_dir_all(folder.join("snapshots")).unwrap();
        let leftovers = [
            folder.join("backups/.app.db-2020-01-01T00-00-00.partial"),
            folder.join("snapshots/.app.db-2020-01-01T00-00-00.partial"),
            folder.join("app.db.restore.partial"),
        ];
        for path in &leftovers {
            std::fs::write(path, "half").unwrap();
        }
        app.file("V9__z.sql", "CREATE TABLE z (x)");
        let told = std::sync::Mutex::new(0);
        let migrator = app.migrator().on_event(|event| {
            if let heirloom::Event::CleanedUp { files } = event {
                *told.lock().unwrap() += files;
            }
        });
        match verb {
            "run" => drop(migrator.migrate(app.database()).unwrap()),
            "snapshot" => drop(migrator.database(app.database()).snapshot("s").unwrap()),
            _ => drop(
                migrator
                    .database(app.database())
                    .restore(&heirloom::BackupRef::Latest)
                    .unwrap(),
            ),
        }
        drop(migrator);
        assert_eq!(told.into_inner().unwrap(), 3, "{verb}");
        assert!(leftovers.iter().all(|path| !path.exists()), "{verb}");
    }
}

/// An app may bring its own tokenizer; here it is missing, and one table cannot be looked into.
#[test]
fn a_search_table_whose_tokenizer_is_missing_is_copied_with_all_others() {
    let app = App::new();
    app.sql(TABLE).sql(
        "CREATE VIRTUAL TABLE f USING fts5 (x); INSERT INTO f VALUES ('found');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE f USING fts5 (x, tokenize = ''ours'')'
         WHERE name = 'f';",
    );
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let backup = app.run().unwrap().backup.unwrap();
    let copy = rusqlite::Connection::open(backup).unwrap();
    let kept: i64 = copy
        .query_row("SELECT count(*) FROM t, f_content", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}

/// A folder of documents, copied to another computer with its backups.
#[test]
fn a_folder_that_is_moved_takes_its_copies_along() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let (here, there) = (app.folder().join("here"), app.folder().join("there"));
    std::fs::create_dir(&here).unwrap();
    rusqlite::Connection::open(here.join("app.db"))
        .unwrap()
        .execute_batch(TABLE)
        .unwrap();
    app.migrator().migrate(here.join("app.db")).unwrap();
    std::fs::rename(&here, &there).unwrap();
    let copies = app
        .migrator()
        .database(there.join("app.db"))
        .backups(heirloom::Verify::Digest)
        .unwrap();
    assert_eq!(copies.len(), 1);
}

/// Every profile of an app has its `app.db`, and all keep their backups in one place.
#[test]
fn databases_of_one_name_that_share_a_folder_do_not_remove_each_others_copies() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let copies = ["one", "two"].map(|profile| {
        let folder = app.folder().join(profile);
        std::fs::create_dir(&folder).unwrap();
        let connection = rusqlite::Connection::open(folder.join("app.db")).unwrap();
        connection.execute_batch(TABLE).unwrap();
        connection
            .execute("INSERT INTO t VALUES (2, ?1)", [profile])
            .unwrap();
        drop(connection);
        let migrator = app
            .migrator()
            .backups(app.folder().join("all"))
            .keep_last(1);
        let report = migrator.migrate(folder.join("app.db")).unwrap();
        (profile, report.backup.unwrap())
    });
    for (profile, copy) in copies {
        assert!(copy.is_file(), "the copy of {profile} is gone");
        let row = format!("t: Integer(2), Text({:?})", profile.as_bytes());
        assert!(contents(&copy).contains(&row), "{profile}");
    }
}

/// Somebody keeps it, and it would have gone as an old one.
#[test]
fn a_copy_that_somebody_gave_another_name_is_theirs() {
    let app = App::new();
    app.sql(TABLE);
    let first = next(&app, 1, 1);
    let name = first.file_name().unwrap().to_str().unwrap();
    let kept = first.with_file_name("app-before-the-trip.db");
    let record = first.with_file_name(".app-before-the-trip.db.record");
    std::fs::rename(first.with_file_name(format!(".{name}.record")), &record).unwrap();
    std::fs::rename(&first, &kept).unwrap();
    let before = contents(&kept);
    next(&app, 1, 2);
    next(&app, 1, 3);
    assert_eq!(contents(&kept), before);
    assert!(record.is_file());
}
