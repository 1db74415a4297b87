#![doc = include_str!("../README.md")]

mod approve;
mod builtin;
mod check;
mod denied;
pub mod duration;
mod extensions;
mod issuer;
pub mod profile;
mod request;
mod text;

pub use approve::{Approved, approve};
pub use builtin::builtin;
pub use denied::{Denied, field};
pub use issuer::{Issuer, Pointers};
pub use profile::{Kind, Profile, ProfileError, Profiles, Revocation};
pub use request::Request;
