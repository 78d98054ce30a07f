//! The grammar itself: texts in, parts out.

use std::ops::Range;

use super::Fault;
use crate::Digest;

/// The longest name, host and path together, in bytes.
pub(super) const NAME_LIMIT: usize = 255;
/// The longest tag, in bytes.
const TAG_LIMIT: usize = 128;

/// The parts of a reference as they were written.
pub(super) struct Parts<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) path: &'a str,
    /// The bytes that host and path take together.
    pub(super) name_length: usize,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<Digest>,
}

/// Takes a reference apart.
pub(super) fn split(text: &str) -> Result<Parts<'_>, Fault> {
    let fault = |range: Range<usize>, what| Fault { text: text.into(), range, what };
    if text.is_empty() {
        return Err(fault(0..0, "it is empty"));
    }
    let (rest, digest) = match text.split_once('@') {
        None => (text, None),
        Some((rest, digest)) => {
            let what = "after `@` comes `sha256:` and 64 digits of 0-9 and a-f";
            let digest = Digest::parse(digest).map_err(|_| fault(rest.len() + 1..text.len(), what))?;
            (rest, Some(digest))
        }
    };
    // A colon before the last slash belongs to a port.
    let (name, tag) = match rest.rfind(':').filter(|colon| !rest[*colon..].contains('/')) {
        Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
        None => (rest, None),
    };
    if let Some(tag) = tag {
        check_tag(tag).map_err(|what| fault(name.len() + 1..rest.len(), what))?;
    }
    if name.is_empty() {
        return Err(fault(0..0, "the name is missing"));
    }
    let (host, path) = split_host(name);
    if let Some(host) = host {
        check_host(host).map_err(|what| fault(0..host.len(), what))?;
    }
    check_path(path, name.len() - path.len()).map_err(|(range, what)| fault(range, what))?;
    if host.is_none() && path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(fault(0..64, "64 hexadecimal digits are an image's id, not its name"));
    }
    Ok(Parts { host, path, name_length: name.len(), tag, digest })
}

/// What comes before the first slash is a host if it cannot be a path, or is `localhost`.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':', '['])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn check_tag(tag: &str) -> Result<(), &'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match tag.as_bytes() {
        [] => Err("the tag is empty"),
        [first, ..] if !word(*first) => Err("a tag begins with a letter, a digit or `_`"),
        bytes if !bytes.iter().all(|byte| word(*byte) || b".-".contains(byte)) => {
            Err("a tag has letters, digits, `_`, `.` and `-` only")
        }
        bytes if bytes.len() > TAG_LIMIT => Err("a tag has at most 128 characters"),
        _ => Ok(()),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err()) {
        return Err("the port is not a number below 65536");
    }
    if let Some(inner) = name.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok());
        return address.map(|_| ()).ok_or("between `[` and `]` comes an IPv6 address");
    }
    let good = name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    if good { Ok(()) } else { Err("the host is not a host name") }
}

/// `offset` is where the path begins in the whole text.
fn check_path(path: &str, offset: usize) -> Result<(), (Range<usize>, &'static str)> {
    let mut at = offset;
    for component in path.split('/') {
        let range = at..at + component.len();
        check_component(component).map_err(|what| (range, what))?;
        at += component.len() + 1;
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err("a part of the path is empty");
    };
    if bytes.iter().any(u8::is_ascii_uppercase) {
        return Err("a path has no upper-case letters");
    }
    if !bytes.iter().all(|byte| plain(*byte) || b"._-".contains(byte)) {
        return Err("a path has lower-case letters, digits, `.`, `_`, `-` and `/` only");
    }
    if !plain(*first) || !plain(*last) {
        return Err("each part of a path begins and ends with a letter or a digit");
    }
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let good = separators.into_iter().all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'));
    if good { Ok(()) } else { Err("inside a path stand single `.`, one or two `_`, or any number of `-`") }
}
