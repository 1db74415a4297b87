//! A real PgBouncer in front of a server of a test, with the settings that its package ships but for addresses,
//! users and what the test asks for.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::port;
use crate::postgres::{Postgres, make_accessible};
use crate::process::{find_program, is_root};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Ends PgBouncer when the pipe from this process closes, whatever closes it.
const RUN: &str = r#"
"$0" -q "$1" &
pid=$!
read -r _
kill -KILL "$pid"
wait "$pid" 2>/dev/null
"#;

/// A running PgBouncer. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct PgBouncer {
    scratch: TempDir,
    port: u16,
    shell: Child,
}

impl PgBouncer {
    /// Starts one with further lines of its `[pgbouncer]` section, such as `pool_mode = transaction`.
    ///
    /// # Errors
    /// When PgBouncer is not installed, or does not take connections.
    pub fn start(server: &Postgres, settings: &str) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("gigvault-pgbouncer-").tempdir()?;
        let folder = fs::canonicalize(scratch.path())?;
        make_accessible(&folder)?;
        let port = port::unused()?;
        fs::write(folder.join("users"), "\"postgres\" \"\"\n")?;
        let mut ini = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\n",
            server.port()
        );
        writeln!(
            ini,
            "listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir ="
        )?;
        writeln!(
            ini,
            "auth_type = trust\nauth_file = {}",
            folder.join("users").display()
        )?;
        writeln!(ini, "logfile = {}\n{settings}", folder.join("log").display())?;
        fs::write(folder.join("pgbouncer.ini"), ini)?;
        let shell = run(&folder.join("pgbouncer.ini"))?;
        let bouncer = Self { scratch, port, shell };
        bouncer.until_it_answers()?;
        Ok(bouncer)
    }

    /// The URL of the same database through PgBouncer.
    #[must_use]
    pub fn url(&self, direct: &str) -> String {
        let database = direct.rsplit('/').next().unwrap_or_default();
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Breaks off every connection, and takes new ones at the same place.
    ///
    /// # Errors
    /// When it does not start again.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        self.shell = run(&fs::canonicalize(self.scratch.path())?.join("pgbouncer.ini"))?;
        self.until_it_answers()
    }

    fn until_it_answers(&self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = || fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
            ensure!(Instant::now() < deadline, "PgBouncer does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn end(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.end();
    }
}

/// As root it would not run, and as who owns the folder it can write its log.
fn run(ini: &std::path::Path) -> Result<Child> {
    let program = find_program("pgbouncer", [PathBuf::from("/usr/sbin")])
        .context("pgbouncer not found: install the package of that name")?;
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.arg("-c").arg(RUN).arg(program).arg(ini).current_dir("/");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().context("cannot start PgBouncer")
}
