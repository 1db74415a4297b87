//! Lists in pages.

use kit::service::Verdict;
use proto::keymgr::v1::{ListRequest, Purpose};
use testkit::on_both_databases;
use tonic::Code;

use crate::world::World;

on_both_databases!(
    pages_hold_every_key_once_by_name,
    a_damaged_key_is_named_and_hides_no_other,
    many_damaged_keys_are_read_once_and_a_few_of_them_named,
);

async fn pages_hold_every_key_once_by_name(world: World) {
    let running = world.start().await;
    let names = ["b", "a-2", "c.1", "a-1", "d", "a_3", "0"];
    for name in names {
        running
            .generate(name, "ed25519", Purpose::CertificateAuthority)
            .await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = ListRequest { limit: 3, cursor };
        let page = running.client("ca").list(request).await.unwrap().into_inner();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|key| key.name));
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let mut sorted = names.map(str::to_owned).to_vec();
    sorted.sort();
    seen.sort();
    assert_eq!(seen, sorted);
}

#[tokio::test]
async fn an_empty_list_has_one_page_and_bad_paging_is_refused() {
    let world = World::sqlite();
    let running = world.start().await;
    let list = |limit, cursor: &str| {
        let (mut client, cursor) = (running.client("ca"), cursor.to_owned());
        async move { client.list(ListRequest { limit, cursor }).await }
    };
    let empty = list(0, "").await.unwrap().into_inner();
    assert!(empty.items.is_empty() && empty.next_cursor.is_empty());
    assert_eq!(list(501, "").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(
        list(1, "tampered").await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

async fn a_damaged_key_is_named_and_hides_no_other(world: World) {
    let running = world.start().await;
    for name in ["a", "b", "c", "d"] {
        running
            .generate(name, "ed25519", Purpose::CertificateAuthority)
            .await;
    }
    let damage = "UPDATE keys SET spki = $1 WHERE name IN ('b', 'c')";
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(damage)
        .bind(vec![0_u8])
        .execute(c)
        .await
        .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    let list = async |cursor: String| {
        let page = running.client("ca").list(ListRequest { limit: 1, cursor }).await;
        let page = page.unwrap().into_inner();
        (page.items[0].name.clone(), page.next_cursor)
    };
    let (first, next) = list(String::new()).await;
    let (second, end) = list(next).await;
    assert_eq!((&*first, &*second, &*end), ("a", "d", ""));
    let checks = running.keymgr.service().doctor;
    let check = checks.iter().find(|check| check.name == "stored keys");
    let found = check.unwrap().look().await;
    assert_eq!(found.verdict, Verdict::Failed);
    let named = "what the database holds of key b is damaged: spki cannot be read";
    assert!(found.detail.contains(named), "{found:?}");
    assert!(found.fix.starts_with("restore these columns"), "{found:?}");
}

async fn many_damaged_keys_are_read_once_and_a_few_of_them_named(world: World) {
    let running = world.start().await;
    running
        .generate("z", "ed25519", Purpose::CertificateAuthority)
        .await;
    let copy = "INSERT INTO keys (name, purpose, backend, spki, handle, created_us)
                SELECT $1, purpose, backend, $2, handle, created_us FROM keys WHERE name = 'z'";
    let mut tx = running.db.begin().await.unwrap();
    for number in 0..600 {
        store::tx!(&mut tx, |c| sqlx::query(copy)
            .bind(format!("a{number:04}"))
            .bind(vec![0_u8])
            .execute(c)
            .await
            .map(drop))
        .unwrap();
    }
    tx.commit().await.unwrap();
    let request = ListRequest {
        limit: 1,
        cursor: String::new(),
    };
    let page = running.client("ca").list(request).await.unwrap().into_inner();
    assert_eq!((&*page.items[0].name, &*page.next_cursor), ("z", ""));
    let checks = running.keymgr.service().doctor;
    let check = checks.iter().find(|check| check.name == "stored keys");
    let found = check.unwrap().look().await;
    assert!(
        found.detail.contains("key a0000 is damaged") && found.detail.ends_with("and 595 more"),
        "{found:?}"
    );
    assert!(found.detail.len() < 1000, "{found:?}");
}
