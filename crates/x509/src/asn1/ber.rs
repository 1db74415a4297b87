//! BER to DER, for the structures that tools still write in BER: PKCS#7 bundles and PKCS#12 files.

use super::{DerError, Writer, tag};

/// Deeper than any real file.
const MAX_DEPTH: usize = 32;
const END: [u8; 2] = [0, 0];

/// Rewrites one BER value with definite, minimal lengths and octet strings in one piece. Nothing else is changed: the
/// order of sets and the octets of simple values stay.
///
/// # Errors
/// [`DerError`] if the value is cut off, nested too deep, or followed by other octets.
pub fn to_der(ber: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut out = Writer::with_capacity(ber.len());
    let rest = value(ber, &mut out, MAX_DEPTH)?;
    if rest.is_empty() {
        Ok(out.into_vec())
    } else {
        Err(DerError::Trailing)
    }
}

/// Copies the first value and returns what follows it.
fn value<'a>(ber: &'a [u8], out: &mut Writer, depth: usize) -> Result<&'a [u8], DerError> {
    let depth = depth.checked_sub(1).ok_or(DerError::Value("nesting"))?;
    let (&identifier, after) = ber.split_first().ok_or(DerError::Truncated)?;
    if identifier & 0x1f == 0x1f {
        return Err(DerError::Value("tag"));
    }
    let constructed = identifier & 0x20 != 0;
    let (content, rest) = match length(after)? {
        (Some(length), body) => {
            let (content, rest) = body.split_at_checked(length).ok_or(DerError::Truncated)?;
            (content, Some(rest))
        }
        (None, body) if constructed => (body, None),
        (None, _) => return Err(DerError::Length),
    };
    if !constructed {
        out.primitive(identifier, content);
        return rest.ok_or(DerError::Length);
    }
    let mut inner = Writer::default();
    let rest = values(content, rest, &mut inner, depth)?;
    let inner = inner.into_vec();
    if identifier == tag::OCTET_STRING | 0x20 {
        out.primitive(tag::OCTET_STRING, &joined(&inner)?);
    } else {
        out.constructed(identifier, |out| out.raw(&inner));
    }
    Ok(rest)
}

/// Copies the values of a constructed one; without `rest` they end with end-of-contents octets.
fn values<'a>(
    mut content: &'a [u8],
    rest: Option<&'a [u8]>,
    out: &mut Writer,
    depth: usize,
) -> Result<&'a [u8], DerError> {
    loop {
        match rest {
            Some(rest) if content.is_empty() => return Ok(rest),
            None if content.starts_with(&END) => return Ok(content.get(END.len()..).unwrap_or_default()),
            _ => content = value(content, out, depth)?,
        }
    }
}

/// The pieces of a constructed OCTET STRING in one.
fn joined(pieces: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut reader = super::Reader::new(pieces);
    let mut whole = Vec::with_capacity(pieces.len());
    while !reader.is_empty() {
        whole.extend_from_slice(reader.expect(tag::OCTET_STRING)?);
    }
    Ok(whole)
}

/// The length and what follows it; `None` for the indefinite form.
fn length(octets: &[u8]) -> Result<(Option<usize>, &[u8]), DerError> {
    let (&first, rest) = octets.split_first().ok_or(DerError::Truncated)?;
    match first {
        0..=0x7f => Ok((Some(usize::from(first)), rest)),
        0x80 => Ok((None, rest)),
        _ => {
            let (digits, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .ok_or(DerError::Truncated)?;
            let start = digits.iter().take_while(|digit| **digit == 0).count();
            let digits = digits.get(start..).unwrap_or_default();
            if digits.len() > 4 {
                return Err(DerError::Length);
            }
            let length = digits
                .iter()
                .fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
            Ok((Some(length), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indefinite_lengths_and_pieces_become_der() {
        for (ber, der) in [
            (&[0x30, 0x80, 0x02, 0x01, 0x05, 0, 0][..], &[0x30, 3, 2, 1, 5][..]),
            (&[0x24, 0x80, 0x04, 1, 7, 0x04, 1, 8, 0, 0], &[0x04, 2, 7, 8]),
            (&[0x24, 6, 0x04, 1, 7, 0x04, 1, 8], &[0x04, 2, 7, 8]),
            (&[0x30, 0x82, 0, 3, 0x02, 0x81, 1], &[]),
            (&[0xa0, 0x80, 0x30, 0x80, 0, 0, 0, 0], &[0xa0, 2, 0x30, 0]),
            (&[0x04, 0x82, 0, 1, 9], &[0x04, 1, 9]),
        ] {
            assert_eq!(
                to_der(ber).ok().as_deref(),
                Some(der).filter(|der| !der.is_empty()),
                "{ber:?}"
            );
        }
    }

    #[test]
    fn depth_and_ends_are_bounded() {
        assert_eq!(to_der(&[0x30, 0x80].repeat(40)), Err(DerError::Value("nesting")));
        assert_eq!(to_der(&[0x04, 0x80, 0, 0]), Err(DerError::Length));
        assert_eq!(to_der(&[0x05, 0, 0]), Err(DerError::Trailing));
        assert_eq!(to_der(&[0x30, 0x80, 5, 0]), Err(DerError::Truncated));
    }

    proptest! {
        #[test]
        fn der_stays_as_it_is(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let der = Writer::one(tag::SEQUENCE, |out| out.primitive(tag::OCTET_STRING, &content));
            prop_assert_eq!(to_der(&der), Ok(der));
        }

        #[test]
        fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = to_der(&octets);
        }
    }
}
