#![doc = include_str!("../README.md")]

mod config;
mod dial;
mod error;
mod guard;
mod handle;
mod keeper;
mod tls;

pub use config::{Config, Sentinel, Tls, UrlFault};
pub use error::Error;
pub use handle::{Redis, Status};
