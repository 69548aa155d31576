//! Back to where it was, with the protection of a run.

use heirloom::{Act, DataState, ErrorKind, Remedy, RevertTo};

use crate::support::app::{App, contents, data};

/// A table with rows at version 1, and three more migrations, each with its down migration.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);",
    )
    .file("V1__t.down.sql", "DROP TABLE t;");
    app.run().unwrap();
    app.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b');")
        .file("V2__y.sql", "ALTER TABLE t ADD COLUMN y;")
        .file("V2__y.down.sql", "ALTER TABLE t DROP COLUMN y;")
        .file("V3__u.sql", "CREATE TABLE u (x); CREATE INDEX ux ON u (x);")
        .file("V3__u.down.sql", "DROP TABLE u;")
        .file("V4__v.sql", "CREATE VIEW v AS SELECT x FROM t;")
        .file("V4__v.down.sql", "DROP VIEW v;");
    app
}

/// The data at each version, from 0.
fn states(app: &App) -> Vec<Vec<String>> {
    let mut states = vec![vec![], data(&app.database())];
    for version in 2..=4 {
        app.migrator()
            .database(app.database())
            .migrate_to(version)
            .unwrap();
        states.push(data(&app.database()));
    }
    states
}

#[test]
fn each_way_of_saying_how_far_leads_to_the_state_of_that_time() {
    for (to, version, reverted) in [
        (RevertTo::Steps(1), 3, vec![4]),
        (RevertTo::Steps(2), 2, vec![4, 3]),
        (RevertTo::Steps(4), 0, vec![4, 3, 2, 1]),
        (RevertTo::Version(3), 3, vec![4]),
        (RevertTo::Version(1), 1, vec![4, 3, 2]),
        (RevertTo::Version(0), 0, vec![4, 3, 2, 1]),
        (RevertTo::Version(4), 4, vec![]),
    ] {
        let app = app();
        let states = states(&app);
        let plan = app
            .migrator()
            .database(app.database())
            .plan_revert(to)
            .unwrap();
        let report = app.migrator().database(app.database()).revert(to).unwrap();
        assert_eq!(report.act, Act::Revert);
        assert!(
            report
                .notes
                .iter()
                .all(|note| note.starts_with("destroyed")),
            "{:?}",
            report.notes
        );
        assert_eq!(report.version_before, Some(4));
        assert_eq!(
            report.version,
            (version > 0).then_some(version as i64),
            "{to:?}"
        );
        let done: Vec<i64> = report.reverted.iter().map(|done| done.version).collect();
        assert_eq!(done, reverted, "{to:?}");
        let planned: Vec<i64> = plan.steps.iter().map(|step| step.version).collect();
        assert_eq!(planned, reverted, "{to:?}");
        assert_eq!(data(&app.database()), states[version], "{to:?}");
        assert_eq!(
            app.number("SELECT count(*) FROM heirloom_history"),
            version as i64
        );
        app.run().unwrap();
        if version > 0 {
            assert_eq!(data(&app.database()), states[4], "{to:?}: and there again");
        }
    }
}

#[test]
fn a_copy_is_taken_first() {
    let app = app();
    app.run().unwrap();
    let before = contents(&app.database());
    let report = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(contents(&report.backup.unwrap()), before);
}

#[test]
fn nowhere_to_go_is_said_and_nothing_is_touched() {
    let app = app();
    app.run().unwrap();
    let before = contents(&app.database());
    for (to, kind) in [
        (RevertTo::Steps(0), ErrorKind::Usage),
        (RevertTo::Steps(5), ErrorKind::NotFound),
        (RevertTo::Version(7), ErrorKind::NotFound),
        (RevertTo::Version(-1), ErrorKind::NotFound),
    ] {
        let error = app
            .migrator()
            .database(app.database())
            .revert(to)
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{to:?}");
        // A fuzzer found two of them without.
        assert!(error.help().is_some(), "{to:?}");
        assert_eq!(
            app.migrator()
                .database(app.database())
                .plan_revert(to)
                .unwrap_err()
                .kind(),
            kind
        );
        assert_eq!(contents(&app.database()), before);
    }
    assert_eq!(app.backups().len(), 1);
}

#[test]
fn nothing_applied_is_nothing_to_take_back() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)")
        .file("V1__a.sql", "CREATE TABLE a (x)");
    let before = app.listing();
    let report = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert!(report.is_up_to_date());
    let database = |listing: Vec<(std::path::PathBuf, Vec<u8>)>| {
        listing
            .into_iter()
            .filter(|(path, _)| !path.ends_with("app.db.lock"))
            .collect::<Vec<_>>()
    };
    assert_eq!(database(app.listing()), before);
}

#[test]
fn a_migration_without_a_way_back_stops_the_others_before_anything_is_touched() {
    for down in [None, Some(""), Some("-- nobody wrote it\n")] {
        let app = app();
        let file = app.migrations().join("V3__u.down.sql");
        match down {
            None => std::fs::remove_file(file).unwrap(),
            Some(text) => std::fs::write(file, text).unwrap(),
        }
        app.run().unwrap();
        let (before, backups) = (contents(&app.database()), app.backups());
        let error = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(2))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Irreversible);
        assert_eq!(error.migration(), Some("V3__u"));
        assert_eq!(*error.data_state(), DataState::Untouched);
        assert!(
            !app.migrator()
                .database(app.database())
                .status()
                .unwrap()
                .migrations[2]
                .reversible
        );
        assert_eq!(contents(&app.database()), before);
        assert_eq!(app.backups(), backups);
    }
}

#[test]
fn a_way_back_that_fails_is_undone() {
    let app = app();
    app.file(
        "V3__u.down.sql",
        "DROP INDEX ux; CREATE UNIQUE INDEX one ON t (y); DROP TABLE u;",
    );
    app.run().unwrap();
    app.sql("UPDATE t SET y = 1");
    let before = contents(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(2))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert_eq!(error.migration(), Some("V3__u"));
    assert!(
        matches!(error.data_state(), DataState::RolledBackAndProved { .. }),
        "{error:#}"
    );
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_way_back_that_leads_elsewhere_is_reported_in_words() {
    for (down, words) in [
        ("SELECT 1", "column `y` of `t` should not be there"),
        (
            "ALTER TABLE t DROP COLUMN y; CREATE TABLE extra (x)",
            "table `extra` should not be there",
        ),
        (
            "ALTER TABLE t DROP COLUMN y; CREATE INDEX i ON t (x)",
            "index `i` should not be there",
        ),
    ] {
        let app = App::new();
        app.file(
            "V1__t.sql",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);",
        )
        .file("V2__y.sql", "ALTER TABLE t ADD COLUMN y;")
        .file("V2__y.down.sql", down);
        app.run().unwrap();
        let report = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(1))
            .unwrap();
        assert!(
            report.notes.iter().any(|note| note.contains(words)),
            "{down}: {:?}",
            report.notes
        );
        assert_eq!(report.version, Some(1));
    }
}

#[test]
fn an_object_that_a_way_back_forgets_is_missed() {
    let app = App::new();
    app.file(
        "V1__t.sql",
        "CREATE TABLE t (x, y); CREATE INDEX i ON t (x);",
    )
    .file("V2__no.sql", "DROP INDEX i; DROP TABLE IF EXISTS none;")
    .file("V2__no.down.sql", "SELECT 'nothing'");
    app.run().unwrap();
    let report = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("index `i` is missing")),
        "{:?}",
        report.notes
    );
}

#[test]
fn what_the_app_made_by_itself_is_no_difference() {
    let app = App::new();
    app.file("V1__t.sql", "CREATE TABLE t (x);")
        .file("V2__y.sql", "ALTER TABLE t ADD COLUMN y;")
        .file("V2__y.down.sql", "ALTER TABLE t DROP COLUMN y;");
    app.run().unwrap();
    app.sql("CREATE TABLE cache (k); CREATE INDEX ck ON cache (k); ANALYZE");
    let report = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(report.notes, [""; 0]);
    assert_eq!(app.number("SELECT count(*) FROM cache"), 0);
}

#[test]
fn what_the_way_back_destroys_is_told() {
    let app = app();
    app.run().unwrap();
    app.sql("UPDATE t SET y = 5 WHERE id = 1; INSERT INTO u VALUES (1), (2);");
    let to = RevertTo::Version(1);
    let plan = app
        .migrator()
        .database(app.database())
        .plan_revert(to)
        .unwrap();
    let planned: Vec<String> = plan
        .steps
        .iter()
        .flat_map(|step| &step.losses)
        .map(ToString::to_string)
        .collect();
    assert_eq!(planned, ["table `u`: 2 rows", "column `y` of `t`: 1 value"]);
    let notes = app
        .migrator()
        .database(app.database())
        .revert(to)
        .unwrap()
        .notes;
    for loss in planned {
        assert!(notes.contains(&format!("destroyed {loss}")), "{notes:?}");
    }
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn rows_that_a_way_back_loses_without_a_delete_fail_it() {
    let app = app();
    app.file(
        "V2__y.down.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO n SELECT id, x FROM t WHERE id = 1;
         DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    app.migrator()
        .database(app.database())
        .migrate_to(2)
        .unwrap();
    let before = contents(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive);
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn rows_that_a_migration_put_in_its_way_back_may_delete() {
    let app = app();
    app.file("V5__seed.sql", "INSERT INTO t (id, x) VALUES (9, 'seed')")
        .file("V5__seed.down.sql", "DELETE FROM t WHERE id = 9");
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn a_file_that_changed_since_is_taken_back_by_the_way_back_of_that_day() {
    let app = app();
    app.run().unwrap();
    app.file("V4__v.sql", "CREATE VIEW w AS SELECT x FROM t;")
        .file("V4__v.down.sql", "DROP VIEW w;");
    let plan = app
        .migrator()
        .database(app.database())
        .plan_revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(plan.steps[0].sql, "DROP VIEW v;");
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(app.run().unwrap().version, Some(4));
    assert_eq!(app.number("SELECT count(*) FROM w"), 2);
}

/// With the file of the down migration alone deleted it said that there was none, and the one that the
/// database keeps was there.
#[test]
fn a_way_back_whose_file_is_gone_is_told_to_be_in_the_database() {
    let app = app();
    app.run().unwrap();
    let file = app.migrations().join("V4__v.down.sql");
    for text in [None, Some("-- heirloom: irreversible\n")] {
        match text {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        let before = contents(&app.database());
        let error = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(1))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Irreversible);
        assert!(error.to_string().contains("stored"), "{error}");
        let help = error.help().unwrap();
        assert!(help.contains("V4__v.down.sql again"), "{help}");
        let [Remedy::Query { sql }] = error.remedies() else {
            panic!("{error:#}");
        };
        assert_eq!(app.text(sql), "DROP VIEW v;");
        assert_eq!(contents(&app.database()), before);
    }
    std::fs::write(&file, "DROP VIEW v;").unwrap();
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'v'"),
        0
    );
}

/// What a file says is corrected in the file. A stored down migration is none, and its statement "to be
/// corrected" was to be found nowhere.
#[test]
fn a_stored_way_back_that_is_wrong_says_what_can_be_done_about_it() {
    for (wrong, kind) in [
        ("DROP VIEW nobody;", ErrorKind::MigrationFailed),
        ("DROP VIEW v; COMMIT;", ErrorKind::InvalidMigration),
        (
            "DROP VIEW v; INSERT OR REPLACE INTO t SELECT 1, 'a', 0 FROM t WHERE id = 2; UPDATE OR REPLACE t SET id = 1;",
            ErrorKind::Destructive,
        ),
    ] {
        let app = app();
        app.file("V4__v.down.sql", wrong);
        app.run().unwrap();
        // Edited since, so that what is beside it now says nothing of what was applied.
        app.file("V4__v.sql", "CREATE VIEW v AS SELECT id, x FROM t;")
            .file("V4__v.down.sql", "DROP VIEW v;");
        let before = data(&app.database());
        let error = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(1))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error:#}");
        let help = error.help().unwrap();
        assert!(help.contains("put the migration's own file back"), "{help}");
        assert_eq!(data(&app.database()), before);
        // And that is the way out.
        app.file("V4__v.sql", "CREATE VIEW v AS SELECT x FROM t;");
        app.migrator()
            .database(app.database())
            .revert(RevertTo::Steps(1))
            .unwrap();
        assert_eq!(app.number("SELECT count(*) FROM t"), 2);
    }
}

#[test]
fn files_that_are_gone_are_taken_back_as_they_were_applied() {
    let app = app();
    let states = states(&app);
    for file in ["V4__v.sql", "V4__v.down.sql", "V3__u.sql", "V3__u.down.sql"] {
        std::fs::remove_file(app.migrations().join(file)).unwrap();
    }
    assert!(app.run().unwrap_err().is_from_newer_app());
    let report = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Version(2))
        .unwrap();
    assert_eq!(report.notes, [""; 0]);
    assert_eq!(data(&app.database()), states[2]);
    assert!(app.run().unwrap().is_up_to_date());
}

#[test]
fn children_survive_a_rebuild_on_the_way_back() {
    let app = App::new();
    app.sql(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, x TEXT); CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);
         INSERT INTO p VALUES (1, 'a'); INSERT INTO c VALUES (1), (1);",
    );
    let rebuild = |column: &str| {
        format!(
            "CREATE TABLE n (id INTEGER PRIMARY KEY, {column}); INSERT INTO n SELECT * FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p;"
        )
    };
    app.file("V1__r.sql", &rebuild("x TEXT NOT NULL"))
        .file("V1__r.down.sql", &rebuild("x TEXT"));
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM c"), 2);
}

#[test]
fn a_way_back_outside_a_transaction_is_put_back_when_it_fails() {
    for (down, works) in [
        ("VACUUM; DROP VIEW v;", true),
        ("DROP VIEW v; INSERT INTO t VALUES (1, 'twice', 1);", false),
    ] {
        let app = app();
        app.file(
            "V4__v.down.sql",
            &format!("-- heirloom: no-transaction\n{down}"),
        );
        let states = states(&app);
        let result = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(2));
        if works {
            result.unwrap();
            assert_eq!(data(&app.database()), states[2]);
        } else {
            let error = result.unwrap_err();
            assert!(
                matches!(error.data_state(), DataState::Restored { .. }),
                "{error:#}"
            );
            assert_eq!(data(&app.database()), states[4]);
        }
    }
}

#[test]
fn a_way_back_that_would_leave_the_transaction_is_refused_with_its_line() {
    let app = app();
    app.file("V4__v.down.sql", "DROP VIEW v;\nCOMMIT;");
    app.run().unwrap();
    let before = contents(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMigration);
    assert_eq!(error.location().unwrap().position.line, 2);
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_way_back_on_a_history_of_refinery_uses_the_file() {
    let app = app();
    app.run().unwrap();
    app.sql("DROP TABLE heirloom_history");
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM refinery_schema_history"),
        3
    );
    std::fs::remove_file(app.migrations().join("V3__u.sql")).unwrap();
    std::fs::remove_file(app.migrations().join("V3__u.down.sql")).unwrap();
    let error = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Irreversible);
}

/// Forward it would be refused as well.
#[test]
fn a_down_migration_that_empties_a_column_says_so_in_its_file() {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y TEXT)",
    );
    app.file("V2__b.sql", "UPDATE t SET y = upper(x) WHERE y IS NULL");
    app.file("V2__b.down.sql", "UPDATE t SET y = NULL");
    app.run().unwrap();
    app.sql("INSERT INTO t (x, y) VALUES ('a', 'mine'), ('b', 'B')");
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let error = database.revert(RevertTo::Steps(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive, "{error:#}");
    assert!(
        error
            .to_string()
            .contains("column `y` of `t` would have 0 of its 2 values"),
        "{error:#}"
    );
    assert_eq!(app.text("SELECT group_concat(y) FROM t"), "mine,B");
    assert_eq!(
        app.number("SELECT max(version) FROM refinery_schema_history"),
        2
    );
    let allowed = "-- heirloom: allow-destructive\nUPDATE t SET y = NULL";
    app.file("V2__b.down.sql", allowed);
    database.revert(RevertTo::Steps(1)).unwrap();
    assert_eq!(app.number("SELECT count(y) FROM t"), 0);
    assert_eq!(
        app.number("SELECT max(version) FROM refinery_schema_history"),
        1
    );
}
