//! Values as a user reads them.

use chrono::{DateTime, Utc};

/// heirloom's texts are lower case without a full stop; in a dialog they are sentences.
pub fn sentence(text: impl ToString) -> String {
    let text = text.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

/// `V20260127083000__add_full_text_search` is "add full text search" to a user.
pub fn title(migration: &str) -> String {
    let name = migration
        .split_once("__")
        .map_or(migration, |(_, name)| name);
    name.replace('_', " ")
}

pub fn age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", counted(count, unit))
}

/// How long ago a time in RFC 3339 is.
pub fn age_of(time: &str) -> String {
    match DateTime::parse_from_rfc3339(time) {
        // Negative where the clock was set back since.
        Ok(then) => age((Utc::now() - then.to_utc())
            .num_seconds()
            .try_into()
            .unwrap_or(0)),
        Err(_) => time.to_owned(),
    }
}

pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

pub fn version(version: Option<i64>) -> String {
    version.map_or("none".to_owned(), |version| version.to_string())
}

pub fn counted(count: u64, unit: &str) -> String {
    match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    }
}
