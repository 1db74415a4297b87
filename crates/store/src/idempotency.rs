//! What makes a repeated request have one effect: kept beside what the request made, in the same transaction.

/// The Idempotency-Key of a request, and the request that it stands for. Neither can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// SHA-256 over requester and key: two requesters may use the same key without meeting.
    pub key: [u8; 32],
    /// SHA-256 over what was asked for.
    pub request: [u8; 32],
}
