//! `heirloom stats`

use heirloom::inspect::Stats;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

/// Bars of the plot.
const BARS: usize = 10;

pub(crate) fn run(ui: &mut Ui, settings: &Settings) -> Result<Exit, Failure> {
    let stats = keeper(settings)?
        .database(&settings.database.value)
        .stats()?;
    show(ui, &stats);
    ui.document(&json::with(json::value(&stats), json!({ "ok": true })));
    Ok(Exit::Done)
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_owned(), text::bytes)
}

fn show(ui: &mut Ui, stats: &Stats) {
    if !stats.exists {
        return ui.line(&report::not_there(&stats.database));
    }
    let mut rows = Vec::new();
    for table in &stats.tables {
        let count = table.rows.map_or("unknown".to_owned(), text::grouped);
        rows.push(vec![table.name.clone(), count, size(table.bytes)]);
        for index in &table.indexes {
            rows.push(vec![
                format!("  {}", index.name),
                String::new(),
                size(index.bytes),
            ]);
        }
    }
    ui.list(&["table, index", "rows", "size"], &rows);
    let history = &stats.history;
    let pending = history
        .pending
        .map_or(String::new(), |count| format!(", {count} pending"));
    let last = history.last_run.as_ref().map(|run| text::time(&run.at));
    let copies = &stats.backups;
    ui.table(&[
        vec![
            "file".into(),
            format!(
                "{}, write-ahead log {}",
                text::bytes(stats.bytes),
                text::bytes(stats.wal_bytes)
            ),
        ],
        vec![
            "pages".into(),
            format!(
                "{} of {} bytes, {} free",
                text::grouped(stats.pages),
                stats.page_size,
                text::grouped(stats.free_pages)
            ),
        ],
        vec!["journal mode".into(), stats.journal_mode.clone()],
        vec![
            "history".into(),
            format!(
                "{} applied{pending}, version {}",
                history.applied,
                text::version(history.version)
            ),
        ],
        vec![
            "last run".into(),
            last.unwrap_or("not in the log".to_owned()),
        ],
        vec![
            "backups".into(),
            format!(
                "{} and {}, {}",
                text::counted(copies.automatic as u64, "backup"),
                text::counted(copies.snapshots as u64, "snapshot"),
                text::occupied(copies.bytes, copies.unshared_bytes)
            ),
        ],
    ]);
    let points: Vec<(String, u64)> = stats
        .growth
        .iter()
        .map(|point| (text::utc(&point.at), point.bytes))
        .collect();
    if points.len() > 1 && ui.is_on_a_terminal() {
        ui.list(&["at (UTC)", "size", ""], &text::plot(&points, BARS));
    }
}
