//! What follows from a step, prepared: each effect of the domain's table as an ordinary change that
//! the rules and the authority judge like any other.
//!
//! All of it is one submission with the step, so that a power cut leaves both or neither.

use domain::{
    Finding, Level, Subject,
    state::effects::{self, Effect, Suggestion},
    value::Input,
};
use replica::{RecordKey, Source};

use super::{Change, Desk, Prepared};
use crate::{
    failure::{Exit, Failure},
    returns, year,
};

impl Desk<'_> {
    /// What follows from a step, prepared; and what whoever takes it should know.
    ///
    /// # Errors
    /// What the step makes no sense without may not be written, or the store cannot be read.
    pub(crate) fn follow(
        &self,
        subject: &Subject<'_>,
        (reason, source): (&str, Source),
    ) -> Result<(Vec<Prepared>, Vec<Finding>), Failure> {
        if subject.before == Some(subject.after) {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut outcome = effects::follow(subject, self.today, &self.year, &self.known);
        self.known.take_failure().map_or(Ok(()), Err)?;
        outcome.effects.extend(returns::follow(self.app, subject)?);
        outcome.effects.extend(year::follow(self.app, subject)?);
        let key = RecordKey {
            kind: subject.kind.kind,
            id: subject.id,
        };
        let step = domain::across::name(self.app.catalogue, key);
        let reason = format!("{reason}（随 {step} 办理）");
        let mut remarks = outcome.remarks;
        let prepare = || {
            let mut prepared = Vec::new();
            for effect in &outcome.effects {
                match self.effect(effect, (&reason, source)) {
                    Ok(one) => prepared.push(one),
                    Err(why) if !effect.is_needed && is_answer(&why) => {
                        remarks.push(left(effect, &why));
                    }
                    Err(why) => return Err(why),
                }
            }
            prepared.extend(self.taken_back(subject, &reason)?);
            Ok(prepared)
        };
        let step = (key, subject.scope);
        let prepared = self.known.expect(step, subject.after, prepare)?;
        let written = prepared.iter().filter(|one| one.edit.is_some());
        let names: Vec<String> = written
            .map(|one| domain::across::name(self.app.catalogue, one.key))
            .collect();
        if !names.is_empty() {
            remarks.push(along(&names));
        }
        Ok((prepared, remarks))
    }

    /// What other records suggest for one as it is.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn suggest(&self, subject: &Subject<'_>) -> Result<Option<Suggestion>, Failure> {
        let found = effects::suggest(subject, self.today, &self.year, &self.known);
        self.known.take_failure().map_or(Ok(()), Err)?;
        Ok(found)
    }

    /// Prepares an effect as the change that it is.
    ///
    /// # Errors
    /// It may not be written, or the store cannot be read.
    pub(crate) fn effect(
        &self,
        effect: &Effect,
        (reason, source): (&str, Source),
    ) -> Result<Prepared, Failure> {
        let set = effect.set.iter();
        let set = set.map(|(field, text)| (*field, Input::Text(text)));
        self.prepare(&Change {
            kind: super::kind_of(self.app, effect.kind)?,
            id: effect.id,
            set: set.collect(),
            seen: None,
            scope: None,
            reason,
            source,
        })
    }
}

/// Whether a failure says that something may not be written, and not that it could not be tried.
fn is_answer(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::Refused | Exit::Invalid)
}

/// The remark that names what was written with a step.
fn along(names: &[String]) -> Finding {
    let names = names.join(" ");
    Finding {
        rule: "EFFECT",
        level: Level::Warn,
        field: String::new(),
        code: "effects_along",
        zh: format!("随本次办理一并写入：{names}"),
        en: format!("Written with this step: {names}"),
    }
}

/// The remark that names what follows from a step and may not be written here.
fn left(effect: &Effect, why: &Failure) -> Finding {
    let id = effect.id.map(|id| id.to_string()).unwrap_or_default();
    let (kind, code) = (effect.kind, &why.code);
    Finding {
        rule: "EFFECT",
        level: Level::Warn,
        field: String::new(),
        code: "effect_left",
        zh: format!("{kind}/{id} 没有随之变动（{code}），请由归属辖区办理"),
        en: format!("{kind}/{id} was left as it is ({code}); its own scope sees to it"),
    }
}
