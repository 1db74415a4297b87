//! Credentials and permissions in front of handlers, and what is remembered of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use kit::auth::{
    Allow, AuthFault, Authenticated, Authenticator, CachedAuthenticator, Caller, Epoch, permission,
};
use kit::clock::MockClock;
use kit::http::{Edge, standard_layers};
use time::OffsetDateTime;

use crate::world::{Served, client, eventually, now};

/// Knows the token `good`, counts how often it is asked.
struct Known {
    asked: AtomicUsize,
    down: std::sync::atomic::AtomicBool,
    expires: Option<OffsetDateTime>,
}

impl Known {
    fn new(expires: Option<OffsetDateTime>) -> Arc<Self> {
        Arc::new(Self {
            asked: AtomicUsize::new(0),
            down: false.into(),
            expires,
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Authenticator for Known {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            match token {
                _ if self.down.load(Ordering::Relaxed) => Err(AuthFault::Unavailable {
                    why: "auth does not answer",
                    source: "connection refused".into(),
                }),
                "good" => Ok(Caller {
                    allowed_names: Vec::new(),
                    subject: "apikey:1".to_owned(),
                    roles: vec!["auditor".to_owned()],
                    permissions: vec![permission::CERTIFICATES_READ.to_owned()],
                    expires: self.expires,
                }),
                _ => Err(AuthFault::Invalid),
            }
        }
        .boxed()
    }
}

#[derive(Clone, FromRef)]
struct State {
    authenticator: Arc<dyn Authenticator>,
}

async fn served(authenticator: Arc<dyn Authenticator>) -> Served {
    let router = Router::new()
        .route(
            "/read",
            get(async |allowed: Allow<permission::CertificatesRead>| allowed.0.subject),
        )
        .route(
            "/own",
            get(async |_: Allow<permission::CertificatesReadOwn>| "own"),
        )
        .route(
            "/issue",
            get(async |_: Allow<permission::CertificatesIssue>| "issued"),
        )
        .route(
            "/whoami",
            get(async |Authenticated(caller): Authenticated| caller.roles.join(",")),
        )
        .with_state(State { authenticator });
    Served::plain(standard_layers(router, "test")).await
}

#[tokio::test]
async fn a_principal_has_a_bounded_number_of_requests_whatever_its_addresses() {
    let begun = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::clone(&begun);
    let wait = async move |_: Authenticated| {
        waiting.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
    };
    let authenticator: Arc<dyn Authenticator> = Known::new(None);
    let router = Router::new()
        .route("/wait", get(wait))
        .route("/", get(async || "open"))
        .with_state(State { authenticator });
    let served = Served::plain(Edge::new("test").requests_per_peer(2).around(router)).await;
    let from = |last| {
        let address = std::net::Ipv4Addr::new(127, 0, 0, last);
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(Some(address.into()));
        client
            .build()
            .unwrap()
            .get(served.http("/wait"))
            .bearer_auth("good")
            .send()
    };
    let held = [tokio::spawn(from(2)), tokio::spawn(from(3))];
    eventually("both requests", || begun.load(Ordering::Relaxed) == 2).await;
    let third = from(4).await.unwrap();
    assert_eq!(third.status().as_u16(), 429);
    assert!(third.text().await.unwrap().contains("of this caller"));
    assert_eq!(get_with(&served, "/", None).await.0, 200, "others");
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Never comes to an end with `stuck` or anything that begins so. What begins with `~` has not the form of a credential.
struct Slow(AtomicUsize);

impl Authenticator for Slow {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        async move {
            if token.starts_with("stuck") {
                self.0.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            Known::new(None).authenticate(token).await
        }
        .boxed()
    }

    fn is_well_formed(&self, token: &str) -> bool {
        !token.starts_with('~')
    }
}

#[tokio::test]
async fn one_address_has_a_bounded_number_of_credentials_looked_up_at_a_time() {
    let slow = Arc::new(Slow(AtomicUsize::new(0)));
    let served = served(slow.clone()).await;
    let client = at(77);
    let mut stuck = tokio::task::JoinSet::new();
    for _ in 0..16 {
        stuck.spawn(client.get(served.http("/whoami")).bearer_auth("stuck").send());
    }
    eventually("look-ups", || slow.0.load(Ordering::Relaxed) == 2).await;
    for _ in 0..4 {
        assert_eq!(
            get_with(&served, "/whoami", Some("Bearer good")).await.0,
            200,
            "others"
        );
    }
    assert_eq!(slow.0.load(Ordering::Relaxed), 2, "the rest waits");
}

/// A client with an address of its own.
fn at(last: u8) -> reqwest::Client {
    let _first_wins = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let address = std::net::Ipv4Addr::new(127, 0, 0, last);
    reqwest::Client::builder()
        .no_proxy()
        .local_address(Some(address.into()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn what_needs_no_look_up_does_not_wait_behind_those_that_are_looked_up() {
    let slow = Arc::new(Slow(AtomicUsize::new(0)));
    let clock = Arc::new(MockClock::new(now()));
    let hour = Duration::from_secs(3600);
    let cached = CachedAuthenticator::with_lifetimes(slow.clone(), clock, hour, hour);
    let served = served(Arc::new(cached)).await;
    let (client, url) = (at(78), served.http("/whoami"));
    let ask = |token: &str| {
        let asked = client.get(&url).bearer_auth(token).header("connection", "close");
        tokio::spawn(tokio::time::timeout(Duration::from_secs(8), asked.send()))
    };
    let status = async |token: &str| ask(token).await.unwrap().expect("it waits").unwrap().status();
    assert_eq!(status("good").await, 200);
    // Both places of the address, and what waits for them.
    let mut stuck: Vec<_> = (0..40).map(|number| ask(&format!("stuck{number}"))).collect();
    let refused = loop {
        let (ended, _, rest) = futures::future::select_all(stuck).await;
        stuck = rest;
        let answer = ended.unwrap().expect("its queue has no end").unwrap();
        if stuck.len() == 32 {
            break answer;
        }
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("of this client"));
    assert_eq!(slow.0.load(Ordering::Relaxed), 2);
    assert_eq!(status("good").await, 200, "known from before");
    assert_eq!(status("~guess").await, 401, "not the form of a credential");
    let elsewhere = at(79).get(&url).bearer_auth("bad").send().await.unwrap();
    assert_eq!(elsewhere.status(), 401, "others");
    stuck.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn get_with(
    served: &Served,
    path: &str,
    authorization: Option<&str>,
) -> (u16, serde_json::Value, Option<String>) {
    let mut request = client().get(served.http(path));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = request.send().await.unwrap();
    let challenge = response
        .headers()
        .get("www-authenticate")
        .map(|value| value.to_str().unwrap().to_owned());
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    (
        status,
        serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)),
        challenge,
    )
}

#[tokio::test]
async fn without_good_credentials_the_scheme_is_named() {
    let served = served(Known::new(None)).await;
    for authorization in [
        None,
        Some("Bearer bad"),
        Some("Basic eDp5"),
        Some("Bearer"),
        Some("Bearer a b"),
    ] {
        let (status, document, challenge) = get_with(&served, "/read", authorization).await;
        assert_eq!(
            (status, challenge.as_deref()),
            (401, Some("Bearer")),
            "{authorization:?}"
        );
        assert_eq!(
            document["type"], "https://gigvault.io/problems/unauthenticated",
            "{authorization:?}"
        );
    }
}

#[tokio::test]
async fn a_permission_is_needed_and_a_missing_one_is_named() {
    let served = served(Known::new(None)).await;
    let good = Some("Bearer good");
    assert_eq!(get_with(&served, "/read", good).await.1, "apikey:1");
    assert_eq!(get_with(&served, "/own", good).await.1, "own");
    assert_eq!(get_with(&served, "/whoami", good).await.1, "auditor");
    let (status, document, challenge) = get_with(&served, "/issue", good).await;
    assert_eq!((status, challenge), (403, None));
    assert!(
        document["detail"]
            .as_str()
            .unwrap()
            .contains("certificates:issue")
    );
}

#[tokio::test]
async fn credentials_that_cannot_be_checked_now_are_neither_good_nor_bad() {
    let known = Known::new(None);
    known.down.store(true, Ordering::Relaxed);
    let cached = Arc::new(CachedAuthenticator::new(
        known.clone(),
        Arc::new(MockClock::new(now())),
    ));
    let served = served(cached).await;
    let (status, document, _) = get_with(&served, "/read", Some("Bearer good")).await;
    assert_eq!(status, 503);
    assert!(!document.to_string().contains("connection refused"));
    known.down.store(false, Ordering::Relaxed);
    assert_eq!(
        get_with(&served, "/read", Some("Bearer good")).await.0,
        200,
        "a failure was remembered"
    );
}

fn cached(known: &Arc<Known>, clock: Arc<MockClock>) -> CachedAuthenticator {
    CachedAuthenticator::with_lifetimes(
        known.clone(),
        clock,
        Duration::from_millis(300),
        Duration::from_millis(100),
    )
}

#[tokio::test]
async fn an_answer_is_remembered_for_its_time_and_no_longer() {
    let known = Known::new(None);
    let cached = cached(&known, Arc::new(MockClock::new(now())));
    for _ in 0..5 {
        assert!(cached.authenticate("good").await.is_ok());
        assert!(matches!(
            cached.authenticate("bad").await,
            Err(AuthFault::Invalid)
        ));
    }
    assert_eq!(known.asked(), 2);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(cached.authenticate("bad").await.is_err());
    assert_eq!(known.asked(), 3, "a refusal is forgotten first");
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(cached.authenticate("good").await.is_ok());
    assert_eq!(known.asked(), 4);
}

#[tokio::test]
async fn a_remembered_credential_does_not_outlive_its_expiry() {
    let clock = Arc::new(MockClock::new(now()));
    let known = Known::new(Some(now() + Duration::from_secs(60)));
    let cached = CachedAuthenticator::new(known.clone(), clock.clone());
    assert!(cached.authenticate("good").await.is_ok());
    clock.advance(time::Duration::seconds(61));
    assert!(matches!(
        cached.authenticate("good").await,
        Err(AuthFault::Invalid)
    ));
    assert_eq!(known.asked(), 1);
}

#[tokio::test]
async fn a_revocation_in_this_process_is_remembered_at_once() {
    let (known, epoch) = (Known::new(None), Epoch::default());
    let clock = Arc::new(MockClock::new(now()));
    let cached = CachedAuthenticator::new(known.clone(), clock).within(epoch.clone());
    for _ in 0..3 {
        assert!(cached.authenticate("good").await.is_ok());
    }
    assert_eq!(known.asked(), 1);
    epoch.advance();
    assert!(cached.authenticate("good").await.is_ok());
    assert_eq!(known.asked(), 2, "what was known before was used after");
}

#[tokio::test]
async fn many_at_once_are_one_question() {
    let known = Known::new(None);
    let cached = cached(&known, Arc::new(MockClock::new(now())));
    let all = futures::future::join_all((0..50).map(|_| cached.authenticate("good"))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(known.asked(), 1);
}
