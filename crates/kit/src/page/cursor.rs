//! A place in a list as text.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::InvalidCursor;

/// Longest cursor that is looked at, in bytes of text: room for a key of 3,000 bytes, such as 2,048 bytes in base64.
const MAX_CURSOR: usize = 4_096;
/// Bytes of checksum in front of the key.
const CHECKSUM: usize = 8;

/// The cursor of a key as text. `list` names the list, its filters and its order.
pub(super) fn encode<K: Serialize>(list: &str, key: &K) -> String {
    // keys are tuples of numbers, texts and ids, which always have a JSON form
    let json = serde_json::to_vec(key).unwrap_or_default();
    let mut bytes = checksum(list, &json).to_vec();
    bytes.extend(json);
    BASE64URL_NOPAD.encode(&bytes)
}

/// The key in a cursor that [`encode`] made for the same list.
pub(super) fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, InvalidCursor> {
    if cursor.len() > MAX_CURSOR {
        return Err(InvalidCursor);
    }
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| InvalidCursor)?;
    let (sum, json) = bytes.split_first_chunk::<CHECKSUM>().ok_or(InvalidCursor)?;
    if *sum != checksum(list, json) {
        return Err(InvalidCursor);
    }
    let key: Value = serde_json::from_slice(json).map_err(|_| InvalidCursor)?;
    // No key of ours has one, and PostgreSQL takes no text with a NUL in it.
    if has_control_character(&key) {
        return Err(InvalidCursor);
    }
    serde_json::from_value(key).map_err(|_| InvalidCursor)
}

fn has_control_character(key: &Value) -> bool {
    match key {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains(char::is_control),
        Value::Array(parts) => parts.iter().any(has_control_character),
        Value::Object(members) => members.values().any(has_control_character),
    }
}

/// FNV-1a: notices a truncated or mistyped cursor and one of another query, not an adversary.
fn checksum(list: &str, json: &[u8]) -> [u8; CHECKSUM] {
    let bytes = list.bytes().chain([0]).chain(json.iter().copied());
    bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Key = (bool, i64, String, u64);

    fn key() -> impl Strategy<Value = Key> {
        (any::<bool>(), any::<i64>(), "\\PC{0,40}", any::<u64>())
    }

    proptest! {
        #[test]
        fn a_cursor_gives_its_key_back(key in key()) {
            prop_assert_eq!(decode::<Key>("list", &encode("list", &key)), Ok(key));
        }

        #[test]
        fn a_changed_character_is_noticed(key in key(), at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_=+/ -]") {
            let cursor = encode("list", &key);
            let at = at.index(cursor.len());
            let mut damaged = cursor.clone();
            damaged.replace_range(at..=at, &to);
            prop_assume!(damaged != cursor);
            prop_assert_eq!(decode::<Key>("list", &damaged), Err(InvalidCursor));
        }

        #[test]
        fn a_truncated_cursor_is_noticed(key in key(), at in any::<prop::sample::Index>()) {
            let cursor = encode("list", &key);
            prop_assert_eq!(decode::<Key>("list", &cursor[..at.index(cursor.len())]), Err(InvalidCursor));
        }

        #[test]
        fn any_text_is_refused(text in ".{0,200}") {
            prop_assert_eq!(decode::<Key>("list", &text), Err(InvalidCursor));
        }
    }

    #[test]
    fn a_cursor_of_another_query_or_type_is_refused() {
        let cursor = encode("keys?sort=name", &(false, "a"));
        assert_eq!(
            decode::<(bool, String)>("keys?sort=-name", &cursor),
            Err(InvalidCursor)
        );
        assert_eq!(
            decode::<(bool, u64)>("keys?sort=name", &cursor),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn a_text_with_a_control_character_is_no_key() {
        for text in ["a\0", "\n", "\u{7f}"] {
            let cursor = encode("keys", &(false, text));
            assert_eq!(
                decode::<(bool, String)>("keys", &cursor),
                Err(InvalidCursor),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_overlong_cursor_is_refused_unread() {
        assert_eq!(
            decode::<Key>("list", &"A".repeat(MAX_CURSOR + 1)),
            Err(InvalidCursor)
        );
    }
}
