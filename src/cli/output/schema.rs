//! A schema for people.

use heirloom::inspect::{ColumnInfo, ForeignKeyInfo, IndexInfo, TableInfo, TriggerInfo};

use crate::output::text;

/// How many rows, in words.
pub(crate) fn rows(table: &TableInfo) -> String {
    let counted = |rows| text::counted(rows, "row");
    table
        .rows
        .map_or("rows cannot be counted".to_owned(), counted)
}

/// What kind of table, empty for an ordinary one.
pub(crate) fn kind(table: &TableInfo) -> String {
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

/// A table on one line.
pub(crate) fn overview(table: &TableInfo) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| !column.hidden).count();
    vec![
        format!("  {}", table.name),
        table.rows.map_or("unknown".to_owned(), text::grouped),
        columns.to_string(),
        kind(table),
    ]
}

/// What there is to say of a table but its columns, a line each.
pub(crate) fn facts(table: &TableInfo) -> Vec<Vec<String>> {
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
        .for_each(|one| add("index", index(table, one)));
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
    facts
}

/// A column on one line.
pub(crate) fn column(table: &TableInfo, column: &ColumnInfo) -> Vec<String> {
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
    let mut text = format!("({}) → {}", key.columns.join(", "), key.table);
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

fn index(table: &TableInfo, index: &IndexInfo) -> String {
    let mut text = format!("{} ({})", index.name, index.columns.join(", "));
    let is_key = index.columns == table.primary_key;
    let traits = [
        (index.unique && !index.of_constraint, " unique"),
        (index.partial, " partial"),
        (index.of_constraint && is_key, " from the primary key"),
        (index.of_constraint && !is_key, " from a UNIQUE constraint"),
    ];
    traits
        .iter()
        .filter(|(is, _)| *is)
        .for_each(|(_, word)| text += word);
    text
}

/// A trigger on one line.
pub(crate) fn trigger(trigger: &TriggerInfo) -> Vec<String> {
    vec![
        "  trigger".into(),
        trigger.name.clone(),
        trigger.event.clone(),
    ]
}
