//! Which addresses are asked. URLs in certificates and CRLs are input: without a bound, whoever makes one has requests sent to what
//! only this machine reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use x509::san::address::embedded_ipv4;

use super::error::RelyingError;

/// Which addresses are asked: public ones, those of the operator's own URLs, and where that is said, private ones.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    private: bool,
    /// Host and port of the operator's own URLs.
    own: Vec<(String, Option<u16>)>,
}

impl Reach {
    /// Public addresses.
    #[must_use]
    pub fn public() -> Self {
        Self::default()
    }

    /// Addresses of this machine and of private networks too, for URLs that the operator's own CA wrote. Link-local addresses, at which
    /// clouds give out credentials, are not asked.
    #[must_use]
    pub fn private() -> Self {
        Self {
            private: true,
            own: Vec::new(),
        }
    }

    /// And whatever has the host and the port of this URL, which the operator configured. What is not a URL adds nothing.
    #[must_use]
    pub fn and(mut self, url: &str) -> Self {
        self.own
            .extend(Url::parse(url).ok().as_ref().and_then(host_and_port));
        self
    }

    pub(super) fn is_own(&self, url: &Url) -> bool {
        host_and_port(url).is_some_and(|place| self.own.contains(&place))
    }

    /// Why the host of a URL, an address, is not asked. Names are looked at once they are resolved.
    pub(super) fn refusal_of_host(&self, url: &Url) -> Option<Refusal> {
        let host = url.host_str()?;
        let address = host.trim_start_matches('[').trim_end_matches(']');
        self.refusal(address.parse().ok()?, &format!("{address} is"))
    }

    /// Why that address is not asked; `said` is how the text begins.
    fn refusal(&self, address: IpAddr, said: &str) -> Option<Refusal> {
        let (what, is_private) = match kind(address) {
            Kind::Never(what) => (what, false),
            Kind::Private(what) if !self.private => (what, true),
            Kind::Private(_) | Kind::Public => return None,
        };
        Some(Refusal {
            text: format!("{said} {what}"),
            is_private,
        })
    }
}

fn host_and_port(url: &Url) -> Option<(String, Option<u16>)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()))
}

/// From what is always asked to what never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Public,
    Private(&'static str),
    Never(&'static str),
}

const PRIVATE: Kind = Kind::Private("an address of a private network");
const THIS_MACHINE: Kind = Kind::Private("an address of this machine");
const LINK_LOCAL: Kind = Kind::Never("a link-local address");
const NO_HOST: Kind = Kind::Never("not an address of a host");

/// An IPv6 address may lead to the IPv4 address in it, by translation or through a tunnel: then it is what that one is.
fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) if is_translated_locally(address) => {
            // The operator of the network chose where the IPv4 address is: it may be any of these, and they are not all addresses.
            let mut read = embedded_ipv4(address);
            match read.any(|address| kind_of_v4(address) == LINK_LOCAL) {
                true => LINK_LOCAL,
                false => PRIVATE,
            }
        }
        IpAddr::V6(address) => embedded_ipv4(address)
            .map(kind_of_v4)
            .fold(kind_of_v6(address), Kind::max),
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    match address.segments() {
        _ if address.is_loopback() => THIS_MACHINE,
        _ if address.is_unspecified() || address.is_multicast() => NO_HOST,
        _ if address.is_unicast_link_local() => LINK_LOCAL,
        _ if address.is_unique_local() => PRIVATE,
        // Site-local addresses, which networks still have (RFC 3879).
        [0xfec0..=0xfeff, ..] => PRIVATE,
        _ => Kind::Public,
    }
}

/// `64:ff9b:1::/48`, for translation within a site (RFC 8215).
fn is_translated_locally(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 1, ..])
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        _ if address.is_loopback() => THIS_MACHINE,
        [0 | 224..=255, ..] => NO_HOST,
        _ if address.is_link_local() => LINK_LOCAL,
        // RFC 6598 and RFC 2544: networks of carriers and of laboratories.
        [100, 64..=127, ..] | [198, 18 | 19, ..] | [192, 0, 0, _] => PRIVATE,
        _ if address.is_private() => PRIVATE,
        _ => Kind::Public,
    }
}

/// Why a name is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}, and not that of a URL of the operator")]
pub(super) struct Refusal {
    text: String,
    /// It would be asked with [`Reach::private`].
    is_private: bool,
}

impl Refusal {
    pub(super) fn of(&self, url: &str) -> RelyingError {
        let (url, why) = (url.to_owned(), self.to_string());
        match self.is_private {
            true => RelyingError::Private { url, why },
            false => RelyingError::NotAsked { url, why },
        }
    }
}

/// Resolves names to addresses that may be asked.
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One address that is not asked is enough: which of them is taken would depend on luck.
            for address in &found {
                let said = format!("{} leads to {},", name.as_str(), address.ip());
                if let Some(refusal) = reach.refusal(address.ip(), &said) {
                    return Err(refusal.into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reach: &Reach, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        !reach.is_own(&url) && reach.refusal_of_host(&url).is_some()
    }

    #[test]
    fn addresses_behind_a_firewall_are_not_asked_unless_that_is_said() {
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[2002:a00:1::]/",
            "http://[::7f00:1]/",
            "http://[::ffff:0:a00:1]/",
            "http://[fec0::1]/",
            "http://[feff::1]/",
            // Teredo, to 10.0.0.1.
            "http://[2001::1:0:0:f5ff:fffe]/",
            // Within a site, in each place that the address may have.
            "http://[64:ff9b:1::a00:1]/",
            "http://[64:ff9b:1:a00:0:100::]/",
            "http://[64:ff9b:1::808:808]/",
        ] {
            assert!(refused(&Reach::public(), url), "{url}");
            assert!(!refused(&Reach::private(), url), "{url}");
        }
        for url in [
            "http://192.0.32.10/",
            "http://[2606:4700::1]/",
            "http://[64:ff9b::808:808]/",
            "http://[2002:808:808::1]/",
        ] {
            assert!(!refused(&Reach::public(), url), "{url}");
        }
        for url in [
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://[fe80::1]/",
            "http://[::]/",
            "http://[ff02::1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[64:ff9b:1::a9fe:a9fe]/",
            "http://[64:ff9b:1:a9fe:a9:fe00::]/",
            "http://[::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[2001::1:0:0:5601:5601]/",
        ] {
            assert!(refused(&Reach::private(), url), "{url}");
        }
    }

    #[test]
    fn a_url_of_the_operator_is_asked_by_host_and_port() {
        let reach = Reach::public().and("http://127.0.0.1:8080").and("not a URL");
        assert!(!refused(&reach, "http://127.0.0.1:8080/crl/issuing.crl"));
        assert!(refused(&reach, "http://127.0.0.1:8081/"));
        assert!(refused(&reach, "http://127.0.0.1/"));
        let named = Reach::public().and("http://pki.example.test");
        assert!(named.is_own(&Url::parse("http://pki.example.test:80/ocsp").unwrap()));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_asked() {
        let name = || "localhost".parse().unwrap();
        let Err(refused) = Resolver(Reach::public()).resolve(name()).await else {
            panic!("localhost was resolved");
        };
        assert!(
            refused.to_string().contains("an address of this machine"),
            "{refused}"
        );
        assert!(Resolver(Reach::private()).resolve(name()).await.is_ok());
    }
}
