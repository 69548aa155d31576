//! Names in SQL: compared as SQLite compares them, and quoted.

/// Whether two names are one to SQLite, which folds ASCII letters and no others.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// A name in SQL, quoted so that any name is safe: `we"ird` becomes `"we""ird"`.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
