//! The relying party's side: asks OCSP, fetches CRLs and issuers at the URLs in a certificate, and believes what RFC 6960 and RFC 5280
//! allow to be believed. What is believed is decided in `x509`; here is what goes over the network, bounded in size and time.
//!
//! The URLs are input: [`Reach`] says which addresses are asked. No credential is sent, no redirect and no proxy is used.

mod error;
mod http;
mod reach;

use time::{Duration, OffsetDateTime};
use x509::bundle::Bundle;
use x509::crl::{CrlExpected, CrlReader, ReceivedCrl};
use x509::extension::DistributionPoint;
use x509::ocsp::{
    CertId, ErrorStatus, Expected, HashAlgorithm, IssuerIds, Nonce, OcspRequest, OcspResponse, ResponseError,
    SingleResponse,
};
use x509::{Certificate, ReceivedSerial};

pub use error::RelyingError;
use http::{Ask, Http};
pub use reach::Reach;

/// How far the clocks of the CA and of this machine may be apart.
pub const TOLERANCE: Duration = Duration::minutes(5);
/// Most octets of a CRL: some million entries. It is read as it arrives, so that this bounds time and not memory.
const MAX_CRL: u64 = 512 * 1024 * 1024;
/// Most octets of a file with certificates of issuers.
const MAX_ISSUERS: u64 = 1024 * 1024;
/// Longest time for an answer of OCSP and for an issuer, in seconds.
const SHORT: u64 = 10;
/// Longest time for a CRL, in seconds.
const LONG: u64 = 120;

/// Asks as a relying party does.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    http: Http,
}

/// Whose certificate is asked about, and when.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The CA that issued it. It is trusted here.
    pub issuer: &'a Certificate,
    /// Its serial number.
    pub serial: &'a ReceivedSerial,
    /// Whether it is that of a CA.
    pub is_ca: bool,
    /// The time of the check.
    pub now: OffsetDateTime,
}

/// What a responder answered, verified.
#[derive(Clone, Debug)]
pub struct OcspAnswer {
    /// What it says of the certificate.
    pub single: SingleResponse,
    /// When it was signed.
    pub produced_at: OffsetDateTime,
    /// Whether it repeats the nonce that was sent: it was made for this request, and is not from a cache.
    pub nonce_repeated: bool,
    /// Subject of the certificate of the responder; `None` if the CA itself signed.
    pub responder: Option<String>,
    /// Whether the certificate of the responder says that its own status is not to be asked for (RFC 6960 section 4.2.2.2.1), or the
    /// CA signed.
    pub no_check: bool,
    /// Whether the status, written as revoked, says that the CA never issued the certificate (RFC 6960 section 4.4.8).
    pub never_issued: bool,
}

/// A delta that was verified.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The list.
    pub list: ReceivedCrl,
    /// Whether it is as new as the complete list, or newer. An older one is not to be applied.
    pub is_newer: bool,
}

impl RelyingParty {
    /// One that asks where that is allowed.
    ///
    /// # Errors
    /// [`RelyingError::Setup`] if the system gives no way to the network.
    pub fn new(reach: Reach) -> Result<Self, RelyingError> {
        Ok(Self {
            http: Http::new(reach)?,
        })
    }

    /// Asks the responder at that URL, by POST; with a nonce where the answer is to be of this moment, which some responders do not
    /// do: see [`OcspAnswer::nonce_repeated`]. One that has no answer for the certificate named by SHA-256 is asked by SHA-1: many
    /// know no other name (RFC 5019 section 2.1.1).
    ///
    /// # Errors
    /// [`RelyingError`] if nothing was answered, or nothing that can be believed.
    pub async fn ocsp(
        &self,
        url: &str,
        subject: Subject<'_>,
        with_nonce: bool,
    ) -> Result<OcspAnswer, RelyingError> {
        // RFC 9919 section 3.1.1.
        let answer = self.ocsp_by(HashAlgorithm::Sha256, url, subject, with_nonce);
        match answer.await {
            Err(RelyingError::Response {
                source: ResponseError::Refused(ErrorStatus::Unauthorized),
                ..
            }) => self.ocsp_by(HashAlgorithm::Sha1, url, subject, with_nonce).await,
            answer => answer,
        }
    }

    async fn ocsp_by(
        &self,
        hash: HashAlgorithm,
        url: &str,
        subject: Subject<'_>,
        with_nonce: bool,
    ) -> Result<OcspAnswer, RelyingError> {
        let nonce = with_nonce.then(random_nonce).flatten();
        let ids = IssuerIds::of(subject.issuer);
        let id = CertId::new(&ids, hash, subject.serial);
        let request = OcspRequest::build(vec![id], nonce.clone())
            .map_err(|error| RelyingError::not_asked(url, error.to_string()))?;
        let ask = Ask {
            url,
            max: OcspResponse::MAX_LEN as u64,
            seconds: SHORT,
        };
        let mut body = Vec::new();
        let take = |piece: &[u8]| {
            body.extend_from_slice(piece);
            Ok(())
        };
        let media_type = ("application/ocsp-request", "application/ocsp-response");
        self.http.post(ask, media_type, request.der(), take).await?;
        let believed = || {
            let response = OcspResponse::from_der(&body)?;
            let verified = response.verify(&Expected {
                issuer: subject.issuer,
                serial: subject.serial,
                now: subject.now,
                tolerance: TOLERANCE,
                nonce: nonce.as_ref(),
            })?;
            Ok(OcspAnswer {
                single: verified.single.clone(),
                produced_at: response.produced_at(),
                nonce_repeated: verified.nonce_repeated,
                responder: verified.delegate.map(|delegate| delegate.subject().to_string()),
                no_check: verified.no_check,
                never_issued: verified.never_issued,
            })
        };
        believed().map_err(|source| RelyingError::Response {
            url: url.to_owned(),
            source,
        })
    }

    /// Fetches the complete CRL that the certificate names by that URL, with the entries of `also` beside that of the certificate.
    ///
    /// # Errors
    /// [`RelyingError`] if there is none, or none that can be believed.
    pub async fn crl(
        &self,
        url: &str,
        subject: Subject<'_>,
        also: &[ReceivedSerial],
    ) -> Result<ReceivedCrl, RelyingError> {
        self.crl_of((&DistributionPoint::at(url), url), subject, also)
            .await
    }

    /// Fetches the complete CRL of a point, at one of its URLs.
    ///
    /// # Errors
    /// As [`crl`](Self::crl).
    pub async fn crl_of(
        &self,
        (point, url): (&DistributionPoint, &str),
        subject: Subject<'_>,
        also: &[ReceivedSerial],
    ) -> Result<ReceivedCrl, RelyingError> {
        let list = self.list(url, subject, also).await?;
        list.check(&expected(point, subject))
            .map_err(|source| RelyingError::crl(url, source))?;
        Ok(list)
    }

    /// Fetches the delta of a complete CRL.
    ///
    /// # Errors
    /// [`RelyingError`] if there is none, or none that can be believed and applied.
    pub async fn delta(
        &self,
        url: &str,
        complete: &ReceivedCrl,
        subject: Subject<'_>,
        also: &[ReceivedSerial],
    ) -> Result<Delta, RelyingError> {
        let point = DistributionPoint::at(url);
        self.delta_of((&point, url), complete, subject, also).await
    }

    /// Fetches the delta of a point, at one of its URLs.
    ///
    /// # Errors
    /// As [`delta`](Self::delta).
    pub async fn delta_of(
        &self,
        (point, url): (&DistributionPoint, &str),
        complete: &ReceivedCrl,
        subject: Subject<'_>,
        also: &[ReceivedSerial],
    ) -> Result<Delta, RelyingError> {
        let list = self.list(url, subject, also).await?;
        let is_newer = list
            .check_delta(complete, &expected(point, subject))
            .map_err(|source| RelyingError::crl(url, source))?;
        Ok(Delta { list, is_newer })
    }

    async fn list(
        &self,
        url: &str,
        subject: Subject<'_>,
        also: &[ReceivedSerial],
    ) -> Result<ReceivedCrl, RelyingError> {
        let ask = Ask {
            url,
            max: MAX_CRL,
            seconds: LONG,
        };
        let mut reader = CrlReader::keeping(also.iter().chain([subject.serial]));
        let take = |piece: &[u8]| {
            reader
                .push(piece)
                .map_err(|source| RelyingError::crl(url, source))
        };
        self.http.get(ask, "application/pkix-crl", take).await?;
        reader
            .finish(subject.issuer)
            .map_err(|source| RelyingError::crl(url, source))
    }

    /// Fetches the certificate of the CA that issued this one.
    ///
    /// # Errors
    /// [`RelyingError`] if there is none at that URL.
    pub async fn issuer(&self, url: &str, certificate: &Certificate) -> Result<Certificate, RelyingError> {
        let ask = Ask {
            url,
            max: MAX_ISSUERS,
            seconds: SHORT,
        };
        let mut body = Vec::new();
        let take = |piece: &[u8]| {
            body.extend_from_slice(piece);
            Ok(())
        };
        self.http.get(ask, "application/pkix-cert", take).await?;
        let found = Bundle::read(&body).map_err(|source| RelyingError::Certificate {
            url: url.to_owned(),
            source,
        })?;
        let mut found = found.certificates.into_iter();
        found
            .find(|issuer| certificate.verify_signed_by(issuer).is_ok())
            .ok_or_else(|| RelyingError::OtherIssuer {
                url: url.to_owned(),
                issuer: certificate.issuer().to_string(),
            })
    }
}

/// Whether that is a URL of the scheme that is asked. Others are of directories, or would need what is asked about (RFC 5280 section 8).
#[must_use]
pub fn is_http(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
}

/// As long as clients send it (RFC 9654 section 2.1): 244 bits of it are random.
fn random_nonce() -> Option<Nonce> {
    let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let octets: Vec<u8> = halves.iter().flat_map(|half| half.into_bytes()).collect();
    Nonce::from_bytes(&octets).ok()
}

fn expected<'a>(point: &'a DistributionPoint, subject: Subject<'_>) -> CrlExpected<'a> {
    CrlExpected {
        point,
        is_ca: subject.is_ca,
        now: subject.now,
        tolerance: TOLERANCE,
    }
}
