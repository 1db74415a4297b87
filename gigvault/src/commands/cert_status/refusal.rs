//! Why nothing was learned from a URL, with the flag that helps.

use client::RelyingError;

/// The error as the command says it.
pub(super) fn text(error: &RelyingError) -> String {
    match error {
        RelyingError::Private { .. } => format!("{error}; --allow-private asks it"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_named_where_it_helps_and_nowhere_else() {
        let (url, why) = ("http://a.example.test/ocsp".to_owned(), "it is local".to_owned());
        let private = RelyingError::Private {
            url: url.clone(),
            why: why.clone(),
        };
        assert!(text(&private).ends_with("it is local; --allow-private asks it"));
        let never = RelyingError::NotAsked { url, why };
        assert_eq!(text(&never), never.to_string());
    }
}
