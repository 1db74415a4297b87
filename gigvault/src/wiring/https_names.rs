//! The names that our HTTPS certificate is made for: what is listened on, and what is configured.
//!
//! Always `localhost` and the loopback addresses. The address of `listen.address`; for the unspecified one the host name of
//! this machine and the addresses that its interfaces have at the start. The host of `listen.public_http_url`, and all of
//! `listen.names`. A start that finds other names makes another certificate.

use std::collections::BTreeSet;
use std::net::IpAddr;

use x509::San;
use x509::uri::{shown, shown_in_text};

use super::settings::Listen;

/// All of them, without repetition.
pub(crate) fn of(listen: &Listen, public_http_url: &str) -> anyhow::Result<Vec<San>> {
    let mut names: BTreeSet<String> = configured(listen)?.iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    if listen.address.is_unspecified() {
        found.extend(of_machine(listen.address));
    }
    found.extend(host(public_http_url).map(named));
    // What the machine calls itself may be no name that a certificate can hold.
    names.extend(found.into_iter().filter(|name| name.parse::<San>().is_ok()));
    names.iter().map(|name| Ok(name.parse()?)).collect()
}

/// Those that the configuration names, and loopback.
fn configured(listen: &Listen) -> anyhow::Result<Vec<San>> {
    let mut names: BTreeSet<String> = ["dns:localhost", "ip:127.0.0.1", "ip:::1"]
        .map(str::to_owned)
        .into();
    if !listen.address.is_unspecified() {
        names.insert(named(&listen.address.to_canonical().to_string()));
    }
    let configured = listen.names.iter().map(|name| {
        parse(name).map_err(|reason| anyhow::anyhow!("listen.names: {:?}: {reason}", shown(name)))
    });
    let all = names.iter().map(|name| Ok(name.parse()?)).chain(configured);
    all.collect()
}

/// A host or an address of section `listen` as a subject alternative name.
pub(crate) fn parse(name: &str) -> Result<San, String> {
    named(name).parse().map_err(|error: x509::san::SanError| {
        let said = error.to_string().replace(name, &shown(name));
        shown_in_text(&said).into_owned()
    })
}

/// The host name and the addresses of interfaces that the unspecified address listens on.
fn of_machine(unspecified: IpAddr) -> Vec<String> {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_lowercase();
    let addresses = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let addresses = addresses.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let v6 = address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        v4.or(v6)
    });
    // 0.0.0.0 takes no connections over IPv6; :: takes both. A link-local address means nothing without its interface.
    let reachable = addresses.filter(|address| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => unspecified.is_ipv6() && !address.is_unicast_link_local(),
    });
    std::iter::once(host)
        .filter(|host| !host.is_empty() && host != "localhost")
        .map(|host| named(&host))
        .chain(reachable.map(|address| format!("ip:{address}")))
        .collect()
}

/// A host as the text of an alternative name.
fn named(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(address) => format!("ip:{address}"),
        Err(_) => format!("dns:{name}"),
    }
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    match authority.strip_prefix('[') {
        Some(literal) => literal.split(']').next(),
        None => authority.split(':').next(),
    }
    .filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(address: &str, more: &[&str], url: &str) -> Vec<String> {
        let listen = Listen {
            address: address.parse().unwrap(),
            names: more.iter().map(ToString::to_string).collect(),
            ..Listen::default()
        };
        of(&listen, url)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_is_listened_on_and_configured_is_covered() {
        assert_eq!(
            names("127.0.0.1", &[], "http://127.0.0.1:8080"),
            ["dns:localhost", "ip:127.0.0.1", "ip:::1"]
        );
        let all = names(
            "127.0.0.2",
            &["pki.example.test", "10.0.0.5"],
            "http://crl.example.test:8080/x",
        );
        for name in [
            "ip:127.0.0.2",
            "dns:pki.example.test",
            "ip:10.0.0.5",
            "dns:crl.example.test",
        ] {
            assert!(all.iter().any(|known| known == name), "{name} is not in {all:?}");
        }
        assert!(names("127.0.0.1", &[], "http://[2001:db8::1]:80").contains(&"ip:2001:db8::1".to_owned()));
        assert!(names("0.0.0.0", &[], "http://localhost:8080").len() >= 3);
    }

    #[test]
    fn a_configured_name_that_is_none_is_an_error_that_says_where() {
        let listen = Listen {
            names: vec!["my host".to_owned()],
            ..Listen::default()
        };
        assert!(of(&listen, "").unwrap_err().to_string().contains("listen.names"));
    }
}
