//! A private PostgreSQL server: its own port on loopback, its own temporary folder, gone with its owner.
//!
//! A shell watches a pipe from this process; when the pipe closes, whether by [`Drop`], by the end of the process
//! or by `kill -9`, it stops the server and removes the folder. So a server in a `static`
//! ([`Postgres::shared`]) does not outlive the test binary either.
//!
//! On one server an open transaction that has written holds back the change feeds of all databases. Tests that
//! keep transactions open on purpose, or stop the server, start their own.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::spawn_blocking, time::sleep};

use crate::process::{children_of, find_program, is_alive, is_root, send_signal};

/// How long the server may take to start, which includes waiting for the remains of a killed one.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the processes of a stopped or killed server may take to go.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A free port may be taken by another process before the server binds it.
const PORT_ATTEMPTS: u32 = 5;

/// `$1` the server's data folder, `$2` the folder to remove. A recorded pid is believed only while that process
/// works in the data folder: after a `kill -9` the number may belong to another.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
read -r _
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1" ]; then
    kill -QUIT "$pid"
    n=0
    while [ "$n" -lt 50 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
    kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$2"
"#;

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
                Err(_) if server.log_tail().contains("could not bind") => server.port = free_port()?,
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
            // some may have left meanwhile
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
        // in a session of its own, so that it survives a signal to the group of the tests
        let watchdog = Command::new("setsid")
            .args(["sh", "-c", WATCHDOG, "gigvault-pg-watchdog"])
            .args([&data, &folder])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            scratch,
            port: free_port()?,
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
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""]);
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

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A program of PostgreSQL: from the folder in `GIGVAULT_POSTGRES_BIN`, or where Debian puts them (the newest
/// version; its wrappers on the path are slow), or from the path.
fn program(name: &str) -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let wanted = std::env::var_os("GIGVAULT_POSTGRES_BIN").map(PathBuf::from);
    let folders = wanted
        .into_iter()
        .chain(versions.into_iter().map(|(_, folder)| folder));
    find_program(name, folders).with_context(|| format!("{name} not found: install postgresql"))
}

/// A command that runs as the current user, or as `postgres` for root, as whom PostgreSQL refuses to run.
fn as_server_user(name: &str, folder: &Path) -> Result<Command> {
    let program = program(name)?;
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    Ok(command)
}

/// Lets the user `postgres` make its data folder here.
fn make_accessible(folder: &Path) -> Result<()> {
    if is_root() {
        let status = Command::new("chown").arg("postgres").arg(folder).status()?;
        ensure!(
            status.success(),
            "cannot give {} to user postgres",
            folder.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_comes_back_after_a_crash_with_what_it_had() {
        let server = Postgres::start_with(Options {
            fsync: true,
            ..Options::default()
        })
        .await
        .unwrap();
        let url = server.fresh_database().await.unwrap();
        server
            .sql_in(&url, "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)")
            .await
            .unwrap();
        let pid = server.pid().unwrap();
        server.kill().await.unwrap();
        assert_eq!(server.pid(), None);
        server.sql_in(&url, "SELECT n FROM t").await.unwrap_err();
        server.resume().await.unwrap();
        assert_ne!(server.pid(), Some(pid));
        assert_eq!(server.sql_in(&url, "SELECT n FROM t").await.unwrap(), "7");
    }

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing() {
        let server = Postgres::start().await.unwrap();
        let (pid, folder) = (server.pid().unwrap(), server.scratch.path().to_owned());
        assert!(folder.exists());
        drop(server);
        assert!(!is_alive(pid));
        assert!(!folder.exists());
    }

    /// Set in the process that the next test starts.
    const CHILD: &str = "TESTKIT_CHILD_WITH_SERVER";

    /// Not a test of its own: starts a server, tells where it is, and waits to be killed.
    #[tokio::test]
    async fn child_process() {
        if std::env::var_os(CHILD).is_some() {
            let server = Postgres::start().await.unwrap();
            println!(
                "\nserver {} {}",
                server.pid().unwrap(),
                server.scratch.path().display()
            );
            sleep(START_TIMEOUT).await;
        }
    }

    #[test]
    fn a_server_does_not_outlive_an_owner_that_is_killed() {
        use std::io::{BufRead, BufReader};

        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres::tests::child_process", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(owner.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let line = lines
            .into_iter()
            .find(|line| line.starts_with("server "))
            .unwrap();
        let [_, pid, folder] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let pid = pid.parse().unwrap();
        assert!(is_alive(pid) && Path::new(folder).exists());

        owner.kill().unwrap();
        owner.wait().unwrap();
        let deadline = Instant::now() + STOP_TIMEOUT;
        while is_alive(pid) || Path::new(folder).exists() {
            assert!(Instant::now() < deadline, "PostgreSQL outlives its owner");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
