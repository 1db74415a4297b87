//! gRPC at the edge: faults and statuses, and what every call passes first.

pub(crate) mod deadline;
mod edge;
mod received;
mod status;

pub use edge::{Edge, Edged, edge, routes};
pub use status::{RemoteFault, status, to_status};

/// Longest message that is sent or taken, in bytes. Generated servers and clients take it through
/// `max_decoding_message_size` and `max_encoding_message_size`.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
