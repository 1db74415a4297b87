//! Filters of searches (RFC 4511 section 4.5.1.7): read with bounds, and evaluated to true, false or undefined.

use crate::ber::{BerError, Reader, tag, text};
use crate::entry::Entry;
use crate::schema::{AttributeDescription, Syntax, is_known};

/// How deep filters may nest.
const MAX_DEPTH: u8 = 16;
/// Most parts of a filter.
const MAX_PARTS: usize = 256;

/// Why a filter is not evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("the filter cannot be read: {0}")]
    Ber(#[from] BerError),
    #[error("the filter nests deeper than {MAX_DEPTH}")]
    Depth,
    #[error("the filter has more than {MAX_PARTS} parts")]
    Parts,
}

/// A filter.
#[derive(Debug)]
pub(crate) enum Filter<'a> {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Equality(&'a str, &'a [u8]),
    Substrings(&'a str, Substrings<'a>),
    Present(&'a str),
    /// One that no attribute here has a rule for: ordering, extensible matches, kinds that are not known.
    Undefined,
}

/// Texts that must follow one another in a value.
#[derive(Debug, Default)]
pub(crate) struct Substrings<'a> {
    initial: Option<&'a [u8]>,
    any: Vec<&'a [u8]>,
    last: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    pub(crate) fn read(fields: &mut Reader<'a>) -> Result<Self, FilterError> {
        let mut parts = 0;
        Self::read_part(fields, MAX_DEPTH, &mut parts)
    }

    fn read_part(fields: &mut Reader<'a>, depth: u8, parts: &mut usize) -> Result<Self, FilterError> {
        let depth = depth.checked_sub(1).ok_or(FilterError::Depth)?;
        *parts += 1;
        if *parts > MAX_PARTS {
            return Err(FilterError::Parts);
        }
        let value = fields.any()?;
        let mut content = Reader::new(value.content);
        let filter = match value.tag {
            0xa0 | 0xa1 => {
                let mut list = Vec::new();
                while !content.is_empty() {
                    list.push(Self::read_part(&mut content, depth, parts)?);
                }
                match value.tag {
                    0xa0 => Self::And(list),
                    _ => Self::Or(list),
                }
            }
            0xa2 => Self::Not(Box::new(Self::read_part(&mut content, depth, parts)?)),
            // approxMatch may be equalityMatch where there is nothing better.
            0xa3 | 0xa8 => Self::Equality(content.text()?, content.expect(tag::OCTET_STRING)?),
            0xa4 => {
                let attribute = content.text()?;
                Self::Substrings(attribute, Substrings::read(content.enter(tag::SEQUENCE)?, parts)?)
            }
            0x87 => return Ok(Self::Present(text(value.content)?)),
            _ => return Ok(Self::Undefined),
        };
        content.finish()?;
        Ok(filter)
    }

    /// Whether the entry matches; none if that is undefined.
    pub(crate) fn matches(&self, entry: &Entry) -> Option<bool> {
        match self {
            Self::And(parts) => all(parts.iter().map(|part| part.matches(entry)), false),
            Self::Or(parts) => all(parts.iter().map(|part| part.matches(entry)), true),
            Self::Not(part) => part.matches(entry).map(|matches| !matches),
            Self::Present(attribute) => {
                let description = AttributeDescription::read(attribute)?;
                is_known(&description).then(|| entry.values(&description).next().is_some())
            }
            Self::Equality(attribute, assertion) => compare(
                entry,
                attribute,
                |syntax| syntax.normalize(assertion),
                |value, key| value == key.as_str(),
            ),
            Self::Substrings(attribute, parts) => compare(
                entry,
                attribute,
                |syntax| parts.normalize(syntax),
                |value, parts| parts.are_in(value),
            ),
            Self::Undefined => None,
        }
    }
}

/// AND if `decisive` is false, OR if it is true (RFC 4511 section 4.5.1.7): one decisive part decides, then one that is undefined
/// leaves the whole undefined.
fn all(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut outcome = Some(!decisive);
    for part in parts {
        match part {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

/// Holds an assertion against every value of the attribute; undefined if the attribute is not known, has no rule for it, or the
/// assertion is not one of its syntax.
fn compare<K>(
    entry: &Entry,
    attribute: &str,
    assertion: impl Fn(Syntax) -> Option<K>,
    holds: impl Fn(&str, &K) -> bool,
) -> Option<bool> {
    let description = AttributeDescription::read(attribute)?;
    if !is_known(&description) {
        return None;
    }
    let syntax = description.syntax();
    let key = assertion(syntax)?;
    let mut values = entry.values(&description).filter_map(|value| value.as_text());
    Some(values.any(|value| {
        syntax
            .normalize(value.as_bytes())
            .is_some_and(|value| holds(&value, &key))
    }))
}

impl<'a> Substrings<'a> {
    fn read(mut list: Reader<'a>, parts: &mut usize) -> Result<Self, FilterError> {
        let mut read = Self::default();
        if list.is_empty() {
            return Err(BerError::Value("substrings are missing").into());
        }
        while !list.is_empty() {
            *parts += 1;
            if *parts > MAX_PARTS {
                return Err(FilterError::Parts);
            }
            let value = list.any()?;
            match value.tag {
                0x80 if read.initial.is_none() && read.any.is_empty() && read.last.is_none() => {
                    read.initial = Some(value.content);
                }
                0x81 if read.last.is_none() => read.any.push(value.content),
                0x82 if read.last.is_none() => read.last = Some(value.content),
                _ => return Err(BerError::Value("substrings are out of order").into()),
            }
        }
        Ok(read)
    }

    fn normalize(&self, syntax: Syntax) -> Option<NormalizedSubstrings> {
        if syntax != Syntax::Text {
            return None;
        }
        let one =
            |octets: Option<&[u8]>| octets.map_or(Some(String::new()), |octets| syntax.normalize(octets));
        Some(NormalizedSubstrings {
            initial: one(self.initial)?,
            any: self
                .any
                .iter()
                .map(|octets| syntax.normalize(octets))
                .collect::<Option<_>>()?,
            last: one(self.last)?,
        })
    }
}

struct NormalizedSubstrings {
    initial: String,
    any: Vec<String>,
    last: String,
}

impl NormalizedSubstrings {
    /// In this order and without overlap.
    fn are_in(&self, value: &str) -> bool {
        let Some(mut rest) = value.strip_prefix(self.initial.as_str()) else {
            return false;
        };
        for part in &self.any {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None if part.is_empty() => {}
                None => return false,
            }
        }
        rest.ends_with(self.last.as_str())
    }
}
