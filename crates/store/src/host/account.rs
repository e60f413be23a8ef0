//! What a replica knows at one point, as the ground of a certificate.

use replica::{
    Bucket, Counter, Dot, Head, Incarnation, RecordKey, ReplicaId, ScopeId,
    session::{FeedPoint, Role},
};

use super::{HeldBack, Host};
use crate::ledger::Lies;

/// How far an incarnation has come, with the head of its journal there.
pub type Reached = (Incarnation, Counter, Head);

/// A write that stands on record with a code.
pub type OnRecord = (Dot, RecordKey, String);

/// Where a replica stands in one scope, read at one point between two commits.
#[derive(Clone, Debug)]
pub struct Grounds {
    /// The scope.
    pub scope: ScopeId,
    /// Node or hub.
    pub role: Role,
    /// The end of its feed.
    pub end: FeedPoint,
    /// The root of its fingerprint.
    pub root: Bucket,
    /// How far it has taken the peer's feed.
    pub taken: FeedPoint,
    /// Its own incarnations, ascending, as far as they ever came: also in stores that a restore has
    /// replaced by this one.
    pub own: Vec<Reached>,
    /// The peer's incarnations, ascending; likewise.
    pub peers: Vec<Reached>,
    /// Incarnations of other replicas of the scope that a hub knew further before a restore than it
    /// knows them now: how far now, and then.
    pub absent: Vec<(Incarnation, Counter, Counter)>,
    /// Records of the scope that it holds back.
    pub held_back: Vec<RecordKey>,
    /// All states that it keeps aside, whoever sent them.
    pub aside: Vec<HeldBack>,
    /// Its own writes that were taken back.
    pub drafts: Vec<OnRecord>,
    /// The peer's writes that it has refused.
    pub refused: Vec<OnRecord>,
}

impl Host {
    /// Reads where this replica stands in a scope, towards a peer.
    #[must_use]
    pub fn grounds(&self, scope: ScopeId, peer: ReplicaId) -> Grounds {
        let reader = self.reader();
        let scopes = reader.scopes();
        let found = scopes.into_iter().find(|(id, _, _)| *id == scope);
        let (end, root) = found.map_or_else(Default::default, |(_, end, root)| (end, root));
        let numbers = self
            .peers
            .number_of(&peer.0)
            .zip(reader.scope_number(scope));
        let taken = numbers.map(|(peer, scope)| self.peers.taken(peer, scope));
        let aside = self.peers.quarantined();
        let mut held_back: Vec<&HeldBack> = aside.iter().collect();
        held_back.retain(|held| held.peer == peer && reader.lies(held.key, scope) == Lies::Here);
        let (mut drafts, mut refused) = (Vec::new(), Vec::new());
        for entry in self.peers.drafts() {
            let noted = (entry.dot, entry.key, entry.code);
            match entry.peer {
                None => drafts.push(noted),
                Some(of) if of == peer => refused.push(noted),
                Some(_) => {}
            }
        }
        Grounds {
            scope,
            role: self.config.role,
            end,
            root,
            taken: taken.unwrap_or_default(),
            own: self.positions.ever(self.config.replica),
            peers: self.positions.ever(peer),
            absent: self.absent(scope, peer),
            held_back: held_back.iter().map(|held| held.key).collect(),
            aside,
            drafts,
            refused,
        }
    }

    /// What other replicas of a scope had brought before a restore, and have not told of since.
    fn absent(&self, scope: ScopeId, peer: ReplicaId) -> Vec<(Incarnation, Counter, Counter)> {
        if self.config.role == Role::Node {
            return Vec::new();
        }
        let forgotten = self.positions.forgotten_since();
        let others = forgotten.filter(|(of, ..)| {
            let is_other = *of != self.config.replica && *of != peer;
            is_other && self.peers.scope_of(*of).is_none_or(|of| of == scope)
        });
        others
            .map(|(_, life, now, then)| (life, now, then))
            .collect()
    }

    /// The newest signed receipt of each peer in each scope.
    #[must_use]
    pub fn receipts(&self) -> Vec<(ReplicaId, ScopeId, Vec<u8>)> {
        let reader = self.reader();
        let kept = self.peers.receipts();
        kept.filter_map(|(peer, scope, receipt)| {
            Some((peer, reader.scope_id(scope)?, receipt.to_vec()))
        })
        .collect()
    }

    /// How far the incarnations of this replica have come.
    #[must_use]
    pub fn own_positions(&self) -> Vec<Reached> {
        self.positions.of(self.config.replica).collect()
    }
}
