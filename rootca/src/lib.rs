#![doc = include_str!("../README.md")]

pub mod cli;
mod error;
mod files;
pub mod folder;
mod intermediate;
mod protection;
mod root;

pub use error::Error;
pub use folder::Folder;
pub use intermediate::{Intermediate, draft};
pub use protection::Protection;
pub use root::Root;
