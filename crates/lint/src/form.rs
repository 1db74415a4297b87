//! The walk over every value of what is to be signed that looks for what DER forbids (X.690 sections 8, 10 and 11).
//! It knows types by their tags only, goes into the values of extensions and RSA keys, and keeps of each kind of flaw
//! the first place. Recursion is bounded by [`MAX_DEPTH`].

use x509::unicode;

use crate::tlv::{Broken, Head, Reader, Tlv, tag};
use crate::view::View;
use crate::view::name::text_of;

/// How deep values may nest. The deepest that RFC 5280 knows is about 14.
pub(crate) const MAX_DEPTH: u8 = 24;

/// What can be wrong with an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Flaw {
    Truncated,
    Indefinite,
    LongLength,
    LongTag,
    Depth,
    Trailing,
    ConstructedString,
    Boolean,
    Integer,
    BitString,
    Null,
    Oid,
    SetOrder,
    Utf8,
    Printable,
    Ia5,
    Wide,
    Unassigned,
    Unfit,
}

const FLAWS: usize = Flaw::Unfit as usize + 1;

impl Flaw {
    /// What was found, for people.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Truncated => "a value is cut off or malformed",
            Self::Indefinite => "there is an indefinite length",
            Self::LongLength => "a length is longer than needed",
            Self::LongTag => "a tag is longer than needed",
            Self::Depth => "values nest too deep",
            Self::Trailing => "there are octets too many",
            Self::ConstructedString => "there is a string in pieces",
            Self::Boolean => "there is a BOOLEAN other than 00 and FF",
            Self::Integer => "an INTEGER is empty or longer than needed",
            Self::BitString => "unused bits of a BIT STRING are not zero, or more than seven",
            Self::Null => "there is a NULL with content",
            Self::Oid => "an object identifier is cut off or longer than needed",
            Self::SetOrder => "a SET OF is out of order",
            Self::Utf8 => "a UTF8String is not UTF-8",
            Self::Printable => "a PrintableString holds another character",
            Self::Ia5 => "a string holds a character outside its alphabet",
            Self::Wide => "a BMPString is not UCS-2, or a UniversalString not UCS-4",
            Self::Unassigned => "there is a universal tag that no type has",
            Self::Unfit => "a string holds a control, format or invisible character",
        }
    }
}

/// The first place of each flaw, in octets from the start of what is to be signed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    first: [Option<usize>; FLAWS],
}

impl Form {
    /// Walks over the single value that the octets must be.
    pub(crate) fn of(whole: &[u8]) -> Self {
        Self::but(whole, &[])
    }

    /// Walks over the single value that the octets must be, and passes over these values in it.
    pub(crate) fn but(whole: &[u8], passed_over: &[&[u8]]) -> Self {
        let mut form = Self::default();
        let mut walk = form.walk(whole, 0, false);
        walk.passed_over = passed_over;
        walk.one(whole);
        form
    }

    /// Goes on into octet strings of a certificate that hold DER: extensions and keys. Here and in the subject it reads what
    /// strings say; the issuer's name is not this certificate's to choose.
    pub(crate) fn enter_extensions(&mut self, tbs: &[u8], view: &View<'_>) {
        let rsa = view.spki.is_rsa().then_some(view.spki.key);
        let values = view.extensions.list.iter().map(|extension| extension.value);
        self.enter(tbs, std::iter::once(view.subject.der).chain(values).chain(rsa));
    }

    /// Goes on into these parts of `whole`, each of which must be a single value, and reads what strings in them say.
    pub(crate) fn enter<'a>(&mut self, whole: &[u8], parts: impl Iterator<Item = &'a [u8]>) {
        let mut walk = self.walk(whole, 0, true);
        parts.for_each(|part| walk.one(part));
    }

    /// Walks over consecutive values that begin `at` octets from the start.
    pub(crate) fn values(&mut self, octets: &[u8], at: usize) {
        self.walk(octets, at, false).many(octets, 1);
    }

    /// Goes on into parts of octets that begin `at` octets from the start, as [`enter`](Self::enter).
    pub(crate) fn enter_at<'a>(&mut self, octets: &[u8], at: usize, parts: impl Iterator<Item = &'a [u8]>) {
        let mut walk = self.walk(octets, at, true);
        parts.for_each(|part| walk.one(part));
    }

    /// What is wrong with tag and length of a value at this place.
    pub(crate) fn head(&mut self, head: &Head, at: usize) {
        if !head.short_length {
            self.mark(Flaw::LongLength, at);
        }
        if !head.short_tag {
            self.mark(Flaw::LongTag, at);
        }
    }

    /// The first place of the flaw.
    pub(crate) fn first(&self, flaw: Flaw) -> Option<usize> {
        self.first.get(flaw as usize).copied().flatten()
    }

    pub(crate) fn mark(&mut self, flaw: Flaw, at: usize) {
        if let Some(first) = self.first.get_mut(flaw as usize) {
            first.get_or_insert(at);
        }
    }

    fn walk<'f>(&'f mut self, octets: &[u8], at: usize, reads_text: bool) -> Walk<'f> {
        Walk {
            form: self,
            // Where the whole would begin if it were in memory.
            start: octets.as_ptr().addr().wrapping_sub(at),
            reads_text,
            passed_over: &[],
        }
    }
}

struct Walk<'f> {
    form: &'f mut Form,
    start: usize,
    reads_text: bool,
    /// Parts of the octets that are not looked into.
    passed_over: &'f [&'f [u8]],
}

impl Walk<'_> {
    /// Octets that must be exactly one value.
    fn one(&mut self, octets: &[u8]) {
        let mut reader = Reader::new(octets);
        match reader.any() {
            Ok(value) => self.value(&value, 0),
            Err(broken) => self.broken(broken, octets),
        }
        if reader.rest().len() < octets.len() && !reader.is_empty() {
            self.mark(Flaw::Trailing, reader.rest());
        }
    }

    fn many(&mut self, octets: &[u8], depth: u8) {
        let mut reader = Reader::new(octets);
        while !reader.is_empty() {
            match reader.any() {
                Ok(value) => self.value(&value, depth),
                Err(broken) => return self.broken(broken, reader.rest()),
            }
        }
    }

    fn value(&mut self, value: &Tlv<'_>, depth: u8) {
        if self
            .passed_over
            .iter()
            .any(|part| std::ptr::eq(*part, value.whole))
        {
            return;
        }
        if !value.short_length {
            self.mark(Flaw::LongLength, value.whole);
        }
        if !value.short_tag {
            self.mark(Flaw::LongTag, value.whole);
        }
        if let Some(flaw) = flaw_of(value) {
            self.mark(flaw, value.whole);
        }
        if self.reads_text && text_of(value).is_some_and(|text| unicode::unfit(&text).is_some()) {
            self.mark(Flaw::Unfit, value.whole);
        }
        if value.tag & tag::CONSTRUCTED == 0 {
            return;
        }
        if depth == MAX_DEPTH {
            return self.mark(Flaw::Depth, value.whole);
        }
        self.many(value.content, depth + 1);
    }

    fn broken(&mut self, broken: Broken, at: &[u8]) {
        let flaw = match broken {
            Broken::Indefinite => Flaw::Indefinite,
            Broken::LongTag => Flaw::LongTag,
            Broken::Truncated
            | Broken::Length
            | Broken::Trailing
            | Broken::Tag { .. }
            | Broken::Value(_)
            | Broken::Part(..) => Flaw::Truncated,
        };
        self.mark(flaw, at);
    }

    fn mark(&mut self, flaw: Flaw, at: &[u8]) {
        self.form.mark(flaw, at.as_ptr().addr().wrapping_sub(self.start));
    }
}

/// What is wrong with one value, its tag and length aside.
fn flaw_of(value: &Tlv<'_>) -> Option<Flaw> {
    let content = value.content;
    let (flawless, flaw) = match value.tag {
        tag::BOOLEAN => (matches!(content, [0x00] | [0xff]), Flaw::Boolean),
        tag::INTEGER | tag::ENUMERATED => (is_minimal_integer(content), Flaw::Integer),
        tag::BIT_STRING => (is_padded_with_zeros(content), Flaw::BitString),
        tag::NULL => (content.is_empty(), Flaw::Null),
        tag::OID => (is_oid(content), Flaw::Oid),
        tag::SET => (is_sorted(content), Flaw::SetOrder),
        tag::UTF8_STRING => (std::str::from_utf8(content).is_ok(), Flaw::Utf8),
        tag::PRINTABLE_STRING => (content.iter().all(|c| is_printable(*c)), Flaw::Printable),
        tag::NUMERIC_STRING => (
            content.iter().all(|c| c.is_ascii_digit() || *c == b' '),
            Flaw::Ia5,
        ),
        tag::IA5_STRING => (content.is_ascii(), Flaw::Ia5),
        tag::VISIBLE_STRING => (content.iter().all(|c| matches!(c, b' '..=b'~')), Flaw::Ia5),
        tag::BMP_STRING | tag::UNIVERSAL_STRING => (text_of(value).is_some(), Flaw::Wide),
        0x00 | 0x20 | 0x0f | 0x2f => (false, Flaw::Unassigned),
        // Universal, constructed, and neither SEQUENCE nor SET: pieces of a string, which DER does not know.
        0x20..=0x2f | 0x32..=0x3f => (false, Flaw::ConstructedString),
        // A SEQUENCE or SET that claims to be primitive.
        0x10 | 0x11 => (false, Flaw::Truncated),
        _ => return None,
    };
    (!flawless).then_some(flaw)
}

fn is_minimal_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0x00, next, ..] => *next >= 0x80,
        [0xff, next, ..] => *next < 0x80,
        _ => true,
    }
}

fn is_padded_with_zeros(content: &[u8]) -> bool {
    match content {
        [] => false,
        [unused] => *unused == 0,
        [unused, .., last] => *unused < 8 && last.trailing_zeros() >= u32::from(*unused),
    }
}

/// Whole arcs, none of which starts with a zero digit (X.690 section 8.19.2).
pub(crate) fn is_oid(content: &[u8]) -> bool {
    let ends = content.last().is_some_and(|last| last & 0x80 == 0);
    ends && !content
        .split_inclusive(|octet| octet & 0x80 == 0)
        .any(|arc| arc.first() == Some(&0x80))
}

/// X.690 section 11.6. Values that cannot be read are a flaw of their own.
fn is_sorted(content: &[u8]) -> bool {
    let mut reader = Reader::new(content);
    let mut last: &[u8] = &[];
    while let Ok(value) = reader.any() {
        if value.whole < last {
            return false;
        }
        last = value.whole;
    }
    true
}

/// X.680 section 41.4.
fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}
