//! The list of tables and views.

use std::sync::Arc;

use heirloom::for_the_command::Relation;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::studio::app::{self, App, PAGE};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names::{name, rows_of};
use crate::studio::pages::parts;
use crate::studio::read::table::{self, Kind};
use crate::studio::web::reply::Reply;

pub(crate) fn show(app: &App) -> Reply {
    let content = html! {
        h1 { "Data" }
        @match list(app) {
            Ok(content) => (content),
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Data, "Data", &content)
}

fn list(app: &App) -> Result<Markup, Failure> {
    let reader = app.reader(PAGE, Arc::default())?;
    let all = table::all(reader.connection()).map_err(app::sqlite)?;
    let history = &app.settings.history_table.value;
    let (internal, own): (Vec<Relation>, Vec<Relation>) = all
        .into_iter()
        .partition(|one| table::is_internal(one, history));
    if own.is_empty() && internal.is_empty() {
        let how = html! { "Run the migrations: they create the first tables." };
        return Ok(parts::empty("There are no tables.", &how));
    }
    Ok(html! {
        @if own.len() > 8 {
            p { input.filter type="search" placeholder="Filter tables" aria-label="Filter tables" data-filter="tables"; }
        }
        ul.tables id="tables" { @for one in &own { (line(one)) } }
        @if !internal.is_empty() {
            details {
                summary { "Kept by SQLite and heirloom (" (internal.len()) ")" }
                ul.tables { @for one in &internal { (line(one)) } }
            }
        }
    })
}

fn line(one: &Relation) -> Markup {
    html! {
        li data-name=(one.name) {
            a href=(rows_of(&one.name)) { bdi { (name(&one.name)) } }
            @if one.kind != Kind::Table { " " span.badge { (one.kind.as_str()) } }
        }
    }
}
