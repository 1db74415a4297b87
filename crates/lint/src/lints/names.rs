//! Names wherever they appear, the subject first: which types, which characters, how long (RFC 5280 section 4.1.2.4 and
//! appendix A, X.520, BR 7.1.4). The issuer is only compared with the certificate it comes from.

use x509::Oid;

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, Ca};
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::context::Issuer;
use crate::lints::{repeated, require};
use crate::oid;
use crate::text::shown;
use crate::tlv::tag;
use crate::view::View;
use crate::view::name::{Attribute, Name};

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_issuer_not_empty",
        "RFC 5280 4.1.2.4",
        "The issuer has a name.",
    )
    .on(All, Content(issuer_not_empty)),
    error(
        "rfc5280_issuer_is_subject_of_issuer",
        "RFC 5280 4.1.2.4, 7.1; BR 7.1.4.1",
        "The issuer is, octet for octet, the subject of the issuer's certificate.",
    )
    .on(All, Link(issuer_octets)),
    error(
        "rfc5280_ca_subject_not_empty",
        "RFC 5280 4.1.2.6",
        "A CA has a name.",
    )
    .on(Ca, Content(ca_subject)),
    error(
        "x501_rdn_not_empty",
        "X.501 9.3; RFC 5280 4.1.2.4",
        "No RelativeDistinguishedName is empty.",
    )
    .on(All, Content(rdn_not_empty)),
    error(
        "x501_rdn_types_distinct",
        "X.501 9.3",
        "No RelativeDistinguishedName has two attributes of one type.",
    )
    .on(All, Content(rdn_types_distinct)),
    error(
        "rfc5280_name_string_type",
        "RFC 5280 4.1.2.4, 4.1.2.6",
        "Attributes of DirectoryString type are UTF8String or PrintableString.",
    )
    .on(All, Content(directory_strings)),
    error(
        "rfc5280_name_printable_types",
        "RFC 5280 appendix A.1",
        "countryName, serialNumber and dnQualifier are PrintableString.",
    )
    .on(All, Content(printable_types)),
    error(
        "rfc5280_name_ia5_types",
        "RFC 5280 appendix A.1",
        "domainComponent and emailAddress are IA5String.",
    )
    .on(All, Content(ia5_types)),
    error(
        "rfc5280_name_bounds",
        "RFC 5280 appendix A.1; X.520",
        "No attribute is longer than its upper bound: 64 for CN and O, 128 for L and ST, and so on.",
    )
    .on(All, Content(bounds)),
    error(
        "rfc5280_name_value_not_empty",
        "RFC 5280 appendix A.1",
        "No attribute is empty.",
    )
    .on(All, Content(values_not_empty)),
    error(
        "rfc5280_country_two_letters",
        "RFC 5280 appendix A.1; ISO 3166-1",
        "countryName is two capital letters.",
    )
    .on(All, Content(country)),
    error(
        "gigvault_name_no_controls",
        "RFC 6818 3; GigVault",
        "No attribute holds NUL, line ends or other control characters.",
    )
    .on(All, Content(no_controls)),
    error(
        "cabf_name_no_filler",
        "BR 7.1.2.7.3, 7.1.2.7.4",
        "No attribute is made of dots, dashes and spaces to say that there is none.",
    )
    .on(All, Content(no_filler)),
    warn(
        "x520_name_no_outer_space",
        "X.520 7.6; RFC 5280 7.1",
        "No attribute begins or ends with white space: comparing names drops it.",
    )
    .on(All, Content(no_outer_space)),
    warn(
        "cabf_name_attribute_once",
        "BR 7.1.4.1",
        "Attributes other than DC, OU, and street appear once.",
    )
    .on(All, Content(attributes_once)),
    warn(
        "cabf_rdn_single_valued",
        "BR 7.1.4.1",
        "RelativeDistinguishedNames have one attribute each: many programs lose the others.",
    )
    .on(All, Content(rdn_single_valued)),
];

/// Upper bounds of RFC 5280 appendix A; X.520 and RFC 4524 for what it does not list.
const BOUNDS: [(Oid, &str, usize); 22] = [
    (oid::COMMON_NAME, "commonName", 64),
    (oid::SURNAME, "surname", 32768),
    (oid::SERIAL_NUMBER, "serialNumber", 64),
    (oid::COUNTRY, "countryName", 2),
    (oid::LOCALITY, "localityName", 128),
    (oid::STATE, "stateOrProvinceName", 128),
    (oid::STREET, "streetAddress", 128),
    (oid::ORGANIZATION, "organizationName", 64),
    (oid::ORGANIZATIONAL_UNIT, "organizationalUnitName", 64),
    (oid::TITLE, "title", 64),
    (oid::BUSINESS_CATEGORY, "businessCategory", 128),
    (oid::POSTAL_CODE, "postalCode", 40),
    (oid::NAME, "name", 32768),
    (oid::GIVEN_NAME, "givenName", 32768),
    (oid::INITIALS, "initials", 32768),
    (oid::GENERATION_QUALIFIER, "generationQualifier", 32768),
    (oid::DN_QUALIFIER, "dnQualifier", 32768),
    (oid::PSEUDONYM, "pseudonym", 128),
    (oid::ORGANIZATION_IDENTIFIER, "organizationIdentifier", 256),
    (oid::USER_ID, "userId", 256),
    (oid::DOMAIN_COMPONENT, "domainComponent", 63),
    (oid::EMAIL_ADDRESS, "emailAddress", 255),
];
const PRINTABLE: [Oid; 3] = [oid::COUNTRY, oid::SERIAL_NUMBER, oid::DN_QUALIFIER];
const IA5: [Oid; 2] = [oid::DOMAIN_COMPONENT, oid::EMAIL_ADDRESS];
const OFTEN: [Oid; 3] = [oid::DOMAIN_COMPONENT, oid::ORGANIZATIONAL_UNIT, oid::STREET];

fn label(attribute: &Attribute<'_>) -> String {
    let row = BOUNDS.iter().find(|(oid, ..)| attribute.is(*oid));
    row.map_or_else(|| oid::dotted(attribute.oid), |(_, name, _)| (*name).to_owned())
}

fn is_any(attribute: &Attribute<'_>, oids: &[Oid]) -> bool {
    oids.iter().any(|oid| attribute.is(*oid))
}

/// The words for a name in a finding.
fn at(place: &str) -> String {
    match place {
        "subject" => String::new(),
        other => format!("a name in {other}: "),
    }
}

/// Passes if `check` does for every name but the issuer.
fn each_name(view: &View<'_>, check: impl Fn(&Name<'_>) -> Verdict) -> Verdict {
    view.names()
        .try_for_each(|(place, name)| check(name).map_err(|problem| format!("{}{problem}", at(place))))
}

/// Passes if `holds` for all attributes of all names.
fn attributes(view: &View<'_>, problem: &str, holds: impl Fn(&Attribute<'_>) -> bool) -> Verdict {
    each_name(view, |name| {
        match name.attributes.iter().find(|attribute| !holds(attribute)) {
            None => Ok(()),
            Some(attribute) => Err(format!("{} {problem}", label(attribute))),
        }
    })
}

/// The same for those with text, and says which text.
fn texts(view: &View<'_>, problem: &str, holds: impl Fn(&Attribute<'_>, &str) -> bool) -> Verdict {
    each_name(view, |name| {
        for attribute in &name.attributes {
            if let Some(text) = attribute.text()
                && !holds(attribute, &text)
            {
                return Err(format!("{} `{}` {problem}", label(attribute), shown(&text)));
            }
        }
        Ok(())
    })
}

fn issuer_not_empty(view: &View<'_>) -> Verdict {
    require(view.issuer != [tag::SEQUENCE, 0], || {
        "the issuer is empty".to_owned()
    })
}

fn issuer_octets(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    require(view.issuer == issuer.subject, || {
        if view.root {
            "a root must name itself as issuer, and this one does not".to_owned()
        } else {
            "the issuer differs in name or encoding; copy the octets from the issuer's certificate".to_owned()
        }
    })
}

fn ca_subject(view: &View<'_>) -> Verdict {
    require(!view.subject.is_empty(), || "the subject is empty".to_owned())
}

fn rdn_not_empty(view: &View<'_>) -> Verdict {
    each_name(view, |name| {
        require(!name.has_empty_rdn, || {
            "there is an empty RelativeDistinguishedName".to_owned()
        })
    })
}

fn rdn_types_distinct(view: &View<'_>) -> Verdict {
    each_name(view, |name| {
        let types = name
            .attributes
            .iter()
            .map(|attribute| (attribute.rdn, attribute.oid));
        match repeated(types) {
            None => Ok(()),
            Some((_, oid)) => Err(format!(
                "{} appears more than once in a RelativeDistinguishedName",
                oid::dotted(oid)
            )),
        }
    })
}

fn directory_strings(view: &View<'_>) -> Verdict {
    attributes(view, "is of another string type", |attribute| {
        let known = BOUNDS.iter().any(|(oid, ..)| attribute.is(*oid));
        let is_directory_string = known && !is_any(attribute, &PRINTABLE) && !is_any(attribute, &IA5);
        !is_directory_string || matches!(attribute.value.tag, tag::UTF8_STRING | tag::PRINTABLE_STRING)
    })
}

fn printable_types(view: &View<'_>) -> Verdict {
    attributes(view, "is of another string type", |attribute| {
        !is_any(attribute, &PRINTABLE) || attribute.value.tag == tag::PRINTABLE_STRING
    })
}

fn ia5_types(view: &View<'_>) -> Verdict {
    attributes(view, "is of another string type", |attribute| {
        !is_any(attribute, &IA5) || attribute.value.tag == tag::IA5_STRING
    })
}

fn bounds(view: &View<'_>) -> Verdict {
    each_name(view, |name| {
        for attribute in &name.attributes {
            let row = BOUNDS.iter().find(|(oid, ..)| attribute.is(*oid));
            let length = attribute.text().map_or(0, |text| text.chars().count());
            if let Some((_, name, bound)) = row
                && length > *bound
            {
                return Err(format!("{name} has {length} characters, {bound} are allowed"));
            }
        }
        Ok(())
    })
}

fn values_not_empty(view: &View<'_>) -> Verdict {
    attributes(view, "is empty", |attribute| !attribute.value.content.is_empty())
}

fn country(view: &View<'_>) -> Verdict {
    texts(view, "is not two capital letters", |attribute, text| {
        !attribute.is(oid::COUNTRY) || text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_uppercase())
    })
}

fn no_controls(view: &View<'_>) -> Verdict {
    texts(view, "holds a control character", |_, text| {
        !text.chars().any(char::is_control)
    })
}

fn no_filler(view: &View<'_>) -> Verdict {
    let says_something = |character: char| !character.is_whitespace() && !matches!(character, '.' | '-');
    texts(view, "says nothing; leave it out", |_, text| {
        text.is_empty() || text.chars().any(says_something)
    })
}

fn no_outer_space(view: &View<'_>) -> Verdict {
    texts(view, "begins or ends with white space", |_, text| {
        text.trim().len() == text.len()
    })
}

fn attributes_once(view: &View<'_>) -> Verdict {
    each_name(view, |name| {
        let once = name
            .attributes
            .iter()
            .filter(|attribute| !is_any(attribute, &OFTEN));
        match repeated(once.map(|attribute| attribute.oid)) {
            None => Ok(()),
            Some(oid) => Err(format!("{} appears more than once", oid::dotted(oid))),
        }
    })
}

fn rdn_single_valued(view: &View<'_>) -> Verdict {
    each_name(view, |name| {
        match repeated(name.attributes.iter().map(|attribute| attribute.rdn)) {
            None => Ok(()),
            Some(_) => Err("a RelativeDistinguishedName has several attributes".to_owned()),
        }
    })
}
