//! `heirloom compare [FROM] [TO]`

use std::path::Path;

use heirloom::inspect::{RowDifference, StateRef, TableDifference};
use heirloom::{BackupRef, Database};
use serde_json::{Value, json};

use crate::complete::names;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// A backup, a snapshot, a path, `latest` or `live`; without it the newest backup
    pub(crate) from: Option<String>,
    /// The same; without it the database as it is now
    pub(crate) to: Option<String>,
    /// Show the rows of one table
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// Print the statements that make FROM into TO
    #[arg(long, conflicts_with = "table")]
    pub(crate) sql: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Compare) -> Result<Exit, Failure> {
    let state = |text: &Option<String>, otherwise: StateRef| match text {
        Some(text) => state(settings, text),
        None => otherwise,
    };
    let from = state(&options.from, StateRef::Backup(BackupRef::Latest));
    let to = state(&options.to, StateRef::Live);
    let migrator = keeper(settings)?;
    let database = migrator.database(&settings.database.value);
    if options.sql {
        return statements(ui, &database, &from, &to);
    }
    let compared = database.compare(&from, &to)?;
    let mut document = json::done(&compared, &["from", "to", "tables", "notes"]);
    ui.line(&format!(
        "{} → {}",
        text::path(&compared.from),
        text::path(&compared.to)
    ));
    for note in &compared.notes {
        ui.remark(note);
    }
    if let Some(table) = &options.table {
        let mut rows = Vec::new();
        database.compare_rows(&from, &to, table, |row| {
            ui.block(&format!("  {}", row_in_words(row)));
            rows.push(row_json(row));
        })?;
        if rows.is_empty() {
            ui.line(&format!("no row of `{table}` differs"));
        }
        document["rows"] = Value::Array(rows);
    } else {
        let rows: Vec<Vec<String>> = compared.tables.iter().map(table_in_words).collect();
        ui.table(&rows);
        if compared.is_same() {
            ui.line("no row differs");
        }
    }
    ui.document(&document);
    Ok(Exit::Done)
}

fn statements(
    ui: &mut Ui,
    database: &Database<'_, '_>,
    from: &StateRef,
    to: &StateRef,
) -> Result<Exit, Failure> {
    let mut all = Vec::new();
    database.compare_sql(from, to, |statement| {
        ui.block(statement);
        all.push(Value::from(statement));
    })?;
    ui.document(&json!({ "ok": true, "sql": all }));
    Ok(Exit::Done)
}

/// Which state a word stands for.
fn state(settings: &Settings, text: &str) -> StateRef {
    let is_snapshot = || {
        let known = names::snapshots(settings);
        known.iter().any(|(name, _)| name == text)
    };
    let is_backup = || {
        let known = names::backups(settings);
        known.iter().any(|(name, _)| name == text)
    };
    match text {
        "live" => StateRef::Live,
        "latest" => StateRef::Backup(BackupRef::Latest),
        text if !Path::new(text).is_file() && !is_backup() && is_snapshot() => {
            StateRef::Backup(BackupRef::Snapshot(text.to_owned()))
        }
        text => StateRef::Backup(BackupRef::File(text.into())),
    }
}

fn table_in_words(table: &TableDifference) -> Vec<String> {
    let words = in_words(table, "only in the first", "only in the second");
    vec![table.table.clone(), words]
}

/// What differs of a table, with words for what only one state has.
pub(crate) fn in_words(table: &TableDifference, from: &str, to: &str) -> String {
    let mut parts = Vec::new();
    for (count, what) in [(table.only_in_from, from), (table.only_in_to, to)] {
        if count > 0 {
            parts.push(format!("{} {what}", text::counted(count, "row")));
        }
    }
    if table.changed > 0 {
        let columns = table.columns.iter();
        let columns: Vec<String> = columns
            .map(|(column, count)| format!("{column}: {count}"))
            .collect();
        parts.push(format!(
            "{} changed ({})",
            text::counted(table.changed, "row"),
            columns.join(", ")
        ));
    }
    parts.join(", ")
}

fn row_in_words(row: &RowDifference) -> String {
    let of = |value: &Option<String>| value.clone().unwrap_or("nothing".to_owned());
    let key: Vec<String> = row
        .key
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let is_new = row.values.iter().all(|(_, from, _)| from.is_none());
    let is_gone = row.values.iter().all(|(_, _, to)| to.is_none());
    let values: Vec<String> = row
        .values
        .iter()
        .map(|(column, from, to)| match (is_new, is_gone) {
            (true, _) => format!("{column} {}", of(to)),
            (_, true) => format!("{column} {}", of(from)),
            _ => format!("{column} {} -> {}", of(from), of(to)),
        })
        .collect();
    let sign = match (is_new, is_gone) {
        (true, _) => "+",
        (_, true) => "-",
        _ => "~",
    };
    match key.is_empty() {
        true => format!("{sign} {}", values.join(", ")),
        false => format!("{sign} {}: {}", key.join(", "), values.join(", ")),
    }
}

fn row_json(row: &RowDifference) -> Value {
    let key: serde_json::Map<String, Value> = row
        .key
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    let values: serde_json::Map<String, Value> = row
        .values
        .iter()
        .map(|(column, from, to)| (column.clone(), json!({ "from": from, "to": to })))
        .collect();
    json!({ "key": key, "values": values })
}
