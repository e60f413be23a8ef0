//! The nodes as they are seen from here: how each is called, how its line stands, when it was last
//! heard, and what was found when it was compared. The hub calls nobody, so all of it is what nodes
//! have said.

use std::collections::BTreeMap;

use link::Seat;
use program::{
    App,
    app::{Compared, PeerView},
    records::Scopes,
};
use replica::ReplicaId;
use store::{PeerHeard, PeerStatus, Status};

use crate::{Hub, NodeEntry, NodeState};

/// What the scope of a node is called today.
pub(crate) fn present_code(scopes: &Scopes<'_>, entry: &NodeEntry) -> String {
    let code = scopes.code(domain::scope_id(&entry.scope_code));
    // A store that cannot be read says so elsewhere; here the first code will do.
    code.unwrap_or_else(|_failure| entry.scope_code.clone())
}

/// Every node as `status` shows it.
pub(crate) fn peers(app: &App, hub: &Hub, status: &Status) -> Vec<PeerView> {
    let around = Around::new(app, hub, status);
    let nodes = around.nodes.iter();
    nodes.map(|entry| around.view(entry)).collect()
}

/// What the newest question of each connected node found in its scope, where it still stands.
pub(crate) fn compared(app: &App, hub: &Hub) -> Vec<Compared> {
    let Ok(status) = app.writer.status() else {
        return Vec::new();
    };
    let roots = app.reader().scopes();
    let around = Around::new(app, hub, &status);
    let is_open = |entry: &NodeEntry| {
        let seat = around.seat(entry);
        seat.is_some_and(|seat| seat.progress.borrow().open)
    };
    let mut compared = Vec::new();
    for entry in around.nodes.iter().filter(|entry| is_open(entry)) {
        let scope = domain::scope_id(&entry.scope_code);
        let of_node = |peer: &&PeerStatus| peer.replica == entry.replica() && peer.scope == scope;
        let Some(peer) = status.peers.iter().find(of_node) else {
            continue;
        };
        let own = roots.iter().find(|(id, _, _)| *id == scope);
        compared.push(Compared {
            peer: around.name(entry),
            scope: entry.scope_code.clone(),
            cut: (own.map_or(0, |(_, end, _)| end.seq.0), peer.received.0),
            root: own.map_or_else(String::new, |(_, _, root)| {
                replica::Head(root.to_bytes()).to_string()
            }),
            left_out: 0,
            equal: peer.equal.filter(|equal| *equal),
            code: (peer.equal != Some(true)).then(|| "PROOF-001".to_owned()),
        });
    }
    compared
}

/// What is said of nodes beside their entries, read once for all of them.
pub(crate) struct Around<'a> {
    app: &'a App,
    pub(crate) status: &'a Status,
    pub(crate) scopes: Scopes<'a>,
    heard: BTreeMap<ReplicaId, PeerHeard>,
    seats: Vec<(ReplicaId, Seat)>,
    nodes: Vec<NodeEntry>,
}

pub(crate) const DAY_MS: u64 = 24 * 3_600 * 1_000;

impl<'a> Around<'a> {
    pub(crate) fn new(app: &'a App, hub: &Hub, status: &'a Status) -> Self {
        Self {
            app,
            status,
            scopes: Scopes::new(app),
            heard: app.reader().heard().unwrap_or_default(),
            seats: hub.roster.seats(),
            nodes: hub.registry.nodes().unwrap_or_default(),
        }
    }

    fn seat(&self, entry: &NodeEntry) -> Option<&Seat> {
        let mut seats = self.seats.iter();
        let own = seats.find(|(replica, _)| *replica == entry.replica());
        own.map(|(_, seat)| seat)
    }

    /// When a node was last heard, in whichever run of this program.
    pub(crate) fn last_heard_ms(&self, entry: &NodeEntry) -> Option<u64> {
        let heard = self.heard.get(&entry.replica());
        let heard_ms = heard.and_then(|heard| u64::try_from(heard.at_ms).ok());
        let began_ms = self.seat(entry).map(|seat| seat.since_ms);
        entry.last_seen_ms.max(heard_ms).max(began_ms)
    }

    /// What people call a node: its scope, and where another has joined that scope too, the first
    /// digits of its id.
    fn name(&self, entry: &NodeEntry) -> String {
        let name = format!("{} {}", present_code(&self.scopes, entry), entry.name);
        let is_alike = |other: &NodeEntry| {
            other.scope_code == entry.scope_code
                && other.id != entry.id
                && other.state != NodeState::Revoked
        };
        if self.nodes.iter().any(is_alike) {
            return format!("{name} ({})", entry.id.get(..8).unwrap_or(&entry.id));
        }
        name
    }

    pub(crate) fn view(&self, entry: &NodeEntry) -> PeerView {
        let scope = domain::scope_id(&entry.scope_code);
        let of_peer = self
            .status
            .peers
            .iter()
            .filter(|peer| peer.replica == entry.replica());
        let own = of_peer.clone().find(|peer| peer.scope == scope);
        let progress = self.seat(entry);
        let progress = progress.map(|seat| seat.progress.borrow().clone());
        let open = progress.as_ref().is_some_and(|progress| progress.open);
        let heard = self.heard.get(&entry.replica()).copied();
        let last_ms = self.last_heard_ms(entry);
        let silent_ms = |ms: u64| self.app.clock.wall_ms().saturating_sub(ms);
        // A node on a schedule is gone between its calls, and that is no trouble: what counts is for
        // how long nothing was heard, in whichever run of this program.
        let is_missed = |ms| silent_ms(ms) / DAY_MS >= self.app.config.doctor.not_seen_days;
        let state = match (entry.state, last_ms) {
            (NodeState::Revoked, _) => "revoked",
            _ if open => "connected",
            (_, None) => "never",
            (_, Some(ms)) if is_missed(ms) => "unreachable",
            (_, Some(_)) => "offline",
        };
        let unequal = of_peer.clone().any(|peer| peer.equal == Some(false));
        // What the city publishes is sent as well as what the district has.
        let is_sent = |peer: &&PeerStatus| [scope, self.app.published()].contains(&peer.scope);
        let pending = of_peer.filter(is_sent).map(|peer| peer.pending).sum();
        // What else ends a session passes, and is the node's to tell.
        let refused_as_clone = progress
            .and_then(|progress| progress.ended)
            .map(|(code, _)| code)
            .filter(|code| !open && program::doctor::is_clone_code(code));
        let seen_ms = i64::try_from(last_ms.unwrap_or(entry.joined_ms)).unwrap_or(i64::MAX);
        PeerView {
            replica: entry.id.clone(),
            is_expected: entry.state == NodeState::Active,
            seen_ms: Some(seen_ms),
            heard,
            failure: refused_as_clone,
            name: self.name(entry),
            state: state.to_owned(),
            sent: own.map_or(0, |peer| peer.sent.0),
            received: own.map_or(0, |peer| peer.received.0),
            pending,
            lag_s: if open {
                Some(0)
            } else {
                last_ms.map(|ms| silent_ms(ms) / 1_000)
            },
            // While something waits the two stand elsewhere than where they were compared.
            equal: own
                .and_then(|peer| peer.equal)
                .map(|equal| equal && !unequal)
                .filter(|equal| *equal || pending == 0),
        }
    }
}
