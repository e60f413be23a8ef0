//! An accepted connection, and the list of all that are open.
//!
//! A connection knows who its peer is and can be cut from outside at any moment: its streams end
//! with an error at the next poll, which the cut itself brings about. Whoever is on the list has
//! been compared with the deny list after it was entered, so that no revocation falls between.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tonic::transport::server::Connected;

use crate::fault::Refusal;
use crate::identity::{CertificateFacts, Identity, Serial};
use crate::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_IDENTITY_MAX, ENROL_CONNECTIONS_MAX};

/// What any connection of ours is made of.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection of any kind.
pub type BoxIo = Box<dyn Io>;

/// Which face of the port a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// With a certificate.
    Sync,
    /// With a token at best.
    Enrol,
}

/// Who is at the other end. Handlers find it in the extensions of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// What the verified certificate says; none on the enrol side.
    pub certificate: Option<CertificateFacts>,
    /// Where it came from.
    pub addr: SocketAddr,
    /// Which face it came to.
    pub role: Role,
}

impl PeerInfo {
    /// The verified identity; none on the enrol side.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.certificate.as_ref().map(|facts| facts.identity)
    }

    /// The serial of the verified certificate; none on the enrol side.
    #[must_use]
    pub fn serial(&self) -> Option<&Serial> {
        self.certificate.as_ref().map(|facts| &facts.serial)
    }
}

/// An accepted connection after its handshake.
pub struct Conn {
    io: BoxIo,
    killed: oneshot::Receiver<()>,
    is_cut: bool,
    seat: Seat,
}

impl Conn {
    pub(crate) fn new(io: BoxIo, seat: Seat, killed: oneshot::Receiver<()>) -> Self {
        Self {
            io,
            killed,
            is_cut: false,
            seat,
        }
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &PeerInfo {
        &self.seat.peer
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.is_cut && Pin::new(&mut self.killed).poll(cx).is_ready() {
            self.is_cut = true;
        }
        if self.is_cut {
            let reason = "connection was cut by the hub";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason));
        }
        Ok(())
    }
}

impl Connected for Conn {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.seat.peer.clone()
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("peer", &self.seat.peer)
            .finish_non_exhaustive()
    }
}

/// The open connections, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    seats: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    peer: PeerInfo,
    kill: Option<oneshot::Sender<()>>,
}

/// A place on the list, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    registry: Arc<Registry>,
    number: u64,
    peer: PeerInfo,
}

impl Registry {
    /// Enters a connection. The oldest of the same identity, or on the enrol side of the busiest
    /// address, makes room for one above the limit.
    pub(crate) fn enter(
        self: &Arc<Self>,
        peer: PeerInfo,
    ) -> Result<(Seat, oneshot::Receiver<()>), Refusal> {
        let mut open = self.lock();
        if open.seats.len() >= CONNECTIONS_MAX {
            return Err(Refusal::Full);
        }
        match peer.role {
            Role::Sync => {
                let identity = peer.identity();
                open.make_room(CONNECTIONS_PER_IDENTITY_MAX, |other| {
                    other.role == Role::Sync && other.identity() == identity
                });
            }
            Role::Enrol => {
                // Whoever takes up most of the room makes some.
                let busiest = open.busiest_enrol_address();
                if open.enrol_count() >= ENROL_CONNECTIONS_MAX {
                    open.cut_oldest(|other| {
                        other.role == Role::Enrol && Some(other.addr.ip()) == busiest
                    });
                }
            }
        }
        let number = open.next;
        open.next += 1;
        let (kill, killed) = oneshot::channel();
        let entry = Entry {
            peer: peer.clone(),
            kill: Some(kill),
        };
        open.seats.insert(number, entry);
        let seat = Seat {
            registry: Arc::clone(self),
            number,
            peer,
        };
        Ok((seat, killed))
    }

    /// Cuts the connections of which `is_meant` holds, and returns how many.
    pub(crate) fn cut(&self, is_meant: impl Fn(&PeerInfo) -> bool) -> usize {
        let mut open = self.lock();
        let meant = open
            .seats
            .values_mut()
            .filter(|entry| is_meant(&entry.peer));
        meant.map(|entry| usize::from(entry.kill())).sum()
    }

    /// Everyone who is connected.
    pub(crate) fn peers(&self) -> Vec<PeerInfo> {
        let open = self.lock();
        open.seats
            .values()
            .map(|entry| entry.peer.clone())
            .collect()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().seats.len() >= CONNECTIONS_MAX
    }

    /// A panic while holding the lock leaves at worst an entry too many.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Cuts the oldest of those alike until one more is within the limit.
    fn make_room(&mut self, limit: usize, is_alike: impl Fn(&PeerInfo) -> bool) {
        let count = self.live().filter(|peer| is_alike(peer)).count();
        for _ in limit..=count {
            self.cut_oldest(&is_alike);
        }
    }

    fn cut_oldest(&mut self, is_meant: impl Fn(&PeerInfo) -> bool) {
        let is_meant = |entry: &&mut Entry| entry.kill.is_some() && is_meant(&entry.peer);
        if let Some(entry) = self.seats.values_mut().find(is_meant) {
            entry.kill();
        }
    }

    fn live(&self) -> impl Iterator<Item = &PeerInfo> {
        let live = |entry: &&Entry| entry.kill.is_some();
        self.seats.values().filter(live).map(|entry| &entry.peer)
    }

    fn enrol_count(&self) -> usize {
        self.live().filter(|peer| peer.role == Role::Enrol).count()
    }

    fn busiest_enrol_address(&self) -> Option<IpAddr> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for peer in self.live().filter(|peer| peer.role == Role::Enrol) {
            *counts.entry(peer.addr.ip()).or_default() += 1;
        }
        let busiest = counts.into_iter().max_by_key(|(_, count)| *count);
        busiest.map(|(address, _)| address)
    }
}

impl Entry {
    /// Returns whether it was still open.
    fn kill(&mut self) -> bool {
        self.kill.take().is_some_and(|kill| kill.send(()).is_ok())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.lock().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrol(address: &str) -> PeerInfo {
        PeerInfo {
            certificate: None,
            addr: address.parse().unwrap(),
            role: Role::Enrol,
        }
    }

    #[test]
    fn a_crowd_on_the_enrol_side_does_not_push_out_another_address() {
        let registry = Arc::new(Registry::default());
        let (_seat, mut quiet) = registry.enter(enrol("192.0.2.1:1")).unwrap();
        let mut crowd = Vec::new();
        for _ in 0..10 * ENROL_CONNECTIONS_MAX {
            crowd.push(registry.enter(enrol("192.0.2.9:9")).unwrap());
        }
        assert!(quiet.try_recv().is_err());
        let open = crowd.iter_mut().filter_map(|(_, cut)| cut.try_recv().err());
        assert_eq!(open.count(), ENROL_CONNECTIONS_MAX - 1);
    }

    #[test]
    fn the_list_is_bounded_and_places_come_back() {
        let registry = Arc::new(Registry::default());
        let seats: Vec<_> =
            std::iter::from_fn(|| registry.enter(enrol("192.0.2.9:9")).ok()).collect();
        assert_eq!(seats.len(), CONNECTIONS_MAX);
        assert!(registry.is_full());
        drop(seats);
        assert!(registry.peers().is_empty());
    }
}
