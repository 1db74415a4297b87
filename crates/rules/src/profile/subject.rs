//! What a profile allows in the subject's distinguished name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509::Oid;
use x509::name::oids;

use crate::text;

/// Rules on the subject. The default allows a common name and the usual attributes of an organization, and demands
/// none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectRule {
    /// What the common name may be.
    #[serde(default)]
    pub common_name: CommonName,
    /// Attributes that may be in the subject, by short name or dotted OID.
    #[serde(default = "organization", with = "text::attributes")]
    #[schemars(with = "Vec<String>")]
    pub attributes: Vec<Oid>,
    /// Attributes that must be in it.
    #[serde(default, with = "text::attributes")]
    #[schemars(with = "Vec<String>")]
    pub required: Vec<Oid>,
    /// Whether the subject keeps the octets of the request, string types and order included, instead of our
    /// encodings. The subject of a CA always does, since what it issued names it by these octets.
    #[serde(default)]
    pub keep_encoding: bool,
    /// Whether an emailAddress attribute is added to the alternative names, where RFC 5280 section 4.1.2.6 wants it.
    #[serde(default)]
    pub email_to_san: bool,
    /// Beginnings that no value in the subject may have, in whatever case and width of letters. `system:` and `kubeadm:` unless
    /// said otherwise: Kubernetes takes common name and organization of a client certificate for user and groups,
    /// `system:masters` and `kubeadm:cluster-admins` among them.
    #[serde(default = "system_names")]
    pub denied_prefixes: Vec<String>,
}

/// What a common name may be. In every case it is held to the name constraints of the issuing CA.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommonName {
    /// One of the subject alternative names, and nothing else: old TLS clients match it.
    #[default]
    RepeatsSan,
    /// Free text, unless it reads as a host name with a dot, an address, a mailbox or a URI: that must be one of
    /// the subject alternative names too.
    NamesRepeatSan,
    /// Free text: the name of a CA, of a responder, of a publisher. Not in profiles for development, whose users would name
    /// whom they like.
    Free,
}

impl SubjectRule {
    /// The usual attributes and this rule for the common name.
    #[must_use]
    pub fn with_common_name(common_name: CommonName) -> Self {
        Self {
            common_name,
            ..Self::default()
        }
    }

    /// Demands these attributes, which are then allowed too.
    #[must_use]
    pub fn requiring(mut self, attributes: &[Oid]) -> Self {
        self.required = attributes.to_vec();
        self.allowing(attributes)
    }

    /// Allows these attributes beside the usual ones.
    #[must_use]
    pub fn allowing(mut self, attributes: &[Oid]) -> Self {
        let new = attributes
            .iter()
            .filter(|oid| !self.attributes.contains(oid))
            .copied();
        let new: Vec<_> = new.collect();
        self.attributes.extend(new);
        self
    }

    pub(crate) fn find_contradiction(&self) -> Result<(), String> {
        match self.required.iter().find(|oid| !self.attributes.contains(oid)) {
            Some(oid) => Err(format!(
                "`required` holds {}, which `attributes` does not",
                text::attributes::label(*oid)
            )),
            None if self.denied_prefixes.iter().any(|prefix| prefix.trim().is_empty()) => {
                Err("`denied_prefixes` holds an empty text, which every value begins with".into())
            }
            None => Ok(()),
        }
    }

    /// The denied prefix that the value begins with.
    pub(crate) fn denied_prefix_of(&self, value: &str) -> Option<&str> {
        let value = folded(value);
        self.denied_prefixes
            .iter()
            .find(|prefix| value.starts_with(&folded(prefix)))
            .map(String::as_str)
    }
}

impl Default for SubjectRule {
    fn default() -> Self {
        Self {
            common_name: CommonName::default(),
            attributes: organization(),
            required: Vec::new(),
            keep_encoding: false,
            email_to_san: false,
            denied_prefixes: system_names(),
        }
    }
}

fn system_names() -> Vec<String> {
    vec!["system:".to_owned(), "kubeadm:".to_owned()]
}

/// Compares with full-width letters, the long s, and capitals folded to the ordinary letters.
fn folded(text: &str) -> String {
    x509::unicode::nfkc(text).trim_start().to_lowercase()
}

fn organization() -> Vec<Oid> {
    vec![
        oids::COMMON_NAME,
        oids::ORGANIZATION,
        oids::ORGANIZATIONAL_UNIT,
        oids::LOCALITY,
        oids::STATE,
        oids::COUNTRY,
        oids::DOMAIN_COMPONENT,
        oids::SERIAL_NUMBER,
    ]
}
