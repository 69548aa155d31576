//! The process is killed (SIGKILL) at any instant of any verb: what is found is the old state or
//! the new one, row by row, no half copy is listed, and a good copy of what was is there.
//!
//! `HEIRLOOM_TEST_KILLS=1000` kills at every event and at this many random instants;
//! `HEIRLOOM_TEST_SEED` gives others.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use heirloom::Verify;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::support::app::{App, Random, TEMPORARY_FOLDER, flip, kill_when_ready, part, was_killed};
use crate::support::parts::verb_of;

/// Something that is done to a database, and how the database is.
#[derive(Debug, Clone, Copy)]
struct Scene {
    verb: &'static str,
    mode: &'static str,
    /// Whether a migration runs outside the transaction.
    free: bool,
    /// Whether SQLite cannot read the database.
    damaged: bool,
}

/// Every verb in both journal modes.
fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for mode in ["delete", "wal"] {
        let scene = |verb, free, damaged| Scene {
            verb,
            mode,
            free,
            damaged,
        };
        for free in [false, true] {
            scenes.push(scene("run", free, false));
            scenes.push(scene("revert", free, false));
            scenes.push(scene("rehearse", free, false));
        }
        scenes.push(scene("snapshot", false, false));
        scenes.push(scene("adopt", false, false));
        if cfg!(feature = "devtools") {
            for verb in ["seed", "empty", "reset", "redo", "push"] {
                scenes.push(scene(verb, false, false));
            }
        }
        for damaged in [false, true] {
            scenes.push(scene("restore", false, damaged));
            scenes.push(scene("restore-snapshot", false, damaged));
        }
    }
    scenes
}

const V1: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY, x TEXT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
    CREATE INDEX by_x ON parent (x);";
const V2: &str = "ALTER TABLE parent ADD COLUMN y; UPDATE parent SET y = id;";
const V2_DOWN: &str = "ALTER TABLE parent DROP COLUMN y;";
const V3: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y);
    INSERT INTO n SELECT * FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent;
    CREATE INDEX by_x ON parent (x);";
const V3_DOWN: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT, y);
    INSERT INTO n SELECT * FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent;
    CREATE INDEX by_x ON parent (x);";
const V3_FREE: &str = "-- heirloom: no-transaction
    BEGIN; UPDATE parent SET y = -y; COMMIT; VACUUM; UPDATE parent SET y = y * 2;";

const BY_Y: &str = "CREATE INDEX by_y ON parent (y);";
const SEED: &str = "INSERT OR IGNORE INTO parent (id, x) VALUES (-1, 'seed');
    UPDATE parent SET x = 'seed' || x WHERE x NOT LIKE 'seed%';";
const SCHEMA: &str =
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, x TEXT NOT NULL CHECK (length(x) > 0));
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE, z);
    CREATE INDEX by_x ON parent (x);";

/// The history of V1 is another tool's.
const KEPT_BY_SQLX: &str = "DROP TABLE refinery_schema_history; DROP TABLE heirloom_history;
    DROP TABLE heirloom_log;
    CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT, success BOOLEAN,
        checksum BLOB);
    INSERT INTO _sqlx_migrations VALUES (1, 'a', 1, x'00');";

impl Scene {
    /// The database before the verb, with this many rows of about 400 bytes.
    fn before(&self, rows: u32) -> App {
        let app = App::new();
        app.file("V1__a.sql", V1).run().unwrap();
        app.sql(&format!(
            "PRAGMA journal_mode = {};
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO parent SELECT i, hex(randomblob(100)) FROM n;
             INSERT INTO child SELECT id, id FROM parent;",
            self.mode
        ));
        app.file("V2__b.sql", V2).file("V2__b.down.sql", V2_DOWN);
        app.file("V3__c.sql", if self.free { V3_FREE } else { V3 });
        let down = if self.free { V3_FREE } else { V3_DOWN };
        app.file("V3__c.down.sql", down);
        if self.verb.starts_with("re") && self.verb != "rehearse" {
            let files = app.folder().join(FILES);
            std::fs::create_dir(&files).unwrap();
            std::fs::write(files.join("a.txt"), "then").unwrap();
            let taken = app.migrator();
            let taken = taken
                .database(app.database())
                .snapshot_with("kept", &[FILES.into()]);
            taken.unwrap();
            std::fs::write(files.join("a.txt"), "now").unwrap();
            app.run().unwrap();
            app.sql("DELETE FROM child WHERE id % 3 = 0");
        }
        std::fs::create_dir(app.folder().join("seeds")).unwrap();
        std::fs::write(app.folder().join("seeds/a.sql"), SEED).unwrap();
        match self.verb {
            "adopt" => drop(app.sql(KEPT_BY_SQLX)),
            "seed" => drop(app.run().unwrap()),
            "push" => drop(app.file("schema.sql", SCHEMA)),
            "redo" => drop(app.file("V3__c.sql", &format!("{V3} {BY_Y}"))),
            _ => {}
        }
        if self.damaged {
            flip(&app.database(), 3);
        }
        app
    }

    /// The same once more, in a folder of its own.
    fn again(&self, before: &App) -> App {
        let app = App::new();
        let everything = fs_extra::dir::CopyOptions::new()
            .content_only(true)
            .overwrite(true);
        fs_extra::dir::copy(before.folder(), app.folder(), &everything).unwrap();
        app
    }
}

/// What a snapshot takes along.
const FILES: &str = "files";

/// What is in the file beside the database.
fn file_of(app: &App) -> String {
    let file = std::fs::read_to_string(app.folder().join(FILES).join("a.txt"));
    file.unwrap_or_default()
}

/// Every row of every table but the history's, and which versions are in that. None where
/// SQLite cannot read the file.
fn fingerprint(database: &Path) -> Option<String> {
    let connection = Connection::open(database).unwrap();
    let names = |sql: &str| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    };
    let own = "name LIKE 'heirloom\\_%' ESCAPE '\\' OR name LIKE 'refinery\\_%' ESCAPE '\\'";
    let schema = names(&format!(
        "SELECT type || name || coalesce(sql, '') FROM sqlite_schema WHERE NOT ({own}) ORDER BY 1"
    ));
    let mut hasher = blake3::Hasher::new();
    for object in schema.ok()? {
        hasher.update(object.as_bytes());
    }
    let tables =
        format!("SELECT name FROM sqlite_schema WHERE type = 'table' AND NOT ({own}) ORDER BY 1");
    for table in names(&tables).unwrap() {
        let mut statement = connection
            .prepare(&format!("SELECT rowid, * FROM \"{table}\" ORDER BY rowid"))
            .unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(text) => hasher.update(text),
                    other => hasher.update(format!("{other:?}").as_bytes()),
                };
                hasher.update(b"|");
            }
        }
    }
    // An emptied database has no history.
    let versions =
        names("SELECT CAST(version AS TEXT) FROM refinery_schema_history ORDER BY version")
            .unwrap_or_default();
    Some(format!("{versions:?} {}", hasher.finalize()))
}

/// Starts the verb in a process of its own and kills it: at the given moment, or so long after
/// it began. Whether it was at work then.
fn kill(scene: &Scene, app: &App, moment: Option<usize>, after: Duration) -> bool {
    let mut command = part("works", app);
    command
        .env("HEIRLOOM_TEST_AT", scene.verb)
        .env(TEMPORARY_FOLDER, app.folder());
    if let Some(moment) = moment {
        command.env("HEIRLOOM_TEST_MOMENT", moment.to_string());
    }
    let (output, all) = kill_when_ready(command, after);
    let killed = was_killed(output.status);
    let failure = String::from_utf8_lossy(&output.stderr);
    assert!(
        killed || output.status.success(),
        "{scene:?}: {all}{failure}"
    );
    killed
}

/// What a kill left.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    Old,
    New,
    /// Not killed: it was over before.
    Done,
}

/// Both ends of a scene.
struct Ends {
    before: App,
    old: Option<String>,
    new: Option<String>,
    /// What is in the file that goes with either.
    files: [String; 2],
    /// How long the verb takes when nobody kills it.
    duration: Duration,
}

fn ends(scene: &Scene, rows: u32) -> Ends {
    let before = scene.before(rows);
    let twin = scene.again(&before);
    let (old, old_file) = (fingerprint(&twin.database()), file_of(&twin));
    assert_eq!(old.is_none(), scene.damaged);
    let started = Instant::now();
    verb_of(&twin, &twin.migrator(), scene.verb);
    let duration = started.elapsed();
    let new = fingerprint(&twin.database());
    let same = ["snapshot", "rehearse"].contains(&scene.verb);
    assert_eq!(old == new, same, "{scene:?}");
    Ends {
        before,
        old,
        new,
        files: [old_file, file_of(&twin)],
        duration,
    }
}

/// Kills once, and looks at everything that is left.
fn killed_once(scene: &Scene, ends: &Ends, moment: Option<usize>, after: Duration) -> Left {
    let what = format!("{scene:?} at {moment:?} after {after:?}");
    let app = scene.again(&ends.before);
    let database = app.database();
    let mut died = kill(scene, &app, moment, after);
    // Whoever tries again may be killed too.
    if after.as_micros() % 3 == 1 && scene.verb != "snapshot" && died {
        died = kill(scene, &app, None, after / 2);
    }
    // As it was left, before anybody fixed anything.
    for copy in app
        .migrator()
        .database(&database)
        .backups(Verify::Everything)
        .unwrap()
    {
        assert!(copy.verified, "{what}: {copy:?}");
    }
    let is_old = |found: &Option<String>| *found == ends.old;
    let is_either = |found: &Option<String>| is_old(found) || *found == ends.new;
    // Another program may be the first to look, or the app itself.
    let stranger_first = after.as_micros().is_multiple_of(2);
    let in_two_commits = scene.free || scene.damaged;
    if stranger_first && !in_two_commits {
        let found = fingerprint(&database);
        assert!(is_either(&found), "{what}");
        let sound = Connection::open(&database).unwrap();
        let sound: String = sound
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok", "{what}");
    }
    // The next work of any kind puts right what was left, and changes nothing else.
    let next = app.migrator().database(&database).snapshot("next");
    let found = fingerprint(&database);
    assert!(is_either(&found), "{what}: {next:?}");
    let same = ends.old == ends.new;
    let file = &ends.files[usize::from(!same && !is_old(&found))];
    assert_eq!(file_of(&app), *file, "{what}: {next:?}");
    assert_eq!(next.is_err(), found.is_none(), "{what}: {next:?}");
    let copies = app
        .migrator()
        .database(&database)
        .backups(Verify::Everything)
        .unwrap();
    assert!(
        copies.iter().all(|copy| copy.verified),
        "{what}: {copies:?}"
    );
    if !is_old(&found) && ends.old.is_some() {
        // What was before the change can be had back, whole.
        let mut before = copies.iter().map(|copy| fingerprint(&copy.file));
        assert!(before.any(|copy| copy == ends.old), "{what}: {copies:?}");
    }
    for folder in [app.folder().to_owned(), app.folder().join("backups")] {
        let left = |name: &str| name.ends_with(".partial") || name.ends_with(".restore");
        // A restore that was not begun leaves nothing that a start could see.
        if folder.exists() && next.is_ok() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(!left(&name.to_string_lossy()), "{what}: {name:?}");
            }
        }
    }
    // And the same command again does it.
    let done =
        scene.verb == "snapshot" && copies.iter().any(|copy| copy.file.ends_with("named.db"));
    let at_its_end = scene.verb == "revert" && !is_old(&found);
    if !done && !at_its_end {
        verb_of(&app, &app.migrator(), scene.verb);
    }
    assert_eq!(fingerprint(&database), ends.new, "{what}");
    let mode: String = Connection::open(&database)
        .unwrap()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert!(mode == scene.mode || scene.damaged, "{what}: {mode}");
    match (died, is_old(&found)) {
        (false, _) => Left::Done,
        (true, true) => Left::Old,
        (true, false) => Left::New,
    }
}

/// How many random instants, where somebody asked for them.
fn wanted() -> Option<usize> {
    let kills = std::env::var("HEIRLOOM_TEST_KILLS").ok()?;
    Some(kills.parse().unwrap())
}

#[test]
fn killed_at_an_event_of_any_verb_the_data_is_old_or_new() {
    let mut random = Random::from_environment();
    // In the short version a few of the events, others with every seed.
    let step = if wanted().is_some() { 1 } else { 7 };
    let (mut old, mut new) = (0, 0);
    for scene in scenes() {
        let ends = ends(&scene, 60);
        let mut moment = random.below(step);
        loop {
            match killed_once(&scene, &ends, Some(moment), Duration::ZERO) {
                Left::Done => break,
                Left::Old => old += 1,
                Left::New => new += 1,
            }
            moment += step;
        }
    }
    println!(
        "killed at {} events: {old} times old, {new} times new",
        old + new
    );
    assert!(old > 20, "the events are no longer told: {old} {new}");
}

#[test]
fn killed_at_a_random_instant_of_any_verb_the_data_is_old_or_new() {
    let rows = wanted().map_or(2_000, |_| 10_000);
    let scenes = scenes();
    let kills = wanted().unwrap_or(scenes.len());
    let counts = Mutex::new((0, 0, 0));
    for (number, scene) in scenes.iter().enumerate() {
        let mut random = Random::from_environment();
        random.skip(number);
        let ends = ends(scene, rows);
        for _ in 0..kills.div_ceil(scenes.len()) {
            let most = ends.duration.as_micros() as usize + 2_000;
            let after = Duration::from_micros(random.below(most) as u64);
            let left = killed_once(scene, &ends, None, after);
            let mut counts = counts.lock().unwrap();
            match left {
                Left::Old => counts.0 += 1,
                Left::New => counts.1 += 1,
                Left::Done => counts.2 += 1,
            }
        }
    }
    let (old, new, done) = counts.into_inner().unwrap();
    println!(
        "killed at {} random instants: {old} times old, {new} times new; {done} were over before",
        old + new
    );
    assert!(old + new > 0);
}
