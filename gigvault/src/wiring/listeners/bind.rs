//! Binding a socket, and why it could not be bound, in words that say what to do.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use tokio::net::{TcpListener, TcpSocket};

/// Binds the port that `setting` names, such as `https_port`.
pub(super) async fn bind(address: IpAddr, port: u16, setting: &str) -> anyhow::Result<TcpListener> {
    listen(SocketAddr::new(address, port)).map_err(|error| {
        let why = explain(&error, address, port, setting);
        anyhow::Error::new(error).context(why)
    })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    // Beyond these, the kernel drops connections that the client takes for open.
    const BACKLOG: u32 = 1024;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn explain(error: &Error, address: IpAddr, port: u16, setting: &str) -> String {
    let flag = setting.replace('_', "-");
    match error.kind() {
        ErrorKind::AddrInUse => {
            let holder = holder(port).unwrap_or_else(|| "another process".to_owned());
            format!(
                "port {port} of {address} is in use by {holder}: stop it, or choose another port with \
                 listen.{setting}, or with --{flag} where the command has it"
            )
        }
        ErrorKind::PermissionDenied => format!(
            "this user may not listen on port {port}, which is reserved: choose a port from 1024 on with \
             listen.{setting}, or with --{flag} where the command has it, or allow it with `setcap cap_net_bind_service=+ep` on the program or \
             AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{address} is not an address of this machine: give --listen or listen.address one that `ip address` shows, or \
             0.0.0.0 or :: for all of them"
        ),
        _ if address.is_ipv6() && error.raw_os_error() == Some(EAFNOSUPPORT) => {
            format!(
                "this machine has no IPv6, and {address} is an IPv6 address: give --listen an IPv4 address"
            )
        }
        _ if is_link_local(address) => format!(
            "{address} is a link-local address, which is one only together with its interface (fe80::1%eth0), and that is \
             not taken here: give --listen or listen.address an address without a zone that `ip address` shows, or :: for \
             all of them"
        ),
        _ => format!("port {port} of {address} ({setting}) cannot be listened on"),
    }
}

/// RFC 4291 section 2.5.6. The kernel refuses to bind one without the number of its interface.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Linux: address family not supported.
const EAFNOSUPPORT: i32 = 97;

/// Who listens on a port, where this user may see it: `nginx (pid 812)`.
fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| table.lines().find_map(|line| listening(line, port)))?;
    let socket = format!("socket:[{inode}]");
    let holds = |process: &Path| {
        let open = std::fs::read_dir(process.join("fd")).ok()?;
        open.flatten()
            .any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == Path::new(&socket)))
            .then_some(())
    };
    let process = std::fs::read_dir("/proc").ok()?.flatten().find(|process| {
        let is_process = process
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|b| b.is_ascii_digit());
        is_process && holds(&process.path()).is_some()
    })?;
    let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
    Some(format!(
        "{} (pid {})",
        name.trim(),
        process.file_name().to_string_lossy()
    ))
}

/// The inode of a line of `/proc/net/tcp` if it is a socket that listens on that port.
fn listening(line: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace().skip(1);
    let (local, state) = (fields.next()?, fields.nth(1)?);
    let (_, hex) = local.rsplit_once(':')?;
    let same = u16::from_str_radix(hex, 16).is_ok_and(|found| found == port);
    (same && state == LISTEN).then(|| fields.nth(5).map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_port_in_use_is_said_with_who_uses_it() {
        let taken = TcpListener::bind((HERE, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind(HERE, port, "http_port").await.unwrap_err().to_string();
        let us = format!("(pid {})", std::process::id());
        assert!(error.contains(&us) && error.contains("--http-port"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_address_is_not_called_a_port_in_use() {
        // TEST-NET-1, RFC 5737.
        let error = bind("192.0.2.1".parse().unwrap(), 0, "http_port")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("192.0.2.1 is not an address of this machine"),
            "{error}"
        );
    }

    #[test]
    fn a_link_local_address_says_that_it_lacks_its_interface() {
        let text = explain(
            &Error::from_raw_os_error(22),
            "fe80::1".parse().unwrap(),
            0,
            "https_port",
        );
        assert!(
            text.contains("fe80::1%eth0") && text.contains("--listen"),
            "{text}"
        );
    }

    #[test]
    fn a_reserved_port_says_how_to_be_allowed() {
        let text = explain(&ErrorKind::PermissionDenied.into(), HERE, 443, "https_port");
        assert!(text.contains("port 443") && text.contains("setcap"), "{text}");
    }

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 x";
        assert_eq!(listening(line, 8080).as_deref(), Some("4711"));
        assert_eq!(listening(line, 8081), None);
        assert_eq!(listening("  sl  local_address rem_address   st", 8080), None);
    }
}
