//! How much a caller may have signed.

use futures::{StreamExt, stream};
use keymgr::Config;
use kit::transport::streamed;
use proto::keymgr::v1::SignCrlRequest;
use proto::keymgr::v1::sign_crl_request::Part;
use tonic::Code;

use super::{Issuer, entry, sign_crl};
use crate::structures::crl_spec;
use crate::world::World;

#[tokio::test]
async fn a_caller_has_a_few_lists_at_once() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let (asked, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let under_way: Vec<_> = (0..4)
        .map(|_| {
            let (start, asked) = (issuer.start(), asked.clone());
            let mut client = running.client("crl");
            tokio::spawn(async move {
                let first = SignCrlRequest {
                    part: Some(Part::Start(start)),
                };
                // What comes second is asked for when the first was taken.
                let second = stream::once(async move {
                    asked.send(()).unwrap();
                    std::future::pending().await
                });
                client
                    .sign_crl(streamed(stream::iter([first]).chain(second)))
                    .await
            })
        })
        .collect();
    for _ in 0..4 {
        begun.recv().await.unwrap();
    }
    let list = || sign_crl(&running, "crl", issuer.start(), [issuer.list(&[])]);
    let refused = loop {
        // The last of them may be on its way still.
        match list().await {
            Err(refused) => break refused,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.metadata().get("gigvault-retry-after-ms").is_some());
    for call in under_way {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    list().await.unwrap();
}

#[tokio::test]
async fn a_key_signs_no_more_lists_than_its_rate_allows() {
    let mut world = World::sqlite();
    world.config = Config {
        max_signatures_per_second: 1,
        ..world.config
    };
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let list = || sign_crl(&running, "crl", issuer.start(), [issuer.list(&[])]);
    let all = futures::future::join_all((0..4).map(|_| list())).await;
    let refused: Vec<_> = all.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty());
    for refused in refused {
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(
            refused.message().contains("max_signatures_per_second"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn ed25519_signs_lists_up_to_a_bound_that_it_names() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "ed25519").await;
    let mut layout = crl_spec(issuer.algorithm).layout().unwrap();
    let entries = 430_000;
    (0..entries).for_each(|number| layout.add(&entry(number)).unwrap());
    let mut out = Vec::new();
    let mut writer = layout.begin(&mut out).unwrap();
    (0..entries).for_each(|number| writer.entry(&entry(number), &mut out).unwrap());
    writer.finish(&mut out).unwrap();
    assert!(out.len() > 16 * 1024 * 1024, "{}", out.len());
    let pieces = out.chunks(1024 * 1024).map(<[u8]>::to_vec);
    let refused = sign_crl(&running, "crl", issuer.start(), pieces)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert!(refused.message().contains("more than 16 MiB"), "{refused:?}");
}
