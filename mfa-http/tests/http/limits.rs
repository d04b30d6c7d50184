//! R48: connections that occupy the server do not keep others out, and a stop finishes requests in flight.

use std::net::SocketAddr;
use std::time::Duration;

use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_http::server::Limits;
use mfa_http::{AdminKey, App, router, server};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::server::TestServer;

/// Connections that send nothing, half a head or half a body, or never read, are closed in time. So a
/// newcomer is served even when all places are taken. (The runtime's clock is paused, so nothing waits.)
#[tokio::test(start_paused = true)]
async fn dawdling_connections_give_their_places_back() {
    let mut limits = Limits::default();
    limits.connections = 8;
    let address = listening(limits).await;
    let mut held = Vec::new();
    for n in 0..8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let opening: Vec<u8> = match n % 4 {
            0 => Vec::new(),
            1 => b"POST /totp HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec(),
            2 => {
                let head = "POST /api-key HTTP/1.1\r\nhost: x\r\nx-api-key: an-admin-key-for-tests\r\n";
                format!("{head}content-length: 60000\r\n\r\n{{").into_bytes()
            }
            // Requests without end, whose answers nobody reads.
            _ => b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n".repeat(40_000),
        };
        let writing = async { stream.write_all(&opening).await };
        let _ = tokio::time::timeout(Duration::from_millis(300), writing).await;
        held.push(stream);
    }
    let started = tokio::time::Instant::now();
    let mut newcomer = TcpStream::connect(address).await.unwrap();
    newcomer.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    newcomer.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 204"), "{}", String::from_utf8_lossy(&answer));
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(5) && waited < Duration::from_secs(60), "{waited:?}");
    assert_eq!(held.len(), 8);
}

/// Half a body is a 408.
#[tokio::test(start_paused = true)]
async fn half_a_body_is_refused_in_time() {
    let mut stream = TcpStream::connect(listening(Limits::default()).await).await.unwrap();
    let head = "POST /api-key HTTP/1.1\r\nhost: x\r\nx-api-key: an-admin-key-for-tests\r\ncontent-length: 60\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

async fn listening(limits: Limits) -> SocketAddr {
    let mfa = Mfa::builder(MemoryStore::default()).build();
    let router = router(App::new(mfa, AdminKey::new("an-admin-key-for-tests".to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, router, limits, std::future::pending()));
    address
}

/// R6: failures count by the address that a connection came from.
#[tokio::test]
async fn a_stranger_waits_and_the_owner_at_another_address_does_not() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let from = |last: u8| {
        let address = std::net::IpAddr::from([127, 0, 0, last]);
        reqwest::Client::builder().local_address(address).build().unwrap()
    };
    let ask = |client: reqwest::Client, secret: String| {
        let request =
            client.post(format!("http://{}/totp", server.address)).header("x-mfa-apikey", &consumer.key);
        request.header("x-mfa-apisecret", secret).send()
    };
    let stranger = from(2);
    let mut last = None;
    for n in 0..13 {
        last = Some(ask(stranger.clone(), format!("wrong-secret-number-{n}")).await.unwrap());
    }
    let throttled = last.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "1");
    assert_eq!(ask(from(3), consumer.secret.clone()).await.unwrap().status(), 200);
    assert_eq!(ask(stranger, consumer.secret.clone()).await.unwrap().status(), 200);
}

/// A connection that sends half a head is closed. (The runtime's clock is paused, so nothing waits.)
#[tokio::test(start_paused = true)]
async fn half_a_head_is_closed_in_time() {
    let address = listening(Limits::default()).await;
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
    let serving = tokio::spawn(server::serve(listener, router(app), Limits::default(), async {
        let _ = stopped.await;
    }));

    // The stop comes after the head and half of the body. The rest follows.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api-key HTTP/1.1\r\nhost: x\r\nx-api-key: an-admin-key-for-tests\r\ncontent-length: 26\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"{\"email\":").await.unwrap();
    // The server accepts in order, so after an answer on another connection it has read ours.
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
