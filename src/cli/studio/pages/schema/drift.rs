//! What the schema should be: by the migrations that were applied, and by the schema file.

use std::sync::Arc;

use heirloom::devtools::{GenerateOptions, OnHistory};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::settings::migrator;
use crate::studio::app::App;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

pub(crate) fn show(app: &Arc<App>, request: &Request) -> Reply {
    let found = work::look(app, request, "Comparing the schema", |app, job| {
        let migrator = app.migrator_of(job)?;
        let database = migrator.database(app.path());
        let drift = database.status()?.drift;
        Ok(html! {
            h2 { "From the applied migrations" }
            @if drift.is_empty() {
                (parts::notice("added", &html! { p { strong { "No drift." } " Every object is as the applied migrations give it." } }))
            }
            @for what in &drift {
                (parts::notice("changed", &html! { p { (parts::backticked(what)) ", though the applied migrations give it otherwise" } }))
            }
            h2 { "From the schema file" }
            (against_file(app, &database).unwrap_or_else(|failure| parts::failed(app, &failure)))
        })
    });
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/schema" { "Schema" } }
        h1 { "Drift" }
        (found)
    };
    frame::page(app, Place::Schema, "Drift", &content)
}

fn against_file(app: &App, database: &heirloom::Database<'_, '_>) -> Result<Markup, Failure> {
    migrator::schema_file(&app.settings)?;
    let wishes = GenerateOptions::new().allow_destructive();
    let plan = database.plan_push(&wishes, OnHistory::MakeUntrue)?;
    let file = parts::path(&app.settings.schema.value);
    Ok(html! {
        @if plan.steps.is_empty() {
            (parts::notice("added", &html! { p { strong { "The same." } " The database is as " code { (file) } " says." } }))
        } @else {
            p { "The database is not what " code { (file) } " says. These statements would make it so:" }
            @for step in &plan.steps { (parts::sql(&step.sql)) }
            p.muted { "Pending migrations are a part of this difference. Nothing here runs it." }
        }
    })
}
