//! Servers for tests of stores: those that `scripts/test` started, and a test's own, which it may stop, cut
//! off or kill, and a proxy in front of one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::missing_panics_doc,
    reason = "every function here panics if a server does not do what it should"
)]

mod pause;
mod proxy;

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mfa_core::random::OsRandom;
use mfa_core::store::Revision;
use tempfile::TempDir;

pub use proxy::Proxy;

/// The address of the server in the environment variable. If it is not set, the test reports that it is
/// skipped. Under CI it fails.
#[expect(clippy::print_stderr, reason = "a skip must be heard")]
pub fn shared(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{variable} is not set: run scripts/test");
        eprintln!(
            "SKIPPED: {variable} is not set, so there is no server to test on; scripts/test starts one"
        );
    }
    url
}

/// A name that is unique on a shared server.
pub fn unique_name() -> String {
    format!("t{:x}", Revision::random(&OsRandom).unwrap().number())
}

/// A server of a test's own, on a free port, killed when dropped. Its folder outlives a kill.
#[derive(Debug)]
pub struct OwnServer {
    kind: String,
    arguments: Vec<String>,
    /// Environment variables of `scripts/store-server`.
    environment: Vec<(&'static str, OsString)>,
    folder: TempDir,
    child: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
}

impl OwnServer {
    /// Starts `scripts/store-server KIND`; `None` if what it needs is not installed, as for [`shared`].
    pub fn start(kind: &str, arguments: &[&str]) -> Option<Self> {
        Self::start_if_there(kind, arguments, Vec::new())
    }

    /// Like [`start`](Self::start), with TLS only, using `ca.pem`, `server.pem` and `server.key` of the
    /// folder.
    pub fn start_with_tls(kind: &str, files: &Path) -> Option<Self> {
        Self::start_if_there(kind, &[], vec![("STORE_SERVER_TLS", files.into())])
    }

    /// Starts a hot standby that follows this PostgreSQL server.
    pub fn standby(&self) -> Self {
        let primary = self.address.port().to_string();
        Self::start_if_there("postgres", &[], vec![("STORE_SERVER_PRIMARY", primary.into())]).unwrap()
    }

    fn start_if_there(
        kind: &str,
        arguments: &[&str],
        environment: Vec<(&'static str, OsString)>,
    ) -> Option<Self> {
        shared("MFA_TEST_POSTGRES")?;
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL runs as another user, who needs access.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = spawn(kind, folder.path(), address, &arguments, &environment);
        Some(Self { kind: kind.to_owned(), arguments, environment, folder, child, address })
    }

    /// Kills it with SIGKILL. To a process this looks like a power cut.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with the same files.
    pub fn restart(&mut self) {
        let folder = self.folder.path();
        self.child = spawn(&self.kind, folder, self.address, &self.arguments, &self.environment);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the server and waits until it accepts connections.
fn spawn(
    kind: &str,
    folder: &Path,
    address: SocketAddr,
    arguments: &[String],
    environment: &[(&str, OsString)],
) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/store-server");
    let start = || {
        let mut command = Command::new(&script);
        command.arg(kind).arg(folder.join(kind)).arg(address.port().to_string()).args(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut child = start();
    for _ in 0..600 {
        if accepts(kind, address) {
            return child;
        }
        // After a SIGKILL, PostgreSQL does not start until the dead server's children have noticed.
        if child.try_wait().unwrap().is_some() {
            child = start();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{kind} does not listen on {address}");
}

/// PostgreSQL listens before it has started up.
fn accepts(kind: &str, address: SocketAddr) -> bool {
    if kind != "postgres" {
        return TcpStream::connect(address).is_ok();
    }
    let port = address.port().to_string();
    let mut ready = Command::new("pg_isready");
    ready.args(["--quiet", "--host=127.0.0.1", "--port", &port]).status().unwrap().success()
}
