//! Tables for people: one row per line, never wider than the terminal.
//!
//! Where a table is too wide, columns of little importance are left out, and texts that are still too long are cut at their
//! end. What other commands take, such as serial numbers, is shown whole. Without a width nothing is shortened.

use rootca::cli::printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;
/// A text column is not cut below this while another column can be left out instead.
const NARROWEST: usize = 16;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    /// Columns with a higher number are left out first; those with 0 always stay.
    rank: u8,
    cut: Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Never,
    End,
}

impl Column {
    /// Short values, shown whole or not at all.
    pub(crate) const fn whole(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            cut: Cut::Never,
        }
    }

    /// Text that still helps without its end.
    pub(crate) const fn text(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            cut: Cut::End,
        }
    }
}

/// The lines of a table, header first; `paint` colors a cell after its width is settled.
pub(crate) fn render(
    columns: &[Column],
    rows: &[Vec<String>],
    width: Option<usize>,
    paint: impl Fn(&str, String) -> String,
) -> String {
    let header = columns.iter().map(|column| column.name.to_uppercase()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(header)
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|cell| on_one_line(cell)).collect()),
        )
        .collect();
    let widths = fit(columns, &natural(columns, &cells), width);
    let mut text = String::new();
    for row in &cells {
        text.push_str(&line(row, &widths, &paint));
        text.push('\n');
    }
    text
}

fn line(row: &[String], widths: &[Option<usize>], paint: &impl Fn(&str, String) -> String) -> String {
    let mut line = String::new();
    // Blanks are written before the next cell, so that no line ends with them.
    let mut blanks = 0;
    for (cell, width) in row.iter().zip(widths) {
        let Some(width) = *width else { continue };
        let shown = cut_end(cell, width);
        let used = shown.width();
        if used > 0 {
            line.push_str(&" ".repeat(blanks));
            line.push_str(&paint(cell, shown));
            blanks = 0;
        }
        blanks += width.saturating_sub(used) + GAP;
    }
    line
}

/// The widest cell of each column.
fn natural(columns: &[Column], cells: &[Vec<String>]) -> Vec<usize> {
    (0..columns.len())
        .map(|index| {
            let of = |row: &Vec<String>| row.get(index).map_or(0, |cell| cell.width());
            cells.iter().map(of).max().unwrap_or_default()
        })
        .collect()
}

/// The width of each column; `None` where it is left out.
fn fit(columns: &[Column], natural: &[usize], width: Option<usize>) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = natural.iter().copied().map(Some).collect();
    let Some(width) = width else { return widths };
    let least = |index: usize, wide: usize| match columns.get(index).map(|column| column.cut) {
        Some(Cut::End) => wide.min(NARROWEST),
        _ => wide,
    };
    let total = |widths: &[Option<usize>], of: &dyn Fn(usize, usize) -> usize| {
        let shown = widths
            .iter()
            .enumerate()
            .filter_map(|(index, wide)| Some(of(index, (*wide)?)));
        let (count, sum) = shown.fold((0_usize, 0_usize), |(count, sum), wide| (count + 1, sum + wide));
        sum + GAP * count.saturating_sub(1)
    };
    let whole = |_: usize, wide: usize| wide;
    // 1. Leave out what matters least, as long as shortening the others does not suffice.
    while total(&widths, &least) > width {
        let shown = columns
            .iter()
            .enumerate()
            .filter(|(index, column)| column.rank > 0 && widths.get(*index).is_some_and(Option::is_some));
        let Some((last, _)) = shown.max_by_key(|(_, column)| column.rank) else {
            break;
        };
        if let Some(wide) = widths.get_mut(last) {
            *wide = None;
        }
    }
    // 2. Shorten: texts, the widest first, and in the end whatever there is.
    for (cut, floor) in [(Cut::End, NARROWEST), (Cut::End, 1), (Cut::Never, 1)] {
        loop {
            let over = total(&widths, &whole).saturating_sub(width);
            let widest = columns
                .iter()
                .zip(widths.iter_mut())
                .filter_map(|(column, wide)| wide.as_mut().filter(|wide| column.cut == cut && **wide > floor))
                .max_by_key(|wide| **wide);
            match (over, widest) {
                (0, _) | (_, None) => break,
                (over, Some(wide)) => *wide -= over.min(1.max((*wide - floor) / 2)).min(*wide - floor),
            }
        }
    }
    widths
}

/// A cell is one line of what can be seen.
fn on_one_line(cell: &str) -> String {
    printable(&cell.replace(['\n', '\t'], " ")).into_owned()
}

/// The start of a text, with `…` where its end was cut off.
pub(crate) fn cut_end(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = start(text, width.saturating_sub(1));
    if width > 0 {
        shown.push('…');
    }
    shown
}

/// Both ends of an identifier.
pub(crate) fn shorten_middle(text: &str, width: usize) -> String {
    if text.width() <= width || width < 3 {
        return cut_end(text, width);
    }
    let room = width - 1;
    let end: String = text.chars().rev().collect();
    let end: String = start(&end, room / 2).chars().rev().collect();
    format!("{}…{end}", start(text, room - room / 2))
}

/// As many characters as fit; a wide one that would stick out is left out.
fn start(text: &str, width: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// Text broken at blanks to lines of at most `width`, each with the blanks that its paragraph begins with; a longer word has a
/// line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let words = paragraph.trim_start_matches(' ');
        let (indent, _) = paragraph.split_at(paragraph.len() - words.len());
        let mut line = indent.to_owned();
        for word in words.split(' ') {
            let empty = line.len() == indent.len();
            if !empty && line.width() + 1 + word.width() > width {
                lines.push(std::mem::replace(&mut line, indent.to_owned()));
            } else if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 5] = [
        Column::whole("serial", 0),
        Column::text("names", 0),
        Column::whole("profile", 3),
        Column::whole("status", 1),
        Column::whole("not before", 4),
    ];

    fn rows() -> Vec<Vec<String>> {
        let row = |name: &str| {
            [
                "4f1c0a9be27d5f60813e9a4c2b7d1e05",
                name,
                "tls-server",
                "valid",
                "2026-11-26 08:00",
            ]
            .map(str::to_owned)
            .to_vec()
        };
        vec![
            row("web.example.test"),
            row("東京都千代田区霞が関の証明書発行センターの試験用証明書"),
            row("a-very-long-name-of-a-host-in-some-department.example.test and 12 more"),
            row("x\u{1b}[31my\nz\u{202e}"),
        ]
    }

    fn table(width: Option<usize>) -> String {
        render(&COLUMNS, &rows(), width, |_, shown| shown)
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_row_takes_two() {
        for width in [1, 2, 5, 10, 20, 30, 40, 60, 79, 80, 100, 120, 200] {
            let text = table(Some(width));
            assert_eq!(text.lines().count(), 5, "{text}");
            for line in text.lines() {
                // Columns that always stay need a blank or two between them on the narrowest.
                assert!(line.width() <= width.max(2 * GAP), "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn identifiers_stay_whole_and_the_least_important_column_goes_first() {
        for (width, left_out) in [
            (80, &["NOT BEFORE"][..]),
            (60, &["NOT BEFORE", "PROFILE"]),
            (52, &["NOT BEFORE", "PROFILE", "STATUS"]),
        ] {
            let text = table(Some(width));
            let whole = text
                .lines()
                .filter(|line| line.starts_with("4f1c0a9be27d5f60813e9a4c2b7d1e05"));
            assert_eq!(whole.count(), 4, "{text}");
            for name in ["PROFILE", "STATUS", "NOT BEFORE"] {
                assert_eq!(!text.contains(name), left_out.contains(&name), "{width}: {text}");
            }
        }
    }

    #[test]
    fn without_a_width_everything_is_whole() {
        let text = table(None);
        assert!(text.contains("4f1c0a9be27d5f60813e9a4c2b7d1e05"), "{text}");
        assert!(text.contains("department.example.test and 12 more"), "{text}");
    }

    #[test]
    fn wide_characters_count_for_two_and_columns_stay_in_line() {
        let text = render(
            &[Column::text("a", 0), Column::whole("b", 0)],
            &[
                vec!["東京".to_owned(), "x".to_owned()],
                vec!["abcd".to_owned(), "y".to_owned()],
            ],
            None,
            |_, shown| shown,
        );
        assert_eq!(text, "A     B\n東京  x\nabcd  y\n");
        assert_eq!(cut_end("東京都", 4), "東…");
        assert_eq!(shorten_middle("0123456789", 5), "01…89");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_in_a_cell() {
        let text = table(None);
        assert!(text.contains("x\\u001b[31my z\\u202e"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn text_is_broken_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a\n\nlonger-than-seven b", 7),
            ["a", "", "longer-than-seven", "b"]
        );
        assert_eq!(
            wrap("a\n  b c d e", 6),
            ["a", "  b c", "  d e"],
            "what is below a line stays below it"
        );
    }
}
