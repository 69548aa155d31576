//! Everything that was ever done.

use heirloom::inspect::LogEntry;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::App;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::parts;
use crate::studio::web::reply::Reply;

/// How many of the newest are shown.
const SHOWN: usize = 500;

pub(crate) fn show(app: &App) -> Reply {
    let content = html! {
        h1 { "Log" }
        @match content(app) {
            Ok(content) => (content),
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Log, "Log", &content)
}

fn content(app: &App) -> Result<Markup, Failure> {
    let log = app.migrator()?.database(app.path()).log()?;
    if log.entries.is_empty() {
        let how = html! { "A run, a revert, a restore or a snapshot writes the first line." };
        return Ok(parts::empty("Nothing was done to this database yet.", &how));
    }
    let all = log.entries.len();
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label="Log" {
            table.list {
                caption.sr { "Everything that was done, the newest first" }
                thead { tr {
                    th scope="col" { "When (UTC)" }
                    th scope="col" { "What" }
                    th scope="col" { "Version" }
                    th scope="col" { "Migrations" }
                    th scope="col" { "Backup" }
                    th.number scope="col" { "Took" }
                    th.number scope="col" { "Size after" }
                } }
                tbody { @for entry in log.entries.iter().take(SHOWN) { (line(entry)) } }
            }
        }
        @if all > SHOWN {
            p.muted { "The newest " (SHOWN) " of " (text::grouped(all as u64)) ". All of them: " code { "heirloom log" } }
        }
        @if !log.unlogged.is_empty() {
            p.muted { "Applied before there was a log: "
                (log.unlogged.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
        }
    })
}

fn line(entry: &LogEntry) -> Markup {
    let versions: Vec<String> = entry
        .migrations
        .iter()
        .map(|one| format!("{}{}", text::owner(one.component.as_deref()), one.version))
        .collect();
    html! {
        tr {
            td.figure { (parts::time(&entry.at)) }
            td {
                span.badge { (entry.act.as_str()) }
                @if !entry.finished { " " span.badge.changed { "unfinished" } }
                @if let Some(app) = &entry.app_version { " " span.muted.small { "by " (app) } }
                @for what in &entry.destroyed { div.small { "destroyed " (what) } }
            }
            td.figure {
                @if entry.version_before == entry.version { (parts::version(entry.version)) }
                @else { (parts::version(entry.version_before)) " → " (parts::version(entry.version)) }
            }
            td.figure { (versions.join(", ")) }
            td {
                @if let Some(backup) = &entry.backup { code { (backup) } }
                @if let Some(from) = &entry.restored_from {
                    div.small { "from " code { (parts::file_name(std::path::Path::new(from))) } }
                }
            }
            td.number { @if let Some(took) = entry.duration { (text::duration(took)) } }
            td.number { @if let Some(bytes) = entry.bytes { (text::bytes(bytes)) } }
        }
    }
}
