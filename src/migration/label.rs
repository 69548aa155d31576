//! What messages call a migration.

/// `V3__name`, as messages and JSON call a migration.
pub(crate) fn label(version: i64, name: &str) -> String {
    format!("V{version}__{name}")
}

/// The same with the component whose it is.
pub(crate) fn label_in(component: Option<&str>, version: i64, name: &str) -> String {
    match component {
        Some(component) => format!("{component}/{}", label(version, name)),
        None => label(version, name),
    }
}
