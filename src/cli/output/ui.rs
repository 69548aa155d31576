//! Every byte of output, and every question.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use serde_json::Value;
use terminal_size::{Height, Width};

use crate::args::{Color, Global};
use crate::exit::{Exit, Failure};
use crate::output::failure;
use crate::output::json;
use crate::output::remedy::Typed;
use crate::output::table;
use crate::output::text;
use crate::output::text::{DIM, RED, styled};
use crate::output::visible::{in_json, visible};
use crate::settings::gather::Settings;

/// How long work may take before its progress is shown.
const PATIENCE: Duration = Duration::from_millis(700);

/// How often progress is shown that has many small steps.
const OFTEN: Duration = Duration::from_millis(100);

/// What progress is counted in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Bytes,
    Rows,
    Databases,
}

impl Unit {
    fn of(self, count: u64) -> String {
        match self {
            Unit::Bytes => text::bytes(count),
            Unit::Rows => format!("{} rows", text::grouped(count)),
            Unit::Databases => text::grouped(count),
        }
    }
}

/// The terminal, or what replaces it.
pub(crate) struct Ui {
    to: To,
    json: bool,
    quiet: bool,
    verbose: bool,
    yes: bool,
    /// How commands in a message begin.
    typed: Typed,
    /// Why stdout takes no more.
    unwritten: Option<std::io::Error>,
    /// What is under way, and since when.
    progress: Option<(String, Instant)>,
    progress_shown: bool,
    /// When that was written last, where it is not at each step.
    progress_shown_at: Option<Instant>,
}

/// Where output goes, and answers come from.
enum To {
    Terminal {
        out: AutoStream<std::io::Stdout>,
        err: AutoStream<std::io::Stderr>,
    },
    /// One of several databases: kept until its turn, with the answer that was given before.
    Kept { kept: Kept, answer: Option<bool> },
}

/// What a command said of one of several databases.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Everything, in order.
    pub(crate) lines: Vec<(Kind, String)>,
    /// One line in place of all of them.
    pub(crate) in_short: Option<String>,
    /// The document of `--json`.
    pub(crate) document: Option<Value>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output.
    Line,
    /// Output that stays as it is: SQL, rows, a difference.
    Block,
    /// Output that is printed also where one line replaces the others.
    Remark,
    /// The same with a command that can be typed.
    Command,
    /// Said beside the output, on stderr.
    Note,
}

impl Ui {
    pub(crate) fn new(global: &Global) -> Ui {
        let choice = choice(global.color);
        let to = To::Terminal {
            out: AutoStream::new(std::io::stdout(), choice),
            err: AutoStream::new(std::io::stderr(), choice),
        };
        Ui::over(to, global)
    }

    fn over(to: To, global: &Global) -> Ui {
        Ui {
            to,
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            yes: global.yes,
            typed: Typed::default(),
            unwritten: None,
            progress: None,
            progress_shown: false,
            progress_shown_at: None,
        }
    }

    /// One that keeps what it is given. Nobody can be asked through it, but for the question that
    /// was answered before.
    pub(crate) fn keeping(global: &Global, answer: Option<bool>) -> Ui {
        let kept = Kept::default();
        Ui::over(To::Kept { kept, answer }, global)
    }

    /// What was kept.
    pub(crate) fn into_kept(self) -> Kept {
        match self.to {
            To::Kept { kept, .. } => kept,
            To::Terminal { .. } => Kept::default(),
        }
    }

    fn say(&mut self, kind: Kind, text: &str) {
        match &mut self.to {
            To::Kept { kept, .. } => kept.lines.push((kind, text.to_owned())),
            // A stderr that cannot be written leaves nothing to write to.
            To::Terminal { err, .. } if kind == Kind::Note => {
                let columns = columns(terminal_size::terminal_size_of(std::io::stderr()));
                let _ = writeln!(err, "{}", wrapped(kind, &visible(text), columns));
            }
            To::Terminal { out, .. } if self.unwritten.is_none() => {
                let text = wrapped(kind, &visible(text), window());
                self.unwritten = writeln!(out, "{text}").and_then(|()| out.flush()).err();
            }
            To::Terminal { .. } => {}
        }
    }

    /// Notes whether something that was written to stdout elsewhere got there.
    pub(crate) fn written(&mut self, written: std::io::Result<()>) {
        let written = written.and_then(|()| std::io::stdout().flush());
        self.unwritten = self.unwritten.take().or(written.err());
    }

    /// A line for people. Not printed with `--json` or `--quiet`.
    pub(crate) fn line(&mut self, text: &str) {
        self.output(Kind::Line, text);
    }

    /// Text that is never broken where the terminal ends: SQL, code, a difference.
    pub(crate) fn block(&mut self, text: &str) {
        self.output(Kind::Block, text);
    }

    /// A line that is worth knowing. It is shown for each of several databases too.
    pub(crate) fn remark(&mut self, text: &str) {
        self.output(Kind::Remark, text);
    }

    /// The command that undoes what was done. It is shown for each of several databases too.
    pub(crate) fn undo(&mut self, command: &str) {
        self.output(Kind::Command, &format!("undo with: {command}"));
    }

    fn output(&mut self, kind: Kind, text: &str) {
        self.end_progress();
        if !self.json && !self.quiet {
            self.say(kind, text);
        }
    }

    /// The line that replaces all others where the command is done to several databases. It
    /// names the database. Without one all lines are shown, below the database's name.
    pub(crate) fn in_short(&mut self, text: &str) {
        if let To::Kept { kept, .. } = &mut self.to {
            kept.in_short = Some(text.to_owned());
        }
    }

    /// Rows of cells, in columns that fit the window.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        for line in table::lines(None, rows, window()) {
            self.block(&line);
        }
    }

    /// The same below the names of the columns. Nothing where there are no rows.
    pub(crate) fn list(&mut self, header: &[&str], rows: &[Vec<String>]) {
        for line in self.list_lines(header, rows) {
            self.block(&line);
        }
    }

    /// The same as lines, the header and a row each, for what has something to say between them.
    pub(crate) fn list_lines(&self, header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
        if rows.is_empty() {
            return Vec::new();
        }
        let mut lines = table::lines(Some(header), rows, window());
        if let Some(header) = lines.first_mut() {
            *header = styled(DIM, &header);
        }
        lines
    }

    /// Whether the output is read by a person who looks on.
    pub(crate) fn is_on_a_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// A line beside the output, on stderr.
    pub(crate) fn note(&mut self, text: &str) {
        self.end_progress();
        if !self.quiet {
            self.say(Kind::Note, text);
        }
    }

    /// The address of something that is served from now on: with `--json` a line that is a
    /// document, else one of the output, also with `--quiet`.
    pub(crate) fn served(&mut self, address: &str) {
        match self.json {
            true => {
                let line = serde_json::json!({ "ok": true, "address": address });
                self.say(Kind::Block, &line.to_string());
            }
            false => self.say(Kind::Block, &format!("{address}\nCtrl-C ends it")),
        }
    }

    /// The one document of `--json`.
    pub(crate) fn document(&mut self, value: &Value) {
        if !self.json {
            return;
        }
        match &mut self.to {
            To::Kept { kept, .. } => kept.document = Some(value.clone()),
            To::Terminal { .. } => {
                let text = serde_json::to_string_pretty(value).unwrap_or_default();
                self.say(Kind::Block, &in_json(&text));
            }
        }
    }

    /// Whole lines of the document of `--json`, where it is printed in parts.
    pub(crate) fn part_of_document(&mut self, lines: &str) {
        self.end_progress();
        if self.json {
            self.say(Kind::Block, &in_json(lines));
        }
    }

    /// What the settings want said, and with `-v` where they came from.
    pub(crate) fn settings(&mut self, settings: &Settings) {
        self.speak_of(settings);
        for note in &settings.notes {
            self.note(&format!("note: {note}"));
        }
        if self.verbose {
            for (name, value, origin) in settings.origins() {
                self.note(&format!("{name:<14} {value}  ({origin})"));
            }
        }
    }

    /// Lets the commands in messages mean the database of these settings.
    pub(crate) fn speak_of(&mut self, settings: &Settings) {
        self.typed = Typed::of(settings);
    }

    /// How commands in a message begin.
    pub(crate) fn typed(&self) -> &Typed {
        &self.typed
    }

    /// A failure: a document with `--json`, else text on stderr.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.end_progress();
        match self.json {
            true => self.document(&json::failure(failure, &self.typed)),
            false => self.say(Kind::Note, &failure::text(failure, &self.typed)),
        }
    }

    /// The failure of one of several databases, as text. Its document is part of a list.
    pub(crate) fn failure_of(&mut self, database: &str, failure: &Failure, typed: &Typed) {
        self.end_progress();
        if !self.json {
            let failed = styled(RED, "failed  ");
            let text = text::indented(&failure::text(failure, typed));
            self.say(Kind::Note, &format!("{failed} {database}\n{text}"));
        }
    }

    /// How the command ends, when all is said. One that only looks has failed when what it found
    /// could not be written. A reader that went away (`heirloom show | head`) is not an error.
    pub(crate) fn end(&mut self, exit: Exit, only_looks: bool) -> Exit {
        self.end_progress();
        let Some(error) = self.unwritten.take() else {
            return exit;
        };
        if error.kind() != ErrorKind::BrokenPipe {
            let done = match (exit, only_looks) {
                (Exit::Done, false) => "; the command itself succeeded",
                _ => "",
            };
            let text = format!("cannot write the output: {error}{done}");
            self.say(
                Kind::Note,
                &format!("{} {text}", styled(RED.bold(), "error:")),
            );
        }
        match exit {
            Exit::Done if only_looks => Exit::Failed,
            exit => exit,
        }
    }

    /// Progress of something that may take long, on a terminal only. Where it did not begin now,
    /// the present rate (a second) gives what is left.
    pub(crate) fn progress(
        &mut self,
        what: &str,
        unit: Unit,
        done: u64,
        total: u64,
        rate: Option<u64>,
    ) {
        let since = match &self.progress {
            Some((of, since)) if of == what => *since,
            _ => {
                let now = Instant::now();
                self.progress = Some((what.to_owned(), now));
                now
            }
        };
        if since.elapsed() > PATIENCE && total > 0 && self.shows_progress() {
            self.progress_shown = true;
            let since_it_began = done.max(1) as f64 / since.elapsed().as_secs_f64();
            let each_second = rate.map_or(since_it_began, |rate| rate.max(1) as f64);
            let left = (total - done) as f64 / each_second;
            let left = text::duration(Duration::try_from_secs_f64(left.ceil()).unwrap_or_default());
            let percent = done * 100 / total;
            let (now, all) = (unit.of(done), unit.of(total));
            let line = match done < total {
                true => {
                    let rate = rate.map_or(String::new(), |rate| format!(", {}/s", unit.of(rate)));
                    format!("{what} {now} of {all} ({percent}%){rate}, {left} left")
                }
                // What is left is not counted: indexes, checks.
                false => format!("{what} {all}, finishing"),
            };
            self.over_the_line_within(&line);
        }
    }

    /// The same of what began earlier and prints lines meanwhile.
    pub(crate) fn progress_since(
        &mut self,
        began: Instant,
        what: &str,
        unit: Unit,
        done: u64,
        total: u64,
    ) {
        // A line for each of ten thousand would be most of the work.
        if self.progress_shown_at.is_none_or(|at| at.elapsed() > OFTEN) {
            self.progress_shown_at = Some(Instant::now());
            self.progress = Some((what.to_owned(), began));
            self.progress(what, unit, done, total, None);
        }
    }

    fn shows_progress(&self) -> bool {
        let terminal = matches!(self.to, To::Terminal { .. }) && std::io::stderr().is_terminal();
        terminal && !self.json && !self.quiet
    }

    /// A line that the next one is written over, on a terminal only: of what has taken long.
    pub(crate) fn passing(&mut self, line: &str) {
        if self.shows_progress() {
            self.progress_shown = true;
            self.over_the_line_within(line);
        }
    }

    /// A line that wraps could not be written over.
    fn over_the_line_within(&self, line: &str) {
        let columns = columns(terminal_size::terminal_size_of(std::io::stderr()));
        let width = columns.map_or(usize::MAX, |width| width.saturating_sub(1));
        let line: String = line.chars().take(width).collect();
        over_the_line(&visible(&line));
    }

    fn end_progress(&mut self) {
        self.progress = None;
        if std::mem::take(&mut self.progress_shown) {
            over_the_line("");
        }
    }

    /// Whether what it is asked reaches a person now.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.to, To::Terminal { .. })
    }

    /// Whether everything is answered with yes.
    pub(crate) fn says_yes(&self) -> bool {
        self.yes
    }

    /// Whether one line in place of all others is enough.
    pub(crate) fn is_in_short(&self) -> bool {
        matches!(self.to, To::Kept { .. }) && !self.verbose
    }

    /// Whether every line is wanted, where one would do.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether there is somebody to ask who wants to be asked, or who was.
    pub(crate) fn can_ask(&self) -> bool {
        let may_ask = !self.json && !self.yes;
        match &self.to {
            To::Kept { answer, .. } => may_ask && answer.is_some(),
            To::Terminal { .. } => may_ask && somebody_is_there(),
        }
    }

    /// Whether the output is a document.
    pub(crate) fn speaks_json(&self) -> bool {
        self.json
    }

    /// The prompt before something that is going to be typed.
    pub(crate) fn prompt(&mut self, text: &str) {
        if let To::Terminal { err, .. } = &mut self.to {
            let _ = write!(err, "{}", visible(text));
            let _ = err.flush();
        }
    }

    /// Asks, and takes anything but a yes for a no.
    pub(crate) fn ask(&mut self, question: &str) -> bool {
        self.end_progress();
        let err = match &mut self.to {
            To::Kept { answer, .. } => return *answer == Some(true),
            To::Terminal { err, .. } => err,
        };
        let _ = write!(err, "{} [y/N] ", visible(question));
        let _ = err.flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES")
    }

    /// Lets somebody choose, and asks again until there is an answer. None where the input ends.
    pub(crate) fn choose(&mut self, question: &str, choices: &[String]) -> Option<usize> {
        self.end_progress();
        let To::Terminal { err, .. } = &mut self.to else {
            return None;
        };
        let _ = writeln!(err, "{}", visible(question));
        for (number, choice) in (1..).zip(choices) {
            let _ = writeln!(err, "  {number}  {}", visible(choice));
        }
        loop {
            let _ = write!(err, "[1-{}] ", choices.len());
            let _ = err.flush();
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

/// The columns of the terminal that stdout is, none where it is none.
fn window() -> Option<usize> {
    columns(terminal_size::terminal_size_of(std::io::stdout()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    size.map(|(width, _)| usize::from(width.0))
}

/// Text whose lines are broken between words, and further in than it began, where they are too
/// long for the terminal. A word that is too long by itself stays whole. A command goes on behind
/// a `\`, as a shell reads it.
fn wrapped(kind: Kind, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|_| kind != Kind::Block) else {
        return text.to_owned();
    };
    let (room, end) = match kind {
        Kind::Command => (columns.saturating_sub(2), " \\\n"),
        _ => (columns, "\n"),
    };
    let lines = text.split('\n').map(|line| {
        let begins = line.len() - line.trim_start().len();
        let indent = " ".repeat(begins + 4);
        let options = textwrap::Options::new(room)
            .break_words(false)
            .subsequent_indent(&indent)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::wrap(line, options).join(end)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Writes a line over the last one. Only where there is a terminal; and past what takes colours
/// out, which would take this out too.
fn over_the_line(text: &str) {
    let mut err = std::io::stderr();
    let _ = write!(err, "\r\x1b[K{text}");
    let _ = err.flush();
}

/// When to use colour, in the words of what writes it.
pub(crate) fn choice(color: Color) -> ColorChoice {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_sql_and_long_words_are_not() {
        let at = |kind, text| wrapped(kind, text, Some(20));
        assert_eq!(
            at(Kind::Line, "done     a/b.db: new → 1 (29 ms)\nnext"),
            "done     a/b.db: new\n    → 1 (29 ms)\nnext"
        );
        assert_eq!(
            at(Kind::Note, "help: /a/path/that/is/too/long here"),
            "help:\n    /a/path/that/is/too/long\n    here"
        );
        assert_eq!(
            at(Kind::Command, "undo with: heirloom restore x.db"),
            "undo with:  \\\n    heirloom \\\n    restore x.db".replace(":  ", ": ")
        );
        let sql = "    INSERT INTO a SELECT * FROM b";
        assert_eq!(at(Kind::Block, sql), sql);
        assert_eq!(wrapped(Kind::Line, sql, None), sql);
    }
}
