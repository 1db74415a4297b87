//! The entries that describe the server: root DSE and subschema (RFC 4512 sections 4.2 and 5.1).

use crate::dn::Dn;
use crate::entry::Entry;
use crate::message::MANAGE_DSA_IT;
use crate::schema::{
    ATTRIBUTE_TYPES, NAMING_CONTEXTS, OBJECT_CLASS, OBJECT_CLASSES, SUBSCHEMA_SUBENTRY, SUPPORTED_CONTROL,
    SUPPORTED_EXTENSION, SUPPORTED_LDAP_VERSION, VENDOR_NAME, attribute_types, object_classes,
};
use crate::search::WHO_AM_I;

/// Name of the subschema entry.
pub(crate) const SUBSCHEMA: &str = "cn=Subschema";

/// The root DSE, of a server with these entries.
pub(crate) fn root_dse(entries: &[Entry]) -> Entry {
    let mut root = Entry::new(String::new(), Dn::default());
    root.add_text(OBJECT_CLASS, ["top"]);
    root.add_text(SUBSCHEMA_SUBENTRY, [SUBSCHEMA]);
    // An entry below another one is in its context.
    let contexts = entries.iter().filter(|entry| {
        let above = |other: &&Entry| entry.key.depth_below(&other.key).is_some_and(|depth| depth > 0);
        !entries.iter().any(|other| above(&other))
    });
    root.add_text(NAMING_CONTEXTS, contexts.map(|entry| entry.name.clone()));
    root.add_text(SUPPORTED_LDAP_VERSION, ["3"]);
    root.add_text(SUPPORTED_EXTENSION, [WHO_AM_I]);
    root.add_text(SUPPORTED_CONTROL, [MANAGE_DSA_IT]);
    root.add_text(VENDOR_NAME, ["GigVault"]);
    root
}

/// The subschema entry.
pub(crate) fn subschema() -> Entry {
    let key = Dn::parse(SUBSCHEMA).unwrap_or_default();
    let mut entry = Entry::new(SUBSCHEMA.to_owned(), key);
    entry.add_text(OBJECT_CLASS, ["top", "subschema"]);
    entry.add_text(x509::name::oids::COMMON_NAME, ["Subschema"]);
    entry.add_text(ATTRIBUTE_TYPES, attribute_types());
    entry.add_text(OBJECT_CLASSES, object_classes());
    entry
}
