//! What a server offers beside REST: gRPC, metrics, and what its certificates point to.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::{Readiness, ServerInfo};
use kit::clock::SystemClock;
use kit::tls::{Identity, IdentityFiles};
use kit::transport::channel;
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use super::{Check, chain, failed, local, ok};
use crate::wiring::Service;

const PATIENCE: Duration = Duration::from_secs(5);
/// For a port that the process opens when it starts.
const START_AGAIN: &str =
    "the process opens that port when it starts: start it again if it has ended, else see its log";
/// For a server that answers and cannot do its work now, or is something else than one.
pub(super) fn not_ready(url: &str, readiness: Option<&Readiness>) -> Check {
    const CHECK: &str = "server";
    let Some(readiness) = readiness else {
        let detail = format!("what answers at {url} does not say whether it is ready");
        let fix = "find out what listens there, and give the HTTPS port of GigVault: --url https://host:port";
        return failed(CHECK, detail, fix);
    };
    if readiness.status == "stopping" {
        let fix =
            "start it again on its machine, with `gigvault up` or `gigvault serve` as it was started before";
        return failed(CHECK, format!("{url} is stopping"), fix);
    }
    let one = |name: &String| match readiness.reasons.get(name) {
        Some(reason) => format!("{name} ({reason})"),
        None => name.clone(),
    };
    let failing: Vec<String> = readiness.failing.iter().map(one).collect();
    failed(
        CHECK,
        format!("{url} is up but not ready; failing: {}", failing.join(", ")),
        "start what is named and does not run, make it reachable, or remove the reason in brackets; the server's log says more, \
         and it is ready again by itself",
    )
}

/// What the process of a data directory serves beside the API: it takes no root certificate and no API key to look at.
pub(super) async fn beside_api(local: Option<&ServerInfo>, dir: Option<&Path>) -> Vec<Check> {
    match local {
        Some(local) => vec![grpc(&local.grpc, dir).await, metrics(&local.metrics).await],
        None => Vec::new(),
    }
}

/// The gRPC port: a mutual TLS handshake with the identity of the data directory, or at least a connection.
async fn grpc(url: &str, dir: Option<&Path>) -> Check {
    let identity = dir.and_then(|dir| own_identity(&dir.join("identities")));
    let reached = match &identity {
        Some((name, identity)) => handshake(url, name, identity).await,
        None => connect(url).await,
    };
    match (reached, identity) {
        (Ok(()), Some((name, _))) => ok("grpc", format!("{url} accepts the identity of {name}")),
        (Ok(()), None) => ok("grpc", format!("{url} is open")),
        (Err(cause), Some((name, _))) => {
            let fix = format!(
                "if the identity has ended, {}; else see the server's log",
                local::made_again(OsStr::new(&name))
            );
            failed("grpc", format!("{url}: {cause}"), &fix)
        }
        (Err(cause), None) => failed("grpc", format!("{url}: {cause}"), START_AGAIN),
    }
}

/// The identity that the process of a data directory serves gRPC with. Beside it are that of HTTPS, which has no roots, and the
/// first identities of processes elsewhere.
fn own_identity(folder: &Path) -> Option<(String, Identity)> {
    let clock = Arc::new(SystemClock::from_env().ok()?);
    let services = Service::ALL.map(Service::name);
    ["gigvault"].into_iter().chain(services).find_map(|name| {
        let folder = folder.join(name);
        let files = IdentityFiles::new(&folder, "tls", folder.join("roots.pem"));
        let identity = Identity::from_files(files, clock.clone()).ok()?;
        Some((name.to_owned(), identity))
    })
}

/// Any answer shows that both sides accepted each other. The method does not exist: one that exists and is refused to this
/// identity would be logged by the server as a breach.
async fn handshake(url: &str, name: &str, identity: &Identity) -> Result<(), String> {
    let way = channel(url, name, identity).map_err(|error| error.to_string())?;
    let mut request = axum::http::Request::new(tonic::body::Body::empty());
    *request.method_mut() = axum::http::Method::POST;
    *request.uri_mut() = axum::http::Uri::from_static("/gigvault.doctor/Handshake");
    let headers = request.headers_mut();
    let grpc = axum::http::HeaderValue::from_static("application/grpc");
    headers.insert(axum::http::header::CONTENT_TYPE, grpc);
    match way.oneshot(request).await {
        Ok(_) => Ok(()),
        Err(status) => Err(status.message().to_owned()),
    }
}

async fn connect(url: &str) -> Result<(), String> {
    let address = url.trim_start_matches("https://");
    match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

async fn metrics(url: &str) -> Check {
    let url = format!("{url}/metrics");
    match client::fetch(&url).await {
        Ok((200, body)) if String::from_utf8_lossy(&body).contains("gigvault_build_info") => {
            ok("metrics", url)
        }
        Ok((status, _)) => failed(
            "metrics",
            format!("{url} answers {status} without metrics of GigVault"),
            "find out with `ss -ltnp` what else listens on that port, and stop it, or start the server with another --metrics-port",
        ),
        Err(error) => failed("metrics", chain(&error), START_AGAIN),
    }
}
