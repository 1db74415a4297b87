//! What callers use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use kit::config::{SettingFault, refuse_first};
use redis_client::{Cmd, FromRedisValue, RedisError};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use vocabulary::metric;

use crate::config::Config;
use crate::error::Error;
use crate::keeper::{Live, Shared};

/// Longest answer but for the value in it: `OK`, or why not.
const SHORT_ANSWER: usize = 4096;

/// The connection of this process; clones share it, and it ends with the last of them.
#[derive(Clone)]
pub struct Redis(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
    /// Commands that the server refused the last time, and why.
    refused: Mutex<BTreeMap<&'static str, String>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Whether it is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// To this address.
    Connected(String),
    /// For this reason it is not.
    Down(String),
}

impl Redis {
    /// Begins to connect, in the background: that there is no server keeps nothing from starting. Nothing if the configuration has
    /// no address. To be called in a Tokio runtime.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn new(config: Config) -> Result<Option<Self>, SettingFault> {
        refuse_first(config.check())?;
        if !config.is_used() {
            return Ok(None);
        }
        let shared = Arc::new(Shared::new(config));
        let keeps = Arc::clone(&shared);
        let keeper = tokio::spawn(async move { keeps.keep().await });
        Ok(Some(Self(Arc::new(Handle {
            shared,
            keeper,
            refused: Mutex::default(),
        }))))
    }

    /// Whether it is connected at the moment.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.0.shared.state() {
            Ok(address) => Status::Connected(address),
            Err(cause) => Status::Down(cause),
        }
    }

    /// Commands that the server refused when they were last asked of it, such as `set: NOPERM …`: it is connected, and of no use.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        let refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<String> = refused
            .iter()
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Logs a refusal where the time before there was none.
    fn note(&self, name: &'static str, refusal: Option<String>) {
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match &refusal {
            Some(why) => refused.insert(name, why.clone()),
            None => refused.remove(name),
        };
        match (before.is_some(), refusal) {
            (false, Some(cause)) => tracing::warn!(command = name, cause, "Redis refuses a command"),
            (true, None) => tracing::info!(command = name, "Redis does what it is asked again"),
            _ => {}
        }
    }

    /// The value of a key, if it has one, of `most` octets at most. No more than that is read of a longer one.
    ///
    /// # Errors
    /// [`Error`]: within the time of the configuration, at once while there is no connection.
    pub async fn get(&self, key: &str, most: usize) -> Result<Option<Bytes>, Error> {
        let mut command = redis_client::cmd("GETRANGE");
        command.arg(self.key(key)).arg(0).arg(most);
        // One octet more than it may have tells a longer one.
        let longest = SHORT_ANSWER + most + 1;
        let value: Vec<u8> = self.ask("get", command, longest).await?;
        match value.len() {
            // A key that is not there; nothing that is put there is empty.
            0 => Ok(None),
            length if length > most => Err(Error::TooLong(most)),
            _ => Ok(Some(Bytes::from(value))),
        }
    }

    /// Puts a value there for this long, in the place of another.
    ///
    /// # Errors
    /// As [`get`](Self::get). It may be there all the same.
    pub async fn set(&self, key: &str, value: &[u8], life: Duration) -> Result<(), Error> {
        let mut command = redis_client::cmd("SET");
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1);
        command.arg(self.key(key)).arg(value).arg("PX").arg(life);
        self.ask("set", command, SHORT_ANSWER).await
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.0.shared.config.prefix)
    }

    async fn ask<T: FromRedisValue + Send + 'static>(
        &self,
        name: &'static str,
        command: Cmd,
        longest: usize,
    ) -> Result<T, Error> {
        let answer = self.try_ask(command, longest).await;
        let result = answer.as_ref().map_or_else(Error::label, |_| "ok");
        match &answer {
            Ok(_) => self.note(name, None),
            Err(Error::Refused(error)) => self.note(name, Some(error.to_string())),
            // Of these the connection tells.
            Err(Error::Down | Error::Late(_) | Error::TooLong(_)) => {}
        }
        metrics::counter!(metric::REDIS_COMMANDS_TOTAL, "command" => name, "result" => result).increment(1);
        answer
    }

    async fn try_ask<T: FromRedisValue + Send + 'static>(
        &self,
        command: Cmd,
        longest: usize,
    ) -> Result<T, Error> {
        let live = self.0.shared.live().ok_or(Error::Down)?;
        let patience = self.0.shared.config.timeout();
        // A caller that goes away in the meantime leaves a command whose answer arrives, and is expected.
        let asked = tokio::spawn(async move {
            let _asked = live.allowance.ask(longest);
            live.ask(command, patience).await
        });
        asked.await.unwrap_or(Err(Error::Down))
    }
}

impl Live {
    async fn ask<T: FromRedisValue>(&self, command: Cmd, patience: Duration) -> Result<T, Error> {
        let mut connection = self.connection.clone();
        match timeout(patience, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if is_lost(&error) {
                    self.give_up();
                }
                Err(Error::Refused(error))
            }
            Err(_elapsed) => {
                self.give_up();
                Err(Error::Late(patience))
            }
        }
    }
}

/// Whether another connection may do better: this one is broken, or leads to a server that is not the master any more.
fn is_lost(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_io_error()
        || matches!(
            error.code(),
            Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH")
        )
}
