//! Whether the data of an event has the members that its type declares, and each in its encoding.

use serde_json::Value;
use vocabulary::event::member::{Encoding, Member};

use super::NewEvent;
use crate::StoreError;

/// # Errors
/// [`StoreError::UndeclaredMembers`] names the first member that differs.
pub(super) fn check(event: &NewEvent) -> Result<(), StoreError> {
    match differs(event.kind.members(), &event.data) {
        None => Ok(()),
        Some(problem) => Err(StoreError::UndeclaredMembers(event.kind.name(), problem)),
    }
}

fn differs(declared: &[Member], data: &Value) -> Option<String> {
    let Some(members) = data.as_object() else {
        return Some("data is not an object".to_owned());
    };
    for Member {
        name, encoding, null, ..
    } in declared
    {
        let Some(value) = members.get(*name) else {
            return Some(format!("`{name}` is missing"));
        };
        match (value, encoding) {
            (Value::Null, _) if null.is_some() => {}
            (Value::Object(_), Encoding::Object(inner)) => {
                if let Some(problem) = differs(inner, value) {
                    return Some(format!("in `{name}`, {problem}"));
                }
            }
            (value, encoding) if !is_so(value, *encoding) => {
                return Some(format!("`{name}` is not of the form: {}", encoding.text()));
            }
            _ => {}
        }
    }
    let other = members
        .keys()
        .find(|name| !declared.iter().any(|member| member.name == *name));
    other.map(|name| format!("`{name}` is not declared"))
}

fn is_so(value: &Value, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Text => value.is_string(),
        Encoding::Texts => value
            .as_array()
            .is_some_and(|texts| texts.iter().all(Value::is_string)),
        Encoding::Number | Encoding::Micros => value.is_i64() || value.is_u64(),
        Encoding::Flag => value.is_boolean(),
        Encoding::Time => value.as_str().is_some_and(is_time),
        Encoding::Object(_) => false,
    }
}

/// `2027-01-02T03:04:05Z`. Empty for a year that has no such form: what damaged rows hold must not keep an event from being written.
fn is_time(text: &str) -> bool {
    text.is_empty() || (text.len() == 20 && text.ends_with('Z'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vocabulary::EventType;

    use super::*;

    fn problem(kind: EventType, data: Value) -> String {
        let event = NewEvent {
            kind,
            subject: String::new(),
            data,
            correlation_id: None,
            traceparent: None,
        };
        check(&event)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn an_event_has_exactly_the_declared_members() {
        let whole = json!({"job": "ca-1", "kind": "k", "requester": "r", "state": "done", "time": "2027-01-02T03:04:05Z"});
        assert_eq!(problem(EventType::JobProgress, whole.clone()), "");
        let with = |name: &str, value: Value| {
            let mut data = whole.clone();
            data[name] = value;
            problem(EventType::JobProgress, data)
        };
        assert!(with("more", json!(1)).ends_with("`more` is not declared"));
        assert!(with("state", json!(null)).contains("`state` is not of the form"));
        for no_time in [
            json!(1_798_859_045),
            json!("2027-01-02T03:04:05.5Z"),
            json!("2027-01-02"),
        ] {
            assert!(with("time", no_time).contains("RFC 3339"));
        }
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove("kind");
        assert!(problem(EventType::JobProgress, less).ends_with("`kind` is missing"));
        assert!(problem(EventType::JobProgress, json!([])).ends_with("data is not an object"));
    }

    #[test]
    fn members_of_members_are_declared_too() {
        let same_key = json!({
            "revoked": ["01"], "remaining": [], "damaged": [], "of_others": 0, "unconfirmed": false, "more": false,
        });
        let revoked = |same_key: Value| {
            let text = |name| (name, json!("x"));
            let micros = |name| (name, json!(-1));
            let data: serde_json::Map<String, Value> = [
                text("serial"),
                text("ca"),
                text("issuer"),
                ("crl_shard", json!(0)),
                text("profile"),
                text("requester"),
                text("actor"),
                text("status"),
                text("reason"),
                text("decided_as"),
                micros("not_after_us"),
                micros("revocation_time_us"),
                micros("invalidity_time_us"),
                ("not_after", json!("")),
                ("revocation_time", json!(null)),
                ("invalidity_time", json!(null)),
                ("same_key", same_key),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
            problem(EventType::CertificateRevoked, data.into())
        };
        assert_eq!(revoked(json!(null)), "");
        assert_eq!(revoked(same_key.clone()), "");
        let mut other = same_key;
        other["revoked"] = json!([1]);
        assert!(revoked(other).contains("in `same_key`, `revoked` is not of the form: list of texts"));
        assert!(revoked(json!({})).contains("`revoked` is missing"));
        assert!(revoked(json!(5)).contains("`same_key` is not of the form: object"));
    }
}
