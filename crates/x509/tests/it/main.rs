//! Behaviour of the crate as its users see it, with outside judges.

mod key;
