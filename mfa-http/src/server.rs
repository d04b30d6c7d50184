//! Serves the router with limits on connections and time, and stops without dropping anybody.

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

/// What a client may take of the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections served at a time; more wait in the listener's queue.
    pub connections: usize,
    /// Time a client has to send a request's head, and a connection may idle between requests.
    pub head: Duration,
    /// Time a client may leave an answer unread.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(15), write: Duration::from_secs(15) }
    }
}

/// Bytes a request's head may have.
const HEAD_SIZE: usize = 32 * 1024;
/// Time that requests in flight have once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// Serves `router` on `listener` until `stop` resolves, then finishes what is in flight.
///
/// # Errors
///
/// Those of the listener that do not pass by themselves.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut server = http1::Builder::new();
    // Without a timer hyper ignores the time-out.
    server.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_SIZE);

    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // Closed only when dropped, which this function outlives.
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
                // A connection that was gone before it was accepted, or no file descriptor left: neither is
                // a reason to stop, and the latter needs a moment.
                tracing::warn!(error = &error as &dyn std::error::Error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // One small answer a request: waiting to fill a packet only delays it.
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
