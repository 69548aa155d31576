//! The picture of all tables, and the same as a list.

use std::sync::Arc;

use hyper::StatusCode;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::{self, App, PAGE};
use crate::studio::diagram::graph::{self, Graph, MOST};
use crate::studio::diagram::{draw, place};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names::{self, page_of};
use crate::studio::pages::parts;
use crate::studio::web::reply::Reply;

/// The largest picture in a page, in bytes: a page has to stay small.
const LARGEST: usize = 200_000;

fn graph(app: &App) -> Result<Graph, Failure> {
    let reader = app.reader(PAGE, Arc::default())?;
    graph::read(reader.connection(), &app.settings.history_table.value).map_err(app::sqlite)
}

pub(crate) fn show(app: &App) -> Reply {
    let content = html! {
        div.spread {
            h1 { "Schema" }
            div.row {
                a.button href="/schema/drift" { "Drift" }
                a.button href="/schema.svg" download="schema.svg" { "Save as SVG" }
            }
        }
        @match graph(app) {
            Ok(graph) => (pictured(&graph)),
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Schema, "Schema", &content)
}

fn pictured(graph: &Graph) -> Markup {
    if graph.entities.is_empty() {
        return parts::empty(
            "There are no tables.",
            &html! { "Run the migrations: they create the first ones." },
        );
    }
    let hubs: Vec<&str> = graph
        .entities
        .iter()
        .enumerate()
        .filter(|(at, _)| graph.edges.iter().any(|edge| edge.to == *at && edge.hidden))
        .map(|(_, entity)| entity.name.as_str())
        .collect();
    let picture = (graph.entities.len() <= MOST).then(|| {
        let placed = place::place(graph);
        draw::svg(graph, &placed, Some(&|name| page_of(name)))
    });
    let picture = picture.filter(|picture| picture.0.len() < LARGEST);
    html! {
        @match picture {
            Some(picture) => div.diagram data-diagram="" {
                div.row.tools {
                    input type="search" placeholder="Find a table" aria-label="Find a table" list="names" data-find="";
                    datalist id="names" { @for entity in &graph.entities { option value=(entity.name) {} } }
                    button type="button" data-zoom="in" aria-label="Larger" hidden { "+" }
                    button type="button" data-zoom="out" aria-label="Smaller" hidden { "−" }
                    button type="button" data-zoom="fit" hidden { "All" }
                    span.muted.small { "◆ key, → foreign key" }
                }
                div.canvas tabindex="0" role="region" aria-label="Diagram; the arrow keys move it, plus and minus zoom" { (picture) }
            },
            None => (parts::notice("changed", &html! { p { "The picture would be too large for a page. " a href="/schema.svg" download="schema.svg" { "Save it as SVG" } ", or use the list." } })),
        }
        @if !hubs.is_empty() {
            p.muted.small { "Without their lines until they are chosen, because many refer to them: " (hubs.join(", ")) }
        }
        details open[graph.entities.len() <= 12] {
            summary { "As a list" }
            ul.plain { @for (at, entity) in graph.entities.iter().enumerate() {
                @let to: Vec<&str> = graph.edges.iter().filter(|edge| edge.from == at).filter_map(|edge| graph.entities.get(edge.to)).map(|one| one.name.as_str()).collect();
                li {
                    a href=(page_of(&entity.name)) { bdi { (names::name(&entity.name)) } }
                    " " span.muted.small { (text::counted((entity.fields.len() + entity.others) as u64, "column")) @if !to.is_empty() { ", refers to " (to.join(", ")) } }
                }
            } }
        }
    }
}

/// The picture alone, as a file.
pub(crate) fn file(app: &App) -> Reply {
    match graph(app) {
        Ok(graph) => {
            let picture = draw::svg(&graph, &place::place(&graph), None);
            Reply::contents("image/svg+xml", picture.into_string().into_bytes())
                .with("content-disposition", "attachment; filename=\"schema.svg\"")
        }
        Err(failure) => frame::with_status(
            app,
            StatusCode::INTERNAL_SERVER_ERROR,
            Place::Schema,
            "Schema",
            &parts::failed(app, &failure),
        ),
    }
}
