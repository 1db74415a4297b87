#![doc = include_str!("../README.md")]

mod ec;
mod encryption;
mod envelope;
mod error;
mod kek;
pub mod passphrase;
mod pem;
mod pkcs12;
mod refusal;
pub mod secret_file;
mod signer;
mod software;
mod store;
mod streamed;

pub use error::KeyError;
pub use kek::{Argon2Cost, KeyEncryptionKey};
pub use pem::{from_file, from_pem, to_encrypted_pem, to_pem};
pub use pkcs12::Pkcs12;
pub use signer::Signer;
pub use software::SoftwareKey;
pub use store::{Binding, KeyStore, SoftwareStore, StoredKey};
pub use streamed::StreamedMessage;
