//! Database URLs as PostgreSQL's own clients read them (libpq, "Connection URIs"): several hosts with their ports,
//! IPv6 in brackets, sockets as an encoded host or as `?host=/folder`, `target_session_attrs`.
//!
//! What a URL asks for and this program cannot give is refused by its name: to leave out, say, `channel_binding` would
//! weaken what an operator relies on. No message holds any part of the URL but names of parameters: an unencoded `/` or
//! `@` in a password moves parts of it elsewhere.

use std::fmt::Write as _;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::StoreError;

const PORT: u16 = 5432;
/// How long one host may take to answer, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const MOST_HOSTS: usize = 16;

/// Where to connect to. No `Debug`: it holds the password.
#[derive(Clone)]
pub(crate) struct Target {
    /// One entry a host, in order of preference.
    pub(super) hosts: Vec<PgConnectOptions>,
    /// What a host has to be.
    pub(super) attrs: SessionAttrs,
    /// How long one host may take to answer.
    pub(super) connect_timeout: Duration,
}

/// What a host has to be, as far as a program that writes may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    /// Whatever answers.
    Any,
    /// Takes writes: neither a standby nor read-only by its settings.
    ReadWrite,
    /// Not a standby.
    Primary,
}

impl Target {
    /// Reads a URL that starts with `postgres://` or `postgresql://`.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        Parts::parse(url)?.into_target()
    }

    /// Host and port of each, for messages.
    pub(crate) fn places(&self) -> String {
        let places: Vec<String> = self.hosts.iter().map(place).collect();
        places.join(", ")
    }

    /// The name of the database, where the URL has one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.hosts.first().and_then(PgConnectOptions::get_database)
    }
}

/// Host and port, or the socket, for messages.
pub(super) fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => format!("{}/.s.PGSQL.{}", folder.display(), options.get_port()),
        None if options.get_host().contains(':') => {
            format!("[{}]:{}", options.get_host(), options.get_port())
        }
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[derive(Default)]
struct Parts {
    user: Option<String>,
    password: Option<String>,
    hosts: Vec<String>,
    addresses: Vec<String>,
    /// None: the default port.
    ports: Vec<Option<u16>>,
    database: Option<String>,
    tls: Vec<(&'static str, String)>,
    attrs: Option<SessionAttrs>,
    connect_timeout: Option<Duration>,
}

impl Parts {
    fn parse(url: &str) -> Result<Self, StoreError> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| refused("it must start with postgres://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        if database.contains('@') {
            return Err(refused(
                "there is an @ behind the name of the host; in a password write / as %2F and @ as %40",
            ));
        }
        let mut parts = Self::default();
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        parts.user = not_empty(decode(user)?);
        parts.password = password.map(decode).transpose()?.and_then(not_empty);
        parts.database = not_empty(decode(database)?);
        parts.read_hosts(hosts)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| refused("a parameter behind the ? has no ="))?;
            parts.read_parameter(&decode(key)?, decode(value)?)?;
        }
        Ok(parts)
    }

    fn read_hosts(&mut self, list: &str) -> Result<(), StoreError> {
        if list.is_empty() {
            return Ok(());
        }
        for entry in list.split(',') {
            let (host, port) = match entry.strip_prefix('[') {
                Some(rest) => {
                    let (host, port) = rest.split_once(']').ok_or_else(|| {
                        refused("an IPv6 address has no closing bracket; write it as [::1]")
                    })?;
                    if host.parse::<Ipv6Addr>().is_err() {
                        return Err(refused("what is in brackets is not an IPv6 address"));
                    }
                    (host, port)
                }
                None => match entry.find(':') {
                    Some(at) => entry.split_at(at),
                    None => (entry, ""),
                },
            };
            let port = match port.strip_prefix(':') {
                Some(port) => self::port(port)?,
                None if port.is_empty() => None,
                None => return Err(refused("something other than a port follows an IPv6 address")),
            };
            self.hosts.push(decode(host)?);
            self.ports.push(port);
        }
        Ok(())
    }

    fn read_parameter(&mut self, key: &str, value: String) -> Result<(), StoreError> {
        let tls = |key| (key, value.clone());
        match key {
            "host" => self.hosts = value.split(',').map(str::to_owned).collect(),
            "hostaddr" => self.addresses = value.split(',').map(str::to_owned).collect(),
            "port" => self.ports = value.split(',').map(port).collect::<Result<_, _>>()?,
            "dbname" => self.database = not_empty(value),
            "user" => self.user = not_empty(value),
            "password" => self.password = not_empty(value),
            "sslmode" => self.tls.push(tls("sslmode")),
            "sslrootcert" => self.tls.push(tls("sslrootcert")),
            "sslcert" => self.tls.push(tls("sslcert")),
            "sslkey" => self.tls.push(tls("sslkey")),
            "target_session_attrs" => self.attrs = Some(session_attrs(&value)?),
            "connect_timeout" => self.connect_timeout = connect_timeout(&value)?,
            _ => judge_other(key, &value)?,
        }
        Ok(())
    }

    fn into_target(self) -> Result<Target, StoreError> {
        let hosts = self.hosts()?;
        let ports = match self.ports.as_slice() {
            [] => vec![None; hosts.len()],
            [one] => vec![*one; hosts.len()],
            many if many.len() == hosts.len() => many.to_vec(),
            _ => return Err(refused("there are not as many ports as hosts")),
        };
        let several = hosts.len() > 1;
        let hosts = hosts
            .iter()
            .zip(ports)
            .map(|(host, port)| self.options(host.as_deref(), port))
            .collect::<Result<_, _>>()?;
        let by_default = match several {
            // One of several that takes no writes would be of no use.
            true => SessionAttrs::ReadWrite,
            false => SessionAttrs::Any,
        };
        Ok(Target {
            hosts,
            attrs: self.attrs.unwrap_or(by_default),
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        })
    }

    /// None: the default of the driver.
    fn hosts(&self) -> Result<Vec<Option<String>>, StoreError> {
        let verified = self
            .tls
            .iter()
            .any(|(key, mode)| *key == "sslmode" && mode == "verify-full");
        let given = match (self.hosts.as_slice(), self.addresses.as_slice()) {
            ([], []) => return Ok(vec![None]),
            (hosts, []) => hosts,
            ([], addresses) => addresses,
            (hosts, addresses) if hosts.len() == addresses.len() && !verified => addresses,
            (_, _) if verified => {
                return Err(refused(
                    "host and hostaddr together do not go with sslmode=verify-full; give host alone",
                ));
            }
            _ => return Err(refused("there are not as many host as hostaddr")),
        };
        if given.len() > MOST_HOSTS {
            return Err(refused("it names more than 16 hosts"));
        }
        Ok(given.iter().map(|host| not_empty(host.clone())).collect())
    }

    /// Through a URL of the driver, as only so it looks into the password file.
    fn options(&self, host: Option<&str>, port: Option<u16>) -> Result<PgConnectOptions, StoreError> {
        let mut url = String::from("postgres:///?");
        let mut push = |key: &str, value: &str| {
            // to a String this cannot fail
            let _ = write!(url, "{key}={}&", encode(value));
        };
        if let Some(host) = host {
            push("host", host);
        }
        push("port", &port.unwrap_or(PORT).to_string());
        let values = [
            ("user", &self.user),
            ("password", &self.password),
            ("dbname", &self.database),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                push(key, value);
            }
        }
        let options = PgConnectOptions::from_str(&url).map_err(|_| refused("the driver does not take it"))?;
        self.with_tls(options.extra_float_digits(None))
    }

    fn with_tls(&self, mut options: PgConnectOptions) -> Result<PgConnectOptions, StoreError> {
        let value = |wanted: &str| {
            let found = self.tls.iter().rev().find(|(key, _)| *key == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let mut mode = match value("sslmode") {
            Some(mode) => Some(PgSslMode::from_str(mode).map_err(|_| {
                refused("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full")
            })?),
            None => None,
        };
        match value("sslrootcert") {
            Some("system") if !matches!(mode, None | Some(PgSslMode::VerifyFull)) => {
                return Err(refused("sslrootcert=system goes with sslmode=verify-full only"));
            }
            Some("system") => mode = Some(PgSslMode::VerifyFull),
            Some(file) => {
                options = options.ssl_root_cert(file);
                // as libpq has it: who names a root wants it checked
                if matches!(mode, Some(PgSslMode::Require)) {
                    mode = Some(PgSslMode::VerifyCa);
                }
            }
            None => {}
        }
        if let Some(mode) = mode {
            options = options.ssl_mode(mode);
        }
        if let Some(file) = value("sslcert") {
            options = options.ssl_client_cert(file);
        }
        if let Some(file) = value("sslkey") {
            options = options.ssl_client_key(file);
        }
        Ok(options)
    }
}

fn session_attrs(value: &str) -> Result<SessionAttrs, StoreError> {
    match value {
        "any" => Ok(SessionAttrs::Any),
        "read-write" => Ok(SessionAttrs::ReadWrite),
        "primary" => Ok(SessionAttrs::Primary),
        "read-only" | "standby" | "prefer-standby" => Err(refused(
            "target_session_attrs asks for a server that takes no writes; use read-write or primary",
        )),
        _ => Err(refused(
            "target_session_attrs is none of read-write, primary, any",
        )),
    }
}

/// Seconds; 0 and less stand for the default here, as to wait forever is of no use.
fn connect_timeout(value: &str) -> Result<Option<Duration>, StoreError> {
    let seconds: i32 = value
        .trim()
        .parse()
        .map_err(|_| refused("connect_timeout is not a number of seconds"))?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs))
}

/// Parameters of libpq that nothing here is made for: those that change nothing pass, the others are refused.
fn judge_other(key: &str, value: &str) -> Result<(), StoreError> {
    let harmless = match key {
        "application_name" | "fallback_application_name" | "krbsrvname" | "sslsni" | "sslcompression" => true,
        "keepalives"
        | "keepalives_idle"
        | "keepalives_interval"
        | "keepalives_count"
        | "tcp_user_timeout" => true,
        "client_encoding" => matches!(value.to_ascii_lowercase().as_str(), "utf8" | "utf-8" | "auto"),
        "channel_binding" | "gssencmode" => matches!(value, "disable" | "prefer"),
        "load_balance_hosts" => value == "disable",
        "ssl_min_protocol_version" => matches!(value, "TLSv1" | "TLSv1.1" | "TLSv1.2"),
        "sslnegotiation" => value == "postgres",
        _ => false,
    };
    if harmless {
        return Ok(());
    }
    let advice = match key {
        "options" => "set such things with ALTER ROLE; what GigVault relies on it sets itself",
        "service" | "servicefile" => "write host, port, dbname and user into the URL",
        "passfile" => "name the file in the environment as PGPASSFILE",
        _ => "leave it out, or see the operating guide for what is read",
    };
    let name: String = key.chars().filter(char::is_ascii_graphic).take(40).collect();
    Err(refused(&format!(
        "the parameter {name} is not supported with this value; {advice}"
    )))
}

fn port(text: &str) -> Result<Option<u16>, StoreError> {
    match text {
        "" => Ok(None),
        text => match text.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(refused(
                "a port is not a number from 1 to 65535; write an IPv6 address in brackets, and : / @ in a password as \
                 %3A %2F %40",
            )),
        },
    }
}

fn not_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn refused(reason: &str) -> StoreError {
    StoreError::Configuration(format!("database URL is not a valid postgres:// URL: {reason}"))
}

/// Percent-decoding, RFC 3986 section 2.1; a plus sign is a plus sign.
fn decode(text: &str) -> Result<String, StoreError> {
    let broken = || refused("a % is not followed by two hexadecimal digits; write % itself as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|digit| char::from(digit).to_digit(16))
                .ok_or_else(broken)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| broken())?);
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(refused("it holds bytes that are not text")),
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // to a String this cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
