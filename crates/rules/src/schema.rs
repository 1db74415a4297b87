//! What lists of a profile hold, for the JSON Schema of the configuration: only what the parser of that list reads.

use schemars::{Schema, SchemaGenerator, json_schema};
use x509::extension::KeyUsageFlags;
use x509::san::SanKind;

/// Dotted, with at least two numbers.
const OID: &str = "^[0-2](\\.(0|[1-9][0-9]*))+$";
/// RSA sizes are multiples of 8, which this does not say in full.
const KEY: &str = "^(p256|p384|p521|ed25519|rsa[2-9][0-9]{2}[02468])$";
/// A name, or an OID.
const PURPOSE: &str = "^([a-z]+(-[a-z]+)*|[0-2](\\.(0|[1-9][0-9]*))+)$";

pub(crate) fn key_usages(_: &mut SchemaGenerator) -> Schema {
    let all = KeyUsageFlags::ALL.names().collect::<Vec<_>>();
    json_schema!({"type": "array", "items": {"type": "string", "enum": all}})
}

pub(crate) fn san_kinds(_: &mut SchemaGenerator) -> Schema {
    let all = SanKind::NAMED.map(SanKind::as_str);
    json_schema!({"type": "array", "items": {"type": "string", "enum": all}})
}

pub(crate) fn keys(_: &mut SchemaGenerator) -> Schema {
    matching(KEY)
}

pub(crate) fn purposes(_: &mut SchemaGenerator) -> Schema {
    matching(PURPOSE)
}

pub(crate) fn oids(_: &mut SchemaGenerator) -> Schema {
    matching(OID)
}

fn matching(pattern: &str) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "pattern": pattern}})
}
