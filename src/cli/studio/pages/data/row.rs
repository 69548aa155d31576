//! One row with all of its values, what it refers to and what refers to it; and one value.

use std::sync::Arc;

use heirloom::for_the_command::quote;
use heirloom::rusqlite::{Connection, OptionalExtension, params_from_iter};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::{self, App, PAGE};
use crate::studio::pages::edit::forms::is_editable;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::names::{self, rows_of};
use crate::studio::pages::parts;
use crate::studio::read::links::{self, Link};
use crate::studio::read::page;
use crate::studio::read::table::{Column, Identity, Table};
use crate::studio::read::value::{DUMP, LONGEST, Stored, hex};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

/// The largest value that is sent as it is, in bytes.
const PICTURE: i64 = 8 << 20;
/// Up to how many rows that refer to one are counted.
const REFERENCES: u64 = 1_000;

/// The table and the key of an address.
fn of(request: &Request) -> Option<(&str, Vec<Stored>)> {
    let key = Stored::decode_all(request.query.get("key")?)?;
    Some((request.query.get("t")?, key))
}

pub(crate) fn show(app: &App, request: &Request) -> Reply {
    let Some((table, key)) = of(request) else {
        return frame::missing(app, "The address names no row.");
    };
    match content(app, table, &key) {
        Ok(Some(content)) => frame::page(app, Place::Data, table, &content),
        Ok(None) => frame::missing(app, "The row is not there. It may have been deleted."),
        Err(failure) => frame::page(app, Place::Data, table, &parts::failed(app, &failure)),
    }
}

/// The key as a person reads it.
fn title(key: &[Stored]) -> String {
    let all: Vec<String> = key.iter().map(Stored::plain).collect();
    let all = parts::visible(&all.join(", "));
    format!("Row {}", all.chars().take(60).collect::<String>())
}

fn find(connection: &Connection, name: &str, key: &[Stored]) -> Result<Option<Table>, Failure> {
    let table = Table::find(connection, name).map_err(app::sqlite)?;
    Ok(table.filter(|table| {
        table.identity != Identity::None && table.identity_sql().len() == key.len()
    }))
}

fn content(app: &App, name: &str, key: &[Stored]) -> Result<Option<Markup>, Failure> {
    let reader = app.reader(PAGE, Arc::default())?;
    let connection = reader.connection();
    let Some(table) = find(connection, name, key)? else {
        return Ok(None);
    };
    // One after the other: a value that is too large to be read must not hide the rest.
    let exists = format!(
        "SELECT 1 FROM main.{} WHERE {}",
        quote(&table.name),
        page::by_key(&table)
    );
    let exists = connection
        .query_row(&exists, params_from_iter(key), |_| Ok(()))
        .optional();
    if exists.map_err(app::sqlite)?.is_none() {
        return Ok(None);
    }
    let encoded = Stored::encode_all(key);
    let mut values = Vec::new();
    for column in &table.columns {
        values.push((column, value(connection, &table, key, column)));
    }
    let links = links::of(connection, &table.name).map_err(app::sqlite)?;
    let back = links::to(connection, &table.name).map_err(app::sqlite)?;
    let known = |name: &str| {
        let mut found = values
            .iter()
            .filter(|(column, _)| column.name.eq_ignore_ascii_case(name));
        found
            .next()
            .and_then(|(_, value)| value.as_ref().ok().map(|value| value.0.clone()))
    };
    Ok(Some(html! {
        nav.crumbs aria-label="Where" {
            a href="/data" { "Data" } " / " a href=(rows_of(&table.name)) { bdi { (names::name(&table.name)) } }
        }
        div.spread {
            h1 { bdi { (title(key)) } }
            @if is_editable(app, &table) {
                div.row {
                    a.button href=(address("/edit/row", [("t", table.name.as_str()), ("key", &encoded)])) { "Edit" }
                    a.button href=(address("/edit/delete", [("t", table.name.as_str()), ("key", &encoded)])) { "Delete" }
                }
            }
        }
        dl.record { @for (column, value) in &values {
            div {
                dt {
                    bdi { (names::name(&column.name)) }
                    span.declared { (column.declared.to_lowercase()) @if column.not_null { " not null" } @if column.generated { " generated" } }
                }
                dd { @match value {
                    Ok((value, length)) => (shown(&column.name, value, *length, Some(&alone(&table.name, &encoded, &column.name)))),
                    Err(error) => span.null { (error.to_string()) },
                } }
            }
        } }
        @if !links.is_empty() {
            h2 { "Refers to" }
            ul.plain { @for link in &links { (forward(link, &known)) } }
        }
        @if !back.is_empty() {
            h2 { "Referred to by" }
            ul.plain { @for link in &back { (backward(connection, link, &known)) } }
        }
    }))
}

/// A value, or its beginning where it is long, and its length.
fn value(
    connection: &Connection,
    table: &Table,
    key: &[Stored],
    column: &Column,
) -> heirloom::rusqlite::Result<(Stored, u64)> {
    let name = quote(&column.name);
    let sql = format!(
        "SELECT CASE typeof({name}) WHEN 'text' THEN substr({name}, 1, {LONGEST}) \
         WHEN 'blob' THEN substr({name}, 1, {DUMP}) ELSE {name} END, length({name}) \
         FROM main.{} WHERE {}",
        quote(&table.name),
        page::by_key(table)
    );
    connection.query_row(&sql, params_from_iter(key), |row| {
        let length: Option<i64> = row.get_ref(1)?.as_i64().ok();
        Ok((
            row.get_ref(0)?.into(),
            length.unwrap_or_default().unsigned_abs(),
        ))
    })
}

fn alone(table: &str, key: &str, column: &str) -> Alone {
    let query = [("t", table), ("key", key), ("column", column)];
    Alone {
        file: address("/data/value", query),
        picture: address("/data/picture", query),
    }
}

/// Where a value can be had as it is stored: as a file, and as a picture.
struct Alone {
    file: String,
    picture: String,
}

/// A value of a row. One that is no cell of a table is shown, and cannot be had as a file.
fn shown(name: &str, value: &Stored, length: u64, alone: Option<&Alone>) -> Markup {
    let alone = alone.filter(|_| length <= PICTURE.unsigned_abs());
    html! { @match value {
        Stored::Null => span.null { "NULL" },
        Stored::Text(bytes) if bytes.is_empty() => span.null.empty-text { "empty" },
        Stored::Integer(number) => { span.figure { (number) } (readable(*number)) },
        Stored::Real(_) => span.figure { (value.plain()) },
        Stored::Text(bytes) => {
            @let text = String::from_utf8_lossy(bytes);
            @match json(&text) {
                Some(pretty) => {
                    pre tabindex="0" { (pretty) }
                    p.small.muted { "JSON, laid out. " @if let Some(alone) = alone { a href=(alone.file) { "As it is stored" } } }
                },
                None => pre.text tabindex="0" { bdi { (text) } },
            }
            @if length as usize > text.chars().count() {
                p.small.muted { "The beginning of " (text::counted(length, "character")) }
            }
        },
        Stored::Blob(bytes) => {
            @let kind = parts::kind_of(bytes);
            p {
                span.type { (kind.map_or("blob", |(name, _)| name)) ", " (text::bytes(length)) }
                @if let Some(alone) = alone { " " a href=(alone.file) { "Download" } }
            }
            @match alone.filter(|_| kind.is_some_and(|(_, picture)| picture.is_some())) {
                Some(alone) => img.blob src=(alone.picture) alt=(format!("The picture in {name}")) loading="lazy";,
                None => pre.dump tabindex="0" { (dump(bytes)) @if length > bytes.len() as u64 { "…" } },
            }
        },
    } }
}

/// Values under their names, for what is not a row of a table.
pub(crate) fn record(columns: &[String], values: &[(Stored, u64)]) -> Markup {
    html! { dl.record { @for (column, (value, length)) in columns.iter().zip(values) { div {
        dt { bdi { (names::name(column)) } }
        dd { (shown(column, value, *length, None)) }
    } } } }
}

/// Bytes as a debugger shows them.
fn dump(bytes: &[u8]) -> String {
    let line = |(at, bytes): (usize, &[u8])| {
        let plain: String = bytes
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' => *byte as char,
                _ => '.',
            })
            .collect();
        let digits: Vec<String> = bytes.iter().map(|byte| hex(&[*byte])).collect();
        format!("{:04x}  {:<47}  {plain}\n", at * 16, digits.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

/// JSON laid out, where a text is some. Numbers stay as they are written.
fn json(text: &str) -> Option<String> {
    let is_some = text.trim_start().starts_with(['{', '[']);
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if !is_some || !is_json {
        return None;
    }
    let (mut out, mut depth, mut inside, mut escaped) = (String::new(), 0_usize, false, false);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if inside {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => inside = false,
                _ => {}
            }
            continue;
        }
        let new_line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth.min(40)));
        };
        match c {
            '"' => {
                inside = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while letters.next_if(|c| c.is_whitespace()).is_some() {}
                match letters.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out += ": ",
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

/// A number that may be a time, as one.
fn readable(number: i64) -> Markup {
    let years = 946_684_800..4_102_444_800_i64;
    let (seconds, unit) = match number {
        n if years.contains(&n) => (n, "seconds"),
        n if years.contains(&(n / 1_000)) => (n / 1_000, "milliseconds"),
        n if years.contains(&(n / 1_000_000)) => (n / 1_000_000, "microseconds"),
        _ => return html! {},
    };
    let time = chrono::DateTime::from_timestamp(seconds, 0);
    html! { @if let Some(time) = time {
        span.muted.small { "  as " (unit) " since 1970: " (time.format("%Y-%m-%d %H:%M:%S").to_string()) " UTC" }
    } }
}

fn condition(columns: &[String], values: &[Stored]) -> Vec<String> {
    let pairs = columns.iter().zip(values);
    pairs
        .map(|(column, value)| format!("{column}~is~{}", value.encode()))
        .collect()
}

/// The rows of a table with these values.
fn rows_with(table: &str, columns: &[String], values: &[Stored]) -> String {
    let conditions = condition(columns, values);
    let mut pairs = vec![("t", table)];
    pairs.extend(conditions.iter().map(|one| ("where", one.as_str())));
    address("/data", pairs)
}

fn values_of(columns: &[String], known: &dyn Fn(&str) -> Option<Stored>) -> Option<Vec<Stored>> {
    let values: Option<Vec<Stored>> = columns.iter().map(|column| known(column)).collect();
    values.filter(|values| values.iter().all(|value| *value != Stored::Null))
}

fn forward(link: &Link, known: &dyn Fn(&str) -> Option<Stored>) -> Markup {
    html! { li {
        code { (link.columns.join(", ")) } " → "
        @match values_of(&link.columns, known) {
            Some(values) => a href=(rows_with(&link.to, &link.targets, &values)) { bdi { (names::name(&link.to)) } },
            None => { bdi { (names::name(&link.to)) } span.muted { " (NULL: to none)" } },
        }
    } }
}

fn backward(
    connection: &Connection,
    link: &Link,
    known: &dyn Fn(&str) -> Option<Stored>,
) -> Markup {
    let values = values_of(&link.targets, known);
    let count = values
        .as_ref()
        .map(|values| links::count(connection, link, values, REFERENCES));
    html! { li {
        @match (&values, count) {
            (Some(values), Some(Ok(count))) => {
                @if count == 0 { bdi { (names::name(&link.from)) } }
                @else { a href=(rows_with(&link.from, &link.columns, values)) { bdi { (names::name(&link.from)) } } }
                " " code { (link.columns.join(", ")) } " "
                span.muted.figure {
                    @if count >= REFERENCES { (text::grouped(count)) " rows or more" }
                    @else { (text::counted(count, "row")) }
                }
            },
            (Some(values), _) => {
                a href=(rows_with(&link.from, &link.columns, values)) { bdi { (names::name(&link.from)) } }
                span.muted { " (not counted)" }
            },
            (None, _) => { bdi { (names::name(&link.from)) } span.muted { " (none)" } },
        }
    } }
}

/// One value as it is stored: a picture to be shown, or anything to be saved.
pub(crate) fn value_alone(app: &App, request: &Request, is_picture: bool) -> Reply {
    let bytes = bytes(app, request);
    match bytes {
        Ok(Some(bytes)) => {
            let picture = parts::kind_of(&bytes).and_then(|(_, picture)| picture);
            match (is_picture, picture) {
                (true, Some(kind)) => Reply::contents(kind, bytes),
                (true, None) => frame::missing(app, "This is not a picture that is shown."),
                (false, _) => Reply::contents("application/octet-stream", bytes)
                    .with("content-disposition", "attachment; filename=\"value.bin\""),
            }
        }
        Ok(None) => frame::missing(app, "The value is not there."),
        Err(failure) => frame::page(app, Place::Data, "Value", &parts::failed(app, &failure)),
    }
}

fn bytes(app: &App, request: &Request) -> Result<Option<Vec<u8>>, Failure> {
    let Some((table, key)) = of(request) else {
        return Ok(None);
    };
    let reader = app.reader(PAGE, Arc::default())?;
    let connection = reader.connection();
    let table = find(connection, table, &key)?;
    let column = request.query.get("column");
    let Some((table, column)) = table.and_then(|table| {
        let column = table.column(column?)?.name.clone();
        Some((table, column))
    }) else {
        return Ok(None);
    };
    let name = quote(&column);
    let sql = format!(
        "SELECT {name} FROM main.{} WHERE {} AND length({name}) <= {PICTURE}",
        quote(&table.name),
        page::by_key(&table)
    );
    let value = connection.query_row(&sql, params_from_iter(&key), |row| {
        row.get_ref(0).map(Stored::from)
    });
    Ok(match value.optional().map_err(app::sqlite)? {
        None | Some(Stored::Null) => None,
        Some(Stored::Text(bytes) | Stored::Blob(bytes)) => Some(bytes),
        Some(other) => Some(other.plain().into_bytes()),
    })
}
