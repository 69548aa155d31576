//! What `heirloom` is harmed in: each act with the state it starts from and the one it leads to.
//! After any harm a plain start must find one of the two, whole.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use heirloom::{BackupInfo, ErrorKind, Verify};

use crate::cli::contract::heirloom;
use crate::support::app::{App, contents, copy, data, part};

/// A command over a database.
pub struct Act {
    pub name: String,
    pub arguments: &'static [&'static str],
    /// A start to this version leaves the old state as it is, and the new one. None where
    /// there is no database before.
    stay_at: Option<i64>,
    template: App,
    /// As it lies there: the old state, or what an interrupted run left of it.
    pub before: Vec<String>,
    pub old: Vec<String>,
    pub new: Vec<String>,
    /// What a run to the newest version makes of the old state, and of the new one.
    newest: [Vec<String>; 2],
    pub copies_before: usize,
    pub copies_after: usize,
    /// What was in the files beside the database, and in those of a snapshot: whatever happens, it
    /// is somewhere.
    kept: Vec<Vec<u8>>,
    /// The files of the snapshot `s`.
    taken_along: Vec<String>,
}

/// A database that SQLite cannot read, as it was.
const DAMAGED: &str = "damaged";

/// What the migrations of an act are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All in one transaction.
    Grouped,
    /// One of them outside of it, so that there are several commits.
    Free,
}

/// Pages that do not fit into the cache are written before the commit.
const SMALL_CACHE: &str = "PRAGMA cache_size = 5;";

fn app_of(kind: Kind) -> App {
    let app = App::in_memory();
    app.file(
        "V1__base.sql",
        &format!(
            "{SMALL_CACHE}
             CREATE TABLE parent (id INTEGER PRIMARY KEY, x TEXT);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
             INSERT INTO parent SELECT i, printf('%0200d', i) FROM n;
             INSERT INTO child SELECT id, id FROM parent;"
        ),
    )
    .file(
        "V2__y.sql",
        &format!("{SMALL_CACHE}\nALTER TABLE parent ADD COLUMN y; UPDATE parent SET y = id;"),
    )
    .file(
        "V2__y.down.sql",
        &format!("{SMALL_CACHE}\nALTER TABLE parent DROP COLUMN y;"),
    )
    .file(
        "V4__z.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y);
         INSERT INTO n SELECT id, x, y FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent;",
    )
    .file(
        "V4__z.down.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT, y);
         INSERT INTO n SELECT id, x, y FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent;",
    );
    if kind == Kind::Free {
        app.file(
            "V3__free.sql",
            "-- heirloom: no-transaction\nCREATE TABLE a (x);\nINSERT INTO a SELECT x FROM parent;\nUPDATE parent SET y = y + 1;",
        )
        .file(
            "V3__free.down.sql",
            "-- heirloom: no-transaction\nUPDATE parent SET y = y - 1;\nDROP TABLE a;",
        );
    }
    app
}

/// An app whose database is at a version, with a row that the app wrote.
fn app_at(version: i64, kind: Kind, mode: &str) -> App {
    let app = app_of(kind);
    app.sql(&format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE own (x); INSERT INTO own VALUES (1)"
    ));
    // Step by step, so that the newest copy is of version 1.
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    app.migrator()
        .database(app.database())
        .migrate_to(version)
        .unwrap();
    if kind == Kind::Free {
        // Somebody tidied up, so that the folder has to be made again.
        std::fs::remove_dir_all(app.folder().join("backups")).unwrap();
    }
    if mode == "WAL" {
        // It died, and left its log.
        let died = part("dies-in-sql", &app)
            .env("HEIRLOOM_TEST_AT", "UPDATE own SET x = 2")
            .output()
            .unwrap();
        assert!(!died.status.success());
    }
    app
}

/// Every act, in both journal modes.
///
/// With a part of a name in `HEIRLOOM_TEST_ACTS`, only those that have it in theirs.
pub fn acts() -> Vec<Act> {
    acts_named(&std::env::var("HEIRLOOM_TEST_ACTS").unwrap_or_default())
}

/// Those with a part of their name.
pub fn acts_named(wanted: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for kind in [Kind::Grouped, Kind::Free] {
        let mut add = |what: &str, mode: &str, arguments, stay_at, app: &dyn Fn() -> App| {
            let name = format!("{what} {kind:?} {mode}");
            if name.contains(wanted) {
                acts.push(Act::new(name, arguments, stay_at, app()));
            }
        };
        add("first run", "DELETE", &["run"], None, &|| app_of(kind));
        for mode in ["DELETE", "WAL"] {
            let at = |version| move || app_at(version, kind, mode);
            let back: &[_] = &["revert", "--to", "1"];
            add("run", mode, &["run"], Some(1), &at(1));
            add("revert", mode, back, Some(1), &at(4));
            add("interrupted run", mode, &["run"], Some(1), &|| {
                interrupted(kind, mode)
            });
            if kind == Kind::Free {
                continue;
            }
            let fill: &[_] = &["backfill", FILL];
            add("backfill", mode, fill, Some(1), &|| filling(kind, mode));
            let anew: &[_] = &["reset", "--yes"];
            add("reset", mode, anew, Some(4), &at(4));
            let named: &[_] = &["snapshot", "--name", "s"];
            let latest: &[_] = &["restore", "latest", "--yes"];
            add("snapshot", mode, named, Some(1), &at(1));
            add("restore", mode, latest, Some(1), &at(4));
            add("restore over damage", mode, latest, Some(1), &|| {
                damaged(kind, mode)
            });
            let along: &[_] = &["snapshot", "--name", "s", "--with", FILES];
            let all_back: &[_] = &["restore-snapshot", "--name", "s", "--yes"];
            add("snapshot with files", mode, along, Some(1), &|| {
                with_files(app_at(1, kind, mode))
            });
            add(
                "restore-snapshot with files",
                mode,
                all_back,
                Some(1),
                &|| snapshot_then(4, kind, mode),
            );
        }
    }
    acts
}

/// A backfill in batches of 40 rows, in which a row that is filled twice shows it.
const FILL: &str = "fill.sql";
const BATCH: usize = 40;

fn filling(kind: Kind, mode: &str) -> App {
    let app = app_at(1, kind, mode);
    let sql = format!(
        "-- heirloom: backfill parent\n-- heirloom: batch {BATCH}\nUPDATE parent SET x = x || '+' WHERE id BETWEEN :first AND :last;"
    );
    std::fs::write(app.folder().join(FILL), sql).unwrap();
    app
}

/// What the app keeps in a folder beside its database.
const FILES: &str = "files";

fn with_files(app: App) -> App {
    let files = app.folder().join(FILES);
    std::fs::create_dir_all(files.join("sub")).unwrap();
    std::fs::write(files.join("a.txt"), "a then").unwrap();
    std::fs::write(files.join("sub").join("b.txt"), "b then".repeat(3000)).unwrap();
    app
}

/// A snapshot of version 1 with files, after which everything changed.
fn snapshot_then(version: i64, kind: Kind, mode: &str) -> App {
    let app = with_files(app_at(1, kind, mode));
    let with = [FILES.into()];
    let taken = app
        .migrator()
        .database(app.database())
        .snapshot_with("s", &with);
    taken.unwrap();
    app.migrator()
        .database(app.database())
        .migrate_to(version)
        .unwrap();
    let files = app.folder().join(FILES);
    std::fs::write(files.join("a.txt"), "a now").unwrap();
    std::fs::remove_dir_all(files.join("sub")).unwrap();
    std::fs::write(files.join("c.txt"), "only now").unwrap();
    app
}

/// The files of a folder, a line each.
fn files_in(folder: &Path) -> Vec<String> {
    let (mut lines, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().display();
            let bytes = std::fs::read(&path).unwrap();
            lines.push(format!("{FILE}{name} {}", String::from_utf8_lossy(&bytes)));
        }
    }
    lines.sort();
    lines
}

/// How the line of a file begins.
const FILE: &str = "file ";

/// A state without the files.
fn rows(state: &[String]) -> Vec<&String> {
    let rows = state.iter().filter(|line| !line.starts_with(FILE));
    rows.collect()
}

/// A run that died in its middle.
fn interrupted(kind: Kind, mode: &str) -> App {
    let app = app_at(1, kind, mode);
    for moment in 0.. {
        let tried = App::in_memory();
        copy(app.folder(), tried.folder());
        let died = part("dies-at-moment", &tried)
            .env("HEIRLOOM_TEST_AT", moment.to_string())
            .output()
            .unwrap();
        assert!(!died.status.success(), "it did not come that far");
        let companion = |ending: &str| {
            std::fs::metadata(tried.folder().join(format!("app.db{ending}")))
                .map_or(0, |file| file.len())
        };
        let far = match kind {
            Kind::Grouped => companion("-journal") + companion("-wal") > 10_000,
            Kind::Free => marked(&tried.database()),
        };
        if far {
            return tried;
        }
    }
    app
}

/// A database whose first page is not one.
fn damaged(kind: Kind, mode: &str) -> App {
    let app = app_at(4, kind, mode);
    // Everything into the file, and the companions away.
    drop(
        app.connect()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"),
    );
    let _ = std::fs::remove_file(app.folder().join("app.db-wal"));
    let mut bytes = std::fs::read(app.database()).unwrap();
    bytes[..2000].fill(0x5a);
    std::fs::write(app.database(), bytes).unwrap();
    app
}

/// Harms acts side by side.
pub fn in_parallel(acts: &[Act], harm: impl Fn(usize, &Act) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(act) = acts.get(index) else { return };
                    harm(index, act);
                }
            });
        }
    });
}

fn marked(database: &Path) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let database = private_copy(database, scratch.path());
    contents(&database)
        .iter()
        .any(|line| line.starts_with("heirloom_run:"))
}

fn private_copy(database: &Path, folder: &Path) -> std::path::PathBuf {
    for ending in ["", "-wal", "-journal"] {
        let from = format!("{}{ending}", database.display());
        if let Ok(bytes) = std::fs::read(from) {
            std::fs::write(folder.join(format!("app.db{ending}")), bytes).unwrap();
        }
    }
    folder.join("app.db")
}

/// Everything that counts in a database: its rows, its schema, its history without times,
/// whether something is unfinished, and the files beside it. Looked at in a private copy, so that the next start finds
/// what the harm left.
pub fn state(database: &Path) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let looked_at = private_copy(database, scratch.path());
    let mut lines = Vec::new();
    if database.with_file_name("app.db.restore").exists() {
        lines.push("unfinished restore".to_owned());
    }
    if std::fs::metadata(&looked_at).map_or(0, |file| file.len()) == 0 {
        return lines;
    }
    let connection = rusqlite::Connection::open(&looked_at).unwrap();
    let checked = connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    match checked.as_deref() {
        Ok("ok") => {}
        Err(_) => {
            lines.push(DAMAGED.to_owned());
            return lines;
        }
        Ok(finding) => return vec![format!("broken: {finding}")],
    }
    drop(connection);
    lines.extend(data(&looked_at));
    lines.extend(contents(&looked_at).into_iter().filter_map(|line| {
        let (table, row) = line.split_once(": ")?;
        match table {
            "heirloom_run" => Some("unfinished run".to_owned()),
            "refinery_schema_history" => {
                let values: Vec<&str> = row.split(", ").collect();
                Some(format!("applied {} {} {}", values[0], values[1], values[3]))
            }
            _ => None,
        }
    }));
    lines.extend(files_in(&database.with_file_name(FILES)));
    lines
}

impl Act {
    fn new(
        name: String,
        arguments: &'static [&'static str],
        stay_at: Option<i64>,
        template: App,
    ) -> Act {
        let mut act = Act {
            name,
            arguments,
            stay_at,
            template,
            before: Vec::new(),
            old: Vec::new(),
            new: Vec::new(),
            newest: [Vec::new(), Vec::new()],
            copies_before: 0,
            copies_after: 0,
            kept: Vec::new(),
            taken_along: Vec::new(),
        };
        let before = act.fresh();
        act.before = state(&before.database());
        act.copies_before = act.copies(&before).unwrap().len();
        let files = before.listing().into_iter().filter(|(path, _)| {
            let mut parts = path.components();
            parts.any(|part| {
                [FILES, "s.files"]
                    .iter()
                    .any(|name| part.as_os_str() == *name)
            })
        });
        act.kept = files.map(|(_, bytes)| bytes).collect();
        // What an interrupted run is put back to.
        if act.starts(&before).is_ok() {
            act.old = state(&before.database());
            before.run().unwrap();
            act.newest[0] = state(&before.database());
        } else {
            act.old = vec![DAMAGED.to_owned()];
        }
        let after = act.fresh();
        let done = heirloom(&after, arguments);
        assert!(
            done.status.success(),
            "{}: {}",
            act.name,
            crate::cli::contract::text(&done)
        );
        act.new = state(&after.database());
        act.taken_along = files_in(&after.folder().join("snapshots/s.files"));
        act.copies_after = act.copies(&after).unwrap().len();
        after.run().unwrap();
        act.newest[1] = state(&after.database());
        assert!(
            act.old != act.new || act.name.starts_with("snapshot"),
            "{}",
            act.name
        );
        act
    }

    /// The state before, in a folder of its own.
    pub fn fresh(&self) -> App {
        let app = App::in_memory();
        copy(self.template.folder(), app.folder());
        app
    }

    /// A start of the app without anything to do beyond what was left undone.
    fn starts(&self, app: &App) -> Result<(), heirloom::Error> {
        let migrator = app.migrator().lock_timeout(Duration::from_secs(1));
        match self.stay_at {
            Some(version) => match migrator.database(app.database()).migrate_to(version) {
                // The new state, which is left as it is.
                Err(error) if error.to_string().contains("beyond") => Ok(()),
                started => started.map(drop),
            },
            None => migrator.database(app.database()).status().map(drop),
        }
    }

    pub fn copies(&self, app: &App) -> Result<Vec<BackupInfo>, heirloom::Error> {
        app.migrator()
            .database(app.database())
            .backups(Verify::Everything)
    }

    /// What the next start makes of it: the state, or what is wrong.
    pub fn settle(&self, app: &App) -> Result<Vec<String>, String> {
        let before = state(&app.database());
        // Where nothing was there before, there is no start that only puts back.
        if self.stay_at.is_none() {
            app.run()
                .map_err(|error| format!("the next start failed: {error:#}"))?;
            let found = state(&app.database());
            return match found == self.new {
                true => self.listing_is_whole(app).map(|_| found),
                false => Err("the next start led somewhere else".to_owned()),
            };
        }
        match self.starts(app) {
            Ok(()) => {}
            Err(error) if self.old == [DAMAGED] && error.kind() == ErrorKind::NotADatabase => {
                return match before == self.old {
                    true => Ok(before),
                    false => Err(format!("neither damaged as before nor restored: {error:#}")),
                };
            }
            Err(error) => return Err(format!("the next start failed: {error:#}")),
        }
        let found = state(&app.database());
        self.everything_is_kept(app)?;
        if self.is_backfill() {
            self.goes_on(app, &found)?;
        } else if found != self.old && found != self.new {
            let strange = found
                .iter()
                .find(|line| !self.old.contains(line) || !self.new.contains(line));
            return Err(format!(
                "neither old nor new: {strange:?} of {} lines",
                found.len()
            ));
        }
        let copies = self.listing_is_whole(app)?;
        if found != self.old
            && self.old != [DAMAGED]
            && !self.old.is_empty()
            && !copies
                .iter()
                .any(|copy| rows(&state(&copy.file)) == rows(&self.old))
        {
            return Err("the old state is in no copy".to_owned());
        }
        app.run()
            .map_err(|error| format!("the next run failed: {error:#}"))?;
        let is_new = found != self.old || self.is_backfill();
        match state(&app.database()) == self.newest[usize::from(is_new)] {
            true => Ok(found),
            false => Err("the next run led somewhere else".to_owned()),
        }
    }

    /// Whether it is done in several commits, of which each stays.
    pub fn is_backfill(&self) -> bool {
        self.arguments.contains(&FILL)
    }

    /// The first batches of a backfill are done, whole, and the same command does the others.
    fn goes_on(&self, app: &App, found: &[String]) -> Result<(), String> {
        let lines = found.iter().zip(&self.old).zip(&self.new);
        let changing = lines.filter(|((_, old), new)| old != new);
        let filled: Vec<bool> = changing
            .map(|((now, old), new)| match (now == old, now == new) {
                (_, true) => Ok(true),
                (true, _) => Ok(false),
                _ => Err(format!("a row is neither old nor filled once: {now}")),
            })
            .collect::<Result<_, _>>()?;
        let done = filled.iter().filter(|filled| **filled).count();
        let whole = done.is_multiple_of(BATCH) || done == filled.len();
        if found.len() != self.old.len() || !whole || filled[..done].contains(&false) {
            return Err(format!(
                "{done} rows are filled, which are no first batches"
            ));
        }
        let again = heirloom(app, self.arguments);
        match again.status.success() && state(&app.database()) == self.new {
            true => Ok(()),
            false => Err(format!(
                "going on does not end it: {}",
                crate::cli::contract::text(&again)
            )),
        }
    }

    /// No file is lost, whatever it is called now.
    fn everything_is_kept(&self, app: &App) -> Result<(), String> {
        let there = app.listing();
        let lost = |bytes: &&Vec<u8>| !there.iter().any(|(_, other)| other == *bytes);
        match self.kept.iter().find(lost) {
            None => Ok(()),
            Some(bytes) => Err(format!(
                "a file is lost: {}",
                String::from_utf8_lossy(bytes)
            )),
        }
    }

    /// What is listed verifies, nothing is missing, and half copies go with the next work.
    fn listing_is_whole(&self, app: &App) -> Result<Vec<BackupInfo>, String> {
        let copies = self
            .copies(app)
            .map_err(|error| format!("no listing: {error:#}"))?;
        if let Some(bad) = copies.iter().find(|copy| !copy.verified) {
            return Err(format!("a copy that does not verify is listed: {bad:?}"));
        }
        if copies.len() < self.copies_before {
            return Err(format!("a copy is gone: {copies:#?}"));
        }
        let snapshot = app.folder().join("snapshots/s.db");
        let listed = copies.iter().any(|copy| copy.file == snapshot);
        if listed && files_in(&snapshot.with_extension("files")) != self.taken_along {
            return Err("a snapshot is listed, and its files are not whole".to_owned());
        }
        app.migrator()
            .database(app.database())
            .snapshot("afterwards")
            .map_err(|error| format!("the next snapshot failed: {error:#}"))?;
        let files = app.listing();
        let half = files
            .iter()
            .find(|(path, _)| path.to_string_lossy().contains(".partial"));
        match half {
            None => Ok(copies),
            Some((path, _)) => Err(format!("half a copy stays: {}", path.display())),
        }
    }
}
