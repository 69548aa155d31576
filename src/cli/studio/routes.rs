//! Which page an address is. Everything is behind the guard.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use maud::html;
use serde_json::json;

use crate::studio::app::App;
use crate::studio::assets;
use crate::studio::pages::backups::{difference, list, restore};
use crate::studio::pages::data::{row, rows, sql, tables};
use crate::studio::pages::edit::{forms, review};
use crate::studio::pages::frame::{self, PLACES, Place};
use crate::studio::pages::migrations::{self, without_write};
use crate::studio::pages::names;
use crate::studio::pages::schema::{drift, overview as schema, table as structure};
use crate::studio::pages::{log, overview, work};
use crate::studio::read::table;
use crate::studio::web::guard;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

/// Answers a request.
pub(crate) fn answer(app: &Arc<App>, request: &Request) -> Reply {
    if let Some(stopped) = guard::stop(request, &app.keys, app.port) {
        return stopped;
    }
    match request.method == Method::POST {
        true => change(app, request),
        false => look(app, request),
    }
}

/// What only looks.
fn look(app: &Arc<App>, request: &Request) -> Reply {
    let table = request.query.get("t");
    match request.parts().as_slice() {
        [] => overview::show(app),
        ["doctor"] => overview::doctor(app, request),
        ["data"] => match table {
            None => tables::show(app),
            Some(table) if request.query.get("count").is_some() => rows::count(app, request, table),
            Some(table) => rows::show(app, request, table),
        },
        ["data", "row"] => row::show(app, request),
        ["data", "value"] => row::value_alone(app, request, false),
        ["data", "picture"] => row::value_alone(app, request, true),
        ["sql"] => sql::show(app, request),
        ["schema"] => schema::show(app),
        ["schema.svg"] => schema::file(app),
        ["schema", "table"] => structure::show(app, request),
        ["schema", "drift"] => drift::show(app, request),
        ["migrations"] => migrations::show(app),
        ["migrations", "one"] => migrations::one(app, request),
        ["migrations", "run"] => migrations::plan_run(app),
        ["migrations", "revert"] => migrations::plan_revert(app, request),
        ["migrations", "generate"] => migrations::generate(app, request),
        ["backups"] => list::show(app, request),
        ["backups", "one"] => list::one(app, request),
        ["backups", "difference"] => difference::show(app, request),
        ["backups", "restore"] => restore::plan(app, request),
        ["log"] => log::show(app),
        ["edit"] => review::show(app),
        ["edit", "row"] => forms::show(app, request, false),
        ["edit", "new"] => forms::show(app, request, true),
        ["edit", "delete"] => forms::plan_delete(app, request),
        ["jobs", id] => match app.jobs.get(id) {
            Some(job) => work::show(app, &job),
            None => frame::missing(
                app,
                "This work is not known any more. The log has what was done.",
            ),
        },
        ["jobs", id, "events"] => match app.jobs.get(id) {
            Some(job) => Reply::events(Arc::new(move |seen| job.events(seen))),
            None => frame::missing(app, "This work is not known any more."),
        },
        ["palette"] => palette(app),
        ["stamp"] => Reply::json(&json!({ "stamp": app.stamp() })),
        ["assets", version, name] => match assets::find(name) {
            Some((kind, text)) if *version == app.version => Reply::asset(kind, text.as_bytes()),
            _ => frame::missing(app, "There is no such file."),
        },
        _ => frame::missing(app, "There is no such page."),
    }
}

/// What changes something: sent by a form of ours, which the guard has seen.
fn change(app: &Arc<App>, request: &Request) -> Reply {
    match request.parts().as_slice() {
        // These change no data.
        ["jobs", id, "cancel"] => cancel(app, request, id),
        ["migrations", "rehearse"] => migrations::rehearse(app),
        ["backups", "snapshot"] => list::snapshot(app, request),
        _ if !app.write => {
            let content = html! { h1 { "Not allowed" } (without_write("change anything")) };
            frame::with_status(
                app,
                StatusCode::FORBIDDEN,
                Place::Nowhere,
                "Not allowed",
                &content,
            )
        }
        ["migrations", "run"] => migrations::run(app, request),
        ["migrations", "revert"] => migrations::revert(app, request),
        ["backups", "restore"] => restore::restore(app, request),
        ["edit", "row"] => forms::add(app, request, false),
        ["edit", "new"] => forms::add(app, request, true),
        ["edit", "delete"] => forms::delete(app, request),
        ["edit", "discard"] => review::discard(app, request),
        ["edit", "apply"] => review::write(app),
        _ => frame::missing(app, "There is no such page."),
    }
}

fn cancel(app: &Arc<App>, request: &Request, id: &str) -> Reply {
    let Some(job) = app.jobs.get(id) else {
        return frame::missing(app, "This work is not known any more.");
    };
    job.cancel();
    // A page of ours, and never another site's.
    let back = request.form.get("back").unwrap_or_default();
    let is_ours = back.starts_with('/')
        && !back.starts_with("//")
        && back.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    match is_ours {
        true => Reply::see(back),
        false => Reply::see(&format!("/jobs/{id}")),
    }
}

/// Everywhere one can go, for the palette: words, what it is, the address.
fn palette(app: &App) -> Reply {
    let places =
        PLACES.map(|(_, address, words, _)| (words.to_owned(), "page", address.to_owned()));
    let mut all: Vec<(String, &str, String)> = places.to_vec();
    all.push((
        "Run the pending migrations".into(),
        "command",
        "/migrations/run".into(),
    ));
    all.push((
        "Generate migrations".into(),
        "command",
        "/migrations/generate".into(),
    ));
    all.push((
        "Revert the newest migration".into(),
        "command",
        "/migrations/revert".into(),
    ));
    all.push(("Take a snapshot".into(), "command", "/backups".into()));
    all.push((
        "Verify all backups".into(),
        "command",
        "/backups?verify=1".into(),
    ));
    all.push((
        "Examine the database (doctor)".into(),
        "command",
        "/doctor".into(),
    ));
    let named = app.reader(crate::studio::app::PAGE, Arc::default()).ok();
    let named = named.and_then(|reader| table::all(reader.connection()).ok());
    for one in named.unwrap_or_default() {
        all.push((
            one.name.clone(),
            one.kind.as_str(),
            names::rows_of(&one.name),
        ));
    }
    let backups = list::entries(app).into_iter();
    all.extend(backups.map(|(name, address)| (name, "backup", address)));
    let entries: Vec<_> = all
        .iter()
        .map(|(words, kind, address)| json!({ "words": words, "kind": kind, "address": address }))
        .collect();
    Reply::json(&json!(entries))
}
