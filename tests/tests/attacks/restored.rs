//! A node that says that the hub was restored: it knows more of others, or another feed of the
//! hub's. A hub that believed it would take the dots of everybody else from it, and with them the
//! published scope, every register of the hub's, and the future writes of its colleagues.

use proto::sync::{Diagnosis, FeedState, Hello, Outcome};
use replica::{Context, Dot, Incarnation, Kind, Record, RecordKey, RegisterId, Sibling};
use tests::{
    rig::{CITY, Medium, NodeRig, Running, fresh_replica},
    sample,
};

use crate::{
    hostile::{Line, PATIENCE, Puppet, only, position, set, write},
    world::{World, save, scope_of, until},
};

/// A counter that nobody has reached.
const FAR: u64 = 1_000_000;

/// The lies by which a node can make a hub believe that it has forgotten something.
fn lies(
    world: &World,
    hub: Incarnation,
    puppet: &Puppet,
    colleague: (replica::ReplicaId, Dot),
) -> Vec<Hello> {
    let unknown = |scope: replica::ScopeId| FeedState {
        scope: scope.0.to_vec(),
        end: None,
        taken: Some(proto::sync::FeedPoint {
            seq: 999_999,
            head: vec![5; 32],
        }),
    };
    let (replica, dot) = colleague;
    let known = [
        position(world.hub.replica, hub, 1_000),
        position(replica, dot.incarnation, FAR),
        position(replica::ReplicaId([9; 16]), Incarnation(4), 1),
    ];
    let mut hellos: Vec<Hello> = [puppet.scope, domain::scope_id(CITY)]
        .into_iter()
        .map(|scope| Hello {
            feeds: vec![unknown(scope)],
            ..puppet.hello()
        })
        .collect();
    for position in known {
        let mut hello = puppet.hello();
        hello.positions.push(position);
        hellos.push(hello);
    }
    hellos
}

/// A colleague of the attacker, and what both know.
struct Scene {
    world: World,
    colleague: NodeRig,
    /// A record that the colleague made.
    theirs: Record,
    /// A record of the published scope.
    of_city: Record,
}

impl Scene {
    async fn new() -> (Self, Running) {
        let world = World::new().await;
        let colleague = world
            .hub
            .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
        save(&colleague, 0..3);
        let running = colleague.connect();
        running.settled(PATIENCE).await;
        let held = |kind, id| {
            world
                .reader()
                .get(RecordKey { kind, id })
                .unwrap()
                .unwrap()
                .record
        };
        let theirs = held(sample::ORGANISATION, sample::id_of(colleague.scope, 0));
        let of_city = held(Kind(1), sample::id_of(domain::scope_id(CITY), 0));
        let scene = Self {
            world,
            colleague,
            theirs,
            of_city,
        };
        (scene, running)
    }

    /// Everything that a hub which refills might take from a node, in an open session.
    async fn try_all(&self, puppet: &mut Puppet, line: &mut Line, n: u64) {
        let their = self.theirs.siblings[0].dot();
        let hub = Dot {
            counter: 1,
            ..self.of_city.siblings[0].dot()
        };
        let usurped = puppet.make(n);
        let usurped = puppet.set(&usurped, RegisterId::OWNER, b"x");
        let next = puppet.next_dot();
        let ahead = set(&self.theirs, sample::remark_register(), b"mine", next);
        let entries = ahead.context.entries().chain([(their.incarnation, FAR)]);
        let ahead = Record {
            context: Context::new(entries, []),
            ..ahead
        };
        let of_hub = write(&sample::make(puppet.scope, n + 1), None, hub);
        let of_colleague = write(&sample::make(puppet.scope, n + 2), None, their);
        // A hub that may have forgotten takes nothing for a forgery, and nothing for true either.
        let status = self.world.hub.writer.handle().status().unwrap();
        let (outcome, code) = if status.restored {
            (Outcome::Later, "SYNC-127")
        } else {
            (Outcome::Refused, "SYNC-122")
        };
        for (record, outcome, code) in [
            (usurped, Outcome::Refused, "AUTH-HUB-ONLY"),
            (of_hub, outcome, code),
            (of_colleague, outcome, code),
            (ahead, Outcome::Later, "SYNC-120"),
        ] {
            let mut batch = puppet.batch(std::slice::from_ref(&record));
            batch.exchange = true;
            let claim = position(self.colleague.replica, their.incarnation, FAR);
            batch.positions.push(claim);
            assert_eq!(only(&line.push(batch).await), (outcome, code));
        }
        let dot = puppet.next_dot();
        let mut batch = puppet.batch(&[set(&self.of_city, RegisterId(1), b"\x0a\x01x", dot)]);
        batch.scope = self.of_city.scope.0.to_vec().into();
        batch.exchange = true;
        assert_eq!(
            only(&line.push(batch).await),
            (Outcome::Refused, "AUTH-SCOPE")
        );
        let published = self.world.reader().get(self.of_city.key).unwrap().unwrap();
        assert_eq!(published.record, self.of_city);
    }

    /// The colleague writes on, in its session: nothing of it counts as seen already.
    async fn colleague_goes_on(&self) {
        let own = self.colleague.handle().reader().clone();
        let record = own.get(self.theirs.key).unwrap().unwrap().record;
        let standing = record.register(sample::remark_register());
        let shown = standing.iter().map(Sibling::shown).collect();
        let edit = sample::remark(self.colleague.scope, 0, "the colleague's next", shown);
        self.colleague
            .handle()
            .edit(vec![edit], Vec::new())
            .unwrap();
        let (reader, scope) = (self.world.reader(), self.colleague.scope);
        until("the colleague's write arrives", || {
            scope_of(&reader, scope).1 == scope_of(&own, scope).1
        })
        .await;
        let arrived = reader.get(self.theirs.key).unwrap().unwrap().record;
        assert_eq!(arrived.register(sample::remark_register()).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_says_the_hub_was_restored_gains_nothing_by_it() {
    let (scene, running) = Scene::new().await;
    let mut puppet = scene.world.puppet();
    let whose = (scene.colleague.replica, scene.theirs.siblings[0].dot());
    // Told that it was rolled back, the hub goes on as another life.
    let status = scene.world.hub.writer.handle().status().unwrap();
    let (hub, _) = status.position.unwrap();
    let count = lies(&scene.world, hub, &puppet, whose).len();
    for lie in 0..count {
        let hello = lies(&scene.world, hub, &puppet, whose).swap_remove(lie);
        let mut line = Line::open(&scene.world.place).await;
        let welcome = line.greet(hello).await;
        assert_eq!(
            welcome.diagnosis(),
            Diagnosis::IWasRestored,
            "people are told"
        );
        scene
            .try_all(&mut puppet, &mut line, 700 + 10 * lie as u64)
            .await;
    }
    scene.colleague_goes_on().await;
    running.stop().await;
    scene.colleague.settle(PATIENCE).await;
    scene.world.survives().await;
}
