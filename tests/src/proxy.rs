//! A line that can be cut, whole or in one direction: a proxy between a node and the hub.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// Between two looks whether what was held back may go on.
const LOOK: Duration = Duration::from_millis(2);

/// A direction of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the node to the hub.
    Up,
    /// From the hub to the node.
    Down,
}

/// What becomes of bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Flow {
    Passes,
    Waits,
    Vanishes,
}

/// A line. Dropping it cuts it.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    up: AtomicBool,
    /// What becomes of bytes that go up, and down: a [`Flow`] each.
    going_up: AtomicU8,
    going_down: AtomicU8,
    target: Mutex<SocketAddr>,
    open: Mutex<Vec<TcpStream>>,
}

impl State {
    fn target(&self) -> SocketAddr {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self, way: Way) -> &AtomicU8 {
        match way {
            Way::Up => &self.going_up,
            Way::Down => &self.going_down,
        }
    }

    fn set_flow(&self, way: Way, flow: Flow) -> u8 {
        self.flow(way).swap(flow as u8, Ordering::SeqCst)
    }

    fn is(&self, way: Way, flow: Flow) -> bool {
        self.flow(way).load(Ordering::SeqCst) == flow as u8
    }

    /// Ends everything that is open.
    fn end(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
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
            going_up: AtomicU8::new(Flow::Passes as u8),
            going_down: AtomicU8::new(Flow::Passes as u8),
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
        self.state.end();
    }

    /// Keeps back what goes one way, as a network does that delivers it later. Nothing ends.
    pub fn hold(&self, way: Way) {
        self.state.set_flow(way, Flow::Waits);
    }

    /// Loses what goes one way; the other way goes on. Both ends believe that they are connected.
    pub fn swallow(&self, way: Way) {
        self.state.set_flow(way, Flow::Vanishes);
    }

    /// Mends the line. What was held goes on; a stream of which bytes were lost ends, for no
    /// network gives the rest of one.
    pub fn mend(&self) {
        let flows = [Way::Up, Way::Down].map(|way| self.state.set_flow(way, Flow::Passes));
        if flows.contains(&(Flow::Vanishes as u8)) {
            self.state.end();
        }
        self.state.up.store(true, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Joins both ends until either closes.
fn join(state: &Arc<State>, near: TcpStream) {
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
    let (up, down) = (Arc::clone(state), Arc::clone(state));
    thread::spawn(move || carry(&up, Way::Up, near, far));
    thread::spawn(move || carry(&down, Way::Down, far_again, near_again));
}

fn carry(state: &State, way: Way, mut from: TcpStream, mut to: TcpStream) {
    from.set_nodelay(true)
        .and_then(|()| to.set_nodelay(true))
        .unwrap_or_default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..n) else { break };
        while state.is(way, Flow::Waits) {
            thread::sleep(LOOK);
        }
        if state.is(way, Flow::Vanishes) {
            continue;
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // Either end may have gone already.
    to.shutdown(Shutdown::Both).unwrap_or_default();
    from.shutdown(Shutdown::Both).unwrap_or_default();
}
