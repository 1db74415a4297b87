//! nginx with one static file: what a server without our work does with the same load.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use testkit::{port, process};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, ended when dropped.
pub(crate) struct Nginx {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Nginx {
    /// Where the file is.
    pub(crate) const PATH: &str = "/file.der";

    /// Serves a file of these octets with a worker for each core.
    #[expect(clippy::disallowed_methods, reason = "files that end with the run")]
    pub(crate) fn serving(octets: &[u8]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("gigvault-nginx-").tempdir()?;
        std::fs::write(dir.path().join("file.der"), octets)?;
        let port = port::unused()?;
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, configuration(&dir.path().display().to_string(), port))?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(dir.path())
            .stdin(Stdio::null())
            .spawn()
            .context("nginx could not be started; scripts/tools installs it")?;
        let mut nginx = Self {
            child,
            port,
            _dir: dir,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(nginx.address()).is_err() {
            let ended = nginx.child.try_wait()?;
            ensure!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "nginx does not listen"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The workers end with the master that is asked to end, and not with one that is killed.
        if process::send_signal("TERM", self.child.id()).is_err() {
            let _dead_already = self.child.kill();
        }
        let _reaped = self.child.wait();
    }
}

/// Nothing is logged, no connection ends, and the file stays open.
fn configuration(dir: &str, port: u16) -> String {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // Workers of another user could not read the folder.
    let user = if process::is_root() { "user root;" } else { "" };
    format!(
        "{user} daemon off; worker_processes {workers}; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
         events {{ worker_connections 4096; }}
         http {{
             access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=16;
             keepalive_timeout 1h; keepalive_requests 1000000000;
             client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
             fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
             server {{ listen 127.0.0.1:{port} reuseport; root {dir}; }}
         }}"
    )
}
