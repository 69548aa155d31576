//! One command over several databases: a few at once, reported in the order given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::commands;
use crate::commands::{Args, Command, Reach};
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::remedy::Typed;
use crate::output::text;
use crate::output::text::{BOLD, styled};
use crate::output::ui::{Kept, Kind, Ui, Unit};
use crate::settings::databases::identity;
use crate::settings::gather::Settings;

/// The most databases that are worked on at once. They share one disk.
const AT_ONCE: usize = 4;

/// How many bytes of what databases said may wait for one that was given earlier, or to be printed.
const MOST_WAITING: usize = 4 << 20;

/// How one of them ended, and what is printed of it.
struct Ended {
    exit: Exit,
    kept: Kept,
    failure: Option<(Failure, Typed)>,
    /// With `--json` its document as text, and whether that says that it went well.
    document: Option<(String, bool)>,
}

/// Does the command to each. One that fails stops no other; the gravest end is the command's.
///
/// # Errors
/// Where the command cannot be done to several.
pub(crate) fn run(
    ui: &mut Ui,
    settings: &Settings,
    databases: &[PathBuf],
    args: &Args,
) -> Result<Exit, Failure> {
    let command = &args.command;
    if command.reach() == Reach::One {
        return match databases {
            [one] => commands::dispatch(ui, &settings.with_database(one), command),
            several => Err(refused(several)),
        };
    }
    refuse_one_name_twice(databases, command)?;
    let settings = &settings.reading_once();
    let answers = answers(ui, settings, databases, command);
    let (mut worst, mut failed) = (Exit::Done, 0);
    let (mut list, mut ok) = (DocumentList::default(), true);
    for_each(ui, settings, databases, &answers, args, |ui, at, ended| {
        if ended.exit.gravity() > worst.gravity() {
            worst = ended.exit;
        }
        failed += usize::from(ended.failure.is_some());
        if let Some((document, went_well)) = &ended.document {
            ok &= went_well;
            list.add(ui, document);
        }
        tell(ui, &databases[at], ended);
    });
    if failed > 0 {
        ui.note(&format!("{failed} of {} databases failed", databases.len()));
    }
    list.end(ui, ok);
    Ok(worst)
}

/// What the command would ask of each, asked before the first begins.
fn answers(
    ui: &mut Ui,
    settings: &Settings,
    databases: &[PathBuf],
    command: &Command,
) -> Vec<Option<bool>> {
    if !ui.can_ask() {
        return vec![None; databases.len()];
    }
    let (started, all) = (Instant::now(), databases.len() as u64);
    let ask = |(done, database): (u64, &PathBuf)| {
        ui.progress_since(started, "looking at databases", Unit::Databases, done, all);
        commands::ask_before(ui, &settings.with_database(database), command)
    };
    (0..).zip(databases).map(ask).collect()
}

/// Works on a few at once, and hands on what ended as soon as all before it have.
fn for_each(
    ui: &mut Ui,
    settings: &Settings,
    databases: &[PathBuf],
    answers: &[Option<bool>],
    args: &Args,
    mut then: impl FnMut(&mut Ui, usize, Ended),
) {
    // Ctrl-C ends at once what only looks: there is nothing to roll back.
    let cancelled = &match args.command.only_looks() {
        true => Arc::default(),
        false => ask::cancel_flag(),
    };
    let (next, turn) = (&AtomicUsize::new(0), &Turn::default());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|threads| {
        for _ in 0..cores.min(AT_ONCE).min(databases.len()) {
            let sender = sender.clone();
            threads.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(database), Some(answer)) = (databases.get(at), answers.get(at))
                    else {
                        return;
                    };
                    turn.wait(at);
                    let settings = &settings.with_database(database);
                    let mut ui = Ui::keeping(&args.global, *answer);
                    ui.speak_of(settings);
                    let result = match cancelled.load(Ordering::Relaxed) {
                        true => Err(Failure::NotBegun),
                        false => commands::dispatch(&mut ui, settings, &args.command),
                    };
                    let ended = Ended::of(ui, result, database);
                    turn.change(|_, bytes| *bytes += ended.bytes());
                    let _ = sender.send((at, ended));
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let (started, all) = (Instant::now(), databases.len() as u64);
        let mut told = 0;
        for (done, (at, ended)) in (1..).zip(receiver) {
            waiting.insert(at, ended);
            while let Some(ended) = waiting.remove(&told) {
                let told_bytes = ended.bytes();
                then(ui, told, ended);
                told += 1;
                turn.change(|next, bytes| (*next, *bytes) = (told, *bytes - told_bytes));
            }
            ui.progress_since(started, "databases", Unit::Databases, done, all);
        }
    });
}

/// Whose turn it is to be printed, and how many bytes wait.
#[derive(Default)]
struct Turn {
    now: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Turn {
    fn change(&self, change: impl FnOnce(&mut usize, &mut usize)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, bytes) = &mut *now;
        change(next, bytes);
        self.changed.notify_all();
    }

    /// Until little waits, or all that waits does so for this one.
    fn wait(&self, at: usize) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let too_much = |(next, bytes): &mut (usize, usize)| *bytes > MOST_WAITING && *next != at;
        drop(self.changed.wait_while(now, too_much));
    }
}

impl Ended {
    fn of(ui: Ui, result: Result<Exit, Failure>, database: &Path) -> Ended {
        let (exit, failure) = match result {
            Ok(exit) => (exit, None),
            Err(failure) => (failure.exit(), Some((failure, ui.typed().clone()))),
        };
        let (in_json, is_in_short) = (ui.speaks_json(), ui.is_in_short());
        let mut kept = ui.into_kept();
        if failure.is_some() || is_in_short && kept.in_short.is_some() {
            kept.lines
                .retain(|(kind, _)| !matches!(kind, Kind::Line | Kind::Block));
        }
        let document = in_json.then(|| {
            let document = document(&mut kept, failure.as_ref(), database);
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            (text, document["ok"] == json!(true))
        });
        Ended {
            exit,
            kept,
            failure,
            document,
        }
    }

    /// About as much as it takes to keep it.
    fn bytes(&self) -> usize {
        let lines = self.kept.lines.iter().map(|(_, line)| line.len());
        let document = self.document.as_ref().map(|(text, _)| text.len());
        lines.chain(document).sum()
    }
}

/// What the command would have printed for this one, with its path.
fn document(kept: &mut Kept, failure: Option<&(Failure, Typed)>, database: &Path) -> Value {
    let mut document = match failure {
        Some((failure, typed)) => json::failure(failure, typed),
        None => kept.document.take().unwrap_or(json!({ "ok": true })),
    };
    if document.get("database").is_none() {
        document["database"] = identity(database).display().to_string().into();
    }
    document
}

/// The one document of several databases, printed while it is made: it may be large.
#[derive(Default)]
struct DocumentList {
    last: Option<String>,
}

impl DocumentList {
    fn add(&mut self, ui: &mut Ui, document: &str) {
        let indented = format!("    {}", document.replace('\n', "\n    "));
        match self.last.replace(indented) {
            None => ui.part_of_document("{\n  \"databases\": ["),
            Some(before) => ui.part_of_document(&format!("{before},")),
        }
    }

    fn end(self, ui: &mut Ui, ok: bool) {
        let last = self.last.unwrap_or_default();
        ui.part_of_document(&format!("{last}\n  ],\n  \"ok\": {ok}\n}}"));
    }
}

/// One line where it went well, with what is worth knowing, unless every line is wanted; what
/// failed in full.
fn tell(ui: &mut Ui, database: &Path, ended: Ended) {
    let Kept {
        lines, in_short, ..
    } = ended.kept;
    let short = in_short.filter(|_| !ui.is_verbose());
    if let Some((failure, typed)) = &ended.failure {
        ui.failure_of(&text::path(&identity(database)), failure, typed);
    } else if let Some(line) = &short {
        ui.line(line);
    } else {
        let path = text::path(&identity(database));
        ui.line(&styled(BOLD, format!("{path}:")));
    }
    for (kind, line) in lines {
        match kind {
            Kind::Note => ui.note(&text::indented(&line)),
            Kind::Remark | Kind::Command => ui.line(&text::indented(&line)),
            Kind::Line | Kind::Block => ui.block(&text::indented(&line)),
        }
    }
}

fn refused(databases: &[PathBuf]) -> Failure {
    Failure::Usage {
        message: format!(
            "this command works on one database, and {} are given",
            databases.len()
        ),
        help: "give one --database".into(),
    }
}

/// Two databases in one folder share its snapshots, and the second would find the name taken.
fn refuse_one_name_twice(databases: &[PathBuf], command: &Command) -> Result<(), Failure> {
    let Command::Snapshot(options) = command else {
        return Ok(());
    };
    let folder = |path: &PathBuf| identity(path).parent().map(Path::to_owned);
    let mut folders: Vec<PathBuf> = databases.iter().filter_map(folder).collect();
    folders.sort();
    match folders.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Failure::Usage {
            message: format!(
                "two of the databases are in {}, and the snapshots of both would be named `{}`",
                text::path(&pair[0]),
                options.name
            ),
            help: "take them one after the other, each with a name of its own".into(),
        }),
    }
}
