//! Which server a TLS client accepts, as a rule of our own.
//!
//! rustls asks a verifier for the chain and for the signatures of the handshake. Clients of GigVault differ in what they
//! demand of the chain; the signatures are always checked, here and in one way.

use std::fmt::Debug;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// What a server has sent.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its certificate.
    pub leaf: &'a CertificateDer<'a>,
    /// The certificates after it.
    pub intermediates: &'a [CertificateDer<'a>],
    /// The name or address that was called.
    pub host: &'a ServerName<'a>,
    /// The time of the handshake.
    pub now: UnixTime,
}

/// Decides about the certificates of a server.
pub trait ServerRule: Debug + Send + Sync {
    /// Accepts the server, or says why not.
    ///
    /// # Errors
    /// The reason, which ends the handshake.
    fn accept(&self, shown: &Shown<'_>, algorithms: &WebPkiSupportedAlgorithms) -> Result<(), Error>;
}

/// A verifier for `ClientConfig` that decides by `rule` and checks signatures by `provider`.
pub fn by_rule(rule: impl ServerRule + 'static, provider: &CryptoProvider) -> Arc<dyn ServerCertVerifier> {
    Arc::new(ByRule {
        rule,
        algorithms: provider.signature_verification_algorithms,
    })
}

#[derive(Debug)]
struct ByRule<R> {
    rule: R,
    algorithms: WebPkiSupportedAlgorithms,
}

impl<R: ServerRule> ServerCertVerifier for ByRule<R> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown {
            leaf,
            intermediates,
            host,
            now,
        };
        self.rule.accept(&shown, &self.algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
