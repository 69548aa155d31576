//! `heirloom inspect [TABLE]`

use heirloom::inspect::{Inspected, TableInfo};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::report;
use crate::output::schema;
use crate::output::text;
use crate::output::text::{BOLD, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// A table or a view [default: all]
    pub(crate) table: Option<String>,
    /// Print the CREATE statements, in a stable order that can be executed
    #[arg(long)]
    pub(crate) sql: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Inspect) -> Result<Exit, Failure> {
    let only = options.table.as_deref();
    let found = keeper(settings)?
        .database(&settings.database.value)
        .inspect(only)?;
    if options.sql {
        let sql = found.sql();
        ui.block(sql.trim_end());
        let document = json::done(&found, &["database"]);
        ui.document(&json::with(document, json!({ "sql": sql })));
        return Ok(Exit::Done);
    }
    show(ui, &found, only.is_none());
    let keys = ["database", "exists", "tables", "views"];
    ui.document(&json::done(&found, &keys));
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, found: &Inspected, with_overview: bool) {
    if !found.exists {
        return ui.line(&report::not_there(&found.database));
    }
    if with_overview {
        ui.line(&format!(
            "{} has {} and {}",
            text::path(&found.database),
            text::counted(found.tables.len() as u64, "table"),
            text::counted(found.views.len() as u64, "view")
        ));
        let rows: Vec<Vec<String>> = found.tables.iter().map(schema::overview).collect();
        ui.list(&["  table", "rows", "columns", "kind"], &rows);
    }
    for table in &found.tables {
        if with_overview {
            ui.line("");
        }
        show_table(ui, table);
    }
    for view in &found.views {
        if with_overview {
            ui.line("");
        }
        let columns = view.columns.join(", ");
        ui.line(&format!("{}  view ({columns})", styled(BOLD, &view.name)));
        ui.table(
            &view
                .triggers
                .iter()
                .map(schema::trigger)
                .collect::<Vec<_>>(),
        );
        ui.block(&text::indented(&view.sql));
    }
}

fn show_table(ui: &mut Ui, table: &TableInfo) {
    let kind = Some(schema::kind(table)).filter(|kind| !kind.is_empty());
    let kind = kind.map_or(String::new(), |kind| format!(", {kind}"));
    let rows = schema::rows(table);
    ui.line(&format!("{}  {rows}{kind}", styled(BOLD, &table.name)));
    let shown = table.columns.iter().filter(|column| !column.hidden);
    let columns = shown.map(|column| schema::column(table, column));
    ui.list(&["  column", "type", ""], &columns.collect::<Vec<_>>());
    ui.table(&schema::facts(table));
}
