//! The demo's routes have the service's limits.

use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_http::demo::Demo;
use mfa_http::server::Limits;
use mfa_http::{AdminKey, App, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A body that does not arrive, and one that is too long. (The runtime's clock is paused, so nothing waits.)
#[tokio::test(start_paused = true)]
async fn bodies_have_the_services_limits() {
    let app = App::new(Mfa::builder(MemoryStore::default()).build(), AdminKey::of_nobody());
    let demo = Demo::begin(app.clone()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, demo.router(app), Limits::default(), std::future::pending()));

    let ask = async |head: String, status: &[u8]| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("{head}\r\nhost: {address}\r\n{ORIGIN}: http://{address}\r\n").as_bytes())
            .await
            .unwrap();
        stream.write_all(b"connection: close\r\n\r\n{").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(status), "{head}: {}", String::from_utf8_lossy(&answer));
        String::from_utf8(answer).unwrap()
    };
    let opened = ask("POST /demo/api/account HTTP/1.1".to_owned(), b"HTTP/1.1 200").await;
    let cookie = opened.lines().find_map(|line| line.strip_prefix(&format!("{SET_COOKIE}: "))).unwrap();
    for path in ["totp", "passkey", "login", "u2f"] {
        let head = |length: usize| {
            format!("PUT /demo/api/{path} HTTP/1.1\r\n{COOKIE}: {cookie}\r\ncontent-length: {length}")
        };
        ask(head(60), b"HTTP/1.1 408").await;
        ask(head(64 * 1024 + 1), b"HTTP/1.1 413").await;
    }
}
