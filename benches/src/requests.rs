//! CSRs to send, each with a key of its own, made before the clock runs.

use keys::{Signer, SoftwareKey};
use x509::csr::Csr;
use x509::{DistinguishedName, KeyAlgorithm, San};

/// `count` P-256 CSRs, DER.
pub(crate) fn csrs(count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || {
                    (part..count)
                        .step_by(threads)
                        .map(csr)
                        .collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for part in parts {
            all.extend(
                part.join()
                    .map_err(|_| anyhow::anyhow!("a CSR could not be made"))??,
            );
        }
        Ok(all)
    })
}

/// What `POST /api/v1/certificates` takes, for each CSR.
pub(crate) fn bodies(csrs: &[Vec<u8>], profile: &str) -> Vec<String> {
    let body = |csr: &Vec<u8>| {
        let pem = x509::pem::encode(Csr::PEM_LABEL, csr);
        serde_json::json!({"csr": pem, "profile": profile}).to_string()
    };
    csrs.iter().map(body).collect()
}

fn csr(number: usize) -> anyhow::Result<Vec<u8>> {
    let key = SoftwareKey::generate(KeyAlgorithm::P256)?;
    let name = format!("host-{number}.bench.example.test");
    let sans: [San; 1] = [format!("dns:{name}").parse()?];
    let subject = DistinguishedName::common_name(&name)?;
    let algorithm = key.algorithm();
    Ok(Csr::build(
        &subject,
        &sans,
        key.public_key(),
        algorithm,
        |message| key.sign(message, algorithm),
    )?)
}
