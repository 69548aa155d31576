//! What did not come from us, made visible on its way out: a name in a stranger's database may
//! hold sequences that a terminal obeys, and marks that turn a line round.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use anstyle::Style;

/// Stands before and behind each sequence of ours. Nobody who writes a name knows it.
fn ours() -> &'static str {
    static OURS: OnceLock<String> = OnceLock::new();
    OURS.get_or_init(|| {
        let random = RandomState::new();
        let private = |number: u8| {
            let place = (random.hash_one(number) & 0x7fff) as u32;
            char::from_u32(0xf_0000 + place).unwrap_or('\u{f0000}')
        };
        (0..4).map(private).collect()
    })
}

/// Text in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    let ours = ours();
    format!("{ours}{style}{ours}{text}{ours}{style:#}{ours}")
}

/// The text with our own sequences and nobody else's.
pub(crate) fn visible(text: &str) -> String {
    let parts = text.split(ours()).enumerate();
    parts
        .map(|(number, part)| match number % 2 {
            0 => escaped(part),
            // Between two marks.
            _ => part.to_owned(),
        })
        .collect()
}

/// The text as it is seen, without colours.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(&visible(text)).to_string()
}

fn escaped(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_obeyed(letter) {
            true => shown.extend(letter.escape_unicode()),
            false => shown.push(letter),
        }
    }
    shown
}

/// A JSON document with the same letters escaped as JSON does it: those that it must not have raw
/// are already.
pub(crate) fn in_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for letter in document.chars() {
        match is_obeyed(letter) {
            true => shown += &format!("\\u{:04x}", u32::from(letter)),
            false => shown.push(letter),
        }
    }
    shown
}

/// Whether a terminal does something at a letter other than to show it.
fn is_obeyed(letter: char) -> bool {
    let lays_out = matches!(letter, '\n' | '\t');
    let turns_round = matches!(letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(letter, '\u{2028}' | '\u{2029}');
    // Two names that look the same. What joins the parts of a letter is none of these.
    let hides = matches!(letter, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}');
    (letter.is_control() && !lays_out) || turns_round || breaks || hides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text::RED;

    /// A table was called so that looking at it gave the terminal another title. What strips
    /// sequences swallowed the names behind them.
    #[test]
    fn sequences_of_a_stranger_are_seen_and_ours_are_obeyed() {
        let hostile = [
            ("a\u{1b}]0;EVIL\u{7}b", "a\\u{1b}]0;EVIL\\u{7}b"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("\rover", "\\u{d}over"),
            ("\u{202e}turned", "\\u{202e}turned"),
            ("no\u{200b}tes", "no\\u{200b}tes"),
            ("one\r\ntwo\tthree", "one\ntwo\tthree"),
            ("größe 日本 🙂", "größe 日本 🙂"),
        ];
        for (name, shown) in hostile {
            assert_eq!(visible(name), shown);
            assert_eq!(visible(&styled(RED, name)), format!("{RED}{shown}{RED:#}"));
            assert_eq!(plain(&styled(RED, name)), shown);
            let document = in_json(&serde_json::to_string(name).unwrap());
            assert_eq!(serde_json::from_str::<String>(&document).unwrap(), name);
            assert!(!document.contains(is_obeyed), "{document}");
        }
    }
}
