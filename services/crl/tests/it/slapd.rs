//! OpenLDAP's server, with TLS, in a folder of its own; ended when it is dropped.

#![expect(clippy::disallowed_methods, reason = "files of the test")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ldap3::{LdapConnAsync, Scope, SearchEntry, drive};
use tempfile::TempDir;

const SLAPD: &str = "/usr/sbin/slapd";

pub(crate) struct Slapd {
    dir: TempDir,
    port: u16,
    tls_port: u16,
    child: Option<Child>,
}

impl Slapd {
    /// One that has the entry `dc=test`, and an administrator whose password is `secret`.
    pub(crate) async fn start() -> Self {
        let slapd = Self {
            dir: tempfile::tempdir().unwrap(),
            port: testkit::port::unused().unwrap(),
            tls_port: testkit::port::unused().unwrap(),
            child: None,
        };
        let path = |name: &str| slapd.dir.path().join(name).display().to_string();
        std::fs::create_dir(path("db")).unwrap();
        slapd.certify();
        let settings = format!(
            "include /etc/ldap/schema/core.schema\n\
             include /etc/ldap/schema/cosine.schema\n\
             modulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             pidfile {}\nTLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nsuffix \"dc=test\"\nrootdn \"cn=admin,dc=test\"\nrootpw secret\ndirectory {}\n",
            path("pid"),
            path("ca.crt"),
            path("tls.crt"),
            path("tls.key"),
            path("db"),
        );
        std::fs::write(path("slapd.conf"), settings).unwrap();
        let mut slapd = slapd;
        slapd.run().await;
        slapd.add("dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\no: t\n");
        slapd
    }

    /// A CA, and a certificate of it for 127.0.0.1.
    fn certify(&self) {
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            command.current_dir(self.dir.path()).args(words.split(' '));
            run(command, None);
        };
        std::fs::write(self.dir.path().join("san"), "subjectAltName=IP:127.0.0.1").unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&format!(
            "req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=ca"
        ));
        openssl(&format!("req {key} -keyout tls.key -out tls.csr -subj /CN=slapd"));
        openssl("x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -out tls.crt");
    }

    /// Starts it, again or for the first time, and waits until it answers.
    pub(crate) async fn run(&mut self) {
        let mut command = Command::new(SLAPD);
        command
            .arg("-f")
            .arg(self.dir.path().join("slapd.conf"))
            .args(["-h", &format!("{} {}", self.url(), self.tls_url()), "-d", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{SLAPD} cannot run ({error}): install slapd, or run through make test")
        });
        self.child = Some(child);
        for _ in 0..300 {
            if LdapConnAsync::new(&self.url()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("slapd does not answer");
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }

    /// It does nothing until [`resume`](Self::resume), and its sockets stay.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let mut command = Command::new("kill");
        command.args([signal, &self.child.as_ref().unwrap().id().to_string()]);
        run(command, None);
    }

    /// `ldap://`, over which StartTLS is used.
    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// `ldaps://`.
    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Adds an entry, LDIF.
    pub(crate) fn add(&self, entry: &str) {
        run(self.tool("ldapadd"), Some(entry));
    }

    pub(crate) fn delete(&self, name: &str) {
        let mut command = self.tool("ldapdelete");
        command.args(["-r", name]);
        run(command, None);
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-x", "-H", &self.url(), "-D", "cn=admin,dc=test", "-w", "secret"]);
        command
    }

    /// Values of an entry that are not text; none if there is no such entry.
    pub(crate) async fn values(&self, name: &str) -> Option<HashMap<String, Vec<Vec<u8>>>> {
        let (connection, mut ldap) = LdapConnAsync::new(&self.url()).await.unwrap();
        drive!(connection);
        let found = ldap.search(name, Scope::Base, "(objectClass=*)", vec!["*"]).await;
        let (found, _) = found.unwrap().success().ok()?;
        found
            .into_iter()
            .next()
            .map(|entry| SearchEntry::construct(entry).bin_attrs)
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(mut command: Command, input: Option<&str>) {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.unwrap_or_default().as_bytes()).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
