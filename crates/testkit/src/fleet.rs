//! A fleet: the services of GigVault as processes of their own, over mutual TLS, on one PostgreSQL database.
//!
//! `keymgr` works on the data directory that `bootstrap` filled, because the key-encryption key is there. The
//! others have directories of their own and find their identity by configuration, those of several services in their data
//! directories.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use vocabulary::service;

use crate::port;
use crate::system::{ServerInfo, binary, spawn, terminate};

/// The services, in the order in which they start.
pub const SERVICES: [&str; 3] = [service::KEYMGR, service::AUTH, service::CA];

/// How a fleet is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `identity.validity` of the running services; the profile's default if empty. The first ones, of bootstrap, live
    /// 20 seconds then, so that they outlast a slow start and are soon renewed.
    pub identity_validity: String,
    /// Identities besides those of the services.
    pub identities: Vec<String>,
    /// The services of each process, named by the first one; a process for each of [`SERVICES`] if empty.
    pub processes: Vec<&'static [&'static str]>,
}

impl Options {
    fn processes(&self) -> Vec<&'static [&'static str]> {
        const EACH: [&[&str]; 3] = [&[SERVICES[0]], &[SERVICES[1]], &[SERVICES[2]]];
        match self.processes.is_empty() {
            true => EACH.to_vec(),
            false => self.processes.clone(),
        }
    }
}

struct Member {
    child: Child,
    ready: ServerInfo,
}

/// Running processes, named by their first service. Killed and removed when dropped.
pub struct Fleet {
    members: BTreeMap<&'static str, Member>,
    processes: Vec<&'static [&'static str]>,
    dir: TempDir,
}

impl Fleet {
    /// Bootstraps on the database and starts the services.
    ///
    /// # Errors
    /// If anything does not start; its log is part of the error.
    pub fn start(database_url: &str, options: &Options) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("gigvault-fleet-").tempdir()?;
        let processes = options.processes();
        let ports = processes.iter().map(|services| Ok((*services, port::unused()?)));
        let ports: Vec<_> = ports.collect::<anyhow::Result<_>>()?;
        for services in &processes {
            let folder = dir.path().join(first(services)?);
            std::fs::create_dir(&folder)?;
            let text = configuration(dir.path(), services, database_url, &ports, options)?;
            std::fs::write(folder.join("config.yaml"), text)?;
        }
        bootstrap(dir.path(), &processes, options)?;
        let mut fleet = Self {
            members: BTreeMap::new(),
            processes,
            dir,
        };
        for services in fleet.processes.clone() {
            fleet.hand_out_identities(services)?;
            fleet.launch(first(services)?)?;
        }
        Ok(fleet)
    }

    /// Where a service listens.
    ///
    /// # Errors
    /// If it does not run.
    pub fn ready(&self, service: &str) -> anyhow::Result<&ServerInfo> {
        Ok(&self
            .members
            .get(service)
            .with_context(|| format!("{service} does not run"))?
            .ready)
    }

    /// The folder of this fleet.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What `bootstrap` wrote: root, chain, admin's token, identities.
    pub fn bootstrapped(&self) -> PathBuf {
        bootstrapped(self.dir.path())
    }

    /// Folder of an identity: `tls.crt`, `tls.key`, `roots.pem`.
    pub fn identity(&self, name: &str) -> PathBuf {
        self.bootstrapped().join("identities").join(name)
    }

    /// Gives a process of several services theirs.
    fn hand_out_identities(&self, services: &[&str]) -> anyhow::Result<()> {
        let data = self.dir.path().join(first(services)?).join("data");
        if services.len() == 1 || data == self.bootstrapped() {
            return Ok(());
        }
        let folder = data.join("identities");
        let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        private(&folder)?;
        for service in services {
            std::fs::rename(self.identity(service), folder.join(service))?;
        }
        Ok(())
    }

    /// The first admin's API key.
    ///
    /// # Errors
    /// If the file is not there.
    pub fn token(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.bootstrapped().join("admin.token"))?
            .trim()
            .to_owned())
    }

    /// Everything that a service wrote to stderr so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn log(&self, service: &str) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(
            self.dir.path().join(service).join("log"),
        )?)
    }

    /// An HTTPS client that trusts this fleet's root and nothing else.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn http(&self) -> anyhow::Result<reqwest::Client> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = std::fs::read(self.bootstrapped().join("root.crt"))?;
        let root = reqwest::Certificate::from_pem(&root)?;
        Ok(reqwest::Client::builder()
            .tls_certs_only([root])
            .timeout(Duration::from_secs(60))
            .build()?)
    }

    /// Kills a service the hard way.
    ///
    /// # Errors
    /// If it does not run or cannot be waited for.
    pub fn kill(&mut self, service: &str) -> anyhow::Result<()> {
        let mut member = self
            .members
            .remove(service)
            .with_context(|| format!("{service} does not run"))?;
        member.child.kill()?;
        member.child.wait()?;
        Ok(())
    }

    /// Asks a service to stop, and waits.
    ///
    /// # Errors
    /// If it does not run or does not stop cleanly.
    pub fn terminate(&mut self, service: &str) -> anyhow::Result<()> {
        let mut member = self
            .members
            .remove(service)
            .with_context(|| format!("{service} does not run"))?;
        terminate(&mut member.child).with_context(|| format!("stopping {service}"))
    }

    /// Starts a service that does not run, at the address it had before.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn launch(&mut self, service: &'static str) -> anyhow::Result<()> {
        ensure!(!self.members.contains_key(service), "{service} runs already");
        let mut processes = self.processes.iter();
        let services = processes.find(|services| services.first() == Some(&service));
        let services = services.with_context(|| format!("no process begins with {service}"))?;
        let folder = self.dir.path().join(service);
        let mut command = Command::new(binary()?);
        command.arg("serve").args(*services);
        command.arg("--config").arg(folder.join("config.yaml"));
        let (child, ready) = spawn(command, &folder).with_context(|| format!("serve {service}"))?;
        self.members.insert(service, Member { child, ready });
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for member in self.members.values_mut() {
            let _dead_already = member.child.kill();
            let _reaped = member.child.wait();
        }
    }
}

fn bootstrapped(dir: &Path) -> PathBuf {
    dir.join(service::KEYMGR).join("data")
}

/// The name of a process.
fn first<'a>(services: &[&'a str]) -> anyhow::Result<&'a str> {
    services.first().copied().context("a process of no service")
}

fn bootstrap(dir: &Path, processes: &[&[&str]], options: &Options) -> anyhow::Result<()> {
    let first_validity = match options.identity_validity.as_str() {
        "" => "90d",
        _ => "20s",
    };
    let mut command = Command::new(binary()?);
    command
        .args(["bootstrap", "--config"])
        .arg(dir.join(service::KEYMGR).join("config.yaml"))
        .env("GIGVAULT_IDENTITY__VALIDITY", first_validity);
    let services = processes.iter().copied().flatten().copied();
    for identity in services.chain(options.identities.iter().map(String::as_str)) {
        command.args(["--identity", identity]);
    }
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "bootstrap failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn configuration(
    dir: &Path,
    services: &[&str],
    database_url: &str,
    ports: &[(&[&str], u16)],
    options: &Options,
) -> anyhow::Result<String> {
    let name = first(services)?;
    let mut peers = String::new();
    for (others, port) in ports.iter().filter(|(others, _)| *others != services) {
        let identity = first(others)?;
        for peer in *others {
            peers += &format!("  {peer}: {{ url: \"https://127.0.0.1:{port}\", identity: {identity} }}\n");
        }
    }
    let directory = match services.len() {
        1 => format!(
            "\"{}\"",
            bootstrapped(dir).join("identities").join(name).display()
        ),
        _ => "\"\"".to_owned(),
    };
    let port = ports.iter().find(|(of, _)| *of == services).map(|(_, port)| port);
    Ok(format!(
        "data_dir: {data}\n\
         database: {{ url: \"{database_url}\", max_connections: 8, allow_unsafe: true }}\n\
         telemetry: {{ format: json, filter: \"info\" }}\n\
         listen:\n  grpc_port: {port}\n  https_port: 0\n  mtls_port: 0\n  http_port: 0\n  ldap_port: 0\n  metrics_port: 0\n  \
         public_http_url: http://pki.example.test\n\
         identity:\n  directory: {directory}\n  validity: \"{validity}\"\n\
         peers:\n{peers}",
        data = dir.join(name).join("data").display(),
        port = port.copied().unwrap_or_default(),
        validity = options.identity_validity,
    ))
}
