//! Who holds a decision: a docket ends when every replica of its scope has acked it.
//!
//! The hub hears of every node of a scope. A node hears only of the hub: there "confirmed" means
//! that the hub holds the decision, and the hub says who else does.

use std::collections::BTreeMap;

use replica::{ReplicaId, ScopeId};
use store::{PeerStatus, Place};

use crate::{
    app::{App, Enrolled},
    failure::Failure,
    records::Scopes,
};

/// What the writer knew of its peers at one moment.
#[derive(Debug)]
pub(super) struct Acks {
    peers: BTreeMap<ScopeId, Vec<PeerStatus>>,
    /// Who is enrolled and has never called.
    silent: BTreeMap<ScopeId, Vec<ReplicaId>>,
    is_hub: bool,
}

impl Acks {
    /// Asks the writer. Those that were revoked or are fenced are not waited for; those that are
    /// enrolled and have never called are.
    pub(super) fn now(app: &App, enrolled: &Enrolled) -> Result<Self, Failure> {
        let mut peers: BTreeMap<ScopeId, Vec<PeerStatus>> = BTreeMap::new();
        let status = app.writer.status()?;
        let fenced = status.fenced;
        let is_out = |replica| enrolled.gone.contains(&replica) || fenced.contains(&replica);
        for peer in status.peers {
            if !is_out(peer.replica) {
                peers.entry(peer.scope).or_default().push(peer);
            }
        }
        let mut silent: BTreeMap<ScopeId, Vec<ReplicaId>> = BTreeMap::new();
        for &(replica, scope) in &enrolled.replicas {
            let mut known = peers.get(&scope).into_iter().flatten();
            if !is_out(replica) && !known.any(|peer| peer.replica == replica) {
                silent.entry(scope).or_default().push(replica);
            }
        }
        Ok(Self {
            peers,
            silent,
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
        let last = places.iter().map(|place| place.seq).max();
        let mut behind = peers.iter().filter(|peer| Some(peer.sent) < last);
        if !self.is_hub {
            let is_missing = peers.is_empty() || behind.next().is_some();
            return Ok(is_missing.then(|| "hub".to_owned()).into_iter().collect());
        }
        let silent = self.silent.get(&scope).into_iter().flatten().copied();
        let name = |replica: ReplicaId| {
            let replica = replica.to_string();
            let short = replica.get(..8).unwrap_or(&replica);
            Ok(format!("{}-{short}", scopes.code(scope)?))
        };
        let behind = behind.map(|peer| peer.replica);
        behind.chain(silent).map(name).collect()
    }
}
