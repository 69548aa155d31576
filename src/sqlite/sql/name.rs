//! Names in SQL: compared as SQLite compares them, and quoted.

/// Whether two names are one to SQLite, which folds ASCII letters and no others.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// A name in SQL, quoted so that any name is safe: `we"ird` becomes `"we""ird"`.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The words that are SQL and no names without quotes, in order
/// (<https://sqlite.org/lang_keywords.html>).
#[cfg(feature = "devtools")]
#[rustfmt::skip]
const KEYWORDS: [&str; 148] = [
    "ABORT", "ACTION", "ADD", "AFTER", "ALL", "ALTER", "ALWAYS", "ANALYZE", "AND", "AS", "ASC",
    "ATTACH", "AUTOINCREMENT", "BEFORE", "BEGIN", "BETWEEN", "BY", "CASCADE", "CASE", "CAST",
    "CHECK", "COLLATE", "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "CREATE", "CROSS", "CURRENT",
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATABASE", "DEFAULT", "DEFERRABLE",
    "DEFERRED", "DELETE", "DESC", "DETACH", "DISTINCT", "DO", "DROP", "EACH", "ELSE", "END",
    "ESCAPE", "EXCEPT", "EXCLUDE", "EXCLUSIVE", "EXISTS", "EXPLAIN", "FAIL", "FILTER", "FIRST",
    "FOLLOWING", "FOR", "FOREIGN", "FROM", "FULL", "GENERATED", "GLOB", "GROUP", "GROUPS", "HAVING",
    "IF", "IGNORE", "IMMEDIATE", "IN", "INDEX", "INDEXED", "INITIALLY", "INNER", "INSERT", "INSTEAD",
    "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "KEY", "LAST", "LEFT", "LIKE", "LIMIT", "MATCH",
    "MATERIALIZED", "NATURAL", "NO", "NOT", "NOTHING", "NOTNULL", "NULL", "NULLS", "OF", "OFFSET",
    "ON", "OR", "ORDER", "OTHERS", "OUTER", "OVER", "PARTITION", "PLAN", "PRAGMA", "PRECEDING",
    "PRIMARY", "QUERY", "RAISE", "RANGE", "RECURSIVE", "REFERENCES", "REGEXP", "REINDEX", "RELEASE",
    "RENAME", "REPLACE", "RESTRICT", "RETURNING", "RIGHT", "ROLLBACK", "ROW", "ROWS", "SAVEPOINT",
    "SELECT", "SET", "TABLE", "TEMP", "TEMPORARY", "THEN", "TIES", "TO", "TRANSACTION", "TRIGGER",
    "UNBOUNDED", "UNION", "UNIQUE", "UPDATE", "USING", "VACUUM", "VALUES", "VIEW", "VIRTUAL",
    "WHEN", "WHERE", "WINDOW", "WITH", "WITHIN", "WITHOUT",
];

/// A name as people write it: bare where nothing speaks against it, else in quotes.
#[cfg(feature = "devtools")]
pub(crate) fn plain(name: &str) -> String {
    let bytes = name.as_bytes();
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || !byte.is_ascii();
    let simple = bytes.first().is_some_and(letter)
        && bytes
            .iter()
            .all(|byte| letter(byte) || byte.is_ascii_digit());
    match simple && !is_keyword(name) {
        true => name.to_owned(),
        false => quote(name),
    }
}

/// Whether a word is one of the language.
#[cfg(feature = "devtools")]
pub(crate) fn is_keyword(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    KEYWORDS.binary_search(&word.as_str()).is_ok()
}

#[cfg(all(test, feature = "devtools"))]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare_where_nothing_speaks_against_it() {
        let cases = [
            ("name", "name"),
            ("größe", "größe"),
            ("x1_", "x1_"),
            ("x", "x"),
            ("1x", "\"1x\""),
            ("a b", "\"a b\""),
            ("select", "\"select\""),
            ("Order", "\"Order\""),
            ("we\"ird", "\"we\"\"ird\""),
            ("", "\"\""),
        ];
        for (name, written) in cases {
            assert_eq!(plain(name), written);
        }
    }
}
