//! Values as text and as JSON.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use heirloom::for_the_command::canonicalize;
use heirloom::{
    DataState, Difference, Done, Error, ErrorKind, Estimate, Loss, Lost, RebuildEstimate, Report,
    SeedFile, Step, TableRows,
};
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use crate::exit::Failure;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

const CANCELLED: &str = "cancelled, nothing was changed";
const NOT_CONFIRMED: &str = "this needs a confirmation, and there is no terminal to ask on";
const USE_YES: &str = "use --yes when not interactive";

/// Text in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `41 KB`, `1.2 GB`: powers of a thousand, as file managers count.
pub(crate) fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["bytes", "KB", "MB", "GB"] {
        if size < 1000.0 || unit == "GB" {
            return match unit {
                "bytes" => format!("{count} bytes"),
                _ if size < 10.0 => format!("{size:.1} {unit}"),
                _ => format!("{size:.0} {unit}"),
            };
        }
        size /= 1000.0;
    }
    String::new()
}

/// `4,812`
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}

/// `3.1 ms`, `29 ms`, `1.5 s`, `2 min 5 s`: what took no millisecond too.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..0.01 => format!("{:.1} ms", seconds * 1000.0),
        ..0.9995 => format!("{:.0} ms", seconds * 1000.0),
        ..59.95 => format!("{seconds:.1} s"),
        _ => {
            let seconds = seconds.round() as u64;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// An RFC 3339 time as a cell of a column that says `UTC`, as the names of backups have it.
pub(crate) fn utc(time: &str) -> String {
    match chrono::DateTime::parse_from_rfc3339(time) {
        Ok(parsed) => parsed.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
}

/// The same in a sentence.
pub(crate) fn time(time: &str) -> String {
    format!("{} UTC", utc(time))
}

/// A path as people type it: relative to the current folder where it is below it.
pub(crate) fn path(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| canonicalize(&here));
    match here.as_deref().map(|here| path.strip_prefix(here)) {
        Ok(Ok(below)) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => path.display().to_string(),
    }
}

/// A word as a shell takes it for one.
pub(crate) fn typed(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || r"\/._-+:@%".contains(c);
    match cfg!(windows) {
        true if word.chars().all(is_plain) => word.to_owned(),
        true => format!("\"{word}\""),
        // A name that no shell can be given is shown as it is.
        false => shlex::try_quote(word).map_or(word.to_owned(), Cow::into_owned),
    }
}

/// The command, turned to a database, so that what is copied from a message means that one.
pub(crate) fn command_on(database: &Path) -> String {
    format!("heirloom --database {}", typed(&path(database)))
}

/// Whose a migration is, before its version: `auth/`, and nothing for the app's own.
pub(crate) fn owner(component: Option<&str>) -> String {
    component.map(|name| format!("{name}/")).unwrap_or_default()
}

/// A version, or a dash for none.
pub(crate) fn version(version: Option<i64>) -> String {
    version.map_or("none".to_owned(), |version| version.to_string())
}

/// A failure for people: what, where, in what state the data is, what to do.
pub(crate) fn failure(failure: &Failure) -> String {
    let error = styled(RED.bold(), "error:");
    let help = styled(GREEN, "help:");
    match failure {
        Failure::Usage {
            message,
            help: text,
        }
        | Failure::NotFound {
            message,
            help: text,
        } => format!("{error} {message}\n{help} {text}"),
        Failure::Cancelled => CANCELLED.to_owned(),
        Failure::NotConfirmed => {
            format!("{error} {NOT_CONFIRMED}\ndata: the database was not changed\n{help} {USE_YES}")
        }
        Failure::NotBegun => {
            format!("{error} interrupted before it began\ndata: the database was not changed")
        }
        Failure::Library(failed) | Failure::Meant { error: failed, .. } => {
            let mut text = format!("{error} {}", chain(failed));
            if let Some(location) = failed.location() {
                let _ = write!(text, "\n  at {location}\n{}", location.excerpt());
            }
            if let Some(difference) = failed.difference() {
                let _ = write!(text, "\n{}", text_difference(difference));
            }
            let _ = write!(text, "\ndata: {}", failed.data_state());
            if let Some(backup) = failed.backup() {
                let _ = write!(text, "\nbackup: {}", path(backup));
            }
            if let Some(way_out) = help_of(failure) {
                let _ = write!(text, "\n{help} {way_out}");
            }
            text
        }
    }
}

/// What was probably meant, and what to do.
fn help_of(failure: &Failure) -> Option<String> {
    let meant = match failure {
        Failure::Meant { meant, .. } => Some(meant.as_str()),
        _ => None,
    };
    let help = failure.library().and_then(Error::help);
    let both: Vec<&str> = meant.into_iter().chain(help).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// An error and its causes on one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let layer = error.to_string();
        // The innermost layer is SQLite's bare code, whose words are in the one above.
        if !text.contains(&layer) && !layer.starts_with("Error code ") {
            let _ = write!(text, ": {layer}");
        }
        cause = error.source();
    }
    text
}

/// The SQL as applied against the file, line by line.
fn text_difference(difference: &Difference) -> String {
    let Difference { applied, file } = difference;
    line_difference("as applied", applied, "the file now", file)
}

/// The schema as it is against the schema as it should be.
pub(crate) fn schema_difference(before: &str, after: &str) -> String {
    line_difference("the migrations give", before, "the schema file says", after)
}

fn line_difference(name: &str, one: &str, other_name: &str, other: &str) -> String {
    let diff = TextDiff::from_lines(one, other);
    let mut text = format!(
        "{}\n{}",
        styled(RED, format!("- {name}")),
        styled(GREEN, format!("+ {other_name}"))
    );
    for (number, group) in diff.grouped_ops(2).iter().enumerate() {
        if number > 0 {
            text += "\n  …";
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.to_string();
            let line = line.trim_end_matches(['\n', '\r']);
            let line = match change.tag() {
                ChangeTag::Delete => styled(RED, format!("- {line}")),
                ChangeTag::Insert => styled(GREEN, format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            };
            let _ = write!(text, "\n{line}");
        }
    }
    text
}

/// A failure as the contract's document.
pub(crate) fn failure_json(failure: &Failure) -> Value {
    let (kind, message, help) = match failure {
        Failure::Usage { message, help } => ("usage", message.clone(), Some(help.clone())),
        Failure::NotFound { message, help } => ("not-found", message.clone(), Some(help.clone())),
        Failure::Cancelled => ("not-confirmed", CANCELLED.to_owned(), None),
        Failure::NotConfirmed => (
            "not-confirmed",
            format!("{NOT_CONFIRMED}; the database was not changed"),
            Some(USE_YES.to_owned()),
        ),
        Failure::NotBegun => (
            ErrorKind::Interrupted.as_str(),
            "interrupted before it began; the database was not changed".to_owned(),
            None,
        ),
        Failure::Library(error) | Failure::Meant { error, .. } => {
            (error.kind().as_str(), chain(error), help_of(failure))
        }
    };
    let mut document = json!({
        "ok": false,
        "error": { "kind": kind, "message": message, "help": help },
    });
    if let (Some(error), Some(document)) = (failure.library(), document.as_object_mut()) {
        add_details(error, document);
    }
    document
}

fn add_details(error: &Error, document: &mut Map<String, Value>) {
    let mut add = |key: &str, value: Value| document.insert(key.to_owned(), value);
    add("migration", json!(error.migration()));
    let location = error.location();
    add("file", json!(location.map(|location| &location.file)));
    add(
        "line",
        json!(location.map(|location| location.position.line)),
    );
    add(
        "column",
        json!(location.map(|location| location.position.column)),
    );
    add("statement", json!(error.statement()));
    add(
        "database_unchanged",
        json!(error.data_state().is_unchanged()),
    );
    add("data", json!(error.data_state().to_string()));
    if let DataState::Backfilled { done, total, .. } = error.data_state() {
        add("done", json!(done));
        add("total", json!(total));
    }
    let restored_from = match error.data_state() {
        DataState::Restored { from } => Some(from),
        _ => None,
    };
    add("restored_from", some_path_json(restored_from));
    add("backup", some_path_json(error.backup()));
    if !error.losses().is_empty() {
        add("destroys", losses_json(error.losses()));
    }
    if let Some((database, known)) = error.versions() {
        add("versions", json!({ "database": database, "known": known }));
    }
}

/// A path as JSON has it: a string, whatever bytes the file system allows.
pub(crate) fn path_json(path: impl AsRef<Path>) -> Value {
    path.as_ref().display().to_string().into()
}

/// A path that may be none.
pub(crate) fn some_path_json(path: Option<impl AsRef<Path>>) -> Value {
    path.map_or(Value::Null, path_json)
}

/// Losses as JSON.
pub(crate) fn losses_json(losses: &[Loss]) -> Value {
    losses
        .iter()
        .map(|loss| {
            let (what, column) = match &loss.what {
                Lost::Table => ("table", None),
                Lost::Rows => ("rows", None),
                Lost::Column(column) => ("column", Some(column)),
                Lost::Generated(column) => ("generated", Some(column)),
                Lost::Narrowed { column, .. } => ("narrowed", Some(column)),
                _ => ("other", None),
            };
            json!({
                "table": loss.table,
                "what": what,
                "column": column,
                "count": loss.count,
                "message": loss.to_string(),
            })
        })
        .collect()
}

/// What was applied or reverted, as JSON.
pub(crate) fn done_json(done: &[Done]) -> Value {
    done.iter()
        .map(|done| {
            json!({
                "component": done.component,
                "version": done.version,
                "name": done.name,
                "duration_ms": milliseconds(done.duration),
                "tables": done.tables.iter().map(table_json).collect::<Value>(),
            })
        })
        .collect()
}

fn table_json(rows: &TableRows) -> Value {
    json!({ "table": rows.table, "rows_before": rows.before, "rows_after": rows.after })
}

/// Seed files that were run, as JSON.
pub(crate) fn seeds_json(files: &[SeedFile]) -> Value {
    files
        .iter()
        .map(|seed| {
            json!({
                "file": seed.file,
                "duration_ms": milliseconds(seed.duration),
                "tables": seed.tables.iter().map(table_json).collect::<Value>(),
            })
        })
        .collect()
}

/// Milliseconds with three decimals.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// A report as the contract's document, with the list under its own name.
pub(crate) fn report_json(list: &str, report: &Report) -> Value {
    let mut document = json!({
        "ok": true,
        "backup": some_path_json(report.backup.as_ref()),
        "version": report.version,
        "database": path_json(&report.database),
        "duration_ms": milliseconds(report.duration),
        "notes": report.notes,
        "recovered": report.recovered.as_ref().map(|recovered| json!({
            "started_at": recovered.started_at,
            "restored_from": some_path_json(recovered.backup.as_ref()),
            "replaced": some_path_json(recovered.replaced.as_ref()),
        })),
    });
    document[list] = done_json(&report.migrations);
    document
}

/// A step of a plan as JSON.
pub(crate) fn step_json(step: &Step) -> Value {
    json!({
        "component": step.component,
        "version": step.version,
        "name": step.name,
        "file": step.file,
        "destructive": !step.losses.is_empty(),
        "destroys": losses_json(&step.losses),
        "rebuilds": step.rebuilds,
        "rebuild_estimates": rebuilds_json(step.estimate.as_ref()),
        "estimated_ms": estimated_ms(step.estimate.as_ref()),
        "disk_bytes": step.estimate.as_ref().map(|estimate| estimate.disk_bytes),
        "no_transaction": step.no_transaction,
        "sql": step.sql,
    })
}

/// A run that did not come to its end.
pub(crate) fn interrupted(started_at: &str) -> String {
    let text = format!(
        "a run that started at {} was interrupted; the next run repairs it first",
        time(started_at)
    );
    styled(YELLOW, text)
}

/// What a migration does, for people: a line each.
pub(crate) fn effects(
    losses: &[Loss],
    allowed: bool,
    estimate: Option<&Estimate>,
    notes: &[String],
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(estimate) = estimate {
        lines.extend(estimate.rebuilds.iter().map(rebuild));
        lines.push(format!(
            "needs {} of disk, including the backup",
            bytes(estimate.disk_bytes)
        ));
    }
    for loss in losses {
        let allowed = if allowed {
            " (allowed in the file)"
        } else {
            ""
        };
        lines.push(styled(YELLOW, format!("destroys {loss}{allowed}")));
    }
    lines.extend(notes.iter().map(|note| styled(YELLOW, note)));
    lines
}

fn rebuild(rebuild: &RebuildEstimate) -> String {
    let RebuildEstimate {
        table,
        rows,
        duration,
        ..
    } = rebuild;
    let rows = counted(*rows, "row");
    let takes = about(*duration);
    format!("rebuilds `{table}`: {rows}, {takes}")
}

/// A duration that is a guess.
fn about(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "less than 1 s".to_owned(),
        1..120 => format!("about {:.0} s", duration.as_secs_f64()),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
}

/// The tables that would be rebuilt, as JSON.
pub(crate) fn rebuilds_json(estimate: Option<&Estimate>) -> Value {
    let rebuilds = estimate.map_or(&[][..], |estimate| &estimate.rebuilds);
    rebuilds
        .iter()
        .map(|rebuild| json!({ "table": rebuild.table, "rows": rebuild.rows, "bytes": rebuild.bytes }))
        .collect()
}

/// How long that takes, none where nothing is rebuilt.
pub(crate) fn estimated_ms(estimate: Option<&Estimate>) -> Option<f64> {
    estimate.map(|estimate| milliseconds(estimate.duration))
}

/// SQL moved to the right, with nothing at its end.
pub(crate) fn indented(sql: &str) -> String {
    let lines: Vec<String> = sql
        .trim_start_matches('\u{feff}')
        .trim_end()
        .lines()
        .map(|line| format!("    {line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// `1 row`, `4,812 rows`.
pub(crate) fn counted(count: u64, unit: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {unit}{ending}", grouped(count))
}

/// How big something was over time, as bars: at most so many, the first and the last among them.
pub(crate) fn plot(points: &[(String, u64)], most: usize) -> Vec<Vec<String>> {
    const LONGEST: u64 = 30;
    let last = points.len().saturating_sub(1);
    let shown = points.len().min(most);
    let biggest = points
        .iter()
        .map(|(_, size)| *size)
        .max()
        .unwrap_or(0)
        .max(1);
    (0..shown)
        .filter_map(|at| points.get(at * last / shown.saturating_sub(1).max(1)))
        .map(|(at, size)| {
            let length = (size * LONGEST).div_ceil(biggest);
            let bar = "▇".repeat(usize::try_from(length).unwrap_or(0));
            vec![at.clone(), bytes(*size), bar]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_the_first_and_the_last_and_no_more_than_it_may() {
        let points: Vec<(String, u64)> = (0..100).map(|n| (n.to_string(), n)).collect();
        let shown = plot(&points, 10);
        assert_eq!(
            (shown.len(), &shown[0][0], &shown[9][0]),
            (10, &"0".into(), &"99".into())
        );
        assert_eq!(shown[9][2].chars().count(), 30);
        assert_eq!(plot(&points[5..6], 10).len(), 1);
        assert_eq!(plot(&[], 10).len(), 0);
    }

    #[test]
    fn sizes_and_durations_read_well() {
        let sizes = [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (4096, "4.1 KB"),
            (41_000, "41 KB"),
            (1_200_000_000, "1.2 GB"),
            (5_000_000_000_000, "5000 GB"),
        ];
        for (count, text) in sizes {
            assert_eq!(bytes(count), text);
        }
        let durations = [
            (0, "0.0 ms"),
            (3_140, "3.1 ms"),
            (9_999, "10.0 ms"),
            (29_400, "29 ms"),
            (999_499, "999 ms"),
            (999_600, "1.0 s"),
            (1_500_000, "1.5 s"),
            (59_949_000, "59.9 s"),
            (59_960_000, "1 min 0 s"),
            (125_000_000, "2 min 5 s"),
        ];
        for (microseconds, text) in durations {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
        let counts = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (count, text) in counts {
            assert_eq!(grouped(count), text);
        }
    }
}
