//! Records: the one way in which commands, the importer, decisions and the demo read and write
//! them.
//!
//! A write goes [`Change`] → [`Desk::prepare`] (values, authority, rules) → an `Edit` → the
//! writer. [`put`] writes one and waits; [`Batcher`] keeps many on their way. Nothing here writes
//! around the rules, and an edit replaces exactly the candidates that its form showed.

mod acts;
mod alias;
mod arrivals;
mod batch;
mod change;
mod document;
mod effects;
mod explain;
mod history;
mod kept;
mod known;
mod links;
mod list;
mod load;
mod moving;
mod numbers;
mod present;
mod put;
mod read;
mod ruled;
mod scopes;
mod seen;
mod settled;
mod sight;
mod stays;
mod steps;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod why;

pub use acts::{OpenAct, act, acts};
pub use alias::{alias_of, circle, standing};
pub use batch::{Batcher, Done, IN_FLIGHT_MAX};
pub use change::{Change, Desk, Prepared, default_scope, new_id, set_of_json, set_of_text};
pub use document::{Documents, at_text, document, register_name, source_name, time_text};
pub use explain::{explain, holders};
pub use history::{Event, events, history};
pub use known::Known;
pub use links::{Link, Links, Target, dangling, links_of};
pub use list::{Filter, list};
pub use load::{Loaded, load};
pub use present::{Present, ValueCache, each_present, present, present_of};
pub use put::{Saved, delete, deletion_edit, put};
pub use read::{
    Named, Past, Visitor, each, each_guest, each_here, find, key_named, kind_of, meaning, named,
};
pub use ruled::{Ground, made_edit, registers_edit, ruled_edit};
pub use scopes::{Scopes, scope_named, scope_of, scope_to_enter};
pub use seen::Seen;
pub use settled::{Settled, State};
pub use sight::Sight;
pub(crate) use stays::{Left, Stays, stay};
pub use why::{Why, why_not_synced};

pub(crate) use alias::is_merged;
pub(crate) use change::{
    Shown, allowed, before_and_after, moved_away, newest_year, reason_of, shown,
};
pub(crate) use document::{authorship, fields_json, plain_value, reason_text, register_of};
pub(crate) use known::InScope;
pub(crate) use links::{ended, links_json, unlinked};
pub(crate) use scopes::{record as scope_record, scope_name};
pub(crate) use sight::{is_held, under_review};
pub(crate) use steps::STEPS;

use domain::Finding;

use crate::{failure::Failure, output::Out};

/// Prints warnings for people.
pub(crate) fn note_warnings(warnings: &[Finding], out: &mut Out) {
    explained(warnings);
    for warning in warnings {
        let text = out.say(&warning.zh, &warning.en).to_owned();
        out.note(format!("{} {}  {text}", warning.rule, warning.field));
    }
}

/// The JSON of findings.
pub(crate) fn findings_json(findings: &[Finding], out: &Out) -> serde_json::Value {
    let one = |finding: &Finding| {
        serde_json::json!({
            "rule": finding.rule,
            "field": finding.field,
            "code": finding.code,
            "message": out.say(&finding.zh, &finding.en),
        })
    };
    explained(findings);
    findings.iter().map(one).collect()
}

/// Whoever is told a code can look it up: a rule without a row on the page of errors is our mistake.
fn explained(findings: &[Finding]) {
    let is_known = |finding: &Finding| crate::texts::has(finding.code);
    debug_assert!(findings.iter().all(is_known), "no text: {findings:?}");
}

/// A failure that stands for what rules found.
pub(crate) fn failure_of(findings: &[Finding]) -> Failure {
    let Some(first) = findings.first() else {
        return Failure::new("RECORD-014", crate::failure::Exit::Invalid);
    };
    explained(findings);
    let join = |text: fn(&Finding) -> &str, mark: &str| {
        let said = findings.iter().map(|finding| match finding.rule {
            // Text that cannot be read breaks no rule that has a number.
            "INPUT" => text(finding).to_owned(),
            rule => format!("{rule} {}", text(finding)),
        });
        said.collect::<Vec<_>>().join(mark)
    };
    let zh = join(|finding| &finding.zh, "；");
    let en = join(|finding| &finding.en, "; ");
    let failure = Failure::new(first.code, crate::failure::Exit::Invalid).saying(
        format!("{zh}。没有保存，原有内容没有变动。请改正后重试。"),
        format!("{en}. Nothing was saved or changed. Correct it and try again."),
    );
    Failure {
        findings: findings.into(),
        ..failure
    }
}
