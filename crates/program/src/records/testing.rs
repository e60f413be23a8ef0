//! A program over memory, for tests: no directory, no disk, a clock that stands where it is put.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{Catalogue, KindSpec, date};
use link::{BundleKeys, BundleRoute, BundleSender, FileRoom, Holdings};
use proto::stored::Certificate;
use replica::{
    Clock, Mono, RecordKey, ReplicaId, Source,
    session::{Input, Op},
};
use serde_json::{Map, Value};
use store::{
    Cabinet, Command, Handle, Host, Login, Memory, Reply, Status, Store, Stored, Writer,
    WriterConfig,
};

use super::{Change, Saved, Seen, find, kind_of, put, set_of_json};
use crate::{
    app::{App, Compared, Live, OwnFacts, PeerView, host_config},
    commands::bundle::{BundlePeer, Bundles},
    config::Config,
    dir::{Dir, Identity, Role, ScopeName},
    failure::{Exit, Failure},
    output::{Out, Part},
    repair::compare::Asking,
};

/// 2020-10-15, 08:00 where the programme runs.
const NOW_MS: u64 = 1_602_720_000_000;

/// The replica at the other end, in tests.
pub(crate) const PEER: ReplicaId = ReplicaId([9; 16]);

/// A clock that goes on by a millisecond at each look.
#[derive(Debug, Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn mono(&self) -> Mono {
        Mono(self.0.load(Ordering::Relaxed))
    }

    fn wall_ms(&self) -> u64 {
        NOW_MS + self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A program that has no peers, no certificate and no authority.
pub(crate) struct Alone;

impl Bundles for Alone {
    fn route(
        &self,
        _app: &App,
        _peer: Option<&str>,
        _passphrase: Option<&str>,
    ) -> Result<(BundlePeer, BundleRoute), Failure> {
        Err(Failure::new("NODE-001", Exit::Usage))
    }

    fn keys(&self, _app: &App, _passphrase: Option<&str>) -> Result<BundleKeys, Failure> {
        Err(Failure::new("NODE-001", Exit::Usage))
    }

    fn sender(&self, _app: &App, _sender: &BundleSender) -> Result<BundlePeer, Failure> {
        Err(Failure::new("NODE-001", Exit::Usage))
    }

    fn note(&self, _app: &App, _sender: &BundleSender) -> Result<(), Failure> {
        Ok(())
    }
}

impl Live for Alone {
    fn peers(&self, _app: &App, _status: &Status) -> Vec<PeerView> {
        Vec::new()
    }

    fn certificate_days(&self, _app: &App) -> Option<i64> {
        None
    }

    fn compare(&self, _app: &App) -> Vec<Compared> {
        Vec::new()
    }

    fn certify(&self, _app: &App) -> Result<Certificate, Failure> {
        Err(Failure::new("PROOF-007", Exit::Usage))
    }

    fn holdings(_asking: &Asking<'_>) -> Option<Result<Holdings, Failure>> {
        None
    }

    fn own_facts(&self, _app: &App) -> OwnFacts {
        OwnFacts::default()
    }
}

/// A program over memory. Its writer stops when it is dropped.
pub(crate) struct World {
    pub(crate) app: App,
    memory: Arc<Memory>,
    writer: Option<Writer>,
    _runtime: tokio::runtime::Runtime,
    /// Where files lie.
    pub(crate) folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.stop().expect("a memory store does not fail");
        }
    }
}

/// A node of 410305.
pub(crate) fn node() -> World {
    world(Role::Node, ScopeName::of("410305", "涧西区"))
}

/// The hub.
pub(crate) fn hub() -> World {
    world(Role::Hub, ScopeName::of("4103L9", "市直"))
}

/// A program with this scope as its own.
pub(crate) fn world(role: Role, scope: ScopeName) -> World {
    let identity = Identity {
        role,
        replica: "0123456789abcdef0123456789abcdef".to_owned(),
        demo: true,
        scope,
        published: ScopeName::of("410300", "洛阳市"),
        hub: None,
    };
    open(Arc::new(Memory::new()), identity)
}

fn open(memory: Arc<Memory>, identity: Identity) -> World {
    let clock: Arc<dyn Clock> = Arc::new(Ticking::default());
    let store: Arc<dyn Store> = Arc::<Memory>::clone(&memory);
    let host = Host::open(store, host_config(&identity, Arc::clone(&clock), None))
        .expect("an empty store opens");
    let writer = Writer::start(host, WriterConfig::default()).expect("the system gives a thread");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let app = App {
        dir: Dir::new(Path::new("/nowhere")),
        identity: Arc::new(identity),
        config: Arc::new(Config::default()),
        store_key: Arc::default(),
        clock,
        catalogue: Catalogue::builtin(),
        writer: writer.handle(),
        runtime: runtime.handle().clone(),
        account: "alice".to_owned(),
        today: date::stored("2020-10-15"),
        folder: PathBuf::from("."),
        proofs: Arc::default(),
        board: Arc::default(),
        cache: Arc::default(),
        files: Arc::new(FileRoom::new(Cabinet::new(&folder.path().join("files")))),
        grant: None,
        reveals: false,
        reviewed: Arc::default(),
        desk: Arc::default(),
        numbers: Arc::default(),
    };
    World {
        app,
        memory,
        writer: Some(writer),
        _runtime: runtime,
        folder,
    }
}

impl World {
    /// The same program with another person at it.
    pub(crate) fn by(&self, account: &str) -> App {
        App {
            account: account.to_owned(),
            ..self.app.clone()
        }
    }

    /// The same program after a stop and a start.
    pub(crate) fn restarted(self) -> Self {
        let (memory, identity) = (
            Arc::clone(&self.memory),
            Identity::clone(&self.app.identity),
        );
        drop(self);
        open(memory, identity)
    }

    /// What the store holds.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The same program over another store.
    pub(crate) fn over(&self, memory: Memory) -> Self {
        open(Arc::new(memory), Identity::clone(&self.app.identity))
    }

    /// Carries out an operation of the session with the peer of tests, whose scope is this one.
    pub(crate) fn session(&self, op: Op) -> Option<Input> {
        let (answer, reply) = std::sync::mpsc::sync_channel(1);
        let login = Login {
            session: 1,
            peer: PEER,
            scope: domain::scope_id("410305"),
        };
        let done = move |reply| answer.send(reply).expect("the test waits");
        self.app
            .writer
            .submit(Command::Session(login, op), done)
            .expect("the writer runs");
        match reply.recv().expect("the writer answers") {
            Reply::Input(input) => Some(*input),
            Reply::Written(_) | Reply::Done(_) | Reply::Nothing => None,
        }
    }

    /// Greets the hub of tests, which refuses these writes.
    pub(crate) fn refused_by_hub(&self, refusals: Vec<proto::sync::Refused>) {
        self.welcomed(90_000, refusals);
    }

    /// Greets the hub of tests, whose clock is ahead of what this one was at its start.
    pub(crate) fn welcomed(&self, ahead_ms: i64, refusals: Vec<proto::sync::Refused>) {
        self.session(Op::Greet);
        let scopes = [self.app.scope(), self.app.published()];
        let feeds = scopes.map(|scope| proto::sync::FeedState {
            scope: scope.0.to_vec(),
            ..Default::default()
        });
        let welcome = proto::sync::Welcome {
            replica: PEER.0.to_vec(),
            schema: 1,
            now_ms: i64::try_from(NOW_MS).expect("a time of our days") + ahead_ms,
            feeds: feeds.to_vec(),
            refusals,
            ..Default::default()
        };
        let accepted = self.session(Op::Accept(Box::new(welcome)));
        assert!(
            matches!(accepted, Some(Input::Accepted(Ok(_)))),
            "{accepted:?}"
        );
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.app.writer
    }
}

/// The kind with a name.
pub(crate) fn kind(app: &App, name: &str) -> &'static KindSpec {
    kind_of(app, name).expect("a kind of the schema")
}

/// A complete organisation.
pub(crate) fn organisation(name: &str) -> Map<String, Value> {
    let values = serde_json::json!({
        "uscc": "91410305DEM1FYRA54", "name": name, "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": "C", "operating_status": "operating",
        "census_status": "counted", "employees": 120, "members": 5, "full_members": 5,
        "as_of": "2020-09-30", "eligibility": "eligible", "source": "manual",
    });
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// Makes a record that has its steps behind it, as an import takes one over.
pub(crate) fn taken_over(app: &App, kind_name: &str, values: &Value) -> Stored {
    let change = Change {
        kind: kind(app, kind_name),
        id: None,
        set: set_of_json(values.as_object().expect("an object")),
        seen: None,
        scope: None,
        reason: "taken over",
        source: Source::Import,
    };
    let saved = put(app, &change);
    saved
        .unwrap_or_else(|failure| panic!("{kind_name}: {failure}"))
        .stored
}

/// Saves fields of a record as a person does.
pub(crate) fn save(
    app: &App,
    kind_name: &str,
    id: Option<&Stored>,
    values: &Value,
    seen: Option<Seen>,
) -> Result<Saved, Failure> {
    let change = Change {
        kind: kind(app, kind_name),
        id: id.map(|stored| stored.record.key.id),
        set: set_of_json(values.as_object().expect("an object")),
        seen,
        scope: None,
        reason: "as the office said",
        source: Source::Command,
    };
    put(app, &change)
}

/// Makes an organisation.
pub(crate) fn made(app: &App, name: &str) -> Stored {
    let values = Value::Object(organisation(name));
    save(app, "organisation", None, &values, None)
        .expect("a sound organisation")
        .stored
}

/// A record as it is now.
pub(crate) fn now(app: &App, key: RecordKey) -> Stored {
    find(app, key).expect("the record is there")
}

/// Runs a command and returns what it printed to stdout, and how it ends.
pub(crate) fn printed(
    json: bool,
    run: impl FnOnce(&mut Out) -> Result<(), Failure>,
) -> (String, Result<Exit, Failure>) {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    let mut out = Out::new(json, domain::label::Language::En, 0, move |part| {
        if let Part::Stdout(part) = part {
            sink.lock().expect("nobody panics").push_str(&part);
        }
    });
    let result = run(&mut out);
    let exit = result.map(|()| out.exit);
    drop(out);
    let text = text.lock().expect("nobody panics").clone();
    (text, exit)
}
