//! Behaviour of the kit from outside: real sockets, real TLS, real files.

#![expect(clippy::unwrap_used, reason = "tests")]

mod config;
