//! Whom a connection trusts: the roots that browsers trust, or certificates that the user gives.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::WsError;

/// The longest time that a snapshot may take.
const FETCH: Duration = Duration::from_secs(10);

/// How both kinds of connections check whom they talk to.
#[derive(Debug)]
pub(super) struct Trust {
    /// For WebSockets.
    pub(super) config: Arc<ClientConfig>,
    /// For HTTP.
    pub(super) agent: Agent,
}

impl Trust {
    /// Trusts the certificates of a PEM file, or without one those that browsers trust.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, WsError> {
        let provider = Arc::new(ring::default_provider());
        let own = ca_file.map(certificates).transpose()?;
        let mut roots = RootCertStore::empty();
        match &own {
            Some(own) => {
                let path = ca_file.unwrap_or(Path::new(""));
                for certificate in own {
                    let added = roots.add(certificate.clone());
                    added.map_err(|error| bad(path, &error.to_string()))?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| WsError::Tls { source })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), agent: agent(own.as_deref(), provider) })
    }
}

fn agent(own: Option<&[CertificateDer<'_>]>, provider: Arc<CryptoProvider>) -> Agent {
    let roots = match own {
        Some(own) => {
            let own = own.iter().map(|der| Certificate::from_der(der).to_owned());
            RootCerts::new_with_certs(&own.collect::<Vec<_>>())
        }
        None => RootCerts::WebPki,
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(roots)
        .build();
    Agent::config_builder().tls_config(tls).timeout_global(Some(FETCH)).build().into()
}

/// Reads the certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WsError> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| bad(path, &error.to_string()))?;
    if found.is_empty() {
        return Err(bad(path, "no certificate in it"));
    }
    Ok(found)
}

fn bad(path: &Path, found: &str) -> WsError {
    WsError::Certificates { path: path.to_owned(), found: found.to_owned() }
}
