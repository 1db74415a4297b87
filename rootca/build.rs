//! Says when the program is built, from sources alone, so that the same sources make the same program.

use std::process::Command;

/// Where neither `SOURCE_DATE_EPOCH` nor a repository says it: 2026-11-26.
const FALLBACK: &str = "1795651200";

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let built = given.filter(|text| is_number(text)).or_else(commit);
    println!(
        "cargo::rustc-env=GIGVAULT_BUILT={}",
        built.as_deref().unwrap_or(FALLBACK)
    );
}

/// The date of the commit that is checked out.
fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && is_number(text)).then(|| text.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
