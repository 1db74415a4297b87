//! The gRPC surface of every service, generated from `proto/`.
//!
//! Services know each other only through this crate. A module a service, named as its protobuf
//! package; comments come from the `.proto` files.

/// The change feed shared by all services that publish events.
pub mod feed {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("gigvault.feed.v1");
    }
}

/// Key manager.
pub mod keymgr {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("gigvault.keymgr.v1");
    }
}

/// Certificate authority.
pub mod ca {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("gigvault.ca.v1");
    }
}

/// Authentication of people and machines.
pub mod auth {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("gigvault.auth.v1");
    }
}
