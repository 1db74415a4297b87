//! `Import`: a list that its caller sends in pieces.

use std::time::Duration;

use kit::grpc::status;
use proto::crl::v1 as wire;
use proto::crl::v1::import_request::Part;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use super::encode;
use crate::app::{App, Import, Imported};
use crate::domain::Publication;
use crate::error::Error;

/// Longest time between two messages: the caller has the list.
const IDLE: Duration = Duration::from_secs(30);

/// Receives the list, as much of it as is taken, and has it imported.
pub(super) async fn receive(
    app: &App,
    mut messages: Streaming<wire::ImportRequest>,
) -> Result<wire::ImportResponse, Status> {
    let order = |text: &'static str| status(Error::invalid("part", text));
    let Some(Part::Start(start)) = next(&mut messages).await? else {
        return Err(order("the first message is `start`"));
    };
    let mut list = Vec::new();
    while let Some(part) = next(&mut messages).await? {
        let Part::Octets(octets) = part else {
            return Err(order("only the first message is `start`"));
        };
        if list.len() + octets.len() > app.most_received() {
            return Err(status(Error::TooLarge(app.config.import_limit)));
        }
        list.extend_from_slice(&octets);
    }
    let import = Import {
        name: start.name,
        issuer_certificate: start.issuer_certificate,
        list,
        dry_run: start.dry_run,
        below: start.below,
    };
    let Imported {
        list,
        replaced,
        unchanged,
    } = app.import(import).await.map_err(status)?;
    let shown = |list: Publication| encode(app.shown(list, true), Vec::new());
    Ok(wire::ImportResponse {
        list: Some(shown(list)),
        replaced: replaced.map(shown),
        unchanged,
    })
}

/// The part in the next message; none at the end of the stream.
async fn next(messages: &mut Streaming<wire::ImportRequest>) -> Result<Option<Part>, Status> {
    let late = |_| Status::deadline_exceeded(format!("no message for {IDLE:?}; nothing was imported"));
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
