//! Object identifiers that the lints know.

use x509::Oid;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $dotted:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) const $name: Oid = Oid::new_unwrap($dotted);
    )*};
}

// Extensions.
oids! {
    SUBJECT_DIRECTORY_ATTRIBUTES = "2.5.29.9";
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    KEY_USAGE = "2.5.29.15";
    SUBJECT_ALT_NAME = "2.5.29.17";
    ISSUER_ALT_NAME = "2.5.29.18";
    BASIC_CONSTRAINTS = "2.5.29.19";
    NAME_CONSTRAINTS = "2.5.29.30";
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    CERTIFICATE_POLICIES = "2.5.29.32";
    POLICY_MAPPINGS = "2.5.29.33";
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    POLICY_CONSTRAINTS = "2.5.29.36";
    EXTENDED_KEY_USAGE = "2.5.29.37";
    CRL_NUMBER = "2.5.29.20";
    REASON_CODE = "2.5.29.21";
    INVALIDITY_DATE = "2.5.29.24";
    DELTA_CRL_INDICATOR = "2.5.29.27";
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    CERTIFICATE_ISSUER = "2.5.29.29";
    FRESHEST_CRL = "2.5.29.46";
    INHIBIT_ANY_POLICY = "2.5.29.54";
    NO_REV_AVAIL = "2.5.29.56";
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
    SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.11";
    TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
    OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
    /// Signed certificate timestamps (RFC 6962).
    SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
}

// Extensions of OCSP responses.
oids! {
    OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2";
    OCSP_CRL_REFERENCES = "1.3.6.1.5.5.7.48.1.3";
    OCSP_ARCHIVE_CUTOFF = "1.3.6.1.5.5.7.48.1.6";
    OCSP_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9";
}

// Hashes of CertIDs.
oids! {
    SHA1 = "1.3.14.3.2.26";
    SHA256 = "2.16.840.1.101.3.4.2.1";
}

// Inside extensions.
oids! {
    OCSP = "1.3.6.1.5.5.7.48.1";
    CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
    ANY_POLICY = "2.5.29.32.0";
    CPS = "1.3.6.1.5.5.7.2.1";
    USER_NOTICE = "1.3.6.1.5.5.7.2.2";
    ANY_PURPOSE = "2.5.29.37.0";
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
    CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
    EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4";
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9";
    USER_PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3";
}

// Algorithms and curves.
oids! {
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    RSASSA_PSS = "1.2.840.113549.1.1.10";
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12";
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13";
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
    ED25519 = "1.3.101.112";
    P256 = "1.2.840.10045.3.1.7";
    P384 = "1.3.132.0.34";
    P521 = "1.3.132.0.35";
}

// Attributes of names.
oids! {
    COMMON_NAME = "2.5.4.3";
    SURNAME = "2.5.4.4";
    SERIAL_NUMBER = "2.5.4.5";
    COUNTRY = "2.5.4.6";
    LOCALITY = "2.5.4.7";
    STATE = "2.5.4.8";
    STREET = "2.5.4.9";
    ORGANIZATION = "2.5.4.10";
    ORGANIZATIONAL_UNIT = "2.5.4.11";
    TITLE = "2.5.4.12";
    BUSINESS_CATEGORY = "2.5.4.15";
    POSTAL_CODE = "2.5.4.17";
    NAME = "2.5.4.41";
    GIVEN_NAME = "2.5.4.42";
    INITIALS = "2.5.4.43";
    GENERATION_QUALIFIER = "2.5.4.44";
    DN_QUALIFIER = "2.5.4.46";
    PSEUDONYM = "2.5.4.65";
    ORGANIZATION_IDENTIFIER = "2.5.4.97";
    USER_ID = "0.9.2342.19200300.100.1.1";
    DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1";
}

/// Whether encoded content is this identifier.
pub(crate) fn is(content: &[u8], oid: Oid) -> bool {
    content == oid.as_bytes()
}

/// Dotted form for people.
pub(crate) fn dotted(content: &[u8]) -> String {
    Oid::from_content(content).map_or_else(
        |_| "an unreadable object identifier".to_owned(),
        |oid| oid.to_string(),
    )
}
