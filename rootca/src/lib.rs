#![doc = include_str!("../README.md")]

mod built;
pub mod cli;
mod error;
mod files;
pub mod folder;
mod intermediate;
mod protection;
mod root;
mod signing;

pub use built::{BUILT, check_clock};
pub use error::Error;
pub use folder::{Folder, Loss};
pub use intermediate::{Intermediate, draft};
pub use protection::Protection;
pub use root::Root;
pub use rules::PublicationUrls;
