//! The power goes: what was not synced is lost, kept, or half there, in any mixture.
//!
//! A command is recorded once (see `preload`). Its calls are played back up to a cut, on a disk
//! that promises what POSIX promises and no more: a file's bytes are safe once that file was
//! synced, a name once its folder was, and of everything else each piece may have reached the
//! disk or not, a write also up to a boundary of 512 bytes. Then the app starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::cli::contract::text;
use crate::support::acts::{Act, acts, acts_named, in_parallel};
use crate::support::app::{App, Random, copy};
use crate::support::preload::{Call, calls, library, preloaded};

/// What a file's bytes wait for.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone, Default)]
struct File {
    safe: Vec<u8>,
    waiting: Vec<Change>,
}

/// What happened to a name.
#[derive(Debug, Clone)]
enum Naming {
    Named(PathBuf, usize),
    Moved(PathBuf, PathBuf),
    Removed(PathBuf),
    Folder(PathBuf),
}

impl Naming {
    /// The folder whose sync makes it safe.
    fn folder(&self) -> &Path {
        let (Naming::Named(path, _)
        | Naming::Moved(_, path)
        | Naming::Removed(path)
        | Naming::Folder(path)) = self;
        path.parent().unwrap()
    }
}

impl Naming {
    /// The same below a folder that has another name now.
    fn follow(&mut self, from: &Path, to: &Path) {
        let paths = match self {
            Naming::Named(path, _) | Naming::Removed(path) | Naming::Folder(path) => {
                [Some(path), None]
            }
            Naming::Moved(one, other) => [Some(one), Some(other)],
        };
        for path in paths.into_iter().flatten() {
            match path.strip_prefix(from) {
                Ok(rest) if rest != Path::new("") => *path = to.join(rest),
                _ => {}
            }
        }
    }
}

/// Names, and the files they stand for; none for a folder.
type Names = BTreeMap<PathBuf, Option<usize>>;

fn name(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Named(path, file) => {
            names.insert(path.clone(), Some(*file));
        }
        Naming::Moved(from, to) => {
            let below: Vec<PathBuf> = names
                .keys()
                .filter(|path| path.starts_with(from))
                .cloned()
                .collect();
            for path in below {
                let found = names.remove(&path).unwrap();
                let rest = path.strip_prefix(from).unwrap();
                let target = match rest.as_os_str().is_empty() {
                    true => to.clone(),
                    false => to.join(rest),
                };
                names.insert(target, found);
            }
        }
        Naming::Removed(path) => {
            names.remove(path);
        }
        Naming::Folder(path) => {
            names.entry(path.clone()).or_insert(None);
        }
    }
}

/// What is left to chance at a cut.
#[derive(Debug, Clone, Copy)]
enum Luck {
    /// Nothing that was not synced is there.
    Nothing,
    /// Everything is there, as after a kill.
    Everything,
    OnlyNames,
    OnlyBytes,
    /// Names in the order in which they were given, as file systems with a journal keep them, and
    /// the bytes at random.
    NamesInOrder(u64),
    /// Any mixture.
    Mixed(u64),
}

/// A disk with a cache that forgets.
#[derive(Default)]
struct Disk {
    files: Vec<File>,
    /// As the running program sees them.
    names: Names,
    safe_names: Names,
    waiting: Vec<Naming>,
}

impl Disk {
    /// What is in a folder, all of it synced.
    fn holding(folder: &Path) -> Disk {
        let mut disk = Disk::default();
        disk.names.insert(folder.to_owned(), None);
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    disk.names.insert(path.clone(), None);
                    open.push(path);
                } else {
                    disk.names.insert(path.clone(), Some(disk.files.len()));
                    disk.files.push(File {
                        safe: std::fs::read(&path).unwrap(),
                        waiting: Vec::new(),
                    });
                }
            }
        }
        disk.safe_names = disk.names.clone();
        disk
    }

    fn happens(&mut self, naming: Naming) {
        name(&mut self.names, &naming);
        if let Naming::Moved(from, to) = &naming {
            // What a folder waits for goes with it.
            self.waiting
                .iter_mut()
                .for_each(|waiting| waiting.follow(from, to));
        }
        self.waiting.push(naming);
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(Some(file)) = self.names.get(path) {
            self.files[*file].waiting.push(change);
        }
    }

    fn play(&mut self, call: &Call) {
        let path = || call.path.clone();
        match (call.name.as_str(), call.offset) {
            ("open", 1) => {
                self.files.push(File::default());
                self.happens(Naming::Named(path(), self.files.len() - 1));
            }
            ("open", 2) => self.change(&call.path, Change::Length(0)),
            ("write", offset) => self.change(
                &call.path,
                Change::Write {
                    offset: usize::try_from(offset).unwrap(),
                    data: call.data.clone(),
                },
            ),
            ("truncate", length) => {
                self.change(&call.path, Change::Length(usize::try_from(length).unwrap()));
            }
            ("rename", _) => self.happens(Naming::Moved(path(), call.other.clone())),
            ("unlink" | "rmdir", _) => self.happens(Naming::Removed(path())),
            ("mkdir", _) => self.happens(Naming::Folder(path())),
            ("sync", _) => self.sync(&call.path),
            ("link", _) => {
                let file = self.names.get(&call.path).copied().flatten().unwrap();
                self.happens(Naming::Named(call.other.clone(), file));
            }
            ("allocate", _) => panic!("{} is not played back", call.name),
            _ => {}
        }
    }

    fn sync(&mut self, path: &Path) {
        match self.names.get(path) {
            Some(Some(file)) => {
                let File { safe, waiting } = &mut self.files[*file];
                for change in waiting.drain(..) {
                    make(safe, &change, usize::MAX);
                }
            }
            Some(None) => {
                let (now, later) = std::mem::take(&mut self.waiting)
                    .into_iter()
                    .partition(|naming| naming.folder() == path);
                self.waiting = later;
                for naming in &now as &Vec<Naming> {
                    name(&mut self.safe_names, naming);
                }
            }
            None => {}
        }
    }

    /// What is there when the power is back. Shared memory is not on a disk.
    fn survivors(&self, luck: Luck) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let seed = match luck {
            Luck::NamesInOrder(seed) | Luck::Mixed(seed) => seed,
            _ => 0,
        };
        let mut dice = Random::of(seed);
        let mut names = self.safe_names.clone();
        let first = match luck {
            Luck::NamesInOrder(_) => dice.below(self.waiting.len() + 1),
            _ => 0,
        };
        for (index, naming) in self.waiting.iter().enumerate() {
            let kept = match luck {
                Luck::Nothing | Luck::OnlyBytes => false,
                Luck::Everything | Luck::OnlyNames => true,
                Luck::NamesInOrder(_) => index < first,
                Luck::Mixed(_) => dice.below(2) == 0,
            };
            if kept {
                name(&mut names, naming);
            }
        }
        let bytes = |file: &File, dice: &mut Random| {
            let mut bytes = file.safe.clone();
            for change in &file.waiting {
                let limit = match luck {
                    Luck::Nothing | Luck::OnlyNames => 0,
                    Luck::Everything | Luck::OnlyBytes => usize::MAX,
                    Luck::NamesInOrder(_) | Luck::Mixed(_) => match dice.below(6) {
                        0 | 1 => 0,
                        2 | 3 => usize::MAX,
                        4 => 512 * dice.below(8),
                        _ => 4096 * dice.below(16),
                    },
                };
                make(&mut bytes, change, limit);
            }
            bytes
        };
        names
            .iter()
            // A folder that is lost takes what is in it along.
            .filter(|(path, _)| {
                let above = path.ancestors().skip(1);
                let mut inside = above.take_while(|path| path.starts_with(self.root()));
                inside.all(|path| names.contains_key(path))
            })
            .filter(|(path, _)| !path.to_string_lossy().ends_with("-shm"))
            .map(|(path, file)| {
                let bytes = file.map(|file| bytes(&self.files[file], &mut dice));
                (path.clone(), bytes)
            })
            .collect()
    }

    fn root(&self) -> &Path {
        self.names.keys().next().unwrap()
    }
}

/// Makes a change, of a write no more than the first `limit` bytes.
fn make(bytes: &mut Vec<u8>, change: &Change, limit: usize) {
    match change {
        Change::Write { offset, data } => {
            let data = &data[..data.len().min(limit)];
            if data.is_empty() {
                return;
            }
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*offset..end].copy_from_slice(data);
        }
        Change::Length(length) if limit > 0 => bytes.resize(*length, 0),
        Change::Length(_) => {}
    }
}

/// Puts a folder back to what survived.
fn lay_out(app: &App, survivors: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in std::fs::read_dir(app.folder()).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false => std::fs::remove_file(path).unwrap(),
        }
    }
    for (path, bytes) in survivors {
        match bytes {
            None => std::fs::create_dir_all(path).unwrap(),
            // A file in a folder whose own name did not survive is one that nobody finds.
            Some(_) if !path.parent().unwrap().is_dir() => {}
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
        }
    }
}

/// How an act is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncing {
    Honest,
    /// The disk says that it has synced, and has not.
    Pretended,
}

/// An act that ran through, and its calls.
struct Recording {
    app: App,
    before: PathBuf,
    calls: Vec<Call>,
    _guard: tempfile::TempDir,
}

fn record(act: &Act, library: &Path, syncing: Syncing) -> Recording {
    let app = act.fresh();
    let guard = tempfile::tempdir().unwrap();
    let log = guard.path().join("log");
    let mut command = preloaded(&app, act.arguments, library, &log);
    if syncing == Syncing::Pretended {
        command.env("PRELOAD_IGNORE_SYNC", "1");
    }
    let before = guard.path().join("before");
    std::fs::create_dir(&before).unwrap();
    copy(app.folder(), &before);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}: {}", act.name, text(&done));
    let mut calls = calls(&log);
    calls.retain(|call| call.succeeded);
    Recording {
        app,
        before,
        calls,
        _guard: guard,
    }
}

impl Recording {
    /// Cuts the power after this many calls, and starts the app again.
    fn cut(&self, act: &Act, after: usize, luck: Luck) -> Result<(), String> {
        lay_out(&self.app, &BTreeMap::new());
        copy(&self.before, self.app.folder());
        let mut disk = Disk::holding(self.app.folder());
        for call in &self.calls[..after] {
            disk.play(call);
        }
        lay_out(&self.app, &disk.survivors(luck));
        let reported = after == self.calls.len();
        if reported && act.copies(&self.app).map_or(0, |copies| copies.len()) < act.copies_after {
            return Err("a copy was taken and reported, and is gone".to_owned());
        }
        let found = act.settle(&self.app)?;
        match reported && found != act.new {
            true => Err("it was done and reported, and it is undone".to_owned()),
            false => Ok(()),
        }
    }

    /// Before and after each sync, at the end, and at some other points.
    fn cuts(&self, others: usize) -> Vec<usize> {
        let mut dice = Random::of(7);
        let syncs = self.calls.iter().enumerate();
        let mut cuts: Vec<usize> = syncs
            .filter(|(_, call)| call.name == "sync")
            .flat_map(|(index, _)| [index, index + 1])
            .collect();
        cuts.extend((0..others).map(|_| dice.below(self.calls.len())));
        cuts.push(self.calls.len());
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

/// Cuts every act: at each `step`-th of the cuts, with this many mixtures.
fn cut_everywhere(
    acts: &[Act],
    library: &Path,
    syncing: Syncing,
    (step, others, mixtures): (usize, usize, u64),
) -> Vec<String> {
    let broken = Mutex::new(Vec::new());
    let sum = Mutex::new((0, 0));
    in_parallel(acts, |index, act| {
        let recording = record(act, library, syncing);
        let mut cuts = recording.cuts(others);
        let end = cuts.pop();
        let cuts: Vec<usize> = cuts
            .into_iter()
            .skip(index % step)
            .step_by(step)
            .chain(end)
            .collect();
        let mut lost = 0;
        for &after in &cuts {
            let fixed = [
                Luck::Nothing,
                Luck::Everything,
                Luck::OnlyNames,
                Luck::OnlyBytes,
            ];
            let seed = after as u64 * 1000;
            let mixed = (0..mixtures)
                .flat_map(|more| [Luck::NamesInOrder(seed + more), Luck::Mixed(seed + more)]);
            for luck in fixed.into_iter().chain(mixed) {
                lost += 1;
                if let Err(wrong) = recording.cut(act, after, luck) {
                    let last = after.checked_sub(1).map(|last| &recording.calls[last]);
                    let last = last.map(|call| {
                        let path = call.path.strip_prefix(recording.app.folder());
                        format!("{} {}", call.name, path.unwrap_or(&call.path).display())
                    });
                    let wrong = format!(
                        "{}: {luck:?} after call {after} {last:?}: {wrong}",
                        act.name
                    );
                    broken.lock().unwrap().push(wrong);
                }
            }
        }
        println!("{}: {} cuts, {lost} disks", act.name, cuts.len());
        let mut sum = sum.lock().unwrap();
        *sum = (sum.0 + cuts.len(), sum.1 + lost);
    });
    let (cuts, disks) = sum.into_inner().unwrap();
    println!("{} acts, {cuts} cuts, {disks} disks", acts.len());
    broken.into_inner().unwrap()
}

#[track_caller]
fn expect_none(broken: &[String]) {
    let all = broken.join("\n");
    assert!(broken.is_empty(), "{} broken: {all}", broken.len());
}

#[test]
fn a_power_cut_leaves_old_or_new_and_what_was_reported_stays() {
    let Some(library) = library() else { return };
    let broken = cut_everywhere(&acts(), library, Syncing::Honest, (12, 2, 1));
    expect_none(&broken);
}

#[test]
#[ignore = "takes minutes: cargo test --features cli --test it -- --ignored --nocapture power::"]
fn every_power_cut_leaves_old_or_new_and_what_was_reported_stays() {
    let Some(library) = library() else { return };
    let broken = cut_everywhere(&acts(), library, Syncing::Honest, (1, 30, 6));
    expect_none(&broken);
}

/// The control: what these tests are made of can find a database that is lost.
#[test]
fn on_a_disk_that_pretends_to_sync_databases_are_lost() {
    let Some(library) = library() else { return };
    let mut acts = acts_named("run Grouped");
    acts.retain(|act| act.name.starts_with("run"));
    let broken = cut_everywhere(&acts, library, Syncing::Pretended, (1, 6, 3));
    for mode in ["DELETE", "WAL"] {
        let lost = |wrong: &&String| {
            wrong.starts_with(&format!("run Grouped {mode}"))
                && ["next start failed", "neither old nor new"]
                    .iter()
                    .any(|end| wrong.contains(end))
        };
        assert!(
            broken.iter().any(|wrong| lost(&wrong)),
            "{mode}: {broken:#?}"
        );
    }
}

/// The folder for snapshots was made, the copy in it was synced, and nobody synced the name of
/// the folder: the power went, and a snapshot that had been reported was gone with it.
#[test]
fn a_snapshot_in_a_new_folder_outlives_a_power_cut() {
    let Some(library) = library() else { return };
    let acts = acts_named("snapshot Grouped DELETE");
    let recording = record(&acts[0], library, Syncing::Honest);
    let end = recording.calls.len();
    recording.cut(&acts[0], end, Luck::Nothing).unwrap();
}

/// A database was restored over a damaged file. The note went, and the removal of SQLite's journal
/// had not been synced: with the journal back, the empty database came back, and no note said what
/// it was to be.
#[test]
fn the_note_of_a_restore_does_not_go_before_the_journal() {
    let Some(library) = library() else { return };
    let acts = acts_named("restore over damage Grouped DELETE");
    let recording = record(&acts[0], library, Syncing::Honest);
    let noted = recording
        .calls
        .iter()
        .position(|call| call.name == "unlink" && call.path.ends_with("app.db.restore"));
    for seed in 0..40 {
        let cut = recording.cut(&acts[0], noted.unwrap() + 1, Luck::Mixed(seed));
        assert_eq!(cut, Ok(()), "{seed}");
    }
}

/// Files in a folder inside the folder had no name that was synced, nor had the folder itself: the
/// power went after a snapshot with them was reported, and they were gone.
#[test]
fn files_that_a_snapshot_took_along_outlive_a_power_cut() {
    let Some(library) = library() else { return };
    for act in acts_named("snapshot with files Grouped DELETE") {
        let recording = record(&act, library, Syncing::Honest);
        let cut = recording.cut(&act, recording.calls.len(), Luck::Nothing);
        assert_eq!(cut, Ok(()), "{}", act.name);
    }
}
