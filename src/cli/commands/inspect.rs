//! `heirloom inspect [TABLE]`

use heirloom::{
    ColumnInfo, ForeignKeyInfo, IndexInfo, Inspected, TableInfo, TriggerInfo, ViewInfo,
};
use serde_json::{Value, json};

use super::work;
use crate::cli::args::Inspect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, BOLD, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Inspect) -> Result<Exit, Failure> {
    let only = options.table.as_deref();
    let found = work::keeper(settings).inspect(&settings.database.value, only)?;
    if options.sql {
        let sql = found.sql();
        sql.lines().for_each(|line| ui.line(line));
        ui.document(
            &json!({ "ok": true, "database": render::path_json(&found.database), "sql": sql }),
        );
        return Ok(Exit::Done);
    }
    show(ui, &found, only.is_none());
    ui.document(&document(&found));
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, found: &Inspected, with_overview: bool) {
    if !found.exists {
        return ui.line(&work::not_there(&found.database));
    }
    if with_overview {
        ui.line(&format!(
            "{} has {} and {}",
            render::path(&found.database),
            render::counted(found.tables.len() as u64, "table"),
            render::counted(found.views.len() as u64, "view")
        ));
        let rows: Vec<Vec<String>> = found.tables.iter().map(overview).collect();
        ui.table(&rows);
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
        ui.table(&view.triggers.iter().map(trigger).collect::<Vec<_>>());
        ui.line(&render::indented(&view.sql));
    }
}

fn rows(table: &TableInfo) -> String {
    let counted = |rows| render::counted(rows, "row");
    table
        .rows
        .map_or("rows cannot be counted".to_owned(), counted)
}

fn kind(table: &TableInfo) -> String {
    let mut kind = Vec::new();
    kind.extend(
        table
            .module
            .as_ref()
            .map(|module| format!("virtual, {module}")),
    );
    kind.extend(table.strict.then(|| "strict".to_owned()));
    kind.extend(table.without_rowid.then(|| "without rowid".to_owned()));
    kind.join(", ")
}

fn overview(table: &TableInfo) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| !column.hidden).count();
    vec![
        format!("  {}", table.name),
        rows(table),
        render::counted(columns as u64, "column"),
        kind(table),
    ]
}

fn show_table(ui: &mut Ui, table: &TableInfo) {
    let kind = Some(kind(table)).filter(|kind| !kind.is_empty());
    let kind = kind.map_or(String::new(), |kind| format!(", {kind}"));
    ui.line(&format!(
        "{}  {}{kind}",
        styled(BOLD, &table.name),
        rows(table)
    ));
    let shown = table.columns.iter().filter(|column| !column.hidden);
    ui.table(
        &shown
            .map(|column| column_line(table, column))
            .collect::<Vec<_>>(),
    );
    let mut facts: Vec<Vec<String>> = Vec::new();
    let mut add = |name: &str, text: String| facts.push(vec![format!("  {name}"), text]);
    if table.primary_key.len() > 1 {
        add("primary key", table.primary_key.join(", "));
    }
    table
        .checks
        .iter()
        .for_each(|check| add("check", on_one_line(check)));
    table
        .foreign_keys
        .iter()
        .for_each(|key| add("foreign key", foreign_key(key)));
    for by in &table.referenced_by {
        add(
            "referenced by",
            format!("{} ({})", by.table, by.columns.join(", ")),
        );
    }
    table
        .indexes
        .iter()
        .for_each(|one| add("index", index(one)));
    for trigger in &table.triggers {
        add("trigger", format!("{}  {}", trigger.name, trigger.event));
    }
    table
        .views
        .iter()
        .for_each(|view| add("view", view.clone()));
    if !table.shadow_tables.is_empty() {
        add("rows kept in", table.shadow_tables.join(", "));
    }
    ui.table(&facts);
}

fn column_line(table: &TableInfo, column: &ColumnInfo) -> Vec<String> {
    let mut traits = Vec::new();
    if column.primary_key.is_some() && table.primary_key.len() == 1 {
        traits.push("primary key".to_owned());
    }
    traits.extend(column.autoincrement.then(|| "autoincrement".to_owned()));
    traits.extend(column.not_null.then(|| "not null".to_owned()));
    traits.extend(
        column
            .default
            .as_ref()
            .map(|default| format!("default {default}")),
    );
    traits.extend(
        column
            .generated
            .map(|when| format!("generated, {}", when.as_str())),
    );
    traits.extend(
        column
            .collation
            .as_ref()
            .map(|name| format!("collate {name}")),
    );
    vec![
        format!("  {}", column.name),
        column.declared.clone(),
        traits.join(", "),
    ]
}

/// A condition without the line breaks of the statement.
fn on_one_line(check: &str) -> String {
    check.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn foreign_key(key: &ForeignKeyInfo) -> String {
    let mut text = format!("({}) -> {}", key.columns.join(", "), key.table);
    if !key.to.is_empty() {
        text += &format!(" ({})", key.to.join(", "));
    }
    for (event, action) in [("delete", &key.on_delete), ("update", &key.on_update)] {
        if action != "NO ACTION" {
            text += &format!(" on {event} {}", action.to_lowercase());
        }
    }
    text
}

fn index(index: &IndexInfo) -> String {
    let mut text = format!("{} ({})", index.name, index.columns.join(", "));
    let traits = [
        (index.unique, " unique"),
        (index.partial, " partial"),
        (index.of_constraint, " of a constraint"),
    ];
    traits
        .iter()
        .filter(|(is, _)| *is)
        .for_each(|(_, word)| text += word);
    text
}

fn trigger(trigger: &TriggerInfo) -> Vec<String> {
    vec![
        "  trigger".into(),
        trigger.name.clone(),
        trigger.event.clone(),
    ]
}

fn document(found: &Inspected) -> Value {
    json!({
        "ok": true,
        "database": render::path_json(&found.database),
        "exists": found.exists,
        "tables": found.tables.iter().map(table_json).collect::<Vec<_>>(),
        "views": found.views.iter().map(view_json).collect::<Vec<_>>(),
    })
}

fn table_json(table: &TableInfo) -> Value {
    let columns = table.columns.iter().map(|column| {
        json!({
            "name": column.name,
            "type": column.declared,
            "not_null": column.not_null,
            "default": column.default,
            "primary_key": column.primary_key,
            "autoincrement": column.autoincrement,
            "generated": column.generated.map(|when| when.as_str()),
            "hidden": column.hidden,
            "collation": column.collation,
        })
    });
    let foreign_keys = table.foreign_keys.iter().map(|key| {
        json!({
            "columns": key.columns,
            "table": key.table,
            "to": key.to,
            "on_update": key.on_update,
            "on_delete": key.on_delete,
        })
    });
    let referenced_by = table.referenced_by.iter();
    let indexes = table.indexes.iter().map(|index| {
        json!({
            "name": index.name,
            "columns": index.columns,
            "unique": index.unique,
            "partial": index.partial,
            "of_constraint": index.of_constraint,
            "sql": index.sql,
        })
    });
    json!({
        "name": table.name,
        "rows": table.rows,
        "columns": columns.collect::<Vec<_>>(),
        "without_rowid": table.without_rowid,
        "strict": table.strict,
        "module": table.module,
        "shadow_tables": table.shadow_tables,
        "primary_key": table.primary_key,
        "checks": table.checks,
        "foreign_keys": foreign_keys.collect::<Vec<_>>(),
        "referenced_by": referenced_by.map(|by| json!({ "table": by.table, "columns": by.columns })).collect::<Vec<_>>(),
        "indexes": indexes.collect::<Vec<_>>(),
        "triggers": triggers_json(&table.triggers),
        "views": table.views,
        "sql": table.sql,
    })
}

fn triggers_json(triggers: &[TriggerInfo]) -> Value {
    triggers
        .iter()
        .map(|trigger| json!({ "name": trigger.name, "event": trigger.event, "sql": trigger.sql }))
        .collect()
}

fn view_json(view: &ViewInfo) -> Value {
    json!({
        "name": view.name,
        "columns": view.columns,
        "triggers": triggers_json(&view.triggers),
        "sql": view.sql,
    })
}
