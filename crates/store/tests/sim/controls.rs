//! Null controls: each protection in turn is taken away, and the oracle must notice.
//!
//! The switches are here and not in the program: a frame is changed on its way, an answer of a
//! host before it is heard, a form before it is saved, a disk or a key when a replica starts, what
//! a flush has left on a disk (`weak`). The same seeds with the same faults and the protection on
//! must not break what the control breaks.
//!
//! Every protection that the reference model lists has one; its name there stands in brackets.
//!
//! | group | protections |
//! | --- | --- |
//! | a write | `new_incarnation`, `exact_replaces`, `exact_undo`, `stale_form`, `immutable` |
//! | durable first | `durable_read`, `ack_after_fsync` |
//! | positions | `learnt_positions`, `position_bound` |
//! | authority | `whole_record`, `take_back`, `unsee`, `return_replaced`, `refusals_repeated`, `seals`, `sealed_drop` |
//! | the session | `feed_head`, `feed_lineage`, `predecessor`, `one_session`, `exchange`, `fork_exchange` |
//! | where a record belongs | `settled_transfer`, `moved`, `frozen_copy`, `offer_frozen`, `fenced_back` |
//! | forks | `quarantine`, `rollback_detect`, `lower_context`, `rollback_drafts`, `clone_freeze` |
//! | erasing | the history is erased, too; the model does not have it |
//! | the certificate | `named_replaced`; positions of the store that a restore replaces, which the model does not have |
//!
//! What some of them cannot show:
//!
//! - `feed_lineage`: this program has no id of a feed; the hash at the head of a feed tells one
//!   lineage from another, so one control takes both.
//! - `clone_freeze`: without it nobody loses anything, for whoever meets itself is rolled back. It
//!   is missed by P6 only, which says what the protection says.
//! - `fenced_back`: without it nothing is lost either, only what the city has decided is not done.
//!   P5 says just that.
//! - `stale_form`: only the print of what is shown is renewed. A form that shows a name which is
//!   neither there nor covered is refused by the record itself, which no change of the form avoids.
//! - `moved`: what is late is taken as by a hub that refills, which has no other way to take it.
//! - `position_bound`, `quarantine`, `sealed_drop`: the hub merges on its disk what it has put off
//!   or held back; of two contents the one that came. Records that it does not hold yet are left
//!   out, and for `sealed_drop` those that would move.
//! - `predecessor`, `fork_exchange`: the quiet comparison heals what it can see. What is lent is in
//!   no sum, and is what is missed.
//! - `refusals_repeated`: a refused write comes again with its record, and is refused again. What
//!   left with its organisation does not come again, and is where it is missed.

use bytes::Bytes;
use proto::sync::{Diagnosis, FeedPoint, Frame, Position, frame::Frame as Body};
use replica::{
    Context, Edit, Record, Sibling,
    session::{Delivery, Input},
};
use store::{Act, Command, Login};

use super::{
    city::{BAD, MARKED},
    net::Side,
    options::{Fault, Shape},
    world::{HUB, NAMES, Target, World},
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
    /// A form that shows another content is saved all the same (`stale_form`).
    StaleFormsSaved,
    /// The hub takes contexts above the positions that it knows (`position_bound`).
    AnyPositionTaken,
    /// What is written under an older epoch is taken as what the hub had forgotten (`moved`).
    LateWritesTaken,
    /// Of what left with its organisation a node keeps nothing (`frozen_copy`).
    LastCopiesThrownAway,
    /// A node does not offer the last copies of what has left (`offer_frozen`).
    LastCopiesKept,
    /// An owner disappears under any state that covers it (`sealed_drop`).
    OwnersDropped,
    /// A refusal is in the ack and never repeated (`refusals_repeated`).
    RefusalsSaidOnce,
    /// What a write taken back had replaced does not return (`return_replaced`).
    ReplacedStaysGone,
    /// What comes on an older line of a node is taken (`one_session`).
    OldSessionsGoOn,
    /// A batch is taken whatever came before it (`predecessor`).
    GapsInFeeds,
    /// Of two contents of one name the hub takes the new one (`quarantine`).
    OneContentChosen,
    /// No node learns that a life of its meets itself (`rollback_detect`).
    RollbacksUnseen,
    /// After a rollback contexts still cover what was undone (`lower_context`).
    ContextsStayHigh,
    /// What a rollback undoes is thrown away (`rollback_drafts`).
    NoDraftsKept,
    /// Who was restored goes on from its checkpoints (`fork_exchange`).
    ForksGoOn,
    /// A life left behind is let in (`clone_freeze`).
    ClonesGoOn,
    /// The hub takes what a fenced node brings (`fenced_back`).
    FencesIgnored,
    /// The certificate counts what a context covers as replaced (`named_replaced`).
    CoveredIsReplaced,
    /// A store that is put back knows nothing of the one that it replaces.
    RestoresForget,
    /// What is erased stays in the history, as by a program that erases the present state only.
    HistoriesKept,
}

impl Control {
    pub(crate) const ALL: [Self; 34] = [
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
        Self::StaleFormsSaved,
        Self::AnyPositionTaken,
        Self::LateWritesTaken,
        Self::LastCopiesThrownAway,
        Self::LastCopiesKept,
        Self::OwnersDropped,
        Self::ReplacedStaysGone,
        Self::OldSessionsGoOn,
        Self::GapsInFeeds,
        Self::OneContentChosen,
        Self::RollbacksUnseen,
        Self::ContextsStayHigh,
        Self::NoDraftsKept,
        Self::ClonesGoOn,
        Self::FencesIgnored,
        Self::CoveredIsReplaced,
        Self::RestoresForget,
        Self::RefusalsSaidOnce,
        Self::ForksGoOn,
        Self::HistoriesKept,
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
            Self::StaleFormsSaved => &[Fault::Rollback, Fault::StaleForms],
            Self::AnyPositionTaken => &[Fault::Forge],
            Self::LateWritesTaken => &[Fault::Transfer, Fault::Cut],
            Self::LastCopiesThrownAway | Self::LastCopiesKept => {
                &[Fault::Transfer, Fault::RestoreHub, Fault::RestoreNode]
            }
            Self::OwnersDropped => &[Fault::Transfer],
            Self::RefusalsSaidOnce => &[Fault::Transfer, Fault::Refused, Fault::Cut],
            Self::ReplacedStaysGone => &[Fault::Refused],
            Self::OldSessionsGoOn => &[Fault::Clone, Fault::Cut],
            Self::GapsInFeeds => &[Fault::Frames, Fault::Transfer],
            Self::OneContentChosen => &[Fault::Damage],
            Self::RollbacksUnseen | Self::ContextsStayHigh | Self::NoDraftsKept => {
                &[Fault::Rollback]
            }
            Self::ForksGoOn => &[Fault::RestoreNode, Fault::Transfer],
            Self::RestoresForget => &[Fault::RestoreNode],
            Self::HistoriesKept => &[Fault::Erase],
            Self::ClonesGoOn => &[Fault::Clone],
            Self::FencesIgnored => &[Fault::Fence, Fault::Cut],
            Self::None | Self::UndoesUnseen | Self::ValuesRewritten | Self::CoveredIsReplaced => {
                &[]
            }
        }
    }

    /// Whether its faults are the only ones: in the histories of these nothing else can be at fault.
    pub(crate) fn is_alone(self) -> bool {
        let first = Self::ALL.iter().position(|c| *c == Self::StaleFormsSaved);
        let at = Self::ALL.iter().position(|control| *control == self);
        at.is_some() && at >= first
    }

    /// Of what seldom happens: histories in which it happens more often.
    pub(crate) fn shape(self) -> Option<Shape> {
        let (acts, pause_ms_max, delay_ms_max, records) = match self {
            Self::StaleFormsSaved => (250, 30, 2_000, 1),
            Self::GapsInFeeds => (200, 200, 20, 1),
            Self::OldSessionsGoOn => (150, 200, 2_000, 2),
            Self::RefusalsSaidOnce => (400, 200, 2, 1),
            Self::ForksGoOn | Self::TransfersAtOnce => (200, 200, 20, 1),
            _ => return None,
        };
        Some(Shape {
            acts,
            pause_ms_max,
            delay_ms_max,
            records,
        })
    }

    /// The code of the records that the hub takes in spite of it.
    pub(crate) fn forces(self) -> Option<&'static str> {
        match self {
            Self::AnyPositionTaken => Some("SYNC-120"),
            Self::OneContentChosen => Some("SYNC-121"),
            Self::OwnersDropped => Some("SYNC-128"),
            _ => None,
        }
    }

    /// Whether it changes what a flush has left on the disk of a replica.
    pub(crate) fn rewrites(self, at: usize) -> bool {
        let weak = matches!(
            self,
            Self::ReplacedStaysGone
                | Self::ContextsStayHigh
                | Self::NoDraftsKept
                | Self::LastCopiesThrownAway
                | Self::HistoriesKept
        );
        weak && at != HUB
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
            Self::StaleFormsSaved => &["I2"],
            Self::AnyPositionTaken => &["I14", "I2"],
            Self::LateWritesTaken => &["I7"],
            Self::LastCopiesThrownAway | Self::LastCopiesKept => &["I2", "I4"],
            Self::OwnersDropped => &["I2", "I7"],
            Self::ReplacedStaysGone => &["I2", "I6"],
            Self::OldSessionsGoOn => &["I2", "I3"],
            Self::GapsInFeeds => &["P4"],
            Self::OneContentChosen => &["I3"],
            Self::RollbacksUnseen => &["I2", "I3"],
            Self::ContextsStayHigh => &["I12"],
            Self::NoDraftsKept => &["I2", "I4"],
            Self::ClonesGoOn => &["P6"],
            Self::FencesIgnored => &["P5"],
            Self::CoveredIsReplaced | Self::RestoresForget => &["I13"],
            Self::RefusalsSaidOnce => &["I9", "I4"],
            Self::ForksGoOn => &["P4", "I12"],
            Self::HistoriesKept => &["P7"],
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

pub(super) fn each_record(records: &mut [Bytes], change: impl Fn(&mut Record)) {
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
            _ => self.weaken_greeting(conn, frame),
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
        match (self.options.control, input) {
            (Control::NothingExchanged, Input::Compared(_, sums)) if at == HUB => {
                sums.parts.clear();
            }
            (Control::LastCopiesKept, Input::Accepted(Ok(standings))) => {
                standings.iter_mut().for_each(|s| s.offer.clear());
            }
            (Control::LastCopiesKept, Input::Summed(_, sums)) => sums.offer.clear(),
            (Control::ForksGoOn, Input::Welcomed(Ok((welcome, _))))
                if welcome.diagnosis() == Diagnosis::YouWereRestored =>
            {
                welcome.set_diagnosis(Diagnosis::Ok);
            }
            _ => {}
        }
    }

    /// Changes a frame as it arrives.
    pub(super) fn weaken_arrival(&mut self, conn: usize, side: Side, frame: &mut Frame) {
        let Some(Body::Batch(batch)) = &mut frame.frame else {
            return;
        };
        if self.options.control != Control::GapsInFeeds || batch.exchange {
            return;
        }
        let mut lanes = self.conns[conn].end(side).session.lanes();
        let taken = lanes.find(|lane| lane.scope.0 == batch.scope[..]);
        let upto = batch.upto.as_ref().map_or(0, |upto| upto.seq);
        if let Some(taken) = taken.map(|lane| lane.taken).filter(|t| t.seq.0 < upto) {
            batch.after = taken.to_wire();
        }
    }

    /// Changes what a host is given to apply.
    pub(super) fn weaken_delivery(&mut self, at: usize, login: &mut Login, delivery: &Delivery) {
        match self.options.control {
            Control::OldSessionsGoOn if at == HUB => {
                let newest = self.newest.get(&login.peer).copied();
                login.session = newest.unwrap_or(0).max(login.session);
            }
            Control::LateWritesTaken if at == HUB && !self.refills() && self.is_late(delivery) => {
                self.submit(HUB, Target::Nobody, Command::Act(Act::Refill));
            }
            _ => {}
        }
    }

    /// Changes what both sides say of themselves at the beginning of a session.
    fn weaken_greeting(&self, conn: usize, frame: &mut Frame) {
        match (self.options.control, &mut frame.frame) {
            (Control::RefusalsSaidOnce, Some(Body::Welcome(welcome))) => welcome.refusals.clear(),
            (Control::ClonesGoOn, Some(Body::Hello(hello))) => hello.incarnation = 0,
            (Control::RollbacksUnseen, _) => self.hide_rollback(conn, frame),
            _ => {}
        }
    }

    /// The hub is told of a node's lives what it knows itself, and tells the node nothing of them.
    fn hide_rollback(&self, conn: usize, frame: &mut Frame) {
        let node = self.replicas[self.conns[conn].end(Side::Node).replica].id;
        match &mut frame.frame {
            Some(Body::Hello(hello)) => {
                for known in self.positions_of(HUB, node) {
                    let other = |p: &Position| p.incarnation != known.incarnation;
                    hello.positions.retain(other);
                    hello.positions.push(known);
                }
            }
            Some(Body::Welcome(welcome)) => {
                welcome.heads.clear();
                welcome.positions.retain(|p| p.replica != node.0);
            }
            _ => {}
        }
    }

    /// Makes an edit show the content that stands under each name now.
    pub(super) fn renew_prints(&self, at: usize, edit: &mut Edit) {
        let held = self.reader(at).and_then(|r| r.get(edit.key).ok().flatten());
        for set in &mut edit.set {
            let standing = held.iter().flat_map(|h| h.record.register(set.register));
            for now in standing {
                let shown = set.shown.iter_mut().filter(|shown| shown.dot == now.dot());
                shown.for_each(|shown| shown.print = now.print());
            }
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
