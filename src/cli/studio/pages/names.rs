//! Names from the database, as they are shown and as addresses hold them.

use maud::{Markup, html};

use crate::studio::pages::parts;
use crate::studio::web::request::address;

/// The address of a table's rows. A name may be anything, and so is never a part of a path.
pub(crate) fn rows_of(table: &str) -> String {
    address("/data", [("t", table)])
}

/// The address of a table's page.
pub(crate) fn page_of(table: &str) -> String {
    address("/schema/table", [("t", table)])
}

/// A name that can be seen, even where it is empty.
pub(crate) fn name(name: &str) -> Markup {
    html! { @if name.trim().is_empty() { span.null { "(no name)" } } @else { (parts::visible(name)) } }
}
