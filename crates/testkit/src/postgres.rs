//! A private PostgreSQL server: its own port on loopback, its own temporary folder, gone with its owner.
//!
//! A shell watches a pipe from this process; when the pipe closes, whether by [`Drop`], by the end of the process
//! or by `kill -9`, it stops the server and removes the folder. So a server in a `static`
//! ([`Postgres::shared`]) does not outlive the test binary either.
//!
//! On one server an open transaction that has written holds back the change feeds of all databases. Tests that
//! keep transactions open on purpose, or stop the server, start their own.

mod programs;
mod standby;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub(crate) use self::programs::make_accessible;
use self::programs::{as_server_user, program};
use crate::port;
use crate::process::{children_of, is_alive, send_signal};

/// How long the server may take to start, which includes waiting for the remains of a killed one.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the processes of a stopped or killed server may take to go.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A free port may be taken by another process before the server binds it.
const PORT_ATTEMPTS: u32 = 5;

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether commits reach the disk: on for benches and for tests of durability, off for speed.
    pub fsync: bool,
    /// Most connections at once.
    pub max_connections: u32,
    /// Further `name=value` settings of the server.
    pub settings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fsync: false,
            max_connections: 200,
            settings: Vec::new(),
        }
    }
}

/// A running server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub struct Postgres {
    scratch: TempDir,
    port: u16,
    options: Options,
    databases: AtomicU32,
    watchdog: Child,
}

impl Postgres {
    /// Starts a server with the default options.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the message holds the end of its log.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a server.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(options: Options) -> Result<Self> {
        let mut server = spawn_blocking(move || Self::prepare(options)).await??;
        for _ in 0..PORT_ATTEMPTS {
            match server.resume().await {
                Err(_) if server.log_tail().contains("could not bind") => server.port = port::unused()?,
                result => return result.map(|()| server),
            }
        }
        bail!("PostgreSQL found no free port:\n{}", server.log_tail())
    }

    /// The server that all tests of this process share. Take a [`fresh_database`](Self::fresh_database) of it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn shared() -> Result<&'static Self> {
        SHARED.get_or_try_init(Self::start).await
    }

    /// URL of the maintenance database, as superuser `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    #[must_use]
    pub fn socket_folder(&self) -> PathBuf {
        fs::canonicalize(self.scratch.path()).unwrap_or_else(|_| self.scratch.path().to_owned())
    }

    /// URL of the database of that name, whether it exists or not.
    #[must_use]
    pub fn database_url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Makes a database and returns its URL.
    ///
    /// # Errors
    /// When there is one of that name.
    pub async fn database(&self, name: &str) -> Result<String> {
        self.sql(&format!("CREATE DATABASE \"{name}\"")).await?;
        Ok(self.database_url(name))
    }

    /// Makes a database with a name of its own and returns its URL.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn fresh_database(&self) -> Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.database(&format!("test_{number}")).await
    }

    /// Runs statements as superuser in the maintenance database and returns the rows, one a line, columns
    /// separated by `|`.
    ///
    /// # Errors
    /// What psql wrote to standard error.
    pub async fn sql(&self, statements: &str) -> Result<String> {
        self.sql_in("postgres", statements).await
    }

    /// Like [`sql`](Self::sql), in the database of that name or URL.
    ///
    /// # Errors
    /// What psql wrote to standard error.
    pub async fn sql_in(&self, database: &str, statements: &str) -> Result<String> {
        let url = if database.contains("://") {
            database.to_owned()
        } else {
            self.database_url(database)
        };
        let output = tokio::process::Command::new(program("psql")?)
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &url,
                "-c",
                statements,
            ])
            .stdin(Stdio::null())
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// Kills the server and all its backends with SIGKILL and returns when they are gone: a crash.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&self) -> Result<()> {
        let pid = self.pid().context("the server does not run")?;
        let processes = [vec![pid], children_of(pid)].concat();
        for pid in &processes {
            // some may have left in the meantime
            send_signal("KILL", *pid).ok();
        }
        self.wait_until_gone(&processes).await
    }

    /// Stops the server, breaking off what is in progress.
    ///
    /// # Errors
    /// When it does not run, or does not stop.
    pub async fn stop(&self) -> Result<()> {
        let pid = self.pid().context("the server does not run")?;
        send_signal("INT", pid)?;
        self.wait_until_gone(&[pid]).await
    }

    /// Starts the server again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port, and returns
    /// when it takes connections.
    ///
    /// # Errors
    /// When it does not start in time; the message holds the end of its log.
    pub async fn resume(&self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let mut server = self.spawn()?;
            while server.try_wait()?.is_none() {
                if self.answers().await {
                    return Ok(());
                }
                ensure!(
                    Instant::now() < deadline,
                    "PostgreSQL does not answer:\n{}",
                    self.log_tail()
                );
                sleep(Duration::from_millis(20)).await;
            }
            // the shared memory of a killed server is in use until its last process has gone
            let wait = Instant::now() < deadline && !self.log_tail().contains("could not bind");
            ensure!(wait, "PostgreSQL does not start:\n{}", self.log_tail());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The server's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let pid: u32 = fs::read_to_string(self.data().join("postmaster.pid"))
            .ok()?
            .lines()
            .next()?
            .parse()
            .ok()?;
        let works_in = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        (works_in == self.data()).then_some(pid)
    }

    fn prepare(options: Options) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("gigvault-pg-").tempdir()?;
        let folder = fs::canonicalize(scratch.path())?;
        make_accessible(&folder)?;
        let data = folder.join("data");
        let initdb = as_server_user("initdb", &folder)?
            .arg("-D")
            .arg(&data)
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            initdb.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&initdb.stderr)
        );
        let watchdog = programs::watchdog(&data, &folder)?;
        Ok(Self {
            scratch,
            port: port::unused()?,
            options,
            databases: AtomicU32::new(0),
            watchdog,
        })
    }

    fn spawn(&self) -> Result<Child> {
        let folder = fs::canonicalize(self.scratch.path())?;
        let log = fs::File::create(folder.join("log"))?;
        let fsync = if self.options.fsync { "on" } else { "off" };
        let mut command = as_server_user("postgres", &folder)?;
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(&folder);
        let settings = [
            format!("fsync={fsync}"),
            format!("full_page_writes={fsync}"),
            format!("max_connections={}", self.options.max_connections),
            "autovacuum_naptime=10s".to_owned(),
        ];
        for setting in settings.iter().chain(&self.options.settings) {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().context("cannot start PostgreSQL")
    }

    async fn answers(&self) -> bool {
        self.pid().is_some() && self.sql("SELECT 1").await.is_ok()
    }

    async fn wait_until_gone(&self, processes: &[u32]) -> Result<()> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        while processes.iter().any(|pid| is_alive(*pid)) {
            ensure!(
                Instant::now() < deadline,
                "PostgreSQL does not end:\n{}",
                self.log_tail()
            );
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        fs::canonicalize(self.scratch.path())
            .unwrap_or_else(|_| self.scratch.path().to_owned())
            .join("data")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // closing the pipe lets the watchdog go to work; the folder must not be removed before it is done
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

#[cfg(test)]
mod tests;
