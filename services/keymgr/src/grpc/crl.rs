//! `SignCrl`: a list that its caller sends in pieces.

use std::time::Duration;

use kit::grpc::status;
use proto::keymgr::v1 as wire;
use proto::keymgr::v1::sign_crl_request::Part;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::app::{App, SignCrlRequest};
use crate::domain::Caller;
use crate::error::Error;

/// Longest time between two messages. A caller reads its entries from a database that may be slow, or fail over.
const IDLE: Duration = Duration::from_secs(30);

/// Receives the list and has it signed. A stream that breaks off ends here, with nothing signed; so does one whose caller cancels
/// it, since this is dropped then.
pub(super) async fn sign(
    app: &App,
    caller: Caller,
    mut messages: Streaming<wire::SignCrlRequest>,
) -> Result<wire::SignResponse, Status> {
    let order = |text: &'static str| status(Error::invalid("part", text));
    let Some(Part::Start(start)) = next(&mut messages).await? else {
        return Err(order("the first message is `start`"));
    };
    let request = SignCrlRequest {
        caller,
        name: start.name,
        issuer_certificate: start.issuer_certificate,
    };
    let mut signing = app.sign_crl(request).await.map_err(status)?;
    while let Some(part) = next(&mut messages).await? {
        let Part::Octets(octets) = part else {
            return Err(order("only the first message is `start`"));
        };
        signing = signing.push(octets).await.map_err(status)?;
    }
    let signature = signing.finish().await.map_err(status)?;
    Ok(wire::SignResponse { signature })
}

/// The part in the next message; none at the end of the stream.
async fn next(messages: &mut Streaming<wire::SignCrlRequest>) -> Result<Option<Part>, Status> {
    let late = |_| Status::deadline_exceeded(format!("no message for {IDLE:?}; nothing was signed"));
    let Some(message) = timeout(IDLE, messages.message()).await.map_err(late)?? else {
        return Ok(None);
    };
    let empty = || {
        status(Error::invalid(
            "part",
            "a message has one of `start` and `octets`",
        ))
    };
    message.part.map(Some).ok_or_else(empty)
}
