//! URLs and settings as messages may show them: without what may be a password.

use std::borrow::Cow;

/// What stands for what is not shown.
const HIDDEN: char = '…';

/// What the names of parameters end with whose values are secret: of URLs, of the lists of words that libpq takes, and of
/// variables such as `PGPASSWORD`.
const SECRET: [&str; 9] = [
    "password",
    "passwd",
    "pwd",
    "pass",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
];

/// A text that was read and has its type, without the user and the password of a URL in it: what is between `://` and an `@` of
/// the same URL. What else has an `@` is shown, such as an e-mail address.
#[must_use]
pub fn without_login(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        let end = url.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''));
        let (authority, behind) = url.split_at(end.unwrap_or(url.len()));
        shown.push_str(before);
        shown.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => shown.extend([HIDDEN.encode_utf8(&mut [0; 4]), "@", host]),
            None => shown.push_str(authority),
        }
        rest = behind;
    }
    shown.push_str(rest);
    match shown == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(shown),
    }
}

/// A value as it may be shown of which it is not known what it is: without the user and the password of a URL, also of one
/// without a scheme, and without the values of parameters such as `password=`.
///
/// It errs on the safe side. A password may hold a `/` or an `@` that should have been encoded: everything up to the last `@`
/// is taken for it, and everything from `password=` to the next `&`.
#[must_use]
pub fn shown(value: &str) -> Cow<'_, str> {
    let without = without_parameters(value, &['=', ':']);
    let in_text = without_logins(without);
    // `file:/etc/gigvault@1/url` is a path.
    let is_path = value.starts_with("file:");
    match split_at_last(&in_text) {
        Some((login, host)) if has_colon(login) && !login.contains("://") && !is_path => {
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
    without_logins(without_parameters(text, &['=']))
}

fn without_logins(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some((before, host)) = split_at_last(&text) else {
        return text;
    };
    match before.split_once("://") {
        // The name of a scheme in a sentence is not a URL.
        Some((scheme, login)) if !login.starts_with(char::is_whitespace) => {
            Cow::Owned(format!("{scheme}://{HIDDEN}@{host}"))
        }
        _ => text,
    }
}

/// What is before and behind the last `@`, which may be encoded.
fn split_at_last(text: &str) -> Option<(&str, &str)> {
    match (text.rsplit_once('@'), text.rsplit_once("%40")) {
        (Some(plain), Some(encoded)) if plain.1.len() < encoded.1.len() => Some(plain),
        (plain, encoded) => encoded.or(plain),
    }
}

fn has_colon(login: &str) -> bool {
    login.contains(':') || login.to_ascii_lowercase().contains("%3a")
}

/// `separators` are between the names of parameters and their values.
fn without_parameters<'a>(text: &'a str, separators: &[char]) -> Cow<'a, str> {
    let mut shown = String::new();
    let mut rest = text;
    let mut hidden = false;
    while let Some(at) = rest.find(separators) {
        let (before, separator) = rest.split_at(at);
        let (separator, value) = separator.split_at(1);
        shown.push_str(before);
        shown.push_str(separator);
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

/// Whether the name before a value is that of a secret. Of one with an encoded letter that is not known.
fn is_secret(before: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '%');
    let name = before.trim_end().rsplit(|c| !is_of_name(c)).next();
    name.map(str::to_ascii_lowercase)
        .is_some_and(|name| name.contains('%') || SECRET.iter().any(|secret| name.ends_with(secret)))
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
            ("PGPASSWORD=hunter2", "PGPASSWORD=…"),
            (
                "https://h/?access_token=hunter2&x=1",
                "https://h/?access_token=…&x=1",
            ),
            ("{password: hunter2}", "{password:…"),
            // Encoded separators.
            ("a%3Ahunter2@h", "…@h"),
            ("http://u:hunter2%40h/", "http://…@h/"),
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
        let message = "the URL is not a valid postgres:// URL: write : / @ in a password as %3A %2F %40";
        assert_eq!(shown_in_text(message), message);
        // A message has colons of its own.
        let message = "line 3: admin@example.test is not known";
        assert_eq!(shown_in_text(message), message);
    }

    #[test]
    fn of_a_text_with_a_type_only_the_logins_of_urls_are_hidden() {
        for (text, as_shown) in [
            ("https://a:hunter2@h/x", "https://…@h/x"),
            (
                "see https://a@b@h/x?y@z, or http://hunter2@i",
                "see https://…@h/x?y@z, or http://…@i",
            ),
            ("email:*@example.test", "email:*@example.test"),
            ("subject:OU=Token=*", "subject:OU=Token=*"),
            (
                "see https://pki.test/help, or ask help@example.test",
                "see https://pki.test/help, or ask help@example.test",
            ),
            ("", ""),
        ] {
            assert_eq!(without_login(text), as_shown);
        }
    }
}
