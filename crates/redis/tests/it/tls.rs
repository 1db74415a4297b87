//! Certificates on both sides.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use redis::{Config, Tls};
use testkit::Redis as Server;

use crate::{connect, eventually, of, until_connected, until_down};

struct Files {
    ca: PathBuf,
    server: [PathBuf; 2],
    client: [PathBuf; 2],
}

impl Files {
    fn in_folder(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().unwrap();
        let ca = folder.join("ca.pem");
        std::fs::write(&ca, params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let pair = |name: &str, host: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            let paths = ["crt", "key"].map(|suffix| folder.join(format!("{name}.{suffix}")));
            std::fs::write(&paths[0], params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
            std::fs::write(&paths[1], key.serialize_pem()).unwrap();
            paths
        };
        Self {
            ca,
            server: pair("server", "127.0.0.1"),
            client: pair("client", "gigvault"),
        }
    }

    fn start(&self, ask_for_certificates: bool) -> Server {
        let [ca, certificate, key] =
            [&self.ca, &self.server[0], &self.server[1]].map(|path| path.to_str().unwrap());
        let ask = if ask_for_certificates { "yes" } else { "no" };
        let [shown, its_key] = self.client.each_ref().map(|path| path.to_str().unwrap());
        let options = [
            "--tls-port",
            "PORT",
            "--port",
            "0",
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            ca,
            "--tls-auth-clients",
            ask,
        ];
        Server::start_with(
            &options,
            &["--tls", "--cacert", ca, "--cert", shown, "--key", its_key],
        )
        .unwrap()
    }
}

fn tls(address: String, ca: &Path, shown: Option<&[PathBuf; 2]>) -> Config {
    Config {
        tls: Some(Tls {
            ca_file: ca.to_owned(),
            certificate: shown.map(|pair| pair[0].clone()),
            key: shown.map(|pair| pair[1].clone()),
        }),
        ..of(address)
    }
}

#[tokio::test]
async fn the_server_has_to_be_certified_for_its_name_by_that_ca() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::in_folder(folder.path());
    let server = files.start(false);
    let redis = connect(tls(server.address(), &files.ca, None));
    until_connected(&redis).await;
    redis.set("a", b"x", Duration::from_secs(60)).await.unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let other = Files::in_folder(elsewhere.path());
    let distrusts = connect(tls(server.address(), &other.ca, None));
    eventually("the CA is another", async || {
        until_down(&distrusts).await.contains("certificate")
    })
    .await;
    let by_name = format!("localhost:{}", server.port());
    let misnamed = connect(tls(by_name, &files.ca, None));
    eventually("the name is another", async || {
        until_down(&misnamed).await.contains("certificate")
    })
    .await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::in_folder(folder.path());
    let server = files.start(true);
    let redis = connect(tls(server.address(), &files.ca, Some(&files.client)));
    until_connected(&redis).await;
    redis.set("a", b"x", Duration::from_secs(60)).await.unwrap();
    let without = connect(tls(server.address(), &files.ca, None));
    eventually("it is refused", async || {
        !until_down(&without).await.contains("yet")
    })
    .await;
}
