//! Compiles the `.proto` files with protox, so that no `protoc` is needed on the machine.
#![expect(
    clippy::disallowed_methods,
    reason = "what is written into OUT_DIR is made again by the next build"
)]

use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let packages = packages()?;
    let files = packages
        .iter()
        .map(|name| format!("gigvault/{name}/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".gigvault.keymgr.v1")
        .compile_fds(descriptors)?;
    let modules: String = packages.iter().map(|name| module(name)).collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("packages.rs"), modules)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}

/// Each folder below `proto/gigvault` is a package, in order.
fn packages() -> Result<Vec<String>, std::io::Error> {
    let folders = fs::read_dir("proto/gigvault")?;
    let names = folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, std::io::Error>>()?;
    names.sort();
    Ok(names)
}

fn module(name: &str) -> String {
    format!(
        "/// Package `gigvault.{name}`.\npub mod {name} {{\n    /// Version 1.\n    pub mod v1 {{\n        tonic::include_proto!(\"gigvault.{name}.v1\");\n    }}\n}}\n"
    )
}
