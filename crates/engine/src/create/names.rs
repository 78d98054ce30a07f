//! How the container is called, and what it is told of other names.

use std::{net::IpAddr, path::Path};

use diag::{Error, Result, codes};
use store::ContainerId;

use super::{Base, Setting, contradiction, file, flag};
use crate::{
    config::{HostsBase, NameFiles, Network},
    request::{Given, is_on},
    values,
};

pub(super) fn network(given: Option<&Given<String>>) -> Result<Network> {
    let Some(given) = given else { return Ok(Network::None) };
    match given.value.as_str() {
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        other => Err(given.blame(
            Error::new(codes::UR0808, format!("the network `{other}` is not supported by this version"))
                .help("`none` is a network of the container's own without a way out, `host` is the host's"),
        )),
    }
}

/// The kernel's limit is 64 bytes. On the host's network the host's name is the container's, as Podman has it.
pub(super) fn hostname(given: Option<&Given<String>>, id: &ContainerId, network: Network) -> Result<String> {
    match given {
        Some(name) if name.value.is_empty() || name.value.len() > 64 => {
            Err(name.blame(Error::new(codes::UR0806, "a host name has 1 to 64 characters")))
        }
        Some(name) => Ok(name.value.clone()),
        None if network == Network::Host => {
            Ok(rustix::system::uname().nodename().to_string_lossy().chars().take(64).collect())
        }
        None => Ok(id.short().to_owned()),
    }
}

/// What is written into `hosts`, `hostname` and `resolv.conf`.
pub(super) fn files(setting: &Setting, base: &Base) -> Result<NameFiles> {
    let (asked, conf) = (&setting.request.network, &setting.conf.containers);
    let added = values::commas(&asked.add_host)?;
    let no_hosts = flag(asked.no_hosts.as_ref(), conf.no_hosts.as_ref());
    if let (true, Some(no_hosts), Some(added)) = (is_on(asked.no_hosts.as_ref()), &asked.no_hosts, added.first()) {
        return Err(contradiction("--no-hosts", "--add-host", no_hosts.clone().at.or(added.at.clone())));
    }
    let servers = values::commas(&asked.dns)?;
    let none = servers.iter().find(|server| server.value == "none");
    let or_conf = |list: Vec<Given<String>>, conf: &[Given<String>]| if list.is_empty() { conf.to_vec() } else { list };
    let (searches, options) = (values::commas(&asked.dns_search)?, values::commas(&asked.dns_option)?);
    if let Some(none) = none.filter(|_| servers.len() + searches.len() + options.len() > 1) {
        let what = "`--dns none` leaves /etc/resolv.conf to the image, so nothing can be written into it";
        return Err(none.blame(Error::new(codes::UR0830, what)));
    }
    let no_resolv = none.is_some();
    let servers = if no_resolv { Vec::new() } else { or_conf(servers, &conf.dns_servers) };
    let texts = |list: Vec<Given<String>>| list.into_iter().map(|given| given.value).collect();
    Ok(NameFiles {
        no_hosts,
        no_hostname: flag(asked.no_hostname.as_ref(), conf.no_hostname.as_ref()),
        no_resolv,
        base: hosts_base(setting, base)?,
        hosts: added.iter().map(added_host).collect::<Result<_>>()?,
        servers: servers.iter().map(server).collect::<Result<_>>()?,
        searches: texts(or_conf(searches, &conf.dns_searches)),
        options: texts(or_conf(options, &conf.dns_options)),
    })
}

/// `--hosts-file`, or `base_hosts_file` of containers.conf.
fn hosts_base(setting: &Setting, base: &Base) -> Result<HostsBase> {
    let given = setting.request.network.hosts_file.as_ref().or(setting.conf.containers.base_hosts_file.as_ref());
    let Some(given) = given.filter(|given| !given.value.is_empty()) else { return Ok(HostsBase::Network) };
    match given.value.as_str() {
        "none" => Ok(HostsBase::None),
        "image" => {
            let text = base.files.iter().find_map(|dir| dir.read("etc/hosts", 1 << 20).ok()).unwrap_or_default();
            Ok(HostsBase::Image(String::from_utf8_lossy(&text).into_owned()))
        }
        path if Path::new(path).is_absolute() => {
            file::read(given)?;
            Ok(HostsBase::File(path.into()))
        }
        other => Err(given.blame(
            Error::new(codes::UR0806, format!("the path `{other}` of the hosts file is not absolute"))
                .help("it is an absolute path, `image` or `none`"),
        )),
    }
}

/// `NAME[;NAME…]:ADDRESS`, where an IPv6 address may stand in brackets.
fn added_host(given: &Given<String>) -> Result<(String, Vec<String>)> {
    let refused = |what: String| {
        given.blame(Error::new(codes::UR0806, what).help("write it as NAME:ADDRESS, such as `db:192.0.2.7`"))
    };
    let text = given.value.as_str();
    let (names, address) =
        text.split_once(':').ok_or_else(|| refused(format!("`{text}` has no address behind a colon")))?;
    if address == "host-gateway" {
        let what = "`host-gateway` is an address of a network that this version does not make";
        return Err(given.blame(Error::new(codes::UR0808, what)));
    }
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = bare.parse().map_err(|_| refused(format!("`{bare}` is not an IP address")))?;
    let names: Vec<String> = names.split(';').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#')) {
        return Err(refused(format!("`{text}` has no name, or one with blanks in it")));
    }
    Ok((address.to_string(), names))
}

fn server(given: &Given<String>) -> Result<String> {
    let address: std::result::Result<IpAddr, _> = given.value.parse();
    address.map(|address| address.to_string()).map_err(|_| {
        given.blame(
            Error::new(codes::UR0806, format!("the name server `{}` is not an IP address", given.value))
                .help("resolv.conf(5) knows servers by their addresses"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<(String, String)> {
        let given = Given::unwritten(text.to_owned());
        added_host(&given).ok().map(|(address, names)| (address, names.join(" ")))
    }

    #[test]
    fn hosts_that_are_added() {
        let is = |address: &str, names: &str| Some((address.to_owned(), names.to_owned()));
        assert_eq!(host("a:1.2.3.4"), is("1.2.3.4", "a"));
        assert_eq!(host("a;b.c:1.2.3.4"), is("1.2.3.4", "a b.c"));
        assert_eq!(host("a:::1"), is("::1", "a"));
        assert_eq!(host("a:[fe80::2]"), is("fe80::2", "a"));
        for wrong in ["a", ":1.2.3.4", "a:", "a:b", "a b:1.2.3.4", "a:1.2.3", "a;:1.2.3.4", "a:host-gateway"] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }
}
