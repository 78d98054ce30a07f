//! `--change`: single instructions in the words of a Containerfile, applied to an image's configuration.
//!
//! Source: podman-import(1), containerfile(5). The word and its value are parted by a space or by `=`.

use diag::{Code, Error, Result, codes};
use oci::ImageConfig;

/// Applies one instruction. Errors: UR0806 for one that is wrong, UR0808 for one that is not supported.
pub(super) fn apply(config: &mut ImageConfig, change: &str) -> Result<()> {
    let refuse = |code: Code, why: &str| Err(Error::new(code, format!("`{change}` cannot be applied: {why}")));
    let change = change.trim();
    let (word, value) = change.split_once([' ', '\t', '=']).unwrap_or((change, ""));
    let (word, value) = (word.to_ascii_uppercase(), value.trim());
    if change.contains('\0') {
        return refuse(codes::UR0806, "it has a NUL character in it");
    }
    if value.is_empty() && !matches!(word.as_str(), "CMD" | "ENTRYPOINT" | "USER") {
        return refuse(codes::UR0806, "it has no value");
    }
    let one = |value: &str| words(value).map(|words| words.join(" "));
    let applied = match word.as_str() {
        "CMD" => command(value).map(|command| config.cmd = command),
        "ENTRYPOINT" => command(value).map(|command| config.entrypoint = command),
        "USER" => one(value).map(|user| config.user = user),
        "WORKDIR" => one(value).map(|path| config.workdir = workdir(&config.workdir, path)),
        "STOPSIGNAL" => one(value).map(|signal| config.stop_signal = signal),
        "ENV" => pairs(value).map(|pairs| pairs.into_iter().for_each(|(name, value)| set_env(config, &name, &value))),
        "LABEL" => pairs(value).map(|pairs| config.labels.extend(pairs)),
        "EXPOSE" => words(value).and_then(|words| expose(config, words)),
        "VOLUME" => volumes(value).map(|paths| config.volumes.extend(paths)),
        "ONBUILD" | "HEALTHCHECK" | "SHELL" | "MAINTAINER" => {
            return refuse(codes::UR0808, "this instruction is not supported");
        }
        _ => Err("there is no such instruction"),
    };
    applied.or_else(|why| refuse(codes::UR0806, why)).map_err(|error| {
        error.help("the instructions are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR")
    })
}

/// A JSON list of words, or a line for the shell.
fn command(value: &str) -> Result<Vec<String>, &'static str> {
    match value {
        "" => Ok(Vec::new()),
        list if list.starts_with('[') => serde_json::from_str(list).map_err(|_| "it is not a JSON list of strings"),
        line => Ok(vec!["/bin/sh".into(), "-c".into(), line.into()]),
    }
}

/// A relative path continues the one before.
fn workdir(before: &str, path: String) -> String {
    if path.starts_with('/') { path } else { format!("{}/{path}", before.trim_end_matches('/')) }
}

fn volumes(value: &str) -> Result<Vec<String>, &'static str> {
    let list = || serde_json::from_str(value).map_err(|_| "it is not a JSON list of strings");
    let paths = if value.starts_with('[') { list()? } else { words(value)? };
    if paths.iter().all(|path: &String| path.starts_with('/')) {
        Ok(paths)
    } else {
        Err("a volume's path begins with `/`")
    }
}

fn expose(config: &mut ImageConfig, ports: Vec<String>) -> Result<(), &'static str> {
    for port in ports {
        let (numbers, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        match (number(first), number(last), protocol) {
            (Some(first), Some(last), "tcp" | "udp" | "sctp") if first <= last => {
                config.exposed_ports.extend((first..=last).map(|port| format!("{port}/{protocol}")));
            }
            _ => return Err("a port is written `8080`, `8080/udp` or `8080-8090`"),
        }
    }
    Ok(())
}

fn set_env(config: &mut ImageConfig, name: &str, value: &str) {
    let prefix = format!("{name}=");
    config.env.retain(|entry| !entry.starts_with(&prefix));
    config.env.push(prefix + value);
}

/// `A=b C="d e"`, or the old `A the rest`.
fn pairs(value: &str) -> Result<Vec<(String, String)>, &'static str> {
    let words = words(value)?;
    if let [name, rest @ ..] = words.as_slice()
        && !name.contains('=')
        && !rest.is_empty()
    {
        return Ok(vec![(name.clone(), rest.join(" "))]);
    }
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err("it is written `NAME=VALUE`"),
        })
        .collect()
}

/// Words parted by white space; quotes hold them together, a backslash takes the next character as it is.
fn words(value: &str) -> Result<Vec<String>, &'static str> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next().unwrap_or('\\')),
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (character, Some(open)) if character == open => quote = None,
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            (character, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quotation mark is not closed") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(changes: &[&str]) -> ImageConfig {
        let mut config = ImageConfig::default();
        for change in changes {
            apply(&mut config, change).unwrap();
        }
        config
    }

    #[test]
    fn instructions_do_what_a_containerfile_does() {
        let config = applied(&[
            r#"CMD ["redis-server", "--port", "1"]"#,
            "ENTRYPOINT exec top -b",
            "ENV A=b C=\"d e\" F=g\\ h",
            "ENV A=z",
            "env=OLD style value",
            "LABEL a.b='c d' e=f",
            "EXPOSE 80 53/udp 90-92",
            "STOPSIGNAL=SIGQUIT",
            "USER redis:redis",
            "VOLUME [\"/data\"]",
            "VOLUME /a /b",
            "WORKDIR /srv",
            "WORKDIR www",
        ]);
        assert_eq!(config.cmd, ["redis-server", "--port", "1"]);
        assert_eq!(config.entrypoint, ["/bin/sh", "-c", "exec top -b"]);
        assert_eq!(config.env, ["C=d e", "F=g h", "A=z", "OLD=style value"]);
        assert_eq!(config.labels["a.b"], "c d");
        assert_eq!(Vec::from_iter(&config.exposed_ports), ["53/udp", "80/tcp", "90/tcp", "91/tcp", "92/tcp"]);
        assert_eq!((config.stop_signal.as_str(), config.user.as_str()), ("SIGQUIT", "redis:redis"));
        assert_eq!(Vec::from_iter(&config.volumes), ["/a", "/b", "/data"]);
        assert_eq!(config.workdir, "/srv/www");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (change, code) in [
            ("", codes::UR0806),
            ("FROM x", codes::UR0806),
            ("ENV", codes::UR0806),
            ("ENV A", codes::UR0806),
            ("ENV =b", codes::UR0806),
            ("ENV A=\"b", codes::UR0806),
            ("CMD [1]", codes::UR0806),
            ("EXPOSE 0", codes::UR0806),
            ("EXPOSE 70000", codes::UR0806),
            ("VOLUME a", codes::UR0806),
            ("USER a\0b", codes::UR0806),
            ("ONBUILD RUN x", codes::UR0808),
        ] {
            assert_eq!(apply(&mut ImageConfig::default(), change).unwrap_err().code(), code, "{change}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(change in "(CMD|ENV|LABEL|EXPOSE|VOLUME|WORKDIR)[ =]\\PC{0,30}") {
            let _ = apply(&mut ImageConfig::default(), &change);
        }
    }
}
