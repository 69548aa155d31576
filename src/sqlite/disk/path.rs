//! Paths as people, SQLite and Windows want them.
//!
//! Windows has two spellings of a path. `canonicalize` gives the verbatim one (`\\?\C:\notes.db`),
//! which is for system calls: shells, other programs and people want the plain one. Paths are
//! kept and shown plain here; std makes them verbatim again by itself for its own calls where they
//! are long, and [`for_system`] does it for SQLite, which does not.
//!
//! What is relied on: "Maximum Path Length Limitation" and "Naming Files, Paths, and Namespaces"
//! of Microsoft's documentation, and <https://sqlite.org/uri.html>. The functions over text are
//! the same on every system, and their tests run on every system.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Absolute, with links resolved, and in the plain spelling.
///
/// # Errors
///
/// Those of [`Path::canonicalize`].
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Ok(found) => Ok(plain(found)),
        Err(error) if cfg!(windows) && error.raw_os_error().is_some_and(has_no_final_name) => {
            std::path::absolute(path).map(plain)
        }
        Err(error) => Err(error),
    }
}

/// Some drives in memory do not say what a file is finally called ("incorrect function", "not
/// supported", "unrecognized volume"), nor does wine of a long name ("more data"). The file was
/// opened all the same, so it is there.
fn has_no_final_name(code: i32) -> bool {
    matches!(code, 1 | 50 | 234 | 1005)
}

/// A path without Windows' verbatim prefix, where the path means the same without it.
pub(crate) fn plain(path: PathBuf) -> PathBuf {
    if !cfg!(windows) {
        return path;
    }
    let plain = path.to_str().and_then(without_verbatim_prefix);
    plain.map_or(path, PathBuf::from)
}

/// A path as it must be given to the system where the standard library does not do it, and to
/// SQLite, which gives it to the system: Windows takes long paths in the verbatim spelling alone.
pub(crate) fn for_system(path: &Path) -> Cow<'_, Path> {
    let verbatim = match cfg!(windows) {
        true => path.to_str().and_then(with_verbatim_prefix_if_long),
        false => None,
    };
    verbatim.map_or(Cow::Borrowed(path), |path| Cow::Owned(path.into()))
}

/// A URI under which SQLite opens a file, without its parameters. None for an absolute path that
/// is not text, on Windows.
pub fn uri(path: &Path) -> Option<String> {
    match cfg!(windows) {
        true => Some(uri_on_windows(for_system(path).to_str()?)),
        false => Some(format!(
            "file://{}",
            escaped(path.as_os_str().as_encoded_bytes())
        )),
    }
}

/// SQLite takes no authority but `localhost`, so a server belongs to the path: behind an empty
/// authority. It takes the slash off again before a drive and before a verbatim prefix.
#[cfg_attr(not(windows), allow(dead_code))]
fn uri_on_windows(path: &str) -> String {
    if path.starts_with(VERBATIM) {
        return format!("file:///{}", escaped(path.as_bytes()));
    }
    let slashed = path.replace('\\', "/");
    match slashed.starts_with('/') {
        true => format!("file://{}", escaped(slashed.as_bytes())),
        false => format!("file:///{}", escaped(slashed.as_bytes())),
    }
}

/// Every byte that means something in a URI, or is not ASCII, as `%HH`.
fn escaped(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b':' | b'.' | b'-' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

const VERBATIM: &str = r"\\?\";

/// The longest path in UTF-16 units that every call of Windows takes without the prefix: a
/// folder's, with room for a name of 8 and 3 characters in it.
const LONGEST_PLAIN: usize = 247;

#[cfg_attr(not(windows), allow(dead_code))]
fn without_verbatim_prefix(path: &str) -> Option<String> {
    let rest = path.strip_prefix(VERBATIM)?;
    let (start, below) = match rest.strip_prefix(r"UNC\") {
        Some(share) => (r"\\", share),
        None => {
            let drive = rest.as_bytes();
            let is_drive =
                drive.len() > 2 && drive[0].is_ascii_alphabetic() && &rest[1..3] == r":\";
            ("", is_drive.then_some(rest)?)
        }
    };
    let names = below.split('\\').skip(usize::from(start.is_empty()));
    // Of the plain spelling Windows would make another name, or none.
    let kept = |name: &str| !name.contains('/') && !matches!(name, "." | "..");
    names
        .filter(|name| !name.is_empty())
        .all(|name| kept(name) && refusal_of_windows(name).is_none())
        .then(|| format!("{start}{below}"))
}

#[cfg_attr(not(windows), allow(dead_code))]
fn with_verbatim_prefix_if_long(path: &str) -> Option<String> {
    if path.encode_utf16().count() <= LONGEST_PLAIN || path.starts_with(VERBATIM) {
        return None;
    }
    let path = path.replace('/', r"\");
    match path.strip_prefix(r"\\") {
        Some(share) => Some(format!(r"{VERBATIM}UNC\{share}")),
        None if path.as_bytes().get(1) == Some(&b':') => Some(format!("{VERBATIM}{path}")),
        None => None,
    }
}

/// Why Windows would not take a name of a file or a folder, or would take it for another: a
/// device, a stream of another file, a name without what it ends with.
pub(crate) fn refusal_of_windows(name: &str) -> Option<&'static str> {
    if name.contains(':') {
        return Some("what follows a colon is a stream inside another file");
    }
    let forbidden = |c: char| (c as u32) < 32 || r#"<>"/\|?*"#.contains(c);
    if name.contains(forbidden) {
        return Some(r#"a name cannot contain < > " / \ | ? * or control characters"#);
    }
    if name.ends_with(['.', ' ']) {
        return Some("dots and spaces at the end of a name are dropped without a word");
    }
    let stem = name.split('.').next().unwrap_or_default();
    is_device(stem.trim_end_matches(' ')).then_some("Windows keeps this name for a device")
}

/// Also with a superscript digit, and whatever the extension.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device);
        number.is_some_and(|number| {
            let mut digits = number.chars();
            let digit = digits.next();
            digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
                && digits.next().is_none()
        })
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
}

/// Why a path that somebody gave cannot be one of a database here, if it cannot.
pub(crate) fn refusal(path: &Path) -> Option<String> {
    if !cfg!(windows) {
        return None;
    }
    use std::path::{Component, Prefix};
    let Some(text) = path.to_str() else {
        return Some("its name is not valid Unicode".to_owned());
    };
    if text.len() > LONGEST_FOR_SQLITE {
        return Some(format!(
            "the path has {} bytes, and SQLite on Windows takes {LONGEST_FOR_SQLITE}",
            text.len()
        ));
    }
    path.components().find_map(|component| match component {
        Component::Prefix(prefix) if matches!(prefix.kind(), Prefix::DeviceNS(_)) => {
            Some("it is a device".to_owned())
        }
        Component::Normal(name) => refusal_of_windows(&name.to_string_lossy())
            .map(|reason| format!("`{}`: {reason}", name.display())),
        _ => None,
    })
}

/// 1,040 bytes, less those of `-journal` (`winFullPathname` and the pager of sqlite3.c).
const LONGEST_FOR_SQLITE: usize = 1032;

#[cfg(test)]
mod tests {
    use super::*;

    /// A `?` that was not escaped cut the path, and a server was refused as an authority.
    #[test]
    fn every_path_of_windows_has_a_uri_that_sqlite_takes() {
        for (path, uri) in [
            (r"C:\notes.db", "file:///C:/notes.db"),
            (r"C:\a b\ß#%.db", "file:///C:/a%20b/%C3%9F%23%25.db"),
            (r"\\server\share\x.db", "file:////server/share/x.db"),
            (r"\\wsl$\Debian\x.db", "file:////wsl%24/Debian/x.db"),
            (r"\\?\C:\x.db", "file:///%5C%5C%3F%5CC:%5Cx.db"),
            (
                r"\\?\Volume{1-2}\x.db",
                "file:///%5C%5C%3F%5CVolume%7B1-2%7D%5Cx.db",
            ),
            (
                r"\\?\UNC\server\share\x.db",
                "file:///%5C%5C%3F%5CUNC%5Cserver%5Cshare%5Cx.db",
            ),
        ] {
            assert_eq!(uri_on_windows(path), uri, "{path}");
        }
    }

    #[test]
    fn a_verbatim_prefix_goes_where_the_path_means_the_same_without_it() {
        let long = format!(r"C:\{}", r"folder\".repeat(60));
        for (verbatim, plain) in [
            (r"\\?\C:\notes.db", Some(r"C:\notes.db")),
            (r"\\?\C:\", Some(r"C:\")),
            (
                r"\\?\UNC\server\share\a b\x.db",
                Some(r"\\server\share\a b\x.db"),
            ),
            (&format!(r"\\?\{long}"), Some(long.as_str())),
            (r"\\?\Volume{1-2}\x.db", None),
            (r"\\?\C:\nul\x.db", None),
            (r"\\?\C:\x.db.", None),
            (r"\\?\C:\a/b", None),
            (r"\\?\C:\a\..\b", None),
            (r"\\?\C:\x:y", None),
            (r"C:\notes.db", None),
            (r"\\server\share\x.db", None),
        ] {
            assert_eq!(
                without_verbatim_prefix(verbatim).as_deref(),
                plain,
                "{verbatim}"
            );
        }
    }

    #[test]
    fn a_long_path_gets_the_prefix_and_a_short_one_keeps_its_spelling() {
        let of = |length: usize| format!(r"C:\{}", "x".repeat(length - 3));
        assert_eq!(with_verbatim_prefix_if_long(&of(247)), None);
        for length in [248, 259, 261, 1032] {
            let long = of(length);
            let verbatim = with_verbatim_prefix_if_long(&long).unwrap();
            assert_eq!(verbatim, format!(r"\\?\{long}"));
            assert_eq!(without_verbatim_prefix(&verbatim), Some(long));
            assert_eq!(with_verbatim_prefix_if_long(&verbatim), None);
        }
        let share = format!(r"\\server\share\{}", "x".repeat(250));
        let verbatim = with_verbatim_prefix_if_long(&share).unwrap();
        assert!(
            verbatim.starts_with(r"\\?\UNC\server\share\x"),
            "{verbatim}"
        );
        assert_eq!(without_verbatim_prefix(&verbatim), Some(share));
    }

    #[test]
    fn names_that_windows_would_not_keep_are_known() {
        for name in [
            "con",
            "CON.db",
            "nul",
            "aux.txt",
            "com1",
            "COM¹.db",
            "lpt0",
            "conin$",
            "nul .db",
            "app.db:stream",
            "what?.db",
            "a|b",
            "td.db.",
            "td.db ",
            "a\u{7}",
        ] {
            assert!(refusal_of_windows(name).is_some(), "{name:?}");
        }
        for name in [
            "console",
            "com",
            "com10",
            "nulls.db",
            ".hidden",
            "größe.db",
            "a b",
            "x'y",
        ] {
            assert_eq!(refusal_of_windows(name), None, "{name:?}");
        }
    }

    /// Names of Windows may be no valid UTF-16, and SQLite takes UTF-8.
    #[cfg(windows)]
    #[test]
    fn a_name_that_is_no_text_is_refused() {
        use std::os::windows::ffi::OsStringExt;
        let name = std::ffi::OsString::from_wide(&[0x61, 0xd800, 0x62]);
        let path = Path::new(r"C:\notes").join(name);
        let refused = refusal(&path).unwrap();
        assert_eq!(refused, "its name is not valid Unicode");
        assert_eq!(uri(&path), None);
    }

    /// The URI is what SQLite is asked for: it must find the very file, whatever its name.
    #[test]
    fn sqlite_opens_the_uri_of_a_file_with_an_odd_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = vec!["a b", "50%25", "x#y", "ünï", "a'b;c&d=e"];
        if cfg!(unix) {
            names.extend(["what?mode=memory", "back\\slash", "two\nlines", "\u{1}"]);
        }
        for name in names {
            let path = folder.path().join(name);
            rusqlite::Connection::open(&path)
                .and_then(|connection| connection.execute_batch("CREATE TABLE t (x)"))
                .unwrap();
            let uri = format!("{}?mode=ro", uri(&path).unwrap());
            let found = rusqlite::Connection::open(&uri)
                .and_then(|connection| {
                    connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                })
                .unwrap_or_else(|error| panic!("{uri}: {error}"));
            assert_eq!(found, 0, "{uri}");
        }
    }
}
