//! The proof by stick: what a line would carry for a certificate, at a cut that lies some trips back.
//!
//! A node asks at the cut of its sums and notes what it asked. A hub that finds itself equal there
//! states at once, and keeps its statement for the next bundle. The node states when the answer
//! comes: of a later state, but up to what both knew at the cut; journals and histories only grow,
//! so a write that is accounted for then was not lost at the cut. Then it hands the certificate in.

use std::collections::BTreeSet;
use std::io::Write;

use prost::Message;
use proto::stored::{Certificate, Cut, RecordName, Signed, Statement};
use proto::sync::{
    Answer, BundleMemory, BundleQuestion, CertifyAsk, CertifyReply, Names as NamesWire, Question,
    certify_ask::Ask, certify_reply::Reply,
};
use replica::account::Names;
use replica::limits::HELD_BACK_MAX;
use replica::session::{FeedPoint, Sums};
use replica::{Bucket, Incarnation, RecordKey};
use store::{Claims, Extract, Grounds, Reached};

use super::seal::Sealer;
use super::{BundleError, BundleKeys, host};
use crate::certify::{
    self, FORMAT, Sides, StateError, Stating, accepted, claims_of, cut_of, key_of, learn,
    names_to_wire, positions_from_wire, positions_to_wire, record_name,
};
use crate::driver::SessionSeat;
use crate::limits::MESSAGE_BYTES_MAX;

/// Questions that wait for their answers. Sticks that cross each other on the way make two; whoever
/// makes more without an answer is asked again.
const ASKED_MAX: usize = 4;
/// How often the own side is read again because it has moved meanwhile.
const ATTEMPTS: usize = 4;
/// What a part has around its message.
const PART_BYTES: usize = 64;

/// Where a node stands that asks.
#[derive(Debug)]
pub(super) struct Asking {
    grounds: Grounds,
    left_out: Vec<RecordKey>,
    root: Bucket,
}

impl Asking {
    /// Where the node stands at the cut of its sums. Nothing when it has moved meanwhile, or when
    /// the last certificate has this cut: there is nothing new to prove.
    pub(super) fn at(seat: &SessionSeat, sums: &Sums, proved: FeedPoint) -> Option<Self> {
        let (scope, hub) = (seat.login.scope, seat.login.peer);
        let grounds = seat.writer.grounds(scope, hub).ok()?;
        let held_back = sums.held_back.iter();
        let held_back = held_back.filter_map(|name| key_of(name.kind, &name.id));
        let left_out: BTreeSet<RecordKey> =
            held_back.chain(grounds.held_back.iter().copied()).collect();
        let left_out: Vec<RecordKey> = left_out.into_iter().collect();
        let root = grounds.root_without(seat.writer.reader(), &left_out).ok()?;
        let now = seat.writer.grounds(scope, hub).ok()?;
        let stands = grounds.end == sums.cut && now.end == sums.cut && proved != sums.cut;
        (stands && left_out.len() <= HELD_BACK_MAX).then_some(Self {
            grounds,
            left_out,
            root,
        })
    }

    /// Writes the question and the names. The names are read after the batches, so that what was
    /// superseded meanwhile is named too. Returns what is to be noted.
    pub(super) fn write<W: Write>(
        self,
        seat: &SessionSeat,
        sealer: &mut Sealer<'_, W>,
    ) -> Result<Option<BundleQuestion>, BundleError> {
        let Some(extract) = extract(seat, &self.grounds) else {
            return Ok(None);
        };
        let question = Question {
            scope: self.grounds.scope.0.to_vec(),
            node: self.grounds.end.to_wire(),
            hub: self.grounds.taken.to_wire(),
            left_out: self.left_out.iter().copied().map(record_name).collect(),
            positions: positions_to_wire(seat.login.peer, &self.grounds.peers),
        };
        if !fits(&question) {
            return Ok(None);
        }
        sealer.ask(Ask::Question(question.clone()))?;
        for names in names_to_wire(&extract) {
            sealer.ask(Ask::Names(names))?;
        }
        Ok(Some(BundleQuestion {
            question: Some(question),
            root: self.root.to_bytes().to_vec(),
            records: self.root.count,
        }))
    }
}

/// Hands in the last certificate. Returns whether there is one.
pub(super) fn hand_in<W: Write>(
    memory: &BundleMemory,
    sealer: &mut Sealer<'_, W>,
) -> Result<bool, BundleError> {
    let Some(certificate) = memory.certificate.as_ref().filter(|c| fits(*c)) else {
        return Ok(false);
    };
    sealer.ask(Ask::Certificate(certificate.clone()))?;
    Ok(true)
}

/// Writes the hub's answer, its names and the statement that it has made. Returns whether it did.
/// The names are of now, after the batches: histories only grow, so those of the cut are among them.
pub(super) fn answer<W: Write>(
    seat: &SessionSeat,
    stated: &Signed,
    sealer: &mut Sealer<'_, W>,
) -> Result<bool, BundleError> {
    let (scope, node) = (seat.login.scope, seat.login.peer);
    let Ok(statement) = Statement::decode(stated.body.as_slice()) else {
        return Ok(false);
    };
    let Ok(grounds) = seat.writer.grounds(scope, node) else {
        return Err(BundleError::Store);
    };
    let Some(extract) = extract(seat, &grounds) else {
        return Ok(false);
    };
    let cut = statement.cut.unwrap_or_default();
    let known: Vec<Reached> = statement.other.iter().map(reached).collect();
    let answer = certify::answer(&cut, positions_to_wire(node, &known), &grounds.refused);
    if !fits(&answer) || !fits(stated) {
        return Ok(false);
    }
    sealer.reply(Reply::Answer(answer))?;
    for names in names_to_wire(&extract) {
        sealer.reply(Reply::Names(names))?;
    }
    sealer.reply(Reply::Statement(stated.clone()))?;
    Ok(true)
}

fn reached(wire: &proto::stored::Reached) -> Reached {
    let head = replica::Head::try_from(wire.head.as_slice()).unwrap_or_default();
    (Incarnation(wire.incarnation), wire.counter, head)
}

/// Whether a message goes into one part. One that does not is left out: what there is to carry must
/// not wait for a proof.
fn fits(message: &impl Message) -> bool {
    let fits = message.encoded_len() <= MESSAGE_BYTES_MAX - PART_BYTES;
    if !fits {
        tracing::warn!("a part of a proof is too large for a bundle");
    }
    fits
}

/// Reads a scope. A scope that cannot be accounted for is no reason to carry nothing.
fn extract(seat: &SessionSeat, grounds: &Grounds) -> Option<Extract> {
    match grounds.extract(seat.writer.reader()) {
        Ok(extract) => Some(extract),
        Err(error) => {
            tracing::error!(%error, "the scope could not be read for a proof");
            None
        }
    }
}

/// What a bundle says for a certificate, in the order of a line.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Somebody wants to know: otherwise names are passed over.
    pub(super) wanted: bool,
    certificate: Option<Certificate>,
    question: Option<Question>,
    answer: Option<Answer>,
    names: Names,
    /// The names have come to their end.
    named: bool,
    statement: Option<Signed>,
}

impl Heard {
    /// Hears a node.
    pub(super) fn ask(&mut self, ask: CertifyAsk) -> Result<(), BundleError> {
        match ask.ask {
            Some(Ask::Certificate(certificate))
                if self.certificate.is_none() && self.question.is_none() =>
            {
                self.certificate = Some(certificate);
                Ok(())
            }
            Some(Ask::Question(question)) if self.question.is_none() => {
                self.question = Some(question);
                Ok(())
            }
            Some(Ask::Names(names)) if self.question.is_some() => self.name(names),
            _ => Err(host::session("SYNC-103")),
        }
    }

    /// Hears the hub.
    pub(super) fn reply(&mut self, reply: CertifyReply) -> Result<(), BundleError> {
        match reply.reply {
            Some(Reply::Answer(answer)) if self.answer.is_none() => {
                self.answer = Some(answer);
                Ok(())
            }
            Some(Reply::Names(names)) if self.answer.is_some() => self.name(names),
            Some(Reply::Statement(signed)) if self.named && self.statement.is_none() => {
                self.statement = Some(signed);
                Ok(())
            }
            _ => Err(host::session("SYNC-103")),
        }
    }

    fn name(&mut self, names: NamesWire) -> Result<(), BundleError> {
        if self.named {
            return Err(host::session("SYNC-103"));
        }
        self.named = names.last;
        if self.wanted && !learn(&mut self.names, names) {
            return Err(host::session("SYNC-104"));
        }
        Ok(())
    }

    /// At the hub: keeps the certificate that was handed in. Returns it when it was not there yet.
    pub(super) fn keep(
        &mut self,
        seat: &SessionSeat,
        keys: &BundleKeys,
        memory: &mut BundleMemory,
    ) -> Result<Option<Certificate>, BundleError> {
        let Some(certificate) = self.certificate.take() else {
            return Ok(None);
        };
        let node = seat.login.peer;
        if accepted(&certificate, node, &keys.authorities).is_none() {
            tracing::warn!(peer = %node, "a certificate that nobody has signed was handed in");
            return Ok(None);
        }
        let kept = certify::keep(&seat.writer, node, seat.clock.wall_ms(), &certificate);
        let is_new = kept.or(Err(BundleError::Store))?;
        memory
            .stated
            .take_if(|stated| certificate.hub.as_ref() == Some(stated));
        Ok(is_new.then_some(certificate))
    }

    /// At the hub, which was found equal at this end of its feed: states for the cut of the
    /// question. Nothing when it does not stand there any more; the next bundle asks again.
    pub(super) fn state(
        self,
        seat: &SessionSeat,
        keys: &BundleKeys,
        equal_at: FeedPoint,
    ) -> Option<Signed> {
        let question = self.question.filter(|_| self.named)?;
        let (scope, node) = (seat.login.scope, seat.login.peer);
        let (own, reader) = (seat.writer.config().replica, seat.writer.reader());
        let left_out = ascending(&question.left_out)?;
        let asked_at = FeedPoint::from_wire(question.node.as_ref());
        let grounds = seat.writer.grounds(scope, node).ok()?;
        let known = grounds.held_back.iter().all(|key| left_out.contains(key));
        let stands = grounds.end == equal_at && grounds.taken == asked_at;
        if question.scope != scope.0 || !stands || !known {
            return None;
        }
        let root = grounds.root_without(reader, &left_out).ok()?;
        let extract = extract(seat, &grounds).filter(|e| e.root == grounds.root)?;
        let hub = own;
        let sides = Sides { scope, node, hub };
        let claims = Claims {
            positions: positions_from_wire(own, &question.positions),
            refused: Vec::new(),
            names: self.names,
            left_out,
        };
        let stating = Stating {
            cut: cut_of(sides, (asked_at, grounds.end), &claims.left_out, root),
            known: grounds.peers.clone(),
            grounds,
            extract,
            peer: node,
        };
        told(stating.sign(&claims, &seat.writer, &keys.signer, &*seat.clock))
    }

    /// At the node: states for the cut of the hub's statement, if it is one that was asked about,
    /// and makes the certificate.
    pub(super) fn certify(
        self,
        seat: &SessionSeat,
        keys: &BundleKeys,
        memory: &mut BundleMemory,
    ) -> Result<Option<Certificate>, BundleError> {
        let (Some(answer), Some(hubs)) = (self.answer, self.statement) else {
            return Ok(None);
        };
        let statement = Statement::decode(hubs.body.as_slice()).unwrap_or_default();
        let cut = statement.cut.unwrap_or_default();
        let asked = memory.asked.iter().position(|asked| of(asked, &cut, seat));
        let Some(at) = asked else {
            return Ok(None);
        };
        let question = memory
            .asked
            .get(at)
            .and_then(|asked| asked.question.clone());
        let question = question.unwrap_or_default();
        let Some(node) = answered(seat, keys, &cut, &question, &answer, self.names) else {
            return Ok(None);
        };
        let certificate = Certificate {
            format: FORMAT,
            node: Some(node),
            hub: Some(hubs),
            scope_code: keys.scope_code.clone(),
        };
        if certify::check(&certificate, &keys.authorities).is_signed() {
            let (own, at_ms) = (seat.writer.config().replica, seat.clock.wall_ms());
            let kept = certify::keep(&seat.writer, own, at_ms, &certificate);
            kept.or(Err(BundleError::Store))?;
            memory.asked.drain(..=at);
            memory.proved = question.node;
            memory.certificate = Some(certificate.clone());
            memory.handed = 0;
        }
        Ok(Some(certificate))
    }
}

/// The node's own statement for a cut that it has asked about: of its present state, and of what it
/// knew of the hub when it asked. What the hub wrote since is no part of this certificate.
fn answered(
    seat: &SessionSeat,
    keys: &BundleKeys,
    cut: &Cut,
    question: &Question,
    answer: &Answer,
    names: Names,
) -> Option<Signed> {
    let (own, hub) = (seat.writer.config().replica, seat.login.peer);
    let claims = claims_of(own, answer, names, ascending(&cut.left_out)?);
    for _ in 0..ATTEMPTS {
        let grounds = seat.writer.grounds(seat.login.scope, hub).ok()?;
        let extract = extract(seat, &grounds)?;
        if extract.root != grounds.root {
            continue;
        }
        let stating = Stating {
            grounds,
            extract,
            peer: hub,
            cut: cut.clone(),
            known: positions_from_wire(hub, &question.positions),
        };
        match stating.sign(&claims, &seat.writer, &keys.signer, &*seat.clock) {
            Err(StateError::Moved) => {}
            result => return told(result),
        }
    }
    None
}

/// A statement, or a line in the log why there is none: the next bundle asks again.
fn told(result: Result<Signed, StateError>) -> Option<Signed> {
    match result {
        Ok(signed) => Some(signed),
        Err(StateError::Moved) => None,
        Err(error) => {
            tracing::error!(%error, "no statement could be made for a bundle");
            None
        }
    }
}

/// Whether a statement is for the cut of a question: of these two replicas, and of what this node
/// held there.
fn of(asked: &BundleQuestion, cut: &Cut, seat: &SessionSeat) -> bool {
    let Some(question) = &asked.question else {
        return false;
    };
    let (own, hub) = (seat.writer.config().replica, seat.login.peer);
    let node_end = FeedPoint::from_wire(question.node.as_ref());
    cut.scope == seat.login.scope.0
        && cut.scope == question.scope
        && cut.node == own.0
        && cut.hub == hub.0
        && cut.node_end == Some(certify::point(node_end))
        && cut.left_out == question.left_out
        && cut.root == asked.root
        && cut.records == asked.records
}

/// The records that are left out, if they are in their one order and not too many.
fn ascending(names: &[RecordName]) -> Option<Vec<RecordKey>> {
    let key = |name: &RecordName| key_of(name.kind, &name.id);
    let keys: Vec<RecordKey> = names.iter().map(key).collect::<Option<_>>()?;
    let is_sound = keys.len() <= HELD_BACK_MAX && keys.is_sorted_by(|a, b| a < b);
    is_sound.then_some(keys)
}

/// Notes a question, once.
pub(super) fn note(memory: &mut BundleMemory, question: BundleQuestion) {
    memory.asked.retain(|known| *known != question);
    memory.asked.push(question);
    let over = memory.asked.len().saturating_sub(ASKED_MAX);
    memory.asked.drain(..over);
}
