//! Ways to services that are built after their callers.

use kit::transport::{Transport, pending};

use super::{Environment, Service, Services};

impl Services {
    /// The way from `caller` back to a service that calls it, and is built after it. A start does not need it: without a peer in the
    /// settings, calls fail.
    pub(super) fn transport_back(
        &mut self,
        environment: &Environment<'_>,
        caller: &'static str,
        callee: Service,
    ) -> anyhow::Result<Transport> {
        let name = callee.name();
        // A first start has no identity to call others with.
        let is_elsewhere = environment.settings.peers.contains_key(name) && environment.identities.is_some();
        let missing = match self.wanted.contains(&callee) {
            false if is_elsewhere => return environment.remote(caller, callee),
            false => {
                format!("{name} does not run in this process, and `peers.{name}` does not say where it does")
            }
            true => format!("{name} is not built yet"),
        };
        let (transport, way) = pending(missing);
        if self.wanted.contains(&callee) {
            self.pending.push((caller, callee, way));
        }
        Ok(transport)
    }
}
