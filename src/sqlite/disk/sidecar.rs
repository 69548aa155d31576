//! Small files of heirloom's beside a database: records, notes, logs.

/// A name with its line breaks written out.
pub(crate) fn on_one_line(name: &str) -> String {
    name.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}
