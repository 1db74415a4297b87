//! Keys against an outside judge, OpenSSL, and against arbitrary input.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod ec_forms;
mod key_files;
mod openssl;
mod pkcs12;
mod properties;
mod signatures;
mod vectors;
