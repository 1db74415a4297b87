//! To-be-signed CRLs from raw parts.

use lint::{CrlContext, Finding, check_crl};

use super::{AKI, Extension, Forge, Named, authority, ca, ecdsa_sha256};
use crate::der::{all, boolean, int, octets, oid, seq, tlv, utc};

pub(crate) const CRL_NUMBER: &str = "2.5.29.20";
pub(crate) const REASON: &str = "2.5.29.21";
pub(crate) const INVALIDITY: &str = "2.5.29.24";
pub(crate) const DELTA: &str = "2.5.29.27";
pub(crate) const POINT: &str = "2.5.29.28";
pub(crate) const CERTIFICATE_ISSUER: &str = "2.5.29.29";
pub(crate) const SHARD: &str = "http://pki.example.test/crl/issuing/7.crl";

/// The parts of a TBSCertList, each as DER, and who signs it.
#[derive(Clone)]
pub(crate) struct ListForge {
    pub(crate) signer: Forge,
    /// Locations of the shard that the list is to cover.
    pub(crate) shard: Vec<String>,
    pub(crate) version: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) this_update: Vec<u8>,
    pub(crate) next_update: Vec<u8>,
    pub(crate) revoked: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    /// In place of the extensions.
    pub(crate) raw_extensions: Option<Vec<u8>>,
    /// After the list.
    pub(crate) tail: Vec<u8>,
}

impl ListForge {
    pub(crate) fn tbs(&self) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(Extension::der).collect();
        let extensions = all(0xa0, &[seq(&extensions)]);
        let mut tbs = seq(&[
            self.version.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            self.this_update.clone(),
            self.next_update.clone(),
            self.revoked.clone(),
            self.raw_extensions.clone().unwrap_or(extensions),
        ]);
        tbs.extend(&self.tail);
        tbs
    }

    pub(crate) fn find(&mut self, oid_of: &str) -> &mut Extension {
        let wanted = oid(oid_of);
        self.extensions
            .iter_mut()
            .find(|extension| extension.oid == wanted)
            .unwrap()
    }

    pub(crate) fn put(&mut self, oid_of: &str, value: Vec<u8>) {
        self.find(oid_of).value = value;
    }

    pub(crate) fn add(&mut self, oid_of: &str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension::new(oid_of, critical, value));
    }

    pub(crate) fn remove(&mut self, oid_of: &str) {
        let unwanted = oid(oid_of);
        self.extensions.retain(|extension| extension.oid != unwanted);
    }

    pub(crate) fn criticality(&mut self, oid_of: &str, critical: bool) {
        self.find(oid_of).critical = if critical { boolean(0xff) } else { Vec::new() };
    }

    /// Replaces the entries.
    pub(crate) fn entries(&mut self, entries: &[Vec<u8>]) {
        self.revoked = seq(entries);
    }

    /// Leaves one entry, which has these extensions.
    pub(crate) fn entry_of(&mut self, extensions: &[Extension]) {
        self.entries(&[entry(&[5], extensions)]);
    }

    /// Leaves one entry with this reasonCode.
    pub(crate) fn reason(&mut self, code: u8) {
        self.entry_of(&[reason(code)]);
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let issuer = self.signer.certificate();
        let context = CrlContext::issued_by(&issuer).covering(&self.shard);
        check_crl(&self.tbs(), Some(&context))
    }
}

/// An entry with this content of its serial number.
pub(crate) fn entry(serial: &[u8], extensions: &[Extension]) -> Vec<u8> {
    entry_at(utc("261101080000Z"), serial, extensions)
}

pub(crate) fn entry_at(time: Vec<u8>, serial: &[u8], extensions: &[Extension]) -> Vec<u8> {
    let list: Vec<_> = extensions.iter().map(Extension::der).collect();
    let list = if list.is_empty() { Vec::new() } else { seq(&list) };
    seq(&[int(serial), time, list])
}

pub(crate) fn reason(code: u8) -> Extension {
    Extension::new(REASON, false, tlv(0x0a, &[code]))
}

/// issuingDistributionPoint of one URI, and what follows the name.
pub(crate) fn point(uri: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let name = all(0xa0, &[all(0xa0, &[super::uri(uri)])]);
    seq(&[name, more.concat()])
}

/// A complete list of [`ca`].
pub(crate) fn complete() -> ListForge {
    let signer = ca();
    let mut list = ListForge {
        issuer: signer.subject.clone(),
        signer,
        shard: Vec::new(),
        version: int(&[1]),
        signature: ecdsa_sha256(),
        this_update: utc("261124120000Z"),
        next_update: utc("261201120000Z"),
        revoked: seq(&[
            entry(&[1, 2], &[reason(1)]),
            entry(
                &[0, 0x80],
                &[
                    reason(9),
                    Extension::new(INVALIDITY, false, tlv(0x18, b"20261001080000Z")),
                ],
            ),
            entry(&[0, 0x80, 1], &[]),
        ]),
        extensions: Vec::new(),
        raw_extensions: None,
        tail: Vec::new(),
    };
    list.add(AKI, false, authority(&[0x22; 20]));
    list.add(CRL_NUMBER, false, int(&[0x12, 0x67]));
    list.add(
        super::FRESHEST,
        false,
        super::crl_at("http://pki.example.test/crl/issuing/delta.crl"),
    );
    list
}

/// A list without entries.
pub(crate) fn empty() -> ListForge {
    ListForge {
        revoked: Vec::new(),
        ..complete()
    }
}

pub(crate) fn delta() -> ListForge {
    let mut delta = complete();
    delta.remove(super::FRESHEST);
    delta.add(DELTA, true, int(&[0x12, 0x60]));
    delta.entries(&[entry(&[7], &[reason(8)])]);
    delta
}

pub(crate) fn shard() -> ListForge {
    let mut shard = complete();
    shard.shard = vec![SHARD.to_owned()];
    shard.add(POINT, true, point(SHARD, &[]));
    shard
}

/// Lists in which nothing is found.
pub(crate) static LISTS: [Named<ListForge>; 4] = [
    ("complete", complete),
    ("empty", empty),
    ("delta", delta),
    ("shard", shard),
];

/// A list of many entries.
pub(crate) fn long(entries: u32) -> ListForge {
    let mut list = complete();
    let entries: Vec<_> = (0..entries)
        .map(|at| entry(&[&[1], at.to_be_bytes().as_slice()].concat(), &[reason(4)]))
        .collect();
    list.entries(&entries);
    list
}

impl Extension {
    pub(crate) fn new(oid_of: &str, critical: bool, value: Vec<u8>) -> Self {
        Self {
            oid: oid(oid_of),
            critical: if critical { boolean(0xff) } else { Vec::new() },
            value,
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        seq(&[self.oid.clone(), self.critical.clone(), octets(&self.value)])
    }
}
