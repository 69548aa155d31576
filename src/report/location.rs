//! Where in a script something is.

use std::fmt;

/// The place in a migration file at which something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as the migration source names it.
    pub file: String,
    /// Line and column, from 1.
    pub position: Position,
    /// Whether the column is the one SQLite named, or only where the statement begins.
    pub exact: bool,
    /// The text of that line.
    pub line_text: String,
}

impl Location {
    /// The line with its number, and a caret under the column.
    pub fn excerpt(&self) -> String {
        let number = self.position.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the caret stands where the eye looks.
        let pad: String = self
            .line_text
            .trim_start_matches('\u{feff}')
            .chars()
            .take(self.position.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        format!(
            "{number} | {}\n{margin} | {pad}^",
            self.line_text.trim_start_matches('\u{feff}')
        )
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.position)
    }
}

/// A place in a file, counted from one. Columns count characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
