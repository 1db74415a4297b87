//! DER: there is one way to write a value (X.690 sections 8, 10, 11). Signatures are made over octets, so a second
//! way makes two certificates out of one.

use crate::catalogue::Check::{Content, Octets};
use crate::catalogue::Scope::{All, Any};
use crate::catalogue::{Lint, Verdict, error};
use crate::form::{Flaw, Form};
use crate::view::View;
use crate::view::extensions::Bits;

macro_rules! flawless {
    ($flaw:ident) => {
        Octets(|form| none(form, Flaw::$flaw))
    };
}

pub(super) const LINTS: &[Lint] = &[
    error(
        "x690_values_complete",
        "X.690 8.1",
        "Every value has a tag, a length and as many octets as the length says.",
    )
    .on(Any, flawless!(Truncated)),
    error("x690_length_definite", "X.690 10.1", "Lengths are definite.").on(Any, flawless!(Indefinite)),
    error(
        "x690_length_minimal",
        "X.690 10.1",
        "Lengths are written in the fewest octets.",
    )
    .on(Any, flawless!(LongLength)),
    error(
        "x690_tag_minimal",
        "X.690 8.1.2",
        "Tags are written in the fewest octets.",
    )
    .on(Any, flawless!(LongTag)),
    error(
        "gigvault_nesting_bounded",
        "GigVault",
        "Values nest at most 24 deep.",
    )
    .on(Any, flawless!(Depth)),
    error(
        "x690_no_trailing_octets",
        "X.690 8.1; RFC 5280 4.1",
        "Nothing follows what is signed, the value of an extension, or an RSA key.",
    )
    .on(Any, flawless!(Trailing)),
    error(
        "x690_string_primitive",
        "X.690 10.2",
        "Strings are written in one piece.",
    )
    .on(Any, flawless!(ConstructedString)),
    error("x690_boolean_00_or_ff", "X.690 11.1", "TRUE is FF, FALSE is 00.").on(Any, flawless!(Boolean)),
    error(
        "x690_integer_minimal",
        "X.690 8.3.2",
        "INTEGERs are written in the fewest octets.",
    )
    .on(Any, flawless!(Integer)),
    error(
        "x690_bit_string_padding",
        "X.690 11.2.1",
        "Unused bits of a BIT STRING are zero and fewer than eight.",
    )
    .on(Any, flawless!(BitString)),
    error("x690_null_empty", "X.690 8.8", "NULL has no content.").on(Any, flawless!(Null)),
    error(
        "x690_oid_minimal",
        "X.690 8.19",
        "Object identifiers are whole and their arcs are written in the fewest octets.",
    )
    .on(Any, flawless!(Oid)),
    error(
        "x690_set_sorted",
        "X.690 11.6",
        "The members of a SET OF are in ascending order.",
    )
    .on(Any, flawless!(SetOrder)),
    error(
        "x690_utf8_valid",
        "X.690 8.23.10",
        "UTF8Strings hold valid UTF-8.",
    )
    .on(Any, flawless!(Utf8)),
    error(
        "x680_printable_characters",
        "X.680 41.4",
        "PrintableStrings hold letters, digits, space and '()+,-./:=? only.",
    )
    .on(Any, flawless!(Printable)),
    error(
        "x680_ascii_characters",
        "X.680 41",
        "IA5Strings hold ASCII, VisibleStrings its visible part, NumericStrings digits and spaces.",
    )
    .on(Any, flawless!(Ia5)),
    error(
        "x680_wide_characters",
        "X.680 41; X.690 8.23",
        "BMPStrings hold UCS-2, UniversalStrings UCS-4.",
    )
    .on(Any, flawless!(Wide)),
    error(
        "x680_tag_assigned",
        "X.680 8.4; X.690 8.1.5",
        "Universal tags are those of a type: 0, which ends values of indefinite length, is not.",
    )
    .on(Any, flawless!(Unassigned)),
    error(
        "gigvault_text_visible",
        "RFC 6818 3; RFC 9549; GigVault",
        "No string in subject or extensions holds control, format, bidirectional or invisible characters.",
    )
    .on(Any, flawless!(Unfit)),
    error(
        "x690_default_not_encoded",
        "X.690 11.5",
        "Fields that have their default value are left out.",
    )
    .on(All, Content(default_not_encoded)),
    error(
        "x690_named_bits_trimmed",
        "X.690 11.2.2",
        "Lists of named bits end with a bit that is set.",
    )
    .on(All, Content(named_bits_trimmed)),
];

fn none(form: &Form, flaw: Flaw) -> Verdict {
    match form.first(flaw) {
        None => Ok(()),
        Some(at) => Err(format!("{} at octet {at}", flaw.told())),
    }
}

fn default_not_encoded(view: &View<'_>) -> Verdict {
    let extensions = &view.extensions;
    let basic = extensions.basic.as_ref();
    let constraints = extensions.name_constraints.as_ref();
    let encoded = if view.version == Some(&[0]) {
        "version v1"
    } else if extensions
        .list
        .iter()
        .any(|extension| extension.critical == Some(&[0]))
    {
        "critical FALSE of an extension"
    } else if basic.is_some_and(|basic| basic.ca_is_encoded && !basic.ca) {
        "cA FALSE of basicConstraints"
    } else if constraints
        .is_some_and(|constraints| constraints.subtrees().any(|tree| tree.minimum == Some(&[0])))
    {
        "minimum 0 of a name constraint"
    } else {
        return Ok(());
    };
    Err(format!("{encoded} is encoded"))
}

fn named_bits_trimmed(view: &View<'_>) -> Verdict {
    let points = [&view.extensions.crl_points, &view.extensions.freshest];
    let reasons = points
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|point| point.reasons);
    let usage = view.extensions.usage.into_iter().map(|bits| ("keyUsage", bits));
    let untrimmed = usage
        .chain(reasons.map(|bits| ("reasons of a distribution point", bits)))
        .find(|(_, bits)| !is_trimmed(*bits));
    match untrimmed {
        None => Ok(()),
        Some((place, _)) => Err(format!("{place} has zero bits at its end")),
    }
}

fn is_trimmed(bits: Bits<'_>) -> bool {
    match bits.octets.last() {
        None => bits.unused == 0,
        Some(last) => *last != 0 && last.trailing_zeros() == u32::from(bits.unused),
    }
}
