//! Rows of cells, in columns that fit the window.

use unicode_width::UnicodeWidthStr;

use crate::output::visible;

const GAP: &str = "  ";
/// Before what did not fit into the line above.
const INDENT: &str = "    ";

/// A table as lines, a row each, below its header where it has one. A row that is too wide for the
/// window goes on in the next line at a column's beginning, every row at the same one, and a cell
/// that is wider than the window ends in `…`. Without a window (a pipe, a file) nothing is folded
/// or cut.
pub(crate) fn lines(
    header: Option<&[&str]>,
    rows: &[Vec<String>],
    window: Option<usize>,
) -> Vec<String> {
    let body = rows;
    let names = header.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let rows: Vec<&Vec<String>> = names.iter().chain(rows).collect();
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let numbers = numbers(body, columns);
    let begins = folds(&widths, window.unwrap_or(usize::MAX));
    let line = |row: &&Vec<String>| line(row, &widths, &numbers, &begins, window);
    rows.iter().map(line).collect()
}

/// Which columns hold numbers alone.
fn numbers(rows: &[Vec<String>], columns: usize) -> Vec<bool> {
    (0..columns)
        .map(|column| {
            let mut cells = rows.iter().filter_map(|row| row.get(column));
            cells.all(|cell| is_number(cell))
        })
        .collect()
}

/// The columns at which a new line begins.
fn folds(widths: &[usize], window: usize) -> Vec<usize> {
    let mut begins = Vec::new();
    let mut used = 0_usize;
    for (column, width) in widths.iter().enumerate() {
        let with_it = used.saturating_add(GAP.len() + width);
        if column == 0 {
            used = *width;
        } else if with_it <= window {
            used = with_it;
        } else {
            begins.push(column);
            used = INDENT.len() + width;
        }
    }
    begins
}

/// What is aligned to the right: nothing, or digits and perhaps a unit, but not a time.
fn is_number(cell: &str) -> bool {
    let begins = cell.starts_with(|c: char| c.is_ascii_digit());
    cell.is_empty() || (begins && cell.matches(' ').count() < 2 && !cell.contains(':'))
}

fn line(
    row: &[String],
    widths: &[usize],
    numbers: &[bool],
    begins: &[usize],
    window: Option<usize>,
) -> String {
    let mut lines = vec![String::new()];
    let columns = row.iter().zip(widths).zip(numbers);
    for (column, ((cell, wide), is_number)) in columns.enumerate() {
        let indent = match begins.contains(&column) {
            true => INDENT.len(),
            false => 0,
        };
        if indent > 0 {
            lines.push(INDENT.to_owned());
        }
        let cell = match window {
            Some(window) => cut(cell, window.saturating_sub(indent)),
            None => cell.clone(),
        };
        let room = window.map_or(*wide, |window| window.saturating_sub(indent).min(*wide));
        let pad = " ".repeat(room.saturating_sub(width(&cell)));
        if let Some(line) = lines.last_mut() {
            let begins_line = column == 0 || indent > 0;
            *line += if begins_line { "" } else { GAP };
            *line += &match is_number {
                true => pad + &cell,
                false => cell + &pad,
            };
        }
    }
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.trim_end())
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

/// Columns of the terminal that a text takes, colours aside.
pub(crate) fn width(text: &str) -> usize {
    visible::plain(text).width()
}

/// A text that ends in `…` where there is no room for all of it. One that is cut loses its
/// colours, whose end might be cut off.
fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in visible::plain(text).chars() {
        kept.push(letter);
        if width(&kept) >= room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text::{RED, styled};

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(row).collect()
    }

    #[test]
    fn columns_stand_below_one_another_whatever_their_letters_and_colours() {
        let mut table = rows(&[&["a", "one", "x"], &["größe", "日本", "y"], &["b", "", "z"]]);
        table[0][1] = styled(RED, "one");
        let lines = lines(None, &table, None);
        let plain: Vec<String> = lines.iter().map(|line| visible::plain(line)).collect();
        assert_eq!(
            plain,
            ["a      one   x", "größe  日本  y", "b            z"]
        );
    }

    #[test]
    fn a_header_stands_over_its_column_and_leaves_numbers_on_the_right() {
        let table = rows(&[&["notes", "12"], &["t", "3"]]);
        assert_eq!(
            lines(Some(&["table", "rows"]), &table, None),
            ["table  rows", "notes    12", "t         3"]
        );
        assert_eq!(lines(Some(&["table"]), &[], None), ["table"]);
    }

    #[test]
    fn what_is_too_wide_for_the_window_is_folded_and_only_a_single_cell_is_cut() {
        let table = rows(&[&["name-of-it", "12345", "verified"], &["n", "1", "v"]]);
        let at = |window| lines(None, &table, window);
        assert_eq!(at(None)[0], "name-of-it  12345  verified");
        assert_eq!(at(Some(27)), at(None));
        assert_eq!(
            at(Some(26)),
            [
                "name-of-it  12345\n    verified",
                "n               1\n    v"
            ]
        );
        assert_eq!(at(Some(9))[0], "name-of-…\n    12345\n    veri…");
        for window in 1..30 {
            for line in at(Some(window)).iter().flat_map(|line| line.lines()) {
                assert!(
                    width(line) <= window.max(INDENT.len() + 1),
                    "{window}: {line}"
                );
            }
        }
    }
}
