//! Identities change under load and no caller notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kit::http::Limits;
use kit::identity_renewal;
use kit::tls::{Identity, IdentityFiles};
use kit::transport::{Transport, channel};
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use tokio_util::sync::CancellationToken;

use crate::world::{Ca, Leaf, Requested, Served, clock, echo_site, eventually};

/// Callers that go on until told to stop; each failure is kept.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn new(transport: &Transport, callers: usize) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let callers = (0..callers).map(|_| {
            let (client, stop, served) = (
                AuthClient::new(transport.clone()),
                Arc::clone(&stop),
                Arc::clone(&served),
            );
            tokio::spawn(Self::call(client, stop, served))
        });
        Self {
            callers: callers.collect(),
            stop,
            served,
        }
    }

    async fn call(
        mut client: AuthClient<Transport>,
        stop: Arc<AtomicBool>,
        served: Arc<AtomicUsize>,
    ) -> Vec<String> {
        let mut failures = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            match client
                .authenticate(AuthenticateRequest {
                    token: "pause".to_owned(),
                })
                .await
            {
                Ok(_) => served.fetch_add(1, Ordering::Relaxed),
                Err(status) => {
                    failures.push(format!("{status:?}"));
                    0
                }
            };
        }
        failures
    }

    async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for caller in self.callers {
            failures.extend(caller.await.unwrap());
        }
        (self.served.load(Ordering::Relaxed), failures)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_rotations_of_both_ends_under_load_fail_no_request() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    // Connections age fast, so that each rotation is met by new handshakes and by requests on closing ones.
    let limits = Limits {
        age: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::new(Some(Arc::new(server.clone())), echo_site(), limits).await;
    let channels: Vec<_> = (0..4)
        .map(|_| channel(&served.url(), "auth", &caller).unwrap())
        .collect();
    let loads: Vec<_> = channels.iter().map(|channel| Load::new(channel, 8)).collect();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for (identity, name) in [(&server, "auth"), (&caller, "ca")] {
            let next = ca.service_pair(name);
            identity
                .replace(next.chain.as_bytes(), next.key.as_bytes())
                .unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for load in loads {
        let (served, failures) = load.end().await;
        assert_eq!(failures, Vec::<String>::new());
        assert!(served > 20, "only {served} requests");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_renews_itself_over_and_over_under_load() {
    let ca = Arc::new(Ca::new());
    let directory = tempfile::tempdir().unwrap();
    let files = IdentityFiles::new(directory.path(), "ca", directory.path().join("roots.pem"));
    std::fs::write(&files.roots, &ca.pem).unwrap();
    let life = Duration::from_secs(6);
    let first = ca.pair(&Leaf {
        life,
        ..Leaf::default()
    });
    files.write(first.chain.as_bytes(), first.key.as_bytes()).unwrap();
    let identity = Identity::from_files(files.clone(), clock()).unwrap();
    let limits = Limits {
        age: Duration::from_millis(200),
        ..Limits::default()
    };
    let served = Served::new(Some(Arc::new(ca.identity("auth"))), echo_site(), limits).await;
    let load = Load::new(&channel(&served.url(), "auth", &identity).unwrap(), 8);

    let (issued, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let issue = {
        let (ca, issued) = (Arc::clone(&ca), Arc::clone(&issued));
        move |csr: Vec<u8>| {
            // Some attempts fail, as an issuer that is being restarted would.
            let attempt = issued.fetch_add(1, Ordering::Relaxed);
            let (key, names) = Requested::by(&csr);
            assert_eq!(names, ["uri:spiffe://t.test/svc/ca"]);
            let chain = ca
                .sign(
                    &Leaf {
                        life,
                        ..Leaf::default()
                    },
                    &key,
                )
                .into_bytes();
            async move {
                if attempt % 3 == 1 {
                    Err("no answer".into())
                } else {
                    Ok(chain)
                }
            }
        }
    };
    let renewal = tokio::spawn(identity_renewal::run(
        identity.clone(),
        clock(),
        issue,
        stop.clone(),
    ));
    eventually("four attempts at renewal", || issued.load(Ordering::Relaxed) >= 4).await;
    let (served, failures) = load.end().await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(served > 20, "only {served} requests");
    stop.cancel();
    renewal.await.unwrap();
    assert_ne!(std::fs::read_to_string(&files.certificate).unwrap(), first.chain);
    assert_eq!(
        Identity::from_files(files, clock()).unwrap().leaf(),
        identity.leaf()
    );
}
