//! Tables on the terminal.

use std::fmt;

use crate::style::HEAD;

/// Rows of text under a head, each column as wide as its widest cell.
#[derive(Debug)]
pub(crate) struct Columns {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Columns {
    /// An empty table with these heads.
    pub(crate) fn new<H: Into<String>>(head: impl IntoIterator<Item = H>) -> Self {
        let head = head.into_iter().map(|name| printable(&name.into())).collect();
        Self { head, rows: Vec::new(), right: Vec::new() }
    }

    /// Aligns these columns to the right, counted from 0.
    pub(crate) fn right(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.right.extend(columns);
        self
    }

    /// Adds a row. Control characters, which could rewrite the screen, are shown as `·`.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(self.head.get(column).map_or(0, |head| head.chars().count()))
    }

    fn line(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = self.width(column);
            line += &if self.right.contains(&column) {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            };
        }
        line.trim_end().to_owned()
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}{}{HEAD:#}", self.line(&self.head))?;
        self.rows.iter().try_for_each(|row| write!(f, "\n{}", self.line(row)))
    }
}

/// The text without characters that could move the cursor or change colours: names come from others, too.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if is_control(character) { '·' } else { character }).collect()
}

fn is_control(character: char) -> bool {
    // The second group turns the direction of writing round and could disguise a name.
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Columns::new(["name", "size"]).right([1]);
        table.row(["ä.txt".to_owned(), "9 B".to_owned()]);
        table.row(["report.pdf".to_owned(), "14.2 MB".to_owned()]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(plain, "name           size\nä.txt           9 B\nreport.pdf  14.2 MB");
    }

    #[test]
    fn a_name_cannot_write_to_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\n"), "a·[2Jb·c·");
    }
}
