//! Behaviour of the kit from outside.
