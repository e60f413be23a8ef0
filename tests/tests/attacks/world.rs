//! The hub under attack, an honest node of another district beside it, and the attacker's place.

use std::time::Duration;

use proto::sync::Outcome;
use replica::{RecordKey, ScopeId, session::FeedPoint};
use store::Reader;
use tests::{
    rig::{CITY, HubRig, Medium, NodeRig, Running, fresh_replica},
    sample,
};

use crate::hostile::{PATIENCE, Puppet, raw_edit};

/// The attacker's district.
pub(crate) const OWN: &str = "410305";
/// The honest district beside it.
pub(crate) const OTHER: &str = "410311";
/// Records that the honest district has from the start.
const RECORDS: u64 = 5;

/// See the module.
pub(crate) struct World {
    pub(crate) hub: HubRig,
    /// The honest node.
    pub(crate) honest: NodeRig,
    session: Running,
    /// The attacker's place: its certificate is real, its store is not used.
    pub(crate) place: NodeRig,
    before: Vec<(FeedPoint, String)>,
}

impl World {
    /// A hub with a published record, an honest node in session, and the attacker's place.
    pub(crate) async fn new() -> Self {
        let hub = HubRig::start(fresh_replica(), &Medium::Memory).await;
        let city = domain::scope_id(CITY);
        let key = RecordKey {
            kind: replica::Kind(1),
            id: sample::id_of(city, 0),
        };
        let edit = raw_edit(
            key,
            city,
            replica::RegisterId(1),
            b"\x0a\x06410300",
            Vec::new(),
        );
        hub.writer.handle().edit(vec![edit], Vec::new()).unwrap();
        let honest = hub.node(fresh_replica(), OTHER, &Medium::Memory);
        save(&honest, 0..RECORDS);
        let session = honest.connect();
        session.settled(PATIENCE).await;
        let place = hub.node(fresh_replica(), OWN, &Medium::Memory);
        let mut world = Self {
            hub,
            honest,
            session,
            place,
            before: Vec::new(),
        };
        world.before = world.victims();
        world
    }

    /// A puppet in the attacker's place, with nothing said yet.
    pub(crate) fn puppet(&self) -> Puppet {
        Puppet::of(&self.place)
    }

    /// What the hub holds.
    pub(crate) fn reader(&self) -> Reader {
        self.hub.writer.handle().reader().clone()
    }

    /// The end of the feed and the fingerprint of a scope at the hub.
    pub(crate) fn scope(&self, scope: ScopeId) -> (FeedPoint, String) {
        scope_of(&self.reader(), scope)
    }

    fn victims(&self) -> Vec<(FeedPoint, String)> {
        let scopes = [domain::scope_id(CITY), self.honest.scope];
        scopes.into_iter().map(|scope| self.scope(scope)).collect()
    }

    /// Proves that the attack changed nothing of others: the published scope and the honest
    /// district stand as they did, and the honest node, in the session that it has had all the
    /// time, goes on.
    pub(crate) async fn survives(self) {
        assert_eq!(
            self.victims(),
            self.before,
            "somebody else's scope has changed"
        );
        save(&self.honest, RECORDS..RECORDS + 1);
        let mut follow = self.session.progress.clone();
        let ended = follow.borrow_and_update().ended.clone();
        assert_eq!(ended, None, "the honest session was ended");
        let (reader, honest) = (self.reader(), self.honest.handle().reader().clone());
        let scope = self.honest.scope;
        until("the honest node's record arrives", || {
            scope_of(&reader, scope).1 == scope_of(&honest, scope).1
        })
        .await;
        self.session.stop().await;
        assert_eq!(
            reader.scrub().unwrap(),
            Vec::<String>::new(),
            "the hub's store is sound"
        );
        self.hub.stop().await.expect("the hub stops in order");
    }

    /// Sends one record in a session of its own and returns what the hub said of it.
    pub(crate) async fn offer(
        &self,
        puppet: &mut Puppet,
        record: &replica::Record,
    ) -> (Outcome, String) {
        let mut line = puppet.call(&self.place).await;
        let results = line.push(puppet.batch(std::slice::from_ref(record))).await;
        match results.first() {
            Some(result) => (result.outcome(), result.code.clone()),
            None => (Outcome::Applied, String::new()),
        }
    }
}

/// Saves sample organisations at a node.
pub(crate) fn save(node: &NodeRig, numbers: std::ops::Range<u64>) {
    let edits = numbers.map(|n| sample::make(node.scope, n)).collect();
    node.handle().edit(edits, Vec::new()).expect("saved");
}

/// The end and the fingerprint of a scope.
pub(crate) fn scope_of(reader: &Reader, scope: ScopeId) -> (FeedPoint, String) {
    let known = reader.scopes().into_iter().find(|(id, ..)| *id == scope);
    known.map_or_else(Default::default, |(_, end, root)| {
        (end, format!("{root:?}"))
    })
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}: not in time"));
}
