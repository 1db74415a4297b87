//! The URLs that are written into certificates, and the names in them.
//!
//! A certificate's URLs are fetched as long as it is valid, whatever becomes of its CA in the meantime. So they name not the
//! CA but the *issuer generation*: one key and certificate of it. The first has the CA's bare name, later ones
//! `<ca>.2`, `<ca>.3`, …; names of CAs contain no dot.

use std::fmt;

use x509::DistinguishedName;
use x509::serial::Serial;

/// One generation of a CA, as URLs and files name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerName {
    pub(crate) ca: String,
    /// 1 or higher.
    pub(crate) generation: u32,
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            1 => f.write_str(&self.ca),
            later => write!(f, "{}.{later}", self.ca),
        }
    }
}

impl IssuerName {
    /// Reads what [`Display`](fmt::Display) writes, and nothing else: one generation has one URL.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = match text.split_once('.') {
            None => Self {
                ca: text.to_owned(),
                generation: 1,
            },
            Some((ca, generation)) => Self {
                ca: ca.to_owned(),
                generation: generation.parse().ok().filter(|generation| *generation > 1)?,
            },
        };
        (name.to_string() == text).then_some(name)
    }

    /// Where certificates of this issuer say that its CRL, OCSP and its own certificate are. `base` is the public HTTP URL
    /// of the deployment, without a slash at its end.
    pub(crate) fn publication_urls(&self, base: &str) -> rules::PublicationUrls {
        rules::PublicationUrls {
            crl: vec![self.crl_url(base, 0)],
            ocsp: vec![format!("{base}/ocsp")],
            ca_issuers: vec![format!("{base}/ca/{self}.crt")],
        }
    }

    /// Where that shard of its CRL is; 0 is the complete CRL.
    pub(crate) fn crl_url(&self, base: &str, shard: u32) -> String {
        match shard {
            0 => format!("{base}/crl/{self}.crl"),
            shard => format!("{base}/crl/{self}/{shard}.crl"),
        }
    }

    /// The same list in the directory whose URL `base` is, without a slash at its end: an attribute of the entry of the CA, which has
    /// its subject, or of the shard's below that (RFC 4516, RFC 5280 section 4.2.1.13).
    pub(crate) fn crl_in_ldap(&self, base: &str, subject: &DistinguishedName, shard: u32) -> String {
        let entry = match shard {
            0 => subject.to_string(),
            shard => format!("CN={self}/{shard},{subject}"),
        };
        format!(
            "{base}/{}?certificateRevocationList;binary",
            percent_encoded(&entry)
        )
    }

    /// The shard whose address this is, as [`crl_url`](Self::crl_url) writes it, below whatever base.
    pub(crate) fn shard_at(&self, url: &str) -> Option<u32> {
        if url.ends_with(&format!("/crl/{self}.crl")) {
            return Some(0);
        }
        let (_, shard) = url.rsplit_once(&format!("/crl/{self}/"))?;
        shard
            .strip_suffix(".crl")?
            .parse()
            .ok()
            .filter(|shard| *shard > 0)
    }
}

/// What has no meaning of its own in the name of an entry, and in a URL (RFC 4516 section 2.1), as it is; the rest encoded.
fn percent_encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, octet| {
        match octet {
            b'=' | b',' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(octet)),
            _ if octet.is_ascii_alphanumeric() => out.push(char::from(octet)),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
        out
    })
}

/// Whether a CA can have that name: it is a part of URLs.
pub(crate) fn is_ca_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-')
}

/// The shard, of that many, that lists the certificate of this serial number once it is revoked; 0, the complete CRL, where there
/// are none. Serial numbers are random, so that shards are equally long, and no requester can choose one.
pub(crate) fn shard_of(serial: &Serial, shards: u32) -> u32 {
    let last = serial.as_bytes().iter().rev().take(8).rev();
    let number = last.fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    // The remainder prefers none by more than 2^-54.
    match number.checked_rem(u64::from(shards)) {
        None => 0,
        Some(shard) => u32::try_from(shard).map_or(0, |shard| shard + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(generation: u32) -> IssuerName {
        IssuerName {
            ca: "issuing".to_owned(),
            generation,
        }
    }

    #[test]
    fn the_first_generation_has_the_name_of_its_ca() {
        let urls = |generation| name(generation).publication_urls("http://pki.example.test");
        assert_eq!(urls(1).crl, ["http://pki.example.test/crl/issuing.crl"]);
        assert_eq!(urls(1).ca_issuers, ["http://pki.example.test/ca/issuing.crt"]);
        assert_eq!(urls(2).crl, ["http://pki.example.test/crl/issuing.2.crl"]);
        assert_eq!(urls(2).ca_issuers, ["http://pki.example.test/ca/issuing.2.crt"]);
        assert_eq!(urls(1).ocsp, urls(2).ocsp);
    }

    #[test]
    fn a_shard_is_below_its_issuer() {
        let url = |generation, shard| name(generation).crl_url("http://pki.example.test", shard);
        assert_eq!(url(1, 0), "http://pki.example.test/crl/issuing.crl");
        assert_eq!(url(1, 7), "http://pki.example.test/crl/issuing/7.crl");
        assert_eq!(url(2, 1024), "http://pki.example.test/crl/issuing.2/1024.crl");
        for (generation, shard) in [(1, 0), (1, 7), (2, 0), (2, 1024)] {
            let url = url(generation, shard);
            assert_eq!(name(generation).shard_at(&url), Some(shard), "{url}");
            assert_eq!(name(3 - generation).shard_at(&url), None, "{url}");
        }
        for other in [
            "http://a/crl/issuing/0.crl",
            "http://a/crl/issuing/7/delta.crl",
            "http://a/crl/other.crl",
        ] {
            assert_eq!(name(1).shard_at(other), None, "{other}");
        }
    }

    #[test]
    fn shards_are_chosen_uniformly_from_one_on() {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let serials: Vec<Serial> = (0..64_000).map(|_| Serial::random(&random).unwrap()).collect();
        for shards in [1, 3, 64, 1024] {
            let mut sizes = vec![0_u32; 1025];
            for serial in &serials {
                sizes[shard_of(serial, shards) as usize] += 1;
            }
            let expected = 64_000.0 / f64::from(shards);
            let (used, unused) = sizes[1..].split_at(shards as usize);
            // Ten standard deviations: a failure is a fault.
            let far = used
                .iter()
                .filter(|size| (f64::from(**size) - expected).abs() > 10.0 * expected.sqrt());
            assert_eq!(far.count(), 0, "{shards}: {used:?}");
            assert!(sizes[0] == 0 && unused.iter().all(|size| *size == 0), "{shards}");
        }
        assert!(serials.iter().all(|serial| shard_of(serial, 0) == 0));
    }

    #[test]
    fn a_generation_has_one_name() {
        for generation in [1, 2, 30] {
            let name = name(generation);
            assert_eq!(IssuerName::parse(&name.to_string()), Some(name));
        }
        for other in [
            "issuing.",
            "issuing.0",
            "issuing.1",
            "issuing.02",
            "issuing.+2",
            "issuing.x",
            "issuing.2.3",
            "issuing.4294967296",
        ] {
            assert_eq!(IssuerName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_list_in_a_directory_is_that_of_the_entry_of_the_ca_or_of_the_shard() {
        let subject: DistinguishedName = "CN=Prüf CA\\, 1,O=Example".parse().unwrap();
        let url =
            |generation, shard| name(generation).crl_in_ldap("ldap://pki.example.test:3890", &subject, shard);
        assert_eq!(
            url(2, 0),
            "ldap://pki.example.test:3890/CN=Pr%C3%BCf%20CA%5C,%201,O=Example?certificateRevocationList;binary"
        );
        assert_eq!(
            url(2, 3),
            "ldap://pki.example.test:3890/CN=issuing.2%2F3,CN=Pr%C3%BCf%20CA%5C,%201,O=Example?certificateRevocationList;binary"
        );
        assert!(url(1, 1).parse::<x509::extension::Location>().is_ok());
    }
}
