//! Public documents at URLs that certificates name, and other plain pages: no credential is sent.

use std::time::Duration;

use reqwest::redirect;

use crate::error::Error;
use crate::host::is_loopback_host;

/// Longest time for one document.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of one.
const MAX: usize = 4 * 1024 * 1024;
/// Longest time for one that is known to be large.
const LARGE_TIMEOUT: Duration = Duration::from_secs(300);
/// Most bytes of one that is known to be large: a CRL of ten million entries.
const LARGEST: usize = 1024 * 1024 * 1024;

/// HTTP status and body of what `url` names.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Timeout`], [`Error::Unexpected`] for what is longer than 4 MiB.
pub async fn fetch(url: &str) -> Result<(u16, Vec<u8>), Error> {
    bounded(url, MAX, TIMEOUT).await
}

/// The same of a document that has at most that many bytes, or 4 MiB if that is more: large CRLs.
///
/// # Errors
/// Those of [`fetch`].
pub async fn fetch_up_to(url: &str, bytes: usize) -> Result<(u16, Vec<u8>), Error> {
    bounded(url, bytes.clamp(MAX, LARGEST), LARGE_TIMEOUT).await
}

async fn bounded(url: &str, most: usize, timeout: Duration) -> Result<(u16, Vec<u8>), Error> {
    // reqwest takes the process's provider, and panics where there is none.
    let _set_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let failed = |error| Error::of_transport(url, error);
    let mut http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(timeout);
    if is_local(url) {
        http = http.no_proxy();
    }
    let http = http.build().map_err(failed)?;
    let mut response = http.get(url).send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            return Err(Error::Unexpected {
                url: url.to_owned(),
                status,
                what: format!("it is longer than {most} bytes"),
            });
        }
    }
    Ok((status, body))
}

/// Whether it leads to this machine, where no proxy of the environment leads.
fn is_local(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| is_loopback_host(url.host_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_is_not_asked_through_a_proxy() {
        for url in [
            "http://127.0.0.1:8080/a",
            "http://[::1]:8080/a",
            "http://localhost/a",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in ["http://pki.example.test/a", "http://192.0.2.1/a", "a"] {
            assert!(!is_local(url), "{url}");
        }
    }
}
