//! Everything that is going to be changed, before it is.

use std::sync::Arc;

use heirloom::Verify;
use heirloom::backups::BackupOrigin;
use maud::{Markup, html};

use crate::output::text;
use crate::studio::app::App;
use crate::studio::edit::apply::apply;
use crate::studio::edit::list::{Edit, What};
use crate::studio::pages::edit::forms::short;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::migrations::without_write;
use crate::studio::pages::names;
use crate::studio::pages::{parts, work};
use crate::studio::read::value::Stored;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// The name of the snapshot before the first edits of a day.
fn snapshot_of_today() -> String {
    format!("studio-{}", chrono::Utc::now().format("%Y-%m-%d"))
}

pub(crate) fn show(app: &App) -> Reply {
    let edits = app.edits.all();
    let content = html! {
        h1 { "Review" }
        @if !app.write { (without_write("edit rows")) }
        @else if edits.is_empty() { (parts::empty("Nothing is going to be changed.", &html! { a href="/data" { "Choose a row to edit" } })) }
        @else {
            ul.difference { @for (at, edit) in edits.iter().enumerate() { (one(app, at, edit)) } }
            p.muted { "A snapshot " code { (snapshot_of_today()) } " is taken first, unless there is one of today. All of it happens in one transaction; a row that somebody else has changed in the meantime stops it." }
            div.row.actions {
                (parts::form(app, "/edit/apply", &html! { button.primary type="submit" { "Write " (text::counted(edits.len() as u64, "change")) } }))
                (parts::form(app, "/edit/discard", &html! { button type="submit" { "Discard all" } }))
            }
        }
    };
    frame::page(app, Place::Data, "Review", &content)
}

fn one(app: &App, at: usize, edit: &Edit) -> Markup {
    let (kind, sign, word) = match &edit.what {
        What::Update(_) => ("changed", "~", "changed"),
        What::Insert(_) => ("added", "+", "added"),
        What::Delete(_) => ("removed", "−", "removed"),
    };
    let key: Vec<String> = edit.key.iter().map(short).collect();
    let old = |value: &Stored| html! { del { bdi { (shown(value)) } } };
    let new = |value: &Stored| html! { ins { bdi { (shown(value)) } } };
    html! {
        li class=(kind) {
            div.spread {
                p.gutter {
                    span.sign aria-hidden="true" { (sign) } span.sr { (word) " " }
                    strong { bdi { (names::name(&edit.table)) } } " " span.figure { (key.join(", ")) }
                }
                (parts::form(app, "/edit/discard", &html! {
                    input type="hidden" name="at" value=(at);
                    button.quiet type="submit" aria-label=(format!("Discard change {}", at + 1)) { "Discard" }
                }))
            }
            dl { @match &edit.what {
                What::Update(changes) => { @for (column, before, then) in changes { div { dt { bdi { (column) } } dd { (old(before)) (new(then)) } } } },
                What::Insert(values) => {
                    @for (column, value) in values { div { dt { bdi { (column) } } dd { (new(value)) } } }
                    @if values.is_empty() { div { dt {} dd { "every column has its default" } } }
                },
                What::Delete(seen) => { @for (column, value) in seen { div { dt { bdi { (column) } } dd { (old(value)) } } } },
            } }
        }
    }
}

/// A value with its type where that is not plain to see.
fn shown(value: &Stored) -> Markup {
    html! { @match value {
        Stored::Null => span.null { "NULL" },
        Stored::Text(bytes) if bytes.is_empty() => span.null.empty-text { "empty" },
        _ => { (short(value)) " " span.type { (value.kind()) } },
    } }
}

pub(crate) fn discard(app: &App, request: &Request) -> Reply {
    match request.form.get("at").map(str::parse::<usize>) {
        Some(Ok(at)) => app.edits.remove(at),
        Some(Err(_)) => {}
        None => app.edits.forget(&app.edits.all()),
    }
    Reply::see("/edit")
}

/// Does what was reviewed.
pub(crate) fn write(app: &Arc<App>) -> Reply {
    let edits = app.edits.all();
    if edits.is_empty() {
        return Reply::see("/edit");
    }
    work::change(app, "Writing the changes", move |app, job| {
        let migrator = app.migrator_of(job)?;
        let database = migrator.database(app.path());
        let name = snapshot_of_today();
        let taken = database.backups(Verify::Length)?;
        let is_of_today =
            |file: &std::path::Path| file.file_stem().is_some_and(|stem| stem == name.as_str());
        let has_one = taken
            .iter()
            .any(|one| one.origin == BackupOrigin::Snapshot && is_of_today(&one.file));
        if !has_one {
            database.snapshot(&name)?;
            job.line(format!("snapshot {name} taken and verified"));
        }
        let done = database.edit(|connection| apply(connection, &edits))?;
        app.edits.forget(&edits);
        let snapshot = format!("snapshots/{name}.db");
        Ok(html! {
            (parts::notice("added", &html! { p { strong { (text::counted(done as u64, "change")) " written." } } }))
            p.row {
                a.button href="/data" { "Data" }
                a.button href=(address("/backups/difference", [("b", snapshot.as_str())])) { "What is different since the snapshot" }
            }
        })
    })
}
