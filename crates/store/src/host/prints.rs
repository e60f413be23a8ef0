//! Comparing fingerprints, and finding what one side lacks.

use std::collections::BTreeMap;

use proto::sync::{Leaf as LeafFrame, Part};
use replica::{Bucket, PAGES, RecordKey, ScopeId, bucket_of};

use super::{Host, peers::key_of};
use crate::StoreError;

/// The number of the first page; buckets are below it.
const FIRST_PAGE: u32 = 4_096;

fn part(number: usize, bucket: Bucket) -> Part {
    Part {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        sum: bucket.to_bytes().to_vec(),
        count: bucket.count,
    }
}

impl Host {
    /// The sums of all pages.
    pub(super) fn pages(&self, scope: u32) -> Vec<Part> {
        let Some(print) = self.ledger.print(scope) else {
            return Vec::new();
        };
        (0..PAGES)
            .map(|page| part(page + FIRST_PAGE as usize, print.page(page)))
            .collect()
    }

    /// Our buckets of the pages that differ, and our sums of the buckets that differ.
    pub(super) fn compare(&self, scope: u32, theirs: &[Part]) -> Vec<Part> {
        let Some(print) = self.ledger.print(scope) else {
            return Vec::new();
        };
        let mut differing = Vec::new();
        for their in theirs {
            let number = their.number as usize;
            let equal = |ours: Bucket| ours.to_bytes() == *their.sum && ours.count == their.count;
            if their.number < FIRST_PAGE {
                let ours = print.bucket(number);
                differing.extend((!equal(ours)).then(|| part(number, ours)));
            } else {
                let page = number - FIRST_PAGE as usize;
                if page < PAGES && !equal(print.page(page)) {
                    let buckets = page * PAGES..(page + 1) * PAGES;
                    differing.extend(buckets.map(|b| part(b, print.bucket(b))));
                }
            }
        }
        differing
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
            if let Some(stored) = self.ledger.current(key)? {
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
        Ok((lacks.collect(), leaves))
    }
}
