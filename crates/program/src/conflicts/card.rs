//! The card of a conflict: all that a person needs to decide it, in one document.
//!
//! The value everybody came from and the one that counts meanwhile; the candidates with who, where,
//! when, why, how they came in and what each would do to the figures; what the rules suggest; what
//! was said and decided before; what else is open in the record.

use domain::{
    Conflict, ConflictKind, Effective, KindSpec, Suggestion, effective::seen_before_deletion,
    label::Language, preset,
};
use proto::ledger::DocketNoteKind;
use replica::{Dot, HybridTime, Sibling, Source, limits::ANCESTRY_MAX};
use serde_json::{Map, Value, json};
use store::Stored;

use super::{
    Docket,
    acks::Acks,
    clocks::Clocks,
    files::Files,
    kind_label,
    list::{decided_entry, mark, open_entry, told},
    open_of, sentence, storm,
    suggested::suggested,
    words,
};
use crate::{
    app::{App, Enrolled},
    failure::Failure,
    records::{
        Past, Scopes, Seen, Sight, authorship, find, meaning, register_name, scope_name,
        source_name, time_text,
    },
    report::{self, Effect},
};

/// The card of a docket. Of one that is decided, how it was decided and who does not hold that yet.
///
/// # Errors
/// There was no conflict, or the store is damaged or cannot be read.
pub fn show(
    app: &App,
    docket: &Docket,
    language: Language,
    enrolled: &Enrolled,
) -> Result<Map<String, Value>, Failure> {
    let stored = find(app, docket.key)?;
    let meaning = meaning(app, &stored.record)?;
    let kind = app.catalogue.kind(docket.key.kind);
    let sight = Sight::of(app, &stored);
    let files = Files::of(app, Some(stored.home))?;
    let scopes = Scopes::new(app);
    let mut card = match open_of(&meaning, docket, kind) {
        Ok(open) => {
            let asked = Asked {
                app,
                scopes: &scopes,
                kind,
                sight: &sight,
                docket,
                stored: &stored,
                meaning: &meaning,
                open,
                language,
                clocks: Clocks::now(app)?,
            };
            asked.card(&files)?
        }
        Err(not_open) => {
            let newest = files.decisions(docket).last().ok_or(not_open)?;
            let acks = Acks::now(app, enrolled)?;
            let entry = decided_entry(app, &scopes, &acks, docket, newest)?;
            let mut entry = entry.unwrap_or_default();
            entry.insert("candidates".to_owned(), json!([]));
            entry
        }
    };
    card.insert("notes".to_owned(), notes(&files, docket));
    card.insert("decisions".to_owned(), decisions(&sight, &files, docket));
    card.insert("seen".to_owned(), Seen::of(&stored.record).token().into());
    Ok(card)
}

struct Asked<'a> {
    app: &'a App,
    scopes: &'a Scopes<'a>,
    kind: Option<&'static KindSpec>,
    sight: &'a Sight<'a>,
    docket: &'a Docket,
    stored: &'a Stored,
    meaning: &'a Effective,
    open: &'a Conflict,
    language: Language,
    clocks: Clocks,
}

impl Asked<'_> {
    fn card(&self, files: &Files) -> Result<Map<String, Value>, Failure> {
        let (app, open) = (self.app, self.open);
        let mut card = open_entry(app, self.scopes, self.stored, open)?;
        mark(&mut card, files.state(self.docket, open, app.today()));
        let label = kind_label(open.kind, self.language);
        card.insert("conflict_label".to_owned(), label.into());
        card.insert(
            "what".to_owned(),
            sentence(self.kind, open, self.language).into(),
        );
        let past = Past::of(app, self.docket.key)?;
        card.insert("base".to_owned(), self.base(&past));
        card.insert("provisional".to_owned(), self.provisional(&past));
        let effects = report::effects(app, self.stored, self.meaning, open)?;
        let candidates = card.get_mut("candidates").and_then(Value::as_array_mut);
        for ((shown, sibling), effects) in candidates
            .into_iter()
            .flatten()
            .zip(&open.candidates)
            .zip(&effects)
        {
            if let Some(shown) = shown.as_object_mut() {
                let more = self.more(sibling, shown, effects)?;
                shown.extend(more);
            }
        }
        let others = self.meaning.conflicts.iter();
        let others = others.filter(|other| other.register != self.docket.register);
        let others = others.map(|other| {
            let docket = Docket {
                register: other.register,
                ..*self.docket
            };
            docket.id(self.kind)
        });
        card.insert("others".to_owned(), others.collect());
        card.insert("preset".to_owned(), self.preset()?);
        let storms = storm::storms(app)?;
        let storm = storm::of(&storms, open).map(|storm| storm.id.as_str());
        card.insert("storm".to_owned(), storm.map_or(Value::Null, Value::from));
        Ok(card)
    }

    /// What the list does not show of a candidate.
    fn more(
        &self,
        sibling: &Sibling,
        shown: &Map<String, Value>,
        effects: &[Effect],
    ) -> Result<Map<String, Value>, Failure> {
        let mut map = Map::new();
        // Of what an undo has put back that is how it was written first.
        let said = |name: &str| shown.get(name).and_then(Value::as_str);
        let author = said("author").unwrap_or(&sibling.write.author);
        map.insert("dot".to_owned(), dot_text(sibling.dot()).into());
        map.insert("unit".to_owned(), self.unit(author)?);
        let written = words::first_time(self.app, sibling)?;
        map.insert(
            "clock_error_s".to_owned(),
            self.clock_error(author, written),
        );
        let is_import = said("source") == Some(&source_name(Source::Import));
        let line = said("reason").filter(|_| is_import);
        let line = line.and_then(words::sheet_line).map(|(_, line)| line);
        map.insert("import_line".to_owned(), line.into());
        let words: Vec<String> = words::of(self.app, sibling)?.into_iter().collect();
        map.insert("words_of".to_owned(), words.into());
        let effects = effects.iter().map(|effect| effect.json(self.language));
        map.insert("effects".to_owned(), effects.collect());
        Ok(map)
    }

    /// How far the clock at which an author works was ahead of this one at a write, in seconds.
    fn clock_error(&self, author: &str, written: HybridTime) -> Value {
        let error_ms = self.clocks.error_ms(author, written);
        error_ms.map_or(Value::Null, |error_ms| (error_ms / 1_000).into())
    }

    /// The scope and the replica at which an author works.
    fn unit(&self, author: &str) -> Result<Value, Failure> {
        let replica = author.rsplit_once('@').map(|(_, replica)| replica);
        let code = preset::unit(author);
        let name = code.map_or(Ok(None), |code| scope_name(self.app, code))?;
        Ok(json!({ "scope": code, "name": name, "node": replica }))
    }

    /// The value that all candidates come from, and who wrote it, as far as it is known here.
    fn base(&self, past: &Past) -> Value {
        if self.open.kind == ConflictKind::DeleteEdit {
            return self.base_of_deletion(past);
        }
        let Some((dot, value)) = &self.open.base else {
            return Value::Null;
        };
        let sibling = past.sibling(self.open.register, *dot);
        let value = value
            .as_ref()
            .or_else(|| sibling.map(|sibling| &sibling.value));
        let mut base = sibling.map(authorship).unwrap_or_default();
        let value = value.map(|value| self.sight.register(self.open.register, value));
        base.insert("known".to_owned(), value.is_some().into());
        base.insert("value".to_owned(), value.unwrap_or_default());
        base.insert("dot".to_owned(), dot_text(*dot).into());
        Value::Object(base)
    }

    /// What whoever deleted had seen where others were writing, by register: the base of a deletion
    /// against edits. Who wrote it is told where that is one write.
    fn base_of_deletion(&self, past: &Past) -> Value {
        let edits = self.open.candidates.iter();
        let edits = edits.filter(|edit| !edit.register.is_system());
        let (mut values, mut writes, mut is_known) = (Map::new(), Vec::new(), true);
        for edit in edits {
            let register = edit.register;
            let before = seen_before_deletion(self.open, edit);
            let written = before.and_then(|before| past.sibling(register, before.dot));
            let carried = before.and_then(|before| before.value.as_ref());
            let value = carried.or_else(|| written.map(|sibling| &sibling.value));
            // Nothing stood there before an edit that descends from none; of a longer line than a
            // candidate remembers it cannot be said.
            is_known &= value.is_some() || (before.is_none() && edit.ancestry.len() < ANCESTRY_MAX);
            let value = value.map(|value| self.sight.register(register, value));
            values.insert(
                register_name(self.kind, register),
                value.unwrap_or_default(),
            );
            writes.push(written);
        }
        let Some(first) = writes.first() else {
            return Value::Null;
        };
        let is_one = writes
            .iter()
            .all(|one| one.map(Sibling::dot) == first.map(Sibling::dot));
        let mut base = first.filter(|_| is_one).map(authorship).unwrap_or_default();
        base.insert("known".to_owned(), is_known.into());
        base.insert("value".to_owned(), values.into());
        Value::Object(base)
    }

    /// What counts until somebody decides, and which write that is.
    fn provisional(&self, past: &Past) -> Value {
        let register = self.open.register;
        if register.is_system() {
            return json!({ "value": self.meaning.deleted, "dot": null, "is_base": false });
        }
        let base = self.open.base.as_ref();
        let known = base.and_then(|(dot, value)| {
            let value = value.clone().or_else(|| past.value(register, *dot))?;
            Some((*dot, value, true))
        });
        let history = |register, dot| past.value(register, dot);
        let reading = || {
            let record = &self.stored.record;
            let value = domain::effective::register(self.app.catalogue, record, register, &history);
            let same = |sibling: &&Sibling| sibling.value == value.value;
            let dot = record
                .register(register)
                .iter()
                .find(same)
                .map(Sibling::dot)?;
            Some((dot, value.value, false))
        };
        let Some((dot, value, is_base)) = known.or_else(reading) else {
            return Value::Null;
        };
        json!({
            "value": self.sight.register(register, &value),
            "dot": dot_text(dot),
            "is_base": is_base,
        })
    }

    fn preset(&self) -> Result<Value, Failure> {
        let Some(kind) = self.kind else {
            return Ok(Value::Null);
        };
        let home = self.scopes.code(self.stored.home)?;
        let preset = suggested(self.app, self.stored.record.key, (kind, &home), self.open)?;
        let candidate = match preset.suggestion {
            Suggestion::Take(number) => Some(number),
            Suggestion::KeepBoth | Suggestion::Nothing => None,
        };
        Ok(json!({
            "rule": preset.rule,
            "candidate": candidate,
            "keep_both": preset.suggestion == Suggestion::KeepBoth,
            "why": self.language.pick(preset.zh, preset.en),
            "reason": preset.reason(self.language),
        }))
    }
}

fn dot_text(dot: Dot) -> String {
    format!("{:016x}:{}", dot.incarnation.0, dot.counter)
}

fn notes(files: &Files, docket: &Docket) -> Value {
    let one = |said: &super::files::Said<proto::ledger::DocketNote>| {
        let kind = match said.what.kind() {
            DocketNoteKind::Return => "return",
            DocketNoteKind::Defer => "defer",
            DocketNoteKind::Release => "release",
            DocketNoteKind::Unspecified => "unspecified",
        };
        json!({
            "id": said.id.to_string(),
            "note": kind,
            "text": said.what.text,
            "until": said.what.until,
            "author": said.what.written_by,
            "at": time_text(said.at),
        })
    };
    files.notes(docket).iter().map(one).collect()
}

fn decisions(sight: &Sight<'_>, files: &Files, docket: &Docket) -> Value {
    let one = |said: &super::files::Said<proto::ledger::Decision>| {
        let mut map = Map::new();
        map.insert("id".to_owned(), said.id.to_string().into());
        let value = sight.register(docket.register, said.what.value());
        map.insert("value".to_owned(), value);
        map.extend(told(said));
        Value::Object(map)
    };
    files.decisions(docket).iter().map(one).collect()
}
