//! Object identifiers of the attribute types that have a short name here.

use crate::Oid;

/// `CN` (X.520).
pub const COMMON_NAME: Oid = Oid::new_unwrap("2.5.4.3");
/// `SN`, a person's family name.
pub const SURNAME: Oid = Oid::new_unwrap("2.5.4.4");
/// `serialNumber` of a device or person, not of a certificate.
pub const SERIAL_NUMBER: Oid = Oid::new_unwrap("2.5.4.5");
/// `C`, two letters of ISO 3166.
pub const COUNTRY: Oid = Oid::new_unwrap("2.5.4.6");
/// `L`, a town.
pub const LOCALITY: Oid = Oid::new_unwrap("2.5.4.7");
/// `ST`, a state or province.
pub const STATE: Oid = Oid::new_unwrap("2.5.4.8");
/// `STREET`.
pub const STREET: Oid = Oid::new_unwrap("2.5.4.9");
/// `O`.
pub const ORGANIZATION: Oid = Oid::new_unwrap("2.5.4.10");
/// `OU`.
pub const ORGANIZATIONAL_UNIT: Oid = Oid::new_unwrap("2.5.4.11");
/// `title`.
pub const TITLE: Oid = Oid::new_unwrap("2.5.4.12");
/// `businessCategory`.
pub const BUSINESS_CATEGORY: Oid = Oid::new_unwrap("2.5.4.15");
/// `postalCode`.
pub const POSTAL_CODE: Oid = Oid::new_unwrap("2.5.4.17");
/// `name`.
pub const NAME: Oid = Oid::new_unwrap("2.5.4.41");
/// `GN`, a person's given name.
pub const GIVEN_NAME: Oid = Oid::new_unwrap("2.5.4.42");
/// `initials`.
pub const INITIALS: Oid = Oid::new_unwrap("2.5.4.43");
/// `generationQualifier`, as in "Jr.".
pub const GENERATION_QUALIFIER: Oid = Oid::new_unwrap("2.5.4.44");
/// `dnQualifier`.
pub const DN_QUALIFIER: Oid = Oid::new_unwrap("2.5.4.46");
/// `pseudonym`.
pub const PSEUDONYM: Oid = Oid::new_unwrap("2.5.4.65");
/// `organizationIdentifier`.
pub const ORGANIZATION_IDENTIFIER: Oid = Oid::new_unwrap("2.5.4.97");
/// `UID` (RFC 4519).
pub const USER_ID: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.1");
/// `DC`, one label of a domain name (RFC 4519).
pub const DOMAIN_COMPONENT: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.25");
/// `emailAddress` (PKCS #9). New names carry addresses in the subject alternative name instead.
pub const EMAIL_ADDRESS: Oid = Oid::new_unwrap("1.2.840.113549.1.9.1");
/// `unstructuredName` (RFC 2985 section 5.4.2), the host name of a network device.
pub const UNSTRUCTURED_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.2");
/// `unstructuredAddress` (RFC 2985 section 5.4.3).
pub const UNSTRUCTURED_ADDRESS: Oid = Oid::new_unwrap("1.2.840.113549.1.9.8");
/// `jurisdictionL` (CA/Browser Forum EV guidelines).
pub const JURISDICTION_LOCALITY: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.1");
/// `jurisdictionST`.
pub const JURISDICTION_STATE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.2");
/// `jurisdictionC`.
pub const JURISDICTION_COUNTRY: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.3");
