//! The HTTP client: trust, proxies, times.

use std::{sync::Arc, time::Duration};

use diag::{Error, Result, codes};
use ureq::{
    Agent,
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem},
};

use super::{Endpoint, proxy};

const USER_AGENT: &str = concat!("unroot/", env!("CARGO_PKG_VERSION"));

/// A connection is made in this time or not at all.
const CONNECT: Duration = Duration::from_secs(30);
/// A registry that is silent for so long in the middle of something is gone.
const SILENCE: Duration = Duration::from_mins(1);
/// The beginning of an answer may take so long: registries check what was sent to them before they answer.
const ANSWER: Duration = Duration::from_mins(5);

/// A client for one registry by one scheme. Errors: UR0921 for certificates or a proxy that cannot be used.
pub(super) fn make(endpoint: &Endpoint, scheme: &str) -> Result<Agent> {
    let mut config = Agent::config_builder()
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        // Followed by ourselves: secrets stay with the host and port that they are for.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections_per_host(8)
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE))
        .timeout_recv_response(Some(ANSWER))
        .input_buffer_size(128 * 1024)
        .output_buffer_size(128 * 1024)
        .proxy(proxy::of(scheme, &endpoint.host)?);
    // Plain HTTP may lead to HTTPS, and tokens have an address of their own.
    config = config.tls_config(trust(endpoint)?);
    Ok(config.build().new_agent())
}

fn trust(endpoint: &Endpoint) -> Result<TlsConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .disable_verification(endpoint.insecure)
        .root_certs(RootCerts::from(authorities(endpoint)?));
    Ok(match &endpoint.certificates.client {
        Some((certificate, key)) => builder.client_cert(Some(client(endpoint, certificate, key)?)).build(),
        None => builder.build(),
    })
}

/// Whom to trust: the machine's authorities and this registry's own.
fn authorities(endpoint: &Endpoint) -> Result<Vec<Certificate<'static>>> {
    let mut trusted = Vec::new();
    if !endpoint.insecure {
        // What of the machine's is damaged is not trusted; the failed connection says so.
        trusted.extend(
            rustls_native_certs::load_native_certs().certs.iter().map(|one| Certificate::from_der(one).to_owned()),
        );
    }
    for text in &endpoint.certificates.authorities {
        trusted.extend(certificates(endpoint, text)?);
    }
    Ok(trusted)
}

fn certificates(endpoint: &Endpoint, text: &[u8]) -> Result<Vec<Certificate<'static>>> {
    let mut found = Vec::new();
    for item in parse_pem(text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(endpoint, "certificate", error))? {
            found.push(certificate);
        }
    }
    Ok(found)
}

fn client(endpoint: &Endpoint, certificate: &[u8], key: &[u8]) -> Result<ClientCert> {
    let chain = certificates(endpoint, certificate)?;
    let key = PrivateKey::from_pem(key).map_err(|error| unusable(endpoint, "key", error))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn unusable(endpoint: &Endpoint, what: &str, error: ureq::Error) -> Error {
    Error::new(codes::UR0908, format!("a {what} for `{}` cannot be used", endpoint.host))
        .words(error)
        .help(format!("the files are in `certs.d/{}/`, and must be PEM", endpoint.host))
}
