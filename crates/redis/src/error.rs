//! Why Redis did not do what it was asked.

use std::time::Duration;

/// A command that failed. Its caller goes on without.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection at the moment: nothing was asked.
    #[error("there is no connection to Redis")]
    Down,
    /// The answer was not there in time. The connection was given up.
    #[error("Redis did not answer within {0:?}")]
    Late(Duration),
    /// Redis refused the command, or the connection broke.
    #[error("Redis did not do what it was asked")]
    Refused(#[source] redis_client::RedisError),
    /// What is stored there is longer than anything that its reader puts there.
    #[error("a value in Redis is longer than {0} octets")]
    TooLong(usize),
}

impl Error {
    /// Label of the metric.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Late(_) => "late",
            Self::Refused(_) | Self::TooLong(_) => "refused",
        }
    }
}

/// There is no connection, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("no connection to {address}")]
    Connect {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{address} did not answer in time")]
    Late { address: String },
    #[error("{address} closed the connection before it answered")]
    Closed { address: String },
    #[error("{address} refuses this process, or is not a Redis server")]
    Refused {
        address: String,
        #[source]
        source: redis_client::RedisError,
    },
    #[error("{address} is not the master: its role is {role}")]
    NotMaster { address: String, role: String },
    #[error("no Sentinel knows a master that is called {master}")]
    NoMaster {
        master: String,
        #[source]
        source: Option<Box<DialError>>,
    },
    #[error("{0} is another machine, and without redis.tls the password would be sent to it in the clear")]
    Clear(String),
    #[error("redis.tls cannot be used")]
    Tls(#[from] TlsFault),
    #[error("the files of redis.tls could not be read")]
    Reader(#[source] tokio::task::JoinError),
    #[error("{0} is not a name or an address that a certificate could have")]
    Name(String),
}

/// Files of `redis.tls` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFault {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("{path}: no PEM block of a {what} can be read")]
    Pem { path: String, what: &'static str },
    #[error("redis.tls.certificate and redis.tls.key go together; one of them is missing")]
    Half,
    #[error("rustls does not take them")]
    Unusable(#[from] rustls::Error),
}
