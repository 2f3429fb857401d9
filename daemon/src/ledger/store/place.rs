//! Where a server is, and the encryption of what goes there: where it is asked for, by any `sslmode` from
//! `require` on, certificates and names are checked.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Result, StoreError};
use crate::files::own;

/// Where systems keep the certificates that they trust: Debian, Fedora, others.
const OF_SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Trust {
    System,
    /// Those of a file.
    File(PathBuf),
}

/// All that is needed to connect.
#[derive(Clone)]
pub(in crate::ledger) struct Place {
    config: Config,
    encryption: Option<MakeRustlsConnect>,
}

impl Place {
    pub(in crate::ledger) fn plain(mut config: Config) -> Self {
        config.ssl_mode(SslMode::Disable);
        Self { config, encryption: None }
    }

    /// As all of PostgreSQL's programs do it, what goes over a socket of this machine is not encrypted.
    pub(in crate::ledger) fn encrypted(mut config: Config, trust: &Trust) -> Result<Self> {
        if !config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_))) {
            return Ok(Self::plain(config));
        }
        config.ssl_mode(SslMode::Require);
        let failed = |path: &Path, reason: String| StoreError::Certificates {
            path: path.to_path_buf(),
            reason,
        };
        let path = match trust {
            Trust::File(path) => path.clone(),
            Trust::System => {
                let known = OF_SYSTEM.iter().map(Path::new).find(|path| path.exists());
                known.unwrap_or(Path::new(OF_SYSTEM[0])).to_path_buf()
            }
        };
        let mut pem = Vec::new();
        let opened = own::open(&path.canonicalize().unwrap_or(path.clone()));
        let mut file = opened.map_err(|error| failed(&path, error.reason(&path)))?;
        file.read_to_end(&mut pem).map_err(|error| failed(&path, error.to_string()))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
        if roots.is_empty() {
            return Err(failed(&path, "there is no certificate in it".to_owned()));
        }
        let provider = Arc::new(crypto::ring::default_provider());
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| failed(&path, error.to_string()))?;
        let tls = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config, encryption: Some(MakeRustlsConnect::new(tls)) })
    }

    pub(super) fn connect(&self) -> std::result::Result<Client, postgres::Error> {
        match &self.encryption {
            None => self.config.connect(NoTls),
            Some(encryption) => self.config.connect(encryption.clone()),
        }
    }
}
