//! Requests that must be refused: each names the part at fault, none panics.

mod attributes;
mod encoding;
mod key;
mod names;
mod signature;

use x509::{Csr, CsrError};

use super::forge::Forge;

/// The request is refused for this part, and the message says this.
#[track_caller]
fn refused(input: &[u8], field: &str, says: &str) -> CsrError {
    #[expect(clippy::expect_used, reason = "tests")]
    let error = Csr::from_pem_or_der(input).expect_err("refused");
    assert_eq!(error.field(), field, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    error
}

#[test]
fn the_pieces_make_a_good_request_before_any_is_spoilt() {
    assert!(Csr::from_der(&Forge::new().sign()).is_ok());
}
