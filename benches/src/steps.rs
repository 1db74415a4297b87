//! What one certificate costs a core, step by step, with no server around it: where to look when issuance is slow.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use keys::{Signer, SoftwareKey};
use kit::clock::{Clock, SystemClock};
use lint::ToBeSigned;
use rules::{Approved, Grant, Issuer, Profile, PublicationUrls, Request, approve, builtin};
use time::OffsetDateTime;
use x509::csr::Csr;
use x509::{Certificate, KeyAlgorithm, Serial};

use crate::report::Report;
use crate::requests;

pub(crate) fn measure(report: &mut Report, length: Duration) -> anyhow::Result<()> {
    let now = SystemClock::default().now();
    let ca = Ca::new(now)?;
    let pem = x509::pem::encode(
        Csr::PEM_LABEL,
        requests::csrs(1)?.first().context("no CSR was made")?,
    );
    let csr = Csr::from_pem_or_der(pem.as_bytes())?;
    let wanted = Request::from_csr(&csr);
    let profile = profile("tls-server")?;
    let serial = Serial::random(&SystemRandom::new())?;
    let approved = approve(&profile, wanted.clone(), &ca.issuer, serial, now)?;
    let context = lint::Context::issued_by(&ca.certificate);
    let der = ca.certify(&approved)?;

    let mut step = |name: &str, work: &mut dyn FnMut() -> anyhow::Result<()>| -> anyhow::Result<()> {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < length {
            work()?;
            count += 1;
        }
        let each = start.elapsed().as_secs_f64() / f64::from(count.max(1));
        report.figure(format!("one core: {name}"), format!("{:.1} µs", each * 1e6));
        Ok(())
    };
    step("read a CSR and verify its signature", &mut || {
        black_box(Csr::from_pem_or_der(pem.as_bytes())?);
        Ok(())
    })?;
    step("decide and build (`rules::approve`)", &mut || {
        black_box(approve(&profile, wanted.clone(), &ca.issuer, serial, now)?);
        Ok(())
    })?;
    step("lint", &mut || {
        black_box(lint::lint(approved.clone(), &context)?);
        Ok(())
    })?;
    step("sign, P-256", &mut || {
        black_box(ca.key.sign(approved.tbs(), ca.key.algorithm())?);
        Ok(())
    })?;
    step("write PEM", &mut || {
        black_box(x509::pem::encode("CERTIFICATE", &der));
        Ok(())
    })?;
    Ok(())
}

/// A root and the CA below it that certifies, made as `up` makes its own.
struct Ca {
    key: SoftwareKey,
    certificate: Certificate,
    issuer: Issuer,
}

impl Ca {
    fn new(now: OffsetDateTime) -> anyhow::Result<Self> {
        let root = SoftwareKey::generate(KeyAlgorithm::P256)?;
        let self_signed = Issuer::self_signed(root.public_key().clone(), root.algorithm())?;
        let root_certificate = certify(&root, &self_signed, "root", root.public_key(), now)?;
        let above = Issuer::from_certificate(root_certificate, PublicationUrls::default(), root.algorithm())?;
        let key = SoftwareKey::generate(KeyAlgorithm::P256)?;
        let certificate = certify(&root, &above, "sub-ca", key.public_key(), now)?;
        let at = |path: &str| vec![format!("http://pki.example.test/{path}")];
        let urls = PublicationUrls {
            crl: at("crl/ca.crl"),
            ocsp: at("ocsp"),
            ca_issuers: at("ca/ca.crt"),
        };
        Ok(Self {
            issuer: Issuer::from_certificate(certificate.clone(), urls, key.algorithm())?,
            certificate,
            key,
        })
    }

    fn certify(&self, approved: &Approved) -> anyhow::Result<Vec<u8>> {
        let signature = self.key.sign(approved.tbs(), self.key.algorithm())?;
        Ok(x509::assemble(
            approved.tbs(),
            approved.signature_algorithm(),
            &signature,
        )?)
    }
}

fn certify(
    key: &SoftwareKey,
    issuer: &Issuer,
    name: &str,
    certified: &x509::PublicKey,
    now: OffsetDateTime,
) -> anyhow::Result<Certificate> {
    let request = Request::new(
        format!("CN=Bench {name},O=Example").parse()?,
        Vec::new(),
        certified.clone(),
    )
    .granted(Grant::default().with_authority());
    let serial = Serial::random(&SystemRandom::new())?;
    let approved = approve(&profile(name)?, request, issuer, serial, now)?;
    let signature = key.sign(approved.tbs(), key.algorithm())?;
    let der = x509::assemble(approved.tbs(), approved.signature_algorithm(), &signature)?;
    Ok(Certificate::from_der(&der)?)
}

fn profile(name: &str) -> anyhow::Result<Profile> {
    builtin()
        .into_iter()
        .find(|profile| profile.name == name)
        .with_context(|| format!("no profile {name}"))
}
