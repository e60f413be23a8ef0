//! The steps of a record's states under the names that people use: `verify`, `recommend`, `close`.
//!
//! An act is a save of one state field ([`super::put`]); what it needs and who may do it is judged
//! there and nowhere else.

use domain::{
    Purpose, Subject,
    authority::NewState,
    state::{self, Act, effects::Suggestion},
    value::{self, Input},
};
use replica::{RecordKey, Source};

use super::{
    Change, Desk, Saved, Seen,
    change::{allowed, approved, before_and_after, shown},
    find, meaning, put,
};
use crate::{
    app::App,
    failure::{Exit, Failure},
};

/// An act that can follow from the present state.
#[derive(Debug)]
pub struct OpenAct {
    /// The act.
    pub act: Act<'static>,
    /// The code with which this program and person would be refused; none when they may.
    pub refused: Option<String>,
    /// Why other records suggest it.
    pub suggested: Option<Suggestion>,
}

/// What can follow from the states of a record.
///
/// # Errors
/// There is no such record, or the store failed.
pub fn acts(app: &App, key: RecordKey) -> Result<Vec<OpenAct>, Failure> {
    let stored = find(app, key)?;
    let values = meaning(app, &stored.record)?.values;
    let Some(kind) = app.catalogue.kind(key.kind) else {
        return Ok(Vec::new());
    };
    let subject = Subject {
        kind,
        id: key.id,
        scope: stored.home,
        before: Some(&values),
        after: &values,
    };
    let desk = Desk::new(app)?;
    let suggestion = desk.suggest(&subject)?;
    let shown = shown(app, &stored.record, None)?;
    let mut open = Vec::new();
    for act in state::acts(kind, &values) {
        let base = value::base_of(app.catalogue, Some(&stored.record));
        let set = [(act.field.id.as_str(), Input::Text(act.to_id()))];
        let edits = value::edits(app.catalogue, kind, &base, set, &domain::NoResolve);
        let edits = edits.unwrap_or_default();
        let (_, after) = before_and_after(app, &shown, &edits);
        let step = Subject {
            after: &after,
            ..subject
        };
        match desk.leaves_transfer(Source::Command, &step) {
            // The request takes these steps, and nobody alone.
            Err(why) if !why.findings.is_empty() => continue,
            left => left?,
        }
        let set: Vec<_> = edits
            .into_iter()
            .map(|edit| (edit.register, edit.value))
            .collect();
        let new = NewState {
            key,
            scope: stored.home,
            set: &set,
        };
        let may = allowed(app, Purpose::Edit, Some(&stored.record), &new)
            .and_then(|()| approved(app, kind, Some(&stored.record), &new));
        open.push(OpenAct {
            act,
            refused: may.err().map(|failure| failure.code),
            suggested: suggestion.filter(|suggestion| suggestion.act == act.name),
        });
    }
    Ok(open)
}

/// Takes a step, and sets fields along with it.
///
/// # Errors
/// The act does not follow from the present state; else as [`put`].
pub fn act(
    app: &App,
    key: RecordKey,
    name: &str,
    set: Vec<(&str, Input<'_>)>,
    (seen, reason): (Option<Seen>, &str),
) -> Result<Saved, Failure> {
    let stored = find(app, key)?;
    let values = meaning(app, &stored.record)?.values;
    let kind = app.catalogue.kind(key.kind);
    let open = kind
        .map(|kind| state::acts(kind, &values))
        .unwrap_or_default();
    let Some((kind, act)) = kind.zip(open.iter().find(|act| act.name == name)) else {
        let names: Vec<&str> = open.iter().map(|act| act.name).collect();
        return Err(Failure::new("ACT-001", Exit::Invalid)
            .with("act", name)
            .with("acts", names.join(", ")));
    };
    let mut all = vec![(act.field.id.as_str(), Input::Text(act.to_id()))];
    all.extend(set);
    let change = Change {
        kind,
        id: Some(key.id),
        set: all,
        seen,
        scope: None,
        reason,
        source: Source::Command,
    };
    put(app, &change)
}
