//! The app in a real window, on a display in memory, driven through WebKitWebDriver: it migrates an
//! old database, restores a backup by click, and shows the dialog of an older app.
//!
//! Needs `xvfb` and `webkit2gtk-driver` of Debian. Only with HEIRLOOM_TEST_DISPLAY=1; the pictures
//! are put into the folder that HEIRLOOM_TEST_PICTURES names.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tauri_plugin_heirloom::heirloom::rusqlite::Connection;
use tauri_plugin_heirloom::heirloom::{Migrator, Source};

const NOTES: i64 = 300_000;

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command) -> Running {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    Running(
        command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}")),
    )
}

/// A window of the app, with a home of its own.
struct Window {
    port: u16,
    session: String,
    _driver: Running,
}

impl Window {
    fn open(home: &Path, display: &str) -> Window {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = run(Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("DISPLAY", display)
            .env("TAURI_WEBVIEW_AUTOMATION", "true"));
        until("the driver listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let mut window = Window {
            port,
            session: String::new(),
            _driver: driver,
        };
        let app = env!("CARGO_BIN_EXE_heirloom-tauri-example");
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "webkitgtk:browserOptions": { "binary": app, "args": [] } } } });
        let session = window.ask("POST", "/session", &wanted);
        window.session = session["sessionId"].as_str().unwrap().to_owned();
        window
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        // The driver closes without the length of what it sent, or keeps the connection open.
        let mut bytes = [0; 65536];
        loop {
            let read = stream.read(&mut bytes).unwrap();
            answer += &String::from_utf8_lossy(&bytes[..read]);
            let Some((head, body)) = answer.split_once("\r\n\r\n") else {
                assert!(read > 0, "the driver went away: {answer}");
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if read == 0 || length.is_some_and(|length| body.len() >= length) {
                let answer: Value = serde_json::from_str(body).unwrap();
                let value = &answer["value"];
                assert!(value.get("error").is_none(), "{method} {path}: {value}");
                return value.clone();
            }
        }
    }

    fn of(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("/session/{}/{path}", self.session), body)
    }

    fn script(&self, script: &str) -> Value {
        self.of(
            "POST",
            "execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    fn text(&self, id: &str) -> String {
        let text = self.script(&format!(
            "return document.getElementById('{id}')?.textContent ?? ''"
        ));
        text.as_str().unwrap().to_owned()
    }

    /// A click of the mouse on what is found by a selector.
    fn click(&self, selector: &str) {
        let found = self.of(
            "POST",
            "element",
            &json!({ "using": "css selector", "value": selector }),
        );
        let element = found
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.of("POST", &format!("element/{element}/click"), &json!({}));
    }

    fn page(&self) -> String {
        let page = self.script("return document.querySelector('main:not([hidden])').id");
        page.as_str().unwrap().to_owned()
    }

    fn wait_for(&self, page: &str) {
        until(page, || (self.page() == page).then_some(()));
    }

    /// Of what is drawn now: a change of the page is on the screen a frame later.
    fn picture(&self, name: &str) {
        let drawn = "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))";
        self.of(
            "POST",
            "execute/async",
            &json!({ "script": drawn, "args": [] }),
        );
        let picture = self.of("GET", "screenshot", &Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(picture.as_str().unwrap())
            .unwrap();
        assert!(bytes.starts_with(b"\x89PNG"));
        if let Some(folder) = std::env::var_os("HEIRLOOM_TEST_PICTURES") {
            std::fs::write(PathBuf::from(folder).join(name), bytes).unwrap();
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.of("DELETE", "", &json!({}));
        }
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn display() -> Option<(Running, String)> {
    if std::env::var_os("HEIRLOOM_TEST_DISPLAY").is_none() {
        println!("not run: HEIRLOOM_TEST_DISPLAY is not set");
        return None;
    }
    let display = format!(":{}", 100 + std::process::id() % 1000);
    let xvfb = run(Command::new("Xvfb").args([&display, "-screen", "0", "1000x760x24"]));
    let socket = format!("/tmp/.X11-unix/X{}", &display[1..]);
    until("the display", || Path::new(&socket).exists().then_some(()));
    Some((xvfb, display))
}

/// As tauri-plugin-sql left it at the app's first version: sqlx's history.
fn an_old_database(home: &Path) -> PathBuf {
    let folder = home.join("config/org.heirloom.notes");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("notes.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch(include_str!("../migrations/V1__notes.sql"))
        .unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
                installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
                checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
             INSERT INTO _sqlx_migrations VALUES (1, 'notes', '2026-01-01 00:00:00', 1, x'00', 1000);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {NOTES})
             INSERT INTO notes (title, body)
             SELECT iif(i % 10 = 0, NULL, 'Note ' || i), printf('%.200c', 'x') FROM n;"
        ))
        .unwrap();
    file
}

fn number(file: &Path, sql: &str) -> i64 {
    Connection::open(file)
        .unwrap()
        .query_row(sql, [], |row| row.get(0))
        .unwrap()
}

const COUNT: &str = "SELECT count(*) FROM notes";

#[test]
fn an_old_database_is_migrated_with_progress_and_a_backup_restored_by_click() {
    let Some((_xvfb, display)) = display() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let file = an_old_database(home.path());
    let window = Window::open(home.path(), &display);
    // A fast machine is done before there is anything to see.
    until("rows", || {
        (window.page() != "splash" || window.text("phase").starts_with("Rewriting")).then_some(())
    });
    window.picture("1-splash.png");
    window.wait_for("notes");
    window.picture("2-notes.png");
    assert_eq!(window.text("count"), NOTES.to_string());
    assert_eq!(
        number(&file, "SELECT count(*) FROM notes WHERE title = 'Untitled'"),
        NOTES / 10
    );

    // Phases, bytes and rows were told to the page.
    let seen = window.script("return window.seen");
    let seen: Vec<&Value> = seen.as_array().unwrap().iter().collect();
    let is = |event: &Value, name: &str| event["event"] == name;
    assert!(
        seen.iter()
            .any(|event| is(event, "copying") && event["done"] == event["total"]),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .any(|event| is(event, "filling") && event["total"] == NOTES),
        "{seen:?}"
    );
    assert!(is(seen.last().unwrap(), "committed"), "{seen:?}");

    window.click("#add");
    until("a note more", || {
        (window.text("count") == (NOTES + 1).to_string()).then_some(())
    });
    window.click("#to-settings");
    window.wait_for("settings");
    window.click("#snapshot");
    until("the snapshot", || {
        window
            .text("said")
            .contains("before-spring-cleaning")
            .then_some(())
    });
    window.click("#check");
    until("the check", || {
        (!window.text("said").contains("Snapshot")).then_some(())
    });
    window.picture("3-backups.png");

    // The oldest of the list: the backup from before the migration.
    window.click("tbody tr:last-child .restore");
    until("the question", || {
        window
            .text("question-text")
            .contains(&NOTES.to_string())
            .then_some(())
    });
    window.picture("4-question.png");
    window.click("#yes");
    until("the restore", || {
        window.text("said").contains("restored").then_some(())
    });
    assert_eq!(number(&file, COUNT), NOTES);
    assert_eq!(
        number(&file, "SELECT count(*) FROM notes WHERE title IS NULL"),
        0,
        "migrated again"
    );
    window.picture("5-restored.png");

    window.click("#undo");
    until("the undo", || {
        (number(&file, COUNT) == NOTES + 1).then_some(())
    });
    until("the page", || (window.page() == "settings").then_some(()));
    window.click("#to-notes");
    until("the notes", || {
        (window.text("count") == (NOTES + 1).to_string()).then_some(())
    });
    window.picture("6-undone.png");
}

#[test]
fn an_older_app_shows_its_dialog_and_reverts_what_it_does_not_know() {
    let Some((_xvfb, display)) = display() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config/org.heirloom.notes/notes.db");
    let newer = [
        ("V1__notes.sql", include_str!("../migrations/V1__notes.sql")),
        (
            "V2__pinned.sql",
            include_str!("../migrations/V2__pinned.sql"),
        ),
        (
            "V3__title_required.sql",
            include_str!("../migrations/V3__title_required.sql"),
        ),
        (
            "V4__colour.sql",
            "ALTER TABLE notes ADD COLUMN colour TEXT; INSERT INTO notes (title) VALUES ('hello');",
        ),
        (
            "V4__colour.down.sql",
            "ALTER TABLE notes DROP COLUMN colour;",
        ),
    ];
    Migrator::new(Source::of_files(newer))
        .migrate(&file)
        .unwrap();

    let window = Window::open(home.path(), &display);
    window.wait_for("trouble");
    window.picture("7-newer.png");
    assert_eq!(
        window.text("trouble-title"),
        "Your notes are from a newer version"
    );
    assert_eq!(
        number(
            &file,
            "SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'colour'"
        ),
        1
    );
    window.click("#revert");
    window.wait_for("notes");
    window.picture("8-reverted.png");
    assert_eq!(window.text("count"), "1");
    assert_eq!(
        number(
            &file,
            "SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'colour'"
        ),
        0
    );
}
