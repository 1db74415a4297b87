//! Metrics of a process, as `/metrics` shows them.

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up, from 0 at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
    /// Observations in buckets, with their sum and their number.
    Histogram,
}

/// What its number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds: a duration, or a time since 1970 where the description says so.
    Seconds,
}

/// One metric and what an operator has to know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// With the prefix `gigvault_`.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// The HELP text.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:ident $unit:ident [$($label:literal),*]: $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: &str = $name;
        )*

        /// All of them.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $constant,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        }),*];
    };
}

metrics! {
    BUILD_INFO "gigvault_build_info" Gauge Count ["version"]:
        "Always 1; the label tells the version.";
    CLOCK_OFFSET_SECONDS "gigvault_clock_offset_seconds" Gauge Seconds []:
        "By how much GIGVAULT_CLOCK_OFFSET shifts the clock; 0 without it.";
    CERTIFICATES_ISSUED_TOTAL "gigvault_certificates_issued_total" Counter Count ["ca", "profile"]:
        "Certificates issued by this process, renewals too.";
    CERTIFICATES_REVOKED_TOTAL "gigvault_certificates_revoked_total" Counter Count ["ca", "reason"]:
        "Final revocations.";
    CERTIFICATES_HELD_TOTAL "gigvault_certificates_held_total" Counter Count ["ca"]:
        "Certificates put on hold.";
    CERTIFICATES_RELEASED_TOTAL "gigvault_certificates_released_total" Counter Count ["ca"]:
        "Certificates released from hold.";
    CERTIFICATES_DISCARDED_TOTAL "gigvault_certificates_discarded_total" Counter Count ["ca"]:
        "Certificates signed but refused at commit: key or predecessor was revoked, or the CA suspended, in the meantime.";
    CERTIFICATES_EXPIRING "gigvault_certificates_expiring" Gauge Count ["ca", "days"]:
        "Certificates neither revoked nor on hold that expire within 1, 7, or 30 days; counted every ten minutes.";
    CRL_GENERATION_SECONDS "gigvault_crl_generation_seconds" Histogram Seconds ["kind"]:
        "Time from the beginning of a CRL until it was published; the kind is complete or delta.";
    CRL_ENTRIES "gigvault_crl_entries" Gauge Count ["ca"]:
        "Entries of the complete CRLs of an issuer that are out, those of shards too.";
    CRL_THIS_UPDATE_SECONDS "gigvault_crl_this_update_seconds" Gauge Seconds ["ca", "kind"]:
        "thisUpdate of the oldest CRL of an issuer that is out, in seconds since 1970.";
    CRL_NEXT_UPDATE_SECONDS "gigvault_crl_next_update_seconds" Gauge Seconds ["ca", "kind"]:
        "nextUpdate of the CRL of an issuer that runs out first, in seconds since 1970.";
    CRL_SELF_CHECK_PROBLEMS "gigvault_crl_self_check_problems" Gauge Count ["ca"]:
        "What the last self-check of an issuer found wrong with its CRLs and OCSP at the URLs in certificates; told by the process that makes lists.";
    CRL_SELF_CHECK_SECONDS "gigvault_crl_self_check_seconds" Gauge Seconds ["ca"]:
        "When the last self-check of an issuer was made that could look at everything, in seconds since 1970.";
    CRL_WRONG "gigvault_crl_wrong" Gauge Count []:
        "CRLs that are out whose signature, number, times, or entries are not those of the database; looked at every five minutes.";
    CRL_DIRECTORY_LAG_SECONDS "gigvault_crl_directory_lag_seconds" Gauge Seconds []:
        "Time for which an entry of the directory in crl.directory could not be written; 0 if what is out is there.";
    CRL_DIRECTORY_WRITES_TOTAL "gigvault_crl_directory_writes_total" Counter Count ["result"]:
        "Entries that were written to the directory in crl.directory; the result is ok or failed.";
    CRL_FEED_LAG_SECONDS "gigvault_crl_feed_lag_seconds" Gauge Seconds []:
        "How old the revocations that CRLs are made of can be at most; noted every ten seconds.";
    REVOCATION_VISIBLE_SECONDS "gigvault_revocation_visible_seconds" Histogram Seconds ["ca", "channel"]:
        "Time from a revocation until a relying party sees it at the URLs in the certificate, by ocsp, crl, or delta; of certificates that ca.probe_interval has issued for it.";
    REVOCATION_UNSEEN_TOTAL "gigvault_revocation_unseen_total" Counter Count ["ca", "channel"]:
        "Revocations of such certificates that were not seen within a minute.";
    ISSUANCE_GROUP_SIZE "gigvault_issuance_group_size" Histogram Count []:
        "Certificates that shared one commit.";
    QUEUE_DEPTH "gigvault_queue_depth" Gauge Count ["queue"]:
        "Requests that waited in a queue when the last one arrived.";
    SIGNATURES_TOTAL "gigvault_signatures_total" Counter Count ["backend", "algorithm"]:
        "Signatures by the key manager.";
    KEY_SIGNATURES_TOTAL "gigvault_key_signatures_total" Counter Count ["purpose"]:
        "Signatures by the key manager, by the purpose of the key.";
    SIGNATURES_REFUSED_TOTAL "gigvault_signatures_refused_total" Counter Count ["reason"]:
        "Calls refused because a key had signed too much (rate).";
    AUTHENTICATIONS_TOTAL "gigvault_authentications_total" Counter Count ["result"]:
        "Credentials judged by auth, not those from the cache or without the form of an API key.";
    OUTBOX_EVENTS_TOTAL "gigvault_outbox_events_total" Counter Count ["service"]:
        "Events committed.";
    OUTBOX_OLDEST_EVENT_SECONDS "gigvault_outbox_oldest_event_seconds" Gauge Seconds ["service"]:
        "Unix time of the oldest event that is still kept; looked up every ten minutes.";
    CACHE_ENTRIES "gigvault_cache_entries" Gauge Count ["cache"]:
        "Entries of a cache: credentials, keymgr-keys, ocsp-responses.";
    REDIS_CONNECTED "gigvault_redis_connected" Gauge Count []:
        "1 while Redis answers in time, else 0; missing where none is configured.";
    REDIS_COMMANDS_TOTAL "gigvault_redis_commands_total" Counter Count ["command", "result"]:
        "Commands (get, set) to Redis: ok, down (not sent: there was no connection), late, or refused.";
    OCSP_SHARED_CACHE_TOTAL "gigvault_ocsp_shared_cache_total" Counter Count ["result"]:
        "OCSP responses looked for in Redis: hit, miss, unusable (found, and refused after a look at it), or failed.";
    OCSP_RESPONSES_TOTAL "gigvault_ocsp_responses_total" Counter Count ["ca", "status", "source"]:
        "Certificates answered for by OCSP (good, revoked, unissued, unknown) from memory, redis, or signed, and OCSP errors (source none).";
    OCSP_RESPONSE_SECONDS "gigvault_ocsp_response_seconds" Histogram Seconds []:
        "Time to make or find an OCSP response.";
    OCSP_REVOCATIONS "gigvault_ocsp_revocations" Gauge Count []:
        "Revocations and holds that the OCSP responder has in memory.";
    OCSP_FEED_LAG_SECONDS "gigvault_ocsp_feed_lag_seconds" Gauge Seconds []:
        "How old what the OCSP responder knows of revocations can be at most.";
    SERVICE_IDENTITY_EXPIRY_SECONDS "gigvault_service_identity_expiry_seconds" Gauge Seconds ["identity"]:
        "Unix time at which an identity of this process expires, by the name in it.";
    CONNECTIONS_REFUSED_TOTAL "gigvault_connections_refused_total" Counter Count ["reason"]:
        "Connections closed at once because their client has as many as it may have (peer).";
    CPU_WAITS_TOTAL "gigvault_cpu_waits_total" Counter Count []:
        "Times that a connection without a credential was made to wait because others needed the cores.";
    JOBS_TOTAL "gigvault_jobs_total" Counter Count ["service", "kind", "state"]:
        "Durable jobs that ended, by how they ended.";
    HTTP_REQUESTS_TOTAL "gigvault_http_requests_total" Counter Count ["service", "route", "code"]:
        "HTTP requests answered; service is the listener: https, http, metrics.";
    HTTP_REQUEST_SECONDS "gigvault_http_request_seconds" Histogram Seconds ["service", "route"]:
        "Time to answer an HTTP request.";
    GRPC_REQUEST_SECONDS "gigvault_grpc_request_seconds" Histogram Seconds ["service", "method", "code"]:
        "Time to answer a gRPC call, in process too.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_tells_kind_and_unit() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            assert!(name.starts_with("gigvault_"), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }
}
