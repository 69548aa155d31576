//! What several pages show alike.

use std::path::Path;

use heirloom::for_the_command::{Piece, pieces};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::failure;
use crate::output::text;
use crate::studio::app::App;
use crate::studio::assets::icons::{self, icon};
use crate::studio::read::value::{BYTES, CHARACTERS, Cell, Stored, hex, real};

/// A form that changes something, with the token that every one of them needs.
pub(crate) fn form(app: &App, action: &str, content: &Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name="token" value=(app.keys.form());
            (content)
        }
    }
}

/// A failure: what, in what state the data is, what to do.
pub(crate) fn failed(app: &App, failure: &Failure) -> Markup {
    let (message, help) = match failure {
        Failure::Usage { message, help } | Failure::NotFound { message, help } => {
            (message.clone(), Some(help.clone()))
        }
        Failure::Library(error) | Failure::Meant { error, .. } => {
            (failure::chain(error), failure::help(failure, &app.typed))
        }
        Failure::Cancelled | Failure::NotConfirmed | Failure::NotBegun => {
            (failure::CANCELLED.to_owned(), None)
        }
    };
    html! {
        div.notice.removed role="alert" {
            (icon(icons::ALERT))
            div {
                p { strong { "Failed: " } (message) }
                @if let Some(error) = failure.library() {
                    @if let Some(at) = error.location() {
                        p.small { "at " (at.to_string()) }
                        pre { (at.excerpt()) }
                    }
                    p.small { "Data: " (error.data_state().to_string()) }
                    @if let Some(backup) = error.backup() {
                        p.small { "Backup: " code { (path(backup)) } }
                    }
                }
                @if let Some(help) = help { p.small { (backticked(&help)) } }
            }
        }
    }
}

/// A sentence with `commands` in it.
pub(crate) fn backticked(sentence: &str) -> Markup {
    html! {
        @for (at, part) in sentence.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Something that somebody should know.
pub(crate) fn notice(kind: &str, content: &Markup) -> Markup {
    let sign = match kind {
        "removed" => icons::ALERT,
        "changed" => icons::WARNING,
        _ => icons::CHECK,
    };
    html! { div class=(format!("notice {kind}")) { (icon(sign)) div { (content) } } }
}

/// What would be here, and the one thing that makes it.
pub(crate) fn empty(what: &str, how: &Markup) -> Markup {
    html! { div.empty { p { (what) } p.muted { (how) } } }
}

/// A time that can be read, and compared by a machine.
pub(crate) fn time(at: &str) -> Markup {
    html! { time datetime=(at) { (text::utc(at)) } }
}

pub(crate) fn path(path: &Path) -> String {
    text::path(path)
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn version(version: Option<i64>) -> Markup {
    html! { @match version {
        Some(version) => span.figure { (version) },
        None => span.muted { "none" },
    } }
}

/// SQL with its words distinguished.
pub(crate) fn sql(text: &str) -> Markup {
    html! {
        pre.sql tabindex="0" { code {
            @for (piece, text) in pieces(text) {
                @match piece {
                    Piece::Keyword => b { (text) },
                    Piece::Number => span.number { (text) },
                    Piece::Text => span.text { (text) },
                    Piece::Comment => i { (text) },
                    Piece::Other => (text),
                }
            }
        } }
    }
}

/// The inside of a cell. Types differ without colour, too.
pub(crate) fn cell(cell: &Cell) -> Markup {
    html! {
        @match &cell.start {
            Stored::Null => span.null title="NULL: no value" { "NULL" },
            Stored::Integer(number) => (number),
            Stored::Real(number) => (real(*number)),
            Stored::Text(bytes) if bytes.is_empty() => {
                span.null.empty-text title="A text without characters" { "empty" }
            },
            Stored::Text(bytes) => {
                @let text = String::from_utf8_lossy(bytes);
                @let cut = cell.length > CHARACTERS as u64;
                @let shown = text.chars().take(CHARACTERS).collect::<String>();
                bdi { (visible(&shown)) }
                @if cut { span.more title=(text::counted(cell.length, "character")) { "…" } }
                @if std::str::from_utf8(bytes).is_err() && !cut {
                    " " span.type title="Not UTF-8" { "bytes" }
                }
            },
            Stored::Blob(bytes) => {
                span.blob { (hex(bytes)) @if cell.length > BYTES as u64 { "…" } }
                " " span.type { (kind_of(bytes).map_or("blob", |(name, _)| name)) ", " (text::bytes(cell.length)) }
            },
        }
    }
}

/// Control characters as pictures, so that none hides or breaks a line.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '↵',
            '\t' => '⇥',
            '\u{7f}' => '␡',
            c if c < ' ' => char::from_u32(0x2400 + c as u32).unwrap_or('�'),
            c => c,
        })
        .collect()
}

/// What the first bytes of a blob say that it is: a name, and of a picture that may be shown its
/// kind. Never SVG or HTML, which can hold scripts.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<(&'static str, Option<&'static str>)> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    Some(match () {
        () if begins(b"\x89PNG\r\n\x1a\n") => ("PNG", Some("image/png")),
        () if begins(&[0xff, 0xd8, 0xff]) => ("JPEG", Some("image/jpeg")),
        () if begins(b"GIF87a") || begins(b"GIF89a") => ("GIF", Some("image/gif")),
        () if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => ("WebP", Some("image/webp")),
        () if begins(b"%PDF") => ("PDF", None),
        () if begins(b"PK\x03\x04") => ("ZIP", None),
        () if begins(&[0x1f, 0x8b]) => ("gzip", None),
        () if begins(b"bplist") => ("plist", None),
        () if begins(b"SQLite format 3") => ("SQLite", None),
        () => return None,
    })
}
