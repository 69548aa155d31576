//! What was applied, and whether the files still say the same.

use std::hash::{Hash, Hasher};

use heirloom::{ErrorKind, MigrationState};
use refinery_core::Migration;
use siphasher::sip::SipHasher13;

use crate::support::app::{App, contents};

/// A history as refinery's rusqlite driver leaves it: (version, name, SQL, version number
/// in 64 bits).
fn as_refinery(app: &App, rows: &[(i64, &str, &str, bool)]) {
    app.sql(
        "CREATE TABLE IF NOT EXISTS refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));",
    );
    for &(version, name, sql, wide) in rows {
        let checksum = if wide {
            Migration::unapplied(&format!("V{version}__{name}"), sql)
                .unwrap()
                .checksum()
        } else {
            let mut hasher = SipHasher13::new();
            (name, i32::try_from(version).unwrap(), sql).hash(&mut hasher);
            hasher.finish()
        };
        app.sql(&format!(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES ({version}, '{name}', '2024-02-29T12:00:00.123456789Z', '{checksum}')"
        ));
    }
}

/// Two files applied.
fn applied() -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x);")
        .file("V3__c.sql", "CREATE TABLE c (x);");
    app.run().unwrap();
    app
}

#[test]
fn checksums_of_refinery_are_recognised_in_either_width_and_with_any_line_ending() {
    let unix = "CREATE TABLE a (x);\nCREATE TABLE b (y);\n";
    let windows = &unix.replace('\n', "\r\n");
    let with_mark = |sql: &str| format!("\u{feff}{sql}");
    let (unix_mark, windows_mark) = (with_mark(unix), with_mark(windows));
    let texts = [unix, windows, &unix_mark, &windows_mark];
    for stored in texts {
        for file in texts {
            for wide in [false, true] {
                let app = App::new();
                as_refinery(&app, &[(1, "a", stored, wide)]);
                app.file("V1__a.sql", file);
                let before = app.listing();
                let report = app.run().unwrap();
                assert!(report.is_up_to_date());
                assert_eq!(report.version, Some(1));
                assert_eq!(app.listing(), before, "{stored:?} {file:?} {wide}");
            }
        }
    }
}

#[test]
fn a_history_of_refinery_is_continued_in_its_own_table() {
    let app = App::new();
    app.sql("CREATE TABLE a (x)");
    as_refinery(&app, &[(1, "a", "CREATE TABLE a (x);", false)]);
    app.file("V1__a.sql", "CREATE TABLE a (x);")
        .file("V2__b.sql", "CREATE TABLE b (x);");
    let report = app.run().unwrap();
    assert_eq!((report.version_before, report.version), (Some(1), Some(2)));
    assert_eq!(
        app.text("SELECT group_concat(version) FROM refinery_schema_history"),
        "1,2"
    );
    let ours = Migration::unapplied("V2__b", "CREATE TABLE b (x);")
        .unwrap()
        .checksum();
    assert_eq!(
        app.text("SELECT checksum FROM refinery_schema_history WHERE version = 2"),
        ours.to_string()
    );
}

#[test]
fn a_changed_file_is_refused_with_both_texts() {
    let app = applied();
    app.file("V1__a.sql", "CREATE TABLE a (x, y);")
        .file("V4__d.sql", "CREATE TABLE d (x);");
    let error = app.refused(ErrorKind::Diverged);
    assert_eq!(error.migration(), Some("V1__a"));
    let difference = error.difference().unwrap();
    assert_eq!(difference.applied, "CREATE TABLE a (x);");
    assert_eq!(difference.file, "CREATE TABLE a (x, y);");
    let status = app.migrator().database(app.database()).status().unwrap();
    assert_eq!(status.count(MigrationState::Changed), 1);
    assert!(!status.is_up_to_date());
}

#[test]
fn a_changed_file_that_refinery_applied_is_refused_without_the_old_text() {
    let app = App::new();
    as_refinery(&app, &[(1, "a", "CREATE TABLE a (x);", true)]);
    app.file("V1__a.sql", "CREATE TABLE a (y);");
    assert_eq!(app.refused(ErrorKind::Diverged).difference(), None);
}

#[test]
fn a_renamed_file_is_a_changed_one() {
    let app = applied();
    std::fs::rename(
        app.migrations().join("V1__a.sql"),
        app.migrations().join("V1__z.sql"),
    )
    .unwrap();
    let error = app.refused(ErrorKind::Diverged);
    assert!(error.to_string().contains("`a`"), "{error}");
}

#[test]
fn a_file_that_is_gone_from_the_middle_is_missing_and_from_the_end_the_database_is_newer() {
    let app = applied();
    std::fs::remove_file(app.migrations().join("V1__a.sql")).unwrap();
    let error = app.refused(ErrorKind::Missing);
    assert_eq!(error.migration(), Some("V1__a"));
    assert!(!error.is_from_newer_app());

    let app = applied();
    std::fs::remove_file(app.migrations().join("V3__c.sql")).unwrap();
    let error = app.refused(ErrorKind::DatabaseNewer);
    assert!(error.is_from_newer_app());
    assert_eq!(error.versions(), Some((3, Some(1))));
    std::fs::remove_file(app.migrations().join("V1__a.sql")).unwrap();
    assert_eq!(
        app.refused(ErrorKind::DatabaseNewer).versions(),
        Some((3, None))
    );
}

#[test]
fn an_older_app_that_lacks_several_files_says_newer_and_not_missing() {
    let app = applied();
    app.file("V4__d.sql", "CREATE TABLE d (x);")
        .file("V5__e.sql", "CREATE TABLE e (x);");
    app.run().unwrap();
    for file in ["V4__d.sql", "V5__e.sql"] {
        std::fs::remove_file(app.migrations().join(file)).unwrap();
    }
    assert_eq!(
        app.refused(ErrorKind::DatabaseNewer).versions(),
        Some((5, Some(3)))
    );
}

#[test]
fn a_late_file_is_refused_unless_its_name_says_any_order() {
    let app = applied();
    app.file("V2__b.sql", "CREATE TABLE b (x);")
        .file("V4__d.sql", "CREATE TABLE d (x);");
    let error = app.refused(ErrorKind::OutOfOrder);
    assert_eq!(error.migration(), Some("V2__b"));
    assert_eq!(
        app.migrator()
            .database(app.database())
            .status()
            .unwrap()
            .count(MigrationState::OutOfOrder),
        1
    );

    std::fs::rename(
        app.migrations().join("V2__b.sql"),
        app.migrations().join("U2__b.sql"),
    )
    .unwrap();
    assert_eq!(app.run().unwrap().version, Some(4));
    assert_eq!(app.text("SELECT group_concat(version) FROM (SELECT version FROM refinery_schema_history ORDER BY 1)"), "1,2,3,4");
    assert!(app.run().unwrap().is_up_to_date());
}

#[test]
fn a_late_file_alone_moves_the_version_nowhere() {
    let app = applied();
    app.file("U2__b.sql", "CREATE TABLE b (x);");
    let report = app.run().unwrap();
    assert_eq!((report.version_before, report.version), (Some(3), Some(3)));
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"),
        1
    );
}

#[test]
fn a_malformed_row_is_named_by_its_column() {
    let cases = [
        ("version", "'one'"),
        ("version", "NULL"),
        ("version", "1.5"),
        ("name", "NULL"),
        ("name", "x'ff'"),
        ("name", "CAST(x'ff' AS TEXT)"),
        ("applied_on", "'yesterday'"),
        ("applied_on", "NULL"),
        ("applied_on", "1700000000"),
        ("checksum", "NULL"),
        ("checksum", "'abc'"),
        ("checksum", "'-1'"),
        ("checksum", "'99999999999999999999999'"),
    ];
    for (column, value) in cases {
        let app = applied();
        app.sql(
            "ALTER TABLE refinery_schema_history RENAME TO h;
                 CREATE TABLE refinery_schema_history (version, name, applied_on, checksum);
                 INSERT INTO refinery_schema_history SELECT * FROM h; DROP TABLE h;",
        );
        app.sql(&format!(
            "UPDATE refinery_schema_history SET {column} = {value} WHERE version = 3"
        ));
        app.file("V4__d.sql", "CREATE TABLE d (x);");
        let before = contents(&app.database());
        let migrator = app.migrator();
        let path = app.database();
        let errors = [
            migrator.migrate(&path).unwrap_err(),
            migrator.database(&path).status().unwrap_err(),
            migrator.database(&path).plan(None).unwrap_err(),
            migrator
                .database(&path)
                .revert(heirloom::RevertTo::Steps(1))
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                error.kind(),
                ErrorKind::Diverged,
                "{column} {value}: {error:#}"
            );
            assert!(
                error.to_string().contains(column),
                "{column} {value}: {error}"
            );
        }
        assert_eq!(contents(&path), before);
    }
}

#[test]
fn a_checksum_that_lost_its_quotes_is_malformed_and_not_a_crash() {
    let app = applied();
    app.sql("UPDATE refinery_schema_history SET checksum = x'31'");
    let error = app.refused(ErrorKind::Diverged);
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn one_version_twice_is_refused() {
    let app = applied();
    app.sql("ALTER TABLE refinery_schema_history RENAME TO h;
             CREATE TABLE refinery_schema_history AS SELECT * FROM h UNION ALL SELECT * FROM h; DROP TABLE h;");
    let error = app.refused(ErrorKind::Diverged);
    assert!(error.to_string().contains("version 1 twice"), "{error}");
}

#[test]
fn a_history_table_that_is_something_else_is_not_written_to() {
    for other in [
        "CREATE TABLE refinery_schema_history (id INTEGER PRIMARY KEY, event TEXT)",
        "CREATE VIEW refinery_schema_history AS SELECT 1 AS version",
        "CREATE TABLE refinery_schema_history (version, name, checksum)",
    ] {
        let app = App::new();
        app.sql(other).file("V1__a.sql", "CREATE TABLE a (x)");
        let error = app.refused(ErrorKind::Diverged);
        assert!(
            error.to_string().contains("refinery_schema_history"),
            "{error}"
        );
        let other = app
            .migrator()
            .history_table("mine")
            .migrate(app.database())
            .unwrap();
        assert_eq!(other.version, Some(1));
    }
}

#[test]
fn a_history_table_may_have_any_name() {
    for name in [
        "with space",
        "quo\"te",
        "semi;colon'--",
        "größe",
        "select",
        "Order",
        "a.b",
        "[x]",
    ] {
        let app = App::new();
        app.file("V1__a.sql", "CREATE TABLE a (x)")
            .file("V1__a.down.sql", "DROP TABLE a");
        app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
        let before = contents(&app.database());
        let migrator = app.migrator().history_table(name);
        migrator.migrate(app.database()).unwrap();
        let again = migrator.migrate(app.database()).unwrap();
        assert!(again.is_up_to_date(), "{name}");
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        assert_eq!(
            app.number(&format!("SELECT count(*) FROM {quoted}")),
            1,
            "{name}"
        );
        migrator
            .database(app.database())
            .revert(heirloom::RevertTo::Steps(1))
            .unwrap();
        let left: Vec<String> = contents(&app.database())
            .into_iter()
            .filter(|line| before.contains(line))
            .collect();
        assert_eq!(left, before, "{name}");
    }
}

#[test]
fn two_histories_in_one_database_do_not_know_each_other() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app.run().unwrap();
    let other = App::new();
    other.file("V1__b.sql", "CREATE TABLE b (x)");
    let report = other
        .migrator()
        .history_table("plugin")
        .migrate(app.database())
        .unwrap();
    assert_eq!(report.version_before, None);
    assert!(app.run().unwrap().is_up_to_date());
    app.file("V1__a.sql", "CREATE TABLE changed (x)");
    assert_eq!(
        app.refused(ErrorKind::Diverged)
            .difference()
            .unwrap()
            .applied,
        "CREATE TABLE a (x)"
    );
}

#[test]
fn a_target_stops_the_run_and_a_strange_one_is_refused() {
    let app = App::new();
    for version in 1..=3 {
        app.file(
            &format!("V{version}__t.sql"),
            &format!("CREATE TABLE t{version} (x)"),
        );
    }
    let to = |version| app.migrator().database(app.database()).migrate_to(version);
    assert_eq!(to(2).unwrap().version, Some(2));
    let before = contents(&app.database());
    assert_eq!(to(1).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(to(9).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(to(2).unwrap().is_up_to_date());
    assert_eq!(contents(&app.database()), before);
    assert_eq!(to(3).unwrap().version, Some(3));
}
