//! The picture as SVG: for a page, where the style sheet has the colours, and alone as a file.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::studio::diagram::graph::Graph;
use crate::studio::diagram::place::{HEAD, LINE, LONGEST, Line, Picture};

/// Around the picture.
const MARGIN: f64 = 24.0;

/// The colours of a file, which has no page around it.
const STYLE: &str = "svg{background:#fff;font:12px system-ui,sans-serif}rect{fill:#fff;stroke:#7d8694}.head{fill:#f6f7f9;stroke:none}text{fill:#1b2028}.name{font-weight:600}.declared,.others{fill:#566070}.line{fill:none;stroke:#7d8694}.far{stroke:#d9dde3}.hidden{display:none}";

/// The picture. `link` gives the address of a table; a file has none.
pub(crate) fn svg(
    graph: &Graph,
    picture: &Picture,
    link: Option<&dyn Fn(&str) -> String>,
) -> Markup {
    let (width, height) = (picture.width + 2.0 * MARGIN, picture.height + 2.0 * MARGIN);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width.ceil()) height=(height.ceil())
            viewBox=(format!("{} {} {:.0} {:.0}", -MARGIN, -MARGIN, width.ceil(), height.ceil()))
            role="group" aria-label="Tables and their foreign keys" {
            @if link.is_none() { style { (PreEscaped(STYLE)) } }
            g { @for line in &picture.lines { (drawn(graph, line)) } }
            @for (entity, place) in graph.entities.iter().zip(&picture.places) {
                g class="entity" data-name=(entity.name) transform=(format!("translate({:.1} {:.1})", place.x, place.y)) {
                    rect width=(format!("{:.1}", place.width)) height=(format!("{:.1}", place.height)) rx="6" {}
                    rect class="head" x="1" y="1" width=(format!("{:.1}", place.width - 2.0)) height=(HEAD - 1.0) rx="5" {}
                    @match link {
                        Some(link) => a href=(link(&entity.name)) { (name(&entity.name, entity.refers_to_itself)) },
                        None => (name(&entity.name, entity.refers_to_itself)),
                    }
                    @for (at, field) in entity.fields.iter().enumerate() {
                        @let y = HEAD + (at as f64 + 0.5) * LINE + 8.0;
                        text class=(if field.is_key { "field key" } else { "field" }) x="12" y=(y) {
                            (if field.is_key { "◆ " } else { "→ " }) (short(&field.name))
                        }
                        text class="declared" x=(format!("{:.1}", place.width - 12.0)) y=(y) text-anchor="end" {
                            (field.declared.chars().take(14).collect::<String>())
                        }
                        @if let Some(to) = &field.refers { title { (field.name) " → " (to) } }
                    }
                    @if entity.others > 0 {
                        text class="others" x="12" y=(HEAD + (entity.fields.len() as f64 + 0.5) * LINE + 8.0) {
                            "+ " (entity.others) @if entity.others == 1 { " column" } @else { " columns" }
                        }
                    }
                }
            }
        }
    }
}

fn name(name: &str, refers_to_itself: bool) -> Markup {
    html! { text class="name" x="12" y="19" { (short(name)) @if refers_to_itself { " ↻" } } }
}

/// As much of a name as fits.
fn short(name: &str) -> String {
    let name = if name.trim().is_empty() {
        "(no name)"
    } else {
        name
    };
    match name.chars().count() > LONGEST {
        true => name.chars().take(LONGEST - 1).collect::<String>() + "…",
        false => name.to_owned(),
    }
}

/// A foreign key: a crow's foot where the rows refer, a bar or a circle at what they refer to.
fn drawn(graph: &Graph, line: &Line) -> Markup {
    let Some(edge) = graph.edges.get(line.edge) else {
        return html! {};
    };
    let mut path = String::new();
    for (at, (x, y)) in line.points.iter().enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
    }
    if let (Some((bx, by)), Some((x, y))) = (line.points.iter().rev().nth(1), line.points.last()) {
        let back = if bx < x { -10.0 } else { 10.0 };
        let _ = write!(
            path,
            "M{:.1} {y:.1}L{x:.1} {:.1}M{:.1} {y:.1}L{x:.1} {:.1}",
            x + back,
            y - 5.0,
            x + back,
            y + 5.0
        );
        let _ = by;
    }
    let mark = line
        .points
        .first()
        .zip(line.points.get(1))
        .map(|((x, y), (nx, _))| (x + if nx > x { 8.0 } else { -8.0 }, *y));
    let class = match (line.far, edge.hidden) {
        (_, true) => "line far hidden",
        (true, _) => "line far",
        _ => "line",
    };
    let of = |at: usize| graph.entities.get(at).map_or("", |one| one.name.as_str());
    html! {
        g class=(class) data-from=(of(edge.from)) data-to=(of(edge.to)) {
            path class=(class) d=(path) {}
            @if let Some((x, y)) = mark {
                @if edge.optional { circle class=(class) cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" {} }
                @else { path class=(class) d=(format!("M{x:.1} {:.1}V{:.1}", y - 5.0, y + 5.0)) {} }
            }
        }
    }
}
