//! Tables and their foreign keys as boxes and lines, in parts that can be laid out each by itself.

use std::collections::{BTreeMap, BTreeSet};

use heirloom::rusqlite::{Connection, Result};

use crate::studio::read::links;
use crate::studio::read::table::{self, Kind, Table};

/// Tables that more than this many others refer to are drawn without their lines, which would cover
/// everything: at least six, or a tenth of all.
const HUB: usize = 6;
/// Parts that are larger are split.
const LARGEST: usize = 25;
/// More tables than that are drawn as a list.
pub(crate) const MOST: usize = 300;

/// A line of a box.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) declared: String,
    pub(crate) is_key: bool,
    /// The table that it refers to.
    pub(crate) refers: Option<String>,
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
    /// Keys and foreign keys.
    pub(crate) fields: Vec<Field>,
    /// How many columns are left out.
    pub(crate) others: usize,
    pub(crate) refers_to_itself: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether a row may refer to none.
    pub(crate) optional: bool,
    /// Whether the target is a hub.
    pub(crate) hidden: bool,
}

/// A schema.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By name, so that the same schema gives the same picture.
    pub(crate) entities: Vec<Entity>,
    pub(crate) edges: Vec<Edge>,
}

/// Reads the tables, without those that SQLite and heirloom keep for themselves.
pub(crate) fn read(connection: &Connection, history: &str) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut all_links = Vec::new();
    for named in table::all(connection)? {
        if named.kind != Kind::Table || table::is_internal(&named, history) {
            continue;
        }
        let Some(table) = Table::find(connection, &named.name)? else {
            continue;
        };
        let links = links::of(connection, &table.name)?;
        let target = |column: &str| {
            let mut links = links.iter();
            let link = links.find(|link| {
                link.columns
                    .iter()
                    .any(|one| one.eq_ignore_ascii_case(column))
            });
            link.map(|link| link.to.clone())
        };
        let shown = table.columns.iter().filter_map(|column| {
            let refers = target(&column.name);
            (column.key.is_some() || refers.is_some()).then(|| Field {
                name: column.name.clone(),
                declared: column.declared.to_lowercase(),
                is_key: column.key.is_some(),
                refers,
            })
        });
        let fields: Vec<Field> = shown.collect();
        graph.entities.push(Entity {
            others: table.columns.len() - fields.len(),
            fields,
            refers_to_itself: links
                .iter()
                .any(|link| link.to.eq_ignore_ascii_case(&table.name)),
            name: table.name.clone(),
        });
        let optional = |link: &links::Link| {
            link.columns
                .iter()
                .any(|name| table.column(name).is_none_or(|column| !column.not_null))
        };
        all_links.extend(links.iter().map(|link| (link.clone(), optional(link))));
    }
    let at = |name: &str| {
        graph
            .entities
            .iter()
            .position(|one| one.name.eq_ignore_ascii_case(name))
    };
    let edges = all_links.iter().filter_map(|(link, optional)| {
        let (from, to) = (at(&link.from)?, at(&link.to)?);
        (from != to).then_some(Edge {
            from,
            to,
            optional: *optional,
            hidden: false,
        })
    });
    let mut edges: Vec<Edge> = edges.collect();
    edges.sort();
    edges.dedup();
    let mut referring: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for edge in &edges {
        referring.entry(edge.to).or_default().insert(edge.from);
    }
    let most = HUB.max(graph.entities.len() / 10);
    for edge in &mut edges {
        edge.hidden = referring
            .get(&edge.to)
            .is_some_and(|from| from.len() > most);
    }
    graph.edges = edges;
    Ok(graph)
}

impl Graph {
    /// The tables that are laid out together, the largest part first, and last those without lines.
    pub(crate) fn parts(&self) -> (Vec<Vec<usize>>, Vec<usize>) {
        let everything: Vec<usize> = (0..self.entities.len()).collect();
        let mut parts = Vec::new();
        let mut alone = Vec::new();
        for part in self.connected(&everything) {
            match part.len() {
                1 => alone.extend(part),
                2..=LARGEST => parts.push(part),
                _ => {
                    for cluster in self.clusters(&part) {
                        match cluster.len() {
                            1 => alone.extend(cluster),
                            _ => parts.push(cluster),
                        }
                    }
                }
            }
        }
        parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part.first().copied()));
        alone.sort_unstable();
        (parts, alone)
    }

    fn neighbours(&self, of: usize) -> impl Iterator<Item = usize> {
        let shown = self.edges.iter().filter(|edge| !edge.hidden);
        shown.filter_map(move |edge| match (edge.from == of, edge.to == of) {
            (true, _) => Some(edge.to),
            (_, true) => Some(edge.from),
            _ => None,
        })
    }

    fn connected(&self, among: &[usize]) -> Vec<Vec<usize>> {
        let mut left: BTreeSet<usize> = among.iter().copied().collect();
        let mut parts = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut part = vec![first];
            let mut at = 0;
            while let Some(one) = part.get(at).copied() {
                let new: Vec<usize> = self
                    .neighbours(one)
                    .filter(|other| left.remove(other))
                    .collect();
                part.extend(new);
                at += 1;
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }

    /// Splits a part by what its tables are called and refer to: each takes the label that most of
    /// its neighbours have, and begins with the first word of its name where others share it.
    fn clusters(&self, part: &[usize]) -> Vec<Vec<usize>> {
        let prefix = |at: usize| {
            let name = self.entities.get(at).map_or("", |one| one.name.as_str());
            name.split('_').next().unwrap_or_default().to_lowercase()
        };
        let mut shared: BTreeMap<String, usize> = BTreeMap::new();
        for at in part {
            *shared.entry(prefix(*at)).or_default() += 1;
        }
        let mut labels: BTreeMap<usize, String> = part
            .iter()
            .map(|at| match shared.get(&prefix(*at)) {
                Some(3..) => (*at, prefix(*at)),
                _ => (*at, format!("\0{at}")),
            })
            .collect();
        for _ in 0..6 {
            for at in part {
                let mut votes: BTreeMap<&String, usize> = BTreeMap::new();
                for other in self.neighbours(*at).chain([*at]) {
                    if let Some(label) = labels.get(&other) {
                        *votes.entry(label).or_default() += 1;
                    }
                }
                let most = votes
                    .into_iter()
                    .max_by_key(|(label, count)| (*count, std::cmp::Reverse(*label)));
                if let Some(label) = most.map(|(label, _)| label.clone()) {
                    labels.insert(*at, label);
                }
            }
        }
        let mut clusters: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (at, label) in &labels {
            clusters.entry(label).or_default().push(*at);
        }
        clusters.into_values().collect()
    }
}
