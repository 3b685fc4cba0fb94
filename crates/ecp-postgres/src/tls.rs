//! TLS to the server, as an address requires.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::{SslMode, SslNegotiation};

/// Protection of connections.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) mode: SslMode,
    pub(crate) check: Check,
    pub(crate) roots: Roots,
}

/// Check of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// Trusted authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    System,
    File(PathBuf),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Tls {
    /// The driver's configuration; `None` without TLS. Reads the file of authorities.
    pub(crate) fn client(
        &self,
        negotiation: SslNegotiation,
    ) -> Result<Option<ClientConfig>, Failure> {
        if self.mode == SslMode::Disable {
            return Ok(None);
        }
        // The provider is passed in here: no process-wide default is needed or set.
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let unnamed = |roots| Arc::new(Unnamed { roots, provider });
        let builder = match (self.check, &self.roots) {
            (Check::AuthorityAndName, Roots::System) => builder.with_platform_verifier()?,
            (Check::AuthorityAndName, Roots::File(path)) => {
                builder.with_root_certificates(authorities(path)?)
            }
            (Check::Authority, Roots::File(path)) => builder
                .dangerous()
                .with_custom_certificate_verifier(unnamed(Some(authorities(path)?))),
            // No address combines the machine's authorities with an unchecked name.
            (Check::Nothing | Check::Authority, _) => {
                builder.dangerous().with_custom_certificate_verifier(unnamed(None))
            }
        };
        let mut client = builder.with_no_client_auth();
        if negotiation == SslNegotiation::Direct {
            client.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Some(client))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, Failure> {
    let failed = |error: Failure| -> Failure { format!("{}: {error}", path.display()).into() };
    let pem = std::fs::read(path).map_err(|error| failed(error.into()))?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| failed(error.into()))?;
        authorities.add(certificate).map_err(|error| failed(error.into()))?;
    }
    if authorities.is_empty() {
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            "it holds no certificate in PEM form (`BEGIN CERTIFICATE`)",
        );
        return Err(failed(error.into()));
    }
    Ok(authorities)
}

/// Checks the issuer of a certificate, if there are authorities, and not its name.
#[derive(Debug)]
struct Unnamed {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unnamed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let parsed = ParsedCertificate::try_from(certificate)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
