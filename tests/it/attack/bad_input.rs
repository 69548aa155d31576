//! What is not a database, no migration, or no place to write: a clear sentence, and nothing
//! changed.

#[cfg(unix)]
use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

use heirloom::{ErrorKind, Migrator};

use crate::support::app::{App, part, permit, real};
#[cfg(unix)]
use crate::support::app::{as_ordinary_user, contents};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a');";

/// One pending migration.
fn app() -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app
}

/// The bytes of a good database of several pages.
fn good() -> Vec<u8> {
    let app = App::new();
    app.sql(TABLE)
        .sql("CREATE TABLE u (x); INSERT INTO u VALUES (randomblob(20000))");
    std::fs::read(app.database()).unwrap()
}

#[test]
fn what_is_no_database_is_named_and_left_alone() {
    let header_only = good()[..100].to_vec();
    let cut = good()[..6000].to_vec();
    let mut scrambled = good();
    scrambled.iter_mut().for_each(|byte| *byte ^= 0x5a);
    for (what, bytes) in [
        ("text", b"this is my diary, and no database at all".to_vec()),
        ("one byte", b"x".to_vec()),
        ("encrypted", scrambled),
        ("only a header", header_only),
        ("truncated", cut),
    ] {
        let app = app();
        std::fs::write(app.database(), &bytes).unwrap();
        let refused = |error: heirloom::Error| {
            let kinds = [ErrorKind::NotADatabase, ErrorKind::BackupInvalid];
            assert!(kinds.contains(&error.kind()), "{what}: {error:#}");
            assert!(error.help().is_some(), "{what}");
            assert!(error.data_state().is_unchanged(), "{what}");
        };
        refused(app.run().unwrap_err());
        refused(
            app.migrator()
                .database(app.database())
                .revert(heirloom::RevertTo::Steps(1))
                .map_or_else(
                    |error| error,
                    // Nothing is applied, as far as a truncated one can tell.
                    |_| app.run().unwrap_err(),
                ),
        );
        assert_eq!(std::fs::read(app.database()).unwrap(), bytes, "{what}");
        assert_eq!(app.backups().len(), 0, "{what}");
    }
}

#[test]
fn looking_at_no_database_says_so_and_leaves_no_trace() {
    for bytes in [&b"this is my diary, and no database at all"[..], b"x"] {
        let app = app();
        std::fs::write(app.database(), bytes).unwrap();
        let before = app.listing();
        let error = app
            .migrator()
            .database(app.database())
            .status()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADatabase, "{error:#}");
        let error = app
            .migrator()
            .database(app.database())
            .plan(None)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADatabase, "{error:#}");
        assert_eq!(app.listing(), before);
    }
}

/// The folder must be as it was: somebody made the file, and it was not heirloom.
#[test]
fn an_empty_file_stays_where_the_first_run_fails() {
    let app = App::new();
    std::fs::write(app.database(), "").unwrap();
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (x); INSERT INTO nowhere SELECT 1",
    );
    app.run().unwrap_err();
    assert_eq!(std::fs::read(app.database()).unwrap(), b"");
}

#[test]
fn an_empty_file_is_a_new_database() {
    let app = app();
    std::fs::write(app.database(), "").unwrap();
    let report = app.run().unwrap();
    assert_eq!((report.version, report.backup), (Some(1), None));
}

#[test]
fn a_folder_or_a_device_in_its_place_is_refused() {
    let app = app();
    let below = app.migrations().join("V1__a.sql").join("app.db");
    let mut ends_as_a_folder = app.migrations().join("V1__a.sql").into_os_string();
    ends_as_a_folder.push(std::path::MAIN_SEPARATOR_STR);
    let mut paths = vec![app.migrations(), below, ends_as_a_folder.into()];
    // What Windows has for it has a name of its own: see `windows`.
    if cfg!(unix) {
        paths.push("/dev/null".into());
    }
    for path in paths {
        let before = app.listing();
        let error = app.migrator().migrate(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADatabase, "{}", path.display());
        let error = app.migrator().database(&path).status().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADatabase, "{}", path.display());
        assert_eq!(app.listing(), before);
    }
    assert_eq!(
        app.migrator().migrate("").unwrap_err().kind(),
        ErrorKind::Usage
    );
}

/// The names of its log, its journal, its copies and their records are longer.
#[cfg(unix)]
#[test]
fn a_name_that_leaves_no_room_for_longer_ones_is_refused_before_anything_changes() {
    let app = app();
    app.sql(TABLE);
    for length in [120, 143, 200, 224, 230, 248, 255] {
        let path = app.folder().join("x".repeat(length));
        std::fs::copy(app.database(), &path).unwrap();
        let before = std::fs::read(&path).unwrap();
        match app.migrator().migrate(&path) {
            Ok(report) => {
                assert!(length <= 200, "{length}");
                assert!(report.backup.unwrap().is_file(), "{length}");
                let migrator = app.migrator();
                let restored = migrator
                    .database(&path)
                    .restore(&heirloom::BackupRef::Latest);
                assert_eq!(restored.unwrap().version, None, "{length}");
            }
            Err(error) => {
                assert!(length > 200, "{length}: {error:#}");
                assert!(error.help().unwrap().contains("shorter"), "{error:#}");
                assert!(error.data_state().is_unchanged(), "{error:#}");
                assert_eq!(std::fs::read(&path).unwrap(), before, "{length}");
            }
        }
        assert_eq!(app.number("SELECT count(*) FROM t"), 1);
    }
}

/// Root may write to everything, so the run is an ordinary user's in any case.
#[cfg(unix)]
#[test]
fn a_read_only_file_or_folder_is_refused_before_anything_is_made() {
    for (file, folder) in [(0o444, 0o755), (0o644, 0o555)] {
        let app = app();
        app.sql(TABLE);
        permit(&app.database(), file);
        permit(app.folder(), folder);
        let before = contents(&app.database());
        let output = as_ordinary_user("tells", &app).output().unwrap();
        permit(app.folder(), 0o755);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("refused: Io, unchanged: true"), "{said}");
        assert!(said.contains("writable"), "{said}");
        assert_eq!(contents(&app.database()), before);
        assert!(!app.folder().join("backups").exists());
    }
}

/// The message said that the database could not be opened, and to check the path.
#[cfg(unix)]
#[test]
fn a_file_that_nobody_may_read_is_said_to_be_that() {
    let app = app();
    app.sql(TABLE);
    permit(&app.database(), 0);
    let output = as_ordinary_user("tells", &app).output().unwrap();
    permit(&app.database(), 0o644);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("refused: Io, unchanged: true"), "{said}");
    assert!(said.contains("permission denied"), "{said}");
    assert_eq!(app.number("SELECT count(*) FROM t"), 1);
}

#[test]
fn a_relative_path_is_a_file_in_the_working_folder_whatever_it_looks_like() {
    let mut names = vec!["plain.db", "sub/../plain.db"];
    if cfg!(unix) {
        names.extend(["file:odd.db", "file:odd.db?mode=memory"]);
    }
    for name in names {
        let app = app();
        std::fs::create_dir(app.folder().join("sub")).unwrap();
        let path = app.folder().join(name);
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(TABLE)
            .unwrap();
        // With work to do, and without.
        for _ in 0..2 {
            let mut command = part("tells", &app);
            command
                .current_dir(app.folder())
                .env("HEIRLOOM_TEST_AT", name);
            let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let real = real(&path);
            assert!(
                said.contains(&format!("version 1 of {}\n", real.display())),
                "{said}"
            );
        }
        let odd = app.folder().join("odd.db");
        assert!(!odd.exists(), "{name} was taken for a URI");
    }
}

#[test]
fn an_up_to_date_database_opens_although_it_is_read_only() {
    let app = app();
    app.run().unwrap();
    permit(&app.database(), 0o444);
    let opened = app.migrator().open(app.database()).unwrap();
    assert!(opened.report.is_up_to_date());
    let tables: i64 = opened
        .connection
        .query_row("SELECT count(*) FROM a", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_target_is_migrated_with_the_backups_beside_it() {
    let app = app();
    let far = app.folder().join("far");
    std::fs::create_dir(&far).unwrap();
    let real = far.join("real.db");
    rusqlite::Connection::open(&real)
        .unwrap()
        .execute_batch(TABLE)
        .unwrap();
    let (one, two) = (app.folder().join("one.db"), app.folder().join("two.db"));
    symlink("far/real.db", &one).unwrap();
    symlink(&one, &two).unwrap();
    let report = app.migrator().migrate(&two).unwrap();
    assert_eq!(report.database, real);
    assert_eq!(
        report.backup.unwrap().parent().unwrap(),
        far.join("backups")
    );
    assert!(std::fs::symlink_metadata(&one).unwrap().is_symlink());
    assert!(std::fs::symlink_metadata(&two).unwrap().is_symlink());
    assert!(
        contents(&real)
            .iter()
            .any(|line| line.starts_with("table a "))
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_what_is_not_there_yet_makes_its_target() {
    let app = app();
    std::fs::create_dir(app.folder().join("far")).unwrap();
    symlink("far/real.db", app.database()).unwrap();
    let status = app.migrator().database(app.database()).status().unwrap();
    assert!(!status.exists);
    let report = app.run().unwrap();
    assert_eq!(report.database, app.folder().join("far").join("real.db"));
    assert!(
        std::fs::symlink_metadata(app.database())
            .unwrap()
            .is_symlink()
    );
    assert!(app.folder().join("far").join("real.db").is_file());
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_are_refused() {
    let app = app();
    symlink("app.db", app.folder().join("other.db")).unwrap();
    symlink("other.db", app.database()).unwrap();
    assert_eq!(app.run().unwrap_err().kind(), ErrorKind::Io);
    assert!(
        std::fs::symlink_metadata(app.database())
            .unwrap()
            .is_symlink()
    );
}

/// What Windows does not take for a name is tested in `windows`.
#[cfg(unix)]
#[test]
fn odd_characters_in_a_path_are_characters() {
    let odd = [
        "with space.db",
        "it's \"quoted\".db",
        "größe 日本.db",
        "what?.db",
        "a#b.db",
        "100%.db",
        "%41.db",
        "a?mode=memory",
        "file:x.db",
        ":memory:",
        "semi;colon",
        "back\\slash.db",
        "-wal",
        ".hidden",
        "no_ending",
        "tab\there.db",
        "new\nline.db",
    ];
    let paths = odd
        .iter()
        .map(OsStr::new)
        .chain([OsStr::from_bytes(b"not-\xff-utf8.db")]);
    for name in paths {
        let app = app();
        let folder = app.folder().join(name).join("below");
        let path = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(TABLE)
            .unwrap();
        assert!(path.is_file(), "{name:?}");
        let listing = app.listing();
        assert_eq!(
            app.migrator()
                .database(&path)
                .plan(None)
                .unwrap()
                .steps
                .len(),
            1,
            "{name:?}"
        );
        assert_eq!(app.listing(), listing, "{name:?}");
        let report = app.migrator().migrate(&path).unwrap();
        assert_eq!(report.database, path, "{name:?}");
        let backup = report.backup.unwrap();
        assert_eq!(
            contents(&backup)[1],
            "t: Integer(1), Text([97])",
            "{name:?}"
        );
        assert!(
            app.migrator()
                .database(&path)
                .status()
                .unwrap()
                .is_up_to_date(),
            "{name:?}"
        );
        // A second copy finds the first.
        app.file("V2__b.sql", "CREATE TABLE b (x)");
        app.migrator().keep_last(1).migrate(&path).unwrap();
        assert!(!backup.exists(), "{name:?}");
        let beside: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(beside.len(), 3, "{name:?}: {beside:?}");
    }
}

#[test]
fn files_that_are_no_migrations_are_named_and_nothing_is_touched() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("V01__again.sql", b"CREATE TABLE b (x)", "V01__again.sql"),
        ("V2__empty.sql", b"", "V2__empty.sql"),
        ("V2__new.sql", b"-- new: the up migration.\n", "V2__new.sql"),
        ("V2__latin1.sql", b"SELECT 'gr\xf6\xdfe'", "V2__latin1.sql"),
        ("V2__utf16.sql", b"\xff\xfeS\0E\0L\0", "V2__utf16.sql"),
        (
            "V2__nul.sql",
            b"CREATE TABLE b (x);\0 CREATE TABLE c (x);",
            "V2__nul.sql",
        ),
        ("V2__b-c.sql", b"SELECT 1", "V2__b-c.sql"),
        ("v2__b.sql", b"SELECT 1", "v2__b.sql"),
        ("V2__b.SQL", b"SELECT 1", "V2__b.SQL"),
        ("V1.5__b.sql", b"SELECT 1", "V1.5__b.sql"),
        ("V9__b.down.sql", b"SELECT 1", "V9__b.down.sql"),
        ("V2__param.sql", b"INSERT INTO t VALUES (?, 1)", "parameter"),
        ("V2__unknown.sql", b"-- heirloom: dance\nSELECT 1", "dance"),
    ];
    for (name, bytes, word) in cases {
        let app = app();
        app.sql(TABLE);
        std::fs::write(app.migrations().join(name), bytes).unwrap();
        let error = app.refused(ErrorKind::InvalidMigration);
        assert!(format!("{error:#}").contains(word), "{name}: {error:#}");
        assert_eq!(app.backups().len(), 0, "{name}");
    }
}

#[test]
fn a_mistake_in_a_later_file_is_found_before_the_first_is_touched() {
    for (sql, line, column) in [
        ("SELECT 1;\n  SELEC 2;", 2, 3),
        ("CREATE TABLE b (x);\nINSERT INTO b (y) VALUES (1);", 2, 1),
        ("SELECT 1;\nSELECT nosuch(1);", 2, 8),
        ("SELECT 1;\r\n\r\nINSERT INTO nowhere VALUES (1);", 3, 13),
        ("CREATE TABLE a (x);", 1, 14),
    ] {
        let app = app();
        app.sql(TABLE).file("V2__b.sql", sql);
        let error = app.refused(ErrorKind::MigrationFailed);
        let place = error.location().unwrap();
        assert!(place.file.ends_with("V2__b.sql"));
        assert_eq!(
            (place.position.line, place.position.column),
            (line, column),
            "{error:#}"
        );
        assert_eq!(error.migration(), Some("V2__b"));
        assert!(format!("{error:#}").contains('^'));
        assert_eq!(app.backups().len(), 0);
    }
}

#[test]
fn a_folder_of_migrations_that_is_not_there_or_holds_none() {
    let app = App::new();
    app.sql(TABLE);
    let error = app.refused_by(
        &Migrator::new(app.folder().join("typo")),
        ErrorKind::NotFound,
    );
    assert!(error.to_string().contains("typo"));
    let before = app.listing();
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.listing(), before);
}

#[test]
fn a_new_database_that_fails_leaves_no_database_behind() {
    for sql in [
        "SELEC",
        "CREATE TABLE b (x UNIQUE); INSERT INTO b VALUES (1), (1)",
    ] {
        let app = app();
        app.file("V2__b.sql", sql);
        let error = app.run().unwrap_err();
        assert_eq!(error.migration(), Some("V2__b"));
        assert!(!app.database().exists(), "{sql}");
        assert!(!app.folder().join("app.db-journal").exists());
        assert!(
            !app.migrator()
                .database(app.database())
                .status()
                .unwrap()
                .exists
        );
    }
}

/// SQLite would take it for a database in memory, and everything would be gone at the end.
#[test]
fn a_database_in_memory_is_no_file_to_migrate() {
    let app = app();
    let error = app.migrator().migrate(":memory:").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(!std::path::Path::new(":memory:").exists());
}

/// What a file manager leaves in a folder is not text, and was read as one.
#[test]
fn files_of_other_kinds_beside_the_migrations_are_passed_over() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    for name in ["ab", ".DS_Store", "picture.png"] {
        std::fs::write(app.migrations().join(name), [0xff, 0xfe, 0]).unwrap();
    }
    assert_eq!(app.run().unwrap().version, Some(1));
    assert_eq!(app.number("SELECT count(*) FROM a"), 0);
}
