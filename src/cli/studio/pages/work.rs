//! Work that takes longer than a page, as it is shown.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::App;
use crate::studio::jobs::job::{End, Job, Kind, Outcome};
use crate::studio::jobs::queue::Busy;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::parts;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// How long a page waits before it shows that something is under way.
const PATIENCE: Duration = Duration::from_millis(800);

/// Something that reads and may take long, in the place of the page where it is shown.
pub(crate) fn look(
    app: &Arc<App>,
    request: &Request,
    title: &str,
    work: impl FnOnce(&App, &Job) -> Result<Markup, Failure> + Send + 'static,
) -> Markup {
    // A job's number is not enough: another page's work is another thing.
    let begun = request.query.get("run").and_then(|id| app.jobs.get(id));
    let begun = begun.filter(|job| job.title == title && job.kind == Kind::Look);
    let job = match begun {
        Some(job) => Ok(job),
        None => start(app, Kind::Look, title, work),
    };
    let job = match job {
        Ok(job) => job,
        Err(busy) => return busy_notice(busy),
    };
    match job.wait(PATIENCE) {
        Some(outcome) => outcome.page,
        None => {
            let mut pairs: Vec<(&str, &str)> = request.query.iter().collect();
            pairs.retain(|(name, _)| *name != "run");
            let id = job.id.to_string();
            pairs.push(("run", &id));
            let path = format!("/{}", request.path.join("/"));
            under_way(app, &job, &address(&path, pairs))
        }
    }
}

/// Begins a piece of work.
pub(crate) fn start(
    app: &Arc<App>,
    kind: Kind,
    title: &str,
    work: impl FnOnce(&App, &Job) -> Result<Markup, Failure> + Send + 'static,
) -> Result<Arc<Job>, Busy> {
    let of = Arc::clone(app);
    app.jobs
        .start(kind, title.to_owned(), move |job| match work(&of, job) {
            Ok(page) => Outcome {
                end: End::Done,
                page,
            },
            Err(failure) => Outcome {
                end: match job.is_cancelled() {
                    true => End::Cancelled,
                    false => End::Failed,
                },
                page: parts::failed(&of, &failure),
            },
        })
}

/// Begins a change, and goes to its page.
pub(crate) fn change(
    app: &Arc<App>,
    title: &str,
    work: impl FnOnce(&App, &Job) -> Result<Markup, Failure> + Send + 'static,
) -> Reply {
    match start(app, Kind::Change, title, work) {
        Ok(job) => Reply::see(&format!("/jobs/{}", job.id)),
        Err(busy) => {
            let content = html! { h1 { (title) } (busy_notice(busy)) };
            frame::with_status(app, StatusCode::CONFLICT, Place::Nowhere, title, &content)
        }
    }
}

fn busy_notice(busy: Busy) -> Markup {
    let words = match busy {
        Busy::Changing => "Something else is being changed. Wait for it, or cancel it.",
        Busy::Looking => "Too much is being read at once. Wait a moment and reload.",
    };
    parts::notice("changed", &html! { p { (words) } })
}

/// A bar, what has happened so far, and a way to stop it. `next` is where the result is.
fn under_way(app: &App, job: &Job, next: &str) -> Markup {
    let cancel = format!("/jobs/{}/cancel", job.id);
    html! {
        section.work data-job=(job.id) data-next=(next) aria-busy="true" {
            noscript { meta http-equiv="refresh" content="1"; }
            p.row {
                strong { (job.title) }
                span.muted data-what="" { "running for " (text::duration(job.took())) }
            }
            progress max="100" aria-label="Progress" {}
            (parts::form(app, &cancel, &html! {
                input type="hidden" name="back" value=(next);
                button type="submit" disabled[job.is_cancelled()] {
                    @if job.is_cancelled() { "Stopping…" } @else { "Cancel" }
                }
            }))
            ol.lines data-lines="" { @for line in job.lines() { li { (line) } } }
        }
    }
}

/// The page of a piece of work.
pub(crate) fn show(app: &App, job: &Job) -> Reply {
    let outcome = job.outcome();
    let content = html! {
        h1 { (job.title) }
        @match &outcome {
            None => (under_way(app, job, &format!("/jobs/{}", job.id))),
            Some(outcome) => {
                p.row {
                    @match outcome.end {
                        End::Done => span.badge.added { "done" },
                        End::Failed => span.badge.removed { "failed" },
                        End::Cancelled => span.badge.changed { "cancelled" },
                    }
                    span.muted { (text::duration(job.took())) }
                }
                (outcome.page)
                @let lines = job.lines();
                @if !lines.is_empty() {
                    details open[outcome.end != End::Done] {
                        summary { "What happened" }
                        ol.lines { @for line in lines { li { (line) } } }
                    }
                }
            },
        }
    };
    frame::page(app, Place::Nowhere, &job.title, &content)
}
