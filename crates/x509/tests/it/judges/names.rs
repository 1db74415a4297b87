//! Names as OpenSSL prints and makes them.

use x509::{Certificate, DistinguishedName, KeyAlgorithm, SignatureAlgorithm};

use super::pkilint::lint_certificate;
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;
use crate::issue::{name, sign, spec};

#[test]
fn openssl_prints_our_names_as_we_do() {
    let holder = Holder::new(KeyAlgorithm::P256);
    let tool = Tool::new();
    for text in [
        "CN=web,OU=One,OU=Two,O=Example Org,L=Berlin,ST=Berlin,C=DE",
        "CN=Bücher,DC=example,DC=test",
        r#"CN=a\+b\,c\;d\<e\>f\\g\"h"#,
        r"CN=\#hash\ ",
        r"CN=\  two",
        "SN=Doe,GN=Jane,title=Dr.,pseudonym=jd,serialNumber=1-2",
        "STREET=Road 1,emailAddress=a@b.test,initials=JD,dnQualifier=x,name=n,generationQualifier=Jr.",
    ] {
        let root = spec(text, holder.public_key(), SignatureAlgorithm::EcdsaSha256);
        tool.write("a.crt", sign(&root, &holder).pem());
        let printed = tool.run("openssl x509 -in a.crt -noout -subject -nameopt rfc2253,-esc_msb,utf8");
        let theirs = printed.trim_end_matches('\n').strip_prefix("subject=").unwrap();
        // OpenSSL has no short names for some attributes, and other ones for some.
        let theirs = theirs.replace("street=", "STREET=");
        assert_eq!(theirs, name(text).to_string());
    }
}

#[test]
fn every_attribute_satisfies_pkilint() {
    let all = "CN=a,O=b,OU=c,L=d,ST=e,STREET=f,DC=example,DC=test,UID=h,serialNumber=i,SN=k,GN=l,title=m,name=n,initials=o,\
               generationQualifier=p,dnQualifier=q,pseudonym=r,businessCategory=s,postalCode=t,\
               organizationIdentifier=u,jurisdictionL=v,jurisdictionST=w,jurisdictionC=DE,C=DE";
    let holder = Holder::new(KeyAlgorithm::P256);
    let mut root = spec(all, holder.public_key(), SignatureAlgorithm::EcdsaSha256);
    root.extensions = crate::issue::ca_extensions(&holder.public_key(), None);
    let tool = Tool::new();
    tool.write("a.crt", sign(&root, &holder).pem());
    lint_certificate(&tool, "a.crt");
}

#[test]
fn names_of_openssl_are_read_and_made_canonical() {
    let tool = Tool::new();
    tool.write(
        "req.cnf",
        "[req]\ndistinguished_name=dn\nprompt=no\nutf8=no\nstring_mask=nombstr\n\
         [dn]\nC=DE\nO=Ex\\, ample\nOU=One\n+UID=two\nCN=B\u{fc}cher\n",
    );
    for mask in ["nombstr", "default", "utf8only", "pkix"] {
        let config = String::from_utf8(tool.read("req.cnf")).unwrap();
        let config = config.lines().map(|line| match line.split_once('=') {
            Some(("string_mask", _)) => format!("string_mask={mask}\n"),
            Some(("utf8", _)) => "utf8=yes\n".to_owned(),
            _ => format!("{line}\n"),
        });
        tool.write("req.cnf", config.collect::<String>());
        tool.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -config req.cnf -out a.crt");
        let subject = Certificate::from_pem(&tool.read("a.crt"))
            .unwrap()
            .subject()
            .clone();
        assert_eq!(
            subject.to_string(),
            r"CN=Bücher,OU=One+UID=two,O=Ex\, ample,C=DE",
            "{mask}"
        );
        let ours: DistinguishedName = subject.to_string().parse().unwrap();
        assert_eq!(subject.canonical().unwrap(), ours, "{mask}");
        assert!(subject.matches(&ours), "{mask}");
    }
}
