//! Comparing fingerprints, and finding what one side lacks.

use std::{collections::BTreeMap, ops::Range};

use proto::sync::{Leaf as LeafFrame, Part, RecordName};
use replica::{
    Bucket, Leaf, PAGES, RecordKey, ScopeId, bucket_of,
    session::{Role, Sums},
};

use super::{Host, Login, peers::key_of};
use crate::{StoreError, Stored};

/// The number of the first page; buckets are below it.
const FIRST_PAGE: u32 = 4_096;

fn part(number: usize, bucket: Bucket) -> Part {
    Part {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        sum: bucket.to_bytes().to_vec(),
        count: bucket.count,
    }
}

/// Sums of a scope without what is held back: what to take out of which bucket.
type Without = BTreeMap<usize, Vec<Leaf>>;

fn less(mut bucket: Bucket, without: &Without, buckets: Range<usize>) -> Bucket {
    without
        .range(buckets)
        .flat_map(|(_, leaves)| leaves)
        .for_each(|leaf| bucket.remove(*leaf));
    bucket
}

impl Host {
    /// The sums of all pages, without what is held back from the peer.
    pub(super) fn sums(&mut self, login: &Login, scope: ScopeId) -> Result<Sums, StoreError> {
        let number = self.ledger.scope_number(scope);
        let held_back = self.names_held_back(login);
        let without = self.without(number, &held_back)?;
        let pages = self.ledger.print(number).map(|print| {
            let page = |page| {
                let sum = less(print.page(page), &without, page * PAGES..(page + 1) * PAGES);
                part(page + FIRST_PAGE as usize, sum)
            };
            (0..PAGES).map(page).collect()
        });
        Ok(Sums {
            parts: pages.unwrap_or_default(),
            cut: self.ledger.end(number),
            held_back,
            offer: self.guests_since(login, number),
            put_off: self.put_off(login, number)?,
        })
    }

    fn without(&self, scope: u32, held_back: &[RecordName]) -> Result<Without, StoreError> {
        let mut without = Without::new();
        for name in held_back {
            let key = key_of(name.kind, &name.id);
            if let Some(stored) = self.ledger.current(key)?
                && stored.place.scope == scope
                && stored.counts()
            {
                without.entry(bucket_of(key)).or_default().push(stored.leaf);
            }
        }
        Ok(without)
    }

    /// Our buckets of the pages that differ, and our sums of the buckets that differ, without what
    /// either side holds back.
    pub(super) fn compare(
        &mut self,
        login: &Login,
        scope: ScopeId,
        theirs: &[Part],
        held_back: &[RecordName],
    ) -> Result<Sums, StoreError> {
        self.held_back(login, held_back);
        let number = self.ledger.scope_number(scope);
        let held_back = self.names_held_back(login);
        let without = self.without(number, &held_back)?;
        let mut differing = Vec::new();
        if let Some(print) = self.ledger.print(number) {
            for their in theirs {
                let at = their.number as usize;
                let equal =
                    |ours: Bucket| ours.to_bytes() == *their.sum && ours.count == their.count;
                let bucket = |b| less(print.bucket(b), &without, b..b + 1);
                if their.number < FIRST_PAGE {
                    differing.extend((!equal(bucket(at))).then(|| part(at, bucket(at))));
                    continue;
                }
                let page = at - FIRST_PAGE as usize;
                let buckets = page * PAGES..(page + 1) * PAGES;
                if page < PAGES && !equal(less(print.page(page), &without, buckets.clone())) {
                    differing.extend(buckets.map(|b| part(b, bucket(b))));
                }
            }
        }
        Ok(Sums {
            parts: differing,
            cut: self.ledger.end(number),
            held_back,
            offer: self.guests_since(login, number),
            put_off: Vec::new(),
        })
    }

    /// The leaves of some buckets.
    pub(super) fn leaves(
        &self,
        scope: ScopeId,
        buckets: &[u32],
    ) -> Result<Vec<LeafFrame>, StoreError> {
        let mut wanted = vec![false; FIRST_PAGE as usize];
        for bucket in buckets {
            if let Some(wanted) = wanted.get_mut(*bucket as usize) {
                *wanted = true;
            }
        }
        let mut leaves = Vec::new();
        for key in self.ledger.reader().keys_of_scope(scope) {
            if wanted.get(bucket_of(key)) != Some(&true) {
                continue;
            }
            if let Some(stored) = self.ledger.current(key)?.filter(Stored::counts) {
                leaves.push(LeafFrame {
                    kind: key.kind.0,
                    id: key.id.0.to_vec(),
                    hash: stored.leaf.0.to_vec(),
                });
            }
        }
        Ok(leaves)
    }

    /// What we hold in some buckets that the peer's leaves lack, and all our leaves there.
    pub(super) fn diff(
        &self,
        scope: ScopeId,
        buckets: &[u32],
        theirs: &[LeafFrame],
    ) -> Result<(Vec<RecordKey>, Vec<LeafFrame>), StoreError> {
        let held: BTreeMap<RecordKey, &[u8]> = theirs
            .iter()
            .map(|leaf| (key_of(leaf.kind, &leaf.id), leaf.hash.as_slice()))
            .collect();
        let leaves = self.leaves(scope, buckets)?;
        let lacks = leaves.iter().filter_map(|leaf| {
            let key = key_of(leaf.kind, &leaf.id);
            (held.get(&key) != Some(&leaf.hash.as_slice())).then_some(key)
        });
        let mut lacks: Vec<RecordKey> = lacks.collect();
        if self.config.role == Role::Hub
            && let Some(number) = self.ledger.reader().scope_number(scope)
        {
            // What the peer shows as its own and is a guest here: the copy says where it belongs.
            let guest = |key: &&RecordKey| self.ledger.copy_guest(**key, number).is_some();
            lacks.extend(held.keys().filter(guest));
        }
        Ok((lacks, leaves))
    }
}
