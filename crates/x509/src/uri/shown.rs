//! URLs and settings as messages may show them: without what may be a password.

use std::borrow::Cow;

/// What stands for what is not shown.
const HIDDEN: char = '…';

/// Names of parameters whose values are secret, of URLs and of the lists of words that libpq takes.
const SECRET: [&str; 8] = [
    "password",
    "passwd",
    "pwd",
    "sslpassword",
    "passphrase",
    "secret",
    "token",
    "oauth_client_secret",
];

/// A value as it may be shown: without the user and the password of a URL, also of one without a scheme, and without the values
/// of parameters such as `password=`.
///
/// It errs on the safe side. A password may hold a `/` or an `@` that should have been encoded: everything up to the last `@`
/// is taken for it, and everything from `password=` to the next `&`.
#[must_use]
pub fn shown(value: &str) -> Cow<'_, str> {
    let in_text = shown_in_text(value);
    // `file:/etc/gigvault@1/url` is a path.
    let is_path = value.starts_with("file:");
    match in_text.rsplit_once('@') {
        Some((login, host)) if login.contains(':') && !login.contains("://") && !is_path => {
            Cow::Owned(format!("{HIDDEN}@{host}"))
        }
        _ => in_text,
    }
}

/// A message that may quote such a value, without the user and the password of URLs in it, and without the values of parameters
/// such as `password=`. What follows the first URL, up to the last `@`, is not shown.
#[must_use]
pub fn shown_in_text(text: &str) -> Cow<'_, str> {
    // First: a password in a parameter may hold an `@`.
    let without = without_parameters(text);
    let Some((before, host)) = without.rsplit_once('@') else {
        return without;
    };
    match before.split_once("://") {
        Some((scheme, _)) => Cow::Owned(format!("{scheme}://{HIDDEN}@{host}")),
        None => without,
    }
}

fn without_parameters(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    let mut hidden = false;
    while let Some((before, value)) = rest.split_once('=') {
        shown.push_str(before);
        shown.push('=');
        rest = value;
        if is_secret(before) {
            shown.push(HIDDEN);
            rest = value
                .find('&')
                .and_then(|end| value.get(end..))
                .unwrap_or_default();
            hidden = true;
        }
    }
    match hidden {
        true => {
            shown.push_str(rest);
            Cow::Owned(shown)
        }
        false => Cow::Borrowed(text),
    }
}

/// Whether the name before a `=` is that of a secret. Of one with an encoded letter that is not known.
fn is_secret(before: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '%');
    let name = before.trim_end().rsplit(|c| !is_of_name(c)).next();
    name.is_some_and(|name| {
        name.contains('%') || SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_not_shown() {
        for (value, as_shown) in [
            ("postgres://a:hunter2@h:1/d", "postgres://…@h:1/d"),
            ("http://hunter2@h", "http://…@h"),
            // What should have been encoded.
            ("postgres://a:hun/ter@2?x@h/d", "postgres://…@h/d"),
            ("postgres://a:hun ter2@h/d", "postgres://…@h/d"),
            ("postgres://a:hun\nter2@h/d", "postgres://…@h/d"),
            // Without a scheme.
            ("a:hunter2@h/d", "…@h/d"),
            ("//a:hunter2@h/d", "…@h/d"),
            ("env:postgres://a:hunter2@h/d", "env:postgres://…@h/d"),
            ("file:postgres://a:hunter2@h/d", "file:postgres://…@h/d"),
            ("[https://x, https://a:hunter2@h]", "[https://…@h]"),
            // Parameters.
            ("postgres://h/d?password=hunter2", "postgres://h/d?password=…"),
            (
                "postgres://h/d?PASSWORD=hun@ter2&user=a",
                "postgres://h/d?PASSWORD=…&user=a",
            ),
            (
                "postgres://a:hunter2@h/d?sslpassword=hunter2",
                "postgres://…@h/d?sslpassword=…",
            ),
            ("postgres://h/d?pass%77ord=hunter2", "postgres://h/d?pass%77ord=…"),
            ("host=h password = 'hunter2 x' user=a", "host=h password =…"),
        ] {
            assert_eq!(shown(value), as_shown);
        }
        assert_eq!(
            shown_in_text("url: `postgres://a:hunter2@h` is not one"),
            "url: `postgres://…@h` is not one"
        );
    }

    #[test]
    fn what_holds_no_password_is_shown_whole() {
        for value in [
            "",
            "http://pki.example.test:8080/x",
            "postgres://h/d?sslmode=verify-full&application_name=a",
            "/srv/gigvault@1/data",
            "file:/run/credentials/gigvault@1.service/url",
            "env:DATABASE_URL",
            "admin@example.test",
            "127.0.0.1:5432",
            "info,ca=debug",
        ] {
            assert_eq!(shown(value), value);
            assert_eq!(shown_in_text(value), value);
        }
        // A message has colons of its own.
        let message = "line 3: admin@example.test is not known";
        assert_eq!(shown_in_text(message), message);
    }
}
