#![doc = include_str!("../README.md")]
#![expect(clippy::disallowed_methods, reason = "the one crate that writes files")]

mod append;
mod dir;
mod error;
pub mod fault;
mod lock;
mod read;
mod shell;
mod stage;
mod together;
mod tree;

pub use append::append;
pub use dir::{Tightened, check_dir_of, create_dir, private_dir, remove, rename, sweep, sync_parent};
pub use error::Error;
pub use lock::{check_lock, lock, try_lock};
pub use read::{open, read};
pub use shell::quoted;
pub use stage::{Staged, check_free, check_replaceable, create, replace, stage};
pub use together::{create_together, replace_together};
pub use tree::{Access, Closed, check_tree, check_tree_of, closed_to};
