//! To-be-signed certificates, CRLs and OCSP responses from raw parts.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bases;
mod keys;
mod list;
mod oids;
mod response;
mod values;

use lint::{Context, Finding, check_tbs};
use x509::Certificate;

pub(crate) use bases::*;
pub(crate) use keys::*;
pub(crate) use list::*;
pub(crate) use oids::*;
pub(crate) use response::*;
pub(crate) use values::*;

use crate::der::{all, bits, boolean, int, oid, seq, utc};

/// Something that a test changes, by name.
pub(crate) type Named<F> = (&'static str, fn() -> F);

/// The parts of a TBSCertificate, each as DER.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) unique_identifiers: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    /// After the certificate.
    pub(crate) tail: Vec<u8>,
}

/// An extension: identifier, criticality as DER or nothing, content of the OCTET STRING.
#[derive(Clone)]
pub(crate) struct Extension {
    pub(crate) oid: Vec<u8>,
    pub(crate) critical: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Forge {
    pub(crate) fn tbs(&self) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(Extension::der).collect();
        let mut tbs = seq(&[
            self.version.clone(),
            self.serial.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.spki.clone(),
            self.unique_identifiers.clone(),
            all(0xa3, &[seq(&extensions)]),
        ]);
        tbs.extend(&self.tail);
        tbs
    }

    /// The certificate with a signature that no lint verifies.
    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        let signature = seq(&[int(&[1]), int(&[1])]);
        seq(&[self.tbs(), self.signature.clone(), bits(0, &signature)])
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.certificate_der()).unwrap()
    }

    pub(crate) fn find(&mut self, oid_of: &str) -> &mut Extension {
        let wanted = oid(oid_of);
        self.extensions
            .iter_mut()
            .find(|extension| extension.oid == wanted)
            .unwrap()
    }

    pub(crate) fn remove(&mut self, oid_of: &str) {
        let unwanted = oid(oid_of);
        self.extensions.retain(|extension| extension.oid != unwanted);
    }

    /// Adds an extension.
    pub(crate) fn add(&mut self, oid_of: &str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension::new(oid_of, critical, value));
    }

    /// Replaces the value of an extension.
    pub(crate) fn put(&mut self, oid_of: &str, value: Vec<u8>) {
        self.find(oid_of).value = value;
    }

    pub(crate) fn criticality(&mut self, oid_of: &str, critical: bool) {
        self.find(oid_of).critical = if critical { boolean(0xff) } else { Vec::new() };
    }

    pub(crate) fn usage(&mut self, flags: u16) {
        self.put(USAGE, usage(flags));
    }

    /// Replaces the alternative names.
    pub(crate) fn sans(&mut self, names: &[Vec<u8>]) {
        self.put(SAN, seq(names));
    }

    pub(crate) fn purposes(&mut self, oids: &[&str]) {
        self.put(EKU, purposes(oids));
    }

    pub(crate) fn findings(&self, context: &Context<'_>) -> Vec<Finding> {
        check_tbs(&self.tbs(), context)
    }
}

pub(crate) fn validity(start: &str, end: &str) -> Vec<u8> {
    seq(&[utc(start), utc(end)])
}
