//! Text of a certificate as it may appear in a finding: bounded, without control characters.

/// Most characters that are repeated.
const LONGEST: usize = 64;

/// Text from outside: cut, and without characters that move the cursor.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Octets that should be text.
pub(crate) fn shown_octets(octets: &[u8]) -> String {
    // Four octets a character at most, and one more so that the cut shows.
    let (start, _) = octets.split_at_checked(4 * LONGEST + 4).unwrap_or((octets, &[]));
    shown(&String::from_utf8_lossy(start))
}
