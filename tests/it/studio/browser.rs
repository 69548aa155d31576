//! The studio in a browser: headless Chromium, where there is one.

use std::path::Path;

use serde_json::Value;

use crate::studio::client::{Studio, encoded};
use crate::studio::webdriver::Browser;
use crate::support::app::{App, contents};

/// An app with rows of every kind, a snapshot, changes since, and a pending migration.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__library.sql",
        "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER);
        CREATE TABLE books (
            id INTEGER PRIMARY KEY,
            author_id INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
            title TEXT NOT NULL, price REAL, cover BLOB, details TEXT, added_at INTEGER
        );
        CREATE INDEX books_by_author ON books (author_id);",
    )
    .file("V1__library.down.sql", "DROP TABLE books; DROP TABLE authors;")
    .file(
        "V2__loans.sql",
        "CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
        CREATE TABLE loans (
            book_id INTEGER NOT NULL REFERENCES books (id), member_id INTEGER NOT NULL REFERENCES members (id),
            due TEXT, PRIMARY KEY (book_id, member_id)
        ) WITHOUT ROWID;
        CREATE VIEW overdue AS SELECT * FROM loans WHERE due < '2026-01-01';",
    )
    .file("V2__loans.down.sql", "DROP VIEW overdue; DROP TABLE loans; DROP TABLE members;");
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO authors SELECT i, printf('Author %02d', i), 1900 + i FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO books SELECT i, i % 40 + 1, CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN 'The Long Way Home' WHEN 2 THEN 'O''Hara & <b>Sons</b>' ELSE 'A title that goes on and on until it does not fit into a cell of a table any more' END,
            CASE i % 7 WHEN 0 THEN NULL ELSE i * 1.25 END,
            CASE i % 5 WHEN 0 THEN x'89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc0000001149444154789c6390e999861531d05a02005f7d38c1b28de27e0000000049454e44ae426082' WHEN 1 THEN x'000102030405060708090a0b0c0d0e0f101112131415' END,
            CASE i % 3 WHEN 0 THEN json_object('pages', i, 'tags', json_array('new', 'paper')) END, 1700000000 + i * 1000 FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO members SELECT i, 'Member ' || i, 'm' || i || '@example.org' FROM n;
        INSERT INTO loans SELECT id, id, '2026-12-01' FROM members",
    );
    app.migrator()
        .database(app.database())
        .snapshot("before-import")
        .unwrap();
    app.sql(
        "UPDATE books SET price = 9.99, title = title || ' (new)' WHERE id < 4;
        INSERT INTO authors VALUES (41, 'Somebody New', 1999);
        DELETE FROM loans WHERE book_id = 300",
    );
    app.file(
        "V3__isbn.sql",
        "ALTER TABLE books ADD COLUMN isbn TEXT;\nUPDATE books SET isbn = printf('978-%05d', id);",
    )
    .file("V3__isbn.down.sql", "ALTER TABLE books DROP COLUMN isbn;");
    app
}

/// A browser that has entered, or none.
fn entered(app: &App, options: &[&str]) -> Option<(Studio, Browser)> {
    let browser = Browser::start()?;
    let studio = Studio::entered(app, options);
    browser.look(1280, 800, false);
    browser.open(&format!("{}{}", studio.origin(), studio.enter));
    assert_eq!(browser.address(), format!("{}/", studio.origin()));
    Some((studio, browser))
}

const PAGES: &[&str] = &[
    "/",
    "/data",
    "/data?t=books",
    "/data?t=books&sort=-price&where=title~has~long",
    "/data?t=overdue",
    "/data/row?t=books&key=i:5",
    "/data/row?t=books&key=i:3",
    "/sql?q=SELECT+*+FROM+authors",
    "/schema",
    "/schema/table?t=books",
    "/schema/drift",
    "/migrations",
    "/migrations/one?version=1",
    "/migrations/run",
    "/migrations/revert",
    "/migrations/generate",
    "/backups",
    "/backups?verify=1",
    "/backups/one?b=snapshots/before-import.db",
    "/backups/difference?b=snapshots/before-import.db",
    "/backups/difference?b=snapshots/before-import.db&t=books",
    "/backups/restore?b=snapshots/before-import.db",
    "/edit",
    "/edit/row?t=books&key=i:5",
    "/edit/new?t=authors",
    "/edit/delete?t=authors&key=i:1",
    "/log",
    "/doctor",
    "/nothing",
];

#[test]
fn every_page_is_accessible_fits_and_breaks_no_rule_of_its_policy() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &["--write"]) else {
        return;
    };
    let axe = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/axe/axe.min.js"),
    )
    .unwrap();
    let check = "const done = arguments[arguments.length - 1];
        axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })
            .then((found) => done(found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' ; '))));";
    let mut wrong = Vec::new();
    browser.faults();
    for (width, height, dark) in [
        (1280, 800, false),
        (1280, 800, true),
        (360, 740, false),
        (2560, 1440, true),
    ] {
        browser.look(width, height, dark);
        for page in PAGES {
            let answer = studio.get(page);
            assert!(answer.body.len() < 300_000, "{page}: {}", answer.body.len());
            browser.open(&format!("{}{page}", studio.origin()));
            browser.until("return !document.querySelector('main [data-job]')");
            let overflow = browser.run("return document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll')).slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join('; ') || 'all' : ''");
            if overflow != "" {
                wrong.push(format!(
                    "{page} at {width} is wider than the window: {overflow}"
                ));
            }
            browser.run(&axe);
            let found = browser.run_until_called(check);
            let found = found.as_array().unwrap().iter();
            wrong.extend(found.map(|one| format!("{page} at {width}, dark {dark}: {one}")));
            let faults = browser.faults().into_iter();
            // The page that does not exist.
            let faults = faults.filter(|_| *page != "/nothing");
            wrong.extend(faults.map(|fault| format!("{page}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_run_shows_what_happens_and_ends_on_what_came_of_it() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &["--write"]) else {
        return;
    };
    browser.open(&format!("{}/migrations", studio.origin()));
    assert!(browser.text("main").contains("isbn"));
    browser.click("a[href='/migrations/run']");
    browser.until("return document.documentElement.dataset.ready === 'yes' && location.pathname === '/migrations/run'");
    browser.click("main form button.primary");
    browser.until("return location.pathname.startsWith('/jobs/') && Boolean(document.querySelector('main .badge.added'))");
    assert!(
        browser.text("main").contains("3 isbn"),
        "{}",
        browser.text("main")
    );
    assert_eq!(app.text("SELECT isbn FROM books WHERE id = 7"), "978-00007");
    browser.open(&format!("{}/log", studio.origin()));
    assert!(browser.text("main tbody tr").contains("run"));
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn work_that_takes_long_is_followed_and_cancelled() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    let endless = encoded(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n",
    );
    browser.open(&format!("{}/sql?q={endless}", studio.origin()));
    browser.until("return Boolean(document.querySelector('[data-job] progress'))");
    browser.click("[data-job] form button");
    browser.until("return document.querySelector('main').innerText.includes('Failed')");
    assert!(!browser.text("main").contains("running for"));
}

#[test]
fn a_restore_is_planned_done_and_undone_by_clicks() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &["--write"]) else {
        return;
    };
    let before = contents(&app.database());
    browser.open(&format!("{}/backups", studio.origin()));
    browser.click("a[href^='/backups/restore']");
    browser.until("return Boolean(document.querySelector('main button.danger'))");
    assert!(
        browser
            .text("main")
            .contains("newer than the backup would be gone")
    );
    browser.click("main button.danger");
    browser.until("return location.pathname.startsWith('/jobs/') && Boolean(document.querySelector('main a.button'))");
    assert_eq!(
        app.text("SELECT title FROM books WHERE id = 1"),
        "The Long Way Home"
    );
    browser.click("main a.button");
    browser.until("return Boolean(document.querySelector('main button.danger'))");
    browser.click("main button.danger");
    browser.until("return location.pathname.startsWith('/jobs/') && Boolean(document.querySelector('main .notice.added'))");
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn the_difference_leads_from_a_table_to_its_rows() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.open(&format!(
        "{}/backups/difference?b=snapshots/before-import.db",
        studio.origin()
    ));
    let said = browser.text("main table");
    assert!(
        said.contains("authors") && said.contains("~3") && said.contains("−1"),
        "{said}"
    );
    browser.click("main table a[href*='t=books']");
    browser.until("return document.querySelectorAll('.difference > li.changed').length === 3");
    let first = browser.text(".difference > li");
    assert!(
        first.contains("'The Long Way Home (new)'") && first.contains("9.99"),
        "{first}"
    );
}

#[test]
fn the_palette_goes_anywhere_by_keys_alone() {
    let app = app();
    let Some((_studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.press(&["Control+k"]);
    browser.until("return document.querySelector('dialog[open] li')?.innerText.length > 0 && document.querySelectorAll('dialog[open] li').length > 5");
    browser.write("memb");
    browser.until("return document.querySelector('dialog[open] li[aria-selected=true]')?.innerText.startsWith('members')");
    browser.press(&["Enter"]);
    browser.until("return location.search === '?t=members' && document.documentElement.dataset.ready === 'yes'");
    // Into the table and along it.
    browser.run("document.querySelector('td[tabindex=\"0\"]').focus()");
    browser.press(&["Down", "Down", "Right"]);
    assert_eq!(
        browser.run("return document.activeElement.innerText"),
        "Member 3"
    );
    browser.press(&["Enter"]);
    browser.until("return location.pathname === '/data/row'");
    assert!(browser.text("main").contains("m3@example.org"));
    browser.press(&["?"]);
    browser.until("return document.querySelector('dialog[open]')?.innerText.includes('Previous and next page')");
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn names_and_values_that_are_markup_run_nothing() {
    let app = app();
    app.sql(
        "CREATE TABLE \"<script>window.hacked=1</script>\" (\"<img src=x onerror=window.hacked=2>\" TEXT, b BLOB);
        INSERT INTO \"<script>window.hacked=1</script>\" VALUES ('<svg onload=window.hacked=3>', CAST('<html><script>window.hacked=4</script>' AS BLOB))",
    );
    let Some((studio, browser)) = entered(&app, &["--write"]) else {
        return;
    };
    let table = encoded("<script>window.hacked=1</script>");
    for page in [
        "/data".to_owned(),
        format!("/data?t={table}"),
        format!("/data/row?t={table}&key=i:1"),
        format!("/schema/table?t={table}"),
        "/schema".to_owned(),
        format!("/edit/row?t={table}&key=i:1"),
    ] {
        browser.open(&format!("{}{page}", studio.origin()));
        assert!(browser.text("main").contains("hacked"), "{page}");
        browser.press(&["Control+k"]);
        browser.until("return document.querySelectorAll('dialog[open] li').length > 5");
        browser.press(&["Escape"]);
        assert_eq!(
            browser.run("return window.hacked ?? null"),
            Value::Null,
            "{page}"
        );
        assert_eq!(browser.faults(), Vec::<String>::new(), "{page}");
    }
}

#[test]
fn a_million_rows_are_paged_by_keys() {
    let app = app();
    app.sql("CREATE TABLE many (id INTEGER PRIMARY KEY, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO many SELECT i, 'row ' || i FROM n");
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.open(&format!("{}/data?t=many&sort=-id", studio.origin()));
    assert!(browser.text("main tbody tr").contains("1000000"));
    assert!(browser.text(".pager").contains("more than 10,000"));
    browser.press(&["]"]);
    browser.until("return document.querySelector('main tbody tr')?.innerText.includes('999900')");
    browser.press(&["["]);
    browser.until("return document.querySelector('main tbody tr')?.innerText.includes('1000000')");
    browser.click(".pager a[href*='count=exact']");
    browser.until("return document.querySelector('main').innerText.includes('1,000,000 rows')");
}

#[test]
fn a_row_is_edited_reviewed_and_written() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &["--write"]) else {
        return;
    };
    browser.open(&format!("{}/data/row?t=authors&key=i:2", studio.origin()));
    browser.click("a[href^='/edit/row']");
    browser.until("return Boolean(document.querySelector('#value-1'))");
    browser.run("document.querySelector('#value-1').select()");
    browser.write("Ada");
    browser.click("main button.primary");
    browser.until(
        "return location.pathname === '/edit' && document.documentElement.dataset.ready === 'yes'",
    );
    assert_eq!(
        app.text("SELECT name FROM authors WHERE id = 2"),
        "Author 02"
    );
    assert!(browser.text("header").contains("1 change to review"));
    // Also where there is little room.
    browser.look(360, 740, false);
    assert_eq!(browser.run("return document.querySelector('#palette-open').getBoundingClientRect().right <= innerWidth"), true);
    browser.look(1280, 800, false);
    browser.click("main button.primary");
    browser.until("return location.pathname.startsWith('/jobs/') && document.querySelector('main').innerText.includes('1 change written')");
    assert_eq!(app.text("SELECT name FROM authors WHERE id = 2"), "Ada");
}

#[test]
fn a_diagram_is_searched_and_a_table_is_shown_with_its_neighbours() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.open(&format!("{}/schema", studio.origin()));
    browser.run("document.querySelector('[data-find]').focus()");
    browser.write("loans");
    browser.until("return document.querySelector('.entity.chosen')?.dataset.name === 'loans'");
    let dim = browser
        .run("return [...document.querySelectorAll('.entity.dim')].map((one) => one.dataset.name)");
    assert_eq!(dim, serde_json::json!(["authors"]));
    browser.press(&["Escape"]);
    browser.until("return !document.querySelector('.entity.dim')");
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn a_page_that_is_older_than_the_database_or_whose_server_is_gone_says_so() {
    let app = app();
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.open(&format!("{}/data?t=authors", studio.origin()));
    assert_eq!(
        browser.run("return document.querySelector('.bar').hidden"),
        true
    );
    app.sql("INSERT INTO authors VALUES (77, 'Another', 1977)");
    browser.until("return document.querySelector('.bar')?.innerText.includes('has changed')");
    browser.click(".bar button");
    browser.until("return document.documentElement.dataset.ready === 'yes' && document.querySelector('.bar').hidden && document.querySelector('main').innerText.includes('42 in all')");
    drop(studio);
    browser.until("return document.querySelector('.bar')?.innerText.includes('does not answer')");
    assert_eq!(
        browser.run("return document.querySelector('main form button').disabled"),
        true
    );
}

/// Writes the picture of the README: `cargo test --features cli --test it -- --ignored picture`.
#[test]
#[ignore = "writes a file"]
fn writes_the_picture_of_the_readme() {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, pinned INTEGER NOT NULL DEFAULT 0);
        INSERT INTO notes (title, body) VALUES ('Holiday', 'Tickets, passports, sun cream'), ('Garden', 'Water the tomatoes twice a week'),
            ('Old shopping list', 'Milk, bread'), ('Ideas', NULL);",
    );
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("before-sync")
        .unwrap();
    app.sql(
        "UPDATE notes SET body = 'Tickets, passports, camera', pinned = 1 WHERE id = 1; UPDATE notes SET body = '' WHERE id = 4;
        DELETE FROM notes WHERE id = 3; INSERT INTO notes (title, body) VALUES ('Birthday', 'Cake for twelve')",
    );
    let Some((studio, browser)) = entered(&app, &[]) else {
        return;
    };
    browser.look(1120, 630, false);
    browser.open(&format!(
        "{}/backups/difference?b=snapshots/before-sync.db&t=notes",
        studio.origin()
    ));
    browser.picture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/studio.png"));
}
