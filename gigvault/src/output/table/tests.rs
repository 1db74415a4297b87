//! What is shown of tables of any width.

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

/// The width of a serial number, and one more column beside it.
const LEAST: usize = 32 + GAP + 1;

#[test]
fn no_line_is_wider_than_the_terminal_or_a_serial_number_and_no_row_takes_two() {
    for width in [1, 2, 5, 10, 20, 30, 40, 60, 79, 80, 100, 120, 200] {
        let text = table(Some(width));
        assert_eq!(text.lines().count(), 5, "{text}");
        for line in text.lines() {
            assert!(line.width() <= width.max(LEAST), "{width}: {line:?}");
        }
    }
}

#[test]
fn a_value_is_on_as_many_lines_as_it_takes_and_nothing_of_it_is_lost() {
    let columns = [
        Column::whole("setting", 0),
        Column::value("value", 0),
        Column::whole("least", 1),
    ];
    let long = "postgres://gigvault@db1.example.test:5432,db2.example.test:5432/gigvault?sslmode=verify-full";
    let why = "CA issuing: the certificate was revoked already, on 2026-11-26 at 08:00";
    let rows = [["database.url", long, "file"], ["a", why, "file"], ["b", "1", ""]];
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
    for width in [20, 40, 60, 80] {
        let text = render(&columns, &rows, Some(width), |_, shown| shown);
        let value = |first: &str| {
            let lines = text
                .lines()
                .skip_while(|line| !line.starts_with(first))
                .enumerate();
            let own = lines.take_while(|(index, line)| *index == 0 || line.starts_with(' '));
            let parts = own.map(|(_, line)| line.get(14..).unwrap_or_default().trim_end());
            parts
                .map(|part| part.trim_end_matches("file").trim_end())
                .collect::<Vec<_>>()
        };
        assert_eq!(value("database.url").concat(), long, "{width}:\n{text}");
        assert_eq!(value("a ").join(" "), why, "{width}:\n{text}");
        assert_eq!(value("b "), ["1"], "{width}:\n{text}");
        for line in text.lines() {
            assert!(line.width() <= width.max(14 + NARROWEST), "{width}: {line:?}");
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
