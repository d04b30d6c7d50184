//! A line between a program and its server: it goes silent, leads elsewhere, or is cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A TCP proxy on a port of its own.
#[derive(Debug)]
pub struct Line {
    /// The address that it listens on.
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    target: Mutex<SocketAddr>,
    silent: AtomicBool,
    losing: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// A line to `target`.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (silent, losing, open) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let state = Arc::new(State { target: Mutex::new(target), silent, losing, open });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for program in listener.incoming().flatten() {
                let target = *shared.target.lock().unwrap();
                let Ok(server) = TcpStream::connect(target) else { continue };
                let ends = [program, server];
                shared.open.lock().unwrap().extend(ends.iter().map(|end| end.try_clone().unwrap()));
                let dead = Arc::new(AtomicBool::new(false));
                for (from, to, is_answer) in [(0, 1, false), (1, 0, true)] {
                    let (from, to) = (ends[from].try_clone().unwrap(), ends[to].try_clone().unwrap());
                    let (state, dead) = (Arc::clone(&shared), Arc::clone(&dead));
                    std::thread::spawn(move || carry(from, to, is_answer, &state, &dead));
                }
            }
        });
        Self { address, state }
    }

    /// While true, swallows what either side sends, and closes nothing. A connection that lost something
    /// stays silent for ever, as one does whose address translation was forgotten.
    pub fn silence(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }

    /// Leads new connections to another server. The existing ones stay.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.state.target.lock().unwrap() = target;
    }

    /// Loses what the server sends next, and closes that connection.
    pub fn lose_answer(&self) {
        self.state.losing.store(true, Ordering::SeqCst);
    }

    /// Whether the answer to lose has not come yet.
    pub fn is_losing(&self) -> bool {
        self.state.losing.load(Ordering::SeqCst)
    }

    /// Closes all connections.
    pub fn cut(&self) {
        for end in self.state.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_answer: bool, state: &State, dead: &AtomicBool) {
    let mut bytes = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if is_answer && state.losing.swap(false, Ordering::SeqCst) {
            break;
        }
        if state.silent.load(Ordering::SeqCst) {
            dead.store(true, Ordering::SeqCst);
        }
        if !dead.load(Ordering::SeqCst) && to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // Nobody hears of the end of a silent connection.
    if !dead.load(Ordering::SeqCst) {
        let _ = to.shutdown(Shutdown::Both);
    }
}
