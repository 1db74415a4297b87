//! What this process allows others to see of its memory: nothing.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dumps, and no debugger of the same user: memory holds private keys, API keys and the key-encryption key.
/// Commands hold them too, so this is the first thing that every one does.
#[expect(clippy::print_stderr, reason = "before anything that could log is set up")]
pub(crate) fn keep_memory_private() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let done =
        setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if let Err(error) = done {
        eprintln!("warning: core dumps could not be switched off: {error}");
    }
}
