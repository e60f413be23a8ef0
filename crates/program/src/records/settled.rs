//! Whether a record's present state is known to be at the other side.

use std::collections::BTreeMap;

use replica::{RecordKey, ReplicaId, ScopeId, Seq};
use store::{PeerStatus, Stored};

use crate::{app::App, failure::Failure, refusals};

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The other side has not acked it.
    Pending,
    /// Every peer of its scope holds it durably.
    Acked,
    /// A write of it was refused, and nobody has written to it since.
    Refused,
}

impl State {
    /// Its name in commands and files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acked => "acked",
            Self::Refused => "refused",
        }
    }
}

/// What the writer knew of its peers at one moment.
#[derive(Clone, Debug)]
pub struct Settled {
    peers: Vec<PeerStatus>,
    scopes: BTreeMap<u32, ScopeId>,
    refused: BTreeMap<RecordKey, (i64, String)>,
    quarantined: BTreeMap<RecordKey, String>,
    /// The hub's own organisations have no other side.
    ends_here: Option<ScopeId>,
}

impl Settled {
    /// Asks the writer.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn now(app: &App) -> Result<Self, Failure> {
        let status = app.writer.status()?;
        let mut refused: BTreeMap<RecordKey, (i64, String)> = BTreeMap::new();
        // What a peer must take back stands in its own list, not in ours; what somebody has seen
        // to is settled.
        let mut drafts = status.refused;
        drafts.retain(|draft| draft.peer.is_none());
        // Every save asks this, and seldom is anything refused.
        if !drafts.is_empty() {
            let seen_to = refusals::seen_to(app, &drafts)?;
            drafts.retain(|draft| !seen_to.contains(&refusals::id_of(draft)));
        }
        for draft in drafts {
            let entry = refused
                .entry(draft.key)
                .or_insert((i64::MIN, String::new()));
            if draft.at_ms > entry.0 {
                *entry = (draft.at_ms, draft.code);
            }
        }
        Ok(Self {
            peers: status.peers,
            scopes: BTreeMap::new(),
            refused,
            quarantined: status
                .quarantined
                .into_iter()
                .map(|held| (held.key, held.code))
                .collect(),
            ends_here: app.is_hub().then(|| app.scope()),
        })
    }

    /// Where a record stands.
    pub fn of(&mut self, app: &App, stored: &Stored) -> State {
        let newest = stored
            .record
            .siblings
            .iter()
            .map(|s| s.write.time.millis())
            .max();
        let newest = newest
            .and_then(|ms| i64::try_from(ms).ok())
            .unwrap_or(i64::MIN);
        if self
            .refused
            .get(&stored.record.key)
            .is_some_and(|(at, _)| *at >= newest)
        {
            return State::Refused;
        }
        let number = stored.place.scope;
        let scope = match self.scopes.get(&number).copied() {
            Some(scope) => scope,
            None => {
                let scope = app.reader().scope_id(number).unwrap_or(stored.record.scope);
                self.scopes.insert(number, scope);
                scope
            }
        };
        let peers = || self.peers.iter().filter(|peer| peer.scope == scope);
        let have: Vec<Seq> = peers().map(|peer| peer.sent).collect();
        let all_have = !have.is_empty() && have.iter().all(|sent| *sent >= stored.place.seq);
        // A state that the only other side sent is there.
        let came = stored.origin != 0 && have.len() <= 1;
        let ends = have.is_empty() && self.ends_here == Some(scope);
        if all_have || came || ends {
            State::Acked
        } else {
            State::Pending
        }
    }

    /// Every peer of the record's scope, and whether it is known to hold the present state.
    #[must_use]
    pub fn holders(&self, app: &App, stored: &Stored) -> Vec<(ReplicaId, bool)> {
        let scope = app.reader().scope_id(stored.place.scope);
        let of_scope: Vec<_> = self
            .peers
            .iter()
            .filter(|p| Some(p.scope) == scope)
            .collect();
        // A state that the only other side sent is there.
        let came = stored.origin != 0 && of_scope.len() <= 1;
        let holds = |peer: &PeerStatus| came || peer.sent >= stored.place.seq;
        of_scope
            .into_iter()
            .map(|peer| (peer.replica, holds(peer)))
            .collect()
    }

    /// How far a peer has acked the feed in which the record lies.
    #[must_use]
    pub fn acked(&self, app: &App, stored: &Stored, peer: ReplicaId) -> Option<Seq> {
        let scope = app.reader().scope_id(stored.place.scope);
        let mut peers = self.peers.iter();
        let found = peers.find(|p| p.replica == peer && Some(p.scope) == scope);
        found.map(|peer| peer.sent)
    }

    /// The peers of the record's scope that are not known to hold its present state.
    #[must_use]
    pub fn waiting(&self, app: &App, stored: &Stored) -> Vec<ReplicaId> {
        let all = self.holders(app, stored).into_iter();
        all.filter(|(_, holds)| !holds)
            .map(|(replica, _)| replica)
            .collect()
    }

    /// Whether the record's scope was found equal with every peer where both stand; none where it
    /// was not compared.
    #[must_use]
    pub fn equal(&self, app: &App, stored: &Stored) -> Option<bool> {
        let scope = app.reader().scope_id(stored.place.scope);
        let mut of_scope = self
            .peers
            .iter()
            .filter(|p| Some(p.scope) == scope)
            .peekable();
        of_scope.peek()?;
        of_scope.try_fold(true, |all, peer| Some(all && peer.equal?))
    }

    /// The code with which the record is held back.
    #[must_use]
    pub fn quarantine(&self, key: RecordKey) -> Option<&str> {
        self.quarantined.get(&key).map(String::as_str)
    }

    /// Whether anybody has ever taken the feed of a scope.
    #[must_use]
    pub fn has_peer(&self, scope: ScopeId) -> bool {
        self.peers.iter().any(|peer| peer.scope == scope)
    }
}
