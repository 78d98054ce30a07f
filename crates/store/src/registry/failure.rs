//! Why a request failed: what decides whether it is tried again, and what the user is told.

use std::{io::Read as _, time::Duration};

use diag::{Code, Error, codes};
use serde::Deserialize;
use ureq::{
    Body,
    http::{HeaderMap, Response, StatusCode},
};

use super::Endpoint;

/// The longest body of a refusal that is looked at.
const BODY_LIMIT: u64 = 64 * 1024;
/// The longest part of a registry's words that is repeated.
const WORDS_LIMIT: usize = 300;

/// Why a request failed.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    tries: u32,
}

#[derive(Debug)]
enum Kind {
    /// Nobody answered, or the connection broke.
    Broken(String),
    /// The answer makes no sense, or the request cannot be made.
    Final(String),
    /// No trust: the certificate was not accepted.
    Untrusted(String),
    /// The registry answered, and not as hoped.
    Status { status: StatusCode, words: Option<String>, retry_after: Option<Duration> },
}

/// A refusal as the specification has it.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Reason {
    fn words(&self) -> Option<String> {
        match (&*self.code, &*self.message) {
            ("", "") => None,
            (code, "") => Some(code.to_owned()),
            ("", message) => Some(message.to_owned()),
            (code, message) => Some(format!("{message} ({code})")),
        }
    }
}

impl Failure {
    /// A connection that broke; it may work when tried again.
    pub(super) fn broken(why: impl Into<String>) -> Failure {
        Failure { kind: Kind::Broken(why.into()), tries: 1 }
    }

    /// Something that no further try will mend.
    pub(super) fn final_(why: impl Into<String>) -> Failure {
        Failure { kind: Kind::Final(why.into()), tries: 1 }
    }

    /// Reads the registry's own words from its answer.
    pub(super) fn answered(response: Response<Body>) -> Failure {
        let (parts, body) = response.into_parts();
        let retry_after = retry_after(&parts.headers);
        let mut text = Vec::new();
        // A refusal without readable words is still a refusal.
        let _ = body.into_reader().take(BODY_LIMIT).read_to_end(&mut text);
        let kind = Kind::Status { status: parts.status, words: words(&text), retry_after };
        Failure { kind, tries: 1 }
    }

    /// With the number of tries that were made.
    pub(super) fn after(self, tries: u32) -> Failure {
        Failure { tries, ..self }
    }

    #[cfg(test)]
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// The status of the answer, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match &self.kind {
            Kind::Status { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Whether it can pass by itself.
    pub(super) fn is_passing(&self) -> bool {
        match &self.kind {
            Kind::Broken(_) => true,
            Kind::Final(_) | Kind::Untrusted(_) => false,
            Kind::Status { status, .. } => {
                status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
        }
    }

    /// Whether nobody spoke the expected protocol there: another one may be.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self.kind, Kind::Broken(_) | Kind::Untrusted(_) | Kind::Final(_))
    }

    /// How long the registry wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// In a few words, for progress lines.
    pub(super) fn brief(&self) -> String {
        match &self.kind {
            Kind::Broken(why) | Kind::Final(why) | Kind::Untrusted(why) => why.clone(),
            Kind::Status { status, .. } => format!("the registry answered {status}"),
        }
    }

    /// What the user is told: `what` did not work.
    pub(super) fn into_error(self, what: &str, endpoint: &Endpoint) -> Error {
        let host = &endpoint.host;
        let error = Error::new(self.code(), what.to_owned());
        let error = match &self.kind {
            Kind::Broken(why) | Kind::Final(why) | Kind::Untrusted(why) => error.fact(why.clone()),
            Kind::Status { status, words, .. } => match words {
                Some(words) => error.fact(format!("`{host}` answered {status}: {words}")),
                None => error.fact(format!("`{host}` answered {status}")),
            },
        };
        let error = if self.tries > 1 { error.fact(format!("it was tried {} times", self.tries)) } else { error };
        self.with_cure(error, endpoint)
    }

    fn code(&self) -> Code {
        match &self.kind {
            Kind::Broken(_) | Kind::Final(_) | Kind::Untrusted(_) => codes::UR0921,
            Kind::Status { status, .. } => match status.as_u16() {
                401 | 403 => codes::UR0922,
                404 => codes::UR0923,
                _ => codes::UR0924,
            },
        }
    }

    fn with_cure(&self, error: Error, endpoint: &Endpoint) -> Error {
        let host = &endpoint.host;
        match &self.kind {
            Kind::Untrusted(_) => error.help(format!(
                "put the authority's certificate into `/etc/containers/certs.d/{host}/ca.crt`; \
                 or, if nobody can be in between, use --tls-verify=false"
            )),
            Kind::Broken(_) | Kind::Final(_) => {
                let error = match super::proxy::in_use() {
                    Some(proxy) => error.fact(format!("connections go through the proxy `{proxy}`")),
                    None => error,
                };
                if is_local(host) && !endpoint.insecure {
                    return error.help("a registry that speaks plain HTTP is used with --tls-verify=false");
                }
                error.help("check the name, and whether this machine reaches it; behind a proxy set HTTPS_PROXY")
            }
            Kind::Status { status, .. } => match (status.as_u16(), &endpoint.credential) {
                (401 | 403, None) => error.help_run("log in", format!("unroot login {host}")),
                (401 | 403, Some(_)) => {
                    error.help(format!("this account may not do that; log in to `{host}` with another one"))
                }
                (429, None) => {
                    error.help_run("registries give more to those who log in", format!("unroot login {host}"))
                }
                (500.., _) => error.help("the fault is the registry's: try again later, or ask whoever runs it"),
                _ => error,
            },
        }
    }
}

fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.starts_with("127.") || name == "[::1]"
}

/// In seconds; a date would need the registry's clock, and is passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The registry's reasons: what the specification has, or a short plain text. Fit for a terminal.
fn words(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.errors.iter().filter_map(Reason::words).collect::<Vec<_>>().join("; "),
        // Pages of proxies and of the like say nothing in their first lines.
        Err(_) if body.starts_with(b"<") => String::new(),
        Err(_) => str::from_utf8(body).ok()?.trim().lines().next().unwrap_or_default().to_owned(),
    };
    let shown: String = text.chars().filter(|letter| !letter.is_control()).take(WORDS_LIMIT).collect();
    (!shown.is_empty()).then_some(shown)
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Failure {
        let kind = match error {
            ureq::Error::HostNotFound => Kind::Broken("its name has no address".to_owned()),
            ureq::Error::Timeout(which) => Kind::Broken(format!("no answer in time ({which})")),
            ureq::Error::ConnectionFailed => Kind::Broken("no connection could be made".to_owned()),
            ureq::Error::Io(error) => of_io(&error),
            ureq::Error::Rustls(error) => of_tls(&error.to_string()),
            ureq::Error::Tls(words) => of_tls(words),
            ureq::Error::ConnectProxyFailed(words) => {
                Kind::Broken(format!("the proxy made no connection: {}", words.trim()))
            }
            ureq::Error::Protocol(words) => Kind::Final(format!("what answers there does not speak HTTP: {words}")),
            other => Kind::Final(other.to_string()),
        };
        Failure { kind, tries: 1 }
    }
}

/// TLS speaks through input and output, too.
fn of_io(error: &std::io::Error) -> Kind {
    let text = error.to_string();
    let tls = error.get_ref().is_some_and(|inner| inner.to_string().contains("certificate"));
    match error.kind() {
        _ if tls => of_tls(&text),
        std::io::ErrorKind::InvalidData => Kind::Final(format!("what answers there does not speak TLS: {text}")),
        _ => Kind::Broken(text),
    }
}

fn of_tls(words: &str) -> Kind {
    let text = format!("the connection is not trusted: {words}");
    if words.contains("certificate") { Kind::Untrusted(text) } else { Kind::Final(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_are_repeated_and_nothing_else_is() {
        let refusal = br#"{"errors":[{"code":"DENIED","message":"no \u001b[31m","detail":{}},{"code":"X"}]}"#;
        assert_eq!(words(refusal).unwrap(), "no [31m (DENIED); X");
        assert_eq!(words(b"<html>busy</html>"), None);
        assert_eq!(words(b"too busy\nreally"), Some("too busy".to_owned()));
        assert_eq!(words(b""), None);
        assert!(words(&[b'x'; 5000]).unwrap().len() <= WORDS_LIMIT);
    }
}
