//! Lists are made with the fewest connections that a process can have.

use testkit::database::TestDatabase;
use testkit::{PgBouncer, Postgres, on_both_databases};

use crate::world::World;

on_both_databases!(few_connections_make_all_lists);

async fn few_connections_make_all_lists(world: World) {
    makes_all(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn few_connections_through_a_pooler_make_all_lists() {
    for mode in ["transaction", "session"] {
        let server = Postgres::start().await.unwrap();
        let settings = format!("pool_mode = {mode}");
        let pooler = PgBouncer::start(&server, &settings).unwrap();
        let database = TestDatabase::of(&server).await.unwrap();
        let url = pooler.url(database.url());
        makes_all(World::through(database, &url).await).await;
    }
}

/// With two connections a list that is written leaves one; with three, two lists are written at a time.
async fn makes_all(mut world: World) {
    let mut entries = 0;
    for (connections, shards) in [(2, 0), (3, 0), (2, 4), (3, 4), (4, 4)] {
        world.connections = Some(connections);
        world.ca.set_shards(shards);
        let process = world.start().await;
        for round in 0..2 {
            for shard in 0..=shards {
                let serial = format!("{connections}{shards}{round}{shard}");
                world.ca.revoke(&serial, "key-compromise", shard);
            }
            entries += 1;
            // Whatever other shards do, that of everything has one more each time.
            let complete = world.complete_with(entries).await;
            world
                .published(|list| list.kind == "delta" && list.shard == 0 && list.number >= complete.number)
                .await;
            let before = entries_before(connections, shards);
            for shard in 1..=shards {
                let wanted = before + round + 1;
                world
                    .published(|list| {
                        list.kind == "complete" && list.shard == shard && list.entries == wanted
                    })
                    .await;
            }
        }
        process.stop().await;
    }
}

/// Entries of a shard from runs with fewer connections.
fn entries_before(connections: u32, shards: u32) -> u64 {
    match (connections, shards) {
        (3, 4) => 2,
        (4, 4) => 4,
        _ => 0,
    }
}
