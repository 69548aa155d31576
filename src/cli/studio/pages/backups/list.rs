//! The backups on a line of time, and one of them.

use std::sync::Arc;

use heirloom::backups::BackupOrigin;
use heirloom::inspect::LogEntry;
use heirloom::{Act, BackupInfo, Verify};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::App;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// How a backup is named in an address: by its file, and a snapshot with its folder.
pub(crate) fn name(backup: &BackupInfo) -> String {
    let file = parts::file_name(&backup.file);
    match backup.origin {
        BackupOrigin::Snapshot => format!("snapshots/{file}"),
        _ => file,
    }
}

/// Every backup of this database.
fn all(app: &App) -> Result<Vec<BackupInfo>, Failure> {
    let migrator = app.migrator()?;
    Ok(migrator.database(app.path()).backups(Verify::Length)?)
}

/// The backup that an address names, which must be one of this database; else the page that says
/// so, below a heading.
pub(crate) fn find(app: &App, wanted: &str, heading: &str) -> Result<BackupInfo, Box<Reply>> {
    let all = all(app).map_err(|failure| {
        let failed = parts::failed(app, &failure);
        frame::page(app, Place::Backups, heading, &failed)
    })?;
    let found = all.into_iter().find(|backup| name(backup) == wanted);
    let missing = "There is no such backup. It may have been thinned out.";
    found.ok_or_else(|| Box::new(frame::missing(app, missing)))
}

/// Every backup by its title, with the address of its page: for the palette.
pub(crate) fn entries(app: &App) -> Vec<(String, String)> {
    let all = all(app).unwrap_or_default();
    let entry = |backup: &BackupInfo| {
        let page = address("/backups/one", [("b", name(backup).as_str())]);
        (title(backup), page)
    };
    all.iter().map(entry).collect()
}

/// The name of a snapshot, the file of another.
pub(crate) fn title(backup: &BackupInfo) -> String {
    match backup.origin {
        BackupOrigin::Snapshot => backup
            .file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        _ => parts::file_name(&backup.file),
    }
}

pub(crate) fn show(app: &Arc<App>, request: &Request) -> Reply {
    let content = html! {
        h1 { "Backups" }
        section aria-label="Snapshot" {
            (parts::form(app, "/backups/snapshot", &html! {
                label for="name" { "A snapshot is a verified backup with a name" }
                p.row {
                    input id="name" name="name" type="text" required placeholder="before-import" autocomplete="off" maxlength="100";
                    button type="submit" { "Take a snapshot" }
                }
            }))
        }
        @match all(app) {
            Ok(backups) if backups.is_empty() => {
                (parts::empty("There are no backups yet.", &html! { "Each run takes one before its first change." }))
            },
            Ok(backups) => {
                p { a.button href="/backups?verify=1" { "Verify all of them" } }
                @if request.query.get("verify").is_some() {
                    (work::look(app, request, "Verifying the backups", verified))
                } @else { (rail(app, &backups, false)) }
            },
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Backups, "Backups", &content)
}

fn verified(app: &App, job: &crate::studio::jobs::job::Job) -> Result<Markup, Failure> {
    let migrator = app.migrator_of(job)?;
    let backups = migrator.database(app.path()).backups(Verify::Everything)?;
    Ok(rail(app, &backups, true))
}

/// A point on the line of time.
enum Point<'p> {
    Backup(&'p BackupInfo),
    Act(&'p LogEntry),
}

impl Point<'_> {
    fn at(&self) -> &str {
        match self {
            Point::Backup(backup) => &backup.created_at,
            Point::Act(act) => &act.at,
        }
    }

    fn day(&self) -> String {
        text::utc(self.at()).chars().take(10).collect()
    }
}

/// Backups, and between them what was done, the newest first.
fn rail(app: &App, backups: &[BackupInfo], thorough: bool) -> Markup {
    let log = app
        .migrator()
        .ok()
        .and_then(|migrator| migrator.database(app.path()).log().ok());
    let acts = log.iter().flat_map(|log| &log.entries);
    // A snapshot is there as itself, and what was before the oldest backup is in the log.
    let oldest = backups
        .iter()
        .map(|backup| backup.created_at.as_str())
        .min();
    let acts = acts.filter(|act| {
        act.act != Act::Snapshot && oldest.is_some_and(|oldest| act.at.as_str() >= oldest)
    });
    let mut points: Vec<Point<'_>> = backups
        .iter()
        .map(Point::Backup)
        .chain(acts.map(Point::Act))
        .collect();
    points.sort_by(|one, other| other.at().cmp(one.at()));
    let live = app.path().metadata().map(|file| file.len()).ok();
    html! {
        ol.rail {
            @if let Some(bytes) = live {
                li.live { div.row { a href="/" { strong { "The database as it is" } } span.figure { (text::bytes(bytes)) } } }
            }
            @for of_a_day in points.chunk_by(|one, other| one.day() == other.day()) {
                @if let Some(first) = of_a_day.first() { li.day { (first.day()) } }
                @for point in of_a_day { @match point {
                    Point::Backup(backup) => (entry(backup, thorough)),
                    Point::Act(act) => li.act { p.small.muted.figure {
                        (hour(&act.at)) " UTC · " (act.act.as_str())
                        @if act.version != act.version_before { " · version " (text::version(act.version_before)) " → " (text::version(act.version)) }
                    } },
                } }
            }
        }
    }
}

fn hour(at: &str) -> String {
    text::utc(at).chars().skip(11).collect()
}

fn entry(backup: &BackupInfo, thorough: bool) -> Markup {
    let query = [("b", &*name(backup))];
    html! {
        li class=(backup.origin.as_str()) {
            div.row {
                a href=(address("/backups/one", query)) { bdi { (title(backup)) } }
                span.badge { (backup.origin.as_str()) }
                @if backup.replaced { span.badge { "before a restore" } }
                (state(backup, thorough))
            }
            p.small.muted.figure {
                (hour(&backup.created_at)) " UTC · version " (text::version(backup.version)) " · " (text::bytes(backup.bytes))
                " · " a href=(address("/backups/difference", query)) { "compare" }
                " · " a href=(address("/backups/restore", query)) { "restore…" }
            }
        }
    }
}

/// Whether it is as it was recorded, as far as was looked.
fn state(backup: &BackupInfo, thorough: bool) -> Markup {
    html! { @match (backup.verified, backup.recorded) {
        (true, _) if thorough => span.badge.added { "verified" },
        (true, _) => {},
        (false, true) => span.badge.removed { "DAMAGED" },
        (false, false) if backup.whole == Some(false) => span.badge.removed { "DAMAGED" },
        (false, false) => span.badge.changed { "without a record" },
    } }
}

pub(crate) fn one(app: &Arc<App>, request: &Request) -> Reply {
    let wanted = request.query.get("b").unwrap_or_default();
    let backup = match find(app, wanted, "Backup") {
        Ok(backup) => backup,
        Err(page) => return *page,
    };
    let title = title(&backup);
    let query = [("b", wanted)];
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/backups" { "Backups" } }
        h1 { bdi { (title) } }
        dl.facts {
            div { dt { "Taken (UTC)" } dd { (parts::time(&backup.created_at)) } }
            div { dt { "Kind" } dd { (backup.origin.as_str()) @if backup.replaced { ", before a restore" } } }
            div { dt { "Version" } dd { (parts::version(backup.version)) } }
            div { dt { "Size" } dd { (text::bytes(backup.bytes)) } }
        }
        p.muted.path { bdi { (parts::path(&backup.file)) } }
        div.row.actions {
            a.button.primary href=(address("/backups/difference", query)) { "What is different now" }
            a.button href=(address("/backups/one", [("b", wanted), ("verify", "1")])) { "Verify" }
            a.button href=(address("/backups/restore", query)) { "Restore…" }
        }
        @if request.query.get("verify").is_some() {
            @let wanted = wanted.to_owned();
            (work::look(app, request, &format!("Verifying {title}"), move |app, job| {
                let migrator = app.migrator_of(job)?;
                let all = migrator.database(app.path()).backups(Verify::Everything)?;
                let found = all.iter().find(|backup| name(backup) == wanted);
                Ok(match found {
                    Some(found) if found.verified => parts::notice("added", &html! { p { strong { "Verified." } " It is byte for byte what was recorded, and SQLite finds it whole." } }),
                    Some(found) if found.whole == Some(true) => parts::notice("changed", &html! { p { strong { "Whole, without a record." } " SQLite finds nothing wrong; what it was when it was taken is not known." } }),
                    _ => parts::notice("removed", &html! { p { strong { "DAMAGED." } " Choose another backup." } }),
                })
            }))
        }
    };
    frame::page(app, Place::Backups, &title, &content)
}

pub(crate) fn snapshot(app: &Arc<App>, request: &Request) -> Reply {
    let name = request
        .form
        .get("name")
        .unwrap_or_default()
        .trim()
        .to_owned();
    work::change(app, "Taking a snapshot", move |app, job| {
        let migrator = app.migrator_of(job)?;
        let taken = migrator.database(app.path()).snapshot(&name)?;
        Ok(html! {
            (parts::notice("added", &html! { p { strong { "Taken and verified: " } bdi { (title(&taken)) } ", " (text::bytes(taken.bytes)) } }))
            @for note in &taken.notes { p { (note) } }
            p { a.button href="/backups" { "All backups" } }
        })
    })
}
