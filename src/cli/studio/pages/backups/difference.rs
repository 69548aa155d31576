//! What is different between a backup and the database as it is: table by table, row by row.

use std::sync::Arc;

use heirloom::inspect::{RowDifference, StateComparison, StateRef};
use maud::{Markup, html};

use crate::output::text;
use crate::studio::app::App;
use crate::studio::pages::backups::list::{find, title};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names;
use crate::studio::pages::{parts, work};
use crate::studio::read::value::real;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// Rows of a page, and characters of a value.
const ROWS: usize = 100;
const CHARACTERS: usize = 400;

pub(crate) fn show(app: &Arc<App>, request: &Request) -> Reply {
    let wanted = request.query.get("b").unwrap_or_default().to_owned();
    let backup = match find(app, &wanted, "Difference") {
        Ok(backup) => backup,
        Err(page) => return *page,
    };
    let from = StateRef::Backup(backup.reference());
    let name = title(&backup);
    let (heading, found) = match request.query.get("t").map(str::to_owned) {
        None => {
            let of = wanted.clone();
            let work_title = format!("Comparing {name}");
            let found = work::look(app, request, &work_title, move |app, job| {
                let migrator = app.migrator_of(job)?;
                let compared = migrator
                    .database(app.path())
                    .compare(&from, &StateRef::Live)?;
                Ok(summary(&of, &compared))
            });
            ("What is different now".to_owned(), found)
        }
        Some(table) => {
            let skip: usize = request
                .query
                .get("skip")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let heading = format!("Rows of {} that differ", parts::visible(&table));
            let work_title = format!("Comparing {table} from row {skip}");
            let of = wanted.clone();
            let found = work::look(app, request, &work_title, move |app, job| {
                let migrator = app.migrator_of(job)?;
                let (mut rows, mut all) = (Vec::new(), 0_usize);
                migrator.database(app.path()).compare_rows(
                    &from,
                    &StateRef::Live,
                    &table,
                    |row| {
                        if all >= skip && rows.len() < ROWS {
                            rows.push(cut(row));
                        }
                        all += 1;
                    },
                )?;
                Ok(by_row(&of, &table, &rows, skip, all))
            });
            (heading, found)
        }
    };
    let address_of = |path: &str| address(path, [("b", wanted.as_str())]);
    let content = html! {
        nav.crumbs aria-label="Where" {
            a href="/backups" { "Backups" } " / " a href=(address_of("/backups/one")) { bdi { (name) } }
            @if request.query.get("t").is_some() { " / " a href=(address_of("/backups/difference")) { "difference" } }
        }
        h1 { bdi { (heading) } }
        p.muted { "From " bdi { (name) } " (" (parts::time(&backup.created_at)) " UTC) to the database as it is." }
        (found)
    };
    frame::page(app, Place::Backups, "Difference", &content)
}

fn summary(backup: &str, compared: &StateComparison) -> Markup {
    html! {
        @if compared.is_same() {
            (parts::notice("added", &html! { p { strong { "No row is different." } } }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tables that differ" {
                table.list {
                    caption.sr { "What differs, table by table" }
                    thead { tr {
                        th scope="col" { "Table" }
                        th.number scope="col" { "Added" }
                        th.number scope="col" { "Changed" }
                        th.number scope="col" { "Removed" }
                        th scope="col" { "Columns" }
                    } }
                    tbody { @for table in &compared.tables { tr {
                        th scope="row" { a href=(address("/backups/difference", [("b", backup), ("t", table.table.as_str())])) { bdi { (names::name(&table.table)) } } }
                        td.number { @if table.only_in_to > 0 { span.badge.added { "+" (text::grouped(table.only_in_to)) } } }
                        td.number { @if table.changed > 0 { span.badge.changed { "~" (text::grouped(table.changed)) } } }
                        td.number { @if table.only_in_from > 0 { span.badge.removed { "−" (text::grouped(table.only_in_from)) } } }
                        td { @for (column, count) in &table.columns { span.nowrap { bdi { (column) } " " span.muted.figure { (text::grouped(*count)) } } " " } }
                    } } }
                }
            }
        }
        @for note in &compared.notes { (parts::notice("changed", &html! { p { (parts::backticked(note)) } })) }
        @if compared.notes.is_empty() { p.muted.small { "Every table was compared. Tables that are not listed are the same." } }
        p.small.muted { "As SQL: " code { "heirloom compare " (list_name(backup)) " live --sql" } }
    }
}

fn list_name(backup: &str) -> &str {
    backup.rsplit('/').next().unwrap_or(backup)
}

/// Only as much of the values as is shown.
fn cut(row: &RowDifference) -> RowDifference {
    let short = |text: &String| {
        number(text).unwrap_or_else(|| match text.chars().count() > CHARACTERS {
            true => text.chars().take(CHARACTERS).collect::<String>() + "…",
            false => text.clone(),
        })
    };
    let mut row = row.clone();
    for (_, before, now) in &mut row.values {
        *before = before.as_ref().map(short);
        *now = now.as_ref().map(short);
    }
    row
}

/// A REAL as the rest of the pages write it: `1.25`, where SQL needs `1.25e0`.
fn number(text: &str) -> Option<String> {
    let is_real = text.contains('e') && !text.starts_with(['\'', 'x', 'X']);
    is_real.then(|| text.parse().ok().map(real)).flatten()
}

fn by_row(backup: &str, table: &str, rows: &[RowDifference], skip: usize, all: usize) -> Markup {
    let to = |skip: usize| {
        let skip = skip.to_string();
        address(
            "/backups/difference",
            [("b", backup), ("t", table), ("skip", skip.as_str())],
        )
    };
    html! {
        @if rows.is_empty() { (parts::empty("No row is different.", &html! { a href=(address("/backups/difference", [("b", backup)])) { "All tables" } })) }
        ul.difference {
            @for row in rows { (difference(row)) }
        }
        nav.pager aria-label="Pages of differences" {
            @if skip > 0 { a.button href=(to(skip.saturating_sub(ROWS))) data-key="[" { "Previous" } }
            @if skip + rows.len() < all { a.button href=(to(skip + rows.len())) data-key="]" { "Next" } }
            span.muted.figure { (text::counted(all as u64, "row")) " that differ" @if all > 1 && !rows.is_empty() { ", " (skip + 1) " to " (skip + rows.len()) " here" } }
        }
    }
}

fn difference(row: &RowDifference) -> Markup {
    let added = row.values.iter().all(|(_, before, _)| before.is_none());
    let removed = row.values.iter().all(|(.., now)| now.is_none());
    let (kind, sign, word) = match (added, removed) {
        (true, _) => ("added", "+", "added"),
        (_, true) => ("removed", "−", "removed"),
        _ => ("changed", "~", "changed"),
    };
    let key: Vec<String> = row
        .key
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    html! {
        li class=(kind) {
            p.gutter { span.sign aria-hidden="true" { (sign) } span.sr { (word) " " } strong { bdi { (key.join(", ")) } } }
            dl { @for (column, before, now) in &row.values { div {
                dt { bdi { (column) } }
                dd {
                    @if let Some(before) = before { del { bdi { (before) } } }
                    @if let Some(now) = now { ins { bdi { (now) } } }
                }
            } } }
        }
    }
}
