//! Small files of heirloom's beside a database: records, notes, logs.

/// A name with its line breaks written out.
pub(crate) fn on_one_line(name: &str) -> String {
    name.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

/// The name again.
pub(crate) fn from_one_line(line: &str) -> String {
    let mut name = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(escaped @ ('\\' | 'n' | 'r'))) => {
                chars.next();
                name.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    backslash => backslash,
                });
            }
            _ => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of Windows came back from a log with its backslashes doubled.
    #[test]
    fn a_name_on_one_line_is_the_name_again() {
        for name in [
            r"C:\new\rest",
            "a\nb\r",
            r"\\server\n",
            r"ends with \",
            "",
            "plain",
        ] {
            let line = on_one_line(name);
            assert!(!line.contains(['\n', '\r']), "{line}");
            assert_eq!(from_one_line(&line), name);
        }
        // As an older heirloom may have written it.
        assert_eq!(from_one_line(r"a\b"), r"a\b");
    }
}
