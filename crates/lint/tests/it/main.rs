//! The lints from outside: forged certificates that break one rule each, certificates of other tools, hostile octets.

mod broken;
mod catalogue;
mod der;
mod foreign;
mod forge;
mod found;
mod gate;
mod hostile;
mod links;
mod ours;
mod tool;
mod vectors;
