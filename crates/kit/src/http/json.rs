//! JSON, read strictly.
//!
//! A body is read into a tree first, which is where depth, size, duplicate names and control characters are refused, and
//! the tree is then taken by a request's type through [`tree::Node`]. serde_json alone would take an array for any
//! struct, keep the last of two members of one name, and name our types in its refusals.

mod tree;
mod words;

use std::cell::Cell;

use http::StatusCode;
use serde::de::DeserializeOwned;
use vocabulary::ProblemType;

use crate::problem::Problem;

/// Deepest nesting of a body.
const MAX_DEPTH: usize = 32;
/// Most values in a body: each takes more memory in the tree than in the text.
const MAX_VALUES: usize = 20_000;

pub(super) fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let tree = tree::parse(body)?;
    let unknown = Cell::new(None);
    match serde_ignored::deserialize(&tree, |path| unknown.set(Some(path.to_string()))) {
        Ok(value) => match unknown.into_inner() {
            Some(path) => {
                let detail = format!("there is no member {path:?} in this request");
                Err(Problem::new(ProblemType::UnknownMember, detail).at(path))
            }
            None => Ok(value),
        },
        Err(error) => Err(explain::<T>(&tree, &error)),
    }
}

// The path to the mistake costs time, and only mistakes pay for it: the tree is read a second time.
fn explain<T: DeserializeOwned>(tree: &tree::Node, error: &words::Mistake) -> Problem {
    let unknown = error.is_unknown_member;
    let refused = |detail: String| match unknown {
        true => Problem::new(ProblemType::UnknownMember, detail),
        false => unprocessable(detail),
    };
    match serde_path_to_error::deserialize::<_, T>(tree) {
        Err(located) if located.path().iter().next().is_some() => {
            let (path, text) = (located.path().to_string(), error.to_string());
            // It names the member itself, and its place is where the member is not.
            let place = match unknown {
                true => path.rsplit_once('.').map_or("", |(parent, _)| parent),
                false => &path,
            };
            let detail = match place {
                "" => text,
                place => format!("{place}: {text}"),
            };
            refused(detail).at(path)
        }
        _ => refused(error.to_string()),
    }
}

fn unprocessable(detail: String) -> Problem {
    Problem::new(ProblemType::InvalidRequest, detail).status(StatusCode::UNPROCESSABLE_ENTITY)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "only read")]
        csr: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        options: Vec<Options>,
        #[expect(dead_code, reason = "only read")]
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[expect(dead_code, reason = "only read")]
        days: u16,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Leaf,
    }

    fn refused(body: &str) -> (u16, Option<String>) {
        let problem = from_slice::<Body>(body.as_bytes()).unwrap_err();
        let detail = &problem.detail;
        for word in ["struct", "enum", "Body", "Options", "u16", "sequence", "Kind"] {
            assert!(!detail.contains(word), "{body}: {detail}");
        }
        if let Some(field) = &problem.field {
            let (parent, last) = field.rsplit_once('.').unwrap_or(("", field));
            assert!(
                detail.starts_with(parent) && detail.contains(last),
                "{field} is not in: {detail}"
            );
        }
        (problem.status, problem.field.map(String::from))
    }

    #[test]
    fn a_mistake_in_a_body_is_named() {
        let field = |name: &str| Some(name.to_owned());
        assert!(from_slice::<Body>(br#"{"csr": "x\n", "options": [{"days": 3}], "kind": "leaf"}"#).is_ok());
        assert!(from_slice::<Body>(br#"{"csr": "x", "kind": null}"#).is_ok());
        assert_eq!(refused(r#"{"csr": "x", "admin": true}"#), (422, field("admin")));
        assert_eq!(
            refused(r#"{"csr": "x", "options": [{"days": 1}, {"days": 3, "hours": 1}]}"#).0,
            422
        );
        assert_eq!(
            refused(r#"{"csr": "x", "options": [{"days": 1}, {"days": -3}]}"#),
            (422, field("options[1].days"))
        );
        assert_eq!(refused(r#"{"csr": 7}"#), (422, field("csr")));
        assert_eq!(refused(r#"{"csr": "x", "kind": "root"}"#), (422, field("kind")));
        assert_eq!(refused("{}").0, 422);
    }

    #[test]
    fn an_array_is_not_an_object() {
        assert_eq!(refused(r#"["x", [], null]"#), (422, None));
        assert_eq!(
            refused(r#"{"csr": "x", "options": [[3]]}"#),
            (422, Some("options[0]".to_owned()))
        );
        for other in ["null", "7", "\"x\"", "true"] {
            assert_eq!(refused(other).0, 422, "{other}");
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in [
            "",
            "{",
            "csr",
            r#"{"csr": "x"} {}"#,
            "\u{0}",
            r#"{"csr": "\ud800"}"#,
            r#"{"csr": 1e999}"#,
        ] {
            assert_eq!(refused(body).0, 400, "{body}");
        }
        assert_eq!(
            from_slice::<Body>(b"{\"csr\": \"\xff\"}").unwrap_err().status,
            400
        );
    }

    #[test]
    fn another_encoding_than_utf_8_is_named() {
        for (body, name) in [
            (&b"\xef\xbb\xbf{}"[..], "byte order mark"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"{\0}\0", "UTF-16"),
            (b"\0{\0}", "UTF-16"),
        ] {
            let problem = from_slice::<Body>(body).unwrap_err();
            assert_eq!(problem.status, 400);
            assert!(problem.detail.contains(name), "{}", problem.detail);
        }
    }

    #[test]
    fn a_member_is_named_once_at_any_depth() {
        assert_eq!(refused(r#"{"csr": "x", "csr": "y"}"#).0, 400);
        assert_eq!(refused(r#"{"csr": "x", "\u0063sr": "y"}"#).0, 400);
        assert_eq!(
            refused(r#"{"csr": "x", "options": [{"days": 1, "days": 1}]}"#).0,
            400
        );
    }

    #[test]
    fn text_holds_no_control_characters_but_white_space() {
        assert!(from_slice::<Body>(br#"{"csr": "a\r\n\tb"}"#).is_ok());
        for bad in [r"\u0000", r"\u001b[2J", r"\u0085", r"\u007f"] {
            assert_eq!(refused(&format!(r#"{{"csr": "{bad}"}}"#)).0, 400, "{bad}");
            assert_eq!(refused(&format!(r#"{{"{bad}": "x"}}"#)).0, 400, "{bad}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert_eq!(refused(&"[".repeat(100_000)).0, 400);
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(from_slice::<serde_json::Value>(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(from_slice::<serde_json::Value>(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        let text = format!("{{\"csr\": \"{}\"}}", "[{".repeat(100));
        assert!(
            from_slice::<Body>(text.as_bytes()).is_ok(),
            "brackets in text do not count"
        );
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert_eq!(refused(&many).0, 400);
    }

    /// What two parsers agree about is read, and read alike: 20,000 bodies, one to four octets off valid ones.
    #[test]
    fn no_mutation_of_a_body_is_read_otherwise_than_serde_json_reads_it() {
        let bodies: [&[u8]; 3] = [
            br#"{"csr": "x\u0041\n", "options": [{"days": 3}, {}], "kind": null, "more": [1e3, -0.5, true, 18446744073709551615]}"#,
            br#"[[{"a": {"a": []}, "b": "\ud83d\ude00"}], "", 0]"#,
            br#"{"csr": "-----BEGIN CERTIFICATE REQUEST-----\nMII=\n", "san": ["dns:a.test"]}"#,
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        let mut read = 0;
        for round in 0..20_000 {
            let mut body = bodies[round % bodies.len()].to_vec();
            for _ in 0..=next(4) {
                let at = next(body.len());
                match next(3) {
                    0 => body[at] = b"\"{}[],:\\u0e-\x00\xff 1at"[next(18)],
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, body[next(body.len())]),
                }
            }
            let strict = from_slice::<serde_json::Value>(&body);
            if let Ok(value) = strict {
                let lenient: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(value, lenient, "{}", String::from_utf8_lossy(&body));
                read += 1;
            }
            let _ = from_slice::<Body>(&body).map_err(|problem| assert!(problem.status < 500));
        }
        assert!(read > 1_000, "only {read} were read");
    }
}
