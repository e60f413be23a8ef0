//! Taking a bundle: its frames go through the state machine of a session, and what the machine
//! wants done is done. What a session would only do while both sides talk is left out: nobody
//! listens.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Seek};

use proto::sync::{
    Ack, Batch, BundleMemory, Diagnosis, FeedState, Frame, Hello, Outcome, Position, Prints,
    RecordName, Result as ResultWire, bundle_part::Part, frame::Frame as Body,
};
use replica::limits::HELD_BACK_MAX;
use replica::session::{EXCHANGES_MAX, FeedPoint, Input, Lane, Op, Role, Standing};
use replica::{PAGES, ScopeId, Session};

use super::give::{points_of, wire};
use super::proof::Heard;
use super::seal::{Parcel, Parts};
use super::{BundleError, BundleKeys, Gap, Taken, host};
use crate::driver::SessionSeat;

/// Results that an answer carries; the sums say that there are more.
const RESULTS_MAX: usize = 4_096;

/// Takes a bundle that was proved. What is to be remembered is noted in `memory`, also when it
/// could not be taken because it is behind or there is a gap: the answer depends on it. Blocks.
///
/// # Errors
/// It was taken before, what is in it breaks the rules of a session, or the store does not answer.
pub fn take<R: Read + Seek>(
    parcel: &mut Parcel<R>,
    seat: &SessionSeat,
    memory: &mut BundleMemory,
) -> Result<Taken, BundleError> {
    let number = parcel.sender.number;
    if number <= memory.taken {
        let taken = memory.taken;
        return Err(BundleError::Old { number, taken });
    }
    let opening = parcel.opening.clone();
    let mut taker = Taker {
        seat,
        session: Session::new(seat.role),
        points: points_of(&opening.points).collect(),
        standings: BTreeMap::new(),
        claims: Vec::new(),
        found: BTreeMap::new(),
        refusals: false,
        asked: opening.everything,
        held_back: memory.held_back.clone(),
        heads: Vec::new(),
        known: Vec::new(),
        over: false,
        asks: !memory.asked.is_empty(),
        equal_at: None,
        heard: Heard::default(),
        taken: Taken::default(),
    };
    let result = parcel.parts().and_then(|parts| taker.run(parts));
    host::close(seat);
    if matches!(result, Err(BundleError::Behind)) {
        // Late, or of a sender that has lost something: the answer carries everything.
        memory.exchange = true;
        memory.heads.clone_from(&taker.heads);
    }
    result?;
    let answered = memory.full > 0 && opening.taken >= memory.full;
    memory.made = memory.made.max(opening.taken);
    memory.proofs = opening.proofs;
    if memory.handed > 0 && opening.taken >= memory.handed {
        memory.certificate = None;
        memory.handed = 0;
    }
    taker.prove(&parcel.keys, memory)?;
    Ok(taker.remember(memory, number, answered))
}

/// What the sums of one scope say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Both sides hold the same.
    Equal,
    /// They differ, and something is still on its way that may be why.
    Apart,
    /// They differ although each has taken all of the other's feed.
    Unequal,
}

struct Taker<'a> {
    seat: &'a SessionSeat,
    session: Session,
    /// Points of the sender's feeds, as it says.
    points: Vec<(ScopeId, FeedPoint)>,
    standings: BTreeMap<ScopeId, Standing>,
    /// What the sender says of its feeds, and how far it has taken ours.
    claims: Vec<FeedState>,
    found: BTreeMap<ScopeId, Found>,
    /// Some writes are refused that the node has not yet taken back.
    refusals: bool,
    /// The bundle carries everything.
    asked: bool,
    /// The records that either side holds back from the other.
    held_back: Vec<RecordName>,
    /// At the hub, what it knows otherwise of the node's lives.
    heads: Vec<Position>,
    /// At a node, how far the hub knows its lives.
    known: Vec<Position>,
    over: bool,
    /// At a node, it has asked for a certificate.
    asks: bool,
    /// The end of the own feed where the scope of the session was found equal.
    equal_at: Option<FeedPoint>,
    /// What is said for a certificate.
    heard: Heard,
    taken: Taken,
}

/// Whether checkpoints are worth anything.
fn is_sound(diagnosis: Diagnosis) -> bool {
    matches!(diagnosis, Diagnosis::Ok | Diagnosis::YouLag)
}

impl Taker<'_> {
    fn run<R: Read>(&mut self, mut parts: Parts<'_, R>) -> Result<(), BundleError> {
        self.drive(Input::Connected)?;
        while let Some(part) = parts.next()? {
            if self.over {
                return Err(host::session("SYNC-103"));
            }
            let greeted = !self.standings.is_empty();
            match (part, self.seat.role) {
                (Part::Frame(frame), _) => self.frame(frame)?,
                (Part::Ask(ask), Role::Hub) if greeted => {
                    self.heard.wanted = self.equal_at.is_some();
                    self.heard.ask(ask)?;
                }
                (Part::Reply(reply), Role::Node) if greeted => {
                    self.heard.wanted = self.asks;
                    self.heard.reply(reply)?;
                }
                _ => return Err(host::session("SYNC-103")),
            }
        }
        // A whole bundle begins with a greeting and ends with a Bye.
        if self.over && !self.standings.is_empty() {
            Ok(())
        } else {
            Err(host::session("SYNC-103"))
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<(), BundleError> {
        let greeted = !self.standings.is_empty();
        match frame.frame {
            // A file says nothing of its writer's clock as it is now.
            Some(Body::Hello(mut hello)) => {
                hello.now_ms = 0;
                self.claims.clone_from(&hello.feeds);
                if self.seat.role == Role::Hub && self.is_late(&hello)? {
                    return Err(BundleError::Behind);
                }
                self.greet(Body::Hello(hello))
            }
            Some(Body::Welcome(mut welcome)) => {
                welcome.now_ms = 0;
                self.claims.clone_from(&welcome.feeds);
                self.taken.refused = welcome.refusals.len() as u64;
                self.refusals = !welcome.refusals.is_empty();
                let own = self.seat.writer.config().replica;
                let known = welcome.positions.iter().filter(|p| p.replica == own.0);
                self.known = known.cloned().collect();
                self.greet(Body::Welcome(welcome))
            }
            Some(Body::Batch(batch)) if greeted => self.batch(batch),
            Some(Body::Ack(ack)) if greeted => self.acked(ack),
            Some(Body::Prints(prints)) if greeted && prints.hub.is_some() => self.compare(prints),
            body => self.drive(Input::Frame(Box::new(Frame { frame: body }))),
        }
    }

    /// Lets the machine go on, and does what it wants done. What it would say is not heard.
    fn drive(&mut self, input: Input) -> Result<(), BundleError> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let step = self.session.handle(self.seat.clock.mono(), input);
            for op in step.ops {
                let done_here = matches!(
                    op,
                    Op::Greet | Op::Welcome(_) | Op::Accept(_) | Op::Apply(_) | Op::Heal(..)
                );
                if !done_here {
                    continue;
                }
                if let Some(answer) = host::ask(self.seat, &op)? {
                    self.note(&answer);
                    inputs.push_back(answer);
                }
            }
            if let Some(done) = step.done {
                match done.code.as_str() {
                    "" => self.over = true,
                    // A present life that is behind itself; a file may just be late.
                    "SYNC-110" if self.seat.role == Role::Hub => return Err(BundleError::Behind),
                    code => return Err(host::session(code)),
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, answer: &Input) {
        let standings = match answer {
            Input::Welcomed(Ok((welcome, standings))) => {
                self.refusals = !welcome.refusals.is_empty();
                self.heads.clone_from(&welcome.heads);
                standings
            }
            Input::Accepted(Ok(standings)) => standings,
            Input::Applied(ack) => {
                self.refusals |= ack.results.iter().any(|result| !result.refused.is_empty());
                let room = RESULTS_MAX.saturating_sub(self.taken.results.len());
                let results = ack.results.iter().take(room).cloned();
                self.taken.results.extend(results);
                return;
            }
            _ => return,
        };
        self.standings = standings.iter().map(|at| (at.scope, at.clone())).collect();
    }

    /// Whether a node's greeting lacks lives that are known of it and has nothing new: it is older
    /// than what a line has brought, or of a node that was restored and has not written since.
    /// The engine would take the lives that are lacking for those of a copy, so it is not asked.
    fn is_late(&self, hello: &Hello) -> Result<bool, BundleError> {
        let peer = self.seat.login.peer;
        let of_peer = |positions: &[Position]| -> BTreeMap<u64, (u64, Vec<u8>)> {
            let of_peer = positions.iter().filter(|p| p.replica == peer.0);
            of_peer
                .map(|p| (p.incarnation, (p.counter, p.head.clone())))
                .collect()
        };
        let known = of_peer(&host::greet(self.seat)?.positions);
        let claims = of_peer(&hello.positions);
        let lacks = known.iter().any(|(life, (counter, _))| {
            let claimed = claims.get(life).map_or(0, |(claimed, _)| *claimed);
            *life != hello.incarnation && claimed < *counter
        });
        let news = claims.iter().any(|(life, (claimed, head))| {
            known.get(life).is_none_or(|(counter, known)| {
                claimed > counter || (claimed == counter && head != known)
            })
        });
        Ok(lacks && !news)
    }

    /// Takes the greeting of the sender: who it is, and what it has confirmed of our feeds.
    fn greet(&mut self, body: Body) -> Result<(), BundleError> {
        self.drive(Input::Frame(Box::new(Frame { frame: Some(body) })))?;
        // A sender that has lost something says so by carrying everything.
        let sound = is_sound(self.session.diagnosis()) && !self.asked;
        for standing in self.standings.values() {
            let claim = self.claims.iter().find(|c| c.scope == standing.scope.0);
            let end = FeedPoint::from_wire(claim.and_then(|claim| claim.end.as_ref()));
            let behind = end.seq < standing.taken.seq
                || (end.seq == standing.taken.seq && end.head != standing.taken.head);
            if sound && standing.takes && behind {
                return Err(BundleError::Behind);
            }
        }
        for standing in self.standings.values() {
            if let Some(point) = standing.resume.filter(|_| standing.sends) {
                let ack = Ack {
                    scope: standing.scope.0.to_vec(),
                    upto: point.to_wire(),
                    ..Ack::default()
                };
                host::ask(self.seat, &Op::Acked(Box::new(ack)))?;
            }
        }
        host::hold_back(self.seat, &self.held_back)
    }

    /// Takes what the sender says of our feed: what was confirmed by the greeting, with results and
    /// the hub's receipt.
    fn acked(&mut self, ack: Ack) -> Result<(), BundleError> {
        let room = RESULTS_MAX.saturating_sub(self.taken.answers.len());
        let results = ack.results.iter().take(room).cloned();
        self.taken.answers.extend(results);
        let scope = ScopeId::try_from(ack.scope.as_slice()).ok();
        let standing = scope.and_then(|scope| self.standings.get(&scope));
        let confirmed = standing.filter(|at| at.sends).and_then(|at| at.resume);
        if confirmed == Some(FeedPoint::from_wire(ack.upto.as_ref())) && !ack.exchange {
            host::ask(self.seat, &Op::Acked(Box::new(ack)))?;
        }
        Ok(())
    }

    fn lane(&self, scope: ScopeId) -> Option<&Lane> {
        self.session.lanes().find(|lane| lane.scope == scope)
    }

    /// Takes a batch that goes on from where this side stands. One that starts before is cut off
    /// there if that point is known to lie in it: it carries whatever has changed after it.
    fn batch(&mut self, mut batch: Batch) -> Result<(), BundleError> {
        let scope = ScopeId::try_from(batch.scope.as_ref()).ok();
        let lane = scope.and_then(|scope| self.lane(scope));
        if let Some(lane) = lane.filter(|lane| lane.takes && !batch.exchange) {
            let after = FeedPoint::from_wire(batch.after.as_ref());
            let upto = FeedPoint::from_wire(batch.upto.as_ref());
            let at = lane.taken;
            let lies_in_it = || after.seq < at.seq && self.points.contains(&(lane.scope, at));
            if after == at {
                // It goes on here.
            } else if !is_sound(self.session.diagnosis()) {
                // Records may always be merged; the checkpoint waits for the exchange.
                batch.exchange = true;
                (batch.after, batch.upto) = (None, None);
            } else if upto.seq <= at.seq {
                self.taken.batches_known += 1;
                return Ok(());
            } else if lies_in_it() {
                batch.after = at.to_wire();
            } else {
                let (stands, starts) = (at.seq.0, after.seq.0);
                self.taken.gap.get_or_insert(Gap { stands, starts });
                return Ok(());
            }
        }
        self.taken.records += batch.records.len() as u64;
        self.drive(Input::Frame(Box::new(Frame {
            frame: Some(Body::Batch(batch)),
        })))
    }

    /// Compares with the sums of the sender. Equal sums are equal states, whatever each side has
    /// heard of the other; unequal ones mean something only where nothing is on its way.
    fn compare(&mut self, prints: Prints) -> Result<(), BundleError> {
        let numbers = prints.parts.iter().map(|part| part.number);
        let many = prints.parts.len() > PAGES || prints.quarantined.len() > HELD_BACK_MAX;
        if many || !numbers.is_sorted_by(|a, b| a < b) {
            return Err(host::session("SYNC-104"));
        }
        let scope = ScopeId::try_from(prints.scope.as_slice()).ok();
        let Some(lane) = scope.and_then(|scope| self.lane(scope)) else {
            return Err(host::session("SYNC-106"));
        };
        let (scope, at, takes) = (lane.scope, lane.taken, lane.takes);
        let (node, hub) = (
            FeedPoint::from_wire(prints.node.as_ref()),
            FeedPoint::from_wire(prints.hub.as_ref()),
        );
        let (theirs, heard) = match self.seat.role {
            Role::Hub => (node, hub),
            Role::Node => (hub, node),
        };
        let level = !takes || at == theirs;
        let empty = prints.parts.is_empty();
        let sums = host::compare(self.seat, scope, prints)?;
        let (differing, cut) = (sums.parts, sums.cut);
        self.held_back = sums.held_back;
        let sends = self.standings.get(&scope).is_some_and(|at| at.sends);
        let found = if level && !empty && differing.is_empty() {
            host::ask(self.seat, &Op::Settled(scope, cut, at))?;
            self.equal_at = self.equal_at.or_else(|| (takes && sends).then_some(cut));
            Found::Equal
        } else if level && (!sends || heard == cut) && !self.refusals {
            Found::Unequal
        } else {
            Found::Apart
        };
        self.found.insert(scope, found);
        Ok(())
    }

    /// Does what there is to do for a certificate. Nothing while both sides heal or something is
    /// lacking: what is on its way home would be missing.
    fn prove(&mut self, keys: &BundleKeys, memory: &mut BundleMemory) -> Result<(), BundleError> {
        let mut heard = std::mem::take(&mut self.heard);
        self.taken.certificate = heard.keep(self.seat, keys, memory)?;
        let sound = is_sound(self.session.diagnosis()) && !self.asked;
        if !sound {
            // Whoever was put back is to be proved anew, also where nothing has changed here.
            memory.proved = None;
        }
        if !sound || self.taken.gap.is_some() {
            return Ok(());
        }
        if self.seat.role == Role::Node {
            self.taken.certificate = heard.certify(self.seat, keys, memory)?;
        } else if let Some(at) = self.equal_at {
            let stated = heard.state(self.seat, keys, at);
            self.taken.stated = stated.is_some();
            memory.stated = stated.or_else(|| memory.stated.take());
        }
        Ok(())
    }

    /// Notes what the next bundles must know.
    fn remember(mut self, memory: &mut BundleMemory, number: u64, answered: bool) -> Taken {
        let diagnosis = self.session.diagnosis();
        let found = |wanted| self.found.values().any(|found| *found == wanted);
        let equal = self
            .standings
            .keys()
            .all(|scope| self.found.get(scope) == Some(&Found::Equal));
        let later = self
            .taken
            .results
            .iter()
            .any(|result| result.outcome() == Outcome::Later);
        // A hub finds out itself; a node is told. What was asked for is answered once.
        let own = match self.seat.role {
            Role::Hub => !is_sound(diagnosis),
            Role::Node => diagnosis == Diagnosis::IWasRestored,
        };
        let asked = (self.asked || !is_sound(diagnosis)) && !answered;
        let differs = (found(Found::Unequal) || later) && memory.exchanges < EXCHANGES_MAX;
        memory.exchange = !equal && (own || asked || differs);
        memory.exchanges = match (equal, differs) {
            (true, _) => 0,
            (false, true) => memory.exchanges + 1,
            (false, false) => memory.exchanges,
        };
        memory.diagnosis = diagnosis.into();
        memory.heads = std::mem::take(&mut self.heads);
        memory.known = std::mem::take(&mut self.known);
        memory.held_back = std::mem::take(&mut self.held_back);
        memory.confirmed.clear();
        for claim in &self.claims {
            // Only of the scopes of this session: a hostile sender may name any number.
            let scope = ScopeId::try_from(claim.scope.as_slice()).ok();
            let Some(scope) = scope.filter(|scope| self.standings.contains_key(scope)) else {
                continue;
            };
            let at = FeedPoint::from_wire(claim.taken.as_ref());
            memory.confirmed.push(wire(scope, at));
            memory.reached.retain(|reached| {
                let seq = reached.point.as_ref().map_or(0, |point| point.seq);
                reached.scope != scope.0 || seq > at.seq.0
            });
        }
        if self.taken.gap.is_none() {
            memory.taken = number;
        }
        memory.acks = answers(&self.taken.results);
        self.taken.diagnosis = diagnosis.into();
        self.taken.equal = equal;
        self.taken.exchange = memory.exchange;
        self.taken
    }
}

/// Results as the answer of the next bundle. Which writes were refused stands in the Welcome.
fn answers(results: &[ResultWire]) -> Vec<Ack> {
    if results.is_empty() {
        return Vec::new();
    }
    let results = results.iter().map(|result| ResultWire {
        refused: Vec::new(),
        ..result.clone()
    });
    vec![Ack {
        results: results.collect(),
        ..Ack::default()
    }]
}
