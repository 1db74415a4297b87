//! A running GigVault: the real binary in a temporary directory, on ports of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
pub use client::ServerInfo;
use tempfile::TempDir;

/// How long a start may take before the test gives up; a loaded machine is slow, not broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The setting, set to `true`, with which the servers of most tests are taken: they do without `fsync`, for speed.
pub const ALLOW_UNSAFE: &str = "GIGVAULT_DATABASE__ALLOW_UNSAFE";

/// Arguments for `up` and `serve` with which every listener takes a free port.
pub const FREE_PORTS: [&str; 12] = [
    "--https-port",
    "0",
    "--mtls-port",
    "0",
    "--http-port",
    "0",
    "--grpc-port",
    "0",
    "--ldap-port",
    "0",
    "--metrics-port",
    "0",
];

/// The binary under test: the one that cargo built beside the test itself.
///
/// # Errors
/// If it is not there; `cargo build --workspace` makes it.
pub fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program is in no folder")?;
    // A test is in target/<profile>/deps, another program in target/<profile>.
    let profile = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    let binary = profile.join("gigvault");
    ensure!(
        binary.is_file(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    Ok(binary)
}

/// `gigvault up` in a directory of its own. Killed and removed when dropped.
pub struct System {
    child: Child,
    ready: ServerInfo,
    arguments: Vec<String>,
    dir: TempDir,
}

impl System {
    /// Starts on SQLite.
    ///
    /// # Errors
    /// If it does not become ready; the log is part of the error.
    pub fn up() -> anyhow::Result<Self> {
        Self::up_with(&[])
    }

    /// Starts with more arguments for `up`.
    ///
    /// # Errors
    /// As [`Self::up`].
    pub fn up_with(arguments: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("gigvault-test-").tempdir()?;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let (child, ready) = start(dir.path(), &arguments)?;
        Ok(Self {
            child,
            ready,
            arguments,
            dir,
        })
    }

    /// Bootstraps with identities of the named services first, then starts with these arguments for `up`.
    ///
    /// # Errors
    /// As [`Self::up`].
    pub fn bootstrapped(arguments: &[&str], identities: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("gigvault-test-").tempdir()?;
        let mut command = Command::new(binary()?);
        command
            .current_dir(dir.path())
            .args(["bootstrap", "--data-dir"])
            .arg(dir.path().join("data"))
            .env(ALLOW_UNSAFE, "true")
            .args(arguments);
        for identity in identities {
            command.args(["--identity", identity]);
        }
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "bootstrap failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let (child, ready) = start(dir.path(), &arguments)?;
        Ok(Self {
            child,
            ready,
            arguments,
            dir,
        })
    }

    /// Where it listens.
    pub fn ready(&self) -> &ServerInfo {
        &self.ready
    }

    /// The folder that holds the data directory (`data`), the log (`log`), and what the test puts there.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The first admin's API key.
    ///
    /// # Errors
    /// If the file is not there.
    pub fn token(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.ready.data_dir.join("admin.token"))?
            .trim()
            .to_owned())
    }

    /// Everything that the process wrote to stderr so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.dir.path().join("log"))?)
    }

    /// `gigvault <arguments>` against this system, in its folder.
    ///
    /// # Errors
    /// If the binary cannot be started.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.command()?
            .args(arguments)
            .output()
            .context("gigvault could not be started")
    }

    /// As [`Self::cli`], but a failure of the command is an error with its stderr; returns stdout.
    ///
    /// # Errors
    /// If the command fails.
    pub fn cli_ok(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.cli(arguments)?;
        ensure!(
            output.status.success(),
            "gigvault {} failed with {}: {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A command of the CLI with this system's URL, token and CA in its environment.
    ///
    /// # Errors
    /// If there is no binary or no token.
    pub fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command
            .current_dir(self.dir.path())
            .env("GIGVAULT_URL", &self.ready.https)
            .env("GIGVAULT_TOKEN", self.token()?)
            .env("GIGVAULT_CA_FILE", self.ready.data_dir.join("root.crt"))
            .stdin(Stdio::null());
        Ok(command)
    }

    /// An HTTPS client that trusts this system's root and nothing else.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn http(&self) -> anyhow::Result<reqwest::Client> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = std::fs::read(self.ready.data_dir.join("root.crt"))?;
        let root = reqwest::Certificate::from_pem(&root)?;
        Ok(reqwest::Client::builder()
            .tls_certs_only([root])
            .timeout(Duration::from_secs(60))
            .build()?)
    }

    /// Kills the process the hard way and waits until it is gone.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let _dead_already = self.child.kill();
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop, and waits.
    ///
    /// # Errors
    /// If it does not stop in time or does not stop cleanly.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        terminate(&mut self.child)
    }

    /// Starts again on the same data.
    ///
    /// # Errors
    /// As [`Self::up`].
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        (self.child, self.ready) = start(self.dir.path(), &self.arguments)?;
        Ok(())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _dead_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// SIGTERM, and a bounded wait for a clean exit.
///
/// # Errors
/// If the process does not end in time or not with success.
pub fn terminate(child: &mut Child) -> anyhow::Result<()> {
    ensure!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()?
            .success(),
        "kill failed"
    );
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "ended with {status}");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "did not stop on SIGTERM");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(dir: &Path, arguments: &[String]) -> anyhow::Result<(Child, ServerInfo)> {
    let mut command = Command::new(binary()?);
    command
        .arg("up")
        .args(FREE_PORTS)
        .arg("--data-dir")
        .arg(dir.join("data"))
        .env(ALLOW_UNSAFE, "true")
        .args(arguments);
    spawn(command, dir)
}

/// Starts a server command and waits for its ready file; its stderr is appended to `log` in `dir`.
///
/// # Errors
/// If it ends before it is ready, or never is.
pub fn spawn(mut command: Command, dir: &Path) -> anyhow::Result<(Child, ServerInfo)> {
    let ready_file = dir.join("ready.json");
    if ready_file.exists() {
        std::fs::remove_file(&ready_file)?;
    }
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("log"))?;
    let mut child = command
        .arg("--ready-file")
        .arg(&ready_file)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut file) = std::fs::File::open(&ready_file) {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            return Ok((
                child,
                serde_json::from_str(&text).context("the ready file is not complete")?,
            ));
        }
        let log = || std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait()? {
            bail!("ended with {status} before it was ready:\n{}", log());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("was not ready in {PATIENCE:?}:\n{}", log());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
