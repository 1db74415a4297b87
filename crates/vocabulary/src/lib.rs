//! Words that other programs rely on, each in one list: services, event types, metrics, problem types.
//!
//! A consumer matches on these texts, so that a word that is here is not renamed, and is removed only with a note in the
//! changelog. Code refers to a word by its constant or variant; `gigvault reference` writes the lists into
//! `docs/reference/`. Permissions are types as well and have their list in `kit::auth::permission`.

pub mod event;
pub mod metric;
pub mod problem;
pub mod service;

pub use event::EventType;
pub use metric::Metric;
pub use problem::ProblemType;
