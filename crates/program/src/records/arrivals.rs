//! When each side got a value.

use replica::{RecordKey, ReplicaId, Sibling};
use serde_json::{Value, json};
use store::{Place, Stored};

use super::{Settled, at_text, document::minute_text};
use crate::{
    app::{App, PeerView},
    failure::Failure,
};

/// How a side came by a value. Its name is part of the documents for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It was written there.
    Written,
    /// It came over the line, or in a bundle.
    Received,
    /// It came here from there.
    Sent,
    /// It is not known to be there.
    Waits,
}

impl Way {
    fn id(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Received => "received",
            Self::Sent => "sent",
            Self::Waits => "waits",
        }
    }
}

/// What is asked about.
pub(super) struct Arrivals<'a> {
    app: &'a App,
    stored: &'a Stored,
    settled: &'a Settled,
    peers: &'a [PeerView],
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(
        app: &'a App,
        stored: &'a Stored,
        settled: &'a Settled,
        peers: &'a [PeerView],
    ) -> Self {
        Self {
            app,
            stored,
            settled,
            peers,
        }
    }

    /// When this side and every peer of the record's scope got a candidate: of what was written there
    /// the moment, else the minute, by the clock here; null where it was not noted.
    pub(super) fn of(&self, sibling: &Sibling) -> Result<Vec<Value>, Failure> {
        let reader = self.app.reader();
        let places = reader.since(self.key(), sibling.dot())?;
        let places = places.unwrap_or_default();
        let is_own = wrote(sibling, self.app.identity.replica());
        let here = if is_own {
            (Way::Written, Some(at_text(sibling)))
        } else {
            let first = places.last().map(|place| self.minute(*place, None));
            (Way::Received, first.transpose()?.flatten())
        };
        let mut all = vec![told(&self.app.identity.short_name(), true, here)];
        for (peer, holds) in self.settled.holders(self.app, self.stored) {
            let got = self.at(peer, holds, is_own, (sibling, &places))?;
            all.push(told(&name_of(peer, self.peers), false, got));
        }
        Ok(all)
    }

    fn at(
        &self,
        peer: ReplicaId,
        holds: bool,
        is_own: bool,
        (sibling, places): (&Sibling, &[Place]),
    ) -> Result<(Way, Option<String>), Failure> {
        if wrote(sibling, peer) {
            return Ok((Way::Written, Some(at_text(sibling))));
        }
        // A node hears of what others have written from its hub alone.
        if !is_own && !self.app.is_hub() {
            return Ok((Way::Sent, None));
        }
        let lane = self.stored.place.scope;
        let first = places.iter().rev().find(|place| place.scope == lane);
        let acked = self.settled.acked(self.app, self.stored, peer);
        match first {
            Some(first) if acked.is_some_and(|acked| acked >= first.seq) => {
                Ok((Way::Received, self.minute(*first, Some(peer))?))
            }
            None if holds => Ok((Way::Received, None)),
            Some(_) | None => Ok((Way::Waits, None)),
        }
    }

    /// The minute in which a change arrived here or at a peer, if it was noted.
    fn minute(&self, place: Place, peer: Option<ReplicaId>) -> Result<Option<String>, Failure> {
        let ask = self.app.writer.ask(move |host| host.arrived(place, peer));
        let minute = ask??;
        Ok(minute.map(minute_text))
    }

    fn key(&self) -> RecordKey {
        self.stored.record.key
    }
}

/// Whether a replica has written a candidate: it signs with the first digits of its id.
fn wrote(sibling: &Sibling, replica: ReplicaId) -> bool {
    let short = sibling.write.author.rsplit_once('-');
    let short = short.map(|(_, short)| short).filter(|s| !s.is_empty());
    short.is_some_and(|short| replica.to_string().starts_with(short))
}

/// The name of a peer, its id where none is known.
pub(super) fn name_of(replica: ReplicaId, peers: &[PeerView]) -> String {
    let id = replica.to_string();
    let known = peers.iter().find(|peer| peer.replica == id);
    known.map_or(id, |peer| peer.name.clone())
}

fn told(name: &str, is_here: bool, (way, at): (Way, Option<String>)) -> Value {
    json!({"side": name, "here": is_here, "how": way.id(), "at": at})
}
