//! Null controls: each protection in turn is taken away, and the oracle must notice.
//!
//! The switches are here and not in the program: a frame is changed on its way, an answer of a
//! host before it is heard, a form before it is saved, a disk or a key when a replica starts.

use bytes::Bytes;
use proto::sync::{FeedPoint, Frame, frame::Frame as Body};
use replica::{Context, Edit, Record, Sibling, session::Input};

use super::{
    city::{BAD, MARKED},
    net::Side,
    options::Fault,
    world::{HUB, NAMES, World},
};

/// A protection that is off. In brackets its name in the reference model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Control {
    /// All protections are on.
    #[default]
    None,
    /// The hub answers before its sync (`ack_after_fsync`).
    AckBeforeSync,
    /// Nodes send what they have not synced (`durable_read`).
    ReadBeyondDurable,
    /// A start takes no new incarnation: dots are used again (`new_incarnation`).
    DotsUsedAgain,
    /// A write replaces whatever stands there, not what its form showed (`exact_replaces`).
    ReplacesUnseen,
    /// An undo replaces whatever stands there, not the decision (`exact_undo`).
    UndoesUnseen,
    /// A program encodes the values that it receives again (`immutable`).
    ValuesRewritten,
    /// Replicas pass on no positions but their own (`learnt_positions`).
    PositionsNotPassedOn,
    /// The hub's seal does not outlive a restart (`seals`).
    SealsForgotten,
    /// The legal part of a record is taken, the rest is left (`whole_record`).
    RecordsInParts,
    /// Nodes never hear that a write was refused, so they take nothing back (`take_back`).
    NothingTakenBack,
    /// A write taken back still counts as seen (`unsee`).
    StillSeen,
    /// A checkpoint is believed by its number, not by its head (`feed_head`, `feed_lineage`).
    NumbersBelieved,
    /// What differs is not exchanged (`exchange`).
    NothingExchanged,
    /// The city transfers organisations whatever its nodes have not said yet (`settled_transfer`).
    TransfersAtOnce,
}

impl Control {
    pub(crate) const ALL: [Self; 14] = [
        Self::AckBeforeSync,
        Self::ReadBeyondDurable,
        Self::DotsUsedAgain,
        Self::ReplacesUnseen,
        Self::UndoesUnseen,
        Self::ValuesRewritten,
        Self::PositionsNotPassedOn,
        Self::SealsForgotten,
        Self::RecordsInParts,
        Self::NothingTakenBack,
        Self::StillSeen,
        Self::NumbersBelieved,
        Self::NothingExchanged,
        Self::TransfersAtOnce,
    ];

    /// The faults that bring it to light.
    pub(crate) fn needs(self) -> &'static [Fault] {
        match self {
            Self::AckBeforeSync | Self::ReadBeyondDurable | Self::DotsUsedAgain => &[Fault::Crash],
            Self::ReplacesUnseen => &[Fault::StaleForms],
            Self::PositionsNotPassedOn | Self::SealsForgotten => &[Fault::RestoreHub],
            Self::TransfersAtOnce => &[Fault::RestoreHub, Fault::Transfer],
            Self::RecordsInParts | Self::NothingTakenBack | Self::StillSeen => &[Fault::Refused],
            Self::NumbersBelieved | Self::NothingExchanged => {
                &[Fault::RestoreHub, Fault::RestoreNode]
            }
            Self::None | Self::UndoesUnseen | Self::ValuesRewritten => &[],
        }
    }

    /// The faults that would be another excuse for what it breaks.
    pub(crate) fn excuses(self) -> &'static [Fault] {
        match self {
            Self::AckBeforeSync | Self::ReadBeyondDurable | Self::DotsUsedAgain => &[
                Fault::RestoreHub,
                Fault::RestoreNode,
                Fault::Rot,
                Fault::Wipe,
            ],
            _ => &[],
        }
    }

    /// The invariants of which one must be the first that is broken.
    pub(crate) fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::AckBeforeSync => &["I4", "I15"],
            Self::ReadBeyondDurable => &["I15"],
            Self::DotsUsedAgain => &["I1", "I2", "I3", "I12"],
            Self::ReplacesUnseen | Self::UndoesUnseen => &["I2", "I6"],
            Self::ValuesRewritten => &["I1", "I3", "I12"],
            Self::PositionsNotPassedOn => &["I12"],
            Self::SealsForgotten => &["I9", "I12", "I2"],
            Self::RecordsInParts => &["I2", "I6"],
            Self::TransfersAtOnce => &["I7", "I12"],
            Self::NothingTakenBack => &["I1", "I9", "I12"],
            Self::StillSeen => &["I1", "I2", "I6", "I12"],
            Self::NumbersBelieved | Self::NothingExchanged => &["I1", "I2", "I6", "I12"],
        }
    }

    /// Whether the disk of a replica answers before it has synced.
    pub(crate) fn is_lazy(self, at: usize) -> bool {
        match self {
            Self::AckBeforeSync => at == HUB,
            Self::ReadBeyondDurable => at != HUB,
            _ => false,
        }
    }
}

fn each_record(records: &mut [Bytes], change: impl Fn(&mut Record)) {
    for bytes in records {
        if let Ok(mut record) = Record::decode(bytes) {
            change(&mut record);
            *bytes = record.encode();
        }
    }
}

/// What an old program does that decodes values and encodes them again, without what it does not
/// know.
fn rewrite(sibling: &mut Sibling) {
    if !sibling.register.is_system() && !sibling.value.ends_with(b"~") {
        sibling.value = [&sibling.value[..], b"~"].concat().into();
    }
}

impl World {
    /// Changes a frame on its way as if its receiver, or its sender, lacked a protection.
    pub(super) fn weaken(&mut self, conn: usize, to: Side, frame: &mut Frame) {
        let sender = self.conns[conn].end(to.other()).replica;
        let receiver = self.conns[conn].end(to).replica;
        let own = self.replicas[sender].id;
        let records = match &mut frame.frame {
            Some(Body::Batch(batch)) => &mut batch.records[..],
            _ => &mut [],
        };
        match self.options.control {
            Control::ValuesRewritten if receiver == 2 => {
                each_record(records, |r| r.siblings.iter_mut().for_each(rewrite));
            }
            Control::RecordsInParts if to == Side::Hub => {
                let name = NAMES[sender];
                each_record(records, |r| r.siblings.retain(|s| !is_illegal(s, name)));
            }
            Control::StillSeen if to == Side::Hub => {
                each_record(records, |r| {
                    r.context = Context::new(r.context.entries().collect::<Vec<_>>(), []);
                });
            }
            Control::NothingTakenBack if to == Side::Node => match &mut frame.frame {
                Some(Body::Ack(ack)) => ack.results.iter_mut().for_each(|r| r.refused.clear()),
                Some(Body::Welcome(welcome)) => welcome.refusals.clear(),
                _ => {}
            },
            Control::PositionsNotPassedOn => {
                let positions = match &mut frame.frame {
                    Some(Body::Hello(hello)) => &mut hello.positions,
                    Some(Body::Welcome(welcome)) => &mut welcome.positions,
                    Some(Body::Batch(batch)) => &mut batch.positions,
                    _ => return,
                };
                positions.retain(|position| position.replica == own.0);
            }
            Control::NumbersBelieved => self.believe_numbers(conn, to, frame),
            _ => {}
        }
    }

    /// Gives every checkpoint the head that its receiver has at that number, and the batch that
    /// goes on from there the head that its receiver expects.
    fn believe_numbers(&mut self, conn: usize, to: Side, frame: &mut Frame) {
        let receiver = self.conns[conn].end(to).replica;
        let feeds = match &mut frame.frame {
            Some(Body::Hello(hello)) => &mut hello.feeds,
            Some(Body::Welcome(welcome)) => &mut welcome.feeds,
            Some(Body::Batch(batch)) => {
                let after = batch.after.as_mut();
                let lies = &self.conns[conn].lies;
                let told = |(side, scope, lie, _): &&Lie| {
                    *side == to && *scope == batch.scope && after.as_deref() == Some(lie)
                };
                if let Some((.., truth)) = lies.iter().find(told).cloned() {
                    batch.after = Some(truth);
                }
                return;
            }
            _ => return,
        };
        for feed in feeds {
            let Some(taken) = feed.taken.clone() else {
                continue;
            };
            if let Some(head) = self.head_at(receiver, &feed.scope, taken.seq) {
                let lie = FeedPoint {
                    seq: taken.seq,
                    head,
                };
                let told = (to.other(), feed.scope.clone().into(), lie.clone(), taken);
                self.conns[conn].lies.push(told);
                feed.taken = Some(lie);
            }
        }
    }

    /// Changes what a host has found, before its session hears of it.
    pub(super) fn weaken_input(&self, at: usize, input: &mut Input) {
        if let (Control::NothingExchanged, HUB, Input::Compared(_, sums)) =
            (self.options.control, at, input)
        {
            sums.parts.clear();
        }
    }

    /// Makes an edit replace whatever stands in its registers now.
    pub(super) fn replace_all(&self, at: usize, edit: &mut Edit) {
        let held = self.reader(at).and_then(|r| r.get(edit.key).ok().flatten());
        for set in &mut edit.set {
            let standing = held.iter().flat_map(|h| h.record.register(set.register));
            set.shown = standing.map(Sibling::shown).collect();
        }
    }
}

/// What the judge of the simulated city would refuse.
fn is_illegal(sibling: &Sibling, sender: &str) -> bool {
    let own = sibling.write.author == sender;
    own && (sibling.value.starts_with(BAD) || sibling.register == MARKED)
}

/// A checkpoint told falsely: to which side, of which scope, as it was told, and as it is.
pub(super) type Lie = (Side, Bytes, FeedPoint, FeedPoint);
