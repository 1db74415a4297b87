//! Members of the data of events. A name means the same, and is written in the same way, in every event that has it.
//!
//! An event has all members of its type and no others. One that does not apply is null.

use self::Encoding::{Flag, Micros, Number, Object, Text, Texts, Time};

/// How the value of a member is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// A text: RFC 3339, UTC, whole seconds.
    Time,
    /// A whole number: microseconds since 1970-01-01T00:00:00Z. For what is compared or continued, and must not be rounded.
    Micros,
    /// An object with these members.
    Object(&'static [Member]),
}

impl Encoding {
    /// What a reader of the feed has to know of it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "list of texts",
            Self::Number => "whole number",
            Self::Flag => "true or false",
            Self::Time => "text, RFC 3339 in UTC, in whole seconds",
            Self::Micros => "whole number, microseconds since 1970-01-01T00:00:00Z",
            Self::Object(_) => "object",
        }
    }
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// How its value is written.
    pub encoding: Encoding,
    /// When it is null; `None`: never.
    pub null: Option<&'static str>,
    /// What it says.
    pub meaning: &'static str,
}

macro_rules! members {
    (@null) => { None };
    (@null $null:literal) => { Some($null) };
    ($($constant:ident $name:literal $encoding:expr $(, null $null:literal)?; $meaning:literal)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: Member = Member {
                name: $name,
                encoding: $encoding,
                null: members!(@null $($null)?),
                meaning: $meaning,
            };
        )*

        /// All of them.
        pub const ALL: &[Member] = &[$($constant),*];
    };
}

/// Members of [`SAME_KEY`].
pub mod same_key {
    use super::Encoding::{Flag, Number, Texts};
    use super::Member;

    members! {
        REVOKED "revoked" Texts; "Serial numbers of those that were revoked with it."
        REMAINING "remaining" Texts; "Serial numbers of those that are still valid or on hold, also of others: the first 200."
        DAMAGED "damaged" Texts;
            "Those that stay as they are because what is stored of them cannot be read: serial numbers, or ids where these are \
             what cannot be read."
        OF_OTHERS "of_others" Number; "How many of those that remain belong to others."
        UNCONFIRMED "unconfirmed" Flag;
            "Whether the key is not recorded as compromised, because only one of its owners says so."
        MORE "more" Flag; "Whether there are more than are named."
    }
}

members! {
    ACTOR "actor" Text; "Principal who did it."
    ALGORITHM "algorithm" Text; "Type and size of the key, such as `p256`."
    ALLOWED_NAMES "allowed_names" Texts; "Patterns of the names that the API key may have certified; empty: all."
    BACKEND "backend" Text; "Where the private key is."
    BASE "base" Number, null "complete list"; "Number of the complete CRL that the delta is for."
    CA "ca" Text; "Name of the CA."
    CREATED_BY "created_by" Text; "Principal who made the API key."
    CRL_KIND "crl_kind" Text; "`complete` or `delta`."
    CRL_SHARD "crl_shard" Number; "Shard of the CRL, or of the CRL that lists the certificate; 0: the one without a shard."
    DAMAGE "damage" Texts; "Columns of the stored row that cannot be read; empty for nearly all."
    DECIDED_AS "decided_as" Text, null "neither revoked nor on hold, or by an earlier version";
        "`owner` or `operator`: in what capacity it was decided."
    ENTRIES "entries" Number; "Entries of the CRL."
    EXPIRES_AT "expires_at" Time, null "never"; "From when on the API key is void."
    FINGERPRINT_SHA256 "fingerprint_sha256" Text; "SHA-256 of the certificate, in lower-case hex."
    HEALTH "health" Text; "`healthy`, `unhealthy`, or `unknown`: what the issuer is by its self-check."
    IMPORTED "imported" Flag; "Whether the CRL was made elsewhere."
    INVALIDITY_TIME "invalidity_time" Time, null "neither revoked nor on hold, or not told"; "Since when the key is compromised."
    INVALIDITY_TIME_US "invalidity_time_us" Micros, null "neither revoked nor on hold, or not told"; "The same."
    ISSUER "issuer" Text; "Issuer as URLs name it: the CA, and from its second key on `.` and the generation."
    JOB "job" Text; "Id of the job, which begins with the service."
    KIND "kind" Text; "What the job does, such as `certificates.revoke`."
    LINT_WARNINGS "lint_warnings" Texts, null "not kept"; "Ids of lints that warned."
    NAME "name" Text, null "cannot be read"; "Name of the key or the API key."
    NEXT_UPDATE "next_update" Time; "nextUpdate of the CRL."
    NOT_AFTER "not_after" Time; "Last second of the certificate."
    NOT_AFTER_US "not_after_us" Micros; "The same."
    NOT_BEFORE "not_before" Time; "First second of the certificate."
    NUMBER "number" Number; "CRL number."
    OCTETS "octets" Number; "Size of the CRL."
    PATH "path" Text; "Where it is served, below the public HTTP URL."
    KEY_PREFIX "prefix" Text, null "cannot be read"; "What the API key begins with, behind `gv_`."
    PROBLEMS "problems" Texts; "What the self-check found wrong."
    PROFILE "profile" Text; "Name of the profile of the certificate."
    PROTOCOL "protocol" Text; "By which protocol it was asked for, such as `rest`."
    PURPOSE "purpose" Text; "What the key may sign, such as `ca`."
    REASON "reason" Text, null "neither revoked nor on hold"; "Reason of the revocation or the hold: RFC 5280 section 5.3.1, as `key-compromise`."
    REPLACES "replaces" Text, null "replaces none"; "Serial number of the certificate that this one replaces."
    REQUESTER "requester" Text; "Principal who asked for it, and whose it is; a certificate that replaces another has that of the other."
    REVOCATION_TIME "revocation_time" Time, null "neither revoked nor on hold"; "revocationDate."
    REVOCATION_TIME_US "revocation_time_us" Micros, null "neither revoked nor on hold"; "The same."
    REVOKED_BY "revoked_by" Text; "Principal who revoked the API key."
    ROLES "roles" Texts, null "cannot be read"; "Roles of the API key."
    SAME_KEY "same_key" Object(same_key::ALL), null "not revoked for a compromise";
        "The other certificates of the compromised key."
    SAN "san" Texts; "Alternative names, such as `dns:a.example`."
    SERIAL "serial" Text; "Serial number, in lower-case hex."
    SPKI_SHA256 "spki_sha256" Text; "SHA-256 of the SubjectPublicKeyInfo, in lower-case hex."
    STATE "state" Text; "State of the job, such as `running`."
    STATUS "status" Text; "What the certificate is then: `valid`, `revoked`, `on_hold`, `expired`."
    SUBJECT "subject" Text; "Subject of the certificate, as RFC 4514 writes it."
    THIS_UPDATE "this_update" Time; "thisUpdate of the CRL."
    TIME "time" Time; "When it happened."
    UNKNOWN "unknown" Texts; "What the self-check could not find out."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_tell_the_unit() {
        for members in [ALL, same_key::ALL] {
            let names: BTreeSet<_> = members.iter().map(|member| member.name).collect();
            assert_eq!(names.len(), members.len());
        }
        for member in ALL {
            let micros = member.encoding == Micros;
            assert_eq!(member.name.ends_with("_us"), micros, "{}", member.name);
        }
    }
}
