//! What the types of settings do not say. `config validate` and every command that starts something ask the same function,
//! so that the one does not pass what the other refuses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kit::clock::{SharedClock, SystemClock};
use kit::config::{SettingFault, span};
use kit::tls::{ServerIdentity, SpiffeId};
use secrecy::ExposeSecret;
use setup::SERVICE_PROFILE;

use super::{Database, Identity, Limits, Listen, PeerSettings, Settings, TlsFiles};
use crate::wiring::services::Service;
use crate::wiring::{https_names, identities};

/// Connections of one service; PostgreSQL has 100 for all unless told otherwise.
pub(super) const MAX_CONNECTIONS: u32 = 1000;
/// A shorter life of an identity is over before it can be renewed in time.
const SHORTEST_IDENTITY: Duration = Duration::from_secs(5);

impl Settings {
    /// All faults, in the order of the sections.
    pub(crate) fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        if self.data_dir.as_os_str().is_empty() {
            faults.push(SettingFault::new(
                "data_dir",
                &self.data_dir,
                "takes the path of a directory",
            ));
        } else if self.data_dir.exists() && !self.data_dir.is_dir() {
            let allowed = "is a file; it takes the path of a directory, which is made where it is missing";
            faults.push(SettingFault::new("data_dir", &self.data_dir, allowed));
        }
        self.listen.check(&mut faults);
        self.limits.check(&mut faults);
        self.database.check(&mut faults);
        faults.extend(self.redis.check());
        if let Err(error) = kit::telemetry::check_filter(&self.telemetry.filter) {
            faults.push(SettingFault::hiding("telemetry.filter", error.to_string()));
        }
        self.identity.check(self, &mut faults);
        check_peers(&self.peers, &mut faults);
        faults.extend(self.ca.check());
        faults.extend(self.keymgr.check());
        faults.extend(self.auth.check());
        faults.extend(self.ocsp.check());
        faults.extend(self.crl.check());
        // Where keymgr is another process, its settings are not here: `doctor` and readiness tell what it refuses.
        let keymgr_is_here = !self.peers.contains_key(vocabulary::service::KEYMGR);
        if self.ocsp.signing == ocsp::Signing::Direct && keymgr_is_here && !self.keymgr.ca_keys_sign_ocsp {
            let allowed = "takes direct only where keymgr.ca_keys_sign_ocsp is true: the keys of CAs sign no OCSP response otherwise";
            faults.push(SettingFault::new("ocsp.signing", "direct", allowed));
        }
        if self.ca.max_batch > self.keymgr.max_batch {
            let allowed = format!("takes at most keymgr.max_batch, {}", self.keymgr.max_batch);
            faults.push(SettingFault::new("ca.max_batch", self.ca.max_batch, allowed));
        }
        if self.ocsp.max_batch > self.keymgr.max_batch {
            let allowed = format!("takes at most keymgr.max_batch, {}", self.keymgr.max_batch);
            faults.push(SettingFault::new("ocsp.max_batch", self.ocsp.max_batch, allowed));
        }
        faults
    }
}

impl Listen {
    fn check(&self, faults: &mut Vec<SettingFault>) {
        if self.address.is_multicast() || self.address == IpAddr::from([255, 255, 255, 255]) {
            let allowed =
                "takes the address of one interface of this machine, or 0.0.0.0 or :: for all of them";
            faults.push(SettingFault::new("listen.address", self.address, allowed));
        }
        let ports = [
            ("listen.https_port", self.https_port),
            ("listen.mtls_port", self.mtls_port),
            ("listen.http_port", self.http_port),
            ("listen.grpc_port", self.grpc_port),
            ("listen.ldap_port", self.ldap_port),
            ("listen.metrics_port", self.metrics_port),
        ];
        for (index, (field, port)) in ports.into_iter().enumerate() {
            let same = ports
                .iter()
                .take(index)
                .find(|(_, other)| *other == port && port != 0);
            if let Some((other, _)) = same {
                let allowed = format!("takes a port of its own, and {other} has the same");
                faults.push(SettingFault::new(field, port, allowed));
            }
        }
        for (index, name) in self.names.iter().enumerate() {
            if let Err(reason) = https_names::parse(name) {
                let allowed = format!("takes a host name or an IP address, without a port: {reason}");
                faults.push(SettingFault::new(format!("listen.names[{index}]"), name, allowed));
            }
        }
        if !self.public_http_url.is_empty()
            && let Err(reason) = check_public_http_url(&self.public_http_url)
        {
            let allowed = format!("takes a URL such as http://pki.example.test: {reason}");
            faults.push(SettingFault::new(
                "listen.public_http_url",
                &self.public_http_url,
                allowed,
            ));
        }
        if let Some(tls) = &self.tls {
            tls.check(faults);
        }
    }
}

impl Limits {
    /// With a limit of zero no request is served.
    fn check(&self, faults: &mut Vec<SettingFault>) {
        let counts = [
            ("limits.connections", self.connections),
            ("limits.connections_per_peer", self.connections_per_peer),
            ("limits.requests_per_peer", self.requests_per_peer),
            ("limits.body_memory", self.body_memory.into()),
            ("limits.body_memory_per_peer", self.body_memory_per_peer.into()),
        ];
        for (field, count) in counts {
            if count == 0 {
                faults.push(SettingFault::new(field, count, "takes at least 1"));
            }
        }
    }
}

/// The base of the URLs in certificates: relying parties append paths and fetch them without TLS.
fn check_public_http_url(url: &str) -> Result<(), String> {
    // RFC 5280 section 8: over TLS, fetching could need the certificate that is being checked.
    let rest = url
        .strip_prefix("http://")
        .ok_or("takes a URL with http://, not https://, since a certificate must be checkable without TLS")?;
    if rest.contains(['?', '#', '@']) {
        return Err("takes a URL without a user, query, or fragment".to_owned());
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let port = match authority
        .rfind(':')
        .filter(|colon| !authority.ends_with(']') && *colon > 0)
    {
        Some(colon) => authority.split_at(colon),
        None => (authority, ""),
    };
    let (host, port) = (port.0, port.1.strip_prefix(':'));
    if port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
        return Err("takes a port from 1 to 65535".to_owned());
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match address {
        Some(address) => {
            address
                .parse::<std::net::Ipv6Addr>()
                .map_err(|error| error.to_string())?;
        }
        None => {
            https_names::parse(host)?;
        }
    }
    // What is appended to it must give what a certificate can hold.
    format!("{}/ca/issuing.crt", url.trim_end_matches('/'))
        .parse::<x509::san::Uri>()
        .map(drop)
        .map_err(|error| error.to_string())
}

impl TlsFiles {
    fn check(&self, faults: &mut Vec<SettingFault>) {
        let clock: SharedClock = Arc::new(SystemClock::default());
        if let Err(error) = ServerIdentity::from_files(self.files(), clock) {
            faults.push(SettingFault::hiding("listen.tls", error.to_string()));
        }
    }
}

impl Database {
    fn check(&self, faults: &mut Vec<SettingFault>) {
        // The URL may hold a password: it is not shown.
        if let Some(url) = &self.url
            && let Err(error) = store::check_url(url.expose_secret())
        {
            faults.push(SettingFault::hiding("database.url", error.to_string()));
        }
        if let Some(most) = self.max_connections
            && !(1..=MAX_CONNECTIONS).contains(&most)
        {
            let allowed = format!("takes 1 to {MAX_CONNECTIONS}");
            faults.push(SettingFault::new("database.max_connections", most, allowed));
        }
    }
}

impl Identity {
    fn check(&self, settings: &Settings, faults: &mut Vec<SettingFault>) {
        let names = |domain: &str, name: &str| {
            format!("spiffe://{domain}/svc/{name}")
                .parse::<SpiffeId>()
                .is_ok()
        };
        if !self.name.is_empty() && !names("a", &self.name) {
            let allowed = "takes lower-case letters, digits, and hyphens";
            faults.push(SettingFault::new("identity.name", &self.name, allowed));
        }
        if !names(&self.trust_domain, "a") {
            let allowed = "takes a trust domain such as gigvault.internal: lower-case letters, digits, dots, hyphens, \
                           and underscores";
            faults.push(SettingFault::new(
                "identity.trust_domain",
                &self.trust_domain,
                allowed,
            ));
        }
        match identities::validity(settings) {
            Err(error) => faults.push(SettingFault::hiding(
                "identity.validity",
                error.root_cause().to_string(),
            )),
            Ok(None) => {}
            Ok(Some(validity)) if validity < SHORTEST_IDENTITY => {
                let allowed = format!("takes at least {}", span::format(SHORTEST_IDENTITY));
                faults.push(SettingFault::new("identity.validity", &self.validity, allowed));
            }
            Ok(Some(validity)) => {
                let longest = settings.ca.longest_validity(SERVICE_PROFILE);
                if let Some(longest) = longest.filter(|longest| validity > *longest) {
                    let allowed = format!(
                        "takes at most {}, as profile {SERVICE_PROFILE} does",
                        span::format(longest)
                    );
                    faults.push(SettingFault::new("identity.validity", &self.validity, allowed));
                }
            }
        }
    }
}

fn check_peers(peers: &BTreeMap<String, PeerSettings>, faults: &mut Vec<SettingFault>) {
    for (name, peer) in peers {
        if !Service::ALL.iter().any(|service| service.name() == name) {
            let known = Service::ALL.map(Service::name);
            let problem = format!("no service has this name; services are {}", known.join(", "));
            faults.push(SettingFault::hiding(format!("peers.{name}"), problem));
        }
        if kit::transport::check_address(&peer.url).is_err() {
            let allowed = "takes https://host:port of its gRPC listener";
            faults.push(SettingFault::new(format!("peers.{name}.url"), &peer.url, allowed));
        }
        if let Some(identity) = &peer.identity
            && format!("spiffe://a/svc/{identity}").parse::<SpiffeId>().is_err()
        {
            let allowed =
                "takes the name in the identity of a process: lower-case letters, digits, and hyphens";
            faults.push(SettingFault::new(
                format!("peers.{name}.identity"),
                identity,
                allowed,
            ));
        }
    }
}

#[cfg(test)]
mod tests;
