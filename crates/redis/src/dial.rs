//! One connection: where the master is, TCP, TLS, password, and whether it is the master.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis_client::aio::MultiplexedConnection;
use redis_client::{AsyncConnectionConfig, FromRedisValue, RedisConnectionInfo, RedisError};
use rustls_pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{Config, host_and_port, is_loopback};
use crate::error::DialError;
use crate::guard::{Allowance, Guarded};
use crate::tls;

/// Longest wait for TCP, and for TLS and password.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest answer while a connection is set up. To `ROLE`, a master names its replicas.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Moves octets for as long as the connection lasts.
type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that has answered.
pub(crate) struct Dialed {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) driver: Driver,
    pub(crate) allowance: Allowance,
    pub(crate) address: String,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to the server, or to the master that a Sentinel names.
pub(crate) async fn dial(config: &Config) -> Result<Dialed, DialError> {
    let tls = match config.tls.clone() {
        None => None,
        Some(tls) => {
            // The files are read, which a slow disk makes slow.
            let read = tokio::task::spawn_blocking(move || tls::client(&tls)).await;
            Some(TlsConnector::from(Arc::new(read.map_err(DialError::Reader)??)))
        }
    };
    let address = match &config.sentinel {
        None => config.addresses.first().cloned().unwrap_or_default(),
        Some(_) => master(config, tls.as_ref()).await?,
    };
    let login = login(&config.username, config.password.as_ref());
    let mut dialed = open(&address, tls.as_ref(), &login).await?;
    // As quick as callers will want it.
    let role: Vec<redis_client::Value> =
        ask(&mut dialed, redis_client::cmd("ROLE"), config.timeout()).await?;
    let role = role
        .first()
        .and_then(|role| String::from_redis_value_ref(role).ok());
    match role.as_deref() {
        Some("master") => Ok(dialed),
        role => Err(DialError::NotMaster {
            address,
            role: role.unwrap_or("unknown").to_owned(),
        }),
    }
}

/// Where the master is, by the first Sentinel that knows.
async fn master(config: &Config, tls: Option<&TlsConnector>) -> Result<String, DialError> {
    let Some(sentinel) = &config.sentinel else {
        return Ok(String::new());
    };
    let login = login(&sentinel.username, sentinel.password.as_ref());
    let mut last = None;
    for address in &config.addresses {
        let asked = async {
            let mut dialed = open(address, tls, &login).await?;
            let mut command = redis_client::cmd("SENTINEL");
            command.arg("get-master-addr-by-name").arg(&sentinel.master);
            ask::<Option<(String, u16)>>(&mut dialed, command, PATIENCE).await
        };
        match asked.await {
            Ok(Some((host, port))) if host.contains(':') => return Ok(format!("[{host}]:{port}")),
            Ok(Some((host, port))) => return Ok(format!("{host}:{port}")),
            Ok(None) => {}
            Err(error) => last = Some(Box::new(error)),
        }
    }
    Err(DialError::NoMaster {
        master: sentinel.master.clone(),
        source: last,
    })
}

fn login(username: &str, password: Option<&kit::config::Secret>) -> RedisConnectionInfo {
    // Names of client libraries are of no use to anybody here.
    let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
    if !username.is_empty() {
        login = login.set_username(username);
    }
    match password {
        Some(password) => login.set_password(password.expose_secret()),
        None => login,
    }
}

async fn open(
    address: &str,
    tls: Option<&TlsConnector>,
    login: &RedisConnectionInfo,
) -> Result<Dialed, DialError> {
    if login.password().is_some() && tls.is_none() && !is_loopback(address) {
        return Err(DialError::Clear(address.to_owned()));
    }
    let late = || DialError::Late {
        address: address.to_owned(),
    };
    let stream = timeout(PATIENCE, connect(address, tls)).await;
    let stream = stream.map_err(|_| late())??;
    // Callers have deadlines of their own.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let allowance = Allowance::default();
    let stream = Guarded::new(stream, allowance.clone());
    let _asked = allowance.ask(LONGEST_ANSWER);
    let set_up = MultiplexedConnection::new_with_config(login, stream, config);
    let (connection, driver) = timeout(PATIENCE, set_up)
        .await
        .map_err(|_| late())?
        .map_err(|source| refused(address, source))?;
    Ok(Dialed {
        connection,
        driver: Box::pin(driver),
        allowance,
        address: address.to_owned(),
    })
}

async fn connect(address: &str, tls: Option<&TlsConnector>) -> Result<Box<dyn Stream>, DialError> {
    let failed = |source| DialError::Connect {
        address: address.to_owned(),
        source,
    };
    let unnamed = || DialError::Name(address.to_owned());
    let (host, port) = host_and_port(address).ok_or_else(unnamed)?;
    let tcp = TcpStream::connect((host, port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let Some(tls) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| unnamed())?;
    Ok(Box::new(tls.connect(name, tcp).await.map_err(failed)?))
}

/// Asks a connection that nothing drives yet.
async fn ask<T: FromRedisValue>(
    dialed: &mut Dialed,
    command: redis_client::Cmd,
    patience: Duration,
) -> Result<T, DialError> {
    let Dialed {
        connection,
        driver,
        allowance,
        address,
    } = dialed;
    let _asked = allowance.ask(LONGEST_ANSWER);
    tokio::select! {
        // An answer that is there is read before the end of the connection behind it.
        biased;
        answer = timeout(patience, command.query_async(connection)) => match answer {
            Ok(answer) => answer.map_err(|source| refused(address, source)),
            Err(_elapsed) => Err(DialError::Late { address: address.clone() }),
        },
        () = driver => Err(DialError::Closed { address: address.clone() }),
    }
}

fn refused(address: &str, source: RedisError) -> DialError {
    let address = address.to_owned();
    match source.is_connection_dropped() {
        true => DialError::Closed { address },
        false => DialError::Refused { address, source },
    }
}
