#![doc = include_str!("../README.md")]

mod answer;
mod ber;
mod client;
mod connection;
mod directory;
mod dn;
mod entry;
mod filter;
mod message;
mod pieces;
mod root;
mod schema;
mod search;
mod server;

pub use client::{Address, Client, ClientError, InvalidAddress, Trust, UnusableRoots};
pub use directory::{Content, Directory, Octets, Published, Stored, Unavailable};
pub use dn::{InvalidDn, check_name};
pub use entry::{Attribute, Entry, entries_of};
pub use message::{MAX_MESSAGE, inspect};
pub use server::{Limits, serve};
