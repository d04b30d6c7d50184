//! TLS in front of the server, with a certificate that the browser trusts.

use std::sync::Arc;

use data_encoding::BASE64;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The host that the certificate is for; the browser resolves every name to this machine.
pub(crate) const HOST: &str = "demo.example.com";

/// A certificate, and how the browser recognises it.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    pub(crate) fingerprint: String,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let fingerprint = BASE64.encode(&Sha256::digest(key.subject_public_key_info()));
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint }
    }

    /// An origin in front of `server`.
    pub(crate) async fn in_front_of(&self, server: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{HOST}:{}", listener.local_addr().unwrap().port());
        let (acceptor, server) = (self.acceptor.clone(), server.strip_prefix("http://").unwrap().to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    // A browser opens connections that it does not use; their ends are no errors.
                    if let (Ok(mut inside), Ok(mut outside)) =
                        (TcpStream::connect(server).await, acceptor.accept(stream).await)
                    {
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        origin
    }
}
