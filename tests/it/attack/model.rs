//! Random histories of everything that can happen to a database, against a plain model of what
//! must be in it: rows, versions, and the copies with what they hold.
//!
//! `PROPTEST_CASES=2000` for more; what fails is shrunk to the shortest history that does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heirloom::backups::BackupOrigin;
use heirloom::{BackupInfo, BackupRef, ErrorKind, Migrator, RevertTo, Verify};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;

use crate::support::app::{App, TEMPORARY_FOLDER, back, kill_when_ready, part, was_killed};

/// The newest version.
const NEWEST: i64 = 5;

/// Each version's up and down migration, of every kind: added columns, a rebuild, a table, and
/// one that no transaction protects.
const FILES: [(&str, &str); NEWEST as usize] = [
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);",
        "DROP TABLE t;",
    ),
    (
        "ALTER TABLE t ADD COLUMN y; UPDATE t SET y = id * 10;",
        "ALTER TABLE t DROP COLUMN y;",
    ),
    (
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y, z TEXT DEFAULT 'z');
         INSERT INTO n (id, x, y) SELECT id, x, y FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT, y);
         INSERT INTO n SELECT id, x, y FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    ),
    (
        "CREATE TABLE log (n); INSERT INTO log SELECT count(*) FROM t;",
        "DROP TABLE log;",
    ),
    (
        "-- heirloom: no-transaction
         BEGIN; UPDATE t SET x = x || '!'; COMMIT; VACUUM;",
        // Texts of one character become empty.
        "-- heirloom: no-transaction
         -- heirloom: allow-destructive
         UPDATE t SET x = substr(x, 1, length(x) - 1);",
    ),
];

/// Compiles, and fails as soon as it is run.
const FAILS: &str = "SELECT abs(-9223372036854775807 - 1);";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Row {
    x: String,
    y: Option<i64>,
    z: Option<String>,
}

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct State {
    version: i64,
    rows: BTreeMap<i64, Row>,
    log: Vec<i64>,
    /// A run outside a transaction is not over.
    half: bool,
}

impl State {
    fn up(&mut self) {
        self.version += 1;
        let rows = self.rows.iter_mut();
        match self.version {
            2 => rows.for_each(|(id, row)| row.y = Some(id * 10)),
            3 => rows.for_each(|(_, row)| row.z = Some("z".to_owned())),
            4 => self.log.push(self.rows.len() as i64),
            5 => rows.for_each(|(_, row)| row.x.push('!')),
            _ => {}
        }
    }

    fn down(&mut self) {
        let rows = self.rows.iter_mut();
        match self.version {
            1 => self.rows.clear(),
            2 => rows.for_each(|(_, row)| row.y = None),
            3 => rows.for_each(|(_, row)| row.z = None),
            4 => self.log.clear(),
            5 => rows.for_each(|(_, row)| {
                row.x.pop();
            }),
            _ => {}
        }
        self.version -= 1;
    }

    fn migrated(&self, to: i64) -> State {
        let mut state = self.clone();
        while state.version < to {
            state.up();
        }
        while state.version > to {
            state.down();
        }
        state
    }

    /// What a file really holds.
    fn of(database: &Path) -> State {
        let mut state = State::default();
        if database.metadata().map_or(0, |file| file.len()) == 0 {
            return state;
        }
        let connection = Connection::open(database).unwrap();
        let number =
            |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        let there = |name: &str| {
            number(&format!(
                "SELECT count(*) FROM sqlite_schema WHERE name = '{name}'"
            )) == 1
        };
        let sound: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        state.half = there("heirloom_run");
        if there("refinery_schema_history") {
            let versions = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
            state.version = number(versions);
            let all = number("SELECT count(*) FROM refinery_schema_history");
            assert_eq!(all, state.version, "a gap in the history");
        }
        // The schema is that of the version.
        assert_eq!(there("t"), state.version >= 1);
        assert_eq!(there("log"), state.version >= 4);
        assert!(!there("n"));
        if state.version >= 1 {
            let columns = number("SELECT count(*) FROM pragma_table_info('t')");
            assert_eq!(columns, 2 + state.version.clamp(1, 3) - 1);
            let y = if state.version >= 2 { "y" } else { "NULL" };
            let z = if state.version >= 3 { "z" } else { "NULL" };
            let mut rows = connection
                .prepare(&format!("SELECT id, x, {y}, {z} FROM t"))
                .unwrap();
            let rows = rows.query_map([], |row| {
                let (x, y, z) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, Row { x, y, z }))
            });
            state.rows = rows.unwrap().map(Result::unwrap).collect();
        }
        if state.version >= 4 {
            let mut log = connection.prepare("SELECT n FROM log").unwrap();
            let log = log.query_map([], |row| row.get(0)).unwrap();
            state.log = log.map(Result::unwrap).collect();
        }
        state
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Run,
    RunTo(i64),
    Revert(usize),
    Snapshot(u8),
    RestoreLatest,
    /// The n-th of the listing.
    Restore(usize),
    RestoreSnapshot(u8),
    Insert(i64, String),
    Update(i64, String),
    Delete(i64),
    Keep(usize),
    /// The file of a version that is not applied fails from now on, until it is corrected.
    Break(i64),
    Correct,
    /// A process is killed at an event of a verb.
    Crash(&'static str, usize),
}

const VERBS: &[&str] = &["run", "revert", "snapshot", "restore", "rehearse"];

fn step() -> impl Strategy<Value = Step> {
    let text = || "[a-c]{0,3}";

    prop_oneof![
        4 => Just(Step::Run),
        2 => (1..=NEWEST).prop_map(Step::RunTo),
        3 => (1..4_usize).prop_map(Step::Revert),
        1 => (0..3_u8).prop_map(Step::Snapshot),
        1 => Just(Step::RestoreLatest),
        2 => (0..8_usize).prop_map(Step::Restore),
        1 => (0..3_u8).prop_map(Step::RestoreSnapshot),
        4 => (1..8_i64, text()).prop_map(|(id, x)| Step::Insert(id, x)),
        2 => (1..8_i64, text()).prop_map(|(id, x)| Step::Update(id, x)),
        1 => (1..8_i64).prop_map(Step::Delete),
        1 => (0..4_usize).prop_map(Step::Keep),
        2 => (1..=NEWEST).prop_map(Step::Break),
        1 => Just(Step::Correct),
        2 => (proptest::sample::select(VERBS), 0..30_usize)
            .prop_map(|(verb, moment)| Step::Crash(verb, moment)),
    ]
}

/// A copy that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Copy {
    file: PathBuf,
    shelf: BackupKind,
    /// As the listing says it: none before the first, and of what is half done.
    version: Option<i64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BackupKind {
    Automatic,
    Replaced,
    Snapshot,
}

struct World {
    app: App,
    state: State,
    /// The newest first.
    copies: Vec<Copy>,
    keep: usize,
    broken: BTreeSet<i64>,
    crashes: usize,
}

/// What a step must do to the copies.
#[derive(Default)]
struct Expected {
    /// These are taken, in this order.
    taken: Vec<(BackupKind, State)>,
    /// Automatic copies are thinned out, with this lowest version still to come.
    thinned: Option<Option<i64>>,
    /// Replaced states are.
    thinned_replaced: bool,
}

impl World {
    fn new(mode: &str) -> World {
        let app = App::new();
        if mode == "wal" {
            app.sql("PRAGMA journal_mode = WAL");
        }
        let world = World {
            app,
            state: State::default(),
            copies: Vec::new(),
            keep: 5,
            broken: BTreeSet::new(),
            crashes: 0,
        };
        (1..=NEWEST).for_each(|version| world.write(version));
        world
    }

    fn write(&self, version: i64) {
        let (up, down) = FILES[version as usize - 1];
        let fails = if self.broken.contains(&version) {
            FAILS
        } else {
            ""
        };
        self.app
            .file(&format!("V{version}__v.sql"), &format!("{up}\n{fails}"))
            .file(&format!("V{version}__v.down.sql"), down);
    }

    fn migrator(&self) -> Migrator<'static> {
        self.app.migrator().keep_last(self.keep)
    }

    fn listed(&self) -> Vec<Copy> {
        let copies = self
            .migrator()
            .database(self.app.database())
            .backups(Verify::Digest);
        let copy = |copy: BackupInfo| {
            assert!(copy.verified, "{copy:?}");
            Copy {
                state: State::of(&copy.file),
                shelf: match (copy.origin, copy.replaced) {
                    (BackupOrigin::Snapshot, _) => BackupKind::Snapshot,
                    (_, true) => BackupKind::Replaced,
                    _ => BackupKind::Automatic,
                },
                version: copy.version,
                file: copy.file,
            }
        };
        copies.unwrap().into_iter().map(copy).collect()
    }

    fn is_new(&self) -> bool {
        self.app.database().metadata().map_or(0, |file| file.len()) == 0
    }

    /// Nothing else than what is expected became of the copies, and the state is as it must be.
    fn check(&mut self, expected: &Expected) {
        assert_eq!(State::of(&self.app.database()), self.state);
        let listed = self.listed();
        let mut wanted = std::mem::take(&mut self.copies);
        let mut added: Vec<Copy> = listed
            .iter()
            .filter(|copy| !wanted.iter().any(|known| known.file == copy.file))
            .cloned()
            .collect();
        for (shelf, state) in &expected.taken {
            let newest = wanted.iter().find(|copy| copy.shelf == *shelf);
            let same = newest.is_some_and(|newest| newest.state == *state);
            match added.pop_if(|copy| copy.shelf == *shelf) {
                Some(copy) => {
                    assert_eq!((copy.shelf, &copy.state), (*shelf, state));
                    let version = (!state.half && state.version > 0).then_some(state.version);
                    assert_eq!(copy.version, version);
                    wanted.insert(0, copy);
                }
                // The same state is not copied twice.
                None => assert!(same && *shelf != BackupKind::Snapshot, "no copy was taken"),
            }
        }
        assert_eq!(added, [], "copies nobody asked for");
        if let Some(pending) = expected.thinned {
            thin_out(&mut wanted, BackupKind::Automatic, self.keep, pending);
        }
        if expected.thinned_replaced {
            thin_out(&mut wanted, BackupKind::Replaced, self.keep, None);
        }
        assert_eq!(listed, wanted);
        self.copies = wanted;
        // A file that was applied must not change, so what is applied is what was corrected.
        for version in self.broken.clone() {
            if version <= self.state.version {
                self.broken.remove(&version);
                self.write(version);
            }
        }
    }

    fn run(&mut self, to: i64, run: impl FnOnce(&Migrator<'_>, &Path) -> Result<(), ErrorKind>) {
        let (old, was_new) = (self.state.clone(), self.is_new());
        let outcome = run(&self.migrator(), &self.app.database());
        let mut expected = Expected::default();
        if to < old.version {
            assert_eq!(outcome, Err(ErrorKind::Usage));
            return self.check(&expected);
        }
        if to == old.version {
            assert_eq!(outcome, Ok(()));
            return self.check(&expected);
        }
        if !was_new {
            expected.taken.push((BackupKind::Automatic, old.clone()));
        }
        expected.thinned_replaced = true;
        let broken = self
            .broken
            .iter()
            .copied()
            .find(|&v| v > old.version && v <= to);
        match broken {
            None => {
                assert_eq!(outcome, Ok(()));
                self.state = old.migrated(to);
                expected.thinned = Some((to < NEWEST).then_some(to + 1));
            }
            Some(version) => {
                assert_eq!(outcome, Err(ErrorKind::MigrationFailed));
                expected.thinned = Some(Some(old.version + 1));
                if version == 5 {
                    // What was committed is replaced by the copy, and kept.
                    let half = State {
                        half: true,
                        ..old.migrated(5)
                    };
                    let half = State { version: 4, ..half };
                    expected.taken.push((BackupKind::Replaced, half));
                }
            }
        }
        self.check(&expected);
    }

    fn revert(&mut self, steps: usize) {
        let old = self.state.clone();
        let to = old.version - steps as i64;
        let outcome = self
            .migrator()
            .database(self.app.database())
            .revert(RevertTo::Steps(steps));
        if steps == 1 && old.version == 0 {
            assert!(outcome.unwrap().is_up_to_date());
            return self.check(&Expected::default());
        }
        if to < 0 {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
            return self.check(&Expected::default());
        }
        outcome.unwrap();
        self.state = old.migrated(to);
        self.check(&Expected {
            taken: vec![(BackupKind::Automatic, old)],
            thinned: Some(Some(to + 1)),
            thinned_replaced: true,
        });
    }

    fn snapshot(&mut self, name: &str) {
        let outcome = self.migrator().database(self.app.database()).snapshot(name);
        let file = self.app.folder().join(format!("snapshots/{name}.db"));
        let mut expected = Expected::default();
        if self.is_new() {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
        } else if self.copies.iter().any(|copy| copy.file == file) {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Usage);
        } else {
            assert_eq!(outcome.unwrap().file, file);
            expected
                .taken
                .push((BackupKind::Snapshot, self.state.clone()));
        }
        self.check(&expected);
    }

    fn restore(&mut self, what: &BackupRef, copy: Option<Copy>) {
        let outcome = self.migrator().database(self.app.database()).restore(what);
        let Some(copy) = copy else {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
            return self.check(&Expected::default());
        };
        let restored = outcome.unwrap();
        assert_eq!(back(&restored).file, copy.file);
        let old = std::mem::replace(&mut self.state, copy.state.clone());
        let mut expected = Expected {
            taken: vec![(BackupKind::Replaced, old)],
            ..Expected::default()
        };
        // The source stays whatever its age.
        let is_oldest = copy.shelf == BackupKind::Replaced;
        expected.thinned_replaced = !is_oldest;
        if is_oldest {
            self.thinned_around(&copy.file, &expected);
        } else {
            self.check(&expected);
        }
    }

    /// A restore from among the replaced states, which may be kept beyond its turn.
    fn thinned_around(&mut self, source: &Path, expected: &Expected) {
        let listed = self.listed();
        assert!(listed.iter().any(|copy| copy.file == source));
        let replaced = |copies: &[Copy]| {
            let replaced = copies
                .iter()
                .filter(|copy| copy.shelf == BackupKind::Replaced);
            replaced.cloned().collect::<Vec<_>>()
        };
        let newest = replaced(&listed);
        assert_eq!(newest[0].state, expected.taken[0].1);
        assert!(newest.len() <= self.keep.max(1) + 2, "{newest:?}");
        let rest = |copies: &[Copy]| {
            let rest = copies
                .iter()
                .filter(|copy| copy.shelf != BackupKind::Replaced);
            rest.cloned().collect::<Vec<_>>()
        };
        assert_eq!(rest(&listed), rest(&self.copies));
        self.copies = listed;
        self.check(&Expected::default());
    }

    /// Another program writes.
    fn outside(&mut self, step: &Step) {
        if self.state.version == 0 {
            return;
        }
        let connection = self.app.connect();
        let rows = &mut self.state.rows;
        match step {
            Step::Insert(id, x) if !rows.contains_key(id) => {
                connection
                    .execute("INSERT INTO t (id, x) VALUES (?, ?)", (id, x))
                    .unwrap();
                let z = (self.state.version >= 3).then(|| "z".to_owned());
                let (x, y) = (x.clone(), None);
                rows.insert(*id, Row { x, y, z });
            }
            Step::Insert(id, x) | Step::Update(id, x) => {
                connection
                    .execute("UPDATE t SET x = ?2 WHERE id = ?1", (id, x))
                    .unwrap();
                if let Some(row) = rows.get_mut(id) {
                    row.x.clone_from(x);
                }
            }
            Step::Delete(id) => {
                connection
                    .execute("DELETE FROM t WHERE id = ?1", [id])
                    .unwrap();
                rows.remove(id);
            }
            other => panic!("{other:?}"),
        }
        drop(connection);
        self.check(&Expected::default());
    }

    /// The process dies; the next start puts right what must be. The data is that of before or
    /// that of after, and what was copied before is there.
    fn crash(&mut self, verb: &str, moment: usize) {
        let old = self.state.clone();
        let mut command = part("works", &self.app);
        command
            .env("HEIRLOOM_TEST_AT", verb)
            .env("HEIRLOOM_TEST_MOMENT", moment.to_string())
            .env("HEIRLOOM_TEST_KEEP", self.keep.to_string())
            .env(TEMPORARY_FOLDER, self.app.folder());
        let (output, said) = kill_when_ready(command, Duration::ZERO);
        let killed = was_killed(output.status);
        let failed = !killed && !output.status.success();
        // Work of any kind puts right what was left, and this changes nothing else.
        let database = self.app.database();
        // Copies are thinned out, so that their number would come again.
        self.crashes += 1;
        let name = format!("after-{}", self.crashes);
        match self.migrator().database(&database).snapshot(&name) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{said}: {error:#}"),
            Ok(copy) => assert_eq!(State::of(&copy.file), State::of(&database)),
        }
        let new = match verb {
            "run" => old.migrated(NEWEST),
            "revert" if old.version > 1 => old.migrated(1),
            "restore" => {
                let latest = self.newest(BackupKind::Automatic);
                latest.map_or(old.clone(), |copy| copy.state)
            }
            _ => old.clone(),
        };
        let found = State::of(&database);
        let ended = !killed && !failed;
        assert!(found == new || (found == old && !ended), "{found:?}");
        assert!(!failed || found == old, "{said}");
        let listed = self.listed();
        if found != old {
            assert!(
                listed.iter().any(|copy| copy.state == old) || old == State::default(),
                "what was before is in no copy"
            );
        }
        // Snapshots stay, and so do as many of the newest as are wanted.
        let keep = self.keep.max(1) - 1;
        for shelf in [
            BackupKind::Automatic,
            BackupKind::Replaced,
            BackupKind::Snapshot,
        ] {
            let least = if shelf == BackupKind::Snapshot {
                usize::MAX
            } else {
                keep
            };
            let known = self.copies.iter().filter(|copy| copy.shelf == shelf);
            for copy in known.take(least) {
                assert!(listed.contains(copy), "{copy:?} is gone");
            }
        }
        self.state = found;
        self.copies = listed;
        self.check(&Expected::default());
    }

    fn newest(&self, shelf: BackupKind) -> Option<Copy> {
        let mut copies = self.copies.iter();
        copies.find(|copy| copy.shelf == shelf).cloned()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Run => self.run(NEWEST, |migrator, database| {
                migrator.migrate(database).map(drop).map_err(|e| e.kind())
            }),
            &Step::RunTo(to) => self.run(to, |migrator, database| {
                migrator
                    .database(database)
                    .migrate_to(to)
                    .map(drop)
                    .map_err(|e| e.kind())
            }),
            // An empty file, or none, has nothing to revert.
            Step::Revert(_) if self.is_new() => {}
            Step::Revert(steps) => self.revert(*steps),
            Step::Snapshot(number) => self.snapshot(&format!("s{number}")),
            Step::RestoreLatest => {
                self.restore(&BackupRef::Latest, self.newest(BackupKind::Automatic))
            }
            Step::Restore(number) => {
                if let Some(copy) = self.copies.get(*number).cloned()
                    && !copy.state.half
                {
                    self.restore(&BackupRef::File(copy.file.clone()), Some(copy));
                }
            }
            Step::RestoreSnapshot(number) => {
                let name = format!("s{number}");
                let file = self.app.folder().join(format!("snapshots/{name}.db"));
                let copy = self.copies.iter().find(|copy| copy.file == file).cloned();
                self.restore(&BackupRef::Snapshot(name), copy);
            }
            Step::Insert(..) | Step::Update(..) | Step::Delete(_) => self.outside(step),
            Step::Keep(keep) => self.keep = *keep,
            &Step::Break(version) => {
                if version > self.state.version {
                    self.broken.insert(version);
                    self.write(version);
                }
            }
            Step::Correct => {
                for version in std::mem::take(&mut self.broken) {
                    self.write(version);
                }
            }
            Step::Crash(verb, moment) => self.crash(verb, *moment),
        }
    }
}

/// The rule of retention: this many of the newest stay, and the newest from before what is still
/// to come.
fn thin_out(copies: &mut Vec<Copy>, shelf: BackupKind, keep: usize, pending: Option<i64>) {
    let mut seen = 0;
    let before = copies
        .iter()
        .filter(|copy| copy.shelf == shelf)
        .find(|copy| pending.is_some_and(|pending| copy.version.is_none_or(|v| v < pending)))
        .map(|copy| copy.file.clone());
    copies.retain(|copy| {
        if copy.shelf != shelf {
            return true;
        }
        seen += 1;
        seen <= keep.max(1) || Some(&copy.file) == before.as_ref()
    });
}

#[test]
fn whatever_happens_in_whatever_order_the_database_holds_what_the_model_says() {
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 150;
    }
    let histories = (
        proptest::sample::select(&["delete", "wal"][..]),
        proptest::collection::vec(step(), 1..16),
    );
    TestRunner::new(config)
        .run(&histories, |(mode, steps)| {
            let mut world = World::new(mode);
            for step in &steps {
                world.take(step);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
