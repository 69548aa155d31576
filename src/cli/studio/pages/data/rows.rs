//! The rows of a table: a page of them, sorted and filtered as the address says.

use std::sync::Arc;

use heirloom::for_the_command::quote;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::{self, App, PAGE};
use crate::studio::assets::icons::{self, icon};
use crate::studio::pages::edit::forms::is_editable;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names::{self, name, page_of, rows_of};
use crate::studio::pages::{parts, work};
use crate::studio::read::links::{self, Link};
use crate::studio::read::page::{
    self, COMPARISONS, Compare, Count, Filter, From, Page, Sort, Wanted,
};
use crate::studio::read::table::{Column, Identity, Kind, Table};
use crate::studio::read::value::{Cell, Stored};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

pub(crate) fn show(app: &App, request: &Request, table: &str) -> Reply {
    match content(app, request, table) {
        Ok(Some(content)) => frame::page(app, Place::Data, table, &content),
        Ok(None) => frame::missing(app, &format!("There is no table {table}.")),
        Err(failure) => {
            let content = html! {
                (heading(table))
                (parts::failed(app, &failure))
                p { a href=(rows_of(table)) { "Without sort and filters" } }
            };
            frame::page(app, Place::Data, table, &content)
        }
    }
}

fn heading(table: &str) -> Markup {
    html! {
        nav.crumbs aria-label="Where" { a href="/data" { "Data" } }
        h1 { bdi { (name(table)) } }
    }
}

/// What the address says, as far as it is about this table.
fn wanted(request: &Request, table: &Table) -> (Wanted, Vec<String>) {
    let query = &request.query;
    let mut wrong = Vec::new();
    let mut filters = Vec::new();
    for text in query.all("where") {
        match Filter::parse(text, table) {
            Some(filter) => filters.push(filter),
            None => wrong.push(format!("the filter `{text}` is not one of this table")),
        }
    }
    // The form of a new filter, as a browser without scripts sends it.
    if let (Some(column), Some(compare)) = (query.get("column"), query.get("compare")) {
        let value = query.get("value").unwrap_or_default();
        filters.extend(Filter::parse(&format!("{column}~{compare}~{value}"), table));
    }
    let sort = query.get("sort").and_then(|text| {
        let (column, descending) = match text.strip_prefix('-') {
            Some(column) if table.column(text).is_none() => (column, true),
            _ => (text, false),
        };
        let column = table.column(column)?.name.clone();
        Some(Sort { column, descending })
    });
    let places = table.identity_sql().len() + usize::from(sort.is_some());
    let place = |name: &str| {
        let values = query.get(name).and_then(Stored::decode_all);
        values.filter(|values| values.len() == places)
    };
    let from = match (place("after"), place("before")) {
        (Some(place), _) => From::After(place),
        (None, Some(place)) => From::Before(place),
        (None, None) => From::Start,
    };
    let columns = table.columns.iter().map(|column| column.name.clone());
    let wanted = Wanted {
        filters,
        sort,
        from,
        columns: columns.take(page::COLUMNS).collect(),
    };
    (wanted, wrong)
}

/// The address of the same rows, with another order or place.
fn with(table: &str, wanted: &Wanted, change: &[(&str, &str)]) -> String {
    let filters: Vec<String> = wanted.filters.iter().map(Filter::text).collect();
    let sort = wanted.sort.as_ref().map(sorted);
    let changed = |name: &str| change.iter().any(|(other, _)| *other == name);
    let mut pairs = vec![("t", table)];
    if !changed("where") {
        pairs.extend(filters.iter().map(|filter| ("where", filter.as_str())));
    }
    if let Some(sort) = sort.as_deref().filter(|_| !changed("sort")) {
        pairs.push(("sort", sort));
    }
    pairs.extend(change.iter().filter(|(_, value)| !value.is_empty()));
    address("/data", pairs)
}

fn sorted(sort: &Sort) -> String {
    format!("{}{}", if sort.descending { "-" } else { "" }, sort.column)
}

fn content(app: &App, request: &Request, name: &str) -> Result<Option<Markup>, Failure> {
    let reader = app.reader(PAGE, Arc::default())?;
    let connection = reader.connection();
    let Some(table) = Table::find(connection, name).map_err(app::sqlite)? else {
        return Ok(None);
    };
    let (wanted, wrong) = wanted(request, &table);
    let found = page::page(connection, &table, &wanted).map_err(app::sqlite)?;
    let links = links::of(connection, &table.name).map_err(app::sqlite)?;
    let slow = slow(connection, &table, &wanted).map_err(app::sqlite)?;
    // What takes long is not worth waiting for: the rows are there.
    let count = page::count(connection, &table, &wanted.filters, page::COUNTED);
    Ok(Some(html! {
        div.spread {
            div { (heading(&table.name)) @if table.kind != Kind::Table { span.badge { (table.kind.as_str()) } } }
            div.row {
                a.button href=(page_of(&table.name)) { (icon(icons::SCHEMA)) "Structure" }
                @if is_editable(app, &table) {
                    a.button href=(address("/edit/new", [("t", table.name.as_str())])) { "Add a row" }
                }
            }
        }
        @for wrong in wrong { (parts::notice("changed", &html! { p { (parts::backticked(&wrong)) } })) }
        (filters(&table, &wanted))
        @if let Some(slow) = slow { p.muted.small { (slow) } }
        @if found.rows.is_empty() {
            @let how = match wanted.filters.is_empty() {
                true => html! { "Rows appear here when the app writes them." },
                false => html! { a href=(rows_of(&table.name)) { "Remove the filters" } },
            };
            (parts::empty("No rows.", &how))
        } @else {
            (grid(&table, &wanted, &found, &links))
        }
        (pager(&table, &wanted, &found, count.ok()))
    }))
}

/// Why these rows take long, where they do.
fn slow(
    connection: &heirloom::rusqlite::Connection,
    table: &Table,
    wanted: &Wanted,
) -> heirloom::rusqlite::Result<Option<String>> {
    let Some(sort) = &wanted.sort else {
        return Ok(None);
    };
    Ok(match table.has_order(connection, &sort.column)? {
        true => None,
        false => Some(format!(
            "No index begins with {}: every row is read to sort by it.",
            sort.column
        )),
    })
}

fn filters(table: &Table, wanted: &Wanted) -> Markup {
    html! {
        @if !wanted.filters.is_empty() {
            ul.chips aria-label="Filters" {
                @for (at, filter) in wanted.filters.iter().enumerate() {
                    @let others = wanted.filters.iter().enumerate().filter(|(other, _)| *other != at);
                    @let others: Vec<Filter> = others.map(|(_, other)| other.clone()).collect();
                    @let without = Wanted { filters: others, ..wanted.clone() };
                    li.chip {
                        bdi { (filter.words()) }
                        a href=(with(&table.name, &without, &[])) aria-label=(format!("Remove the filter {}", filter.words())) { "×" }
                    }
                }
            }
        }
        form.filter-form method="get" action="/data" {
            input type="hidden" name="t" value=(table.name);
            @for filter in &wanted.filters { input type="hidden" name="where" value=(filter.text()); }
            @if let Some(sort) = &wanted.sort { input type="hidden" name="sort" value=(sorted(sort)); }
            label { span.sr { "Column" } select name="column" id="filter" {
                @for column in table.columns.iter().take(page::COLUMNS) { option value=(column.name) { (column.name) } }
            } }
            label { span.sr { "Comparison" } select name="compare" {
                @for (value, words, compare) in COMPARISONS {
                    @if compare != Compare::Is { option value=(value) selected[compare == Compare::Contains] { (words) } }
                }
            } }
            label { span.sr { "Value" } input name="value" type="text" placeholder="Value" autocomplete="off"; }
            button type="submit" { "Filter" }
        }
    }
}

fn grid(table: &Table, wanted: &Wanted, found: &Page, links: &[Link]) -> Markup {
    let columns: Vec<&Column> = table.columns.iter().take(wanted.columns.len()).collect();
    let has_rows = table.identity != Identity::None;
    html! {
        div.scroll.grid tabindex="0" role="region" aria-label=(format!("Rows of {}", table.name)) {
            table.rows data-grid="" {
                caption.sr { "Rows of " (table.name) }
                thead { tr {
                    @if has_rows { th.key scope="col" { span.sr { "Open" } } }
                    @for column in &columns { (header(table, wanted, column)) }
                } }
                tbody { @for line in &found.rows {
                    @let key = Stored::encode_all(&line.key);
                    tr {
                        @if has_rows {
                            th.key scope="row" {
                                a href=(row_address(&table.name, &key)) aria-label="Open the row" { (icon(icons::RIGHT)) }
                            }
                        }
                        @for (column, cell) in columns.iter().zip(&line.cells) {
                            @let target = target(column, cell, links);
                            td.number[is_figure(column, cell)] {
                                @match target {
                                    Some(address) => a href=(address) { (parts::cell(cell)) },
                                    None => (parts::cell(cell)),
                                }
                                (other_type(column, cell))
                            }
                        }
                    }
                } }
            }
        }
        @if table.columns.len() > columns.len() {
            p.muted.small { "The first " (columns.len()) " of " (table.columns.len()) " columns. A row shows all of them." }
        }
    }
}

fn is_figure(column: &Column, cell: &Cell) -> bool {
    match cell.start {
        Stored::Integer(_) | Stored::Real(_) => true,
        Stored::Null => column.is_number(),
        _ => false,
    }
}

/// A mark where a value has another type than its column.
fn other_type(column: &Column, cell: &Cell) -> Markup {
    let differs = match cell.start {
        Stored::Text(_) => column.is_number(),
        _ => false,
    };
    let is_date = column.declared.to_ascii_uppercase().contains("DATE")
        || column.declared.to_ascii_uppercase().contains("TIME");
    html! { @if differs && !is_date {
        " " span.type title="The column is declared as a number" { (cell.start.kind()) }
    } }
}

/// The row that a cell refers to.
fn target(column: &Column, cell: &Cell, links: &[Link]) -> Option<String> {
    let is_whole = match &cell.start {
        Stored::Null => false,
        Stored::Text(_) => cell.length <= 60,
        Stored::Blob(bytes) => cell.length == bytes.len() as u64,
        _ => true,
    };
    let link = links.iter().find(|link| {
        link.columns.len() == 1
            && link
                .columns
                .first()
                .is_some_and(|one| one.eq_ignore_ascii_case(&column.name))
    });
    let (link, target) = link.and_then(|link| Some((link, link.targets.first()?)))?;
    let filter = format!("{target}~is~{}", cell.start.encode());
    is_whole.then(|| address("/data", [("t", link.to.as_str()), ("where", &filter)]))
}

fn header(table: &Table, wanted: &Wanted, column: &Column) -> Markup {
    let sort = wanted
        .sort
        .as_ref()
        .filter(|sort| sort.column == column.name);
    let (state, next) = match sort {
        None => (None, column.name.clone()),
        Some(sort) if sort.descending => (Some("descending"), String::new()),
        Some(_) => (Some("ascending"), format!("-{}", column.name)),
    };
    html! {
        th scope="col" aria-sort=[state] class=[column.is_number().then_some("number")] {
            a href=(with(&table.name, wanted, &[("sort", &next)])) {
                bdi { (names::name(&column.name)) }
                @match state {
                    Some("ascending") => (icon(icons::UP)),
                    Some(_) => (icon(icons::DOWN)),
                    None => {},
                }
            }
            span.declared {
                @if column.key.is_some() { (icon(icons::KEY)) span.sr { "primary key " } }
                @if column.declared.is_empty() { "any" } @else { (column.declared.to_lowercase()) }
                @if column.generated { ", generated" }
            }
        }
    }
}

fn pager(table: &Table, wanted: &Wanted, found: &Page, count: Option<Count>) -> Markup {
    let to = |way: &str, cursor: &Option<String>| {
        cursor
            .as_ref()
            .map(|cursor| with(&table.name, wanted, &[(way, cursor)]))
    };
    let shown = found.rows.len() as u64;
    html! {
        nav.pager aria-label="Pages of rows" {
            @match to("before", &found.before) {
                Some(address) => a.button href=(address) rel="prev" data-key="[" { (icon(icons::LEFT)) "Previous" },
                None => span.button aria-disabled="true" { (icon(icons::LEFT)) "Previous" },
            }
            @match to("after", &found.after) {
                Some(address) => a.button href=(address) rel="next" data-key="]" { "Next" (icon(icons::RIGHT)) },
                None => span.button aria-disabled="true" { "Next" (icon(icons::RIGHT)) },
            }
            span.muted.figure {
                (text::counted(shown, "row")) " here"
                @match count {
                    Some(Count::Exactly(all)) => { ", " (text::grouped(all)) " in all" },
                    Some(Count::MoreThan(most)) => {
                        ", more than " (text::grouped(most)) " in all "
                        a href=(with(&table.name, wanted, &[("count", "exact")])) { "count them" }
                    },
                    None => { ", not counted: that takes too long here" },
                }
            }
        }
        @if table.identity == Identity::None {
            @let all = format!("SELECT * FROM {} LIMIT 100", quote(&table.name));
            p.muted.small { "A value that is cut here is shown as a whole by a statement that gives one row: " a href=(address("/sql", [("q", all.as_str())])) { "open in SQL" } }
        }
        @if found.cut {
            p.muted.small { "There are more rows. Nothing tells these rows apart, so that there are no further pages: filter them, or use SQL." }
        }
    }
}

pub(crate) fn row_address(table: &str, key: &str) -> String {
    address("/data/row", [("t", table), ("key", key)])
}

/// The exact number of rows, however long it takes.
pub(crate) fn count(app: &Arc<App>, request: &Request, name: &str) -> Reply {
    let (query, of) = (request.query.clone(), name.to_owned());
    let title = format!("Counting the rows of {name}");
    let filters: Vec<String> = query.all("where").map(str::to_owned).collect();
    let counted = work::look(app, request, &title, move |app, job| {
        let reader = app.reader(app::QUERY * 20, job.flag())?;
        let connection = reader.connection();
        let table = Table::find(connection, &of).map_err(app::sqlite)?;
        let Some(table) = table else {
            return Ok(html! { p { "The table is gone." } });
        };
        let filters = filters
            .iter()
            .filter_map(|text| Filter::parse(text, &table));
        let filters: Vec<Filter> = filters.collect();
        let all = page::count(connection, &table, &filters, i64::MAX.unsigned_abs() - 1);
        Ok(match all.map_err(app::sqlite)? {
            Count::Exactly(all) | Count::MoreThan(all) => {
                html! { p.large.figure { (text::counted(all, "row")) } }
            }
        })
    });
    let content =
        html! { (heading(name)) (counted) p { a href=(rows_of(name)) { "Back to the rows" } } };
    frame::page(app, Place::Data, name, &content)
}
