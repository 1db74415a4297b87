//! Requests: what other tools make is read, what we make is read by other tools, what is hostile is refused.

mod field;
mod foreign;
pub(crate) mod forge;
pub(crate) mod holder;
mod hostile;
mod ours;
mod properties;
pub(crate) mod tool;
