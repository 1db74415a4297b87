//! Types of problem documents (RFC 9457): what REST answers when it does not do what was asked.

macro_rules! problems {
    ($($variant:ident $slug:literal [$($status:literal),+] $title:literal: $meaning:literal, $fix:literal;)*) => {
        /// The type of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemType {
            $(#[doc = $meaning] $variant,)*
        }

        impl ProblemType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Stable name in kebab case; the `type` of the document is [`TYPE_BASE`] and this.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// HTTP statuses that it is sent with.
            #[must_use]
            pub const fn statuses(self) -> &'static [u16] {
                match self { $(Self::$variant => &[$($status),+],)* }
            }

            /// RFC 9457 `title`: the same for every problem of this type.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What happened.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do.
            #[must_use]
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }
        }
    };
}

/// What the `type` of every problem document begins with.
pub const TYPE_BASE: &str = "https://gigvault.io/problems/";

problems! {
    InvalidRequest "invalid-request" [400, 422] "The request is malformed":
        "The request cannot be read (400), or its body is not what the path takes (422).",
        "Correct the input that `field` names; `detail` says what is expected.";
    UnknownParameter "unknown-parameter" [400] "The request is malformed":
        "The path does not take the query parameter that `field` names; a server of an earlier version may not know it.",
        "Leave it out, or use one that `detail` lists.";
    UnknownMember "unknown-member" [422] "The request is malformed":
        "The body has a member that the path does not take, named in `field`; a server of an earlier version may not know it.",
        "Leave it out, or use one that `detail` lists.";
    BadCsr "bad-csr" [400] "The request is malformed":
        "The CSR cannot be read, its signature does not prove possession of the key, or its key is not accepted.",
        "Make a new CSR, with a new key if `field` is in `csr.public_key`.";
    Unauthenticated "unauthenticated" [401] "Authentication is needed":
        "The request has no credential, or one that is malformed, unknown, revoked, or expired.",
        "Send `Authorization: Bearer` with a valid API key.";
    Forbidden "forbidden" [403] "Not allowed":
        "The credential is valid and does not have the permission, or not for this object.",
        "Use the credential of someone who may, or ask for a role with the permission that `detail` names.";
    Escalation "escalation" [403] "Not allowed":
        "The API key that was asked for could do more than the caller, or live longer.",
        "Ask for less, or have it made by someone with those rights.";
    KeyPurpose "key-purpose" [403] "Not allowed":
        "The key was made for another purpose than what it was asked to sign.",
        "Use a key of the right purpose.";
    NotFound "not-found" [404] "Not found":
        "There is no such object, or none that the caller may know of.",
        "Check the name.";
    UnknownPath "unknown-path" [404] "Not found":
        "There is nothing at this path; a server of an earlier version may not know it.",
        "Check the URL, and that this process runs the service.";
    MethodNotAllowed "method-not-allowed" [405] "Method Not Allowed":
        "The path does not take this method.",
        "Use a method of the `Allow` header.";
    NotAcceptable "not-acceptable" [406] "Not Acceptable":
        "The list has no form that the `Accept` header takes.",
        "Accept the media type that `detail` names.";
    RequestTimeout "request-timeout" [408] "Request Timeout":
        "The body of the request did not arrive in time.",
        "Send it again, faster.";
    Conflict "conflict" [409] "The state does not allow this":
        "The state of the object does not allow the change.",
        "Read the object again, and decide on what it is now.";
    IdempotencyConflict "idempotency-conflict" [409] "The state does not allow this":
        "The Idempotency-Key was used for another request before.",
        "Use a new key for a new request.";
    KeyExists "key-exists" [409] "The state does not allow this":
        "A key of this name exists.",
        "Choose another name, or use that key.";
    LastAdmin "last-admin" [409] "The state does not allow this":
        "Without this API key no credential could make API keys.",
        "Make another admin key first that lives as long.";
    ShownOnce "shown-once" [409] "The state does not allow this":
        "The API key of this Idempotency-Key was made before, and its text is not kept.",
        "Use the first answer; if it is lost, revoke the key and make another with a new Idempotency-Key.";
    CaSuspended "ca-suspended" [409] "The state does not allow this":
        "An operator stopped the CA from issuing.",
        "Wait until the CA is resumed, or name another CA.";
    CrlOutdated "crl-outdated" [409] "The state does not allow this":
        "A CRL of this issuer with a higher number, a later date, or the same number and other content is out.",
        "Have the issuer sign a new CRL, whose number is higher than that of the one that is out.";
    PreviewStale "preview-stale" [409] "The state does not allow this":
        "What the dry run of this `Preview-Token` rested on has changed, or the token is too old.",
        "Look at the difference, ask with `dry_run=true` again, and decide.";
    Changed "changed" [412] "It has changed in the meantime":
        "The object is not in the state that `If-Match` names.",
        "Read the object again, decide on what it is now, and send its new `ETag`.";
    BodyTooLarge "body-too-large" [413] "Too large":
        "The body is larger than is taken, or the path takes none.",
        "Send a smaller body, or none.";
    UriTooLong "uri-too-long" [414] "URI Too Long":
        "The request target is too long.",
        "Shorten path and query.";
    UnsupportedMediaType "unsupported-media-type" [415] "Unsupported Media Type":
        "The body is not of a media type that the path takes.",
        "Send the `Content-Type` that `detail` names.";
    UnsupportedContentEncoding "unsupported-content-encoding" [415] "Unsupported Media Type":
        "The body has a content coding such as gzip.",
        "Send the body without `Content-Encoding`.";
    ExpectationFailed "expectation-failed" [417] "Expectation Failed":
        "The `Expect` header asks for something that is not met.",
        "Send the request without `Expect`.";
    DeniedByProfile "denied-by-profile" [422] "The request is not acceptable":
        "The certificate profile, or a limit of the credential, does not allow what was asked for.",
        "Change what `field` names, or use a profile that allows it.";
    Lint "lint" [422] "The request is not acceptable":
        "The certificate would have broken a rule of its format; it was not signed.",
        "Look the ids in `lints` up in the list of lints, and change the request.";
    CompromisedKey "compromised-key" [422] "The request is not acceptable":
        "The public key is known to be compromised.",
        "Make a new key, and request a certificate for it.";
    CrlRefused "crl-refused" [422] "The request is not acceptable":
        "Relying parties would not take the CRL: it is not signed by this issuer, not complete, not in force, or breaks a rule of its format.",
        "`detail` says what is wrong with it; have the issuer sign one that is right.";
    RateLimited "rate-limited" [429] "Too many requests":
        "This client has as many requests in progress as it may.",
        "Wait as long as `Retry-After` says, and have fewer requests in progress.";
    HeadersTooLarge "headers-too-large" [431] "Request Header Fields Too Large":
        "The headers, or the announced body, are larger than is accepted.",
        "Send fewer and shorter headers.";
    Internal "internal" [500] "The service failed":
        "A bug or a damaged installation.",
        "Find `correlation_id` in the log, which has the cause.";
    Unavailable "unavailable" [503] "Temporarily unavailable":
        "Something that the service needs does not answer, or too much is in progress.",
        "Send the same request again, with the same Idempotency-Key, after `Retry-After`.";
    CredentialUnchecked "credential-unchecked" [503] "Temporarily unavailable":
        "Whether the credential is valid cannot be found out now; nothing was done.",
        "Send the same request again after `Retry-After`; start what `detail` says does not answer.";
    Timeout "timeout" [503] "Temporarily unavailable":
        "The service did not answer in time; what was asked may have been done.",
        "Send the same request again, with the same Idempotency-Key, after `Retry-After`.";
}

impl ProblemType {
    /// The type of that slug.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_type_is_found_by_its_slug() {
        let slugs: BTreeSet<_> = ProblemType::ALL.iter().map(|known| known.slug()).collect();
        assert_eq!(slugs.len(), ProblemType::ALL.len());
        for known in ProblemType::ALL {
            let slug = known.slug();
            assert_eq!(ProblemType::from_slug(slug), Some(*known));
            assert!(
                slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{slug}"
            );
            assert!(
                known.statuses().iter().all(|status| (400..600).contains(status)),
                "{slug}"
            );
        }
        assert_eq!(ProblemType::from_slug("Internal"), None);
    }
}
