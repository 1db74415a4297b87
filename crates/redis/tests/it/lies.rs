//! Servers that are not Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Redis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::{connect, eventually, of, until_connected, until_down};

/// What a connection takes in before it ends, at most: what the systems on both sides keep, and some.
const MOST: usize = 32 * 1024 * 1024;

/// What the server does once it has said that it is the master.
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    /// Sends a value without a command, and does not end it.
    Unasked,
    /// Answers with such a value.
    Endless,
    /// Answers with a list in a list, and so on.
    Nested,
    /// Answers in truth, once that is wanted.
    None,
}

struct Liar {
    address: String,
    /// Octets that it got rid of.
    sent: Arc<AtomicUsize>,
    /// Has a permit for each answer, true or not.
    wanted: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl Liar {
    async fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let liar = Self {
            address: listener.local_addr().unwrap().to_string(),
            sent: Arc::default(),
            wanted: Arc::new(Semaphore::new(0)),
            asked: Arc::new(Semaphore::new(0)),
        };
        let (sent, wanted, asked) = (
            Arc::clone(&liar.sent),
            Arc::clone(&liar.wanted),
            Arc::clone(&liar.asked),
        );
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let _ended = serve(stream, lie, &sent, (&wanted, &asked)).await;
            // Those that follow are not answered: the cause of this end is there until they are given up.
            std::future::pending::<()>().await;
            drop(listener);
        });
        liar
    }
}

async fn serve(
    mut stream: TcpStream,
    lie: Lie,
    sent: &AtomicUsize,
    (wanted, asked): (&Semaphore, &Semaphore),
) -> std::io::Result<()> {
    let mut command = vec![0; 4096];
    loop {
        // Commands are short, and the next is sent when this one is answered.
        let length = stream.read(&mut command).await?;
        if length == 0 {
            return Ok(());
        }
        let command = command.get(..length).unwrap_or_default();
        if String::from_utf8_lossy(command).contains("ROLE") {
            stream.write_all(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n").await?;
            if lie != Lie::Unasked {
                continue;
            }
        }
        asked.add_permits(1);
        wanted.acquire().await.unwrap().forget();
        let (first, more) = match lie {
            Lie::Unasked | Lie::Endless => ("$9000000000\r\n", "x"),
            Lie::Nested => ("*1\r\n", "*1\r\n"),
            Lie::None => {
                stream.write_all(b"$5\r\ntruth\r\n").await?;
                continue;
            }
        };
        stream.write_all(first.as_bytes()).await?;
        let more = more.repeat(16 * 1024);
        // What takes all of this would take more.
        while sent.load(Ordering::Relaxed) < 2 * MOST {
            stream.write_all(more.as_bytes()).await?;
            sent.fetch_add(more.len(), Ordering::Relaxed);
        }
    }
}

async fn cause_of_end(redis: &Redis, what: &str) {
    eventually(what, async || until_down(redis).await.contains(what)).await;
}

#[tokio::test]
async fn what_answers_no_command_ends_the_connection() {
    let liar = Liar::start(Lie::Unasked).await;
    let redis = connect(of(liar.address.clone()));
    until_connected(&redis).await;
    liar.wanted.add_permits(1);
    cause_of_end(&redis, "sent octets that answer nothing").await;
    let sent = liar.sent.load(Ordering::Relaxed);
    assert!(sent < MOST, "{sent} octets were taken");
}

#[tokio::test]
async fn an_answer_that_is_longer_than_any_ends_the_connection() {
    for lie in [Lie::Endless, Lie::Nested] {
        let liar = Liar::start(lie).await;
        let redis = connect(of(liar.address.clone()));
        until_connected(&redis).await;
        liar.wanted.add_permits(1);
        assert!(redis.get("a", 1000).await.is_err());
        if lie == Lie::Endless {
            cause_of_end(&redis, "sent a longer answer").await;
        }
        let sent = liar.sent.load(Ordering::Relaxed);
        assert!(sent < MOST, "{sent} octets were taken");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_costs_no_connection() {
    let liar = Liar::start(Lie::None).await;
    let redis = connect(of(liar.address.clone()));
    until_connected(&redis).await;
    let asking = tokio::spawn({
        let redis = redis.clone();
        async move { redis.get("a", 1000).await }
    });
    liar.asked.acquire().await.unwrap().forget();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    liar.wanted.add_permits(2);
    assert_eq!(
        redis.get("a", 1000).await.unwrap().as_deref(),
        Some(&b"truth"[..])
    );
    assert_eq!(until_connected(&redis).await, liar.address);
}
