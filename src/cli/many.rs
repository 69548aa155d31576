//! One command over several databases: a few at once, reported in the order given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

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

/// How one of them ended, and what it said.
struct Ended {
    exit: Exit,
    kept: Kept,
    failure: Option<Failure>,
    typed: Typed,
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
    let all: Vec<Settings> = databases
        .iter()
        .map(|path| settings.with_database(path))
        .collect();
    let answers: Vec<Option<bool>> = all
        .iter()
        .map(|settings| commands::ask_before(ui, settings, command))
        .collect();
    let (mut worst, mut documents, mut failed) = (Exit::Done, Vec::new(), 0);
    for_each(ui, &all, &answers, args, |ui, at, ended| {
        if ended.exit.gravity() > worst.gravity() {
            worst = ended.exit;
        }
        failed += usize::from(ended.failure.is_some());
        documents.push(ended.document(&databases[at]));
        tell(ui, &databases[at], ended);
    });
    if failed > 0 {
        ui.note(&format!("{failed} of {} databases failed", databases.len()));
    }
    let ok = documents
        .iter()
        .all(|document| document["ok"] == json!(true));
    ui.document(&json!({ "ok": ok, "databases": documents }));
    Ok(worst)
}

/// Works on a few at once, and hands on what ended as soon as all before it have.
fn for_each(
    ui: &mut Ui,
    all: &[Settings],
    answers: &[Option<bool>],
    args: &Args,
    mut then: impl FnMut(&mut Ui, usize, Ended),
) {
    // Ctrl-C ends at once what only looks: there is nothing to roll back.
    let cancelled = &match args.command.only_looks() {
        true => Arc::default(),
        false => ask::cancel_flag(),
    };
    let next = &AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|threads| {
        for _ in 0..cores.min(AT_ONCE).min(all.len()) {
            let sender = sender.clone();
            threads.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(settings), Some(answer)) = (all.get(at), answers.get(at)) else {
                        return;
                    };
                    let mut ui = Ui::keeping(&args.global, *answer);
                    ui.speak_of(settings);
                    let result = match cancelled.load(Ordering::Relaxed) {
                        true => Err(Failure::NotBegun),
                        false => commands::dispatch(&mut ui, settings, &args.command),
                    };
                    let _ = sender.send((at, Ended::of(ui, result)));
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Option<Ended>> = all.iter().map(|_| None).collect();
        let mut told = 0;
        for (done, (at, ended)) in (1..).zip(receiver) {
            waiting[at] = Some(ended);
            while let Some(ended) = waiting.get_mut(told).and_then(Option::take) {
                then(ui, told, ended);
                told += 1;
            }
            ui.progress("databases", Unit::Databases, done, all.len() as u64, None);
        }
    });
}

impl Ended {
    fn of(ui: Ui, result: Result<Exit, Failure>) -> Ended {
        let (exit, failure) = match result {
            Ok(exit) => (exit, None),
            Err(failure) => (failure.exit(), Some(failure)),
        };
        let typed = ui.typed().clone();
        let kept = ui.into_kept();
        Ended {
            exit,
            kept,
            failure,
            typed,
        }
    }

    /// What the command would have printed for this one, with its path.
    fn document(&self, database: &Path) -> Value {
        let mut document = match &self.failure {
            Some(failure) => json::failure(failure, &self.typed),
            None => self.kept.document.clone().unwrap_or(json!({ "ok": true })),
        };
        if document.get("database").is_none() {
            document["database"] = identity(database).display().to_string().into();
        }
        document
    }
}

/// One line where it went well, with what is worth knowing, unless every line is wanted; what
/// failed in full.
fn tell(ui: &mut Ui, database: &Path, ended: Ended) {
    let path = text::path(&identity(database));
    let Kept {
        lines, in_short, ..
    } = ended.kept;
    let short = in_short.filter(|_| !ui.is_verbose());
    if let Some(failure) = &ended.failure {
        ui.failure_of(&path, failure, &ended.typed);
    } else if let Some(line) = &short {
        ui.line(line);
    } else {
        ui.line(&styled(BOLD, format!("{path}:")));
    }
    let all = short.is_none() && ended.failure.is_none();
    for (kind, line) in lines {
        match kind {
            Kind::Note => ui.note(&text::indented(&line)),
            Kind::Remark | Kind::Command => ui.line(&text::indented(&line)),
            Kind::Line | Kind::Block if all => ui.block(&text::indented(&line)),
            Kind::Line | Kind::Block => {}
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
