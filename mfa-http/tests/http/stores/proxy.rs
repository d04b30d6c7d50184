//! A proxy between the program and its store. It counts and delays messages, and cuts the connection before
//! or after one of them arrives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use mfa_store_conformance::kit::faults::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Default)]
struct Line {
    /// Messages from the program: what it sent before an answer came.
    messages: AtomicU64,
    stalled: AtomicBool,
    refusing: AtomicBool,
    /// Messages until the line is cut, from 1; 0 or less is never.
    until_cut: AtomicI64,
    cut_after: AtomicBool,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    line: Arc<Line>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line::default());
        let shared = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                if !shared.refusing.load(Ordering::SeqCst) {
                    tokio::spawn(connect(program, target, Arc::clone(&shared)));
                }
            }
        });
        Self { address, line }
    }

    pub(crate) fn messages(&self) -> u64 {
        self.line.messages.load(Ordering::SeqCst)
    }

    /// Cuts the connection of the `n`th message from now, counted from 1, once.
    pub(crate) fn cut(&self, n: i64, fault: Fault) {
        self.line.cut_after.store(fault == Fault::After, Ordering::SeqCst);
        self.line.until_cut.store(n, Ordering::SeqCst);
    }

    /// Whether a cut is still to come; calls it off.
    pub(crate) fn uncut(&self) -> bool {
        self.line.until_cut.swap(0, Ordering::SeqCst) > 0
    }

    /// Closes new connections at once, and existing ones when they send.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.line.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Holds all messages back while true.
    pub(crate) fn stall(&self, stalled: bool) {
        self.line.stalled.store(stalled, Ordering::SeqCst);
    }
}

async fn connect(mut program: TcpStream, target: SocketAddr, line: Arc<Line>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (mut from_program, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    // The message that is under way is the last one before the cut.
    let (mut asked, mut cutting) = (false, false);
    loop {
        tokio::select! {
            read = program.read(&mut from_program) => {
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
                asked = false;
                if cutting || program.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
