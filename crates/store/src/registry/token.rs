//! Tokens: what is shown to a registry instead of a password.
//!
//! Source: Docker's token authentication specification (`GET realm?service=…&scope=…`) and its OAuth 2 variant.

use std::io::Read as _;

use serde::Deserialize;
use ureq::http::{Method, header};

use super::{
    Credential, Registry,
    challenge::Challenge,
    failure::Failure,
    request::{Payload, Request},
};

/// The longest answer that is read. Tokens have a few kilobytes.
const LIMIT: u64 = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Registry {
    /// What answers a challenge: the value of the `Authorization` header; `None` if we have nothing to show.
    pub(super) fn prove(&self, challenge: &Challenge) -> Result<Option<String>, Failure> {
        let (realm, service, asked) = match challenge {
            Challenge::Basic => return Ok(self.endpoint.credential.as_ref().and_then(basic)),
            Challenge::Bearer { realm, service, scope } => (realm, service, scope),
        };
        let mut scopes = self.scopes();
        // The registry may know it under another name than we do.
        if let Some(asked) = asked.as_ref().filter(|asked| !scopes.contains(asked)) {
            scopes.push(asked.clone());
        }
        let request = match &self.endpoint.credential {
            Some(Credential::Identity(token)) => self.exchange(realm, service.as_deref(), &scopes, token),
            credential => {
                let proof = credential.as_ref().and_then(basic);
                let url = address(realm, service.as_deref(), &scopes);
                let headers = proof.map(|proof| vec![(header::AUTHORIZATION.as_str(), proof)]).unwrap_or_default();
                self.endpoint
                    .patience
                    .run(|| self.ask(&Request { headers: headers.clone(), ..Request::plain(Method::GET, url.clone()) }))
            }
        };
        let answer = request?;
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        if token.is_empty() {
            return Err(Failure::final_(format!("`{realm}` gave an answer without a token")));
        }
        Ok(Some(format!("Bearer {token}")))
    }

    fn exchange(&self, realm: &str, service: Option<&str>, scopes: &[String], token: &str) -> Result<Answer, Failure> {
        let scope = scopes.join(" ");
        let fields = [
            ("grant_type", "refresh_token"),
            ("service", service.unwrap_or_default()),
            ("client_id", "unroot"),
            ("scope", &scope),
            ("refresh_token", token),
        ];
        let form = fields.map(|(name, value)| format!("{name}={}", escaped(value))).join("&");
        self.endpoint.patience.run(|| {
            self.ask(&Request {
                method: Method::POST,
                url: realm.to_owned(),
                headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
                payload: Payload::Bytes(form.as_bytes()),
            })
        })
    }

    fn ask(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let secure =
            request.url.starts_with("https://") || (self.endpoint.insecure && request.url.starts_with("http://"));
        if !secure {
            return Err(Failure::final_(format!("tokens come from `{}`, which is not HTTPS", request.url)));
        }
        let response = self.transmit(request, None)?;
        if !response.status().is_success() {
            return Err(Failure::answered(response));
        }
        let mut text = Vec::new();
        let read = response.into_body().into_reader().take(LIMIT).read_to_end(&mut text);
        read.map_err(|error| Failure::broken(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|_| Failure::final_("the maker of tokens gave an answer that is none"))
    }
}

/// The address with its questions.
fn address(realm: &str, service: Option<&str>, scopes: &[String]) -> String {
    let mut url = realm.to_owned();
    let questions = service.map(|service| ("service", service)).into_iter();
    for (name, value) in questions.chain(scopes.iter().map(|scope| ("scope", scope.as_str()))) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.extend([name, "=", &escaped(value)]);
    }
    url
}

/// RFC 3986, percent encoding of everything but letters, digits and `-._~`.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
        out
    })
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

/// `Basic …`; an identity token is no password.
fn basic(credential: &Credential) -> Option<String> {
    match credential {
        Credential::Basic { user, password } => {
            Some(format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
        }
        Credential::Identity(_) => None,
    }
}

/// RFC 4648, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let value = group
            .iter()
            .enumerate()
            .fold(0_usize, |value, (index, byte)| value | usize::from(*byte) << (16 - 8 * index));
        for digit in 0..4 {
            let known = digit <= group.len();
            text.push(if known { char::from(DIGITS[value >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_rfc_has_it() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn questions_are_escaped() {
        let url = address("http://a/t?x=1", Some("re g"), &["repository:a/b:pull,push".into()]);
        assert_eq!(url, "http://a/t?x=1&service=re%20g&scope=repository%3Aa%2Fb%3Apull%2Cpush");
    }
}
