//! SQL as a person would write it: statements with a comment above, an empty line between.

/// How wide a comment may be, in characters.
const WIDTH: usize = 92;

/// A migration file in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writer {
    text: String,
    /// An empty line is due before the next line.
    gap: bool,
}

impl Writer {
    /// A comment, broken into lines.
    pub(crate) fn comment(&mut self, words: &str) {
        self.begin();
        let mut line = String::from("--");
        for word in words.split_whitespace() {
            if line.chars().count() + word.chars().count() >= WIDTH && line.len() > 2 {
                self.text += &line;
                self.text.push('\n');
                line = String::from("--");
            }
            line.push(' ');
            line += word;
        }
        self.text += &line;
        self.text.push('\n');
    }

    /// A statement, which gets its semicolon.
    pub(crate) fn statement(&mut self, sql: &str) {
        self.begin();
        self.text += sql.trim_end().trim_end_matches(';');
        self.text += ";\n";
    }

    /// Statements that were written elsewhere.
    pub(crate) fn raw(&mut self, sql: &str) {
        if !sql.is_empty() {
            self.begin();
            self.text += sql;
            self.gap = true;
        }
    }

    /// What follows is about something else.
    pub(crate) fn end_block(&mut self) {
        self.gap = !self.text.is_empty();
    }

    fn begin(&mut self) {
        if std::mem::take(&mut self.gap) {
            self.text.push('\n');
        }
    }

    /// The text so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_broken_and_statements_end() {
        let mut out = Writer::default();
        out.end_block();
        out.comment(&"word ".repeat(20));
        out.statement("SELECT 1;");
        out.end_block();
        out.statement("SELECT 2");
        let lines: Vec<&str> = out.text().lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[0].len() <= WIDTH && lines[1].starts_with("-- word"));
        assert_eq!(&lines[2..], ["SELECT 1;", "", "SELECT 2;"]);
    }

    #[test]
    fn a_word_that_is_longer_than_a_line_has_one_of_its_own() {
        let (mut out, word) = (Writer::default(), "x".repeat(WIDTH + 1));
        out.comment(&format!("{word} {word}"));
        assert_eq!(out.text(), format!("-- {word}\n-- {word}\n"));
    }
}
