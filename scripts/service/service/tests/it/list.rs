//! Lists of items.

use proto::sample::v1::ListRequest;
use testkit::on_both_databases;
use tonic::Code;

use crate::world::World;

on_both_databases!(pages_follow_each_other, damaged_items_hide_no_other);

async fn pages_follow_each_other(world: World) {
    for name in ["a", "b", "c"] {
        world.add(name).await;
    }
    let mut client = world.client("audit");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.list(ListRequest { limit: 2, cursor }).await.unwrap().into_inner();
        seen.extend(page.items.into_iter().map(|item| item.name));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["a", "b", "c"]);
    let refused = world.client("ra").list(ListRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

async fn damaged_items_hide_no_other(world: World) {
    for name in ["a", "B C", "D E", "z"] {
        world.add(name).await;
    }
    let mut client = world.client("audit");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.list(ListRequest { limit: 1, cursor }).await.unwrap().into_inner();
        seen.extend(page.items.into_iter().map(|item| item.name));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["a", "z"]);
}
