//! OCSP requests and responses: what others make is read, what is made here is read by others.

mod get;
mod request;
mod response;
mod verify;
mod world;

pub(crate) use world::{World, response_of};
