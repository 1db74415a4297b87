//! Entries: made from what is published, by reference.

use std::sync::Arc;

use x509::Oid;
use x509::name::oids;

use crate::directory::{Content, Published};
use crate::dn::Dn;
use crate::root::SUBSCHEMA;
use crate::schema::{
    AttributeDescription, CA_CERTIFICATE, CERTIFICATE_REVOCATION_LIST, DELTA_REVOCATION_LIST, OBJECT_CLASS,
    SUBSCHEMA_SUBENTRY, is_binary, is_operational, name_of,
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
pub struct Entry {
    /// As it is answered.
    pub(crate) name: String,
    pub(crate) key: Dn,
    /// Attributes in their order, each with at least one value.
    attributes: Vec<(Oid, Vec<Value>)>,
}

/// What is published in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Certificates of the issuer.
    Certificates,
    /// Complete CRLs.
    Complete,
    /// Delta CRLs.
    Deltas,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Certificates, Self::Complete, Self::Deltas];

    pub(crate) fn oid(self) -> Oid {
        match self {
            Self::Certificates => CA_CERTIFICATE,
            Self::Complete => CERTIFICATE_REVOCATION_LIST,
            Self::Deltas => DELTA_REVOCATION_LIST,
        }
    }

    /// Its name in requests and answers.
    #[must_use]
    pub fn name(self) -> String {
        described(self.oid())
    }
}

/// The name of an attribute with the option that it is transferred with (RFC 4523 section 2).
pub(crate) fn described(oid: Oid) -> String {
    let option = if is_binary(oid) { ";binary" } else { "" };
    format!("{}{option}", name_of(oid))
}

impl Entry {
    /// Its distinguished name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attributes that are stored with an entry: not those that a server makes.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (Oid, &[Value])> {
        self.attributes
            .iter()
            .filter(|(oid, _)| !is_operational(*oid))
            .map(|(oid, values)| (*oid, values.as_slice()))
    }

    pub(crate) fn values_of(&self, oid: Oid) -> impl Iterator<Item = &Value> {
        let of_attribute = self.attributes.iter().filter(move |(known, _)| *known == oid);
        of_attribute.flat_map(|(_, values)| values)
    }

    /// The values of an attribute.
    pub fn published(&self, attribute: Attribute) -> impl Iterator<Item = &Content> {
        self.values_of(attribute.oid()).filter_map(|value| match value {
            Value::Octets(content) => Some(content),
            Value::Text(_) => None,
        })
    }
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
#[must_use]
pub fn entries_of(published: &[Arc<Published>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for item in published {
        let at = match entries.iter().position(|entry| entry.key == *item.key()) {
            Some(at) => at,
            None => {
                entries.push(entry_of(item));
                entries.len() - 1
            }
        };
        if let Some(entry) = entries.get_mut(at) {
            publish(entry, Attribute::Certificates, &item.certificates);
            publish(entry, Attribute::Complete, &item.complete);
            publish(entry, Attribute::Deltas, &item.deltas);
        }
    }
    entries
}

/// A value is in an attribute once.
fn publish(entry: &mut Entry, attribute: Attribute, contents: &[Content]) {
    for content in contents {
        if !entry.published(attribute).any(|known| known == content) {
            entry.add(attribute.oid(), [Value::Octets(content.clone())]);
        }
    }
}

fn entry_of(item: &Published) -> Entry {
    let mut entry = Entry::new(item.name().to_owned(), item.key().clone());
    entry.add_text(OBJECT_CLASS, ["top"]);
    entry.add_text(OBJECT_CLASS, structural_class(&entry.key));
    // cRLDistributionPoint has both kinds of lists (RFC 4523 section 3.3).
    if !item.is_shard() {
        entry.add_text(OBJECT_CLASS, ["pkiCA", "deltaCRL"]);
    }
    for (oid, value) in item.naming() {
        entry.add_text(*oid, [value]);
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
