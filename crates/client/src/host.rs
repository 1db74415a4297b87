//! Which hosts of URLs are this machine, for whoever reads them.

use std::net::IpAddr;

use reqwest::Url;

/// Whether the host of a URL is this machine: `localhost`, an address of 127.0.0.0/8, or `[::1]`.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether no other machine reaches what is at a URL, although it should: the URL has port 0, or its host is this machine and
/// `serves_others` says that the server is reached by another address.
#[must_use]
pub fn is_unreachable_for_others(url: &str, serves_others: bool) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    url.port() == Some(0) || (serves_others && is_loopback_host(url.host_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_good_enough_for_a_server_that_serves_this_machine_only() {
        for url in [
            "http://localhost:8080/ca/a.crt",
            "http://LOCALHOST/ca/a.crt",
            "http://127.0.0.1/ca/a.crt",
            "http://127.1.2.3:8080",
            "http://[::1]:8080/ca/a.crt",
        ] {
            assert!(is_unreachable_for_others(url, true), "{url}");
            assert!(!is_unreachable_for_others(url, false), "{url}");
        }
        for url in [
            "http://pki.example.test/ca/a.crt",
            "http://localhost.example.test",
            "http://10.1.2.3:8080",
        ] {
            assert!(!is_unreachable_for_others(url, true), "{url}");
        }
        for serves_others in [true, false] {
            assert!(is_unreachable_for_others(
                "http://pki.example.test:0/",
                serves_others
            ));
        }
    }
}
