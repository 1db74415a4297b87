//! The lints from outside: forged certificates, CRLs and OCSP responses that break one rule each, those of our builders and of other
//! tools, hostile octets.

mod broken;
mod catalogue;
mod crl;
mod der;
mod foreign;
mod forge;
mod found;
mod gate;
mod hostile;
mod judged;
mod links;
mod ours;
mod response;
mod tool;
mod vectors;
