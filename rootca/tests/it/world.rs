//! A ceremony in a temporary folder: the program, OpenSSL, and the files between them.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// What a program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// It failed with this code and a message that says so.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(self.stderr.contains(says), "{says:?} is not in {self:#?}");
        self
    }

    /// The answer, which is JSON where no terminal is.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// A field of the answer; of a list how long it is.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> String {
        match self.json().get(name) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Array(items)) => items.len().to_string(),
            Some(other) => other.to_string(),
            None => panic!("no {name:?} in {self:#?}"),
        }
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A working folder with the files in it that open a key: `passphrase` and `kek`.
pub(crate) struct Ceremony {
    dir: TempDir,
    opener: [&'static str; 2],
}

impl Ceremony {
    /// Nothing done yet.
    pub(crate) fn empty() -> Self {
        let ceremony = Self {
            dir: tempfile::tempdir().unwrap(),
            opener: ["--passphrase-file", "passphrase"],
        };
        ceremony.secret("passphrase", PASSPHRASE);
        ceremony.secret("kek", &"5a".repeat(32));
        ceremony
    }

    /// Nothing done yet, with a key-encryption key, which opens faster than a passphrase.
    pub(crate) fn with_kek() -> Self {
        Self {
            opener: ["--kek-file", "kek"],
            ..Self::empty()
        }
    }

    /// A root in `root/`.
    pub(crate) fn with_root() -> Self {
        let ceremony = Self::empty();
        ceremony.init("root", "p256").ok();
        ceremony
    }

    /// A root sealed under a key-encryption key, which opens faster, and an intermediate in `issuing.crt` with its key in `issuing.key`.
    pub(crate) fn with_intermediate() -> (Self, String) {
        let ceremony = Self::with_kek();
        ceremony.init("root", "p256").ok();
        ceremony.csr("issuing", "/O=Example/CN=Example Issuing CA");
        let serial = ceremony
            .sign("issuing", &["--out", "issuing.crt"])
            .ok()
            .value("serial");
        (ceremony, serial)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A file of mode 0600.
    pub(crate) fn secret(&self, name: &str, content: &str) {
        use std::io::Write;
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(name))
            .unwrap();
        writeln!(file, "{content}").unwrap();
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    /// Runs the program here, without a terminal.
    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gigvault-rootca"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// Runs the program with what opens a key, until a crash point.
    pub(crate) fn run_at(&self, point: &str, args: &[&str]) -> Answer {
        self.run_bare(point, &[args, &self.opener].concat())
    }

    /// Runs the program until a crash point.
    pub(crate) fn run_bare(&self, point: &str, args: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gigvault-rootca"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env(files::fault::VARIABLE, point)
            .stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// Runs a command on the root in `root/` with what opens its key.
    pub(crate) fn run_unlocked(&self, args: &[&str]) -> Answer {
        self.run(&[args, &["--dir", "root"], &self.opener].concat())
    }

    pub(crate) fn init(&self, dir: &str, key_type: &str) -> Answer {
        let subject = "CN=Example Root,O=Example";
        let flags = ["init", "--subject", subject, "--key-type", key_type, "--dir", dir];
        self.run(&[&flags[..], &self.opener].concat())
    }

    /// Signs `<name>.csr` without asking, with pointers.
    pub(crate) fn sign(&self, name: &str, more: &[&str]) -> Answer {
        let csr = format!("{name}.csr");
        let flags = [
            "sign-intermediate",
            &csr,
            "--yes",
            "--crl-url",
            "http://pki.example.test/crl/root.crl",
            "--issuer-url",
            "http://pki.example.test/ca/root.crt",
        ];
        self.run_unlocked(&[&flags, more].concat())
    }

    pub(crate) fn openssl(&self, args: &[&str]) -> Answer {
        self.program("openssl", args)
    }

    pub(crate) fn program(&self, name: &str, args: &[&str]) -> Answer {
        let mut command = Command::new(name);
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// `<name>.key` and `<name>.csr` of a P-256 key.
    pub(crate) fn csr(&self, name: &str, subject: &str) {
        let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
        let new = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ];
        let files = ["-keyout", &key, "-out", &csr, "-subj", subject];
        self.openssl(&[&new[..], &files].concat()).ok();
    }

    /// `<name>.crt`, signed by `issuing.key` with OpenSSL.
    pub(crate) fn leaf(&self, name: &str, dns: &str) {
        self.csr(name, &format!("/CN={dns}"));
        let (csr, crt, ext) = (
            format!("{name}.csr"),
            format!("{name}.crt"),
            format!("{name}.ext"),
        );
        let extensions = format!(
            "subjectAltName=DNS:{dns}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n"
        );
        fs::write(self.path(&ext), extensions).unwrap();
        let sign = [
            "x509",
            "-req",
            "-CA",
            "issuing.crt",
            "-CAkey",
            "issuing.key",
            "-days",
            "30",
        ];
        self.openssl(&[&sign[..], &["-in", &csr, "-out", &crt, "-extfile", &ext]].concat())
            .ok();
    }

    /// All files of the root's folder and their content.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut dirs = vec![self.path("root")];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.file_name() != Some(".lock".as_ref()) {
                    files.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

/// A linter of pkilint.
pub(crate) fn pkilint(tool: &str, args: &[&str], file: &Path) -> Answer {
    let dir =
        std::env::var_os("GIGVAULT_PKILINT").expect("GIGVAULT_PKILINT is not set: run through make test");
    let mut command = Command::new(Path::new(&dir).join(tool));
    command.arg("lint").args(args).arg(file).stdin(Stdio::null());
    command.output().unwrap().into()
}
