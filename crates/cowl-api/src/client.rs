//! The typed client: one async method for every path of the contract.
//!
//! A [`Client`] is cheap to clone and shares its connections. It follows no redirect, sends no cookie,
//! and puts the session's token in a header only. Answers are read up to a bound, so that a server
//! cannot fill the memory of its clients.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};

mod accounts;
mod call;
mod config;
mod error;
mod grants;
mod jobs;
mod log;
mod parts;
mod records;
#[cfg(test)]
mod tests;

pub use config::{ClientConfig, Timeouts};
pub use error::ClientError;
pub use jobs::{JobFilter, JobRole};
pub use parts::PartStream;

/// Speaks to one server, with or without a session.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    config: Arc<ClientConfig>,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let session = if self.authorization.is_some() { "with" } else { "without" };
        write!(f, "Client({} {session} a session)", self.base)
    }
}

impl Client {
    /// A client without a session.
    ///
    /// # Errors
    /// [`ClientError::Config`] when the address is no `http` or `https` URL, or the certificates are no PEM.
    pub fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let base = parse_base(&config.base_url)?;
        let http = connector(config, &base)?;
        Ok(Self { http, config: Arc::new(config.clone()), base, authorization: None })
    }

    /// The same client with a session's token, as [`crate::types::Session`] carries it.
    #[must_use]
    pub fn with_token(&self, token: &[u8]) -> Self {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(token);
        let mut value = HeaderValue::from_str(&format!("Bearer {encoded}")).expect("base64 fits in a header");
        value.set_sensitive(true);
        Self { authorization: Some(value), ..self.clone() }
    }

    /// The same client without a session.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// The server's address.
    pub fn base_url(&self) -> &str {
        self.base.as_str()
    }

    fn authorize(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }
}

fn parse_base(text: &str) -> Result<Url, ClientError> {
    let fits = |url: &Url| {
        let known = matches!(url.scheme(), "http" | "https") && url.has_host();
        known && url.query().is_none() && url.username().is_empty() && url.password().is_none()
    };
    Url::parse(text).ok().filter(fits).ok_or_else(|| ClientError::Config {
        detail: format!("'{text}' is not the address of a server, such as https://cloud.example"),
    })
}

fn connector(config: &ClientConfig, base: &Url) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(config.timeouts.connect)
        .tcp_nodelay(true)
        .user_agent(concat!("cowl/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = &config.ca_pem {
        let certificates =
            Certificate::from_pem_bundle(pem).map_err(|e| config_error("the certificates", &e))?;
        builder = builder.tls_certs_only(certificates);
    } else if base.scheme() == "http" {
        // Without TLS nothing needs the system's certificates, and a machine without any must do.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| config_error("the connection", &e))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn config_error(what: &str, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Config { detail: format!("{what}: {error}") }
}
