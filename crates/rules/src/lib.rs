#![doc = include_str!("../README.md")]

mod approve;
mod builtin;
mod check;
mod denied;
pub mod duration;
mod extensions;
mod grant;
mod issuer;
pub mod limits;
pub mod profile;
mod request;
mod reserved;
mod schema;
mod text;

pub use approve::{Approved, approve};
pub use builtin::builtin;
pub use denied::{Denied, field};
pub use grant::Grant;
pub use issuer::{Issuer, PublicationUrls};
pub use limits::NameLimits;
pub use profile::{Kind, Profile, ProfileError, Profiles, Revocation};
pub use request::Request;
pub use reserved::ReservedNames;
