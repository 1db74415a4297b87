//! The directory from outside: a client that writes octets of its own, the crate ldap3, and the tools of OpenLDAP.

mod bind;
mod client;
mod filters;
mod hostile;
mod ldap3;
mod search;
mod tools;
mod world;
