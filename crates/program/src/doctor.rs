//! What an operator should know, each with a code, a sentence and a next step.
//!
//! [`facts`](facts::Facts) are gathered once, [`ROWS`] are pure functions of them and
//! of the thresholds in the settings: one row of one table is one check. `doctor` shows all of
//! them, `status` and the figures for monitoring those that are not well.

mod facts;
mod proof;
mod table;
#[cfg(test)]
mod tests;

pub use facts::{BACKUP, Facts};
pub use proof::Proofs;
pub(crate) use proof::keep_proving;
pub use table::{Check, ROWS, Row, is_clone_code, is_copy_code};
use table::{SAYING, SIDE};

use serde_json::{Value, json};

use crate::{
    app::{App, Live},
    attachments,
    config::DoctorConfig,
    failure::{Exit, Failure},
    output::Out,
    records, texts,
};

/// Every check on these facts.
#[must_use]
pub fn checks(facts: &Facts, config: &DoctorConfig) -> Vec<Check> {
    let all = ROWS.iter().flat_map(|row| {
        let found = (row.look)(facts, config);
        found.into_iter().map(|finding| Check {
            code: row.code,
            name: row.name,
            well: finding.well,
            facts: finding.facts,
        })
    });
    all.collect()
}

/// The checks of these facts that are not well, without proving the store anew.
pub(crate) fn unwell(app: &App, facts: &Facts) -> Vec<Check> {
    let mut all = checks(facts, &app.config.doctor);
    all.retain(|check| !check.well);
    all
}

/// Looks for what an operator should know; proves every record and the own journals first.
///
/// # Errors
/// The writer has ended, or the store cannot be read at all.
pub fn doctor<L: Live>(app: &App, live: &L, out: &mut Out) -> Result<(), Failure> {
    proof::prove(app)?;
    let facts = Facts {
        ended_links: Some(records::ended(app)?.len()),
        orphans: Some(attachments::orphans(app, attachments::PRUNE_DAYS)?.len()),
        ..Facts::gather(app, live)?
    };
    let checks = checks(&facts, &app.config.doctor);
    if out.json {
        let all: Vec<Value> = checks.iter().map(|check| json(check, out)).collect();
        out.document(&json!({"ok": checks.iter().all(|check| check.well), "checks": all}));
        return Ok(());
    }
    for check in &checks {
        let mark = if check.well { "✓" } else { "!" };
        out.line(format!("{mark} {}  {}", check.code, sentence(check, out)));
    }
    Ok(())
}

/// What a check says: what is so, what is safe, what to do next.
pub(crate) fn sentence(check: &Check, out: &Out) -> String {
    if check.well {
        return well(check, out);
    }
    let side = check.facts.iter().find(|(name, _)| *name == SIDE);
    let side = side.map_or("", |(_, side)| side.as_str());
    // Some checks advise one side what the other cannot do.
    let code = match (check.code, side) {
        ("DOCTOR-006", "hub") => "DOCTOR-006-HUB",
        ("DOCTOR-026", "node") => "DOCTOR-026-NODE",
        (code, _) => code,
    };
    let mut failure = Failure::new(code, Exit::Failed);
    let fact = |(name, value): &(&'static str, String)| match *name {
        "whose" => (*name, texts::words::side(value, out.language).to_owned()),
        _ => (*name, value.clone()),
    };
    failure.facts = check.facts.iter().map(fact).collect();
    failure.text(out.language)
}

/// What a check says when all is well; of a peer, which one.
fn well(check: &Check, out: &Out) -> String {
    let fact = |name: &str| {
        let mut facts = check.facts.iter().filter(|(known, _)| *known == name);
        facts.next().map(|(_, value)| value.as_str())
    };
    let Some(peer) = fact("peer") else {
        let code = fact(SAYING).unwrap_or(check.code);
        return texts::well(code, out.language).to_owned();
    };
    let peer = texts::causes::peer(peer, out.language);
    let colon = out.say("：", ": ");
    // Of a line the state is said, in the word of `status`: a node that calls by itself need not
    // be there now, and that is well.
    let Some(state) = fact("state") else {
        return [&peer, colon, texts::well(check.code, out.language)].concat();
    };
    let state = texts::peer_state(state, out.language);
    let (lead, seen) = (out.say("，最近联系 ", ", last heard at "), fact("seen"));
    let seen = seen.map(|seen| [lead, seen].concat()).unwrap_or_default();
    [&peer, colon, &state, &seen].concat()
}

/// A check for scripts.
pub(crate) fn json(check: &Check, out: &Out) -> Value {
    json!({
        "code": check.code,
        "name": check.name,
        "ok": check.well,
        "message": sentence(check, out),
    })
}
