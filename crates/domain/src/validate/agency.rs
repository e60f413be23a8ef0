//! Two spellings of one body: the city makes one the alias of the other (domain 8.3).

use proto::ledger::Agency;
use replica::{RecordId, RecordKey};

use super::{Subject, Surroundings, finding, key};
use crate::finding::{Finding, Level::Block};

/// An alias names the record that stands, and nothing names an alias: one step, and no circle.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Agency,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let Some(other) = key("agency", after.alias_of.as_ref()) else {
        return;
    };
    let is_circle = other.id == subject.id;
    let is_chain = around.lookup.standing(other) != other
        || aliases(around, key("agency", Some(&subject.id.0.to_vec())))
            .next()
            .is_some();
    if is_circle || is_chain {
        let zh = "一个单位只能并入本身没有并入别处、也没有别的单位并入它的单位；请选保留的那一条"
            .to_owned();
        let en = "An agency is the alias of one that stands: of no alias, not of itself, and no other is its own"
            .to_owned();
        findings.push(finding("ALIAS", Block, "alias_of", "alias_chain", (zh, en)));
    }
}

/// The other spellings of an agency.
pub(super) fn aliases(
    around: &Surroundings<'_>,
    of: Option<RecordKey>,
) -> impl Iterator<Item = RecordKey> {
    let all: Vec<(RecordId, Agency)> = around.referring(("agency", "alias_of"), of);
    all.into_iter()
        .filter_map(|(id, _)| key("agency", Some(&id.0.to_vec())))
}
