//! What of Unicode a name may hold, and when two texts are the same name.
//!
//! A name that people compare by eye and programs by code point must not hold what the eye cannot see. [`unfit`]
//! finds such characters; every type that carries text into a certificate asks it, and so do the lints.
//! `prepare` is the string preparation of RFC 4518 that RFC 5280 section 7.1 compares directory names with. It makes
//! keys for comparison only: nothing prepared is ever encoded.

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use stringprep::tables;

/// The first character that no name may hold: a control or format character (Cc, Cf, which the bidirectional controls
/// belong to), a line or paragraph separator (Zl, Zp), a default-ignorable or otherwise blank character, or one without a
/// meaning that all agree on (private use, unassigned, the replacement character).
///
/// Joiners (U+200C, U+200D) are format characters too, although some scripts write with them: the same word with and
/// without one looks alike to most readers.
#[must_use]
pub fn unfit(text: &str) -> Option<char> {
    text.chars().find(|c| is_unfit(*c))
}

pub(crate) fn is_unfit(character: char) -> bool {
    match character {
        ' '..='~' => false,
        // A pattern of no dots, and what decoders put where they lost a character.
        '\u{2800}' | '\u{fffd}' => true,
        _ => {
            matches!(
                CodePointMapData::<GeneralCategory>::new().get(character),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
                    | GeneralCategory::Surrogate
                    | GeneralCategory::PrivateUse
                    | GeneralCategory::Unassigned
            ) || is_ignorable(character)
        }
    }
}

/// Whether the character is a combining mark, which scripts such as Devanagari write vowels with.
pub(crate) fn is_mark(character: char) -> bool {
    matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark
    )
}

fn is_ignorable(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// The text in normalization form KC: full-width letters, digits and signs become the ordinary ones.
#[must_use]
pub fn nfkc(text: &str) -> Cow<'_, str> {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
    if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(NFKC.normalize_iter(text.chars()).collect())
    }
}

/// Whether programs take this character, not being one, for the dot between labels: the full stops of RFC 3490 section 3.1,
/// and what normalization form KC makes a dot of.
pub(crate) fn is_like_a_dot(character: char) -> bool {
    !character.is_ascii() && nfkc(&character.to_string()).contains(['.', '\u{3002}'])
}

/// Whether the text is in normalization form C, the one spelling of a text that RFC 6532 section 3.1 asks for.
pub(crate) fn is_nfc(text: &str) -> bool {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
    text.is_ascii() || NFC.normalize_iter(text.chars()).eq(text.chars())
}

/// The text as RFC 4518 section 2 prepares it for caseIgnoreMatch: mapped, folded (RFC 3454 table B.2), normalized, and
/// with insignificant spaces removed. `None` if it holds a character that makes the comparison undefined (section 2.4).
///
/// Characters that Unicode 3.2 did not know stay as they are: RFC 4518 calls them undefined, and names have them today.
#[must_use]
pub fn prepare(text: &str) -> Option<String> {
    if text.is_ascii() && !text.bytes().any(|c| c.is_ascii_control()) {
        return Some(collapse(&text.to_ascii_lowercase()));
    }
    let mapped: String = text.chars().filter_map(map).collect();
    // Table B.2 foresees the capitals that normalization brings back, such as those of U+2122, but only for the
    // characters of Unicode 3.2. The second round folds those of later ones.
    let normalized = fold(&fold(&mapped));
    let undefined = |c| tables::private_use(c) || tables::non_character_code_point(c) || c == '\u{fffd}';
    (!normalized.chars().any(undefined)).then(|| collapse(&normalized))
}

fn fold(text: &str) -> String {
    let folded: String = text.chars().flat_map(tables::case_fold_for_nfkc).collect();
    nfkc(&folded).into_owned()
}

/// RFC 4518 section 2.2: separators and the controls that break lines become a space, other controls and what is not
/// seen become nothing.
fn map(character: char) -> Option<char> {
    if tables::x520_mapped_to_space(character) {
        Some(' ')
    } else if tables::x520_mapped_to_nothing(character)
        || is_ignorable(character)
        || CodePointMapData::<GeneralCategory>::new().get(character) == GeneralCategory::Format
    {
        None
    } else {
        Some(character)
    }
}

/// RFC 4518 section 2.6.1: spaces at the ends mean nothing, and several mean the same as one.
fn collapse(text: &str) -> String {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_unfit_for_names() {
        for character in [
            '\0',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffd}',
            '\u{e000}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{10ffff}',
            '\u{378}',
        ] {
            let unfit = unfit(&format!("a{character}b"));
            // A no-break space is seen as a space, and compared as one.
            assert_eq!(
                unfit,
                (character != '\u{a0}').then_some(character),
                "{character:?}"
            );
        }
    }

    #[test]
    fn ordinary_writing_is_fit_for_names() {
        for text in [
            "Jane Doe",
            "O'Neil & Sons, Inc.",
            "Jürgen Groß",
            "山田\u{3000}太郎",
            "Ελλάδα",
            "नमस्ते",
            "שלום",
            "مرحبا",
            "e\u{301}",
            "№ 5™",
            "🚀",
        ] {
            assert_eq!(unfit(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_mean_the_same_are_prepared_alike() {
        for (one, other) in [
            ("Example  Org", " example org "),
            ("Example\u{a0}Org", "EXAMPLE\u{3000}\tORG"),
            ("straße", "STRASSE"),
            ("Ｅｘａｍｐｌｅ", "example"),
            ("Bücher", "BU\u{308}CHER"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("ﬁne", "FINE"),
            ("İstanbul", "i\u{307}stanbul"),
            ("Exam\u{ad}ple", "Example"),
            ("a\u{200b}b\u{200d}c\u{0}", "ABC"),
        ] {
            assert_eq!(prepare(one), prepare(other), "{one} {other}");
            assert!(prepare(one).is_some());
        }
        assert_ne!(prepare("Example Org"), prepare("ExampleOrg"));
        assert_ne!(prepare("ı"), prepare("i"));
        assert_eq!(prepare("a\u{fffd}"), None);
        assert_eq!(prepare("\u{e000}"), None);
    }

    proptest! {
        #[test]
        fn preparing_twice_changes_nothing(text in "\\PC{0,12}") {
            if let Some(once) = prepare(&text) {
                prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
                prop_assert_eq!(prepare(&once.to_ascii_uppercase()), Some(once));
            }
        }
    }
}
