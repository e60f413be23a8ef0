//! What people have said of dockets, decisions and notes, and where that leaves each docket.

use std::{collections::BTreeMap, ops::ControlFlow};

use domain::{Conflict, Date, date, decode};
use proto::ledger::{Decision, DocketNote, DocketNoteKind};
use replica::{Dot, HybridTime, Incarnation, RecordId, RecordKey, RegisterId, ScopeId};
use store::{Place, Stored};

use super::{Docket, words};
use crate::{
    app::App,
    failure::Failure,
    records::{each, kind_of},
};

/// Where a docket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Somebody should decide.
    Open,
    /// Nobody needs to look before a date.
    Deferred(Date),
    /// The district was asked, and nothing has changed since.
    Returned,
    /// It was decided and is not open.
    Decided,
}

impl State {
    /// Its name in commands and files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Deferred(_) => "deferred",
            Self::Returned => "returned",
            Self::Decided => "decided",
        }
    }
}

/// One record of a docket kind.
#[derive(Clone, Debug)]
pub(super) struct Said<M> {
    pub(super) id: RecordId,
    pub(super) place: Place,
    /// The scope that it was said in.
    pub(super) home: ScopeId,
    pub(super) at: HybridTime,
    pub(super) what: M,
}

/// Everything that was said, by docket, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) decisions: BTreeMap<Docket, Vec<Said<Decision>>>,
    pub(super) notes: BTreeMap<Docket, Vec<Said<DocketNote>>>,
    /// Releases of storms.
    pub(super) releases: Vec<Said<DocketNote>>,
}

impl Files {
    /// Reads what was said in one scope, or in all that are known here.
    pub(super) fn of(app: &App, scope: Option<ScopeId>) -> Result<Self, Failure> {
        let mut files = Self::default();
        for said in read::<Decision>(app, "decision", scope)? {
            let (record, register) = (said.what.record.as_deref(), said.what.register);
            if let Some(docket) = docket_of(app, record, register) {
                files.decisions.entry(docket).or_default().push(said);
            }
        }
        for said in read::<DocketNote>(app, "docket_note", scope)? {
            let (record, register) = (said.what.record.as_deref(), said.what.register);
            if said.what.kind() == DocketNoteKind::Release {
                files.releases.push(said);
            } else if let Some(docket) = docket_of(app, record, register) {
                files.notes.entry(docket).or_default().push(said);
            }
        }
        Ok(files)
    }

    /// The decisions of a docket, the oldest first.
    pub(super) fn decisions(&self, docket: &Docket) -> &[Said<Decision>] {
        self.decisions
            .get(docket)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The notes of a docket, the oldest first.
    pub(super) fn notes(&self, docket: &Docket) -> &[Said<DocketNote>] {
        self.notes
            .get(docket)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Where an open docket stands: as the newest note says that was made of these very
    /// candidates. With others, the question was answered or there is news.
    pub(super) fn state(&self, docket: &Docket, open: &Conflict, today: Date) -> State {
        let mut now: Vec<Dot> = open.candidates.iter().map(replica::Sibling::dot).collect();
        now.sort_unstable();
        now.dedup();
        let is_decided = !self.decisions(docket).is_empty();
        let applies = |note: &&Said<DocketNote>| {
            let seen = seen_of(&note.what);
            // A note of a program that did not keep what was seen counts before any decision.
            if seen.is_empty() {
                !is_decided
            } else {
                seen == now
            }
        };
        let Some(note) = self.notes(docket).iter().rfind(applies) else {
            return State::Open;
        };
        let until = note.what.until.as_deref().and_then(date::stored);
        match (note.what.kind(), until) {
            (DocketNoteKind::Return, _) => State::Returned,
            (DocketNoteKind::Defer, Some(until)) if today < until => State::Deferred(until),
            _ => State::Open,
        }
    }
}

fn seen_of(note: &DocketNote) -> Vec<Dot> {
    let dots = note.seen.iter().map(|name| Dot {
        incarnation: Incarnation(name.incarnation),
        counter: name.counter,
    });
    let mut dots: Vec<_> = dots.collect();
    dots.sort_unstable();
    dots
}

fn read<M: prost::Message + Default>(
    app: &App,
    kind: &str,
    scope: Option<ScopeId>,
) -> Result<Vec<Said<M>>, Failure> {
    let mut found = Vec::new();
    let kind = kind_of(app, kind)?.kind;
    each(app, kind, scope, None, &mut |stored, meaning| {
        if let Ok(what) = decode(&meaning.values) {
            found.push(Said {
                id: stored.record.key.id,
                place: stored.place,
                home: stored.home,
                at: written_at(stored),
                what,
            });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_by_key(|said| (said.at, said.id));
    Ok(found)
}

/// When the newest of a record was written.
fn written_at(stored: &Stored) -> HybridTime {
    let times = stored
        .record
        .siblings
        .iter()
        .map(|sibling| sibling.write.time);
    times.max().unwrap_or(HybridTime(0))
}

/// The docket that a decision or a note is about: `kind/id` and the number of the register.
pub(super) fn docket_of(app: &App, record: Option<&str>, register: Option<u32>) -> Option<Docket> {
    let (kind, id) = record?.split_once('/')?;
    let known = app.catalogue.kind_by_id(kind).map(|kind| kind.kind);
    let kind = known.or_else(|| kind.parse().ok().map(replica::Kind))?;
    let id = words::id_of(id)?;
    Some(Docket {
        key: RecordKey { kind, id },
        register: RegisterId(register?),
    })
}
