//! HTTP at the edge: the accept loop, and what stands around every REST route.
//!
//! [`serve`] turns a listener and a router into served connections, with every limit that keeps one client
//! from hurting the others. [`standard_layers`] gives a router its ids, limits, metrics, log events and
//! problem documents. [`Json`], [`Query`] and [`Path`] read requests strictly.

mod accept;
mod connection;
mod edge;
mod extract;
mod limits;
mod linger;
mod measure;
mod net;
mod server;

pub use connection::Connection;
pub use edge::{BodyMemory, Edge, standard_layers};
pub use extract::{Json, NoParameters, Path, Query};
pub use limits::Limits;
pub use server::serve;
