//! The URLs that are written into certificates, and the names in them.
//!
//! A certificate's URLs are fetched as long as it is valid, whatever becomes of its CA in the meantime. So they name not the
//! CA but the *issuer generation*: one key and certificate of it. The first has the CA's bare name, later ones
//! `<ca>.2`, `<ca>.3`, …; names of CAs contain no dot.

use std::fmt;

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
            crl: vec![format!("{base}/crl/{self}.crl")],
            ocsp: vec![format!("{base}/ocsp")],
            ca_issuers: vec![format!("{base}/ca/{self}.crt")],
        }
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
}
