//! Entries: made for a search from what is published, by reference.

use std::sync::Arc;

use x509::name::oids;
use x509::{DistinguishedName, Oid};

use crate::directory::{Content, Issuer};
use crate::dn::Dn;
use crate::root::SUBSCHEMA;
use crate::schema::{
    AttributeDescription, CA_CERTIFICATE, CERTIFICATE_REVOCATION_LIST, DELTA_REVOCATION_LIST, OBJECT_CLASS,
    SUBSCHEMA_SUBENTRY, is_operational,
};

/// A value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Octets(Content),
}

impl Value {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Octets(_) => None,
        }
    }

    /// Octets of the value.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Octets(content) => content.length(),
        }
    }
}

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As it is answered.
    pub(crate) name: String,
    pub(crate) key: Dn,
    /// Attributes in their order, each with at least one value.
    attributes: Vec<(Oid, Vec<Value>)>,
}

impl Entry {
    pub(crate) fn new(name: String, key: Dn) -> Self {
        Self {
            name,
            key,
            attributes: Vec::new(),
        }
    }

    /// Adds values.
    pub(crate) fn add(&mut self, oid: Oid, values: impl IntoIterator<Item = Value>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        match self.attributes.iter_mut().find(|(known, _)| *known == oid) {
            Some((_, list)) => list.extend(values),
            None => self.attributes.push((oid, values.collect())),
        }
    }

    pub(crate) fn add_text(&mut self, oid: Oid, texts: impl IntoIterator<Item = impl Into<String>>) {
        self.add(oid, texts.into_iter().map(|text| Value::Text(text.into())));
    }

    /// Values of the attribute.
    pub(crate) fn values(&self, description: &AttributeDescription) -> impl Iterator<Item = &Value> {
        self.attributes
            .iter()
            .filter(|(oid, _)| description.covers(*oid))
            .flat_map(|(_, values)| values)
    }

    /// The attributes that are asked for (RFC 4511 section 4.5.1.8).
    pub(crate) fn selected(&self, selection: &Selection) -> impl Iterator<Item = (Oid, &[Value])> {
        self.attributes
            .iter()
            .filter(|(oid, _)| selection.has(*oid))
            .map(|(oid, values)| (*oid, values.as_slice()))
    }
}

/// The attributes that a search asks for.
#[derive(Debug)]
pub(crate) struct Selection {
    user: bool,
    operational: bool,
    named: Vec<AttributeDescription>,
}

impl Selection {
    pub(crate) fn read(attributes: &[&str]) -> Self {
        Self {
            user: attributes.is_empty() || attributes.contains(&"*"),
            operational: attributes.contains(&"+"),
            // `1.1` asks for none: there is no attribute of this number.
            named: attributes
                .iter()
                .filter_map(|text| AttributeDescription::read(text))
                .collect(),
        }
    }

    fn has(&self, oid: Oid) -> bool {
        let of_all = match is_operational(oid) {
            true => self.operational,
            false => self.user,
        };
        of_all || self.named.iter().any(|description| description.covers(oid))
    }
}

/// One entry for each name, with the values of all generations that have it.
pub(crate) fn entries_of(issuers: &[Arc<Issuer>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for issuer in issuers {
        let at = match entries.iter().position(|entry| entry.key == *issuer.key()) {
            Some(at) => at,
            None => {
                entries.push(entry_of(issuer));
                entries.len() - 1
            }
        };
        if let Some(entry) = entries.get_mut(at) {
            publish(entry, CA_CERTIFICATE, &issuer.certificates);
            publish(entry, CERTIFICATE_REVOCATION_LIST, &issuer.complete);
            publish(entry, DELTA_REVOCATION_LIST, &issuer.deltas);
        }
    }
    entries
}

/// A value is in an attribute once.
fn publish(entry: &mut Entry, oid: Oid, contents: &[Content]) {
    for content in contents {
        let mut known = entry
            .attributes
            .iter()
            .filter(|(of, _)| *of == oid)
            .flat_map(|(_, values)| values);
        let is_there = known.any(|value| matches!(value, Value::Octets(octets) if octets == content));
        if !is_there {
            entry.add(oid, [Value::Octets(content.clone())]);
        }
    }
}

fn entry_of(issuer: &Issuer) -> Entry {
    let subject = issuer.subject();
    let mut entry = Entry::new(subject.to_string(), issuer.key().clone());
    entry.add_text(OBJECT_CLASS, ["top"]);
    entry.add_text(OBJECT_CLASS, structural_class(&entry.key));
    entry.add_text(OBJECT_CLASS, ["pkiCA", "deltaCRL"]);
    for (oid, value) in naming_values(subject, &entry.key) {
        entry.add_text(oid, [value]);
    }
    entry.add_text(SUBSCHEMA_SUBENTRY, [SUBSCHEMA]);
    entry
}

/// By the attribute that names the entry, which the class requires.
fn structural_class(key: &Dn) -> Option<&'static str> {
    let classes = [
        (oids::COMMON_NAME, "cRLDistributionPoint"),
        (oids::ORGANIZATIONAL_UNIT, "organizationalUnit"),
        (oids::ORGANIZATION, "organization"),
        (oids::DOMAIN_COMPONENT, "domain"),
        (oids::COUNTRY, "country"),
    ];
    let types: Vec<Oid> = key.first_types().collect();
    classes
        .into_iter()
        .find_map(|(oid, class)| types.contains(&oid).then_some(class))
}

/// The values that the entry is named by, which are attributes of it (RFC 4512 section 2.3.1).
fn naming_values(subject: &DistinguishedName, key: &Dn) -> Vec<(Oid, String)> {
    let types: Vec<Oid> = key.first_types().collect();
    let mut values: Vec<_> = subject.attributes().collect();
    // The most specific part comes last in the encoding.
    values.split_off(values.len().saturating_sub(types.len()))
}
