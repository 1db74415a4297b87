//! The one name that a person gives, as common name and as subject alternative name.

use std::net::IpAddr;

use client::Client;
use x509::San;

use crate::exit::Usage;

/// Most characters of a common name (RFC 5280 appendix A, ub-common-name).
const LONGEST_CN: usize = 64;

/// Which names are taken for those of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// None: the profile names people.
    Never,
    /// Addresses, `localhost`, and names with a dot: `sensor-1` may as well be the name of a thing.
    WithDots,
    /// Every name: the profile certifies nothing without one.
    Always,
}

/// What a request is made for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Absent where the name does not fit; the subject alternative names then name the holder alone.
    pub(super) cn: Option<String>,
    pub(super) sans: Vec<San>,
}

/// How a profile takes names, as the server describes it.
pub(super) async fn hosts(client: &Client, profile: &str) -> Hosts {
    // A profile that cannot be read is refused with its reason when the certificate is asked for.
    let Ok(profile) = client.profiles().get(profile).await else {
        return Hosts::WithDots;
    };
    let hosts = |kinds: &[String]| kinds.iter().any(|kind| kind == "dns" || kind == "ip");
    match (hosts(&profile.san.required), hosts(&profile.san.allowed)) {
        (true, _) => Hosts::Always,
        (false, true) => Hosts::WithDots,
        (false, false) => Hosts::Never,
    }
}

/// The names of a request for `name` and those that were asked for.
pub(super) fn of(name: &str, asked: &[String], hosts: Hosts) -> anyhow::Result<Named> {
    let parse = |text: &String| {
        text.parse::<San>()
            .map_err(|error| Usage(format!("--san {text}: {error}")))
    };
    let mut sans = asked.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let host = host(name, hosts, sans.is_empty())?;
    let cn = match &host {
        // The form that is in the name beside it: `::1`, however it was written.
        Some(San::Ip(address)) => address.to_string(),
        _ => name.to_owned(),
    };
    if let Some(host) = host.filter(|host| !sans.contains(host)) {
        sans.insert(0, host);
    }
    let length = cn.chars().count();
    match (length <= LONGEST_CN, sans.is_empty()) {
        (true, _) => Ok(Named { cn: Some(cn), sans }),
        (false, false) => Ok(Named { cn: None, sans }),
        (false, true) => Err(Usage(format!(
            "{name:?} has {length} characters and a common name has at most {LONGEST_CN}; give the name by --san"
        ))
        .into()),
    }
}

/// The name as that of a host, where it is one. Where nothing else names the holder, it has to be one.
fn host(name: &str, hosts: Hosts, alone: bool) -> anyhow::Result<Option<San>> {
    if hosts == Hosts::Never {
        return Ok(None);
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        let san = format!("ip:{address}").parse();
        return Ok(Some(san.map_err(|error| Usage(format!("{name}: {error}")))?));
    }
    if hosts == Hosts::WithDots && !has_dot(name) {
        return Ok(None);
    }
    match dns(name) {
        Ok(san) => Ok(Some(san)),
        Err(reason) if hosts == Hosts::Always && alone => Err(Usage(format!(
            "{name:?} is neither a host name nor an address, and this profile needs one: {reason}; correct it, or name the \
             host by --san"
        ))
        .into()),
        Err(_) => Ok(None),
    }
}

fn has_dot(name: &str) -> bool {
    name.contains('.') || name == "localhost"
}

fn dns(name: &str) -> Result<San, String> {
    format!("dns:{name}")
        .parse()
        .map_err(|error: x509::san::SanError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cn: &str, asked: &[&str], hosts: Hosts) -> (Option<String>, Vec<String>) {
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let named = of(cn, &asked, hosts).unwrap();
        (named.cn, named.sans.iter().map(ToString::to_string).collect())
    }

    fn sans(cn: &str, asked: &[&str], hosts: Hosts) -> Vec<String> {
        names(cn, asked, hosts).1
    }

    #[test]
    fn a_host_name_is_put_among_the_sans_once() {
        assert_eq!(sans("a.test", &[], Hosts::WithDots), ["dns:a.test"]);
        let asked = ["dns:a.test", "ip:10.0.0.1"];
        assert_eq!(sans("a.test", &asked, Hosts::WithDots), asked);
        assert_eq!(sans("sensor-1", &[], Hosts::WithDots), [""; 0]);
        let asked = ["email:ada@a.test"];
        assert_eq!(sans("Ada Example", &asked, Hosts::Never), asked);
        assert_eq!(sans("ada.example.test", &asked, Hosts::Never), asked);
    }

    #[test]
    fn an_address_is_an_address_and_a_label_a_host_where_a_host_is_needed() {
        assert_eq!(sans("10.0.0.5", &[], Hosts::WithDots), ["ip:10.0.0.5"]);
        let (cn, sans_of_loopback) = names("0:0:0:0:0:0:0:1", &[], Hosts::WithDots);
        assert_eq!(
            (cn.as_deref(), sans_of_loopback),
            (Some("::1"), vec!["ip:::1".to_owned()])
        );
        assert_eq!(sans("printer7", &[], Hosts::Always), ["dns:printer7"]);
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_own_reason() {
        let refused = |name: &str| of(name, &[], Hosts::Always).unwrap_err().to_string();
        for name in [
            "my_host.example.test",
            "host.",
            "-a.test",
            "a..test",
            "10.0.0.5/8",
            "a b",
            "",
        ] {
            let reason = dns(name).unwrap_err();
            assert!(refused(name).contains(&reason), "{name}: {}", refused(name));
        }
        // With another name the common name may be any text: the server judges it.
        assert!(of("My Host", &["dns:a.test".to_owned()], Hosts::Always).is_ok());
    }

    #[test]
    fn a_name_that_is_too_long_for_a_common_name_is_a_host_name_alone() {
        let long = format!("{}.{}.test", "a".repeat(40), "b".repeat(40));
        assert_eq!(
            names(&long, &[], Hosts::WithDots),
            (None, vec![format!("dns:{long}")])
        );
        let person = "x".repeat(65);
        let refused = of(&person, &[], Hosts::Never).unwrap_err().to_string();
        assert!(
            refused.contains("65 characters") && refused.contains("at most 64"),
            "{refused}"
        );
    }
}
