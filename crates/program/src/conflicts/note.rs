//! Notes on a docket: a question to the district, or a date before which nobody needs to look.
//! Neither decides anything.

use domain::{Purpose, across, authority::NewState, date};
use prost::Message as _;
use proto::ledger::{CandidateName, DocketNote, DocketNoteKind};
use replica::{Edit, RecordId, ScopeId, Source};
use serde_json::{Map, Value};

use super::{Docket, after, decide::kind_of_docket, open_of};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{allowed, find, made_edit, meaning, new_id, reason_of},
};

/// Sends a conflict back to the district with a question.
///
/// # Errors
/// The conflict is not open, or the store failed.
pub fn send_back(
    app: &App,
    docket: &Docket,
    text: &str,
) -> Result<(RecordId, Map<String, Value>), Failure> {
    note(app, docket, DocketNoteKind::Return, text, None)
}

/// Puts a conflict off to a date; on that day it is open again, or as soon as its candidates
/// change.
///
/// # Errors
/// The conflict is not open, the date cannot be read or is not after today, or the store failed.
pub fn defer(
    app: &App,
    docket: &Docket,
    until: &str,
    reason: &str,
) -> Result<(RecordId, Map<String, Value>), Failure> {
    let today = app.today();
    let wrong = || {
        let failure = Failure::new("CONFLICT-009", Exit::Invalid).with("date", until);
        // A day that would do: whoever copies it is not refused again.
        let example = today.next_day().unwrap_or(today);
        failure.with("example", date::text(example))
    };
    let day = date::read(until).ok_or_else(wrong)?;
    if day <= today {
        return Err(wrong());
    }
    let day = date::text(day);
    note(app, docket, DocketNoteKind::Defer, reason, Some(day))
}

fn note(
    app: &App,
    docket: &Docket,
    kind: DocketNoteKind,
    text: &str,
    until: Option<String>,
) -> Result<(RecordId, Map<String, Value>), Failure> {
    let text = reason_of(text)?;
    let stored = find(app, docket.key)?;
    let spec = kind_of_docket(app, docket)?;
    let meaning = meaning(app, &stored.record)?;
    let open = open_of(&meaning, docket, Some(spec))?;
    let seen = open.candidates.iter().map(|candidate| CandidateName {
        incarnation: candidate.dot().incarnation.0,
        counter: candidate.dot().counter,
    });
    let note = DocketNote {
        record: Some(across::name(app.catalogue, docket.key)),
        register: Some(docket.register.0),
        kind: Some(kind.into()),
        text: Some(text),
        until,
        written_by: Some(app.author()),
        seen: seen.collect(),
        ..DocketNote::default()
    };
    let (id, edit) = edit(app, stored.home, &note)?;
    app.writer.edit(vec![edit], Vec::new())?;
    let (mut document, _) = after(app, docket)?;
    document.insert("note".to_owned(), id.to_string().into());
    Ok((id, document))
}

/// The edit that makes a note in a scope, if it may be made here.
pub(super) fn edit(
    app: &App,
    scope: ScopeId,
    note: &DocketNote,
) -> Result<(RecordId, Edit), Failure> {
    let id = new_id(app);
    let (values, reason) = (note.encode_to_vec(), note.text());
    let said = (reason, Source::Decision);
    let edit = made_edit(app, "docket_note", (id, scope), &values, said)?;
    let values = edit.set.iter();
    let set: Vec<_> = values
        .map(|set| (set.register, set.value.clone()))
        .collect();
    let new = NewState {
        key: edit.key,
        scope,
        set: &set,
    };
    allowed(app, Purpose::Decision, None, &new)?;
    Ok((id, edit))
}
