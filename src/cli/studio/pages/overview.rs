//! The first page: what there is, and the one thing to do next.

use std::sync::Arc;

use heirloom::inspect::{Diagnosis, Log};
use heirloom::{BackupInfo, MigrationState, Status, Verify};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::App;
use crate::studio::assets::icons::{self, icon};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

/// Up to how large a database is examined without being asked for, in bytes: it is read as a whole.
const EXAMINED: u64 = 100 << 20;

pub(crate) fn show(app: &App) -> Reply {
    let content = html! {
        h1 { bdi { (app.name()) } }
        p.muted.path { bdi { (app.path().display()) } }
        @match content(app) {
            Ok(content) => (content),
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Overview, "Overview", &content)
}

fn content(app: &App) -> Result<Markup, Failure> {
    let migrator = app.migrator()?;
    let database = migrator.database(app.path());
    let status = database.status();
    let backups = database.backups(Verify::Length)?;
    let log = database.log();
    let size = app.path().metadata().map(|file| file.len()).ok();
    let latest = backups.first();
    let at_once = size.is_none_or(|bytes| bytes < EXAMINED);
    Ok(html! {
        @match &status {
            Ok(status) => (next(status, latest)),
            Err(error) => {
                @let message = format!("{error:#}");
                (parts::notice("removed", &html! { p { strong { "The migrations cannot be read: " } (message) } }))
            },
        }
        dl.facts {
            div { dt { "Size" } dd { (size.map_or("none".to_owned(), text::bytes)) } }
            @if let Ok(status) = &status {
                div { dt { "Version" } dd { (parts::version(status.version)) } }
                div { dt { "Applied" } dd { a href="/migrations" { (status.count(MigrationState::Applied)) } } }
                div { dt { "Pending" } dd { a href="/migrations" { (status.count(MigrationState::Pending)) } } }
            }
            div { dt { "Backups" } dd { a href="/backups" { (backups.len()) } } }
            div { dt { "Last backup" } dd {
                @match latest {
                    Some(backup) => (parts::time(&backup.created_at)),
                    None => span.muted { "none" },
                }
            } }
        }
        @if let Ok(status) = &status {
            @for note in &status.notes { (parts::notice("changed", &html! { p { (note) } })) }
        }
        section {
            h2 { "Size over time" }
            (growth(log.as_ref().ok(), &backups, size))
        }
        section {
            h2 { "Health" }
            div data-fragment=[at_once.then_some("/doctor?part=1")] {
                p { a href="/doctor" { "Examine the database" } span.muted { " reads everything, writes nothing" } }
            }
        }
    })
}

/// The one thing to do next.
fn next(status: &Status, latest: Option<&BackupInfo>) -> Markup {
    let pending = status.count(MigrationState::Pending);
    let step = |kind: &str, words: Markup, action: Markup| {
        html! { section class=(format!("next {kind}")) aria-label="Next step" { div { (words) } (action) } }
    };
    let go = |address: &str, words: &str| html! { a.button.primary href=(address) { (words) (icon(icons::RIGHT)) } };
    if let Some(since) = &status.interrupted {
        let words = html! { p { strong { "A run was interrupted." } } p { "It began at " (parts::time(since)) " UTC. The next run repairs it first." } };
        return step("changed", words, go("/migrations", "See the migrations"));
    }
    if let Some(problem) = &status.problem {
        let words = html! { p { strong { "The pending migrations cannot run." } } p { (format!("{problem:#}")) } };
        return step("removed", words, go("/migrations", "See why"));
    }
    if !status.exists {
        let words = html! { p { strong { "There is no database yet." } } p { "The first run creates it." } };
        return step("", words, go("/migrations", "See the migrations"));
    }
    if pending > 0 {
        let words = html! {
            p { strong { (text::counted(pending as u64, "migration")) " pending." } }
            p { "See the effect on these rows before anything runs." }
        };
        return step("", words, go("/migrations", "Review"));
    }
    if !status.drift.is_empty() {
        let words = html! { p { strong { "The schema is not what the migrations give." } } @for what in &status.drift { p { (what) } } };
        return step("changed", words, go("/schema/drift", "See the difference"));
    }
    if latest.is_none() {
        let words = html! { p { strong { "Up to date, and without a backup." } } p { "A snapshot is a verified copy with a name." } };
        return step("", words, go("/backups", "Take a snapshot"));
    }
    let words =
        html! { p { strong { "Up to date." } } p { "Nothing is pending, and there is a backup." } };
    step("added", words, go("/data", "Look at the data"))
}

/// The size at each backup and after each act, as a line and as a table.
fn growth(log: Option<&Log>, backups: &[BackupInfo], now: Option<u64>) -> Markup {
    let acts = log.into_iter().flat_map(|log| &log.entries);
    let acts = acts.filter_map(|entry| Some((entry.at.clone(), entry.bytes?)));
    let taken = backups
        .iter()
        .map(|one| (one.created_at.clone(), one.bytes));
    let mut points: Vec<(String, u64)> = acts.chain(taken).collect();
    points.sort();
    points.extend(now.map(|bytes| ("now".to_owned(), bytes)));
    let skipped = points.len().saturating_sub(200);
    let points = points.split_off(skipped);
    let most = points
        .iter()
        .map(|(_, bytes)| *bytes)
        .max()
        .unwrap_or(0)
        .max(1);
    if points.len() < 2 {
        let how = html! { "Every run and every backup adds a point." };
        return parts::empty("Nothing is known of earlier sizes.", &how);
    }
    let (width, height) = (600.0, 80.0);
    let last = (points.len() - 1) as f64;
    let place = |at: usize, bytes: u64| {
        let x = at as f64 / last * width;
        let y = height - bytes as f64 / most as f64 * (height - 8.0);
        format!("{x:.1},{y:.1}")
    };
    let line: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(at, (_, bytes))| place(at, *bytes))
        .collect();
    let line = line.join(" ");
    html! {
        svg.growth viewBox="0 0 600 80" preserveAspectRatio="none" role="img" aria-label="Size over time" {
            polygon points=(format!("0,80 {line} 600,80")) {}
            polyline points=(line) vector-effect="non-scaling-stroke" {}
        }
        details {
            summary { "The numbers" }
            div.scroll tabindex="0" role="region" aria-label="Sizes" {
                table.list {
                    thead { tr { th scope="col" { "When (UTC)" } th.number scope="col" { "Size" } } }
                    tbody { @for (at, bytes) in points.iter().rev() {
                        tr { td.figure { (text::utc(at)) } td.number { (text::bytes(*bytes)) } }
                    } }
                }
            }
        }
    }
}

/// What `doctor` says. It reads everything.
pub(crate) fn doctor(app: &Arc<App>, request: &Request) -> Reply {
    let found = work::look(app, request, "Examining the database", |app, job| {
        let migrator = app.migrator_of(job)?;
        let diagnosis = migrator.database(app.path()).doctor()?;
        Ok(diagnosed(app, &diagnosis))
    });
    let content = html! {
        @if request.query.get("part").is_none() { h1 { "Health" } }
        div data-part="" { (found) }
    };
    frame::page(app, Place::Overview, "Health", &content)
}

fn diagnosed(app: &App, diagnosis: &Diagnosis) -> Markup {
    html! {
        @if diagnosis.is_healthy() {
            (parts::notice("added", &html! { p { strong { "Nothing is wrong." } " " (text::counted(diagnosis.passed.len() as u64, "check")) " passed." } }))
        }
        @for problem in &diagnosis.problems {
            @let help = app.typed.help(Some(&problem.help), &problem.remedies).unwrap_or_default();
            (parts::notice("removed", &html! {
                p { strong { (problem.kind.as_str()) ": " } (parts::backticked(&problem.message)) }
                p.small { (parts::backticked(&help)) }
            }))
        }
        @for note in &diagnosis.notes { (parts::notice("changed", &html! { p { (note) } })) }
        details {
            summary { "What was checked" }
            ul { @for passed in &diagnosis.passed { li { (passed) } } }
        }
        p.muted.small {
            "SQLite " (diagnosis.sqlite_version) " · the next run needs "
            (text::bytes(diagnosis.needed_bytes)) " of disk"
            @if let Some(free) = diagnosis.free_bytes { ", " (text::bytes(free)) " are free" }
        }
    }
}
