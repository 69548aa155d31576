//! A backup put back: the plan before, the undo after.

use std::collections::BTreeSet;
use std::sync::Arc;

use heirloom::Report;
use heirloom::plan::RestorePlan;
use maud::{Markup, html};

use crate::output::text;
use crate::studio::app::App;
use crate::studio::pages::backups::list::{find, title};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::migrations::without_write;
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// The plan, which is the confirmation.
pub(crate) fn plan(app: &Arc<App>, request: &Request) -> Reply {
    let wanted = request.query.get("b").unwrap_or_default().to_owned();
    let backup = match find(app, &wanted, "Restore") {
        Ok(backup) => backup,
        Err(page) => return *page,
    };
    let name = title(&backup);
    let (reference, of) = (backup.reference(), wanted.clone());
    let found = work::look(
        app,
        request,
        &format!("Planning to restore {name}"),
        move |app, job| {
            let plan = app
                .migrator_of(job)?
                .database(app.path())
                .plan_restore(&reference)?;
            Ok(html! {
                (planned(&plan))
                p.muted { "The present state is kept first, and can be restored afterwards." }
                @if app.write {
                    (parts::form(app, "/backups/restore", &html! {
                        input type="hidden" name="b" value=(of);
                        @if plan.folders.is_empty() && !plan.newer.is_empty() {
                            p { label.check { input type="checkbox" name="keep" value="yes"; " Take over the rows that were written since the backup, where keys allow it" } }
                        }
                        button.danger type="submit" { "Restore over " (app.name()) }
                        " " a.button href="/backups" { "Back" }
                    }))
                } @else { (without_write("restore a backup")) }
            })
        },
    );
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/backups" { "Backups" } " / " a href=(address("/backups/one", [("b", wanted.as_str())])) { bdi { (name) } } }
        h1 { "Restore " bdi { (name) } }
        (found)
    };
    frame::page(app, Place::Backups, "Restore", &content)
}

fn planned(plan: &RestorePlan) -> Markup {
    let Some(before) = &plan.before else {
        return parts::notice(
            "changed",
            &html! { p { "The present database is missing or unreadable." } },
        );
    };
    let after = &plan.after;
    let names: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
    let differ: Vec<&&String> = names
        .iter()
        .filter(|name| before.rows.get(**name) != after.rows.get(**name))
        .collect();
    let rows = |count: Option<&u64>| count.map_or("none".to_owned(), |count| text::grouped(*count));
    html! {
        dl.facts {
            div { dt { "Version" } dd { (parts::version(before.version)) " → " (parts::version(after.version)) } }
            div { dt { "Size" } dd { (text::bytes(before.bytes)) " → " (text::bytes(after.bytes)) } }
        }
        @for folder in &plan.folders { p { "With the files in " code { (parts::path(folder)) } } }
        @for since in &plan.newer {
            @if since.new > 0 { (parts::notice("removed", &html! { p { (text::counted(since.new, "row")) " of " code { (since.table) } " newer than the backup would be gone." } })) }
            @if since.changed > 0 { (parts::notice("changed", &html! { p { (text::counted(since.changed, "row")) " of " code { (since.table) } " changed since would be as they were." } })) }
        }
        @if !differ.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Rows" { table.list {
                thead { tr { th scope="col" { "Table" } th.number scope="col" { "Rows now" } th.number scope="col" { "Rows then" } } }
                tbody { @for name in differ { tr {
                    th scope="row" { bdi { (parts::visible(name)) } }
                    td.number { (rows(before.rows.get(*name))) }
                    td.number { (rows(after.rows.get(*name))) }
                } } }
            } }
        } @else { p { "No table would have another number of rows." } }
    }
}

pub(crate) fn restore(app: &Arc<App>, request: &Request) -> Reply {
    let wanted = request.form.get("b").unwrap_or_default();
    let keep = request.form.get("keep") == Some("yes");
    let backup = match find(app, wanted, "Restore") {
        Ok(backup) => backup,
        Err(page) => return *page,
    };
    work::change(
        app,
        &format!("Restoring {}", title(&backup)),
        move |app, job| {
            let migrator = app.migrator_of(job)?;
            let database = migrator.database(app.path());
            let reference = backup.reference();
            let report = match keep {
                true => database.restore_keeping_newer(&reference)?,
                false => database.restore(&reference)?,
            };
            Ok(restored(&report))
        },
    )
}

fn restored(report: &Report) -> Markup {
    let Some(back) = &report.restored else {
        return html! {};
    };
    html! {
        (parts::notice("added", &html! { p { strong { "Restored" } " from " (parts::file_name(&back.file)) ", version " (parts::version(report.version)) "." } }))
        @if let Some(replaced) = &back.replaced {
            @let file = parts::file_name(replaced);
            @if back.was_damaged { p { "The damaged file is kept as " code { (parts::path(replaced)) } } }
            @else { p { a.button href=(address("/backups/restore", [("b", file.as_str())])) { "Undo: restore what was there" } } }
        }
        @if let Some(kept) = &back.replaced_folders { p { "The files that were there are kept in " code { (parts::path(kept)) } } }
        @for newer in &back.newer {
            p { code { (newer.table) } ": " (text::counted(newer.taken, "newer row")) " taken over"
                @if newer.left_count > 0 { ", " (newer.left_count) " could not be" } }
        }
        @for note in &report.notes { (parts::notice("changed", &html! { p { (parts::backticked(note)) } })) }
    }
}
