//! Tables for people, no wider than the terminal where that can be.
//!
//! Where a table is too wide, columns of little importance are left out. Then what is still too long is broken over several
//! lines, or, if another command shows it whole, cut at its end. What other commands take, such as serial numbers, is never
//! cut: on a terminal that is too narrow for it alone, lines are longer than that. Without a width nothing is shortened.

use rootca::cli::printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;
/// Neither a text is cut below this while another column can be left out instead, nor a value broken while there is room elsewhere.
const NARROWEST: usize = 16;
/// A value is not broken below this while another column can be left out instead.
const NARROW: usize = 32;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    /// Columns with a higher number are left out first; those with 0 always stay.
    rank: u8,
    long: Long,
}

/// What becomes of values for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Long {
    Whole,
    Cut,
    Broken,
}

impl Column {
    /// Short values and identifiers, shown whole or not at all.
    pub(crate) const fn whole(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            long: Long::Whole,
        }
    }

    /// Text that another command shows whole, and that still helps without its end.
    pub(crate) const fn text(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            long: Long::Cut,
        }
    }

    /// Values of any length that no other command shows: on as many lines as they take.
    pub(crate) const fn value(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            long: Long::Broken,
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
        for line in lines(columns, row, &widths, &paint) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// A row: one line, or as many as its longest value takes.
fn lines(
    columns: &[Column],
    row: &[String],
    widths: &[Option<usize>],
    paint: &impl Fn(&str, String) -> String,
) -> Vec<String> {
    let shown = |((column, cell), width): ((&Column, &String), &Option<usize>)| {
        let width = (*width)?;
        let parts = match column.long {
            Long::Whole => vec![cell.clone()],
            Long::Cut => vec![cut_end(cell, width)],
            Long::Broken => broken(cell, width),
        };
        Some((cell.clone(), width, parts))
    };
    let shown: Vec<_> = columns.iter().zip(row).zip(widths).filter_map(shown).collect();
    let height = shown.iter().map(|(_, _, parts)| parts.len()).max().unwrap_or(1);
    let at = |index: usize| {
        let of = shown.iter().map(|(cell, width, parts)| {
            let part = parts.get(index).map_or("", String::as_str);
            (cell.as_str(), *width, part)
        });
        line(of, paint)
    };
    (0..height).map(at).collect()
}

fn line<'a>(
    cells: impl Iterator<Item = (&'a str, usize, &'a str)>,
    paint: &impl Fn(&str, String) -> String,
) -> String {
    let mut line = String::new();
    // Blanks are written before the next cell, so that no line ends with them.
    let mut blanks = 0;
    for (cell, width, shown) in cells {
        let used = shown.width();
        if used > 0 {
            line.push_str(&" ".repeat(blanks));
            line.push_str(&paint(cell, shown.to_owned()));
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
    let least = |index: usize, wide: usize| match columns.get(index).map(|column| column.long) {
        Some(Long::Cut) => wide.min(NARROWEST),
        Some(Long::Broken) => wide.min(NARROW),
        Some(Long::Whole) | None => wide,
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
    // 2. Shorten what may be shortened, the widest first; in the end texts, down to nothing.
    for (may, floor) in [(&[Long::Cut, Long::Broken][..], NARROWEST), (&[Long::Cut], 1)] {
        loop {
            let over = total(&widths, &whole).saturating_sub(width);
            let widest = columns
                .iter()
                .zip(widths.iter_mut())
                .filter_map(|(column, wide)| {
                    wide.as_mut()
                        .filter(|wide| may.contains(&column.long) && **wide > floor)
                })
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

/// All of a text on lines of at most `width`: broken at blanks, and a longer word wherever its line is full.
fn broken(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let mut rest = line.as_str();
        while rest.width() > width {
            let head = start(rest, width);
            rest = rest.strip_prefix(head.as_str()).unwrap_or_default();
            lines.push(head);
        }
        lines.push(rest.to_owned());
    }
    lines
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
mod tests;
