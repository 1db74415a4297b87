//! Text in two or four octets per character: not read, but named as the converter knows it, so that its advice works.

use zeroize::Zeroizing;

use super::{BEGIN, PemError, contains};

/// An encoding without its byte order mark.
struct Form {
    /// As iconv calls it.
    name: &'static str,
    /// Octets per character.
    width: usize,
    /// Which of them holds an ASCII letter.
    letter: usize,
}

/// The wider ones first: half of their text looks like that of the others.
const FORMS: [Form; 4] = [
    Form::new("UTF-32LE", 4, 0),
    Form::new("UTF-32BE", 4, 3),
    Form::new("UTF-16LE", 2, 0),
    Form::new("UTF-16BE", 2, 1),
];

/// The refusal of text that is not in octets, by its byte order mark or by zero octets between its letters.
pub(super) fn refusal(input: &[u8]) -> Option<PemError> {
    if let Some(encoding) = marked(input) {
        return Some(PemError::Wide { encoding });
    }
    let spaced = contains(input, b"B\0E\0G\0I\0N\0") || contains(input, b"B\0\0\0E\0\0\0G\0\0\0");
    let is_in = |form: &&Form| form.begins(input) || (spaced && form.has_begin(input));
    match FORMS.iter().find(is_in) {
        Some(form) => Some(PemError::Wide { encoding: form.name }),
        None => spaced.then_some(PemError::Spaced),
    }
}

/// The names under which iconv goes by the mark. The mark of UTF-32 begins with that of UTF-16.
fn marked(input: &[u8]) -> Option<&'static str> {
    match input {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => None,
    }
}

impl Form {
    const fn new(name: &'static str, width: usize, letter: usize) -> Self {
        Self { name, width, letter }
    }

    fn letter_of(&self, unit: &[u8]) -> Option<u8> {
        let zero = |(at, octet): (usize, &u8)| at == self.letter || *octet == 0;
        let whole = unit.len() == self.width && unit.iter().enumerate().all(zero);
        unit.get(self.letter).copied().filter(|_| whole)
    }

    /// Whether the text begins with ASCII letters in this form.
    fn begins(&self, input: &[u8]) -> bool {
        const FEWEST: usize = 4;
        const LETTERS: usize = 16;
        let printable = |letter| matches!(letter, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let is_letter = |unit| self.letter_of(unit).is_some_and(printable);
        input.len() >= FEWEST * self.width && input.chunks_exact(self.width).take(LETTERS).all(is_letter)
    }

    /// Whether a line of the text begins as a block does. After text that was pieced together it does not.
    fn has_begin(&self, input: &[u8]) -> bool {
        let letters = input.chunks_exact(self.width);
        let letters = letters.map(|unit| self.letter_of(unit).unwrap_or_default());
        // It may be a private key.
        let units = Zeroizing::new(letters.collect::<Vec<u8>>());
        units.starts_with(BEGIN.as_bytes())
            || [b'\n', b'\r'].iter().any(|end| {
                let line = [std::slice::from_ref(end), BEGIN.as_bytes()].concat();
                contains(&units, &line)
            })
    }
}
