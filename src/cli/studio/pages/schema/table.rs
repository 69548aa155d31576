//! One table with all that is known of it.

use std::sync::Arc;

use heirloom::inspect::{Inspected, TableInfo};
use maud::{Markup, html};

use crate::output::text;
use crate::studio::app::App;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names::{self, page_of, rows_of};
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

pub(crate) fn show(app: &Arc<App>, request: &Request) -> Reply {
    let name = request.query.get("t").unwrap_or_default().to_owned();
    let title = format!("Inspecting {name}");
    let of = name.clone();
    let found = work::look(app, request, &title, move |app, job| {
        let inspected = app
            .migrator_of(job)?
            .database(app.path())
            .inspect(Some(&of))?;
        Ok(described(&inspected))
    });
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/schema" { "Schema" } }
        div.spread {
            h1 { bdi { (names::name(&name)) } }
            a.button href=(rows_of(&name)) { "Rows" }
        }
        (found)
    };
    frame::page(app, Place::Schema, &name, &content)
}

fn described(inspected: &Inspected) -> Markup {
    html! {
        @for table in &inspected.tables { (one(table)) }
        @for view in &inspected.views {
            p.muted { "A view with the columns " (view.columns.join(", ")) }
            (parts::sql(&view.sql))
            @for trigger in &view.triggers { h3 { "Trigger " (trigger.name) } (parts::sql(&trigger.sql)) }
        }
    }
}

fn one(table: &TableInfo) -> Markup {
    let linked = |name: &str| html! { a href=(page_of(name)) { bdi { (names::name(name)) } } };
    html! {
        p.row {
            span.muted.figure { @match table.rows { Some(rows) => (text::counted(rows, "row")), None => "rows cannot be counted" } }
            @if table.strict { span.badge { "STRICT" } }
            @if table.without_rowid { span.badge { "WITHOUT ROWID" } }
            @if let Some(module) = &table.module { span.badge { "virtual: " (module) } }
        }
        div.scroll tabindex="0" role="region" aria-label="Columns" { table.list {
            caption.sr { "Columns" }
            thead { tr { th scope="col" { "Column" } th scope="col" { "Type" } th scope="col" { "Rules" } th scope="col" { "Default" } } }
            tbody { @for column in &table.columns { tr {
                th scope="row" { bdi { (names::name(&column.name)) } }
                td { @if column.declared.is_empty() { span.muted { "any" } } @else { (column.declared) } }
                td {
                    @if column.primary_key.is_some() { span.badge { "key" } " " }
                    @if column.not_null { span.badge { "not null" } " " }
                    @if column.autoincrement { span.badge { "autoincrement" } " " }
                    @if let Some(generated) = column.generated { span.badge { "generated, " (generated.as_str()) } " " }
                    @if column.hidden { span.badge { "hidden" } " " }
                    @if let Some(collation) = &column.collation { span.badge { "collate " (collation) } }
                }
                td { @if let Some(default) = &column.default { code { (default) } } }
            } } }
        } }
        @if !table.checks.is_empty() { h2 { "Checks" } ul.plain { @for check in &table.checks { li { code { (check) } } } } }
        @if !table.foreign_keys.is_empty() {
            h2 { "Refers to" }
            ul.plain { @for key in &table.foreign_keys { li {
                code { (key.columns.join(", ")) } " → " (linked(&key.table)) @if !key.to.is_empty() { " " code { (key.to.join(", ")) } }
                @if key.on_delete != "NO ACTION" { " " span.badge { "on delete " (key.on_delete.to_lowercase()) } }
                @if key.on_update != "NO ACTION" { " " span.badge { "on update " (key.on_update.to_lowercase()) } }
            } } }
        }
        @if !table.referenced_by.is_empty() {
            h2 { "Referred to by" }
            ul.plain { @for reference in &table.referenced_by { li { (linked(&reference.table)) " " code { (reference.columns.join(", ")) } } } }
        }
        @if !table.indexes.is_empty() {
            h2 { "Indexes" }
            ul.plain { @for index in &table.indexes { li {
                bdi { (index.name) } " " code { (index.columns.join(", ")) }
                @if index.unique { " " span.badge { "unique" } }
                @if index.partial { " " span.badge { "partial" } }
                @if index.of_constraint { " " span.badge { "of a constraint" } }
            } } }
        }
        @if !table.triggers.is_empty() {
            h2 { "Triggers" }
            @for trigger in &table.triggers { h3 { bdi { (trigger.name) } " " span.muted { (trigger.event) } } (parts::sql(&trigger.sql)) }
        }
        @if !table.views.is_empty() { h2 { "Views that name it" } p { (table.views.join(", ")) } }
        @if !table.shadow_tables.is_empty() { h2 { "Kept in" } p { (table.shadow_tables.join(", ")) } }
        h2 { "SQL" }
        (parts::sql(&table.sql))
    }
}
