//! Databases named as other tools take them: `sqlite:notes.db`, `file:notes.db`.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// What a text names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A file, by its path.
    Path(PathBuf),
    /// A database of another kind, by the scheme of its URL.
    Another(String),
}

/// What SQLite calls a database that is in no file.
const MEMORY: &str = ":memory:";

/// Schemes of servers, which need no slashes to be known.
const SERVERS: &[&str] = &[
    "http",
    "https",
    "jdbc",
    "libsql",
    "mariadb",
    "mongodb",
    "mssql",
    "mysql",
    "postgres",
    "postgresql",
    "redis",
    "sqlserver",
    "turso",
];

/// Understands `sqlite:` as sqlx and dbmate do, `file:` as SQLite does, and takes everything else
/// that is not a URL for a path.
pub(crate) fn named(text: &str) -> Named {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Named::Path(text.into());
    };
    let scheme = scheme.to_ascii_lowercase();
    // One letter is a drive of Windows.
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match scheme.as_str() {
        "sqlite" | "sqlite3" | "file" => {
            let mut parts = rest.split(['?', '#', '&']);
            let path = parts.next().unwrap_or_default();
            if parts.any(|asked| asked == "mode=memory") {
                return Named::Path(MEMORY.into());
            }
            let path = match path.strip_prefix("//") {
                Some(path) => path
                    .strip_prefix("localhost/")
                    .map_or(path.to_owned(), |path| format!("/{path}")),
                None => path.to_owned(),
            };
            Named::Path(decoded(&path).into())
        }
        _ if is_scheme && (rest.starts_with("//") || SERVERS.contains(&scheme.as_str())) => {
            Named::Another(scheme)
        }
        _ => Named::Path(text.into()),
    }
}

/// Whether a text says that the database must not be written
/// (<https://sqlite.org/uri.html#recognized_query_parameters>).
pub(crate) fn reads_only(text: &str) -> bool {
    let says_so = |parameter: &str| match parameter.split_once('=') {
        Some(("mode", mode)) => mode == "ro",
        Some(("immutable", said)) => {
            let said = said.to_ascii_lowercase();
            let number = said.parse::<u64>().unwrap_or_default();
            number != 0 || matches!(said.as_str(), "yes" | "true" | "on")
        }
        _ => false,
    };
    is_one(text) && text.split(['?', '#', '&']).skip(1).any(says_so)
}

/// The path that a setting names. A file that is there by the whole of it is meant as such.
pub(crate) fn path(folder: &Path, given: PathBuf, setting: &str) -> Result<PathBuf, Failure> {
    let Some(text) = given.to_str().filter(|_| !folder.join(&given).exists()) else {
        return Ok(given);
    };
    match named(text) {
        Named::Path(path) => Ok(path),
        Named::Another(scheme) => Err(Failure::Usage {
            message: format!(
                "{setting} names a database of `{scheme}`, and heirloom migrates SQLite"
            ),
            help: "give the path of a file, or sqlite:PATH".into(),
        }),
    }
}

/// Whether a text is one URL, whatever stands between its colons.
pub(crate) fn is_one(text: &str) -> bool {
    text == MEMORY || named(text) != Named::Path(text.into())
}

/// `%20` as a space. What is not such an escape stays.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_files_are_their_paths_and_those_of_servers_are_no_files() {
        for (text, path) in [
            ("notes.db", "notes.db"),
            ("sqlite:x.db", "x.db"),
            ("sqlite://x.db?mode=rwc", "x.db"),
            ("sqlite:///home/me/x.db", "/home/me/x.db"),
            ("SQLite:a%20b.db", "a b.db"),
            ("file:z.db", "z.db"),
            ("file:///z.db?cache=shared", "/z.db"),
            ("file://localhost/z.db", "/z.db"),
            ("file:z.db?cache=shared&mode=memory", ":memory:"),
            ("sqlite::memory:", ":memory:"),
            ("100%.db", "100%.db"),
            ("C:\\notes.db", "C:\\notes.db"),
            ("odd:name.db", "odd:name.db"),
        ] {
            assert_eq!(named(text), Named::Path(path.into()), "{text}");
        }
        for (text, expected) in [
            ("file:x.db?mode=ro", true),
            ("sqlite://x.db?cache=shared&mode=ro", true),
            ("file:x.db?immutable=1", true),
            ("sqlite:x.db?immutable=TRUE", true),
            ("file:x.db?immutable=0&mode=rwc", false),
            ("file:x.db", false),
            ("x.db?mode=ro", false),
        ] {
            assert_eq!(reads_only(text), expected, "{text}");
        }
        // In a list of paths it was taken for two.
        assert!(is_one(":memory:") && !is_one("notes.db"));
        for (text, scheme) in [
            ("postgres://h/z", "postgres"),
            ("mysql:z", "mysql"),
            ("libsql://db.example.org", "libsql"),
            ("whatever+tcp://h", "whatever+tcp"),
        ] {
            assert_eq!(named(text), Named::Another(scheme.into()), "{text}");
        }
    }
}
