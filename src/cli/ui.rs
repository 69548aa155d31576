//! Every byte of output, and every question.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use serde_json::Value;

use super::args::{Color, Global};
use super::exit::Failure;
use super::render;
use super::settings::Settings;

/// How long work may take before its progress is shown.
const PATIENCE: Duration = Duration::from_millis(700);

/// What progress is counted in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Bytes,
    Rows,
}

impl Unit {
    fn of(self, count: u64) -> String {
        match self {
            Unit::Bytes => render::bytes(count),
            Unit::Rows => format!("{} rows", render::grouped(count)),
        }
    }
}

/// The terminal, or what stands for it.
pub(crate) struct Ui {
    out: AutoStream<std::io::Stdout>,
    err: AutoStream<std::io::Stderr>,
    json: bool,
    quiet: bool,
    verbose: bool,
    yes: bool,
    /// What is under way, and since when.
    progress: Option<(String, Instant)>,
    progress_shown: bool,
}

impl Ui {
    pub(crate) fn new(global: &Global) -> Ui {
        let choice = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Ui {
            out: AutoStream::new(std::io::stdout(), choice),
            err: AutoStream::new(std::io::stderr(), choice),
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            yes: global.yes,
            progress: None,
            progress_shown: false,
        }
    }

    /// A line for people. Not printed with `--json` or `--quiet`.
    pub(crate) fn line(&mut self, text: &str) {
        self.end_progress();
        if !self.json && !self.quiet {
            // A reader that went away (`heirloom show | head`) is no failure.
            let _ = writeln!(self.out, "{text}");
        }
    }

    /// What helps a person who looks on, and nobody else.
    pub(crate) fn on_a_terminal(&mut self, text: &str) {
        if std::io::stdout().is_terminal() {
            self.line(text);
        }
    }

    /// A line beside the output, on stderr.
    pub(crate) fn note(&mut self, text: &str) {
        self.end_progress();
        if !self.quiet {
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// The one document of `--json`.
    pub(crate) fn document(&mut self, value: &Value) {
        if self.json {
            print_json(value);
        }
    }

    /// What the settings want said, and with `-v` where they came from.
    pub(crate) fn settings(&mut self, settings: &Settings) {
        for note in &settings.notes {
            self.note(&format!("note: {note}"));
        }
        if self.verbose {
            for (name, value, origin) in settings.origins() {
                self.note(&format!("{name:<14} {value}  ({origin})"));
            }
        }
    }

    /// A failure: a document with `--json`, else text on stderr.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.end_progress();
        if self.json {
            print_json(&render::failure_json(failure));
        } else {
            let _ = writeln!(self.err, "{}", render::failure(failure));
        }
    }

    /// Progress of something that may take long, on a terminal only.
    pub(crate) fn progress(&mut self, what: &str, unit: Unit, done: u64, total: u64) {
        let since = match &self.progress {
            Some((of, since)) if of == what => *since,
            _ => {
                let now = Instant::now();
                self.progress = Some((what.to_owned(), now));
                now
            }
        };
        let visible = !self.json && !self.quiet && std::io::stderr().is_terminal();
        if visible && since.elapsed() > PATIENCE && total > 0 {
            self.progress_shown = true;
            let left = since.elapsed().as_secs_f64() * (total - done) as f64 / done.max(1) as f64;
            let percent = done * 100 / total;
            let (now, all) = (unit.of(done), unit.of(total));
            let mut line = match done < total {
                true => format!("{what} {now} of {all} ({percent}%), {left:.0} s left"),
                // What is left is not counted: indexes, checks.
                false => format!("{what} {all}, finishing"),
            };
            // A line that wraps could not be written over.
            if let Some((width, _)) = terminal_size::terminal_size_of(std::io::stderr()) {
                let most = usize::from(width.0).saturating_sub(1);
                line = line.chars().take(most).collect();
            }
            let _ = write!(self.err, "\r\x1b[K{line}");
            let _ = self.err.flush();
        }
    }

    fn end_progress(&mut self) {
        self.progress = None;
        if std::mem::take(&mut self.progress_shown) {
            let _ = write!(self.err, "\r\x1b[K");
        }
    }

    /// Whether everything is answered with yes.
    pub(crate) fn says_yes(&self) -> bool {
        self.yes
    }

    /// Whether there is somebody to ask who wants to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        !self.json && !self.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Whether the output is a document.
    pub(crate) fn speaks_json(&self) -> bool {
        self.json
    }

    /// What stands before something that is going to be typed.
    pub(crate) fn prompt(&mut self, text: &str) {
        let _ = write!(self.err, "{text}");
        let _ = self.err.flush();
    }

    /// Asks, and takes anything but a yes for a no.
    pub(crate) fn ask(&mut self, question: &str) -> bool {
        self.end_progress();
        let _ = write!(self.err, "{question} [y/N] ");
        let _ = self.err.flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES")
    }

    /// Lets somebody choose, and asks again until there is an answer. None where the input ends.
    pub(crate) fn choose(&mut self, question: &str, choices: &[String]) -> Option<usize> {
        self.end_progress();
        let _ = writeln!(self.err, "{question}");
        for (number, choice) in (1..).zip(choices) {
            let _ = writeln!(self.err, "  {number}  {choice}");
        }
        loop {
            let _ = write!(self.err, "[1-{}] ", choices.len());
            let _ = self.err.flush();
            let mut answer = String::new();
            match std::io::stdin().read_line(&mut answer) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let number = answer.trim().parse::<usize>().ok();
            let chosen = number.and_then(|number| number.checked_sub(1));
            if let Some(chosen) = chosen.filter(|chosen| *chosen < choices.len()) {
                return Some(chosen);
            }
        }
    }
}

/// Prints a document on stdout.
pub(crate) fn print_json(value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let _ = writeln!(std::io::stdout(), "{text}");
}
