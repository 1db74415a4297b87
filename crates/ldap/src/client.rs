//! A client that keeps entries of another directory: simple bind, add, modify, and a search that reads them back (RFC 4511 sections
//! 4.2, 4.5, 4.6, 4.7), over TLS from the beginning or after StartTLS (section 4.14).

mod address;
mod read;
mod trust;

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use address::{Address, InvalidAddress};
pub use trust::{Trust, UnusableRoots};

use crate::ber::{BerError, Reader, Tlv, tag, text, write, write_head, write_number};
use crate::entry::{Attribute, Entry, described};
use crate::message::{MAX_MESSAGE, Undecodable, length_within};
use crate::pieces::{Described, Pieces, whole};

/// StartTLS (RFC 4511 section 4.14.1).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Octets that are read at once.
const READ: usize = 4096;
/// Octets of `replace` in a change (RFC 4511 section 4.6).
const REPLACE: [u8; 3] = [tag::ENUMERATED, 1, 2];

/// Why an entry could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be made, or broke. A directory that takes no message of that length ends it.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// The directory answered with that result code.
    #[error("the directory answered {}{}", result(*.code), after_colon(.message))]
    Refused {
        /// RFC 4511 appendix A.
        code: u32,
        /// What it says of it.
        message: String,
    },
    /// An answer is longer than is read. The connection cannot be used any more: the rest of it is on the way.
    #[error("the directory answers with more than {0} octets")]
    TooLong(usize),
    /// What was received is not an answer.
    #[error("the directory does not answer as LDAP wants it: {0}")]
    Protocol(String),
}

impl ClientError {
    const NO_SUCH_OBJECT: u32 = 32;
    const ALREADY_EXISTS: u32 = 68;

    /// There is no entry of that name, or none above it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == Self::NO_SUCH_OBJECT)
    }

    /// There is an entry of that name.
    #[must_use]
    pub fn exists(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == Self::ALREADY_EXISTS)
    }

    /// Whether the connection can be used for the next entry.
    #[must_use]
    pub fn is_of_entry(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl From<BerError> for ClientError {
    fn from(error: BerError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// `invalidCredentials (49)`, and what to do where that is clear.
fn result(code: u32) -> String {
    let name = match code {
        8 => "strongerAuthRequired (8): it wants TLS",
        10 => "referral (10): another server has the entry",
        11 => "adminLimitExceeded (11)",
        13 => "confidentialityRequired (13): it wants TLS",
        17 => "undefinedAttributeType (17): its schema lacks the attributes of RFC 4523",
        32 => "noSuchObject (32): the entry above is missing, create it",
        49 => "invalidCredentials (49)",
        50 => "insufficientAccessRights (50)",
        51 => "busy (51)",
        52 => "unavailable (52)",
        53 => "unwillingToPerform (53)",
        65 => "objectClassViolation (65): the entry needs the classes pkiCA and deltaCRL",
        68 => "entryAlreadyExists (68)",
        _ => return format!("result code {code}"),
    };
    name.to_owned()
}

fn after_colon(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a directory. Nothing here has a time limit: that is for its user.
pub struct Client {
    stream: Box<dyn Stream>,
    received: BytesMut,
    last: u32,
}

impl Client {
    /// Connects: `ldaps://` over TLS, `ldap://` with StartTLS if there is something to trust, and unprotected if not.
    ///
    /// # Errors
    /// [`ClientError::Connection`], also where the certificate of the directory is not trusted; what the directory answers to StartTLS.
    pub async fn connect(address: &Address, trust: Option<&Trust>) -> Result<Self, ClientError> {
        let socket = TcpStream::connect((address.host(), address.port())).await?;
        socket.set_nodelay(true)?;
        match (address.is_tls(), trust) {
            (true, Some(trust)) => Self::over_tls(Box::new(socket), address, trust).await,
            (true, None) => Err(ClientError::Protocol("no CA is trusted for ldaps://".to_owned())),
            (false, None) => Ok(Self::of(Box::new(socket))),
            (false, Some(trust)) => {
                let mut plain = Self::of(Box::new(socket));
                plain.start_tls().await?;
                Self::over_tls(plain.stream, address, trust).await
            }
        }
    }

    fn of(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            last: 0,
        }
    }

    async fn over_tls(
        stream: Box<dyn Stream>,
        address: &Address,
        trust: &Trust,
    ) -> Result<Self, ClientError> {
        let name = ServerName::try_from(address.host().to_owned());
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connector = TlsConnector::from(Arc::clone(trust.config()));
        let stream = connector.connect(name, stream).await?;
        Ok(Self::of(Box::new(stream)))
    }

    async fn start_tls(&mut self) -> Result<(), ClientError> {
        let mut body = Vec::new();
        write(&mut body, 0x80, START_TLS.as_bytes());
        self.ask((0x77, 0x78), body.len(), |out| out.open.extend(&body))
            .await?;
        // What came before the handshake, an attacker in between may have sent.
        match self.received.is_empty() {
            true => Ok(()),
            false => Err(ClientError::Protocol(
                "octets follow its answer to StartTLS".to_owned(),
            )),
        }
    }

    /// Tells the directory who writes.
    ///
    /// # Errors
    /// What it answers.
    pub async fn bind(&mut self, name: &str, password: &str) -> Result<(), ClientError> {
        let mut body = Vec::new();
        write_number(&mut body, tag::INTEGER, 3);
        write(&mut body, tag::OCTET_STRING, name.as_bytes());
        write(&mut body, 0x80, password.as_bytes());
        self.ask((0x60, 0x61), body.len(), |out| out.open.extend(&body))
            .await
    }

    /// Puts what the entry has in the place of what is there, of these attributes; those without a value are removed.
    ///
    /// # Errors
    /// What the directory answers; see [`ClientError::is_missing`].
    pub async fn replace(&mut self, entry: &Entry, attributes: &[Attribute]) -> Result<(), ClientError> {
        let of = |attribute: &Attribute| Described::new(attribute.name(), entry.values_of(attribute.oid()));
        let changes: Vec<Described<'_>> = attributes.iter().map(of).collect();
        let size = |change: &Described<'_>| REPLACE.len() + change.length();
        let list = changes.iter().map(|change| whole(size(change))).sum();
        let body = whole(entry.name().len()) + whole(list);
        self.ask((0x66, 0x67), body, |out| {
            write(&mut out.open, tag::OCTET_STRING, entry.name().as_bytes());
            write_head(&mut out.open, tag::SEQUENCE, list);
            for change in &changes {
                write_head(&mut out.open, tag::SEQUENCE, size(change));
                out.open.extend(REPLACE);
                change.write(out);
            }
        })
        .await
    }

    /// Adds the entry with all that it has.
    ///
    /// # Errors
    /// What the directory answers; see [`ClientError::exists`].
    pub async fn add(&mut self, entry: &Entry) -> Result<(), ClientError> {
        let attributes: Vec<Described<'_>> = entry
            .stored()
            .map(|(oid, values)| Described::new(described(oid), values))
            .collect();
        let list = attributes.iter().map(Described::length).sum();
        let body = whole(entry.name().len()) + whole(list);
        self.ask((0x68, 0x69), body, |out| {
            write(&mut out.open, tag::OCTET_STRING, entry.name().as_bytes());
            write_head(&mut out.open, tag::SEQUENCE, list);
            for attribute in &attributes {
                attribute.write(out);
            }
        })
        .await
    }

    /// Ends the connection as the protocol has it; a directory that has gone is not told.
    pub async fn unbind(mut self) {
        let mut out = Pieces::default();
        out.message_head(self.last + 1, 2);
        write_head(&mut out.open, 0x42, 0);
        let _best_effort = out.send(&mut self.stream).await;
    }

    /// Sends a request whose operation has that many octets, and reads what it is answered with.
    async fn ask(
        &mut self,
        (request, answer): (u8, u8),
        body: usize,
        write: impl FnOnce(&mut Pieces),
    ) -> Result<(), ClientError> {
        self.send(request, body, write).await?;
        let octets = self.next(MAX_MESSAGE).await?;
        self.outcome(&octets, answer)
    }

    async fn send(
        &mut self,
        request: u8,
        body: usize,
        write: impl FnOnce(&mut Pieces),
    ) -> Result<(), ClientError> {
        self.last += 1;
        let mut out = Pieces::default();
        out.message_head(self.last, whole(body));
        write_head(&mut out.open, request, body);
        write(&mut out);
        Ok(out.send(&mut self.stream).await?)
    }

    /// What a message says of the last request, which is answered by an operation of that tag.
    fn outcome(&self, octets: &[u8], answer: u8) -> Result<(), ClientError> {
        /// Notice of disconnection (RFC 4511 section 4.4.1).
        const NOTICE: (u32, u8) = (0, 0x78);
        let (id, value) = operation(octets)?;
        if (id, value.tag) != (self.last, answer) && (id, value.tag) != NOTICE {
            return Err(ClientError::Protocol(
                "it answers something that was not asked".to_owned(),
            ));
        }
        let mut outcome = Reader::new(value.content);
        let code = outcome.number(tag::ENUMERATED)?;
        let _matched = outcome.expect(tag::OCTET_STRING)?;
        let message = text(outcome.expect(tag::OCTET_STRING)?)?;
        // Enough for a log.
        let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
        match code {
            _ if id == 0 => Err(ClientError::Protocol(format!(
                "it ended the connection with {}{}",
                result(code),
                after_colon(&message)
            ))),
            0 => Ok(()),
            code => Err(ClientError::Refused { code, message }),
        }
    }

    /// The octets of the next message, at most `most` of them.
    async fn next(&mut self, most: usize) -> Result<BytesMut, ClientError> {
        loop {
            let length = length_within(&self.received, most).map_err(|error| match error {
                Undecodable::TooLong(most) => ClientError::TooLong(most),
                other => ClientError::Protocol(other.to_string()),
            })?;
            if let Some(length) = length.filter(|length| self.received.len() >= *length) {
                return Ok(self.received.split_to(length));
            }
            self.received.reserve(READ);
            let mut limited = (&mut self.stream).take(READ as u64);
            if limited.read_buf(&mut self.received).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// The id of a message, and its operation.
fn operation(octets: &[u8]) -> Result<(u32, Tlv<'_>), ClientError> {
    let mut fields = Reader::new(octets).enter(tag::SEQUENCE)?;
    Ok((fields.number(tag::INTEGER)?, fields.any()?))
}
