//! A replica: it takes edits and the operations of sessions, and answers only what is durable.
//!
//! [`Host::take`] does the work and keeps the answer back; [`Host::flush`] commits everything
//! taken since the last one as one batch, syncs, and hands the answers out. That is the only way
//! to an answer, so nothing can be acknowledged, sent or shown as saved before the store has
//! synced it. Simulator and real program both go through here.

mod account;
mod apply;
mod arrivals;
mod erase;
mod heard;
mod home;
mod journal;
mod judge;
mod peers;
mod positions;
mod prints;
mod quarantine;
mod rebuild;
mod refill;
mod rollback;
mod session;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use replica::{
    Clock, Dot, Edit, EditError, HybridTime, Incarnation, JournalEntry, Kind, Record, RecordKey,
    RegisterId, ReplicaId, ScopeId, SealKey, Seq, Stamp,
    session::{FeedPoint, Input, Op, Role},
};

use crate::{Erasure, Ledger, Reader, Store, StoreError, Stored, keys, ledger::Incoming};
pub use account::{Grounds, OnRecord, Reached};
use arrivals::Arrivals;
pub use peers::PeerStatus;
use peers::Peers;
use positions::Positions;
pub use positions::remember;
pub(crate) use quarantine::clashing;
pub use rebuild::{Rebuilt, rebuild};
pub use session::Login;
use session::SessionState;

/// Records of one section of a feed. A batch ends where a section ends, so a section must fit
/// into one; half of it leaves room for others.
const SECTION_RECORDS_MAX: usize = replica::limits::BATCH_RECORDS_MAX / 2;
/// Bytes of one section of a feed, but for its last record.
const SECTION_BYTES_MAX: usize = replica::limits::BATCH_BYTES_MAX / 2;

/// The name under which a store says that it was restored from a backup.
const RESTORED: &str = "restored";

/// Notes in a store that a person has restored it from a backup: at its next start a hub lets the
/// peers that the backup knew give back what it has forgotten.
///
/// # Errors
/// The store failed.
pub fn mark_restored(store: &dyn Store) -> Result<(), StoreError> {
    let mut batch = crate::Batch::default();
    batch.put(keys::local(RESTORED), vec![1]);
    store.commit(batch)?;
    store.sync()
}

/// What a judge is asked.
#[derive(Debug)]
pub struct JudgeInput<'a> {
    /// The scope that the peer's certificate stands for.
    pub scope: ScopeId,
    /// The scope that the record belongs to.
    pub home: ScopeId,
    /// The record as this replica holds it.
    pub existing: Option<&'a Record>,
    /// The record as it came.
    pub incoming: &'a Record,
    /// This replica gets back what a restore took from it.
    pub refilling: bool,
}

/// What a judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The record may be merged.
    Accept,
    /// These writes may not: the state is refused whole.
    Refuse {
        /// The writes at fault.
        dots: Vec<Dot>,
        /// The stable code.
        code: &'static str,
    },
}

/// A write that came too late: its record belongs to another scope by now, or its node was fenced.
#[derive(Debug)]
pub struct Late<'a> {
    /// The record it was made to.
    pub key: RecordKey,
    /// The scope that the record belongs to now.
    pub home: ScopeId,
    /// The scope of the node that brought it.
    pub sender: ScopeId,
    /// The write: all its siblings.
    pub siblings: &'a [replica::Sibling],
    /// Why it was not taken: a stable code.
    pub code: &'static str,
}

/// Whether a peer's writes may be taken.
pub type Judge = Arc<dyn Fn(&JudgeInput<'_>) -> Verdict + Send + Sync>;
/// See [`Rules::parent`].
pub type Parent = Arc<dyn Fn(&Record) -> Option<RecordKey> + Send + Sync>;
/// See [`Rules::child`].
pub type Child = Arc<dyn Fn(Kind) -> bool + Send + Sync>;
/// See [`Rules::lends`].
pub type Lends = Arc<dyn Fn(&Record, HomeOf<'_>) -> Vec<(RecordKey, ScopeId)> + Send + Sync>;
/// Where a record belongs; none where it is not held here.
pub type HomeOf<'a> = &'a dyn Fn(RecordKey) -> Option<ScopeId>;
/// See [`Rules::propose`].
pub type Propose = Arc<dyn Fn(&Late<'_>) -> Option<Edit> + Send + Sync>;

/// What a replica must know of the meaning of records, as functions of values. Made by the
/// programs from the domain.
#[derive(Clone)]
pub struct Rules {
    /// The rules of authority.
    pub judge: Judge,
    /// The record whose home a record shares, as a register that never changes names it.
    pub parent: Parent,
    /// Whether records of a kind share the home of another. An older program may have stored them
    /// without knowing that.
    pub child: Child,
    /// The records that a record makes visible to other scopes, whole and read-only. It may ask where
    /// the record itself and those that it names belong.
    pub lends: Lends,
    /// The record that shows a late write to the scope that its record belongs to. Its id comes
    /// from the write, so that the same write makes the same record.
    pub propose: Propose,
    /// What is erased of a person, and of which records.
    pub erasure: Arc<Erasure>,
}

impl Rules {
    /// Rules for records without parents, loans, proposals and persons.
    #[must_use]
    pub fn new(judge: Judge) -> Self {
        Self {
            judge,
            parent: Arc::new(|_| None),
            child: Arc::new(|_| false),
            lends: Arc::new(|_, _| Vec::new()),
            propose: Arc::new(|_| None),
            erasure: Arc::default(),
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

/// Who a replica is.
#[derive(Clone)]
pub struct HostConfig {
    /// Node or hub.
    pub role: Role,
    /// The store's id.
    pub replica: ReplicaId,
    /// The scope that edits belong to when they make a record: the district's, or the city's own.
    pub scope: ScopeId,
    /// The scope that every node receives and only the hub writes.
    pub published: ScopeId,
    /// The number of the schema that this program knows.
    pub schema: u32,
    /// What records mean.
    pub rules: Rules,
    /// A hub that finds that a node knows more than it does takes that at the node's word and
    /// refills from its nodes. A hostile node can say so too, and would then speak for its
    /// colleagues: so a real hub refills only after a person has restored it from a backup.
    pub believes_peers: bool,
    /// The key that seals the hub's own writes; a node has none.
    pub seal: Option<SealKey>,
    /// Both times.
    pub clock: Arc<dyn Clock>,
    /// 64 random bits a call, for incarnations.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostConfig")
            .field("role", &self.role)
            .field("replica", &self.replica)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Why a host could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The edit was not written; nothing has changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The record is over the limit of its size.
    #[error("the record is too large")]
    TooLarge,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record belongs to another scope: only its nodes and the hub write it.
    #[error("the record belongs to another scope")]
    Moved(ScopeId),
    /// The scope has more writes than can be accounted for in memory.
    #[error("the scope is too large to be accounted for")]
    TooMany,
    /// The writer has stopped or has too much to do.
    #[error("the writer takes no more work")]
    Busy,
}

/// One edit as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub key: RecordKey,
    /// The name of the write.
    pub dot: Dot,
    /// Registers that now hold more than one candidate.
    pub beside: Vec<RegisterId>,
}

/// Something to do.
#[derive(Debug)]
pub enum Command {
    /// Edits that are written together or not at all, with what a program keeps beside them.
    Edit(Vec<Edit>, Vec<(String, Option<Vec<u8>>)>),
    /// An operation of a session.
    Session(Login, Op),
    /// A session is over.
    Close(u64),
    /// A person decides something about replication itself.
    Act(Act),
}

/// What a person decides about replication itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A node was away too long, or is not to be trusted: what it brings next becomes proposals,
    /// until it was found equal.
    Fence(ReplicaId),
    /// This hub was rolled back by other means than `restore`: its nodes may give back what it has
    /// forgotten.
    Refill,
    /// Of a record that is held back, what is held here stays; the other side takes its own
    /// content back and keeps it as a draft. Of one peer, or of all. What a program keeps about
    /// it, under a name, is written together with it.
    Release(RecordKey, Option<ReplicaId>, Option<(String, Vec<u8>)>),
    /// A draft is done with: it was written again, or is not wanted.
    Drop(Dot),
}

/// What became of it.
#[derive(Debug)]
pub enum Reply {
    /// The edits are durable.
    Written(Result<Vec<Written>, HostError>),
    /// The input for the session.
    Input(Box<Input>),
    /// Whether the act changed anything.
    Done(bool),
    /// Nothing to say.
    Nothing,
}

/// A reply and what it answers.
#[derive(Debug)]
pub struct Answer {
    /// The ticket given with the command.
    pub ticket: u64,
    /// The reply; it is durable.
    pub reply: Reply,
}

/// The incarnation of this start.
#[derive(Clone, Copy, Debug)]
struct Life {
    incarnation: Incarnation,
    counter: u64,
    head: replica::Head,
}

/// A replica. See the module.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    ledger: Ledger,
    life: Option<Life>,
    time: HybridTime,
    positions: Positions,
    peers: Peers,
    sessions: BTreeMap<u64, SessionState>,
    /// The newest session of each peer that has begun.
    newest: BTreeMap<ReplicaId, u64>,
    answers: Vec<Answer>,
    ends: BTreeMap<ScopeId, FeedPoint>,
    /// Records and bytes of the section of edits that is open.
    open_section: (usize, usize),
    /// What is lent to which scopes.
    loans: BTreeMap<RecordKey, BTreeSet<ScopeId>>,
    /// Nodes that are fenced.
    fenced: BTreeSet<ReplicaId>,
    /// Incarnations that a copy of their replica went on without: whoever still speaks as one of
    /// them is the other copy.
    left_behind: BTreeSet<Incarnation>,
    /// Nodes of which two copies run.
    clones: BTreeSet<ReplicaId>,
    /// At a hub, nodes by number and records of which they have shown a state that would make a
    /// value disappear: a node that lacks it takes it in the exchange that follows. Where that has
    /// changed nothing, the record is held back.
    hiding: BTreeSet<(u32, RecordKey)>,
    /// Peers, with their scopes, that were found equal since the start.
    met: BTreeSet<(u32, u32)>,
    /// Of the section that is open not all has come as a peer sent it.
    mixed: bool,
    /// A node has shown that this hub has forgotten something.
    restored: bool,
    /// A peer has brought a write with this hub's own seal that the hub does not know.
    shown_own: bool,
    /// This hub was restored, and knows no peer that could give anything back.
    refill_due: bool,
    /// When changes arrived, here and at the peers.
    arrivals: Arrivals,
    /// Guests put since the last commit.
    recent_guests: BTreeSet<(u32, RecordKey)>,
    /// The store failed in the middle of a command: what is staged of it is not whole.
    failed: bool,
}

impl Host {
    /// Opens a replica over a store. A new incarnation is taken at the first write.
    ///
    /// # Errors
    /// The store cannot be read or is damaged.
    pub fn open(store: Arc<dyn Store>, config: HostConfig) -> Result<Self, StoreError> {
        let positions = Positions::load(&*store, config.replica)?;
        let peers = Peers::load(&*store)?;
        let loans = home::load_loans(&*store)?;
        let fenced = session::load_fenced(&*store)?;
        let left_behind = session::load_left_behind(&*store)?;
        let restored = crate::ledger::local(&*store, refill::FOUND_RESTORED)?.is_some();
        let ledger = Ledger::open(store)?;
        let mut host = Self {
            config,
            ledger,
            life: None,
            time: HybridTime(0),
            positions,
            peers,
            sessions: BTreeMap::new(),
            newest: BTreeMap::new(),
            answers: Vec::new(),
            ends: BTreeMap::new(),
            open_section: (0, 0),
            loans,
            fenced,
            left_behind,
            clones: BTreeSet::new(),
            hiding: BTreeSet::new(),
            met: BTreeSet::new(),
            mixed: false,
            restored,
            shown_own: false,
            refill_due: false,
            arrivals: Arrivals::default(),
            recent_guests: BTreeSet::new(),
            failed: false,
        };
        host.refill_after_restore()?;
        host.seat_children()?;
        host.note_ends();
        Ok(host)
    }

    /// Goes on as the life that the store ends with, as a machine does whose memory was put back
    /// together with its disk. Only simulations can do that to a program.
    #[doc(hidden)]
    pub fn run_on(&mut self) {
        self.life = self
            .positions
            .newest_own()
            .map(|(incarnation, counter)| Life {
                incarnation,
                counter,
                head: self.positions.head(incarnation),
            });
    }

    /// Who this is.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Returns a reader beside this replica.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.ledger.reader()
    }

    /// The store below.
    pub(crate) fn store(&self) -> &dyn Store {
        &**self.ledger.store()
    }

    /// Does the work of a command. The answer comes from the next [`Host::flush`].
    pub fn take(&mut self, ticket: u64, command: Command) {
        let reply = match command {
            Command::Edit(edits, local) => Reply::Written(self.edit(&edits, local)),
            Command::Session(login, op) => match self.session(&login, op) {
                Some(input) => Reply::Input(Box::new(input)),
                None => Reply::Nothing,
            },
            Command::Close(session) => {
                self.sessions.remove(&session);
                Reply::Nothing
            }
            Command::Act(act) => Reply::Done(self.act(act)),
        };
        self.answers.push(Answer { ticket, reply });
    }

    /// Carries out a decision about replication.
    fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Fence(replica) => {
                self.end_sessions(replica);
                let news = self.fenced.insert(replica);
                self.ledger.stage(keys::fenced(replica), Some(Vec::new()));
                news
            }
            Act::Refill => {
                self.begin_refill(None);
                true
            }
            Act::Release(key, peer, note) => {
                let news = self.release(key, peer);
                if let Some((name, value)) = note.filter(|_| news) {
                    self.ledger.stage(keys::local(&name), Some(value));
                }
                news
            }
            Act::Drop(dot) => {
                let gone = self.peers.drop_drafts(dot);
                let news = !gone.is_empty();
                gone.into_iter()
                    .for_each(|key| self.ledger.stage(key, None));
                news
            }
        }
    }

    /// Ends the sessions of a peer: its next Hello finds what has changed.
    fn end_sessions(&mut self, replica: ReplicaId) {
        self.sessions.retain(|_, state| state.party.peer != replica);
    }

    /// Commits and syncs what was taken, and hands out the answers.
    ///
    /// # Errors
    /// Nothing taken since the last flush is durable; the replica takes no more writes.
    pub fn flush(&mut self) -> Result<Vec<Answer>, StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        if self.ledger.is_dirty() {
            self.end_own_section();
            self.arrive()?;
            self.ledger.commit()?;
            self.recent_guests.clear();
            self.ledger.store().sync()?;
            self.note_ends();
        }
        Ok(std::mem::take(&mut self.answers))
    }

    /// Commits and syncs also what may wait, before the program stops.
    ///
    /// # Errors
    /// The store failed.
    pub fn close(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        self.end_own_section();
        self.arrive()?;
        self.ledger.commit()?;
        self.ledger.store().sync()
    }

    /// The durable ends of all feeds.
    #[must_use]
    pub fn ends(&self) -> &BTreeMap<ScopeId, FeedPoint> {
        &self.ends
    }

    fn note_ends(&mut self) {
        for (scope, end, _) in self.ledger.reader().scopes() {
            self.ends.insert(scope, end);
        }
    }

    /// Writes edits, all or none.
    fn edit(
        &mut self,
        edits: &[Edit],
        local: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<Vec<Written>, HostError> {
        let mut life = self.life.unwrap_or_else(|| Life {
            incarnation: Incarnation((self.config.random)()),
            counter: 0,
            head: replica::Head::default(),
        });
        let first = life.counter + 1;
        let wall_ms = self.config.clock.wall_ms();
        let mut time = self.time;
        let mut next: BTreeMap<RecordKey, (Record, Option<Stored>)> = BTreeMap::new();
        let (mut written, mut entries) = (Vec::new(), Vec::new());
        for edit in edits {
            let (present, former) = match next.remove(&edit.key) {
                Some(known) => known,
                None => self.present_of(edit)?,
            };
            life.counter += 1;
            time = time.tick(wall_ms);
            let dot = Dot {
                incarnation: life.incarnation,
                counter: life.counter,
            };
            let record = self.applied(edit, (&present, former.as_ref()), (dot, time))?;
            entries.push(JournalEntry::of(&record, dot));
            let beside = edit.set.iter().map(|set| set.register);
            let beside = beside.filter(|r| record.register(*r).len() > 1).collect();
            written.push(Written {
                key: edit.key,
                dot,
                beside,
            });
            next.insert(edit.key, (record, former));
        }
        let mut states = Vec::with_capacity(next.len());
        for (record, former) in next.into_values() {
            let new = Incoming::own(record);
            if new.bytes.len() > replica::limits::RECORD_BYTES_MAX {
                return Err(HostError::TooLarge);
            }
            states.push((new, former));
        }
        if let Err(error) = self.stage_own(states) {
            // A part of it is staged, and the next write would take the same name.
            self.failed = true;
            return Err(error.into());
        }
        for entry in &entries {
            life.head = replica::chain(life.head, &entry.hash.0);
        }
        if !entries.is_empty() {
            self.own(life);
            self.ledger
                .journal(life.incarnation, first, entries, life.head);
        }
        self.time = time;
        for (name, value) in local {
            self.ledger.stage(keys::local(&name), value);
        }
        Ok(written)
    }

    /// A record after an edit under a new name, sealed.
    fn applied(
        &self,
        edit: &Edit,
        (present, former): (&Record, Option<&Stored>),
        (dot, time): (Dot, HybridTime),
    ) -> Result<Record, HostError> {
        let acked = former.is_some_and(|former| self.is_acked(former));
        let home = self.guard(edit, present)?;
        let history = self.past_of(present, former, edit)?;
        let past = |register, dot| {
            let same = |s: &&replica::Sibling| s.register == register && s.dot() == dot;
            history.iter().find(same).cloned()
        };
        let stamp = Stamp {
            dot,
            time,
            epoch: home.epoch,
        };
        let mut record = edit.apply(present, stamp, acked, &past)?;
        if present.is_empty() && self.parent(&record).is_some() {
            // Only what is written names the parent: a child is made where its root is.
            let epoch = self.guard(edit, &record)?.epoch;
            record = edit.apply(present, Stamp { epoch, ..stamp }, acked, &past)?;
        }
        self.seal(&mut record, dot, present);
        Ok(record)
    }

    /// The record that an edit is made on: as it stands, or blank.
    fn present_of(&self, edit: &Edit) -> Result<(Record, Option<Stored>), StoreError> {
        let former = self.ledger.current(edit.key)?;
        let present = former.as_ref().map(|former| former.record.clone());
        Ok((
            present.unwrap_or_else(|| Record::new(edit.key, edit.scope)),
            former,
        ))
    }

    /// Seals a write of the hub, so that it is known when nodes bring it home after a restore. The
    /// seal of a transfer also says what the hub had taken before it: that is never late.
    fn seal(&self, record: &mut Record, dot: Dot, present: &Record) {
        let Some(key) = &self.config.seal else { return };
        let mut owners = record.register(RegisterId::OWNER).iter();
        let moves = owners.any(|sibling| sibling.dot() == dot);
        let seen: Vec<_> = present
            .context
            .entries()
            .filter_map(|(life, counter)| {
                if self.positions.replica(life) == Some(self.config.replica) {
                    return Some((life, counter));
                }
                // A seal has no holes.
                let mut holes = present.context.holes().filter(|h| h.incarnation == life);
                let whole = holes.next().map_or(counter, |hole| hole.counter - 1);
                moves.then_some((life, whole))
            })
            .collect();
        record.seal(dot, key, &seen);
    }

    /// Puts states that this replica made itself. Edits of one group share a section, as far as
    /// it may grow: whatever else comes ends it first.
    fn stage_own(&mut self, states: Vec<(Incoming, Option<Stored>)>) -> Result<(), StoreError> {
        for (new, former) in states {
            let full = self.open_section.0 == SECTION_RECORDS_MAX
                || self.open_section.1 + new.bytes.len() > SECTION_BYTES_MAX;
            if full {
                self.end_own_section();
            }
            self.open_section.0 += 1;
            self.open_section.1 += new.bytes.len();
            self.mixed = true;
            self.put(new, self.config.scope, former)?;
        }
        Ok(())
    }

    /// Ends the section of edits that is open, if one is.
    fn end_own_section(&mut self) {
        self.open_section = (0, 0);
        self.ledger.end_section(0);
    }

    /// Notes how far this replica has come, and the first time that its incarnation exists.
    fn own(&mut self, life: Life) {
        if self.life.is_none() {
            let parent = self.positions.newest_own();
            let staged = self
                .positions
                .born(life.incarnation, self.config.replica, parent);
            self.ledger
                .stage(keys::position(life.incarnation), Some(staged));
        }
        self.positions
            .advance(life.incarnation, life.counter, life.head);
        self.life = Some(life);
    }

    /// The earlier siblings of a record, looked up only when the edit shows one that has gone. One
    /// that an edit of the same command has replaced stands in the state before the command.
    fn past_of(
        &self,
        present: &Record,
        former: Option<&Stored>,
        edit: &Edit,
    ) -> Result<Vec<replica::Sibling>, StoreError> {
        if !edit.shows_past(present) {
            return Ok(Vec::new());
        }
        let mut past = former.map_or_else(Vec::new, |former| former.record.siblings.clone());
        past.extend(self.siblings_of_history(edit.key)?);
        Ok(past)
    }

    fn siblings_of_history(&self, key: RecordKey) -> Result<Vec<replica::Sibling>, StoreError> {
        let history = self.ledger.history(key)?;
        Ok(history
            .into_iter()
            .flat_map(|(_, siblings)| siblings)
            .collect())
    }

    /// Whether the peer is known to hold the present state of a record.
    fn is_acked(&self, stored: &Stored) -> bool {
        let acked = self.peers.least_acked(stored.place.scope);
        stored.origin != 0 || acked.is_some_and(|acked| stored.place.seq <= acked)
    }

    /// What `status` shows.
    #[must_use]
    pub fn status(&self) -> Status {
        let position = self.life.map(|life| (life.incarnation, life.counter));
        Status {
            position,
            peers: self.peers.status(&self.ends, &self.ledger),
            refused: self.peers.drafts(),
            quarantined: self.peers.quarantined(),
            met: self.peers_met(),
            fenced: self.fenced.iter().copied().collect(),
            clones: self.clones.iter().copied().collect(),
            refilling: self.peers_awaited(),
            restored: self.is_restored(),
        }
    }
}

/// What `status` shows of a replica.
#[derive(Clone, Debug)]
pub struct Status {
    /// The incarnation of this start and its counter, once it has written.
    pub position: Option<(Incarnation, u64)>,
    /// Every peer and scope.
    pub peers: Vec<PeerStatus>,
    /// Writes that were refused or taken back.
    pub refused: Vec<Refused>,
    /// Records that are held back.
    pub quarantined: Vec<HeldBack>,
    /// Peers that were found equal in every scope since the start.
    pub met: Vec<ReplicaId>,
    /// Nodes that are fenced.
    pub fenced: Vec<ReplicaId>,
    /// Nodes of which two copies run.
    pub clones: Vec<ReplicaId>,
    /// Nodes that still give back what a restore took from this hub; nobody waits for one that is
    /// fenced.
    pub refilling: Vec<ReplicaId>,
    /// A node knows writes of this replica that it has lost, and nobody has said yet that it was
    /// restored.
    pub restored: bool,
}

/// A record that is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The record.
    pub key: RecordKey,
    /// The stable code.
    pub code: String,
    /// The peer whose state does not fit.
    pub peer: ReplicaId,
    /// The state that was not taken; empty when it is this replica's that the peer did not take.
    pub theirs: Bytes,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// One write that was refused or taken back.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its name.
    pub dot: Dot,
    /// The record.
    pub key: RecordKey,
    /// The stable code.
    pub code: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The peer that must take it back, at the hub.
    pub peer: Option<ReplicaId>,
    /// The write, as a record of its own.
    pub siblings: Bytes,
    /// The peer has taken it back.
    pub confirmed: bool,
}

/// The sequence of a point, for comparisons.
fn seq_of(point: Option<&proto::stored::FeedPoint>) -> Seq {
    Seq(point.map_or(0, |point| point.seq))
}
