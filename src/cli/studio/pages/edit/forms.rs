//! The form of a row, and what comes back from it.

use std::sync::Arc;

use hyper::StatusCode;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::{self, App, PAGE};
use crate::studio::edit::list::{Edit, What};
use crate::studio::edit::typed::{self, TYPES};
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::migrations::without_write;
use crate::studio::pages::names::{self, rows_of};
use crate::studio::pages::parts;
use crate::studio::read::links;
use crate::studio::read::page;
use crate::studio::read::table::{self, Column, Identity, Kind, Table};
use crate::studio::read::value::Stored;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

/// A row that may be changed: what is known of it.
struct Row {
    table: Table,
    key: Vec<Stored>,
    /// None of those that are too long to be read at once.
    values: Vec<Option<Stored>>,
    /// What else a change of it does, and what else its deletion.
    warnings: Vec<String>,
    referring: Vec<String>,
}

/// Whether rows of a table are changed here at all.
pub(crate) fn is_editable(app: &App, table: &Table) -> bool {
    let history = &app.settings.history_table.value;
    let is_internal = table.name == *history
        || table.name.starts_with("sqlite_")
        || table.name.starts_with("heirloom_");
    app.write && table.kind == Kind::Table && table.identity != Identity::None && !is_internal
}

/// The row of an address or of a form; without a key, one that is to be added.
fn find(app: &App, name: Option<&str>, key: Option<&str>) -> Result<Option<Row>, Failure> {
    let reader = app.reader(PAGE, Arc::default())?;
    let connection = reader.connection();
    let table = Table::find(connection, name.unwrap_or_default()).map_err(app::sqlite)?;
    let Some(table) = table.filter(|table| is_editable(app, table)) else {
        return Ok(None);
    };
    let key = match key.map(Stored::decode_all) {
        None => Vec::new(),
        Some(Some(key)) if key.len() == table.identity_sql().len() => key,
        Some(_) => return Ok(None),
    };
    let values = match key.is_empty() {
        true => Vec::new(),
        false => match page::row(connection, &table, &key, typed::LONGEST).map_err(app::sqlite)? {
            Some(values) => values,
            None => return Ok(None),
        },
    };
    let (mut warnings, mut referring) = (Vec::new(), Vec::new());
    if table::has_triggers(connection, &table.name).map_err(app::sqlite)? {
        warnings.push("Triggers of this table run, too.".to_owned());
    }
    if !key.is_empty() {
        for link in links::to(connection, &table.name).map_err(app::sqlite)? {
            let of = |column: &String| {
                let at = table
                    .columns
                    .iter()
                    .position(|one| one.name.eq_ignore_ascii_case(column));
                at.and_then(|at| values.get(at).cloned().flatten())
            };
            let targets: Option<Vec<Stored>> = link.targets.iter().map(of).collect();
            let count = targets.map(|values| links::count(connection, &link, &values, 1_000));
            if let Some(Ok(count @ 1..)) = count {
                referring.push(format!(
                    "{} of {} {} to it; what becomes of them is said by their foreign key: {}.",
                    text::counted(count, "row"),
                    link.from,
                    if count == 1 { "refers" } else { "refer" },
                    link.on_delete.to_lowercase()
                ));
            }
        }
    }
    Ok(Some(Row {
        table,
        key,
        values,
        warnings,
        referring,
    }))
}

/// Finds the row, or says why not.
fn row(app: &App, name: Option<&str>, key: Option<&str>) -> Result<Row, Box<Reply>> {
    let refusal = match app.write.then(|| find(app, name, key)) {
        None => {
            let content = html! { h1 { "Not allowed" } (without_write("edit rows")) };
            let status = StatusCode::FORBIDDEN;
            frame::with_status(app, status, Place::Data, "Edit", &content)
        }
        Some(Ok(Some(row))) => return Ok(row),
        Some(Ok(None)) => frame::missing(app, "There is no such row that can be edited."),
        Some(Err(failure)) => frame::page(app, Place::Data, "Edit", &parts::failed(app, &failure)),
    };
    Err(Box::new(refusal))
}

/// The form of a row that is there, or of a new one.
pub(crate) fn show(app: &App, request: &Request, is_new: bool) -> Reply {
    let (table, key) = (request.query.get("t"), request.query.get("key"));
    if !is_new && key.is_none() {
        return frame::missing(app, "The address names no row.");
    }
    match row(app, table, key.filter(|_| !is_new)) {
        Ok(row) => form(app, &row, is_new, None, request),
        Err(reply) => *reply,
    }
}

fn form(app: &App, row: &Row, is_new: bool, wrong: Option<&str>, sent: &Request) -> Reply {
    let title = if is_new { "Add a row" } else { "Edit a row" };
    let action = if is_new { "/edit/new" } else { "/edit/row" };
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/data" { "Data" } " / " a href=(rows_of(&row.table.name)) { bdi { (names::name(&row.table.name)) } } }
        h1 { (title) }
        @if let Some(wrong) = wrong { (parts::notice("removed", &html! { p { (parts::backticked(wrong)) } })) }
        @for warning in &row.warnings { (parts::notice("changed", &html! { p { (warning) } })) }
        (parts::form(app, action, &html! {
            input type="hidden" name="t" value=(row.table.name);
            @if !is_new { input type="hidden" name="key" value=(Stored::encode_all(&row.key)); }
            div.fields { @for (at, column) in row.table.columns.iter().enumerate() {
                (field(at, column, row.values.get(at), sent))
            } }
            p.row {
                button.primary type="submit" { "Add to the review" }
                a.button href=(rows_of(&row.table.name)) { "Back" }
                span.muted.small { "Nothing is changed before the review." }
            }
        }))
    };
    frame::page(app, Place::Data, title, &content)
}

fn field(at: usize, column: &Column, value: Option<&Option<Stored>>, sent: &Request) -> Markup {
    let old = value.and_then(Option::as_ref);
    let shown = old.and_then(typed::shown);
    let is_new = value.is_none();
    let name = format!("value-{at}");
    let typed = sent.form.get(&name).map(str::to_owned);
    let kind = sent.form.get(&format!("type-{at}")).map(str::to_owned);
    let kind = kind.unwrap_or_else(|| match (old, is_new) {
        (Some(old), _) => old.kind().to_owned(),
        (None, true) => "default".to_owned(),
        (None, false) => String::new(),
    });
    html! {
        div.field {
            @let words = html! { bdi { (names::name(&column.name)) } span.declared { (column.declared.to_lowercase()) @if column.not_null { " not null" } } };
            @let is_fixed = column.generated || !is_new && shown.is_none();
            @if is_fixed { div.label { (words) } } @else { label for=(name) { (words) } }
            @if column.generated { p.muted { "Generated: it is computed from the others." } }
            @else if is_fixed { p.muted { "It cannot be edited here: it is too long, or has characters that a form does not send back." } }
            @else {
                select name=(format!("type-{at}")) aria-label=(format!("Type of {}", column.name)) {
                    @if is_new { option value="default" selected[kind == "default"] { "default" } }
                    @for one in TYPES { option value=(one) selected[kind == one] { @if one == "null" { "NULL" } @else { (one) } } }
                }
                @if let Some(old) = old { input type="hidden" name=(format!("old-{at}")) value=(old.encode()); }
                @let value = typed.or(shown).unwrap_or_default();
                // The first end of a line in it is dropped by a browser.
                textarea id=(name) name=(name) rows=(value.lines().count().clamp(1, 8)) spellcheck="false" { "\n" (value) }
            }
        }
    }
}

/// What came back: onto the list.
pub(crate) fn add(app: &App, request: &Request, is_new: bool) -> Reply {
    let (table, key) = (request.form.get("t"), request.form.get("key"));
    let row = match row(app, table, key.filter(|_| !is_new)) {
        Ok(row) => row,
        Err(reply) => return *reply,
    };
    if !is_new && row.key.is_empty() {
        return frame::missing(app, "The form names no row.");
    }
    let what = match is_new {
        true => inserted(&row.table, request),
        false => updated(&row.table, request),
    };
    match what {
        Ok(What::Update(changes)) if changes.is_empty() => {
            form(app, &row, is_new, Some("nothing is different"), request)
        }
        Ok(what) => {
            app.edits.add(Edit {
                table: row.table.name,
                key: row.key,
                what,
            });
            Reply::see("/edit")
        }
        Err(wrong) => form(app, &row, is_new, Some(&wrong), request),
    }
}

fn given<'r>(request: &'r Request, name: &str, at: usize) -> Option<&'r str> {
    request.form.get(&format!("{name}-{at}"))
}

fn updated(table: &Table, request: &Request) -> Result<What, String> {
    let mut changes = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let old = given(request, "old", at).and_then(Stored::decode);
        let (Some(old), Some(kind)) = (old, given(request, "type", at)) else {
            continue;
        };
        let text = given(request, "value", at).unwrap_or_default();
        let new =
            typed::parse(kind, text, &old).map_err(|wrong| format!("{}: {wrong}", column.name))?;
        if new != old && !column.generated {
            changes.push((column.name.clone(), old, new));
        }
    }
    Ok(What::Update(changes))
}

fn inserted(table: &Table, request: &Request) -> Result<What, String> {
    let mut values = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        match given(request, "type", at) {
            None | Some("default") => {}
            Some(kind) => {
                let text = given(request, "value", at).unwrap_or_default();
                let value = typed::parse(kind, text, &Stored::Null)
                    .map_err(|wrong| format!("{}: {wrong}", column.name))?;
                values.push((column.name.clone(), value));
            }
        }
    }
    Ok(What::Insert(values))
}

/// What goes when a row is deleted.
pub(crate) fn plan_delete(app: &App, request: &Request) -> Reply {
    let Some(key) = request.query.get("key") else {
        return frame::missing(app, "The address names no row.");
    };
    let row = match row(app, request.query.get("t"), Some(key)) {
        Ok(row) => row,
        Err(reply) => return *reply,
    };
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/data" { "Data" } " / " a href=(rows_of(&row.table.name)) { bdi { (names::name(&row.table.name)) } } }
        h1 { "Delete a row" }
        @for warning in row.warnings.iter().chain(&row.referring) { (parts::notice("changed", &html! { p { (warning) } })) }
        dl.record { @for (column, value) in row.table.columns.iter().zip(&row.values) { div {
            dt { bdi { (names::name(&column.name)) } }
            dd { @match value { Some(value) => bdi { (short(value)) }, None => span.muted { "long" } } }
        } } }
        (parts::form(app, "/edit/delete", &html! {
            input type="hidden" name="t" value=(row.table.name);
            input type="hidden" name="key" value=(key);
            p.row.actions {
                button.danger type="submit" { "Add the deletion to the review" }
                a.button href=(rows_of(&row.table.name)) { "Back" }
            }
        }))
    };
    frame::page(app, Place::Data, "Delete a row", &content)
}

pub(crate) fn short(value: &Stored) -> String {
    let text = parts::visible(&value.plain());
    match text.chars().count() > 200 {
        true => text.chars().take(200).collect::<String>() + "…",
        false => text,
    }
}

pub(crate) fn delete(app: &App, request: &Request) -> Reply {
    let row = match row(app, request.form.get("t"), request.form.get("key")) {
        Ok(row) => row,
        Err(reply) => return *reply,
    };
    if row.key.is_empty() {
        return frame::missing(app, "The form names no row.");
    }
    let columns = row.table.columns.iter().filter(|column| !column.generated);
    let seen = columns
        .zip(row.values)
        .filter_map(|(column, value)| Some((column.name.clone(), value?)));
    app.edits.add(Edit {
        table: row.table.name,
        key: row.key,
        what: What::Delete(seen.collect()),
    });
    Reply::see("/edit")
}
