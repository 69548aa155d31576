//! The app looks on, refuses, and now and then does what it must not.

use std::sync::Mutex;

use heirloom::plan::Direction;
use heirloom::{DataState, ErrorKind, Event, Migrator, RevertTo};

use crate::support::app::{App, contents};

fn app() -> App {
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1);")
        .file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);")
        .file("V1__a.down.sql", "DROP TABLE a")
        .file("V2__b.sql", "CREATE TABLE b (x);");
    app
}

/// Registers one hook at each of the four moments.
fn everywhere<'a>(
    app: &App,
    hook: impl Fn(&str, &heirloom::HookContext<'_>) -> Result<(), heirloom::HookError>
    + Send
    + Sync
    + Copy
    + 'a,
) -> Migrator<'a> {
    app.migrator()
        .before_run(move |moment| hook("before run", moment))
        .before_each(move |moment| hook("before", moment))
        .after_each(move |moment| hook("after", moment))
        .after_run(move |moment| hook("after run", moment))
}

#[test]
fn hooks_are_called_in_order_inside_the_transaction() {
    let app = app();
    let calls = Mutex::new(Vec::new());
    let note = |when: &str, moment: &heirloom::HookContext<'_>| {
        assert!(!moment.connection.is_autocommit());
        assert_eq!(moment.direction, Direction::Up);
        let tables: i64 = moment.connection.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')",
            [],
            |row| row.get(0),
        )?;
        calls.lock().unwrap().push(format!(
            "{when} {:?} {} {tables}",
            moment.version, moment.migration
        ));
        Ok(())
    };
    everywhere(&app, note).migrate(app.database()).unwrap();
    assert_eq!(
        *calls.lock().unwrap(),
        [
            "before run None  0",
            "before Some(1) V1__a 0",
            "after Some(1) V1__a 1",
            "before Some(2) V2__b 1",
            "after Some(2) V2__b 2",
            "after run None  2",
        ]
    );
    calls.lock().unwrap().clear();
    everywhere(&app, note).migrate(app.database()).unwrap();
    assert_eq!(
        *calls.lock().unwrap(),
        [""; 0],
        "nothing to do, nobody to call"
    );
}

#[test]
fn events_come_in_order() {
    let app = app();
    let events = Mutex::new(Vec::new());
    let word = |event: &Event<'_>| match event {
        Event::Copying { .. } => "copying".to_owned(),
        Event::CopyVerified { .. } => "copied".to_owned(),
        Event::Planned { migrations } => format!("{migrations} planned"),
        Event::Started {
            migration,
            number,
            of,
        } => format!("{number}/{of} {migration}"),
        Event::Finished { migration, .. } => format!("done {migration}"),
        other => format!("{other:?}").to_lowercase(),
    };
    let record = |event: &Event<'_>| {
        if let Event::Copying { done, total } = event {
            assert!(done <= total);
        }
        events.lock().unwrap().push(word(event));
    };
    app.migrator()
        .on_event(record)
        .migrate(app.database())
        .unwrap();
    events.lock().unwrap().dedup();
    assert_eq!(
        *events.lock().unwrap(),
        [
            "2 planned",
            "copying",
            "copied",
            "1/2 V1__a",
            "done V1__a",
            "2/2 V2__b",
            "done V2__b",
            "proving",
            "committed"
        ]
    );
    events.lock().unwrap().clear();
    app.file("V3__c.sql", "INSERT INTO nowhere SELECT 1");
    app.migrator()
        .on_event(record)
        .migrate(app.database())
        .unwrap_err();
    assert_eq!(
        *events.lock().unwrap(),
        [""; 0],
        "refused before the work began"
    );
    app.file(
        "V3__c.sql",
        "CREATE UNIQUE INDEX i ON t (x); INSERT INTO t VALUES (1)",
    );
    app.migrator()
        .on_event(record)
        .migrate(app.database())
        .unwrap_err();
    assert_eq!(events.lock().unwrap().last().unwrap(), "rollingback");
}

#[test]
fn the_copy_is_reported_from_its_beginning_to_its_end() {
    let app = app();
    app.sql("INSERT INTO t VALUES (zeroblob(10000000))");
    let steps = Mutex::new(Vec::new());
    let size = std::fs::metadata(app.database()).unwrap().len();
    app.migrator()
        .on_event(|event| {
            if let Event::Copying { done, total } = event {
                steps.lock().unwrap().push((*done, *total));
            }
        })
        .migrate(app.database())
        .unwrap();
    let steps = steps.into_inner().unwrap();
    assert_eq!(steps.first(), Some(&(0, size)));
    assert_eq!(steps.last(), Some(&(size, size)));
    assert!(steps.len() > 3 && steps.is_sorted(), "{steps:?}");
}

/// Rows in the write-ahead log, which a reader keeps from being emptied, are copied another way.
#[test]
fn a_copy_of_rows_in_the_log_is_reported_in_bytes_too() {
    let app = app();
    app.sql("PRAGMA journal_mode = WAL; INSERT INTO t VALUES (zeroblob(10000000))");
    let reader = app.connect();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM t")
        .unwrap();
    app.sql("INSERT INTO t VALUES (3)");
    let size = app.number("PRAGMA page_count") * app.number("PRAGMA page_size");
    let size = u64::try_from(size).unwrap();
    let steps = Mutex::new(Vec::new());
    app.migrator()
        .on_event(|event| {
            if let Event::Copying { done, total } = event {
                steps.lock().unwrap().push((*done, *total));
            }
        })
        .migrate(app.database())
        .unwrap();
    let steps = steps.into_inner().unwrap();
    assert_eq!(steps.first(), Some(&(0, size)));
    assert_eq!(steps.last(), Some(&(size, size)));
    assert!(steps.iter().all(|(done, total)| done <= total), "{steps:?}");
    assert!(steps[1].0 > size / 4, "{steps:?}");
    assert!(steps.len() > 3 && steps.is_sorted(), "{steps:?}");
}

#[test]
fn a_veto_at_any_moment_leaves_everything_as_it_was() {
    for veto in ["before run", "before", "after", "after run"] {
        let app = app();
        let hook = |when: &str, moment: &heirloom::HookContext<'_>| {
            moment
                .connection
                .execute_batch("INSERT INTO t VALUES (2)")?;
            if when == veto {
                Err("not today".into())
            } else {
                Ok(())
            }
        };
        let error = app.refused_by(&everywhere(&app, hook), ErrorKind::MigrationFailed);
        assert!(format!("{error:#}").contains("not today"), "{error:#}");
        assert_eq!(error.migration().is_some(), !veto.contains("run"), "{veto}");
        let backup = app.backups().pop().unwrap();
        assert_eq!(
            *error.data_state(),
            DataState::RolledBackAndProved { backup }
        );
    }
}

#[test]
fn what_a_hook_writes_is_committed_with_the_run() {
    let app = app();
    let hook = |_: &str, moment: &heirloom::HookContext<'_>| {
        moment
            .connection
            .execute_batch("INSERT INTO t VALUES (2); CREATE TABLE IF NOT EXISTS mine (x)")?;
        Ok(())
    };
    everywhere(&app, hook).migrate(app.database()).unwrap();
    assert_eq!(app.number("SELECT count(*) FROM t"), 7);
}

#[test]
fn a_hook_that_ends_the_transaction_is_noticed_and_the_data_put_back() {
    for bad in ["before run", "before", "after", "after run"] {
        for sql in [
            "COMMIT",
            "ROLLBACK",
            "INSERT INTO t VALUES (2); COMMIT; INSERT INTO t VALUES (3)",
        ] {
            let app = app();
            let hook = |when: &str, moment: &heirloom::HookContext<'_>| {
                if when == bad {
                    moment.connection.execute_batch(sql)?;
                }
                Ok(())
            };
            let error = app.refused_by(&everywhere(&app, hook), ErrorKind::MigrationFailed);
            assert!(
                error.to_string().contains("ended the transaction"),
                "{error}"
            );
            // Where nothing was written yet, a commit commits nothing.
            if sql.contains("INSERT") {
                let from = app.backup_named_by(&error);
                assert_eq!(
                    *error.data_state(),
                    DataState::Restored { from },
                    "{bad} {sql}"
                );
            }
        }
    }
}

/// The copy would have been put back over a row that somebody else had committed meanwhile.
#[test]
fn what_others_wrote_after_a_hook_ended_the_transaction_stays() {
    let app = app();
    let migrator = app.migrator().after_each(|moment| {
        moment.connection.execute_batch("ROLLBACK")?;
        app.sql("INSERT INTO t VALUES (77)");
        Ok(())
    });
    let error = migrator.migrate(app.database()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error:#}");
    assert_eq!(*error.data_state(), DataState::RolledBack);
    assert_eq!(app.number("SELECT count(*) FROM t WHERE x = 77"), 1);
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

/// The transaction looks open again, and what was protected by it is committed.
#[test]
fn a_hook_that_begins_a_transaction_of_its_own_in_place_of_ours_is_noticed_too() {
    for bad in ["before run", "before", "after", "after run"] {
        for sql in [
            "COMMIT; BEGIN",
            "ROLLBACK; BEGIN",
            "COMMIT; BEGIN; INSERT INTO t VALUES (2)",
            "COMMIT; BEGIN; SAVEPOINT heirloom_run; SAVEPOINT heirloom_hook",
        ] {
            let app = app();
            let hook = |when: &str, moment: &heirloom::HookContext<'_>| {
                if when == bad {
                    moment.connection.execute_batch(sql)?;
                }
                Ok(())
            };
            let error = app.refused_by(&everywhere(&app, hook), ErrorKind::MigrationFailed);
            assert!(
                error.to_string().contains("transaction"),
                "{bad} {sql}: {error}"
            );
        }
    }
}

#[test]
fn a_hook_that_commits_in_a_new_database_does_not_leave_half_of_it() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x);")
        .file("V2__b.sql", "CREATE TABLE b (x);");
    let error = app
        .migrator()
        .after_each(|moment| Ok(moment.connection.execute_batch("COMMIT")?))
        .migrate(app.database())
        .unwrap_err();
    assert!(error.data_state().is_unchanged(), "{error:#}");
    assert_eq!(contents(&app.database()), [""; 0], "{error:#}");
    assert_eq!(app.run().unwrap().version, Some(2));
}

/// No row is gone, and the app would be slow, or without what a trigger keeps in step.
#[test]
fn an_object_that_a_hook_takes_away_is_missed() {
    for (drop, object) in [
        ("DROP INDEX by_x", "index `by_x`"),
        ("DROP VIEW v", "view `v`"),
        ("DROP TABLE b", "table `b`"),
    ] {
        let app = app();
        app.sql("CREATE INDEX by_x ON t (x)")
            .file("V3__v.sql", "CREATE VIEW v AS SELECT x FROM t");
        app.run().unwrap();
        app.file("V4__c.sql", "CREATE TABLE c (x)");
        let migrator = app
            .migrator()
            .after_each(move |moment| Ok(moment.connection.execute_batch(drop)?));
        let error = app.refused_by(&migrator, ErrorKind::MigrationFailed);
        assert!(error.to_string().contains(object), "{error}");
    }
}

/// A prepared statement or a setting of the connection would have been lost.
#[test]
fn the_app_gets_the_connection_that_its_hooks_saw() {
    let app = app();
    let opened = app
        .migrator()
        .connection_setup(|_| Ok(()))
        .on_event(|_| {})
        .after_run(|moment| Ok(moment.connection.execute_batch("PRAGMA cache_size = 777")?))
        .open(app.database())
        .unwrap();
    let size: i64 = opened
        .connection
        .query_row("PRAGMA cache_size", [], |row| row.get(0))
        .unwrap();
    assert_eq!(size, 777);
}

#[test]
fn rows_that_a_hook_takes_away_are_missed() {
    let app = app();
    let migrator = app
        .migrator()
        .before_each(|moment| Ok(moment.connection.execute_batch("DELETE FROM t")?));
    app.refused_by(&migrator, ErrorKind::Destructive);
}

#[test]
fn hooks_are_called_on_the_way_back_too() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let before = contents(&app.database());
    let migrator = app.migrator().after_each(|moment| {
        assert_eq!(moment.direction, Direction::Down);
        assert_eq!(moment.migration, "V1__a");
        Err("not today".into())
    });
    let error = migrator
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert_eq!(contents(&app.database()), before);
}
