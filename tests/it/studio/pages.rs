//! What the pages show, read without a browser.

use crate::studio::client::{Studio, encoded};
use crate::support::app::{App, contents};

/// An app at version 1 with rows, and version 2 pending.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, folder_id INTEGER REFERENCES folders (id),
             text TEXT, stars REAL, file BLOB);",
    )
    .file(
        "V1__notes.down.sql",
        "DROP TABLE notes; DROP TABLE folders;",
    );
    app.run().unwrap();
    app.sql("INSERT INTO folders VALUES (1, 'home'), (2, 'work');
        INSERT INTO notes VALUES (1, 1, 'a', 1.5, x'00ff'), (2, 1, '', NULL, NULL), (3, 2, NULL, 2, NULL)");
    app
}

#[test]
fn pages_of_rows_go_forward_and_back_over_every_row_once() {
    let app = app();
    app.sql(
        "CREATE TABLE many (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
        INSERT INTO many SELECT printf('k%02d', i % 7), i FROM n;
        CREATE TABLE nulls (x);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
        INSERT INTO nulls SELECT CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN i WHEN 2 THEN 'x' || i WHEN 3 THEN i / 2.0 ELSE x'00' END FROM n",
    );
    let studio = Studio::entered(&app, &[]);
    for (table, sort, all) in [
        ("many", "", 250),
        ("many", "&sort=b", 250),
        ("many", "&sort=-a", 250),
        ("nulls", "", 450),
        ("nulls", "&sort=x", 450),
        ("nulls", "&sort=-x", 450),
    ] {
        let mut seen = Vec::new();
        let mut page = studio.page(&format!("/data?t={table}{sort}"));
        let mut pages = vec![keys(&page)];
        seen.extend(keys(&page));
        while let Some(next) = link(&page, "next") {
            page = studio.page(&next);
            pages.push(keys(&page));
            seen.extend(keys(&page));
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (all, all), "{table}{sort}");
        // And back, the same pages.
        for expected in pages.iter().rev().skip(1) {
            page = studio.page(&link(&page, "prev").unwrap());
            assert_eq!(&keys(&page), expected, "{table}{sort}");
        }
        assert_eq!(link(&page, "prev"), None, "{table}{sort}");
    }
}

/// The rows of a page by their addresses.
fn keys(page: &str) -> Vec<String> {
    let rows = page.split("href=\"/data/row?").skip(1);
    rows.map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

fn link(page: &str, way: &str) -> Option<String> {
    let before = page.split(&format!("\" rel=\"{way}\"")).next()?;
    if before.len() == page.len() {
        return None;
    }
    let address = before.rsplit("href=\"").next()?;
    Some(address.replace("&amp;", "&"))
}

#[test]
fn null_an_empty_text_and_the_word_null_look_different() {
    let app = app();
    app.sql("UPDATE notes SET text = 'NULL' WHERE id = 1");
    let studio = Studio::entered(&app, &[]);
    let page = studio.page("/data?t=notes");
    assert!(page.contains("title=\"NULL: no value\">NULL</span>"));
    assert!(page.contains("title=\"A text without characters\">empty</span>"));
    assert!(page.contains("<bdi>NULL</bdi>"));
    assert!(page.contains("blob, 2 bytes"), "{page}");
}

#[test]
fn integers_beyond_2_to_53_are_exact_and_their_rows_are_found() {
    let app = app();
    app.sql(
        "INSERT INTO notes (id, text) VALUES (9007199254740993, 'odd'), (9007199254740992, 'even')",
    );
    let studio = Studio::entered(&app, &[]);
    let page = studio.page("/data?t=notes&sort=-id");
    assert!(page.contains(">9007199254740993<") && page.contains(">9007199254740992<"));
    let row = studio.page("/data/row?t=notes&key=i:9007199254740993");
    assert!(row.contains("odd") && !row.contains("even"));
}

#[test]
fn filters_are_in_the_address_and_mean_what_the_column_stores() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    for (filter, rows) in [
        ("text~eq~a", 1),
        ("text~null~", 1),
        ("text~notnull~", 2),
        ("id~gt~1", 2),
        ("stars~eq~2", 1),
        ("text~has~%", 0),
        ("text~begins~A", 1),
        ("folder_id~is~i:1", 2),
        ("text~ne~a", 2),
    ] {
        let page = studio.page(&format!("/data?t=notes&where={}", encoded(filter)));
        assert_eq!(keys(&page).len(), rows, "{filter}");
    }
    // As the form sends it.
    let page = studio.page("/data?t=notes&column=text&compare=eq&value=a");
    assert_eq!(keys(&page).len(), 1);
    let page = studio.page("/data?t=notes&where=nothing~eq~1");
    assert!(page.contains("is not one of this table") && keys(&page).len() == 3);
}

#[test]
fn foreign_keys_are_followed_both_ways() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    let page = studio.page("/data?t=notes");
    assert!(
        page.contains("/data?t=folders&amp;where=id%7Eis%7Ei%3A1"),
        "{page}"
    );
    let folder = studio.page("/data/row?t=folders&key=i:1");
    assert!(folder.contains("2 rows"), "{folder}");
    assert!(folder.contains("/data?t=notes&amp;where=folder_id%7Eis%7Ei%3A1"));
}

#[test]
fn hostile_names_and_values_are_text_everywhere() {
    let app = app();
    let names = [
        "<script>alert(1)</script>",
        "a/b",
        ".",
        "..",
        "",
        "a\"b",
        "x'; DROP TABLE notes; --",
        "%2e",
        "\u{202e}abc",
    ];
    for name in names {
        let quoted = name.replace('"', "\"\"");
        app.sql(&format!(
            "CREATE TABLE \"{quoted}\" (\"<img src=x onerror=alert(1)>\" TEXT, \"c~eq~1\" TEXT);
             INSERT INTO \"{quoted}\" VALUES ('<script>alert(2)</script>', '\"><svg onload=alert(3)>')"
        ));
    }
    let studio = Studio::entered(&app, &[]);
    let mut pages = vec![
        studio.page("/data"),
        studio.page("/"),
        studio.page("/migrations"),
    ];
    for name in names {
        let table = encoded(name);
        let page = studio.page(&format!("/data?t={table}"));
        assert_eq!(keys(&page).len(), 1, "{name}");
        pages.push(page);
        pages.push(studio.page(&format!("/data/row?t={table}&key=i:1")));
        pages.push(studio.page(&format!(
            "/data?t={table}&where={}",
            encoded("c~eq~1~has~svg")
        )));
        assert_eq!(keys(pages.last().unwrap()).len(), 1, "{name}");
    }
    for page in pages {
        for tag in ["<script>", "<img src=x", "<svg onload", "javascript:"] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }
}

#[test]
fn views_that_sqlite_would_not_finish_compiling_keep_no_page() {
    // The list of tables asked SQLite for what compiles every view, which nothing interrupts: a
    // stranger's file kept its page, and a thread, for ever.
    let app = app();
    app.sql(
        "PRAGMA foreign_keys = OFF;
         CREATE VIEW w0 AS SELECT id FROM notes;
         CREATE VIRTUAL TABLE search USING fts5(text);
         CREATE TABLE child (w REFERENCES w34 (id), v REFERENCES w34);
         INSERT INTO child VALUES (NULL, NULL)",
    );
    for at in 1..35 {
        let below = at - 1;
        app.sql(&format!(
            "CREATE VIEW w{at} AS SELECT a.id FROM w{below} a JOIN w{below} b USING (id)"
        ));
    }
    app.sql("CREATE VIRTUAL TABLE over USING fts5(id, content='w34')");
    let studio = Studio::entered(&app, &["--write"]);
    for path in [
        "/",
        "/data",
        "/schema",
        "/schema/table?t=w34",
        "/palette",
        "/migrations",
        "/doctor",
    ] {
        let page = studio.page(path);
        assert!(!page.is_empty(), "{path}");
    }
    let list = studio.page("/data");
    for name in ["notes", "w34", "search_content", "shadow table", "over"] {
        assert!(list.contains(name), "{name}");
    }
    assert!(studio.page("/data?t=w0").contains("<table"));
    assert_eq!(keys(&studio.page("/data?t=child")).len(), 1);
    assert_eq!(keys(&studio.page("/data?t=notes")).len(), 3);
    let refused = "was not compiled";
    for path in [
        "/data?t=w34",
        "/data?t=over",
        &format!("/sql?q={}", encoded("SELECT * FROM \"W34\"")),
        &format!("/sql?q={}", encoded("PRAGMA table_list")),
        &format!(
            "/sql?q={}",
            encoded("SELECT * FROM sqlite_schema, pragma_table_info(name)")
        ),
    ] {
        let page = studio.page(path);
        assert!(page.contains(refused), "{path}: {page}");
    }
    assert!(
        studio
            .page(&format!("/sql?q={}", encoded("SELECT count(*) FROM w1")))
            .contains(">3<")
    );
}

#[test]
fn typed_sql_reads_and_whatever_else_it_tries_is_refused() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let ask = |sql: &str| studio.page(&format!("/sql?q={}", encoded(sql)));
    assert!(ask("SELECT count(*) AS many FROM notes").contains(">3<"));
    assert!(ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5) SELECT max(i) FROM n").contains(">5<"));
    assert!(ask("PRAGMA table_info(notes)").contains("folder_id"));
    // The only row is shown as a whole, with what no cell of a list shows.
    let whole = ask(
        "SELECT printf('%.300c', 'x') || 'end' AS long, json('{\"a\":[1,2]}') AS j, x'00ff' AS b",
    );
    assert!(
        whole.contains("xend") && whole.contains("&quot;a&quot;: [") && whole.contains("00 ff"),
        "{whole}"
    );
    let before = (contents(&app.database()), app.listing());
    let target = app.folder().join("stolen.db");
    for sql in [
        "DELETE FROM notes",
        "UPDATE notes SET text = 'x' RETURNING *",
        "INSERT INTO notes (text) VALUES ('x')",
        "DROP TABLE notes",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t AS SELECT 1",
        &format!("VACUUM INTO '{}'", target.display()),
        &format!("ATTACH '{}' AS other", target.display()),
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 7",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "REINDEX",
        "ANALYZE",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE notes",
        "EXPLAIN",
        "nonsense",
        "SELECT replace(hex(zeroblob(100000000)), '0', 'x')",
    ] {
        let page = ask(sql);
        assert!(page.contains("Failed: "), "{sql}: {page}");
    }
    assert_eq!((contents(&app.database()), app.listing()), before);
    assert!(!target.exists());
}

#[test]
fn a_query_without_end_can_be_cancelled() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    let endless = encoded(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n",
    );
    let page = studio.get(&format!("/sql?q={endless}")).text();
    let (_, rest) = page.split_once("data-job=\"").unwrap();
    let id = rest.split('"').next().unwrap();
    let answer = studio.post(
        &format!("/jobs/{id}/cancel"),
        &[("back", "//evil.example/")],
    );
    assert_eq!(answer.header("location"), Some(&*format!("/jobs/{id}")));
    studio.get(&format!("/jobs/{id}/events"));
    assert!(studio.page(&format!("/jobs/{id}")).contains("cancelled"));
}

#[test]
fn a_run_and_a_revert_are_planned_done_and_in_the_log() {
    let app = app();
    app.file("V2__due.sql", "ALTER TABLE notes ADD COLUMN due TEXT;")
        .file("V2__due.down.sql", "ALTER TABLE notes DROP COLUMN due;");
    let studio = Studio::entered(&app, &["--write"]);
    assert!(
        studio.page("/migrations").contains("V2__due")
            || studio.page("/migrations").contains("due")
    );
    let before = contents(&app.database());
    let rehearsed = studio.done("/migrations/rehearse", &[]);
    assert!(rehearsed.contains("The run would succeed"), "{rehearsed}");
    assert!(studio.page("/migrations/run").contains("Run 1 migration"));
    assert_eq!(contents(&app.database()), before);
    let page = studio.done("/migrations/run", &[]);
    assert!(page.contains(">done<"), "{page}");
    assert_eq!(app.number("SELECT count(due) FROM notes"), 0);
    assert!(
        studio
            .page("/migrations/revert")
            .contains("Revert 1 migration")
    );
    let page = studio.done("/migrations/revert", &[("allow", "yes")]);
    assert!(page.contains(">done<"), "{page}");
    assert_eq!(
        app.number("SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'due'"),
        0
    );
    let log = studio.page("/log");
    assert!(log.contains(">run<") && log.contains(">revert<"), "{log}");
}

#[test]
fn a_restore_is_planned_done_and_undone() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let page = studio.done("/backups/snapshot", &[("name", "before")]);
    assert!(page.contains("Taken and verified"), "{page}");
    app.sql("UPDATE notes SET text = 'changed' WHERE id = 1; DELETE FROM notes WHERE id = 2; INSERT INTO notes (id, text) VALUES (9, 'new')");
    let changed = contents(&app.database());
    let difference = studio.page("/backups/difference?b=snapshots/before.db");
    for count in ["+1", "~1", "−1"] {
        assert!(difference.contains(count), "{count}: {difference}");
    }
    let rows = studio.page("/backups/difference?b=snapshots/before.db&t=notes");
    assert!(
        rows.contains("&#39;changed&#39;") || rows.contains("'changed'"),
        "{rows}"
    );
    assert!(
        studio
            .page("/backups/restore?b=snapshots/before.db")
            .contains("Restore over")
    );
    assert_eq!(contents(&app.database()), changed);
    let page = studio.done("/backups/restore", &[("b", "snapshots/before.db")]);
    assert_eq!(app.text("SELECT text FROM notes WHERE id = 1"), "a");
    let (_, rest) = page.split_once("href=\"/backups/restore?b=").unwrap();
    let replaced = rest.split('"').next().unwrap().to_owned();
    studio.page(&format!("/backups/restore?b={replaced}"));
    studio.done("/backups/restore", &[("b", &replaced)]);
    assert_eq!(contents(&app.database()), changed);
}

#[test]
fn looking_leaves_no_trace() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let before = (contents(&app.database()), app.listing());
    let studio = Studio::entered(&app, &["--write"]);
    for page in [
        "/",
        "/doctor",
        "/data",
        "/data?t=notes",
        "/sql?q=SELECT+1",
        "/migrations",
        "/backups",
        "/backups?verify=1",
        "/backups/difference?b=snapshots/s.db",
        "/log",
        "/palette",
    ] {
        studio.page(page);
    }
    assert_eq!((contents(&app.database()), app.listing()), before);
}

/// The app goes on beside a studio that is left open: it writes, and its write-ahead log shrinks.
#[test]
fn a_studio_that_is_left_open_holds_nothing() {
    let app = app();
    let writer = app.connect();
    writer.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let studio = Studio::entered(&app, &["--write"]);
    for row in 10..20 {
        writer
            .execute("INSERT INTO notes (id, text) VALUES (?1, 'app')", [row])
            .unwrap();
        let page = studio.page("/data?t=notes&sort=-id");
        assert!(page.contains(&format!(">{row}<")), "{row}");
        studio.page("/backups");
        studio.page("/doctor");
    }
    let (busy, left): (i64, i64) = writer
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((busy, left), (0, 0));
    // And it is not kept out while the app has a transaction open.
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM notes WHERE id = 19")
        .unwrap();
    assert!(studio.page("/data?t=notes&sort=-id").contains(">19<"));
    writer.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn what_is_not_there_is_said_and_nothing_breaks() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    for page in [
        "/data?t=nothing",
        "/data/row?t=notes&key=i:77",
        "/data/row?t=notes&key=x",
        "/data/row",
        "/backups/one?b=no",
        "/backups/one?b=../app.db",
        "/migrations/one?version=7",
        "/jobs/77",
        "/nothing",
    ] {
        assert_eq!(studio.get(page).status, 404, "{page}");
    }
    let nothing = App::new();
    let studio = Studio::entered(&nothing, &[]);
    for page in [
        "/",
        "/data",
        "/migrations",
        "/backups",
        "/log",
        "/sql?q=SELECT+1",
    ] {
        studio.page(page);
    }
    assert!(!nothing.database().exists());
}

/// Prints how long the server takes: `cargo test --features cli --test it -- --ignored --nocapture
/// million_rows_takes`.
#[test]
#[ignore = "measures"]
fn prints_how_long_a_page_of_a_million_rows_takes() {
    let app = app();
    app.sql(
        "CREATE TABLE many (id INTEGER PRIMARY KEY, grp INTEGER, name TEXT, note TEXT, price REAL);
        CREATE INDEX by_grp ON many (grp);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
        INSERT INTO many SELECT i, i % 1000, 'name ' || i, printf('%.100c', 'x'), i * 0.5 FROM n",
    );
    let studio = Studio::entered(&app, &[]);
    for page in [
        "",
        "&after=i:900000",
        "&sort=-grp",
        "&where=grp~eq~7",
        "&sort=price",
    ] {
        let path = format!("/data?t=many{page}");
        let took = (0..5).map(|_| {
            let began = std::time::Instant::now();
            assert_eq!(keys(&studio.page(&path)).len(), 100);
            began.elapsed()
        });
        println!("{path}: {:?}", took.min().unwrap());
    }
}
