//! A private Redis server, and Sentinels that watch over one: own ports on loopback, own folders, gone with their owner.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::port;
use crate::process::{is_alive, send_signal};

const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Name of the master that [`Sentinels`] watch over.
pub const MASTER: &str = "gv";

/// Tells the pid, and ends the server when the pipe from this process closes, whatever closes it.
const RUN: &str = r#"
"$0" "$@" >"$OUT" 2>&1 &
pid=$!
echo "$pid"
read -r _
kill -KILL "$pid"
wait "$pid" 2>/dev/null
"#;

/// A running server. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Redis {
    scratch: TempDir,
    port: u16,
    arguments: Vec<String>,
    /// Of `redis-cli`, to reach it.
    client: Vec<String>,
    process: Process,
}

#[derive(Debug)]
struct Process {
    shell: Child,
    pid: u32,
}

impl Redis {
    /// A server that keeps nothing on disk.
    ///
    /// # Errors
    /// When Redis is not installed, or does not answer; the message holds its log.
    pub fn start() -> Result<Self> {
        Self::start_with(&[], &[])
    }

    /// With further options of `redis-server`, and those of `redis-cli` to reach it by.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(options: &[&str], client: &[&str]) -> Result<Self> {
        let port = port::unused()?;
        let mut arguments: Vec<String> = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .map(str::to_owned)
            .to_vec();
        if !options.contains(&"--tls-port") {
            arguments.extend(["--port".to_owned(), port.to_string()]);
        }
        let replace = |option: &&str| option.replace("PORT", &port.to_string());
        arguments.extend(options.iter().map(replace));
        let scratch = tempfile::Builder::new().prefix("gigvault-redis-").tempdir()?;
        let process = Process::start("redis-server", &arguments, scratch.path())?;
        let server = Self {
            scratch,
            port,
            arguments,
            client: client.iter().map(|option| (*option).to_owned()).collect(),
            process,
        };
        server.until_it_answers()?;
        Ok(server)
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a command answers.
    ///
    /// # Errors
    /// What `redis-cli` wrote.
    pub fn command(&self, command: &[&str]) -> Result<String> {
        ask(self.port, &self.client, command)
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it at the same place, empty.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn resume(&mut self) -> Result<()> {
        self.process = Process::start("redis-server", &self.arguments, self.scratch.path())?;
        self.until_it_answers()
    }

    /// Stops it in its tracks: connections stay open, and nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        send_signal("STOP", self.process.pid)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn go_on(&self) -> Result<()> {
        send_signal("CONT", self.process.pid)
    }

    fn until_it_answers(&self) -> Result<()> {
        self.process.until(self.scratch.path(), || {
            self.command(&["PING"]).is_ok_and(|answer| answer == "PONG")
        })
    }
}

/// Sentinels that watch over a master and its replicas.
#[derive(Debug)]
pub struct Sentinels {
    _scratch: TempDir,
    ports: Vec<u16>,
    _processes: Vec<Process>,
}

impl Sentinels {
    /// Three of them, which call a master dead after half a second of silence.
    ///
    /// # Errors
    /// When Sentinel is not installed, or they do not find each other and the replica.
    pub fn over(master: &Redis) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("gigvault-sentinel-").tempdir()?;
        let (mut ports, mut processes) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let port = port::unused()?;
            let folder = scratch.path().join(port.to_string());
            fs::create_dir(&folder)?;
            let file = folder.join("sentinel.conf");
            let text = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 5000\n",
                master.port
            );
            fs::write(&file, text)?;
            processes.push(Process::start(
                "redis-sentinel",
                &[file.display().to_string()],
                &folder,
            )?);
            ports.push(port);
        }
        let sentinels = Self {
            _scratch: scratch,
            ports,
            _processes: processes,
        };
        sentinels.until_they_are_agreed()?;
        Ok(sentinels)
    }

    /// `127.0.0.1:<port>` of each.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let address = |port: &u16| format!("{}:{port}", Ipv4Addr::LOCALHOST);
        self.ports.iter().map(address).collect()
    }

    fn until_they_are_agreed(&self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        let has_all = |port: &u16| {
            let known = ask(*port, &[], &["SENTINEL", "MASTER", MASTER]).unwrap_or_default();
            let value = |name: &str| {
                known
                    .lines()
                    .skip_while(|line| *line != name)
                    .nth(1)
                    .map(str::to_owned)
            };
            value("num-other-sentinels").as_deref() == Some("2")
                && value("num-slaves").as_deref() == Some("1")
        };
        while !self.ports.iter().all(has_all) {
            ensure!(
                Instant::now() < deadline,
                "the Sentinels do not find each other and the replica"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Process {
    fn start(program: &str, arguments: &[String], folder: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(RUN).arg(program).args(arguments);
        command.current_dir(folder).env("OUT", folder.join("log"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let mut line = String::new();
        let out = shell.stdout.take().context("no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        let pid = line.trim().parse().context("no pid")?;
        Ok(Self { shell, pid })
    }

    fn until(&self, folder: &Path, is_so: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !is_so() {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            ensure!(
                is_alive(self.pid) && Instant::now() < deadline,
                "Redis does not answer:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn kill(&self) -> Result<()> {
        send_signal("KILL", self.pid)?;
        let deadline = Instant::now() + START_TIMEOUT;
        while is_alive(self.pid) {
            ensure!(Instant::now() < deadline, "Redis does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn ask(port: u16, client: &[String], command: &[&str]) -> Result<String> {
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(client)
        .args(command)
        .stdin(Stdio::null())
        .output()
        .context("redis-cli not found: install redis-tools")?;
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    ensure!(
        output.status.success(),
        "redis-cli {command:?}: {text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}
