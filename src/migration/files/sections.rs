//! Files that hold both ways: sections that another tool tells apart by comments.
//!
//! SQLite does not see them, so that both ways would run one after the other. In the layout of
//! their tool they are taken apart; anywhere else a file that has them is refused.

use crate::migration::files::layout::Layout;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::token::{LexemeKind, Lexemes};

/// What a comment says to another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Up,
    Down,
    /// Without a transaction.
    Free,
    /// Where a statement begins and ends, which is known without it.
    Bracket,
    Unknown,
}

struct Comment<'t> {
    tool: &'static str,
    word: Word,
    start: usize,
    text: &'t str,
}

fn comments(text: &str) -> Vec<Comment<'_>> {
    let prefixes = [
        ("+goose", "goose"),
        ("+migrate", "sql-migrate"),
        ("migrate:", "dbmate"),
    ];
    let read = |lexeme: crate::sqlite::sql::token::Lexeme<'_>| {
        let said = lexeme.text[2..].trim().to_ascii_lowercase();
        let (prefix, tool) = prefixes
            .into_iter()
            .find(|(prefix, _)| said.starts_with(prefix))?;
        let said: Vec<&str> = said[prefix.len()..].split_whitespace().collect();
        let word = match said.as_slice() {
            ["up", "transaction:false"] if tool == "dbmate" => Word::Free,
            ["up", ..] => Word::Up,
            ["down", ..] => Word::Down,
            ["no", "transaction"] => Word::Free,
            ["statementbegin" | "statementend"] => Word::Bracket,
            _ if tool == "dbmate" => return None,
            _ => Word::Unknown,
        };
        Some((tool, word))
    };
    Lexemes::new(text)
        .filter(|lexeme| lexeme.kind == LexemeKind::Line)
        .filter_map(|lexeme| {
            let (start, whole) = (lexeme.start, lexeme.text);
            let (tool, word) = read(lexeme)?;
            Some(Comment {
                tool,
                word,
                start,
                text: whole,
            })
        })
        .collect()
}

/// The first comment of another tool's in a file: where, and the tool.
pub(crate) fn first(script: &Script) -> Option<(usize, &'static str)> {
    let text = script.text();
    if !text.contains("+goose") && !text.contains("migrate") {
        return None;
    }
    let first = comments(text).into_iter().next()?;
    Some((first.start, first.tool))
}

/// What to do with such a file.
pub(crate) fn help(tool: &str) -> &'static str {
    match tool {
        "goose" | "dbmate" => {
            "where the whole folder is laid out so, say so with the setting `layout` or `Source::layout`; else put the down migration into a file of its own, and remove these comments"
        }
        _ => "put the down migration into a file of its own, and remove these comments",
    }
}

/// The up and the down migration of a file, each with its lines where they are in the file.
///
/// # Errors
/// A sentence, for what cannot be taken apart.
pub(crate) fn take_apart(
    layout: Layout,
    script: &Script,
) -> Result<(String, Option<String>), String> {
    let tool = layout.as_str();
    let text = script.text();
    let (mut up, mut down) = (String::new(), String::new());
    let (mut in_down, mut begun, mut has_down) = (false, false, false);
    let mut at = 0;
    // The text on the other side keeps its lines, so that places stay the file's.
    let mut give = |piece: &str, is_down: bool| {
        let lines: String = piece.chars().filter(|c| *c == '\n').collect();
        let (this, that) = match is_down {
            true => (&mut down, &mut up),
            false => (&mut up, &mut down),
        };
        this.push_str(piece);
        that.push_str(&lines);
    };
    for comment in comments(text).iter().filter(|it| it.tool == tool) {
        give(&text[at..comment.start], in_down);
        at = comment.start + comment.text.len();
        match comment.word {
            Word::Up if begun || has_down => {
                return Err(format!(
                    "a second section for the way up, or one below that for the way down; {tool} has one of each, up first"
                ));
            }
            Word::Up => begun = true,
            Word::Free => {
                begun |= tool == "dbmate";
                let directive = "-- heirloom: no-transaction";
                match tool {
                    // It speaks of one section.
                    "dbmate" => give(directive, in_down),
                    _ => {
                        give(directive, true);
                        give(directive, false);
                    }
                }
            }
            Word::Down if has_down => return Err("a second section for the way down".into()),
            Word::Down => {
                (in_down, has_down) = (true, true);
                if comment.text.contains("transaction:false") {
                    give("-- heirloom: no-transaction", true);
                }
            }
            Word::Bracket => {}
            Word::Unknown => return Err(format!("`{}` is not supported", comment.text.trim())),
        }
    }
    give(&text[at..], in_down);
    if !begun {
        return Err(format!(
            "it has no section for the way up, as {tool} writes it"
        ));
    }
    // What is below does not count, so that a change there changes no checksum.
    up.truncate(up.trim_end().len());
    up.push('\n');
    Ok((up, has_down.then_some(down)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(layout: Layout, text: &str) -> Result<(String, Option<String>), String> {
        take_apart(layout, &Script::new("f.sql", text.to_owned()))
    }

    #[test]
    fn a_file_with_both_ways_is_taken_apart_and_its_lines_stay() {
        let goose = "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nVACUUM;\n-- +goose StatementEnd\n\n-- +goose Down\nSELECT 2;\n";
        let (up, down) = apart(Layout::Goose, goose).unwrap();
        assert_eq!(up, "-- heirloom: no-transaction\n\n\nVACUUM;\n");
        assert_eq!(
            down.as_deref(),
            Some("-- heirloom: no-transaction\n\n\n\n\n\n\nSELECT 2;\n")
        );
        let dbmate = "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\nSELECT 2;\n";
        let (up, down) = apart(Layout::Dbmate, dbmate).unwrap();
        assert_eq!(up, "-- heirloom: no-transaction\nVACUUM;\n");
        assert_eq!(down.as_deref(), Some("\n\n\nSELECT 2;\n"));
        let only_up = "-- migrate:up\nSELECT '-- migrate:down';\n";
        let (up, down) = apart(Layout::Dbmate, only_up).unwrap();
        assert_eq!(up, "\nSELECT '-- migrate:down';\n");
        assert_eq!(down, None);
    }

    #[test]
    fn what_cannot_be_taken_apart_is_said() {
        for (layout, text) in [
            (Layout::Goose, "SELECT 1;"),
            (
                Layout::Goose,
                "-- +goose ENVSUB ON\n-- +goose Up\nSELECT 1;",
            ),
            (Layout::Goose, "-- +goose Up\n-- +goose Up\nSELECT 1;"),
            (
                Layout::Goose,
                "-- +goose Down\nSELECT 1;\n-- +goose Up\nSELECT 2;",
            ),
            (Layout::Dbmate, "-- migrate:down\nSELECT 1;"),
        ] {
            assert!(apart(layout, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_comment_that_speaks_to_another_tool_is_recognised_and_a_text_is_not() {
        let tool = |text: &str| first(&Script::new("f.sql", text.to_owned())).map(|it| it.1);
        for (text, expected) in [
            ("-- +goose Up\nSELECT 1", Some("goose")),
            ("SELECT 1; --+goose down", Some("goose")),
            ("-- migrate:up\n", Some("dbmate")),
            ("-- +migrate Down\n", Some("sql-migrate")),
            (
                "-- migrate: up to here\nSELECT '-- +goose Up'",
                Some("dbmate"),
            ),
            ("-- we migrate upwards\n", None),
            ("-- migrate:users first\n", None),
            ("/* -- +goose Up */ SELECT 1", None),
        ] {
            assert_eq!(tool(text), expected, "{text}");
        }
    }
}
