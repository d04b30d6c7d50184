//! Stores over TLS: the server's certificate is verified, and one from an unknown authority is refused.

use std::path::Path;
use std::process::{Command, Stdio};

use mfa_test_servers::OwnServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::client::Consumer;
use crate::program::{Process, program};

/// An authority, and the certificate of `localhost` that it signed, as files.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority);
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("server.pem", server.unwrap().pem()),
        ("server.key", key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    folder
}

/// Enrols and uses a TOTP.
async fn works(url: &str, folder: &Path, authority: &Path) {
    let server = Process::spawn(program(folder).args(["--store", url]).env("SSL_CERT_FILE", authority));
    let consumer = Consumer::new(&[&server]).await;
    let (_, totp, code) = consumer.enroll().await;
    assert_eq!(consumer.validate(&totp, &code).await, 200);
}

/// The program does not start, and says why.
fn refused(url: &str, folder: &Path, authority: &Path, reason: &str) {
    let mut command: Command = program(folder);
    let command = command.args(["--store", url, "migrate"]).env("SSL_CERT_FILE", authority);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(reason), "{url}: {said}");
}

#[tokio::test]
async fn postgres() {
    let (files, others) = (certificates(), certificates());
    let file = |name: &str| files.path().join(name);
    let Some(server) = OwnServer::start_with_tls("postgres", files.path()) else { return };
    let port = server.address.port();
    let url = |mode: &str, authority: &Path| {
        format!("postgres://mfa@localhost:{port}/postgres?sslmode={mode}&sslrootcert={}", authority.display())
    };
    let others = others.path().join("ca.pem");
    // It takes connections before it serves them.
    super::connect(&url("verify-full", &file("ca.pem"))).await;
    works(&url("verify-full", &file("ca.pem")), files.path(), &others).await;
    refused(&url("verify-full", &others), files.path(), &others, "certificate");
    let elsewhere = url("verify-full", &file("ca.pem")).replace("localhost", "127.0.0.1");
    refused(&elsewhere, files.path(), &others, "certificate");
}

/// A URL that asks for TLS does not fall back to plain text.
#[tokio::test]
async fn a_server_without_it_is_refused() {
    let Some(server) = mfa_test_servers::shared("MFA_TEST_POSTGRES") else { return };
    let (files, folder) = (certificates(), tempfile::tempdir().unwrap());
    let authority = files.path().join("ca.pem");
    refused(&format!("{server}?sslmode=require"), folder.path(), &authority, "TLS");
}

#[tokio::test]
async fn redis() {
    let (files, others) = (certificates(), certificates());
    let authority = files.path().join("ca.pem");
    let Some(server) = OwnServer::start_with_tls("redis", files.path()) else { return };
    let url = format!("rediss://localhost:{}", server.address.port());
    works(&url, files.path(), &authority).await;
    let others = others.path().join("ca.pem");
    refused(&url, files.path(), &others, "certificate");
    refused(&url.replace("localhost", "127.0.0.1"), files.path(), &authority, "certificate");
}
