//! What the tests work with: the binary in a folder of its own, a server that answers by script, openssl.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

/// A folder and the binary that runs in it.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Names of all files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The binary with nothing of this machine's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gigvault"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIGVAULT_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Begun against the server of that URL, with a token.
    pub(crate) fn begin(&self, url: &str, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .env("GIGVAULT_URL", url)
            .env("GIGVAULT_TOKEN", "gv_sesame")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Against that server, with a token.
    pub(crate) fn ask(&self, server: &Server, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        Ran::of(
            command
                .env("GIGVAULT_URL", &server.url)
                .env("GIGVAULT_TOKEN", "gv_sesame")
                .output()
                .unwrap(),
        )
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed, if it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// What it complained of, if it failed with that code and printed no result.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        self.stderr
    }
}

/// Arguments of `openssl req` that make a P-256 key without a passphrase.
pub(crate) const NEW_P256_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/// A program that judges; its stdout if it is content.
#[track_caller]
pub(crate) fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A profile that only this server has, and that takes no names of hosts.
const PEOPLE: &str =
    r#"{"name": "people", "default_validity": "90d", "max_validity": "90d", "san": {"allowed": ["email"]}}"#;

/// An HTTP server on loopback that answers with a script, one a connection, and keeps what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Each answer is a status and a JSON body. After the last one connections are closed unanswered.
    pub(crate) fn answering(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut script: VecDeque<_> = answers
            .iter()
            .map(|(status, body)| (*status, (*body).to_owned()))
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        // Ends with the test's process; it holds nothing.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut reader = BufReader::new(connection.unwrap());
                let request = read_request(&mut reader);
                // What a profile allows is asked beside the script: it decides only how a name is read.
                if let Some(rest) = request.strip_prefix("GET /api/v1/profiles/") {
                    match rest.split(' ').next() {
                        Some("people") => answer(&mut reader, 200, PEOPLE),
                        _ => answer(&mut reader, 404, "{}"),
                    }
                    continue;
                }
                let Some((status, body)) = script.pop_front() else {
                    return;
                };
                // Kept before it is answered: whoever has the answer finds it.
                record.lock().unwrap().push(request);
                answer(&mut reader, status, &body);
            }
        });
        Self { url, asked }
    }

    /// Refuses once with this problem.
    pub(crate) fn refusing(status: u16, slug: &str) -> Self {
        let problem = serde_json::json!({
            "type": format!("https://gigvault.io/problems/{slug}"),
            "title": "No", "status": status, "detail": format!("because of {slug}"), "correlation_id": "c0ffee",
        });
        Self::answering(&[(status, &problem.to_string())])
    }

    /// Heads and bodies of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A request that waits for its answer.
pub(crate) struct Held {
    pub(crate) request: String,
    reader: BufReader<TcpStream>,
}

impl Held {
    pub(crate) fn answer(mut self, status: u16, body: &str) {
        answer(&mut self.reader, status, body);
    }

    /// The CSR that it holds, PEM.
    pub(crate) fn csr(&self) -> String {
        let (_, body) = self.request.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["csr"].as_str().unwrap().to_owned()
    }
}

/// A server that hands over each POST, and knows nothing of what is read.
pub(crate) fn holding() -> (String, Receiver<Held>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (arrived, wait) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut reader = BufReader::new(connection.unwrap());
            let request = read_request(&mut reader);
            if request.starts_with("POST ") {
                let _test_is_over = arrived.send(Held { request, reader });
            } else {
                answer(&mut reader, 404, "{}");
            }
        }
    });
    (url, wait)
}

fn read_request(reader: &mut BufReader<TcpStream>) -> String {
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        let end = line.trim().is_empty();
        request.push_str(&line);
        if end {
            break;
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).unwrap();
    request.push_str(&String::from_utf8(bytes).unwrap());
    request
}

fn answer(reader: &mut BufReader<TcpStream>, status: u16, body: &str) {
    let size = body.len();
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n"
    );
    reader
        .get_mut()
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
}

/// A certificate object as the server answers it.
pub(crate) fn certificate(serial: &str, san: &[&str]) -> serde_json::Value {
    serde_json::json!({
        "serial": serial, "status": "valid", "subject": "CN=a.example.test", "san": san, "ca": "issuing",
        "profile": "tls-server", "not_before": "2026-01-01T00:00:00Z", "not_after": "2099-12-31T23:59:59Z",
        "issued_at": "2026-01-01T01:00:00Z", "certificate": "LEAF\n", "chain": "ISSUER\n",
        "fingerprint_sha256": "aa", "spki_sha256": "bb", "requester": "apikey:0123abcd", "protocol": "rest",
        "revocation": null, "a_member_of_a_later_version": 1,
    })
}
