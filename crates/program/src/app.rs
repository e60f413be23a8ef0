//! An opened program: identity, store, clock, catalogue; what every command works on.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use domain::{
    Arrival, Catalogue, Date, Refusal,
    permission::{self, Grant, Right},
};
use link::{FileRoom, Holdings};
use proto::stored::Certificate;
use replica::{
    Clock, Dot, RecordId, RecordKey, ReplicaId, ScopeId, SealKey, Sibling,
    session::Role as SessionRole,
};
use store::{
    Cabinet, Handle, Host, HostConfig, JudgeInput, PeerHeard, Reader, Rules, Status, Survey,
    Verdict, Writer, WriterConfig,
};

use crate::{
    accounts::care,
    clock::{SystemClock, date_of},
    commands::bundle::Bundles,
    config::Config,
    dir::{Dir, Identity, Role},
    doctor::Proofs,
    failure::Failure,
    persons,
    records::{ValueCache, under_review},
    repair::compare::Asking,
    report::Board,
    rewrite,
    store_key::KeptKey,
};

/// The number of the schema that this program knows. It grows when a kind, a field or what they
/// mean is added; 0 is nobody's.
///
/// 1: the first. 2: records move and are merged, with their dockets. 3: all kinds of the programme,
/// and persons are erased.
pub const SCHEMA: u32 = 3;

/// Who is enrolled. A program that calls others keeps none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Replicas with a scope that they are to receive, whether they have ever called or not.
    pub replicas: Vec<(ReplicaId, ScopeId)>,
    /// Replicas that will not come again, because they were revoked.
    pub gone: Vec<ReplicaId>,
}

/// What a command can see of the running program beside the store.
pub trait Live: Bundles + Send + Sync {
    /// Each peer with its name, whether a session is open, and since when nothing was heard.
    fn peers(&self, app: &App, status: &Status) -> Vec<PeerView>;
    /// Days until the own certificate ends; none without one.
    fn certificate_days(&self, app: &App) -> Option<i64>;
    /// Who is enrolled, as far as this program keeps that.
    fn enrolled(&self, _app: &App) -> Enrolled {
        Enrolled::default()
    }
    /// Has a peer's session begin anew, so that what did not fit is tried again: a node calls at once,
    /// a hub hangs up and is called again. Returns whether it could.
    fn call_again(&self, _app: &App, _peer: ReplicaId) -> bool {
        false
    }
    /// What only this program knows of itself, for `doctor`.
    fn own_facts(&self, app: &App) -> OwnFacts;
    /// Each scope compared with each peer that is connected. Blocks.
    fn compare(&self, app: &App) -> Vec<Compared>;
    /// Makes the certificate that nothing was lost. Blocks.
    ///
    /// # Errors
    /// Only a node makes one; the hub is not reached or refuses; the two do not stand at one cut.
    fn certify(&self, app: &App) -> Result<Certificate, Failure>;
    /// Asks the peer which of some writes it holds; none where this program calls nobody. It needs
    /// no store, and changes nothing on either side. Blocks.
    fn holdings(asking: &Asking<'_>) -> Option<Result<Holdings, Failure>>
    where
        Self: Sized;
    /// The name of a peer that calls, among what the program keeps for itself in its store.
    fn caller_name(_survey: &Survey, _replica: ReplicaId) -> Option<String>
    where
        Self: Sized,
    {
        None
    }
}

/// One scope as it was compared with a peer.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The peer's name.
    pub peer: String,
    /// The code of the scope.
    pub scope: String,
    /// The ends of both feeds: ours, theirs.
    pub cut: (u64, u64),
    /// Our root there, in hex.
    pub root: String,
    /// Records that either side holds back; the root leaves them out.
    pub left_out: usize,
    /// Whether both were found equal; none when they did not stand at one cut, or could not be
    /// asked.
    pub equal: Option<bool>,
    /// The stable code of what stood in the way.
    pub code: Option<String>,
}

/// What only one of the two programs knows of itself; none where it does not apply.
#[derive(Clone, Debug, Default)]
pub struct OwnFacts {
    /// Whether the key of the authority has a passphrase.
    pub key_sealed: Option<bool>,
    /// Scopes that have ended without one successor.
    pub open_ends: Option<Vec<String>>,
    /// Claims that wait for a ruling.
    pub claims: Option<usize>,
    /// Moves that wait.
    pub moves: Option<usize>,
    /// Demonstration points under review, and nominations that wait whose Party organisation has ended.
    pub reviews: Option<usize>,
}

/// One peer as `status` shows it.
#[derive(Clone, Debug, Default)]
pub struct PeerView {
    /// Its replica, 32 hex digits.
    pub replica: String,
    /// The peer's name.
    pub name: String,
    /// `connected`, `unreachable`, `refused`, `never`, `stopped`, with a code after a colon where
    /// there is one.
    pub state: String,
    /// How far it has taken our feed.
    pub sent: u64,
    /// How far we have taken its feed.
    pub received: u64,
    /// Changes it has not acked.
    pub pending: u64,
    /// Seconds since it was last settled; none before the first time in this run.
    pub lag_s: Option<u64>,
    /// Whether both sides were found equal where they stand; none when not compared.
    pub equal: Option<bool>,
    /// Whether it should be there: it has joined and was not revoked.
    pub is_expected: bool,
    /// When it was last heard, or joined, milliseconds since 1970.
    pub seen_ms: Option<i64>,
    /// What it said of itself when a session last began.
    pub heard: Option<PeerHeard>,
    /// Why it cannot be reached.
    pub failure: Option<String>,
}

/// An opened program. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Its directory.
    pub dir: Dir,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its settings.
    pub config: Arc<Config>,
    /// The key of its store.
    pub store_key: Arc<KeptKey>,
    /// Both times.
    pub clock: Arc<dyn Clock>,
    /// What records mean.
    pub catalogue: &'static Catalogue,
    /// The writer of the store.
    pub writer: Handle,
    /// Runs what waits.
    pub runtime: tokio::runtime::Handle,
    /// Who gives the command.
    pub account: String,
    /// The date that stands for today, where the store was made for demonstration.
    pub today: Option<Date>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// What the newest proof of the store has found.
    pub proofs: Arc<Proofs>,
    /// The figures of the days that were asked for last.
    pub board: Arc<Board>,
    /// What records say now.
    pub cache: Arc<ValueCache>,
    /// The contents of attachments, and who waits for them.
    pub files: Arc<FileRoom>,
    /// What the account was given; none for the program itself, and while there are no accounts.
    pub grant: Option<Arc<Grant>>,
    /// Whether the command shows personal data for once, with a reason that was noted.
    pub reveals: bool,
    /// The people of nominations under review, looked up once for the command that asks.
    pub reviewed: Arc<OnceLock<BTreeSet<RecordId>>>,
    /// Held while accounts or the audit list are changed: one at a time.
    pub desk: Arc<Mutex<()>>,
    /// Held by whoever gives numbers to records until they are written: no number is given twice here.
    pub numbers: Arc<Mutex<()>>,
}

impl App {
    /// Opens the program of a directory. The writer must be stopped by whoever gets it.
    ///
    /// # Errors
    /// Nothing was set up there, or the store is in use, damaged or cannot be read.
    pub fn open(dir: &Dir, runtime: tokio::runtime::Handle) -> Result<(Self, Writer), Failure> {
        let identity = dir.identity()?;
        let config = Config::load(&dir.config())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let host = host_config(&identity, Arc::clone(&clock), dir.seal()?);
        let (store, store_key) = rewrite::open(dir, &config, &host.rules)?;
        let host = Host::open(Arc::new(store), host)?;
        let writer = Writer::start(host, WriterConfig::default())?;
        let app = Self {
            dir: dir.clone(),
            identity: Arc::new(identity),
            config: Arc::new(config),
            store_key: Arc::new(store_key),
            clock,
            catalogue: Catalogue::builtin(),
            writer: writer.handle(),
            runtime,
            account: "operator".to_owned(),
            today: None,
            folder: PathBuf::from("."),
            proofs: Arc::default(),
            board: Arc::default(),
            cache: Arc::default(),
            files: Arc::new(FileRoom::new(Cabinet::new(&dir.files()))),
            grant: None,
            reveals: false,
            reviewed: Arc::default(),
            desk: Arc::default(),
            numbers: Arc::default(),
        };
        Ok((app, writer))
    }

    /// Reads beside the writer.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        self.writer.reader()
    }

    /// The calendar date of today where the programme runs.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today.unwrap_or_else(|| date_of(self.clock.wall_ms()))
    }

    /// The author of a write: ACCOUNT@replica.
    #[must_use]
    pub fn author(&self) -> String {
        format!("{}@{}", self.account, self.identity.short_name())
    }

    /// The scope whose records are made here.
    #[must_use]
    pub fn scope(&self) -> ScopeId {
        self.identity.scope.scope()
    }

    /// The scope that every node receives.
    #[must_use]
    pub fn published(&self) -> ScopeId {
        self.identity.published.scope()
    }

    /// Whether this is the city's program.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.identity.role == Role::Hub
    }

    /// Whether a scope is the one whose records are made here, or the one that everybody receives.
    #[must_use]
    pub fn is_own(&self, scope: ScopeId) -> bool {
        scope == self.scope() || scope == self.published()
    }

    /// Whether whoever gives the command sees all personal data in full.
    #[must_use]
    pub fn sees_personal(&self) -> bool {
        let full = |grant: &Arc<Grant>| permission::may(grant, Right::Full).is_ok();
        self.reveals || self.grant.as_ref().is_none_or(full)
    }

    /// Whether whoever gives the command sees the personal data of their own scope in full.
    #[must_use]
    pub fn sees_own(&self) -> bool {
        let own = |grant: &Arc<Grant>| permission::sees_own(grant.role);
        self.reveals || self.grant.as_ref().is_none_or(own)
    }

    /// Whether whoever gives the command sees small numbers of members in records with this home.
    #[must_use]
    pub fn sees_few(&self, home: ScopeId) -> bool {
        self.is_own(home) || self.reveals
    }

    /// Whether whoever gives the command sees the personal data of all records of a kind in full, of
    /// this scope or of every one: only then are they found by it.
    #[must_use]
    pub fn seeks(&self, kind: &str, scope: Option<ScopeId>) -> bool {
        let is_own = scope.is_some_and(|scope| self.is_own(scope));
        let grant = self.grant.as_ref().filter(|_| !self.reveals);
        !care::is_bound(self)
            && grant.is_none_or(|grant| permission::sees(grant.role, kind, is_own))
    }

    /// Whether whoever gives the command sees the personal data of a record with this home in full.
    #[must_use]
    pub fn sees(&self, key: RecordKey, home: ScopeId) -> bool {
        let Some(grant) = self.grant.as_ref().filter(|_| !self.reveals) else {
            return true;
        };
        if care::is_bound(self) {
            // What cannot be read is told by the next that reads it.
            return care::sees(self, key).unwrap_or(false);
        }
        let kind = self.catalogue.kind_name(key.kind);
        if self.seeks(&kind, Some(home)) {
            return true;
        }
        if kind != "person" || !permission::reviews(grant.role) {
            return false;
        }
        let reviewed = self.reviewed.get_or_init(|| {
            under_review(self).unwrap_or_else(|failure| {
                // Then they are masked, and what cannot be read is told by the next that reads it.
                tracing::warn!(code = failure.code, "nominations could not be read");
                BTreeSet::new()
            })
        });
        reviewed.contains(&key.id)
    }

    /// A path given to a command, from the folder of whoever gave it.
    #[must_use]
    pub fn path(&self, given: &std::path::Path) -> PathBuf {
        self.folder.join(given)
    }
}

/// Makes the replica's configuration from who the program is.
#[must_use]
pub fn host_config(
    identity: &Identity,
    clock: Arc<dyn Clock>,
    seal: Option<SealKey>,
) -> HostConfig {
    let published = identity.published.scope();
    let catalogue = Catalogue::builtin();
    let judging = seal.clone();
    let erasure = Arc::new(persons::erasure(catalogue));
    let erasing = Arc::clone(&erasure);
    let judge = move |input: &JudgeInput<'_>| {
        let sealed = |sibling: &Sibling| {
            let key = judging.as_ref().filter(|_| input.refilling);
            let kind = input.incoming.key.kind;
            // What was erased proves nothing any more, and says nothing either.
            let erased = || sibling.is_erased() && erasing.covers(kind, sibling);
            key.is_some_and(|key| key.holds(input.incoming.key, sibling) || erased())
        };
        if input.refilling && input.incoming.scope == published {
            return judge_homecoming(input, &sealed);
        }
        // Where a record may come from is the store's to judge. While the hub refills it takes what has
        // left the sender's scope, and what it had lent there.
        let peer_scope = if input.refilling {
            input.home
        } else {
            input.scope
        };
        let arrival = Arrival {
            peer_scope,
            published_scope: published,
            home: input.home,
            existing: input.existing,
            incoming: input.incoming,
        };
        let judged = domain::authority::judge_sealed(catalogue, &arrival, &sealed);
        match judged {
            Ok(()) => Verdict::Accept,
            Err((dots, refusal)) => Verdict::Refuse {
                dots,
                code: refusal.code(),
            },
        }
    };
    HostConfig {
        role: match identity.role {
            Role::Node => SessionRole::Node,
            Role::Hub => SessionRole::Hub,
        },
        replica: identity.replica(),
        scope: identity.scope.scope(),
        published,
        schema: SCHEMA,
        rules: Rules {
            judge: Arc::new(judge),
            parent: Arc::new(|record| domain::parent(catalogue, record)),
            child: Arc::new(|kind| {
                catalogue
                    .kind(kind)
                    .is_some_and(|kind| kind.parent.is_some())
            }),
            lends: Arc::new(|record, home_of| domain::lends(catalogue, record, home_of)),
            propose: Arc::new(|late| propose(catalogue, late)),
            erasure,
        },
        believes_peers: false,
        seal,
        clock,
        random: Arc::new(random),
    }
}

fn propose(catalogue: &Catalogue, late: &store::Late<'_>) -> Option<replica::Edit> {
    let late = domain::Late {
        key: late.key,
        home: late.home,
        sender: late.sender,
        siblings: late.siblings,
        code: late.code,
    };
    domain::propose(catalogue, &late)
}

/// A restored hub gets its published records back from a node: only what bears its own seal.
fn judge_homecoming(input: &JudgeInput<'_>, sealed: &dyn Fn(&Sibling) -> bool) -> Verdict {
    let known = |dot| input.existing.is_some_and(|e| e.context.covers(dot));
    let fresh = input.incoming.siblings.iter().filter(|s| !known(s.dot()));
    let dots: Vec<Dot> = fresh.filter(|s| !sealed(s)).map(Sibling::dot).collect();
    if dots.is_empty() {
        return Verdict::Accept;
    }
    Verdict::Refuse {
        dots,
        code: Refusal::Authority.code(),
    }
}

/// 64 random bits of the system.
///
/// # Panics
/// When the system has none: without them an incarnation might be used twice, and writes lost.
#[must_use]
pub fn random() -> u64 {
    getrandom::u64().expect("the system gives random bits")
}
