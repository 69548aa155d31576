//! SQL that is typed, and that only reads.

use std::sync::Arc;

use heirloom::for_the_command::refuse_too_nested;
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::text;
use crate::studio::app::{App, QUERY};
use crate::studio::pages::data::row;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::{parts, work};
use crate::studio::read::query::{self, Answer};
use crate::studio::read::value::Stored;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

pub(crate) fn show(app: &Arc<App>, request: &Request) -> Reply {
    let asked = request.query.get("q").unwrap_or_default();
    let given = (!asked.trim().is_empty()).then(|| {
        let sql = asked.to_owned();
        // The title tells one query from another that is still under way.
        let title = format!("Query {}", &blake3::hash(asked.as_bytes()).to_hex()[..8]);
        work::look(app, request, &title, move |app, job| {
            let reader = app.reader(QUERY, job.flag())?;
            refuse_too_nested(reader.connection(), &sql)?;
            let answer =
                query::ask(reader.connection(), &sql).map_err(|message| Failure::Usage {
                    message,
                    help: "one SELECT, or a PRAGMA that only tells something".into(),
                })?;
            Ok(answered(&answer))
        })
    });
    let content = html! {
        h1 { "SQL" }
        p.muted { "Reads only, ends after " (QUERY.as_secs()) " s, shows up to " (query::ROWS) " rows. Nothing typed here can change the database." }
        form.query method="get" action="/sql" {
            label for="q" { "Statement" }
            textarea id="q" name="q" rows="6" spellcheck="false" autocapitalize="off" autocomplete="off" maxlength="12000" data-submit="" { (asked) }
            p.row { button.primary type="submit" { "Run" } span.muted.small { "Ctrl Enter" } }
        }
        @if let Some(given) = given { section aria-label="Result" { (given) } }
    };
    frame::page(app, Place::Sql, "SQL", &content)
}

/// Whether what stands first in a column is a number.
fn is_number(answer: &Answer, column: usize) -> bool {
    let mut cells = answer.rows.iter().filter_map(|row| row.get(column));
    let first = cells.find(|cell| cell.start != Stored::Null);
    first.is_some_and(|cell| matches!(cell.start, Stored::Integer(_) | Stored::Real(_)))
}

fn answered(answer: &Answer) -> Markup {
    if answer.rows.is_empty() {
        let how = html! { (answer.columns.join(", ")) };
        return parts::empty("The statement gave no rows.", &how);
    }
    if let Some(values) = &answer.single {
        return html! { p.muted { "1 row" } (row::record(&answer.columns, values)) };
    }
    html! {
        p.muted.figure {
            @if answer.cut { "The first " (text::counted(answer.rows.len() as u64, "row")) }
            @else { (text::counted(answer.rows.len() as u64, "row")) }
        }
        div.scroll.grid tabindex="0" role="region" aria-label="Rows" {
            table.rows data-grid="" {
                caption.sr { "What the statement gave" }
                thead { tr { @for (at, column) in answer.columns.iter().enumerate() { th.number[is_number(answer, at)] scope="col" { strong { bdi { (column) } } } } } }
                tbody { @for row in &answer.rows {
                    tr { @for cell in row {
                        td.number[matches!(cell.start, Stored::Integer(_) | Stored::Real(_))] { (parts::cell(cell)) }
                    } }
                } }
            }
        }
    }
}
