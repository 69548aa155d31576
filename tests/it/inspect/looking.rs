//! Looking never writes: no file comes, none goes, no byte changes, and the answer is right.

use heirloom::inspect::ProblemKind;
use heirloom::{ErrorKind, MigrationState, RevertTo};

#[cfg(unix)]
use crate::support::app::as_ordinary_user;
use crate::support::app::{App, Holder, is_healthy, part};
use crate::support::parts::verb_of;

/// One migration applied, with a row, and one pending that would destroy it.
fn app_in(mode: &str) -> App {
    let app = App::new();
    app.sql(&format!("PRAGMA journal_mode = {mode}"));
    app.file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);")
        .file("V1__a.down.sql", "DROP TABLE a");
    app.run().unwrap();
    app.file("V2__b.sql", "DROP TABLE a");
    app
}

/// Asks everything that can be asked. `rows` are in the table `a`.
#[track_caller]
fn look(app: &App, rows: u64) {
    let before = app.listing();
    let migrator = app.migrator();
    for _ in 0..2 {
        let status = migrator.database(app.database()).status().unwrap();
        assert!(status.exists && status.problem.is_none(), "{status:?}");
        assert_eq!((status.version, status.newest_known), (Some(1), Some(2)));
        assert_eq!(status.count(MigrationState::Pending), 1);
        assert!(!status.is_up_to_date());
        assert_eq!(status.migrations[1].losses[0].count, rows);
        let plan = migrator.database(app.database()).plan(None).unwrap();
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].sql, "DROP TABLE a");
        assert_eq!(plan.refused.unwrap().kind(), ErrorKind::Destructive);
        let back = migrator
            .database(app.database())
            .plan_revert(RevertTo::Steps(1))
            .unwrap();
        assert_eq!(back.steps[0].sql, "DROP TABLE a");
        assert_eq!(back.steps[0].losses[0].count, rows);
        let inspected = migrator
            .database(app.database())
            .inspect(Some("A"))
            .unwrap();
        assert_eq!(inspected.tables[0].rows, Some(rows));
        let stats = migrator.database(app.database()).stats().unwrap();
        let table = stats.tables.iter().find(|table| table.name == "a");
        assert_eq!(table.unwrap().rows, Some(rows));
        assert_eq!(stats.history.pending, Some(1));
        let log = migrator.database(app.database()).log().unwrap();
        assert_eq!((log.entries.len(), log.unlogged.len()), (1, 0));
        let found = migrator.database(app.database()).doctor().unwrap();
        assert!(is_healthy(&found), "{found:#?}");
    }
    assert!(app.listing() == before, "{:?}", names(app));
}

fn names(app: &App) -> Vec<String> {
    let files = app.listing().into_iter();
    files
        .map(|(path, bytes)| format!("{} {}", path.display(), bytes.len()))
        .collect()
}

fn companion(app: &App, ending: &str) -> std::path::PathBuf {
    app.folder().join(format!("app.db{ending}"))
}

/// A fuzzer put a journal of one byte beside a database in WAL mode: it was taken for one that
/// somebody writes, and SQLite made an empty log to read the database with. An app leaves such a
/// journal that goes from PERSIST to WAL mode.
#[test]
fn a_journal_that_was_left_over_from_another_mode_makes_no_log() {
    let app = app_in("PERSIST");
    app.sql("PRAGMA journal_mode = PERSIST; INSERT INTO a VALUES (2)");
    assert!(
        std::fs::metadata(companion(&app, "-journal"))
            .unwrap()
            .len()
            > 0
    );
    look(&app, 2);
    let journal = std::fs::read(companion(&app, "-journal")).unwrap();
    app.sql("PRAGMA journal_mode = WAL");
    std::fs::write(companion(&app, "-journal"), journal).unwrap();
    look(&app, 2);
}

/// The same where a log was removed by hand and its index stayed.
#[test]
fn an_index_without_its_log_makes_no_log() {
    let app = app_in("WAL");
    std::fs::write(companion(&app, "-shm"), [0; 32768]).unwrap();
    look(&app, 1);
}

#[test]
fn a_database_that_is_not_there_is_an_ordinary_state() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V2__b.sql", "CREATE TABLE b (x)");
    let before = app.listing();
    for path in [app.database(), app.folder().join("no").join("folder.db")] {
        let status = app.migrator().database(&path).status().unwrap();
        assert!(!status.exists);
        assert_eq!(
            (status.version, status.count(MigrationState::Pending)),
            (None, 2)
        );
        assert_eq!(
            app.migrator()
                .database(&path)
                .plan(None)
                .unwrap()
                .steps
                .len(),
            2
        );
        assert_eq!(
            app.migrator()
                .database(&path)
                .plan(Some(1))
                .unwrap()
                .steps
                .len(),
            1
        );
        let inspected = app.migrator().database(&path).inspect(None).unwrap();
        assert!(!inspected.exists && inspected.tables.is_empty());
        let error = app
            .migrator()
            .database(&path)
            .inspect(Some("a"))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let stats = app.migrator().database(&path).stats().unwrap();
        assert_eq!((stats.exists, stats.history.pending), (false, Some(2)));
        assert!(
            app.migrator()
                .database(&path)
                .log()
                .unwrap()
                .entries
                .is_empty()
        );
        let found = app.migrator().database(&path).doctor().unwrap();
        let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
        assert!(
            !found.exists && kinds == [ProblemKind::Missing],
            "{found:#?}"
        );
        let error = app
            .migrator()
            .database(&path)
            .plan_revert(RevertTo::Steps(1))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = app
            .migrator()
            .database(&path)
            .revert(RevertTo::Steps(1))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(app.listing(), before);
}

#[test]
fn a_closed_database_in_any_journal_mode() {
    for mode in ["DELETE", "TRUNCATE", "PERSIST", "WAL"] {
        look(&app_in(mode), 1);
    }
}

#[test]
fn an_empty_file_and_a_database_without_history() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    std::fs::write(app.database(), "").unwrap();
    let before = app.listing();
    assert_eq!(
        app.migrator()
            .database(app.database())
            .status()
            .unwrap()
            .version,
        None
    );
    verb_of(&app, &app.migrator(), "look");
    assert_eq!(app.listing(), before);
    app.sql("CREATE TABLE t (x)");
    let before = app.listing();
    assert_eq!(
        app.migrator()
            .database(app.database())
            .status()
            .unwrap()
            .count(MigrationState::Pending),
        1
    );
    verb_of(&app, &app.migrator(), "look");
    assert_eq!(app.listing(), before);
}

/// Root may write everywhere, so somebody else looks.
#[cfg(unix)]
#[test]
fn a_folder_and_a_file_that_may_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let permit = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in ["DELETE", "WAL"] {
        let app = app_in(mode);
        app.migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap();
        std::fs::remove_file(app.migrations().join("V2__b.sql")).unwrap();
        let mut looks = as_ordinary_user("works", &app);
        looks.env("HEIRLOOM_TEST_AT", "look");
        let before = app.listing();
        for (path, mode) in [(app.database(), 0o444), (app.folder().to_owned(), 0o555)] {
            permit(&path, mode);
        }
        let output = looks.output().unwrap();
        permit(app.folder(), 0o755);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{mode}: {said}");
        assert!(app.listing() == before, "{mode}: {:?}", names(&app));
    }
}

#[test]
fn a_database_that_another_program_has_open_with_rows_in_the_wal() {
    for (mode, sql) in [
        (
            "WAL",
            "PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES (2)",
        ),
        (
            "WAL",
            "PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES (2); BEGIN; INSERT INTO a VALUES (3)",
        ),
        (
            "DELETE",
            "INSERT INTO a VALUES (2); BEGIN IMMEDIATE; INSERT INTO a VALUES (3)",
        ),
        (
            "WAL",
            "INSERT INTO a VALUES (2); PRAGMA wal_checkpoint(TRUNCATE); SELECT * FROM a",
        ),
    ] {
        let app = app_in(mode);
        let mut command = part("holds-sql", &app);
        command.env("HEIRLOOM_TEST_AT", sql);
        let holder = Holder::start(command);
        look(&app, 2);
        holder.release();
    }
}

#[test]
fn a_wal_that_a_crash_left_with_and_without_its_shared_memory() {
    for keep_shm in [true, false] {
        let app = app_in("WAL");
        let mut died = part("dies-in-sql", &app);
        died.env(
            "HEIRLOOM_TEST_AT",
            "PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES (2)",
        );
        died.output().unwrap();
        assert!(companion(&app, "-wal").metadata().unwrap().len() > 0);
        if !keep_shm {
            std::fs::remove_file(companion(&app, "-shm")).unwrap();
        }
        look(&app, 2);
    }
}

#[test]
fn a_hot_journal_is_looked_through_and_left_where_it_is() {
    let app = app_in("DELETE");
    app.sql("CREATE TABLE big (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO big SELECT zeroblob(500) FROM n");
    let clean = std::fs::read(app.database()).unwrap();
    let mut died = part("dies-in-sql", &app);
    died.env(
        "HEIRLOOM_TEST_AT",
        "PRAGMA cache_size = 2; BEGIN; INSERT INTO a VALUES (2), (3); DELETE FROM refinery_schema_history;
         UPDATE big SET x = randomblob(500)",
    );
    died.output().unwrap();
    assert!(companion(&app, "-journal").metadata().unwrap().len() > 0);
    assert!(
        std::fs::read(app.database()).unwrap() != clean,
        "the journal is not hot"
    );
    look(&app, 1);
}

#[test]
fn an_up_to_date_start_writes_nothing_either() {
    for mode in ["DELETE", "WAL"] {
        let app = app_in(mode);
        std::fs::remove_file(app.migrations().join("V2__b.sql")).unwrap();
        let before = app.listing();
        drop(app.migrator().open(app.database()).unwrap());
        assert!(app.listing() == before, "{mode}: {:?}", names(&app));
    }
}

#[test]
fn the_set_up_of_the_app_counts_while_looking() {
    let app = app_in("DELETE");
    app.file("V2__b.sql", "SELECT app_answer()");
    let problem = app
        .migrator()
        .database(app.database())
        .status()
        .unwrap()
        .problem
        .unwrap();
    assert!(
        problem.help().unwrap().contains("app_answer"),
        "{problem:#}"
    );
    let migrator = app.migrator().connection_setup(|connection| {
        let flags = rusqlite::functions::FunctionFlags::default();
        connection.create_scalar_function("app_answer", 0, flags, |_| Ok(42))
    });
    assert!(
        migrator
            .database(app.database())
            .status()
            .unwrap()
            .problem
            .is_none()
    );
}

#[test]
fn a_plan_shows_what_a_run_then_does() {
    let app = app_in("DELETE");
    app.file(
        "V2__b.sql",
        "-- heirloom: allow-destructive\nCREATE TABLE n (x); INSERT INTO n SELECT x FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a;",
    );
    app.file("V3__c.sql", "-- heirloom: no-transaction\nVACUUM");
    let plan = app.migrator().database(app.database()).plan(None).unwrap();
    assert_eq!(plan.version, Some(1));
    assert!(plan.refused.is_none());
    assert_eq!(plan.steps[0].rebuilds, ["a"]);
    assert!(plan.steps[0].consents && !plan.steps[0].no_transaction);
    assert!(plan.steps[1].no_transaction && !plan.steps[1].consents);
    let planned: Vec<i64> = plan.steps.iter().map(|step| step.version).collect();
    let done: Vec<i64> = app
        .run()
        .unwrap()
        .applied
        .iter()
        .map(|done| done.version)
        .collect();
    assert_eq!(planned, done);
}

/// Looking once copied the file where a writer's journal lay beside it, and closing the copied
/// file dropped the writer's locks: another program's write was let in, and the database was
/// damaged.
#[cfg(unix)]
#[test]
fn looking_at_a_database_that_this_process_writes_to_keeps_its_locks() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app.sql("CREATE TABLE t (x)");
    let writer = app.connect();
    writer
        .execute_batch(
            "PRAGMA cache_size = 5; BEGIN IMMEDIATE;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO t SELECT randomblob(100) FROM n",
        )
        .unwrap();
    let error = app
        .migrator()
        .database(app.database())
        .status()
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    let mut other = crate::support::app::part("holds-sql", &app);
    other.env("HEIRLOOM_TEST_AT", "BEGIN IMMEDIATE");
    let output = other.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(!output.status.success(), "another process was let in");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(app.text("PRAGMA integrity_check"), "ok");
    assert_eq!(app.number("SELECT count(*) FROM t"), 20000);
}

#[test]
fn what_a_rebuild_takes_is_told_of_the_tables_that_are_rebuilt_alone() {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX by_x ON t (x);
         CREATE TABLE big (x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT i, hex(randomblob(20)) FROM n;
         INSERT INTO big SELECT hex(randomblob(500)) FROM t;",
    );
    app.file("V1__more.sql", "INSERT INTO big VALUES (1)").file(
        "V2__rebuild.sql",
        "ALTER TABLE t RENAME TO s; CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL);
         INSERT INTO n SELECT * FROM s; DROP TABLE s; ALTER TABLE n RENAME TO s;",
    );
    let bytes = app.number("SELECT sum(pgsize) FROM dbstat WHERE name IN ('t', 'by_x')");
    let database = app.database().metadata().unwrap().len();
    for mode in ["DELETE", "WAL"] {
        app.sql(&format!("PRAGMA journal_mode = {mode}"));
        let before = app.listing();
        let status = app.migrator().database(app.database()).status().unwrap();
        let plan = app.migrator().database(app.database()).plan(None).unwrap();
        assert!(app.listing() == before);
        let estimate = plan.steps[1].estimate.clone().unwrap();
        assert_eq!(status.migrations[1].estimate, Some(estimate.clone()));
        assert_eq!(status.migrations[0].estimate, None);
        assert_eq!(plan.steps[0].estimate, None);
        assert_eq!(estimate.rebuilds.len(), 1);
        let rebuild = &estimate.rebuilds[0];
        assert_eq!((rebuild.table.as_str(), rebuild.rows), ("s", 2000));
        assert_eq!(rebuild.bytes, bytes.unsigned_abs());
        assert!(!estimate.duration.is_zero());
        let grows = rebuild.bytes * if mode == "WAL" { 2 } else { 1 };
        assert_eq!(estimate.disk_bytes, database + grows, "{mode}");
    }
}

/// A migration made a table of numbers with a query that took a minute. Every `show` took as long,
/// before the migration and ever after, because its schema was asked for by running it.
#[test]
fn a_query_that_fills_a_table_is_not_run_to_look_at_the_schema() {
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let app = App::new();
    app.file("V1__t.sql", "CREATE TABLE t (x);");
    app.run().unwrap();
    for next in [
        format!("CREATE TABLE numbers AS {endless};"),
        format!("CREATE TEMP TABLE numbers AS {endless};"),
        format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS numbers (i); INSERT INTO temp.numbers {endless};"
        ),
        format!("INSERT INTO t SELECT i FROM sqlite_schema, ({endless});"),
        format!("INSERT INTO t {endless};"),
    ] {
        app.file("V2__numbers.sql", &next);
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let status = database.status().unwrap();
        assert!(status.problem.is_none(), "{next}: {:?}", status.problem);
        assert_eq!(database.plan(None).unwrap().steps.len(), 1, "{next}");
    }
    // The same of one that is applied.
    app.file(
        "V2__numbers.sql",
        "CREATE TABLE numbers AS SELECT x AS i FROM t;",
    );
    app.run().unwrap();
    let changed = format!("CREATE TABLE numbers AS {endless};");
    app.file("V2__numbers.sql", &changed);
    // With the checksum that it would have, had somebody waited.
    let checksum = refinery_core::Migration::unapplied("V2__numbers", &changed)
        .unwrap()
        .checksum();
    app.sql(&format!(
        "UPDATE refinery_schema_history SET checksum = '{checksum}' WHERE version = 2"
    ));
    let status = app.migrator().database(app.database()).status().unwrap();
    assert_eq!(status.count(heirloom::MigrationState::Applied), 2);
    assert!(status.drift.is_empty(), "{:?}", status.drift);
}
