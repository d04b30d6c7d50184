//! R48: connections that hold on to the server do not keep others out, and a stop finishes what is in flight.

use std::time::Duration;

use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_http::{AdminKey, App, router, server};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::server::TestServer;

#[tokio::test]
async fn idle_and_dawdling_connections_do_not_keep_others_out() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let mut held = Vec::new();
    for n in 0..400 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let opening: &[u8] = match n % 3 {
            0 => b"",
            1 => b"POST /totp HTTP/1.1\r\nhost: x\r\nx-slow: ",
            _ => b"POST /totp HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n{",
        };
        stream.write_all(opening).await.unwrap();
        held.push(stream);
    }
    server.enrolled(&consumer).await;
    assert_eq!(held.len(), 400);
}

/// The head's time-out is real: a connection that sends half a head is closed. (Time is the runtime's, paused,
/// so that nothing is waited for.)
#[tokio::test(start_paused = true)]
async fn half_a_head_is_closed_in_time() {
    let mfa = Mfa::builder(MemoryStore::default()).build();
    let router = router(App::new(mfa, AdminKey::new("an-admin-key-for-tests".to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, router, std::future::pending()));

    let started = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(14) && waited < Duration::from_secs(60), "{waited:?}");
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let mfa = Mfa::builder(MemoryStore::default()).build();
    let app = App::new(mfa, AdminKey::new("an-admin-key-for-tests".to_owned()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server::serve(listener, router(app), async {
        let _ = stopped.await;
    }));

    // The head and half of the body are there when the stop comes; the rest follows.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api-key HTTP/1.1\r\nhost: x\r\nx-api-key: an-admin-key-for-tests\r\ncontent-length: 26\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"{\"email\":").await.unwrap();
    // An answered request on another connection: the server has read ours by then, as it accepts in order.
    let client = reqwest::Client::new();
    let alive = client.request(Method::GET, format!("http://{address}/health/live")).send().await.unwrap();
    assert_eq!(alive.status(), 204);
    stop.send(()).unwrap();
    stream.write_all(b"\"dev@example.io\"}").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 204"), "{}", String::from_utf8_lossy(&answer));
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
