//! Certificate and key.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;

/// TLS files that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TLS, {path}: {detail}")]
pub struct TlsError {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub detail: String,
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub(crate) fn load(files: &TlsFiles) -> Result<RustlsConfig, TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|e| failed(&files.certificate, &e))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| failed(&files.key, &e))?;
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for both versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| failed(&files.certificate, &e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError { path: path.display().to_string(), detail: error.to_string() }
}
