//! What `ocsp` and `crl` ask, as messages.

use std::collections::BTreeMap;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kit::grpc::status;
use proto::ca::v1 as wire;
use proto::ca::v1::snapshot_revocations_response::Part;
use store::time::to_micros;
use tonic::Status;
use x509::serial::Serial;

use super::{Grpc, enums, messages, optional};
use crate::domain::Revocation;
use crate::domain::revocations::{RevokedCertificate, SerialStatus};
use crate::error::Error;
use crate::tables::revocations::Unreadable;

/// Most serial numbers of a question.
const MOST_SERIALS: usize = 500;

/// Most revoked certificates of a message of `WatchRevoked`; documented in `ca.proto`.
const MOST_WATCHED: usize = 10_000;

/// What `SnapshotRevocations` answers.
pub(super) type SnapshotStream = BoxStream<'static, Result<wire::SnapshotRevocationsResponse, Status>>;

/// What `WatchRevoked` answers.
pub(super) type RevokedStream = BoxStream<'static, Result<wire::WatchRevokedResponse, Status>>;

impl Grpc {
    pub(super) async fn revoked(&self, request: wire::WatchRevokedRequest) -> Result<RevokedStream, Error> {
        let revoked = self.app.watch_revoked(&request.ca).await?;
        let revoked = revoked
            .and_then(move |serials| std::future::ready(parts(&serials, request.parts)))
            .map_err(status)
            .map_ok(|parts| stream::iter(parts.into_iter().map(Ok)))
            .try_flatten();
        Ok(revoked.take_until(self.stop.clone().cancelled_owned()).boxed())
    }

    pub(super) async fn status_of(
        &self,
        request: wire::StatusRequest,
    ) -> Result<wire::StatusResponse, Error> {
        if request.serials.len() > MOST_SERIALS {
            let text = format!("takes at most {MOST_SERIALS} serial numbers");
            return Err(Error::invalid("serials", text));
        }
        let issuer = self.app.issuer(&request.issuer).await?;
        // What is not the content of a serial number that can be issued here was not issued.
        let serials = request.serials.iter();
        let serials: Vec<_> = serials.map(|content| Serial::from_content(content)).collect();
        let found = self.app.status_of(&issuer, &serials).await?;
        Ok(wire::StatusResponse {
            items: found.into_iter().map(encode_status).collect(),
        })
    }

    pub(super) async fn note_ocsp_queries(
        &self,
        request: wire::RecordOcspQueriesRequest,
    ) -> Result<wire::RecordOcspQueriesResponse, Error> {
        if request.items.len() > MOST_SERIALS {
            let text = format!("takes at most {MOST_SERIALS} certificates");
            return Err(Error::invalid("items", text));
        }
        // What cannot be read is left out: the others are noted all the same.
        let read = |query: &wire::OcspQuery| {
            let at = store::time::from_micros(query.asked_us).ok()?;
            Some((Serial::from_content(&query.serial)?, at))
        };
        self.app
            .record_ocsp_queries(request.items.iter().filter_map(read))
            .await?;
        Ok(wire::RecordOcspQueriesResponse {})
    }

    pub(super) async fn snapshot(
        &self,
        request: wire::SnapshotRevocationsRequest,
    ) -> Result<SnapshotStream, Error> {
        let issuer = match optional(request.issuer) {
            Some(name) => Some(self.app.issuer(&name).await?),
            None => None,
        };
        let from = messages::decode_time("not_after_from_us", request.not_after_from_us)?;
        let unreadable = match request.skip_unreadable {
            true => Unreadable::IsLeftOut,
            false => Unreadable::Fails,
        };
        let (cursor, pages) = self.app.snapshot_revocations(issuer, from, unreadable).await?;
        let start = Part::Start(wire::SnapshotStart {
            cursor: cursor.to_string(),
        });
        // Counted as they pass, and told when there are no more: a stream that was cut off has no end.
        let begin = (pages.map_err(status).boxed(), Some(wire::SnapshotEnd::default()));
        let rest = stream::try_unfold(begin, |(mut pages, end)| async move {
            let Some(mut end) = end else { return Ok(None) };
            while let Some(told) = pages.try_next().await? {
                end.unreadable += u64::try_from(told.unreadable).unwrap_or(u64::MAX);
                if told.items.is_empty() {
                    continue;
                }
                end.entries += u64::try_from(told.items.len()).unwrap_or(u64::MAX);
                let items = told.items.into_iter().map(encode_revoked).collect();
                let part = Part::Entries(wire::SnapshotEntries { items });
                return Ok(Some((part, (pages, Some(end)))));
            }
            Ok(Some((Part::End(end), (pages, None))))
        });
        let parts = stream::iter([Ok(start)]).chain(rest);
        let parts = parts.map_ok(|part| wire::SnapshotRevocationsResponse { part: Some(part) });
        // One that is read slowly does not keep the process from ending.
        Ok(parts.take_until(self.stop.clone().cancelled_owned()).boxed())
    }
}

/// All of them, in messages that have an end; each with whether it is on hold.
fn parts(serials: &BTreeMap<Serial, bool>, several: bool) -> Result<Vec<wire::WatchRevokedResponse>, Error> {
    if serials.len() > MOST_WATCHED && !several {
        // A version that takes no parts would take each for all that there are.
        let text = format!("more than {MOST_WATCHED} certificates are revoked, and the caller takes no more");
        return Err(Error::internal(text));
    }
    let empty = || wire::WatchRevokedResponse {
        tells_held: true,
        ..wire::WatchRevokedResponse::default()
    };
    let serials: Vec<(Vec<u8>, bool)> = serials
        .iter()
        .map(|(serial, held)| (serial.to_content(), *held))
        .collect();
    let mut parts: Vec<_> = serials
        .chunks(MOST_WATCHED)
        .map(|serials| wire::WatchRevokedResponse {
            serials: serials.iter().map(|(serial, _)| serial.clone()).collect(),
            held: serials
                .iter()
                .filter(|(_, held)| *held)
                .map(|(serial, _)| serial.clone())
                .collect(),
            more: true,
            ..empty()
        })
        .collect();
    match parts.last_mut() {
        Some(last) => last.more = false,
        None => parts.push(empty()),
    }
    Ok(parts)
}

fn encode_status(found: Option<SerialStatus>) -> wire::SerialStatus {
    let Some(found) = found else {
        return wire::SerialStatus::default();
    };
    wire::SerialStatus {
        issued: true,
        not_before_us: to_micros(found.not_before),
        not_after_us: to_micros(found.not_after),
        revocation: found.revocation.as_ref().map(encode_revocation),
    }
}

fn encode_revoked(revoked: RevokedCertificate) -> wire::RevokedCertificate {
    wire::RevokedCertificate {
        issuer: revoked.issuer.to_string(),
        serial: revoked.serial.to_content(),
        not_after_us: to_micros(revoked.not_after),
        revocation: Some(encode_revocation(&revoked.revocation)),
        crl_shard: revoked.crl_shard,
    }
}

pub(super) fn encode_revocation(revocation: &Revocation) -> wire::Revocation {
    wire::Revocation {
        time_us: to_micros(revocation.time),
        reason: enums::encode_reason(revocation.reason).into(),
        invalidity_us: revocation.invalidity.map_or(0, to_micros),
        decided_us: to_micros(revocation.decided),
        decided_as: enums::encode_capacity(revocation.decided_as).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn however_many_are_revoked_all_are_told() {
        let serial =
            |number: u32| Serial::from_bytes(&[&[0x11; 12][..], &number.to_be_bytes()].concat()).unwrap();
        let many: BTreeMap<Serial, bool> = (0..25_001)
            .map(|number| (serial(number), number % 2 == 0))
            .collect();
        let told = parts(&many, true).unwrap();
        let more: Vec<bool> = told.iter().map(|part| part.more).collect();
        assert_eq!(more, [true, true, false]);
        let read = |of: fn(&wire::WatchRevokedResponse) -> &Vec<Vec<u8>>| -> BTreeSet<Serial> {
            let read = told.iter().flat_map(of);
            read.map(|content| Serial::from_content(content).unwrap())
                .collect()
        };
        assert_eq!(read(|part| &part.serials), many.keys().copied().collect());
        let held = many.iter().filter(|(_, held)| **held);
        assert_eq!(read(|part| &part.held), held.map(|(serial, _)| *serial).collect());
        // None are told too, in a message that is the last.
        let none = wire::WatchRevokedResponse {
            tells_held: true,
            ..wire::WatchRevokedResponse::default()
        };
        assert_eq!(parts(&BTreeMap::new(), true).unwrap(), [none]);
        // A version that knows no parts is not told of some of them as if they were all.
        parts(&many, false).unwrap_err();
        assert_eq!(
            parts(&BTreeMap::from([(serial(1), false)]), false).unwrap().len(),
            1
        );
    }
}
