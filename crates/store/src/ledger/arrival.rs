//! When a write came, read from the history of its record and the marks of the feeds.

use bytes::Bytes;
use prost::Message as _;
use proto::stored::ArrivalPage as PageWire;
use replica::{Dot, RecordKey, Seq};

use super::{Place, Reader, stage::Stage};
use crate::StoreError;

/// The number, in place of a peer's, under which this replica's own arrivals lie.
pub(crate) const HERE: u32 = 0;

/// In place of the minute of a mark: what follows has arrived before that was noted.
pub(crate) const UNNOTED: i64 = 0;

/// One page of marks: the first sequence that arrived in a minute, and the minute since 1970, in
/// the order of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArrivalPage {
    pub(crate) marks: Vec<(u64, i64)>,
}

impl ArrivalPage {
    pub(crate) fn decode(value: &Bytes) -> Result<Self, StoreError> {
        let damaged = |_e| StoreError::Damaged {
            what: "page of arrivals".to_owned(),
        };
        let page = PageWire::decode(value.clone()).map_err(damaged)?;
        let (mut seq, mut minute) = (0_u64, 0_i64);
        let steps = page.seqs.iter().zip(&page.minutes);
        let marks = steps.map(|(seqs, minutes)| {
            seq = seq.saturating_add(*seqs);
            minute = minute.saturating_add(*minutes);
            (seq, minute)
        });
        Ok(Self {
            marks: marks.collect(),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = PageWire::default();
        let mut last = (0, 0);
        for (seq, minute) in &self.marks {
            page.seqs.push(seq - last.0);
            page.minutes.push(minute - last.1);
            last = (*seq, *minute);
        }
        page.encode_to_vec()
    }

    pub(crate) fn last(&self) -> Option<(u64, i64)> {
        self.marks.last().copied()
    }

    /// The minute in which a change arrived, if it was noted.
    pub(crate) fn minute(&self, seq: Seq) -> Option<i64> {
        let behind = self.marks.partition_point(|(first, _)| *first <= seq.0);
        let (_, minute) = self.marks.get(behind.checked_sub(1)?)?;
        Some(*minute).filter(|minute| *minute != UNNOTED)
    }
}

impl Reader {
    /// The places of the states of a record that have seen a write, from the present one back to
    /// that with which it came here. None where it is not known with which one: the record has
    /// changed since under a program that did not note it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn since(&self, key: RecordKey, dot: Dot) -> Result<Option<Vec<Place>>, StoreError> {
        let Some(present) = self.shared.read().place(key) else {
            return Ok(None);
        };
        let mut places = vec![present];
        let (mut found, mut unknown) = (false, false);
        self.shared
            .walk(key, &Stage::default(), &mut |scope, _, past| {
                if found || unknown {
                    return;
                }
                match past.came {
                    None => unknown = true,
                    Some(came) if came.contains(&dot) => found = true,
                    Some(_) => {
                        let elsewhere = past.previous_scope != 0;
                        places.push(Place {
                            scope: if elsewhere {
                                past.previous_scope
                            } else {
                                scope
                            },
                            seq: Seq(past.previous),
                        });
                    }
                }
            })?;
        Ok((!unknown).then_some(places))
    }

    /// The number of the peer that sent a change as it stands; 0 for none, or where that is no longer
    /// known.
    pub(crate) fn sender(&self, place: Place) -> u32 {
        let index = self.shared.read();
        let ends = index.scopes.get(&place.scope).map(|scope| &scope.ends);
        let section = ends.and_then(|ends| ends.range(place.seq.0..).next());
        section.map_or(0, |(_, end)| end.origin)
    }
}
