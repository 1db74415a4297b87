//! A large list, made and signed in pieces, and judged by openssl.
#![expect(clippy::disallowed_methods, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use proto::keymgr::v1::sign_crl_request::Part;

use super::{Issuer, entry, octets, send};
use crate::structures::crl_spec;
use crate::world::{Running, World};

/// Octets of a message.
const PIECE: usize = 256 * 1024;

/// Makes a list of that many entries as `crl` does, in pieces, and writes it to a file. One piece waits for keymgr to take it.
pub(super) async fn published(running: &Running, issuer: &Issuer, entries: u32, path: &Path) {
    let mut layout = crl_spec(issuer.algorithm).layout().unwrap();
    (0..entries).for_each(|number| layout.add(&entry(number)).unwrap());
    let (mut pieces, parts) = mpsc::channel(0);
    let start = Part::Start(issuer.start());
    let writing = async move {
        pieces.send(Some(start)).await.unwrap();
        let mut file = Vec::new();
        let mut out = Vec::new();
        let mut writer = layout.begin(&mut out).unwrap();
        for number in 0..entries {
            writer.entry(&entry(number), &mut out).unwrap();
            if out.len() >= PIECE {
                file.extend_from_slice(&out);
                pieces.send(Some(octets(std::mem::take(&mut out)))).await.unwrap();
            }
        }
        let written = writer.finish(&mut out).unwrap();
        file.extend_from_slice(&out);
        pieces.send(Some(octets(out))).await.unwrap();
        (file, written)
    };
    let (signature, (tbs, written)) = futures::join!(send(running, "crl", parts.map(|part| part)), writing);
    let frame = written.close(&signature.unwrap()).unwrap();
    std::fs::write(path, [frame.before.as_slice(), &tbs, &frame.after].concat()).unwrap();
}

#[tokio::test]
async fn openssl_verifies_a_list_of_300_000_entries() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p384").await;
    let dir = world.database.dir();
    published(&running, &issuer, 300_000, &dir.join("ca.crl")).await;
    std::fs::write(dir.join("ca.pem"), issuer.certificate.pem()).unwrap();
    let verified = openssl(dir, "crl -inform DER -in ca.crl -CAfile ca.pem -verify -noout");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.contains("verify OK"), "{said}");
    // The last entry is there as well.
    let listed = openssl(dir, "crl -inform DER -in ca.crl -noout -text");
    let serial = entry(299_999).serial.to_string().to_uppercase();
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains(&serial));
    assert_eq!(text.matches("Serial Number:").count(), 300_000);
}

fn openssl(dir: &Path, arguments: &str) -> Output {
    let mut command = Command::new("openssl");
    command.current_dir(dir).args(arguments.split_whitespace());
    command.output().unwrap()
}
