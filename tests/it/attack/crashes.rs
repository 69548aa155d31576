//! The process dies: the next start finds the old state or the new one, and finishes.

use crate::support::app::{App, data, part};

/// Enough rows that SQLite writes into the database before the commit.
fn app_in(mode: &str) -> App {
    let app = App::new();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode};
         CREATE TABLE parent (id INTEGER PRIMARY KEY, x TEXT);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO parent SELECT i, printf('%0200d', i) FROM n;
         INSERT INTO child SELECT id, id FROM parent;"
    ));
    app.file(
        "V1__a.sql",
        "ALTER TABLE parent ADD COLUMN y; UPDATE parent SET y = id;",
    );
    app.file(
        "V2__b.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y); INSERT INTO n SELECT * FROM parent;
         DROP TABLE parent; ALTER TABLE n RENAME TO parent;",
    );
    app
}

#[test]
fn a_run_that_dies_at_any_moment_leaves_old_or_new_and_the_next_start_finishes() {
    for mode in ["DELETE", "WAL"] {
        let twin = app_in(mode);
        let old = data(&twin.database());
        twin.run().unwrap();
        let new = data(&twin.database());
        let (mut saw_old, mut saw_new, mut hot) = (0, 0, 0);
        for moment in 0.. {
            let app = app_in(mode);
            let died = part("dies-at-moment", &app)
                .env("HEIRLOOM_TEST_AT", moment.to_string())
                .output()
                .unwrap();
            let companion = |ending: &str| {
                std::fs::metadata(app.folder().join(format!("app.db{ending}")))
                    .is_ok_and(|file| file.len() > 0)
            };
            hot += usize::from(companion("-journal") || companion("-wal"));
            let found = data(&app.database());
            assert_eq!(app.text("PRAGMA integrity_check"), "ok", "{mode} {moment}");
            if died.status.success() {
                assert!(found == new, "{mode} {moment}");
                break;
            }
            assert!(found == old || found == new, "{mode} {moment}");
            if found == old {
                saw_old += 1;
            } else {
                saw_new += 1;
            }
            app.run().unwrap();
            assert!(data(&app.database()) == new, "{mode} {moment}");
            assert_eq!(app.text("PRAGMA journal_mode"), mode.to_lowercase());
            assert!(app.backups().len() <= 1, "{mode} {moment}");
        }
        assert!(
            saw_old > 10 && saw_new == 1 && hot > 3,
            "{mode}: {saw_old} {saw_new} {hot}"
        );
    }
}

#[test]
fn what_a_copy_that_died_left_behind_is_cleaned_away() {
    let app = app_in("WAL");
    // The second moment is in the middle of the copy.
    let died = part("dies-at-moment", &app)
        .env("HEIRLOOM_TEST_AT", "2")
        .output()
        .unwrap();
    assert!(!died.status.success());
    let partials = || {
        std::fs::read_dir(app.folder().join("backups"))
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().contains(".partial")
            })
            .count()
    };
    assert_eq!(partials(), 1);
    assert_eq!(app.backups().len(), 0);
    app.run().unwrap();
    assert_eq!(partials(), 0);
    assert_eq!(app.backups().len(), 1);
}
