//! Who holds a decision: a docket ends when every replica of its scope has acked it.
//!
//! The hub hears of every node of a scope. A node hears only of the hub: there "confirmed" means
//! that the hub holds the decision, and the hub says who else does.

use std::collections::BTreeMap;

use replica::{ReplicaId, ScopeId};
use store::{PeerStatus, Place};

use crate::{app::App, failure::Failure, records::Scopes};

/// What the writer knew of its peers at one moment.
#[derive(Debug)]
pub(super) struct Acks {
    peers: BTreeMap<ScopeId, Vec<PeerStatus>>,
    is_hub: bool,
}

impl Acks {
    /// Asks the writer. Replicas in `gone` will not come again; they and those
    /// that are fenced are not waited for.
    pub(super) fn now(app: &App, gone: &[ReplicaId]) -> Result<Self, Failure> {
        let mut peers: BTreeMap<ScopeId, Vec<PeerStatus>> = BTreeMap::new();
        let status = app.writer.status()?;
        for peer in status.peers {
            let is_out = gone.contains(&peer.replica) || status.fenced.contains(&peer.replica);
            if !is_out {
                peers.entry(peer.scope).or_default().push(peer);
            }
        }
        Ok(Self {
            peers,
            is_hub: app.is_hub(),
        })
    }

    /// The replicas of a scope that are not known to hold what lies at these places, by the names
    /// that authors carry.
    pub(super) fn missing(
        &self,
        scopes: &Scopes<'_>,
        scope: ScopeId,
        places: &[Place],
    ) -> Result<Vec<String>, Failure> {
        let peers = self
            .peers
            .get(&scope)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if peers.is_empty() && !self.is_hub {
            return Ok(vec!["hub".to_owned()]);
        }
        let last = places.iter().map(|place| place.seq).max();
        let behind = peers.iter().filter(|peer| Some(peer.sent) < last);
        let name = |peer: &PeerStatus| {
            if !self.is_hub {
                return Ok("hub".to_owned());
            }
            let replica = peer.replica.to_string();
            let short = replica.get(..8).unwrap_or(&replica);
            Ok(format!("{}-{short}", scopes.code(scope)?))
        };
        behind.map(name).collect()
    }
}
