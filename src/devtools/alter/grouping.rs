//! Which changes share a file: every boundary between files must leave a database that works.

use std::collections::BTreeSet;

use crate::devtools::alter::column_values::is_converted;
use crate::devtools::alter::renames::Renames;
use crate::devtools::model::diff::{Altered, Entity, Model, SchemaDifference};
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::schema::parsed::edits::Edit;
use crate::sqlite::schema::parsed::table::Definition;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::mentions;

/// What a file is about: tables with their indexes, triggers and views. In small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChangeGroup {
    pub(crate) tables: BTreeSet<String>,
    /// Triggers and views.
    pub(crate) objects: BTreeSet<String>,
}

impl ChangeGroup {
    pub(crate) fn has_table(&self, name: &str) -> bool {
        self.tables.contains(&name.to_ascii_lowercase())
    }

    pub(crate) fn has_object(&self, object: &Object) -> bool {
        match object.kind {
            ObjectKind::Index => self.has_table(&object.table),
            ObjectKind::Trigger | ObjectKind::View => {
                self.objects.contains(&object.name.to_ascii_lowercase())
            }
        }
    }

    /// What of a difference the file is about; and what the file itself dropped to rename something.
    pub(crate) fn keep<'m>(
        &self,
        mut difference: SchemaDifference<'m>,
        away: &[Object],
    ) -> SchemaDifference<'m> {
        let is_away = |new: &Object| {
            let mut away = away.iter();
            away.any(|object| object.kind == new.kind && same_name(&object.name, &new.name))
        };
        difference
            .created
            .retain(|entity| self.has_table(entity.name()));
        difference
            .dropped
            .retain(|entity| self.has_table(entity.name()));
        difference
            .altered
            .retain(|altered| self.has_table(&altered.after.name));
        difference.gone.retain(|object| self.has_object(object));
        difference
            .new
            .retain(|object| self.has_object(object) || is_away(object));
        difference
    }
}

/// All scopes as one.
pub(crate) fn together(scopes: &[ChangeGroup]) -> ChangeGroup {
    let mut all = ChangeGroup::default();
    for scope in scopes {
        all.tables.extend(scope.tables.iter().cloned());
        all.objects.extend(scope.objects.iter().cloned());
    }
    all
}

/// What files there will be, in order: one for each changed table. Tables that a changed view
/// or trigger ties together, or a reference that changes with both its ends, share one. What
/// is only new is left to the last file it needs, and what only goes, to the first. `away` is what
/// had to be dropped for the renames; it comes back in the file that does them.
pub(crate) fn scopes(
    before: &Model,
    after: &Model,
    difference: &SchemaDifference<'_>,
    renames: &Renames,
    away: &[Object],
) -> Vec<ChangeGroup> {
    let mut grouping = Grouping::of(changed_tables(difference, renames));
    grouping.tie_references(difference);
    grouping.tie_conversions(difference);
    grouping.tie_renames(renames);
    let others = difference.gone.iter().chain(&difference.new);
    let others: Vec<&Object> = others.copied().collect();
    grouping.tie_changed_objects(before, after, &others);
    grouping.tie_away(after, renames, away);
    let (mut groups, place) = grouping.groups();
    grouping.place_objects(before, after, &others, &place, &mut groups);
    groups
}

/// The tables that a difference is about, in small letters, in the order of their files: what is
/// renamed, what is new, what is altered, what goes.
fn changed_tables(difference: &SchemaDifference<'_>, renames: &Renames) -> Vec<String> {
    let mut tables: Vec<(u8, String)> = Vec::new();
    let mut add = |rank: u8, name: &str| {
        let name = name.to_ascii_lowercase();
        if !tables.iter().any(|(_, known)| *known == name) {
            tables.push((rank, name));
        }
    };
    let renamed = renames.tables.iter().map(|(_, new)| new);
    let columns = renames.columns.iter().map(|(table, _, _)| table);
    renamed.chain(columns).for_each(|table| add(0, table));
    for entity in parents_first(&difference.created) {
        add(1, entity.name());
    }
    for altered in &difference.altered {
        add(2, &altered.after.name);
    }
    let indexes = difference.gone.iter().chain(&difference.new);
    for index in indexes.filter(|object| object.kind == ObjectKind::Index) {
        add(2, &index.table);
    }
    // Children first: between two files nothing may refer to what is gone.
    for entity in parents_first(&difference.dropped).iter().rev() {
        add(3, entity.name());
    }
    tables.sort_by_key(|(rank, _)| *rank);
    tables.into_iter().map(|(_, name)| name).collect()
}

/// The changed tables, and which of them must share a file.
struct Grouping {
    tables: Vec<String>,
    ties: Ties,
}

impl Grouping {
    fn of(tables: Vec<String>) -> Grouping {
        let ties = Ties::new(tables.len());
        Grouping { tables, ties }
    }

    /// The changed tables that meet a condition, by their place.
    fn places(&self, is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
        let tables = self.tables.iter().enumerate();
        let found = tables.filter(|(_, table)| is_meant(table));
        found.map(|(index, _)| index).collect()
    }

    fn named_in(&self, sql: &str) -> Vec<usize> {
        self.places(|table| mentions(sql, table))
    }

    fn called(&self, names: [&str; 2]) -> Vec<usize> {
        self.places(|table| names.iter().any(|name| same_name(name, table)))
    }

    fn tie(&mut self, names: [&str; 2]) {
        self.ties.tie(self.called(names));
    }

    /// References that change with both their ends, and those of new tables in a circle: there is
    /// no order in which the parents of each are there before it.
    fn tie_references(&mut self, difference: &SchemaDifference<'_>) {
        for altered in &difference.altered {
            for key in altered.edits.iter().filter_map(Edit::reference) {
                let is_parent = |other: &Altered<'_>| same_name(&other.after.name, &key.parent);
                if difference.altered.iter().any(is_parent) {
                    self.tie([&key.parent, &altered.after.name]);
                }
            }
        }
        let created = parents_first(&difference.created);
        for (at, entity) in created.iter().enumerate() {
            for later in parents(entity, &created[at..]) {
                self.tie([later.name(), entity.name()]);
            }
        }
    }

    /// What a conversion reads must be there until it is done.
    fn tie_conversions(&mut self, difference: &SchemaDifference<'_>) {
        for altered in &difference.altered {
            let others = difference.altered.iter().map(|other| &other.after.name);
            for expression in conversions(altered) {
                for other in others.clone().filter(|name| mentions(expression, name)) {
                    self.tie([other, &altered.after.name]);
                }
            }
        }
    }

    /// Tables that exchange their names in a circle.
    fn tie_renames(&mut self, renames: &Renames) {
        for (old, new) in &renames.tables {
            let mut name = new;
            let mut circle = vec![new.as_str()];
            while let Some((_, next)) = renames
                .tables
                .iter()
                .find(|(from, _)| same_name(from, name))
            {
                if same_name(name, old) || circle.contains(&next.as_str()) {
                    break;
                }
                name = next;
                circle.push(next);
            }
            if same_name(name, old) {
                circle.iter().for_each(|table| self.tie([table, new]));
            }
        }
    }

    /// What an object reads that is there before and after, and not the same.
    fn tie_changed_objects(&mut self, before: &Model, after: &Model, others: &[&Object]) {
        for object in others {
            let sql = |model: &Model| model.object(object).map(|found| found.sql.clone());
            if let (Some(old), Some(new)) = (sql(before), sql(after)) {
                let named = self.named_in(&old).into_iter().chain(self.named_in(&new));
                let named: Vec<usize> = named.collect();
                self.ties.tie(named);
            }
        }
    }

    /// What an object reads that a file takes away to rename something, by whatever views are
    /// between: each of them is away, or reads what is.
    fn tie_away(&mut self, after: &Model, renames: &Renames, away: &[Object]) {
        for object in away {
            let mut texts = vec![object.sql.as_str()];
            texts.extend(after.object(object).map(|wanted| wanted.sql.as_str()));
            let views = away.iter().chain(&after.others);
            let views: Vec<&Object> = views.filter(|o| o.kind == ObjectKind::View).collect();
            while let Some(view) = views.iter().find(|view| {
                let is_new = !texts.contains(&view.sql.as_str());
                is_new && texts.iter().any(|sql| mentions(sql, &view.name))
            }) {
                texts.push(&view.sql);
            }
            let renamed = renames.tables.iter();
            let renamed = renamed.filter(|(old, _)| mentions(&object.sql, old));
            let renamed = renamed.flat_map(|(_, new)| self.called([new, new]));
            let named = texts.iter().flat_map(|sql| self.named_in(sql));
            let named: Vec<usize> = named.chain(renamed).collect();
            self.ties.tie(named);
        }
    }

    /// The groups, and in which of them each table is.
    fn groups(&self) -> (Vec<ChangeGroup>, Vec<usize>) {
        let mut groups: Vec<ChangeGroup> = Vec::new();
        let mut place = vec![0; self.tables.len()];
        for (index, table) in self.tables.iter().enumerate() {
            let root = self.ties.root(index);
            if root == index {
                place[index] = groups.len();
                groups.push(ChangeGroup::default());
            } else {
                place[index] = place[root];
            }
            groups[place[index]].tables.insert(table.clone());
        }
        (groups, place)
    }

    /// Gives each trigger and view to a group. A view over a new view comes with it or after it, so
    /// they are looked at in turn.
    fn place_objects(
        &self,
        before: &Model,
        after: &Model,
        others: &[&Object],
        place: &[usize],
        groups: &mut Vec<ChangeGroup>,
    ) {
        let mut views: Vec<(String, usize)> = Vec::new();
        let others = others.iter();
        for object in others.filter(|object| object.kind != ObjectKind::Index) {
            let is_new = after.object(object).is_some();
            let is_gone = before.object(object).is_some();
            let named = self.named_in(&object.sql).into_iter();
            let mut places: BTreeSet<usize> = named.map(|index| place[index]).collect();
            let over = views.iter().filter(|(view, _)| mentions(&object.sql, view));
            places.extend(over.map(|(_, place)| *place));
            let chosen = match (is_new, is_gone) {
                (true, false) => places.last(),
                _ => places.first(),
            };
            let at = chosen.copied().unwrap_or_else(|| {
                groups.push(ChangeGroup::default());
                groups.len() - 1
            });
            let name = object.name.to_ascii_lowercase();
            groups[at].objects.insert(name.clone());
            views.push((name, at));
        }
    }
}

/// Which of these things belong together.
struct Ties(Vec<usize>);

impl Ties {
    fn new(count: usize) -> Ties {
        Ties((0..count).collect())
    }

    /// The first of those that belong together with one.
    fn root(&self, mut index: usize) -> usize {
        while self.0[index] != index {
            index = self.0[index];
        }
        index
    }

    fn tie(&mut self, together: impl IntoIterator<Item = usize>) {
        let together = together.into_iter();
        let roots: Vec<usize> = together.map(|index| self.root(index)).collect();
        if let Some(&first) = roots.iter().min() {
            for root in roots {
                self.0[root] = first;
            }
        }
    }
}

/// The expressions that values of a table are converted with.
fn conversions<'m>(altered: &Altered<'m>) -> impl Iterator<Item = &'m str> {
    let before = altered.before;
    let converted = altered
        .after
        .columns
        .iter()
        .filter(move |column| is_converted(before.column(&column.name), column));
    converted.filter_map(|column| column.using.as_deref())
}

/// Altered tables in an order in which one whose conversions read another comes before that, as
/// far as there is one: they are over the rows as they were.
pub(crate) fn readers_first<'d, 'm>(tables: &'d [Altered<'m>]) -> Vec<&'d Altered<'m>> {
    let mut left: Vec<&Altered<'_>> = tables.iter().collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_read = |table: &&Altered<'_>| {
            let name = &table.after.name;
            let mut others = left.iter().filter(|other| other.after.name != *name);
            others.any(|other| conversions(other).any(|expression| mentions(expression, name)))
        };
        let next = left.iter().position(|table| !is_read(table)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// Tables in an order in which each comes after those it refers to, but for references in a
/// circle.
pub(crate) fn parents_first<'m>(tables: &[&'m Entity]) -> Vec<&'m Entity> {
    let mut left: Vec<&Entity> = tables.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = left
            .iter()
            .position(|entity| parents(entity, &left).is_empty());
        let circular = || left.iter().position(|entity| leads_back(entity, &left));
        let next = free.or_else(circular).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// The other tables among some that a table refers to.
fn parents<'m>(entity: &Entity, among: &[&'m Entity]) -> Vec<&'m Entity> {
    let keys = entity.definition.iter().flat_map(Definition::foreign_keys);
    let others = keys.filter(|key| !same_name(&key.parent, entity.name()));
    others
        .filter_map(|key| {
            among
                .iter()
                .find(|other| same_name(other.name(), &key.parent))
        })
        .copied()
        .collect()
}

/// Whether references lead from a table back to itself.
fn leads_back(entity: &Entity, among: &[&Entity]) -> bool {
    let mut open = parents(entity, among);
    let mut seen: Vec<&str> = Vec::new();
    while let Some(parent) = open.pop() {
        if same_name(parent.name(), entity.name()) {
            return true;
        }
        if !seen.contains(&parent.name()) {
            seen.push(parent.name());
            open.extend(parents(parent, among));
        }
    }
    false
}

impl Renames {
    /// Those of some tables, by the names after.
    pub(crate) fn within(&self, scope: &ChangeGroup) -> Renames {
        Renames {
            tables: self
                .tables
                .iter()
                .filter(|(_, after)| scope.has_table(after))
                .cloned()
                .collect(),
            columns: self
                .columns
                .iter()
                .filter(|(table, _, _)| scope.has_table(table))
                .cloned()
                .collect(),
        }
    }
}
