//! Octets in hexadecimal, as people copy them from what tools print.

use data_encoding::HEXLOWER_PERMISSIVE;

/// The octets of hex digits in either case, with or without colons between octets; `None` for anything else.
#[must_use]
pub fn octets(text: &str) -> Option<Vec<u8>> {
    if text.split(':').any(|part| part.len() < 2 || part.len() % 2 != 0) {
        return None;
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    HEXLOWER_PERMISSIVE.decode(&digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_read_as_tools_print_them() {
        for text in ["0aff7e", "0AFF7E", "0a:ff:7e", "0A:FF:7E", "0aff:7e"] {
            assert_eq!(octets(text), Some(vec![0x0a, 0xff, 0x7e]), "{text}");
        }
        for text in [
            "", ":", "a", "0a:", ":0a", "0a::ff", "0:aff", "0a ff", "0x0a", "é:ff",
        ] {
            assert_eq!(octets(text), None, "{text}");
        }
    }
}
