//! One list of a scope at a time, within this process; between processes the lease decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::Scope;

/// The turns of all scopes. As many as there are scopes: none is removed.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<Scope, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until no other task takes a number or makes a delta of that scope.
    pub(super) async fn of(&self, scope: &Scope) -> OwnedMutexGuard<()> {
        let turn = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(scope.clone()).or_default())
        };
        turn.lock_owned().await
    }
}
