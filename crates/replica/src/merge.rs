//! Merging two states of one record: idempotent, free of order, safe to repeat. No clock takes
//! part.
//!
//! Nothing in a sibling ever changes, with one exception: it can be erased, for ever. Of two forms
//! of one sibling the erased one stands, so what one replica has erased no other brings back.

use std::sync::Arc;

use crate::{Dot, Record, RegisterId, Sibling, Write};

/// One dot that names two contents: proof of a clone, a rollback or a forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one dot names two contents")]
pub struct Collision {
    /// The register.
    pub register: RegisterId,
    /// The dot.
    pub dot: Dot,
}

/// Returns the union of two states: the siblings present in both, and those of either whose dot
/// the other's context does not cover.
///
/// # Errors
/// A [`Collision`] when the two hold the same dot with other content; neither is to be trusted.
///
/// # Panics
/// When the two are not states of one record, which is the caller's mistake.
#[expect(
    clippy::panic_in_result_fn,
    reason = "merging two records is a mistake in this program"
)]
pub fn merge(a: &Record, b: &Record) -> Result<Record, Collision> {
    assert_eq!(a.key, b.key, "merge of two records");
    let mut siblings = Vec::with_capacity(a.siblings.len().max(b.siblings.len()));
    let (mut left, mut right) = (a.siblings.iter().peekable(), b.siblings.iter().peekable());
    let place = |s: &Sibling| (s.register, s.dot());
    let mut equal = Equal::default();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(l), Some(r)) => place(l).cmp(&place(r)),
        };
        match order {
            std::cmp::Ordering::Less => {
                siblings.extend(left.next().filter(|s| !b.context.covers(s.dot())).cloned());
            }
            std::cmp::Ordering::Greater => {
                siblings.extend(right.next().filter(|s| !a.context.covers(s.dot())).cloned());
            }
            std::cmp::Ordering::Equal => {
                let (Some(l), Some(r)) = (left.next(), right.next()) else {
                    break;
                };
                let joined = if equal.siblings(l, r) {
                    Some(l.clone())
                } else {
                    l.joined(r)
                };
                siblings.push(joined.ok_or_else(|| Collision {
                    register: l.register,
                    dot: l.dot(),
                })?);
            }
        }
    }
    one_write_a_dot(a, b, &mut equal)?;
    let scope = a.scope.min(b.scope);
    Ok(Record {
        key: a.key,
        scope,
        context: a.context.union(&b.context),
        siblings,
    })
}

/// Writes of two states that were found equal. A write stands behind many siblings, and comparing
/// it for each of them would be most of a merge.
#[derive(Default)]
struct Equal<'a> {
    pairs: Vec<[&'a Arc<Write>; 2]>,
}

impl<'a> Equal<'a> {
    fn writes(&mut self, one: &'a Arc<Write>, other: &'a Arc<Write>) -> bool {
        let known = |[a, b]: &[&Arc<Write>; 2]| Arc::ptr_eq(a, one) && Arc::ptr_eq(b, other);
        if Arc::ptr_eq(one, other) || self.pairs.iter().any(known) {
            return true;
        }
        let equal = one == other;
        if equal {
            self.pairs.push([one, other]);
        }
        equal
    }

    fn siblings(&mut self, one: &'a Sibling, other: &'a Sibling) -> bool {
        let Sibling {
            register,
            write,
            value,
            replaces,
            ancestry,
        } = one;
        (*register, value) == (other.register, &other.value)
            && (replaces, ancestry) == (&other.replaces, &other.ancestry)
            && self.writes(write, &other.write)
    }
}

/// All siblings of one dot were made by one write, also those that the merge drops: two writes of
/// one name in two registers would erase each other.
fn one_write_a_dot<'a>(
    a: &'a Record,
    b: &'a Record,
    equal: &mut Equal<'a>,
) -> Result<(), Collision> {
    let mut writes: Vec<&Sibling> = Vec::new();
    for sibling in a.siblings.iter().chain(&b.siblings) {
        match writes.iter().find(|other| other.dot() == sibling.dot()) {
            Some(other)
                if !equal.writes(&other.write, &sibling.write)
                    && !other.write.fits(&sibling.write) =>
            {
                return Err(Collision {
                    register: sibling.register,
                    dot: sibling.dot(),
                });
            }
            Some(_) => {}
            None => writes.push(sibling),
        }
    }
    Ok(())
}
