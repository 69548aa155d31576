//! Parts that a process of its own must play: one that dies, one that holds a lock.

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use heirloom::{Backfill, BackupRef, HookContext, Migrator, RevertTo, Tool, Verify};

use crate::support::app::{App, is_healthy};

/// Does nothing in an ordinary test run. Other tests start this binary with the name of
/// a part in the environment.
#[test]
fn plays_its_part() {
    let Ok(part) = std::env::var("HEIRLOOM_TEST_PART") else {
        return;
    };
    let app = App::at(std::env::var_os("HEIRLOOM_TEST_FOLDER").unwrap().into());
    let at = || std::env::var("HEIRLOOM_TEST_AT").unwrap();
    match part.as_str() {
        "runs" => {
            app.run().unwrap();
        }
        "starts" => {
            waits();
            app.run().unwrap();
        }
        "tells" => {
            let path = std::env::var_os("HEIRLOOM_TEST_AT").map(PathBuf::from);
            match app.migrator().migrate(path.unwrap_or(app.database())) {
                Ok(report) => println!(
                    "version {} of {}",
                    report.version.unwrap(),
                    report.database.display()
                ),
                Err(error) => {
                    let unchanged = error.data_state().is_unchanged();
                    println!(
                        "refused: {:?}, unchanged: {unchanged}, {error:#}",
                        error.kind()
                    );
                }
            }
        }
        "looks-often" => {
            waits();
            for _ in 0..40 {
                // While somebody writes it may be refused. Damaged it is not.
                match app.migrator().database(app.database()).status() {
                    Err(error) if !error.is_busy() => panic!("{error:#}"),
                    _ => {}
                }
            }
        }
        "dies-at-moment" => dies_at_moment(&app, at().parse().unwrap()),
        "dies-in-restore" => dies_in_restore(&app, at().parse().unwrap()),
        "works" => works(&app),
        "backfills" => backfills(&app),
        "rehearses-beside-leftovers" => {
            let left = std::env::temp_dir().join(format!("heirloom-{}-0", std::process::id()));
            std::fs::create_dir(&left).unwrap();
            std::fs::write(left.join("database"), "left").unwrap();
            verb_of(&app, &app.migrator(), "rehearse");
            assert_eq!(std::fs::read(left.join("database")).unwrap(), b"left");
        }
        "dies-in-sql" => {
            let connection = app.connect();
            connection.execute_batch(&at()).unwrap();
            std::process::abort();
        }
        "holds-sql" => {
            let connection = app.connect();
            connection.execute_batch(&at()).unwrap();
            waits();
        }
        "writes-later" => {
            let connection = app.connect();
            connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
                .unwrap();
            waits();
            connection.execute_batch(&at()).unwrap();
        }
        "holds-run" => {
            let migrator = app.migrator().app_version("7.7").before_run(|_| {
                waits();
                Ok(())
            });
            migrator.migrate(app.database()).unwrap();
        }
        other => panic!("nobody knows the part {other}"),
    }
}

/// Does what it is told with an app. With a moment, says that it is ready at that one of all
/// events, hooks and connection set-ups, and waits; without one, says so and begins.
fn works(app: &App) {
    let verb = std::env::var("HEIRLOOM_TEST_AT").unwrap();
    let Ok(moment) = std::env::var("HEIRLOOM_TEST_MOMENT") else {
        println!("READY");
        return verb_of(app, &app.migrator(), &verb);
    };
    let (at, seen): (usize, _) = (moment.parse().unwrap(), AtomicUsize::new(0));
    let pause = || {
        if seen.fetch_add(1, Ordering::Relaxed) == at {
            waits();
        }
    };
    let hook = |_: &HookContext<'_>| {
        pause();
        Ok(())
    };
    // A small cache makes SQLite write into the database long before the commit.
    let keep = std::env::var("HEIRLOOM_TEST_KEEP").map_or(5, |keep| keep.parse().unwrap());
    let migrator = app
        .migrator()
        .keep_last(keep)
        .connection_setup(|connection| {
            pause();
            connection.execute_batch("PRAGMA cache_size = 5")
        })
        .on_event(|_| pause())
        .before_run(hook)
        .before_each(hook)
        .after_each(hook)
        .after_run(hook);
    verb_of(app, &migrator, &verb);
}

/// What the tests of kills call by name, in this process or another.
pub fn verb_of(app: &App, migrator: &Migrator<'_>, verb: &str) {
    let database = app.database();
    match verb {
        "run" => drop(migrator.migrate(database).unwrap()),
        "revert" => drop(
            migrator
                .database(database)
                .revert(RevertTo::Version(1))
                .unwrap(),
        ),
        "snapshot" => drop(migrator.database(database).snapshot("named").unwrap()),
        "adopt" => drop(migrator.database(database).adopt(Tool::Sqlx).unwrap()),
        "restore" => drop(
            migrator
                .database(database)
                .restore(&BackupRef::Latest)
                .unwrap(),
        ),
        "restore-snapshot" => {
            let snapshot = BackupRef::Snapshot("kept".to_owned());
            drop(migrator.database(database).restore(&snapshot).unwrap());
        }
        #[cfg(feature = "devtools")]
        "seed" => drop(
            migrator
                .database(database)
                .seed(app.folder().join("seeds"), None)
                .unwrap(),
        ),
        #[cfg(feature = "devtools")]
        "empty" => drop(migrator.database(database).empty().unwrap()),
        #[cfg(feature = "devtools")]
        "reset" => {
            let seeds = app.folder().join("seeds");
            drop(
                migrator
                    .database(database)
                    .reset(Some(&seeds), None)
                    .unwrap(),
            );
        }
        #[cfg(feature = "devtools")]
        "redo" => drop(migrator.database(database).redo(1).unwrap()),
        #[cfg(feature = "devtools")]
        "push" => {
            let (wishes, force) = (
                Default::default(),
                heirloom::devtools::OnHistory::MakeUntrue,
            );
            drop(migrator.database(database).push(&wishes, force).unwrap());
        }
        "rehearse" => {
            let rehearsed = migrator.database(database).rehearse(None).unwrap();
            assert_eq!(rehearsed.act, heirloom::Act::Rehearse);
        }
        "look" => {
            migrator.database(&database).status().unwrap();
            migrator.database(&database).inspect(None).unwrap();
            migrator.database(&database).stats().unwrap();
            migrator.database(&database).log().unwrap();
            migrator
                .database(&database)
                .backups(Verify::Everything)
                .unwrap();
            let found = migrator.database(&database).doctor().unwrap();
            assert!(is_healthy(&found), "{found:#?}");
        }
        other => panic!("nobody knows the verb {other}"),
    }
}

/// Counts every row up once, and is asked in the middle of each batch.
pub fn count_up<'b>(asked: impl Fn() + Send + 'b) -> Backfill<'b> {
    let count = move |connection: &rusqlite::Connection, rows: std::ops::RangeInclusive<i64>| {
        let ends = [rows.start(), rows.end()];
        connection.execute("UPDATE t SET n = n + 1 WHERE id BETWEEN ?1 AND ?2", ends)?;
        asked();
        Ok(())
    };
    Backfill::function("count_up", "t", count).batch(7)
}

/// Fills, and says that it is ready at the given one of all events, connection set-ups and
/// middles of batches, and waits.
fn backfills(app: &App) {
    let moment = std::env::var("HEIRLOOM_TEST_MOMENT").unwrap();
    let (at, seen): (usize, _) = (moment.parse().unwrap(), AtomicUsize::new(0));
    let pause = || {
        if seen.fetch_add(1, Ordering::Relaxed) == at {
            waits();
        }
    };
    app.migrator()
        .connection_setup(|connection| {
            pause();
            connection.execute_batch("PRAGMA cache_size = 5")
        })
        .on_event(|_| pause())
        .database(app.database())
        .backfill(&count_up(pause))
        .unwrap();
}

fn waits() {
    println!("READY");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Aborts when it is called for the given time.
fn dies_at(at: usize) -> impl Fn() {
    let moments = AtomicUsize::new(0);
    move || {
        if moments.fetch_add(1, Ordering::Relaxed) == at {
            std::process::abort();
        }
    }
}

/// Restores the newest backup, and aborts at the given one of all events and connection
/// set-ups.
fn dies_in_restore(app: &App, at: usize) {
    let moment = dies_at(at);
    app.migrator()
        .connection_setup(|connection| {
            moment();
            connection.execute_batch("PRAGMA cache_size = 5")
        })
        .on_event(|_| moment())
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
}

/// Runs, and aborts at the given one of all events and hooks. A small page cache makes
/// SQLite write into the database long before the commit, so that a crash leaves a hot
/// journal.
fn dies_at_moment(app: &App, at: usize) {
    let moment = dies_at(at);
    let hook = |_: &HookContext<'_>| {
        moment();
        Ok(())
    };
    app.migrator()
        .connection_setup(|connection| connection.execute_batch("PRAGMA cache_size = 5"))
        .on_event(|_| moment())
        .before_run(hook)
        .before_each(hook)
        .after_each(hook)
        .after_run(hook)
        .migrate(app.database())
        .unwrap();
}
