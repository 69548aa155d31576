//! Values as text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use heirloom::for_the_command::canonicalize;
use heirloom::plan::{Estimate, Loss, RebuildEstimate};
use similar::{ChangeTag, TextDiff};

pub(crate) use crate::output::visible::styled;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

/// The size of a file, and what it alone occupies where it shares the rest.
pub(crate) fn occupied(count: u64, alone: Option<u64>) -> String {
    match alone {
        Some(alone) => format!("{} ({} of its own)", bytes(count), bytes(alone)),
        None => bytes(count),
    }
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
        true => format!("\"{}\"", word.replace('"', "\\\"")),
        // A rename, as in `notes.text=body`.
        false if !word.is_empty() && word.chars().all(|c| c == '=' || is_plain(c) && c != '\\') => {
            word.to_owned()
        }
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

/// The schema as it is against the schema as it should be.
pub(crate) fn schema_difference(before: &str, after: &str) -> String {
    line_difference("the migrations give", before, "the schema file says", after)
}

/// Two texts, line by line.
pub(crate) fn line_difference(name: &str, one: &str, other_name: &str, other: &str) -> String {
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
pub(crate) fn about(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "less than 1 s".to_owned(),
        1..120 => format!("about {:.0} s", duration.as_secs_f64()),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
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

/// How big something was over time, as bars: at most this many, the first and the last among them.
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
