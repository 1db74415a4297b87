//! HTTP at the edge: the accept loop, and the layer around every route. [`tcp`] is the accept loop for other protocols.
//!
//! [`serve`] turns a listener and a [`Site`] into served connections, with every limit that keeps one client
//! from hurting the others. [`Edge`] gives a router its ids, limits, metrics, log events and problem documents, and refuses
//! what its operations do not declare; [`PublicRoutes`] declare theirs where they are added. [`Json`], [`Raw`], [`Query`] and [`Path`] read requests strictly. [`Paging`] is what
//! every list takes. [`Validators`] are for what is cached by its date or read in parts.

mod accept;
mod answer;
pub(crate) mod body;
mod connection;
pub(crate) mod cpu;
mod csv;
pub mod date;
mod declared;
mod descriptors;
mod edge;
mod etag;
mod extract;
mod flow;
mod held;
mod json;
mod limits;
mod linger;
mod listener;
pub(crate) mod lists;
mod location;
mod measure;
mod message;
mod net;
mod outstanding;
mod own_refusals;
mod paging;
mod part;
mod places;
mod public;
mod query;
pub(crate) mod quota;
mod repeated;
mod server;
mod site;
pub mod tcp;
mod unread;
mod validators;

pub use crate::page::Page;
pub use answer::{AnswerMemory, Shared};
pub use body::{BodyMemory, Pace};
pub use connection::Connection;
pub use cpu::CpuBudget;
pub use csv::Row;
pub use declared::Declared;
pub use descriptors::{Descriptors, raise_descriptor_limit};
pub use edge::{Edge, standard_layers};
pub use etag::{EntityTag, IfMatch};
pub use extract::{Json, NoMembers, NoParameters, Path, Query, Raw, Unauthenticated};
pub use limits::Limits;
pub(crate) use lists::admit;
pub use location::located;
pub use paging::{List, Pages, Paging};
pub use part::{Part, Unavailable};
pub use public::{PublicOperation, PublicRoutes, Takes, no_public_operations};
pub use quota::PeerKey;
pub use repeated::Repeated;
pub use server::serve;
pub use site::Site;
pub use validators::{Validators, not_modified};

/// Most bytes of a request body, unless an [`Edge`] says otherwise.
const BODY_LIMIT: usize = 256 * 1024;
