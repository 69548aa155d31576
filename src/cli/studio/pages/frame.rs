//! What is around every page: the name of the database, where one can go, what is under way.

use hyper::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::studio::app::App;
use crate::studio::assets::icons::{self, Icon, icon};
use crate::studio::web::reply::Reply;

/// The places of the side list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Data,
    Sql,
    Schema,
    Migrations,
    Backups,
    Log,
    Nowhere,
}

pub(crate) const PLACES: [(Place, &str, &str, Icon); 7] = [
    (Place::Overview, "/", "Overview", icons::OVERVIEW),
    (Place::Data, "/data", "Data", icons::TABLE),
    (Place::Sql, "/sql", "SQL", icons::SQL),
    (Place::Schema, "/schema", "Schema", icons::SCHEMA),
    (
        Place::Migrations,
        "/migrations",
        "Migrations",
        icons::MIGRATIONS,
    ),
    (Place::Backups, "/backups", "Backups", icons::BACKUPS),
    (Place::Log, "/log", "Log", icons::LOG),
];

/// A whole page.
pub(crate) fn page(app: &App, place: Place, title: &str, content: &Markup) -> Reply {
    with_status(app, StatusCode::OK, place, title, content)
}

pub(crate) fn with_status(
    app: &App,
    status: StatusCode,
    place: Place,
    title: &str,
    content: &Markup,
) -> Reply {
    let name = app.name();
    let asset = |file: &str| format!("/assets/{}/{file}", app.version);
    let working = app.jobs.changing();
    Reply::html(
        status,
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (name) " · heirloom" }
                    link rel="stylesheet" href=(asset("studio.css"));
                    link rel="icon" type="image/svg+xml" href=(asset("icon.svg"));
                    script type="module" src=(asset("main.js")) {}
                }
                body data-stamp=(app.stamp()) {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        button.only-narrow.quiet id="menu" type="button" aria-label="Menu"
                            aria-expanded="false" aria-controls="side" hidden { (icon(icons::MENU)) }
                        a.brand href="/" { "heirloom" }
                        span.database title=(app.path().display()) { bdi { (name) } }
                        span.grow {}
                        @if let Some(job) = working {
                            a.badge.info href=(format!("/jobs/{}", job.id)) { (job.title) " …" }
                        }
                        @let edits = app.edits.count();
                        @if edits > 0 {
                            a.badge.info href="/edit" aria-label=(format!("Changes to review: {edits}")) {
                                (edits) span.wide { @if edits == 1 { " change to review" } @else { " changes to review" } }
                            }
                        }
                        @if app.write {
                            span.badge.warning title="Started with --write" { "can write" }
                        } @else {
                            span.badge title="Start with --write to change anything" { "read-only" }
                        }
                        button.search id="palette-open" type="button" aria-haspopup="dialog" aria-label="Go to a page, table, backup or command" hidden {
                            (icon(icons::SEARCH)) span.wide { "Go to…" } kbd.wide { "Ctrl K" }
                        }
                    }
                    nav.side id="side" aria-label="Pages" {
                        ul {
                            @for (at, address, words, sign) in PLACES {
                                li { a href=(address) aria-current=[(at == place).then_some("page")] {
                                    (icon(sign)) span { (words) }
                                } }
                            }
                        }
                        p.muted.small.foot { "heirloom " (env!("CARGO_PKG_VERSION")) }
                    }
                    main id="main" tabindex="-1" data-ready="" { (content) }
                    div.status role="status" id="status" {}
                }
            }
        },
    )
}

/// A page that does not exist, or cannot be shown.
pub(crate) fn missing(app: &App, what: &str) -> Reply {
    let content = html! {
        h1 { "Not found" }
        p { (what) }
        p { a href="/" { "Back to the overview" } }
    };
    with_status(
        app,
        StatusCode::NOT_FOUND,
        Place::Nowhere,
        "Not found",
        &content,
    )
}
