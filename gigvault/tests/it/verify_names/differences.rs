//! Where other programs do not judge names as RFC 5280 section 4.2.1.10 says.

use testkit::judges::Judge;

/// What a judge does instead of comparing a name.
#[derive(Clone, Copy)]
pub(super) enum Instead {
    /// Refuses it.
    Refuses,
    /// Accepts it.
    Accepts,
    /// Takes it for one inside the subtree.
    Within,
    /// Takes it for one outside it.
    Outside,
}

impl Instead {
    pub(super) fn accepts(self, side: &str) -> bool {
        match self {
            Self::Refuses => false,
            Self::Accepts => true,
            Self::Within => side == "permitted",
            Self::Outside => side == "excluded",
        }
    }
}

/// A judge that does not do as RFC 5280 section 4.2.1.10 says.
pub(super) struct Difference {
    pub(super) judge: Judge,
    /// The kind of names, or the subtree.
    pub(super) under: &'static str,
    /// The name; every one if empty.
    name: &'static str,
    pub(super) instead: Instead,
    pub(super) why: &'static str,
}

const fn differs(
    judge: Judge,
    [under, name]: [&'static str; 2],
    instead: Instead,
    why: &'static str,
) -> Difference {
    Difference {
        judge,
        under,
        name,
        instead,
        why,
    }
}

/// Found with OpenSSL 3.0, GnuTLS 3.7, Go 1.26, NSS 3.87, and webpki 0.103. OpenSSL differs nowhere.
pub(super) const DIFFERENCES: [Difference; 20] = {
    use Instead::{Accepts, Outside, Refuses, Within};
    use Judge::{GnuTls, Go, Nss, Rustls};
    const UNKNOWN: &str = "it does not know this kind, and refuses as the section lets it";
    const SUBDOMAINS: &str = "to it a host means all below it too; the section says that host alone";
    const AT: &str = "an address without a mailbox is not a form of the section, and it finds nothing in it";
    const VERSIONS: &str = "it judges each version of IP by itself";
    [
        differs(Rustls, ["email", ""], Refuses, UNKNOWN),
        differs(Rustls, ["uri", ""], Refuses, UNKNOWN),
        differs(Rustls, ["dirname", ""], Refuses, UNKNOWN),
        differs(Go, ["dirname", ""], Refuses, UNKNOWN),
        differs(Go, ["RID:1.2.3", ""], Refuses, UNKNOWN),
        differs(
            Go,
            ["DNS:example.test", "dirName:outside"],
            Refuses,
            "it does not know a critical alternative name of this kind",
        ),
        differs(
            Go,
            ["email:example.test", "email:user@a.example.test"],
            Within,
            SUBDOMAINS,
        ),
        differs(
            Go,
            ["URI:example.test", "URI:https://a.example.test/"],
            Within,
            SUBDOMAINS,
        ),
        differs(
            Go,
            ["email:@example.test", ""],
            Refuses,
            "an address without a mailbox is not a form of the section",
        ),
        differs(
            Nss,
            ["email:@example.test", "email:user@example.test"],
            Outside,
            AT,
        ),
        differs(
            Nss,
            ["dirname", "dirName:outside"],
            Refuses,
            "it takes the empty subject for one in the subtree",
        ),
        differs(Nss, ["rid", ""], Accepts, "it does not look at this kind"),
        differs(Nss, ["other", ""], Accepts, "it does not look at this kind"),
        differs(
            GnuTls,
            ["IP:10.0.0.0/255.0.0.0", "IP:2001:db8::1"],
            Accepts,
            VERSIONS,
        ),
        differs(
            GnuTls,
            ["IP:2001:db8::/ffff:ffff::", "IP:10.1.2.3"],
            Accepts,
            VERSIONS,
        ),
        differs(
            GnuTls,
            ["email:@example.test", "email:user@example.test"],
            Outside,
            AT,
        ),
        differs(GnuTls, ["uri", ""], Within, "it does not compare URIs"),
        differs(
            GnuTls,
            ["dirname", ""],
            Within,
            "it does not compare directory names",
        ),
        differs(GnuTls, ["other", ""], Accepts, "it does not look at this kind"),
        differs(GnuTls, ["RID:1.2.3", ""], Refuses, UNKNOWN),
    ]
};

impl Difference {
    pub(super) fn is_about(&self, judge: Judge, kind: &str, subtree: &str, name: &str) -> bool {
        self.judge == judge
            && [kind, subtree].contains(&self.under)
            && (self.name.is_empty() || self.name == name)
    }
}
