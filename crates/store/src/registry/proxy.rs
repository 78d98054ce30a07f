//! Which proxy leads to a host: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in both spellings.
//!
//! As in Go's programs: a proxy belongs to the scheme of the address, this machine itself is never asked for through one, and a
//! name in `NO_PROXY` stands for everything below it, too. Source: Go, `net/http.ProxyFromEnvironment`.

use std::{env, net::IpAddr};

use diag::{Error, Result, codes};
use ureq::Proxy;

/// The proxy of a scheme for a registry at `host`, and what is reached without it. Error: UR0921 for an address that is none.
pub(super) fn of(scheme: &str, host: &str) -> Result<Option<Proxy>> {
    let Some(text) = variable(names(scheme)) else { return Ok(None) };
    let wrong = |error: ureq::Error| {
        Error::new(codes::UR0921, format!("`{text}` is not the address of a proxy")).words(error).help(
            "it comes from HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, and is written `http://[user:password@]host:port`",
        )
    };
    let plain = Proxy::new(&text).map_err(wrong)?;
    let mut builder = Proxy::builder(plain.protocol()).host(plain.host()).port(plain.port());
    if let Some(user) = plain.username() {
        builder = builder.username(user);
    }
    if let Some(password) = plain.password() {
        builder = builder.password(password);
    }
    let exceptions = variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    for pattern in ["localhost".into(), "127.*".into(), "[::1]".into()].into_iter().chain(patterns(&exceptions, host)) {
        builder = builder.no_proxy(&pattern);
    }
    builder.build().map(Some).map_err(wrong)
}

/// The address of a proxy that is set, for messages, without its password.
pub(super) fn in_use() -> Option<String> {
    let proxy = Proxy::new(&variable(names("https"))?).ok()?;
    Some(format!("{}:{}", proxy.host(), proxy.port()))
}

fn names(scheme: &str) -> &'static [&'static str] {
    if scheme == "https" {
        &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    }
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.trim().is_empty())
}

/// What a list of exceptions means, as patterns of names; ranges of addresses count for `host` only.
fn patterns(exceptions: &str, host: &str) -> Vec<String> {
    let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let mut patterns = Vec::new();
    for entry in exceptions.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        if let Some((network, bits)) = entry.split_once('/') {
            if within(bare, network, bits).unwrap_or(false) {
                patterns.push(bare.to_owned());
            }
            continue;
        }
        // A port narrows it down to one of the host's programs.
        let (name, port) = entry.rsplit_once(':').map_or((entry, None), |(name, port)| (name, Some(port)));
        if port.is_some_and(|port| !host.ends_with(&format!(":{port}"))) {
            continue;
        }
        patterns.push(name.to_owned());
        if !name.starts_with(['.', '*']) && name.parse::<IpAddr>().is_err() {
            patterns.push(format!(".{name}"));
        }
    }
    patterns
}

/// Whether an address lies in a network.
fn within(host: &str, network: &str, bits: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    match (host.trim_matches(['[', ']']).parse().ok()?, network.parse().ok()?) {
        (IpAddr::V4(host), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Some(host.to_bits() & mask == network.to_bits() & mask)
        }
        (IpAddr::V6(host), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Some(host.to_bits() & mask == network.to_bits() & mask)
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let all = patterns("example.com, .corp,10.0.0.0/8,*.lab, reg.local:5000", "10.1.2.3:5000");
        assert_eq!(all, ["example.com", ".example.com", ".corp", "10.1.2.3", "*.lab", "reg.local", ".reg.local"]);
        assert!(patterns("10.0.0.0/8,reg.local:5000", "11.0.0.1:443").is_empty());
        assert_eq!(within("[fd00::1]", "fd00::", "8"), Some(true));
        assert_eq!(within("10.0.0.1", "0.0.0.0", "0"), Some(true));
        assert_eq!(within("example.com", "10.0.0.0", "8"), None);
        assert_eq!(within("10.0.0.1", "10.0.0.0", "64"), Some(false));
    }
}
