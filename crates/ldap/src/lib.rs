#![doc = include_str!("../README.md")]

mod answer;
mod ber;
mod connection;
mod directory;
mod dn;
mod entry;
mod filter;
mod message;
mod root;
mod schema;
mod search;
mod server;

pub use directory::{Content, Directory, Issuer, Unavailable};
pub use message::{MAX_MESSAGE, inspect};
pub use server::{Limits, serve};
