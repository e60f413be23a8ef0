//! The handshakes under way: bounded, and fair between addresses.
//!
//! When one more comes than there is room for, the oldest handshake of the address with the most
//! is ended. A flood from one place so crowds out itself, and a node that answers within moments
//! is never the oldest for long.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};

use tokio::task::{AbortHandle, Id, JoinSet};

use crate::limits::HANDSHAKES_MAX;

#[derive(Debug, Default)]
pub(super) struct Handshakes {
    tasks: JoinSet<()>,
    next: u64,
    numbers: HashMap<Id, u64>,
    running: BTreeMap<u64, (SocketAddr, AbortHandle)>,
}

impl Handshakes {
    /// Starts one, and returns the address of the one that had to make room.
    pub(super) fn spawn(
        &mut self,
        addr: SocketAddr,
        handshake: impl Future<Output = ()> + Send + 'static,
    ) -> Option<SocketAddr> {
        let crowded_out = if self.running.len() >= HANDSHAKES_MAX {
            self.crowd_out()
        } else {
            None
        };
        let handle = self.tasks.spawn(handshake);
        self.numbers.insert(handle.id(), self.next);
        self.running.insert(self.next, (addr, handle));
        self.next += 1;
        crowded_out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until one has ended. Safe to drop and call again.
    pub(super) async fn finished(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return,
        };
        if let Some(number) = self.numbers.remove(&id) {
            self.running.remove(&number);
        }
    }

    /// Ends all.
    pub(super) async fn abort(mut self) {
        self.tasks.shutdown().await;
    }

    fn crowd_out(&mut self) -> Option<SocketAddr> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (addr, _) in self.running.values() {
            *counts.entry(addr.ip()).or_default() += 1;
        }
        let busiest = counts.into_iter().max_by_key(|(_, count)| *count)?.0;
        let number = self
            .running
            .iter()
            .find_map(|(number, (addr, _))| (addr.ip() == busiest).then_some(*number))?;
        let (addr, handle) = self.running.remove(&number)?;
        handle.abort();
        Some(addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_crowds_out_itself_and_nobody_else() {
        let mut handshakes = Handshakes::default();
        let node: SocketAddr = "192.0.2.1:1".parse().unwrap();
        let flood: SocketAddr = "192.0.2.9:9".parse().unwrap();
        assert_eq!(handshakes.spawn(node, std::future::pending()), None);
        for _ in 1..HANDSHAKES_MAX {
            assert_eq!(handshakes.spawn(flood, std::future::pending()), None);
        }
        for _ in 0..2_000 {
            let crowded_out = handshakes.spawn(flood, std::future::pending());
            assert_eq!(crowded_out, Some(flood));
        }
        assert_eq!(handshakes.running.len(), HANDSHAKES_MAX);
        for _ in 0..2_000 {
            handshakes.finished().await;
        }
        assert_eq!(handshakes.tasks.len(), HANDSHAKES_MAX);
        assert_eq!(handshakes.numbers.len(), HANDSHAKES_MAX);
        assert!(handshakes.running.values().any(|(addr, _)| *addr == node));
        handshakes.abort().await;
    }
}
