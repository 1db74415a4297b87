//! What an API key is, the text by which its owner proves to have it, and how long an installation has an admin.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod admin;
mod api_key;
mod stored;
mod token;

pub use api_key::{ApiKey, Name, Revocation, Status};
pub use stored::DamagedKey;
pub use token::{Prefix, Token};

pub(crate) use admin::{End, keeps_an_admin};
pub(crate) use api_key::permissions;
pub(crate) use stored::StoredKey;
