//! Lists in pages.

use proto::keymgr::v1::{ListRequest, Purpose};
use testkit::on_both_databases;
use tonic::Code;

use crate::world::World;

on_both_databases!(pages_hold_every_key_once_by_name);

async fn pages_hold_every_key_once_by_name(world: World) {
    let running = world.start().await;
    let names = ["b", "a-2", "c.1", "a-1", "d", "a_3", "0"];
    for name in names {
        running.generate(name, "ed25519", Purpose::OcspSigner).await;
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
