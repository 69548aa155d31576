//! Where each table stands. The layout of a part is dagre's; the parts are put on shelves.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use dagre::graph::{Graph as Layered, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};

use crate::studio::diagram::graph::{Entity, Graph};

/// Of a box, in pixels.
const CHARACTER: f64 = 7.2;
pub(crate) const LINE: f64 = 20.0;
pub(crate) const HEAD: f64 = 28.0;
/// Between boxes, and between parts.
const GAP: f64 = 24.0;
const BETWEEN: f64 = 56.0;
/// Characters of a line.
pub(crate) const LONGEST: usize = 32;
/// How long the layout of a part may take. It is another's code, on a thread of its own.
/// A test must not depend on how busy its machine is.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 3 });

/// A box.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A line between two tables.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// In the edges of the graph.
    pub(crate) edge: usize,
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether it leads to another part.
    pub(crate) far: bool,
}

/// A picture.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// As many as there are tables.
    pub(crate) places: Vec<Place>,
    pub(crate) lines: Vec<Line>,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

fn size(entity: &Entity) -> (f64, f64) {
    let fields = entity
        .fields
        .iter()
        .map(|field| field.name.chars().count() + field.declared.chars().count().min(14) + 5);
    let widest = fields
        .chain([entity.name.chars().count() + 2])
        .max()
        .unwrap_or(0);
    let width = (widest.min(LONGEST + 4) as f64) * CHARACTER + 24.0;
    let lines = entity.fields.len() + usize::from(entity.others > 0);
    (width.max(120.0), HEAD + lines as f64 * LINE + 8.0)
}

/// A part that was laid out, from 0, 0.
struct Part {
    places: BTreeMap<usize, Place>,
    lines: Vec<(usize, Vec<(f64, f64)>)>,
    width: f64,
    height: f64,
}

/// Places every table.
pub(crate) fn place(graph: &Graph) -> Picture {
    let (parts, alone) = graph.parts();
    let mut all: Vec<Part> = parts.iter().map(|part| layered(graph, part)).collect();
    let area: f64 = all.iter().map(|part| part.width * part.height).sum();
    let alone = columns(graph, &alone, (area * 1.6).sqrt().max(900.0));
    all.extend(alone);
    shelves(graph, all)
}

/// A part by dagre, and side by side where it does not come to an end.
fn layered(graph: &Graph, part: &[usize]) -> Part {
    let sizes: BTreeMap<usize, (f64, f64)> = part
        .iter()
        .filter_map(|at| Some((*at, size(graph.entities.get(*at)?))))
        .collect();
    let inside = graph.edges.iter().enumerate().filter(|(_, edge)| {
        !edge.hidden && sizes.contains_key(&edge.from) && sizes.contains_key(&edge.to)
    });
    let edges: Vec<(usize, usize, usize)> =
        inside.map(|(at, edge)| (at, edge.to, edge.from)).collect();
    let (to, done) = mpsc::channel();
    let (of, between) = (sizes.clone(), edges);
    std::thread::spawn(move || {
        // It is dropped where nobody waits any more.
        let _ = to.send(by_dagre(&of, &between));
    });
    match done.recv_timeout(PATIENCE) {
        Ok(Some(part)) => part,
        _ => columns(graph, part, 1200.0).unwrap_or(Part {
            places: BTreeMap::new(),
            lines: Vec::new(),
            width: 0.0,
            height: 0.0,
        }),
    }
}

fn by_dagre(sizes: &BTreeMap<usize, (f64, f64)>, edges: &[(usize, usize, usize)]) -> Option<Part> {
    let mut layers: Layered<NodeLabel, EdgeLabel> = Layered::with_options(GraphOptions {
        directed: true,
        multigraph: true,
        compound: false,
    });
    for (at, (width, height)) in sizes {
        let label = NodeLabel {
            width: *width,
            height: *height,
            ..NodeLabel::default()
        };
        layers.set_node(at.to_string(), Some(label));
    }
    for (at, from, to) in edges {
        let name = at.to_string();
        layers.set_edge(
            from.to_string(),
            to.to_string(),
            Some(EdgeLabel::default()),
            Some(name.as_str()),
        );
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: GAP,
        edgesep: 12.0,
        ranksep: 72.0,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut layers, Some(options));
    let mut part = Part {
        places: BTreeMap::new(),
        lines: Vec::new(),
        width: 0.0,
        height: 0.0,
    };
    for (at, (width, height)) in sizes {
        let label = layers.node(&at.to_string())?;
        let place = Place {
            x: label.x? - width / 2.0,
            y: label.y? - height / 2.0,
            width: *width,
            height: *height,
        };
        part.width = part.width.max(place.x + width);
        part.height = part.height.max(place.y + height);
        part.places.insert(*at, place);
    }
    for (at, from, to) in edges {
        let label = layers.edge(&from.to_string(), &to.to_string(), Some(&at.to_string()));
        let points = label.map(|label| {
            label
                .points
                .iter()
                .map(|point| (point.x, point.y))
                .collect()
        });
        part.lines.push((*at, points.unwrap_or_default()));
    }
    Some(part)
}

/// Side by side, in the order of their names.
fn columns(graph: &Graph, tables: &[usize], widest: f64) -> Option<Part> {
    let mut part = Part {
        places: BTreeMap::new(),
        lines: Vec::new(),
        width: 0.0,
        height: 0.0,
    };
    let (mut x, mut y, mut tallest) = (0.0, 0.0, 0.0_f64);
    for at in tables {
        let (width, height) = size(graph.entities.get(*at)?);
        if x > 0.0 && x + width > widest {
            x = 0.0;
            y += tallest + GAP;
            tallest = 0.0;
        }
        part.places.insert(
            *at,
            Place {
                x,
                y,
                width,
                height,
            },
        );
        part.width = part.width.max(x + width);
        tallest = tallest.max(height);
        part.height = part.height.max(y + height);
        x += width + GAP;
    }
    (!tables.is_empty()).then_some(part)
}

/// The parts in rows, together about 16 to 10.
fn shelves(graph: &Graph, parts: Vec<Part>) -> Picture {
    let area: f64 = parts
        .iter()
        .map(|part| (part.width + BETWEEN) * (part.height + BETWEEN))
        .sum();
    let widest = parts
        .iter()
        .map(|part| part.width)
        .fold((area * 1.6).sqrt(), f64::max);
    let mut picture = Picture {
        places: vec![Place::default(); graph.entities.len()],
        ..Picture::default()
    };
    let mut home = vec![0; graph.entities.len()];
    let mut drawn = Vec::new();
    let (mut x, mut y, mut tallest) = (0.0, 0.0, 0.0_f64);
    for (number, part) in parts.into_iter().enumerate() {
        if x > 0.0 && x + part.width > widest {
            x = 0.0;
            y += tallest + BETWEEN;
            tallest = 0.0;
        }
        for (at, place) in part.places {
            let moved = Place {
                x: place.x + x,
                y: place.y + y,
                ..place
            };
            if let (Some(slot), Some(home)) = (picture.places.get_mut(at), home.get_mut(at)) {
                *slot = moved;
                *home = number;
            }
        }
        for (edge, points) in part.lines {
            let points = points
                .into_iter()
                .map(|(px, py)| (px + x, py + y))
                .collect();
            drawn.push(edge);
            picture.lines.push(Line {
                edge,
                points,
                far: false,
            });
        }
        picture.width = picture.width.max(x + part.width);
        tallest = tallest.max(part.height);
        picture.height = picture.height.max(y + tallest);
        x += part.width + BETWEEN;
    }
    // What dagre did not see: lines between parts, and to hubs.
    for (at, edge) in graph.edges.iter().enumerate() {
        if !drawn.contains(&at)
            && let (Some(from), Some(to)) =
                (picture.places.get(edge.to), picture.places.get(edge.from))
        {
            let points = straight(*from, *to);
            picture.lines.push(Line {
                edge: at,
                points,
                far: true,
            });
        }
    }
    picture
}

/// From the side of one box to the nearer side of another.
fn straight(from: Place, to: Place) -> Vec<(f64, f64)> {
    let middle = |place: Place| (place.x + place.width / 2.0, place.y + place.height / 2.0);
    let ((fx, fy), (tx, ty)) = (middle(from), middle(to));
    match fx < tx {
        true => vec![(from.x + from.width, fy), (to.x, ty)],
        false => vec![(from.x, fy), (to.x + to.width, ty)],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::studio::diagram::graph::{self, Graph};
    use heirloom::rusqlite::Connection;

    fn graph_of(sql: &str) -> Graph {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        graph::read(&connection, "history").unwrap()
    }

    #[test]
    fn no_two_tables_overlap_and_the_same_schema_gives_the_same_picture() {
        let mut sql = String::new();
        for at in 0..200 {
            let other = (at * 7) % 200;
            sql += &format!(
                "CREATE TABLE g{}_t{at} (id INTEGER PRIMARY KEY, a REFERENCES g{}_t{other}, hub REFERENCES g0_t0);",
                at % 9,
                other % 9
            );
        }
        let graph = graph_of(&sql);
        let picture = place(&graph);
        assert_eq!(picture.places.len(), 200);
        for (at, one) in picture.places.iter().enumerate() {
            assert!(one.width > 0.0 && one.x >= -0.5 && one.x + one.width <= picture.width + 0.5);
            for other in &picture.places[at + 1..] {
                let apart = one.x + one.width <= other.x + 0.5
                    || other.x + other.width <= one.x + 0.5
                    || one.y + one.height <= other.y + 0.5
                    || other.y + other.height <= one.y + 0.5;
                assert!(apart, "{one:?} {other:?}");
            }
        }
        let again = place(&graph_of(&sql));
        assert_eq!(format!("{picture:?}"), format!("{again:?}"));
    }

    #[test]
    fn circles_tables_of_their_own_and_nothing_at_all_are_placed() {
        let graph = graph_of(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, x REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, x REFERENCES a); CREATE TABLE c (id INTEGER PRIMARY KEY, x REFERENCES c); CREATE TABLE d (x REFERENCES nowhere)",
        );
        let picture = place(&graph);
        assert_eq!((picture.places.len(), picture.lines.len()), (4, 2));
        assert_eq!(place(&graph_of("")).places.len(), 0);
    }
}
