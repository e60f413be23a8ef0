//! A line that can be cut: a proxy between a node and the hub.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A line. Dropping it cuts it.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    up: AtomicBool,
    target: Mutex<SocketAddr>,
    open: Mutex<Vec<TcpStream>>,
}

impl State {
    fn target(&self) -> SocketAddr {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, stream: &TcpStream) {
        if let Ok(copy) = stream.try_clone() {
            self.open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(copy);
        }
    }
}

impl Line {
    /// Lays a line to a target, from a free port of loopback.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let state = Arc::new(State {
            up: AtomicBool::new(true),
            target: Mutex::new(target),
            open: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.up.load(Ordering::SeqCst) {
                    join(&shared, stream);
                }
            }
        });
        Self { address, state }
    }

    /// Where the line begins.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lays the far end anew, as when a hub is found at another port. What is open stays.
    pub fn aim(&self, target: SocketAddr) {
        *self
            .state
            .target
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// Cuts the line: what is open ends, what comes is closed at once.
    pub fn cut(&self) {
        self.state.up.store(false, Ordering::SeqCst);
        let mut open = self
            .state
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Mends the line.
    pub fn mend(&self) {
        self.state.up.store(true, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Joins both ends until either closes.
fn join(state: &State, near: TcpStream) {
    let Ok(far) = TcpStream::connect(state.target()) else {
        return;
    };
    state.keep(&near);
    state.keep(&far);
    // The line may have been cut meanwhile, with these two not yet among what was open.
    if !state.up.load(Ordering::SeqCst) {
        near.shutdown(Shutdown::Both).unwrap_or_default();
        far.shutdown(Shutdown::Both).unwrap_or_default();
    }
    let ends = (near.try_clone(), far.try_clone());
    let (Ok(near_again), Ok(far_again)) = ends else {
        return;
    };
    thread::spawn(move || carry(near, far));
    thread::spawn(move || carry(far_again, near_again));
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    from.set_nodelay(true)
        .and_then(|()| to.set_nodelay(true))
        .unwrap_or_default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..n) else { break };
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // Either end may have gone already.
    to.shutdown(Shutdown::Both).unwrap_or_default();
    from.shutdown(Shutdown::Both).unwrap_or_default();
}
