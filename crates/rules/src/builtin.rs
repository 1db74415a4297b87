//! The profiles that every installation starts with. The README has them as a table.
//!
//! Lifetimes: TLS as short as is comfortable by default and never over the 397 days that browsers still take from
//! private CAs; CAs long enough that ceremonies stay rare. Configuration may replace any of them by name.

use x509::KeyAlgorithm::{self, Ed25519, P256, P384, P521, Rsa};
use x509::Oid;
use x509::extension::{Eku, KeyUsageFlags, NameConstraints};
use x509::name::oids;
use x509::san::SanKind::{self, Dns, Email, Ip, OtherName, Upn, Uri};

use crate::duration::{days, hours};
use crate::limits::NameLimits;
use crate::profile::{CommonName, Kind, Profile, Revocation, SanRule, SubjectRule};

const EVERY_KEY: [KeyAlgorithm; 7] = [P256, P384, P521, Rsa(2048), Rsa(3072), Rsa(4096), Ed25519];
const PERSON: [Oid; 4] = [
    oids::USER_ID,
    oids::GIVEN_NAME,
    oids::SURNAME,
    oids::EMAIL_ADDRESS,
];

/// Schemes of URIs that name a place or a thing. Those of others name accounts of other systems: `mailto`, `sip`,
/// `acct`, `tag`. Every profile for development lists its schemes.
const NO_ACCOUNTS: [&str; 3] = ["https", "http", "urn"];

/// The built-in profiles: `tls-server`, `tls-client`, `user-logon`, `mtls`, `short-lived`, `workload`,
/// `service-identity`, `code-signing`, `email`, `device`, `opc-ua`, `ocsp-signer`, `sub-ca`, `services-ca`, `root`.
#[must_use]
pub fn builtin() -> Vec<Profile> {
    vec![
        tls_server(),
        tls_client(),
        user_logon(),
        mtls(),
        short_lived(),
        workload(),
        service_identity(),
        code_signing(),
        email(),
        device(),
        opc_ua(),
        ocsp_signer(),
        sub_ca(),
        services_ca(),
        root(),
    ]
}

/// What the end-entity profiles share: TLS keys, digital signatures, 90 days.
fn end_entity(name: &str, description: &str, purposes: &[Eku]) -> Profile {
    Profile {
        name: name.into(),
        description: description.into(),
        certificate: Kind::EndEntity,
        subject: SubjectRule::default(),
        san: SanRule::default(),
        keys: EVERY_KEY.to_vec(),
        default_validity: days(90),
        max_validity: days(397),
        backdate: hours(1),
        key_usage: KeyUsageFlags::DIGITAL_SIGNATURE,
        extended_key_usage: purposes.to_vec(),
        policies: Vec::new(),
        revocation: Revocation::Published,
        must_staple: false,
        crl_in_ldap: false,
        name_constraints: NameConstraints::default(),
        allowed_names: NameLimits::default(),
        development: false,
    }
}

fn hosts(kinds: &[SanKind]) -> SanRule {
    SanRule {
        wildcards: true,
        ..SanRule::allowing(kinds).requiring(kinds)
    }
}

/// The same rule for URIs that name no accounts.
fn without_accounts(rule: SanRule) -> SanRule {
    SanRule {
        uri_schemes: NO_ACCOUNTS.map(str::to_owned).to_vec(),
        ..rule
    }
}

fn tls_server() -> Profile {
    Profile {
        san: hosts(&[Dns, Ip]),
        key_usage: KeyUsageFlags::DIGITAL_SIGNATURE | KeyUsageFlags::KEY_ENCIPHERMENT,
        development: true,
        ..end_entity(
            "tls-server",
            "TLS servers, by host name or address.",
            &[Eku::ServerAuth],
        )
    }
}

fn tls_client() -> Profile {
    Profile {
        subject: SubjectRule::with_common_name(CommonName::NamesRepeatSan).allowing(&PERSON),
        san: without_accounts(SanRule::allowing(&[Dns, Ip, Email, Uri])),
        development: true,
        ..end_entity(
            "tls-client",
            "People and programs that sign in by TLS.",
            &[Eku::ClientAuth],
        )
    }
}

/// Not for development: Windows and LDAP take the principal name for the account, and Windows the `tag:` URI of its SID.
fn user_logon() -> Profile {
    Profile {
        subject: SubjectRule::with_common_name(CommonName::NamesRepeatSan).allowing(&PERSON),
        san: SanRule {
            uri_schemes: vec!["tag".into()],
            ..SanRule::allowing(&[Upn, Email, Uri]).requiring(&[Upn])
        },
        ..end_entity(
            "user-logon",
            "People who sign in by their user principal name.",
            &[Eku::ClientAuth],
        )
    }
}

fn mtls() -> Profile {
    Profile {
        san: without_accounts(hosts(&[Dns, Ip, Uri])),
        development: true,
        ..end_entity(
            "mtls",
            "Programs that are TLS server and client with one certificate.",
            &[Eku::ServerAuth, Eku::ClientAuth],
        )
    }
}

fn short_lived() -> Profile {
    Profile {
        san: without_accounts(hosts(&[Dns, Ip, Uri])),
        default_validity: days(1),
        max_validity: days(7),
        revocation: Revocation::NotAvailable,
        development: true,
        ..end_entity(
            "short-lived",
            "TLS for at most seven days, renewed instead of revoked.",
            &[Eku::ServerAuth, Eku::ClientAuth],
        )
    }
}

/// Not for development: the SPIFFE ID is all that its peers look at.
fn workload() -> Profile {
    Profile {
        san: SanRule {
            uri_schemes: vec!["spiffe".into()],
            ..SanRule::allowing(&[Uri, Dns, Ip]).requiring(&[Uri])
        },
        default_validity: days(30),
        max_validity: days(90),
        ..end_entity(
            "workload",
            "Programs of yours that speak mutual TLS under a SPIFFE ID.",
            &[Eku::ServerAuth, Eku::ClientAuth],
        )
    }
}

fn service_identity() -> Profile {
    Profile {
        // Host names are those of the API, which may be configured as a wildcard.
        san: SanRule {
            wildcards: true,
            uri_schemes: vec!["spiffe".into()],
            ..SanRule::allowing(&[Uri, Dns, Ip]).requiring(&[Uri])
        },
        keys: vec![P256, P384, Ed25519],
        max_validity: days(90),
        ..end_entity(
            "service-identity",
            "Services that speak mutual TLS under a SPIFFE ID.",
            &[Eku::ServerAuth, Eku::ClientAuth],
        )
    }
}

fn code_signing() -> Profile {
    Profile {
        subject: SubjectRule::with_common_name(CommonName::Free).requiring(&[oids::COMMON_NAME]),
        san: SanRule::allowing(&[Email, Uri]),
        keys: vec![P256, P384, P521, Rsa(3072), Rsa(4096)],
        default_validity: days(365),
        max_validity: days(460),
        ..end_entity(
            "code-signing",
            "Publishers of programs and packages.",
            &[Eku::CodeSigning],
        )
    }
}

fn email() -> Profile {
    Profile {
        subject: SubjectRule::with_common_name(CommonName::NamesRepeatSan).allowing(&PERSON),
        san: SanRule::allowing(&[Email]).requiring(&[Email]),
        default_validity: days(365),
        max_validity: days(825),
        key_usage: KeyUsageFlags::DIGITAL_SIGNATURE
            | KeyUsageFlags::KEY_ENCIPHERMENT
            | KeyUsageFlags::KEY_AGREEMENT,
        ..end_entity(
            "email",
            "Mailboxes: S/MIME signatures and encryption.",
            &[Eku::EmailProtection],
        )
    }
}

fn device() -> Profile {
    Profile {
        subject: SubjectRule {
            keep_encoding: true,
            email_to_san: true,
            ..SubjectRule::with_common_name(CommonName::NamesRepeatSan).allowing(&[
                oids::USER_ID,
                oids::EMAIL_ADDRESS,
                oids::UNSTRUCTURED_NAME,
                oids::UNSTRUCTURED_ADDRESS,
            ])
        },
        san: SanRule::allowing(&[Dns, Ip, Uri, Email, OtherName]),
        default_validity: days(365),
        max_validity: days(3650),
        ..end_entity(
            "device",
            "Machines, sensors and network devices that sign in by TLS.",
            &[Eku::ClientAuth],
        )
    }
}

/// Application instance certificates (OPC 10000-6 section 6.2.2): the applicationUri is compared byte for byte.
fn opc_ua() -> Profile {
    Profile {
        subject: SubjectRule {
            keep_encoding: true,
            ..SubjectRule::with_common_name(CommonName::NamesRepeatSan).requiring(&[oids::COMMON_NAME])
        },
        san: SanRule::allowing(&[Uri, Dns, Ip]).requiring(&[Uri]),
        keys: vec![Rsa(2048), Rsa(3072), Rsa(4096), P256, P384],
        default_validity: days(365),
        max_validity: days(1826),
        key_usage: KeyUsageFlags::DIGITAL_SIGNATURE
            | KeyUsageFlags::NON_REPUDIATION
            | KeyUsageFlags::KEY_ENCIPHERMENT
            | KeyUsageFlags::DATA_ENCIPHERMENT,
        ..end_entity(
            "opc-ua",
            "OPC UA applications, by their application URI.",
            &[Eku::ServerAuth, Eku::ClientAuth],
        )
    }
}

fn ocsp_signer() -> Profile {
    Profile {
        subject: SubjectRule::with_common_name(CommonName::Free).requiring(&[oids::COMMON_NAME]),
        default_validity: days(30),
        max_validity: days(90),
        revocation: Revocation::Nocheck,
        ..end_entity(
            "ocsp-signer",
            "OCSP responders that answer on behalf of the issuing CA.",
            &[Eku::OcspSigning],
        )
    }
}

/// What the CA profiles share: certificates and CRLs, ten years, no further CA below.
fn authority(name: &str, description: &str) -> Profile {
    Profile {
        certificate: Kind::SubCa { path_len: Some(0) },
        subject: SubjectRule::with_common_name(CommonName::Free).requiring(&[oids::COMMON_NAME]),
        default_validity: days(3650),
        max_validity: days(7305),
        key_usage: KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN,
        ..end_entity(name, description, &[])
    }
}

fn sub_ca() -> Profile {
    authority("sub-ca", "Issuing CAs below another CA.")
}

fn services_ca() -> Profile {
    Profile {
        extended_key_usage: vec![Eku::ServerAuth, Eku::ClientAuth],
        ..authority(
            "services-ca",
            "The CA that certifies GigVault's own services for mutual TLS.",
        )
    }
}

fn root() -> Profile {
    Profile {
        certificate: Kind::Root,
        keys: vec![P256, P384, P521, Rsa(3072), Rsa(4096), Ed25519],
        default_validity: days(7305),
        max_validity: days(9132),
        ..authority("root", "Self-signed roots, made in a ceremony.")
    }
}
