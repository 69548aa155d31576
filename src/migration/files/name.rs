//! What a file name in a migrations folder says: `V{version}__{name}.sql` and what belongs to it.

use crate::report::error::{Error, invalid};

/// The ending of a file that stands for a migration in Rust, as refinery has it.
pub(crate) const RUST_ENDING: &str = ".rs";

/// What a file name in a migrations folder says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileName<'n> {
    Up(Parsed<'n>),
    Rust(Parsed<'n>),
    Down(Parsed<'n>),
    /// Not a migration, and not like one.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed<'n> {
    pub(crate) any_order: bool,
    pub(crate) version: i64,
    pub(crate) name: &'n str,
}

/// Takes a file name apart.
///
/// # Errors
/// A sentence when the name looks like a migration's and is none: it would be skipped
/// in silence by a laxer reader.
pub(crate) fn parse(file: &str) -> Result<FileName<'_>, String> {
    let bytes = file.as_bytes();
    let numbered = matches!(bytes.first(), Some(b'v' | b'V' | b'u' | b'U'))
        && bytes.get(1).is_some_and(u8::is_ascii_digit);
    if file.starts_with('.') || !(numbered || looks_like_sql(file)) {
        return Ok(FileName::Other);
    }
    let in_rust = file.ends_with(RUST_ENDING);
    let Some(stem) = file.strip_suffix(".sql").or(file.strip_suffix(RUST_ENDING)) else {
        return Err(if looks_like_sql(file) {
            "the extension must be `.sql` in small letters".into()
        } else {
            "it is named like a migration and does not end in `.sql` or `.rs`".into()
        });
    };
    let (stem, down) = match stem.strip_suffix(".down") {
        Some(_) if in_rust => {
            return Err("a down migration in Rust is a function beside the other".into());
        }
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let any_order = stem.starts_with('U');
    let Some(rest) = stem.strip_prefix(['V', 'U']) else {
        return Err("a migration's name begins with a capital `V` and a number".into());
    };
    let mut pairs = rest.as_bytes().windows(2);
    let Some(joint) = pairs.position(|pair| pair == b"__") else {
        return Err("version and name must be joined by two underscores".into());
    };
    let (digits, name) = (&rest[..joint], &rest[joint + 2..]);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("`{digits}` is not a whole number"));
    }
    let version = digits
        .parse()
        .map_err(|_| format!("version {digits} is larger than {}", i64::MAX))?;
    if name.is_empty() {
        return Err("the name after the version is empty".into());
    }
    if let Some(odd) = name.chars().find(|&c| !is_name_character(c)) {
        return Err(format!(
            "the name may hold letters, digits and underscores, not `{odd}`"
        ));
    }
    let parsed = Parsed {
        any_order,
        version,
        name,
    };
    Ok(match (in_rust, down) {
        (true, _) => FileName::Rust(parsed),
        (_, true) => FileName::Down(parsed),
        (_, false) => FileName::Up(parsed),
    })
}

/// Version and name of the migration whose a file is, there or back.
#[cfg(feature = "devtools")]
pub(crate) fn whose(file: &str) -> Option<(i64, &str)> {
    let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
    match parse(file) {
        Ok(FileName::Up(of) | FileName::Rust(of) | FileName::Down(of)) => {
            Some((of.version, of.name))
        }
        Ok(FileName::Other) | Err(_) => None,
    }
}

/// Refuses a name that no migration in Rust could have as a file.
pub(crate) fn check_rust_name(file: &str) -> Result<(), Error> {
    let reason = match parse(file) {
        Ok(FileName::Rust(_)) => return Ok(()),
        Ok(_) => "it is not named like a migration".to_owned(),
        Err(reason) => reason,
    };
    Err(invalid(format!("{file}: {reason}"))
        .with_help("name it as its file would be, without the ending: V2__fill_slugs"))
}

/// Whether a file ends in `.sql`, in whatever case.
pub(crate) fn looks_like_sql(file: &str) -> bool {
    let bytes = file.as_bytes();
    bytes.len() >= 4 && bytes[bytes.len() - 4..].eq_ignore_ascii_case(b".sql")
}

/// Whether a name can be a migration's: letters, digits and underscores.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_character)
}

/// Inside refinery's `\w`.
pub(crate) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_taken_or_refused_and_never_skipped() {
        let up = |version, name| {
            Ok(FileName::Up(Parsed {
                any_order: false,
                version,
                name,
            }))
        };
        assert_eq!(parse("V1__a.sql"), up(1, "a"));
        assert_eq!(
            parse("V20261121091403__add_phone.sql"),
            up(20_261_121_091_403, "add_phone")
        );
        assert_eq!(parse("V007__größe__2.sql"), up(7, "größe__2"));
        assert_eq!(
            parse("U2__a.sql"),
            Ok(FileName::Up(Parsed {
                any_order: true,
                version: 2,
                name: "a"
            }))
        );
        assert_eq!(
            parse("V1__a.down.sql"),
            Ok(FileName::Down(Parsed {
                any_order: false,
                version: 1,
                name: "a"
            }))
        );
        for other in [
            "README.md",
            ".gitkeep",
            ".V1__a.sql.swp",
            "mod.rs",
            "vendor",
        ] {
            assert_eq!(parse(other), Ok(FileName::Other), "{other}");
        }
        for wrong in [
            "V2__b-c.sql",
            "v3__x.sql",
            "V1__a.SQL",
            "V1.1__x.sql",
            "|V1__x.sql",
            "V1_a.sql",
            "V__a.sql",
            "V1__.sql",
            "notes.sql",
            "V1__a.sql.bak",
            "V1__a.rsx",
            "V1__a.up.sql",
            "V99999999999999999999__a.sql",
            "V-1__a.sql",
            "V1__a b.sql",
            "V1__a–b.sql",
            "u1__a.sql",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
