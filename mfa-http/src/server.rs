//! Serves the router with limits on connections and time, and stops without dropping requests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use crate::Source;

/// Limits for clients.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections served at once. More wait in the listener's queue.
    pub connections: usize,
    /// The time to send a request's head, and to idle between requests.
    pub head: Duration,
    /// The time that a client may leave a response unread.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(15), write: Duration::from_secs(15) }
    }
}

/// The most bytes of a request's head.
const HEAD_SIZE: usize = 32 * 1024;
/// The time that requests in flight have after the server starts to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// Serves `router` on `listener` until `stop` resolves, then finishes the requests in flight.
///
/// # Errors
///
/// Permanent errors of the listener.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mfa_core::{Mfa, store::memory::MemoryStore};
/// use mfa_http::server::{Limits, serve};
/// use mfa_http::{AdminKey, App, router};
/// use tokio::net::TcpListener;
///
/// let mfa = Mfa::builder(MemoryStore::default()).build();
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let stop = async {}; // resolves at once; wait for a signal here
/// serve(listener, router(App::new(mfa, AdminKey::of_nobody())), Limits::default(), stop).await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut server = http1::Builder::new();
    // Without a timer, hyper ignores the time-out.
    server.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_SIZE);

    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed while this function runs.
            let place = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await, place))
        };
        let (accepted, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted?,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Either the connection was gone before it was accepted, or no file descriptor is left.
                // Neither is a reason to stop. Wait a moment for a file descriptor.
                tracing::warn!(error = &error as &dyn std::error::Error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Responses are small. Waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY");
        }
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Source(peer.ip()));
            router.clone().oneshot(request.map(Body::new))
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write));
        let connection = graceful.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
            }
            drop(place);
        });
    }

    drop(listener);
    tracing::info!("stopping: finishing requests in flight");
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    Ok(())
}
