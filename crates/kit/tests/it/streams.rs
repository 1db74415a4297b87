//! Streams of requests: over both transports, longer than what is kept in memory, refused early, broken off.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use http::{Request, Response};
use kit::grpc::{MAX_MESSAGE, edge};
use kit::http::{BodyMemory, Site};
use kit::peer::AllowTable;
use kit::transport::{Transport, channel, in_process, streamed};
use proto::auth::v1::AuthenticateRequest;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::server::{ClientStreamingService, NamedService};
use tonic::{Code, Status, Streaming};
use tower::{Layer, Service};

use crate::world::{Ca, Served};

const COUNT: &str = "/test.Counter/Count";
const ALLOW: AllowTable = &[(COUNT, &["crl"])];
type Codec = tonic_prost::ProstCodec<AuthenticateRequest, AuthenticateRequest>;

/// Counts the octets of a stream of messages; tells of every message, and of how the stream ended.
#[derive(Clone)]
struct Counter(mpsc::UnboundedSender<Result<usize, Code>>);

/// Tells that a call is over, also where it was dropped.
struct Over(mpsc::UnboundedSender<Result<usize, Code>>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.send(Err(Code::Cancelled)).ok();
    }
}

impl NamedService for Counter {
    const NAME: &'static str = "test.Counter";
}

impl Service<Request<Body>> for Counter {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let counter = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Codec::default())
                .apply_max_message_size_config(Some(MAX_MESSAGE), None);
            Ok(grpc.client_streaming(counter, request).await)
        })
    }
}

impl ClientStreamingService<AuthenticateRequest> for Counter {
    type Response = AuthenticateRequest;
    type Future = futures::future::BoxFuture<'static, Result<tonic::Response<AuthenticateRequest>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<AuthenticateRequest>>) -> Self::Future {
        let told = self.0.clone();
        Box::pin(async move {
            let _over = Over(told.clone());
            let mut messages = request.into_inner();
            let mut octets = 0;
            loop {
                match messages.message().await {
                    Ok(Some(message)) if message.token == "refuse" => {
                        return Err(Status::invalid_argument("refused as asked"));
                    }
                    Ok(Some(message)) => {
                        octets += message.token.len();
                        told.send(Ok(octets)).ok();
                    }
                    Ok(None) => return Ok(tonic::Response::new(message(&octets.to_string()))),
                    Err(status) => {
                        told.send(Err(status.code())).ok();
                        return Err(status);
                    }
                }
            }
        })
    }
}

/// How to reach a counter, by name, and what it tells.
type Way = (
    &'static str,
    Transport,
    mpsc::UnboundedReceiver<Result<usize, Code>>,
);

/// The counter in process and over mutual TLS.
struct Both {
    _served: Served,
    ways: [Way; 2],
}

/// A listener that has memory for two messages.
async fn both() -> Both {
    let ca = Ca::new();
    let behind = |told| edge("counter", ALLOW).streaming(&[COUNT]).layer(Counter(told));
    let (here, told_here) = mpsc::unbounded_channel();
    let (there, told_there) = mpsc::unbounded_channel();
    let site = Site::grpc(
        tonic::service::Routes::new(behind(there)),
        BodyMemory::new(2 * MAX_MESSAGE, 2 * MAX_MESSAGE),
    );
    let served = Served::mutual(&ca.identity("auth"), site).await;
    let remote = channel(&served.url(), "auth", &ca.identity("crl")).unwrap();
    Both {
        ways: [
            ("in process", in_process(behind(here), "crl"), told_here),
            ("over mTLS", remote, told_there),
        ],
        _served: served,
    }
}

fn message(token: &str) -> AuthenticateRequest {
    AuthenticateRequest {
        token: token.to_owned(),
    }
}

async fn count(
    transport: &Transport,
    messages: impl Stream<Item = AuthenticateRequest> + Send + 'static,
) -> Result<String, Status> {
    let mut client = tonic::client::Grpc::new(transport.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static(COUNT);
    let counted = client
        .client_streaming(streamed(messages), path, Codec::default())
        .await?;
    Ok(counted.into_inner().token)
}

#[tokio::test]
async fn a_stream_of_any_length_passes_through_the_memory_of_two_messages() {
    let piece = "x".repeat(1024 * 1024);
    for (way, transport, _told) in both().await.ways {
        // Several at once, one after the other: what a stream held is given back.
        for _ in 0..3 {
            let pieces = stream::iter(vec![message(&piece); 40]);
            assert_eq!(
                count(&transport, pieces).await.unwrap(),
                (40 * 1024 * 1024).to_string(),
                "{way}"
            );
        }
    }
}

#[tokio::test]
async fn messages_are_read_while_later_ones_are_not_there_yet() {
    for (way, transport, mut told) in both().await.ways {
        let (send, sent) = mpsc::unbounded_channel();
        let messages = stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
        let call = tokio::spawn(async move { count(&transport, messages).await });
        for expected in 1..=5 {
            send.send(message("x")).unwrap();
            assert_eq!(told.recv().await, Some(Ok(expected)), "{way}");
        }
        drop(send);
        assert_eq!(call.await.unwrap().unwrap(), "5", "{way}");
    }
}

#[tokio::test]
async fn a_refusal_ends_a_stream_that_has_no_end() {
    let piece = "x".repeat(64 * 1024);
    for (way, transport, _told) in both().await.ways {
        let endless =
            stream::iter([message(&piece), message("refuse")]).chain(stream::repeat(message(&piece)));
        let refused = count(&transport, endless).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{way}: {refused:?}");
        assert_eq!(refused.message(), "refused as asked", "{way}");
        // The connection is as good as before.
        assert_eq!(
            count(&transport, stream::iter([message("x")])).await.unwrap(),
            "1",
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_work() {
    for (way, transport, mut told) in both().await.ways {
        let messages = stream::iter([message("x")]).chain(stream::pending());
        let call = tokio::spawn(async move { count(&transport, messages).await });
        assert_eq!(told.recv().await, Some(Ok(1)), "{way}");
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled(), "{way}");
        assert!(matches!(told.recv().await, Some(Err(_))), "{way}");
    }
}

#[tokio::test]
async fn a_message_of_a_stream_is_as_long_as_any_other() {
    let long = "x".repeat(MAX_MESSAGE + 1);
    for (way, transport, mut told) in both().await.ways {
        let refused = count(&transport, stream::iter([message("x"), message(&long)])).await;
        assert_eq!(refused.unwrap_err().code(), Code::OutOfRange, "{way}");
        assert_eq!(told.recv().await, Some(Ok(1)), "{way}");
        assert_eq!(told.recv().await, Some(Err(Code::OutOfRange)), "{way}");
    }
}
