//! A proxy between the program and its store. It counts, delays and swallows messages, points at another
//! server, and cuts the connection before or after a message arrives.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use mfa_store_conformance::kit::faults::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Default)]
struct Line {
    /// Messages from the program: what it sent before an answer came.
    messages: AtomicU64,
    stalled: AtomicBool,
    refusing: AtomicBool,
    /// Messages until the line is cut, from 1; 0 or less is never.
    until_cut: AtomicI64,
    cut_after: AtomicBool,
    connections: AtomicU64,
    /// Connections with a smaller number pass nothing on, in either direction.
    silent_below: AtomicU64,
}

/// A proxy on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    /// The address that it listens on.
    pub address: SocketAddr,
    line: Arc<Line>,
    route: watch::Sender<Route>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Route {
    target: SocketAddr,
    /// Connections made before the last of them are cut.
    cuts: u64,
}

impl Proxy {
    /// Passes connections on to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line::default());
        let shared = Arc::clone(&line);
        let (route, current) = watch::channel(Route { target, cuts: 0 });
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                if !shared.refusing.load(Ordering::SeqCst) {
                    tokio::spawn(connect(program, current.clone(), Arc::clone(&shared)));
                }
            }
        });
        Self { address, line, route }
    }

    /// Messages so far.
    pub fn messages(&self) -> u64 {
        self.line.messages.load(Ordering::SeqCst)
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.line.connections.load(Ordering::SeqCst)
    }

    /// Cuts the connection of the `n`th message from now, counted from 1, once.
    pub fn cut(&self, n: i64, fault: Fault) {
        self.line.cut_after.store(fault == Fault::After, Ordering::SeqCst);
        self.line.until_cut.store(n, Ordering::SeqCst);
    }

    /// Whether a cut is still to come; calls it off.
    pub fn uncut(&self) -> bool {
        self.line.until_cut.swap(0, Ordering::SeqCst) > 0
    }

    /// Closes new connections at once, and existing ones when they send.
    pub fn refuse(&self, refusing: bool) {
        self.line.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Holds all messages back while true.
    pub fn stall(&self, stalled: bool) {
        self.line.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Passes new connections on to `target`, as a name that is changed does.
    pub fn point_at(&self, target: SocketAddr) {
        self.route.send_modify(|route| route.target = target);
    }

    /// Cuts the existing connections.
    pub fn cut_all(&self) {
        self.route.send_modify(|route| route.cuts += 1);
    }

    /// The existing connections stay open, and nothing arrives at either end any more. New ones work.
    pub fn silence(&self) {
        let connections = self.line.connections.load(Ordering::SeqCst);
        self.line.silent_below.store(connections, Ordering::SeqCst);
    }
}

async fn connect(mut program: TcpStream, mut current: watch::Receiver<Route>, line: Arc<Line>) {
    let number = line.connections.fetch_add(1, Ordering::SeqCst);
    let Route { target, cuts } = *current.borrow();
    let mut cut = pin!(async move { current.wait_for(|route| route.cuts > cuts).await.map(drop) });
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (mut from_program, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    let silent = || number < line.silent_below.load(Ordering::SeqCst);
    // The message that is under way is the last one before the cut.
    let (mut asked, mut cutting) = (false, false);
    loop {
        tokio::select! {
            _ = &mut cut => return,
            read = program.read(&mut from_program) => {
                // A silent peer does not hear that the program hung up, either.
                if silent() {
                    let _ = cut.await;
                    return;
                }
                let Ok(length @ 1..) = read else { return };
                while line.stalled.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                if line.refusing.load(Ordering::SeqCst) {
                    return;
                }
                if !asked {
                    asked = true;
                    line.messages.fetch_add(1, Ordering::SeqCst);
                    cutting = line.until_cut.fetch_sub(1, Ordering::SeqCst) == 1;
                }
                if cutting && !line.cut_after.load(Ordering::SeqCst) {
                    return;
                }
                if server.write_all(&from_program[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if silent() {
                    continue;
                }
                asked = false;
                if cutting || program.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
