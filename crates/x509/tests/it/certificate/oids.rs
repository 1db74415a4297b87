//! Object identifiers of any size, judged by openssl: `asn1parse` says what the octets hold.

use x509::extension::oids;
use x509::{Certificate, Csr, DerError, Eku, ExtensionValue, Oid};

use crate::csr::tool::Tool;

/// As AD CS makes them of a GUID; with an arc of more than 64 bits; longer than 39 octets; a UUID (X.667).
const PURPOSE: &str =
    "1.3.6.1.4.1.311.21.8.13638690.14533061.12211850.8390013.7842412.182.8734582.4294967296";
const POLICY: &str = "1.3.6.1.4.1.311.21.8.18446744073709551616.402";
const EXTENSION: &str =
    "1.3.6.1.4.1.311.21.8.4294967295.4294967294.4294967293.4294967292.4294967291.4294967290.4294967289.1.402";
const ATTRIBUTE: &str = "2.25.329800735698586629295641978511506172918";

fn config() -> String {
    format!(
        "[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=ext\nreq_extensions=ext\n\
         [dn]\nCN=web.example.test\nx.{ATTRIBUTE}=room 7\n\
         [ext]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,{PURPOSE}\n\
         certificatePolicies={POLICY},1.2.3\n{EXTENSION}=DER:0c03616263\n"
    )
}

/// Everything that `asn1parse` names, also in octet strings.
fn asn1parse(tool: &Tool, file: &str) -> String {
    let mut all = tool.run(&format!("openssl asn1parse -in {file}"));
    let offsets: Vec<usize> = all
        .lines()
        .filter(|line| line.contains("OCTET STRING"))
        .filter_map(|line| line.split(':').next()?.trim().parse().ok())
        .collect();
    for offset in offsets {
        all += &tool.run(&format!("openssl asn1parse -in {file} -strparse {offset}"));
    }
    all
}

#[test]
fn identifiers_of_any_size_are_read_as_openssl_reads_them() {
    let tool = Tool::new();
    tool.write("req.cnf", config());
    tool.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -config req.cnf -days 30 -out crt.pem",
    );
    let certificate = Certificate::from_pem(&tool.read("crt.pem")).unwrap();
    let [purpose, policy, extension, attribute] =
        [PURPOSE, POLICY, EXTENSION, ATTRIBUTE].map(|text| text.parse::<Oid>().unwrap());
    assert_eq!(certificate.eku().unwrap(), [Eku::ServerAuth, Eku::Other(purpose)]);
    let policies = certificate.extension(oids::CERTIFICATE_POLICIES).unwrap();
    assert_eq!(
        policies.value(),
        Ok(ExtensionValue::CertificatePolicies(vec![
            policy,
            "1.2.3".parse().unwrap()
        ]))
    );
    let own = certificate.extension(extension).unwrap();
    assert_eq!(
        (own.name(), own.value_der()),
        (EXTENSION.to_owned(), &b"\x0c\x03abc"[..])
    );
    assert_eq!(certificate.subject().values_of(attribute), ["room 7"]);
    let shown = certificate.describe();
    let judged = asn1parse(&tool, "crt.pem");
    for oid in [PURPOSE, POLICY, EXTENSION, ATTRIBUTE] {
        assert!(judged.contains(oid), "openssl does not show {oid}: {judged}");
        assert!(shown.contains(oid), "{oid} is not in {shown}");
    }
    // A name with such a type is read back from its text.
    let subject: x509::DistinguishedName = certificate.subject().to_string().parse().unwrap();
    assert!(subject.matches(certificate.subject()));
}

#[test]
fn identifiers_of_any_size_are_read_in_requests() {
    let tool = Tool::new();
    tool.write("req.cnf", config());
    tool.run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -config req.cnf -out csr.pem");
    let csr = Csr::from_pem_or_der(&tool.read("csr.pem")).unwrap();
    let asked: Vec<String> = csr
        .requested_extensions()
        .iter()
        .map(|extension| extension.oid().to_string())
        .collect();
    assert!(asked.contains(&EXTENSION.to_owned()), "{asked:?}");
    let attribute: Oid = ATTRIBUTE.parse().unwrap();
    assert_eq!(csr.subject().values_of(attribute), ["room 7"]);
}

#[test]
fn what_der_forbids_in_an_identifier_is_refused_in_a_certificate() {
    let tool = Tool::new();
    tool.write("req.cnf", config());
    tool.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -config req.cnf -days 30 -out crt.pem",
    );
    let good = Certificate::from_pem(&tool.read("crt.pem")).unwrap();
    let purpose: Oid = PURPOSE.parse().unwrap();
    let at = find(good.der(), purpose.as_bytes());
    // 1.3.6.1.4.1.311: the octet before the arc 311 becomes padding of it, and the last arc is cut.
    for (octet, value) in [(5, 0x80), (purpose.as_bytes().len() - 1, 0x80)] {
        let mut broken = good.der().to_vec();
        broken[at + octet] = value;
        let refused = Certificate::from_der(&broken).unwrap_err().to_string();
        assert!(
            refused.contains(&DerError::Value("OBJECT IDENTIFIER").to_string()),
            "{refused}"
        );
    }
}

fn find(whole: &[u8], part: &[u8]) -> usize {
    whole
        .windows(part.len())
        .position(|window| window == part)
        .unwrap()
}
