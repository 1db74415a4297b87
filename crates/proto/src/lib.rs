//! The gRPC surface of every service, generated from `proto/`.
//!
//! Services know each other only through this crate. A module per service, named as its protobuf package and made for each
//! folder of `proto/gigvault`; comments come from the `.proto` files. `feed` is the change feed that all of them share.

include!(concat!(env!("OUT_DIR"), "/packages.rs"));
