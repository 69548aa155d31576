//! The user installed an older app: what it can do with a newer database.

use heirloom::{BackupRef, ErrorKind, Remedy};

use crate::support::app::{App, contents, data};

/// A database at version 3 with rows, and an app that knows version 1.
fn older_app(directive: &str) -> App {
    let app = App::new();
    app.file("V1__t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, x)");
    app.run().unwrap();
    app.sql("INSERT INTO t (x) VALUES (1), (2)");
    app.file(
        "V2__y.sql",
        &format!("{directive}\nALTER TABLE t ADD COLUMN y"),
    )
    .file("V2__y.down.sql", "ALTER TABLE t DROP COLUMN y")
    .file("V3__u.sql", &format!("{directive}\nCREATE TABLE u (z)"))
    .file("V3__u.down.sql", "DROP TABLE u");
    app.run().unwrap();
    app.sql("INSERT INTO t (x, y) VALUES (3, 3), (4, 4), (5, 5); INSERT INTO u VALUES (1)");
    for file in ["V2__y.sql", "V2__y.down.sql", "V3__u.sql", "V3__u.down.sql"] {
        std::fs::remove_file(app.migrations().join(file)).unwrap();
    }
    let error = app.run().unwrap_err();
    assert!(error.is_from_newer_app());
    assert_eq!(error.versions(), Some((3, Some(1))));
    app
}

/// "Restore the backup from before that upgrade", and nobody knew which of the five that was.
#[test]
fn the_refusal_names_the_backup_from_before_the_upgrade() {
    let app = older_app("");
    let error = app.run().unwrap_err();
    let [
        Remedy::Update,
        Remedy::Restore {
            backup: Some(backup),
        },
    ] = error.remedies()
    else {
        panic!("{:?}", error.remedies());
    };
    let name = backup.file_name().unwrap().to_str().unwrap();
    assert!(error.help().unwrap().contains(name), "{error:#}");
    app.migrator()
        .database(app.database())
        .restore(&BackupRef::File(backup.clone()))
        .unwrap();
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
    // One that is gone is not named.
    let app = older_app("");
    app.backups()
        .iter()
        .for_each(|backup| std::fs::remove_file(backup).unwrap());
    let error = app.run().unwrap_err();
    assert!(error.is_from_newer_app());
    assert!(!error.help().unwrap().contains(".db"), "{error:#}");
}

#[test]
fn the_newer_migrations_go_with_the_ways_back_that_were_stored() {
    let app = older_app("");
    let before = app.listing();
    let ways = app
        .migrator()
        .database(app.database())
        .downgrade_options()
        .unwrap();
    assert_eq!(app.listing(), before);
    assert_eq!((ways.version, ways.known), (3, Some(1)));
    assert_eq!(ways.unknown, ["V2__y", "V3__u"]);
    assert!(ways.can_revert && !ways.can_open_anyway);
    let report = app
        .migrator()
        .database(app.database())
        .revert_to_known()
        .unwrap();
    assert_eq!(report.version, Some(1));
    assert!(report.backup.is_some());
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.number("SELECT sum(x) FROM t"), 15);
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'u'"),
        0
    );
    let again = app
        .migrator()
        .database(app.database())
        .revert_to_known()
        .unwrap();
    assert!(again.is_up_to_date());
    let error = app
        .migrator()
        .database(app.database())
        .downgrade_options()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn the_copy_from_before_the_upgrade_says_what_it_would_cost() {
    let app = older_app("");
    let offer = app
        .migrator()
        .database(app.database())
        .downgrade_options()
        .unwrap()
        .restore
        .unwrap();
    assert_eq!(offer.rows_lost, 3);
    assert!(offer.age_s < 3600, "{offer:?}");
    let then = contents(&offer.file);
    app.migrator()
        .database(app.database())
        .restore(&offer.copy)
        .unwrap();
    assert_eq!(contents(&app.database()), then);
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn a_copy_that_is_gone_or_damaged_is_not_offered() {
    let app = older_app("");
    let offer = app
        .migrator()
        .database(app.database())
        .downgrade_options()
        .unwrap()
        .restore
        .unwrap();
    let mut bytes = std::fs::read(&offer.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&offer.file, bytes).unwrap();
    assert_eq!(
        app.migrator()
            .database(app.database())
            .downgrade_options()
            .unwrap()
            .restore,
        None
    );
    let error = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::File(offer.file.clone()));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::BackupInvalid);
    std::fs::remove_file(&offer.file).unwrap();
    assert_eq!(
        app.migrator()
            .database(app.database())
            .downgrade_options()
            .unwrap()
            .restore,
        None
    );
}

#[test]
fn a_database_is_opened_anyway_where_every_newer_migration_said_so() {
    for (directive, opens) in [
        ("-- heirloom: compatible-with 1", true),
        ("-- heirloom: compatible-with 0", true),
        ("-- heirloom: compatible-with 2", false),
        ("", false),
    ] {
        let app = older_app(directive);
        let before = data(&app.database());
        let ways = app
            .migrator()
            .database(app.database())
            .downgrade_options()
            .unwrap();
        assert_eq!(ways.can_open_anyway, opens, "{directive}");
        match app.migrator().database(app.database()).open_anyway() {
            Ok(opened) => {
                assert!(opens, "{directive}");
                assert_eq!(opened.report.version, Some(3));
                opened
                    .connection
                    .execute("INSERT INTO t (x) VALUES (9)", [])
                    .unwrap();
            }
            Err(error) => {
                assert!(!opens, "{directive}");
                assert!(error.is_from_newer_app());
                assert_eq!(data(&app.database()), before);
            }
        }
    }
}

#[test]
fn a_newer_migration_without_a_way_back_is_not_reverted() {
    let app = older_app("");
    app.sql("UPDATE heirloom_history SET down_sql = NULL WHERE version = 2");
    assert!(
        !app.migrator()
            .database(app.database())
            .downgrade_options()
            .unwrap()
            .can_revert
    );
    let before = data(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .revert_to_known()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Irreversible);
    assert_eq!(data(&app.database()), before);
}
