//! What the profiles allow and refuse, through the public interface.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod claims;
mod config;
mod denials;
mod issuers;
mod judges;
mod kept;
mod lifetimes;
mod profiles;
mod properties;
mod rights;
mod world;
