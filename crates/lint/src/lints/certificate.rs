//! The frame: structure, version, serial number (RFC 5280 sections 4.1.2.1, 4.1.2.2, 4.1.2.8; BR 7.1).

use crate::catalogue::Check::{Content, Readable};
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error};
use crate::lints::require;
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_tbs_structure",
        "RFC 5280 4.1",
        "The octets are a TBSCertificate of at most 262144 octets. If not, nothing but its encoding is judged.",
    )
    .on(All, Readable),
    error("rfc5280_version_v3", "RFC 5280 4.1.2.1", "The version is v3.").on(All, Content(version_v3)),
    error(
        "rfc5280_no_unique_identifiers",
        "RFC 5280 4.1.2.8",
        "There are no unique identifiers of issuer and subject.",
    )
    .on(All, Content(no_unique_identifiers)),
    error(
        "rfc5280_serial_positive",
        "RFC 5280 4.1.2.2",
        "The serial number is positive.",
    )
    .on(All, Content(serial_positive)),
    error(
        "rfc5280_serial_20_octets",
        "RFC 5280 4.1.2.2",
        "The serial number has at most 20 octets.",
    )
    .on(All, Content(serial_20_octets)),
    error(
        "cabf_serial_64_bits",
        "BR 7.1",
        "The serial number is long enough to hold 64 random bits.",
    )
    .on(All, Content(serial_64_bits)),
];

fn version_v3(view: &View<'_>) -> Verdict {
    require(view.version == Some(&[2]), || match view.version {
        None => "there is no version, which means v1".to_owned(),
        Some([number @ 0..=8]) => format!("the version is v{}", number + 1),
        Some(_) => "the version is unknown".to_owned(),
    })
}

fn no_unique_identifiers(view: &View<'_>) -> Verdict {
    require(!view.has_unique_identifiers, || {
        "there is a unique identifier".to_owned()
    })
}

fn serial_positive(view: &View<'_>) -> Verdict {
    match view.serial {
        [sign, ..] if *sign >= 0x80 => Err("the serial number is negative".to_owned()),
        digits if digits.iter().all(|digit| *digit == 0) => Err("the serial number is zero".to_owned()),
        _ => Ok(()),
    }
}

fn serial_20_octets(view: &View<'_>) -> Verdict {
    let octets = view.serial.len();
    require(octets <= 20, || format!("the serial number has {octets} octets"))
}

/// Of 64 random bits alone one in 256 has a zero octet in front, so this wants a longer draw. Ours are of 128.
fn serial_64_bits(view: &View<'_>) -> Verdict {
    let zeros = view.serial.iter().take_while(|digit| **digit == 0).count();
    let octets = view.serial.len() - zeros;
    require(octets >= 8, || {
        format!("the serial number has {octets} octets, 8 are needed")
    })
}
