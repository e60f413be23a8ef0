//! The three ways to rule a claim. Each is one command: all its edits are written or none.

use std::collections::{BTreeMap, BTreeSet};

use domain::{KindSpec, across, date, value::Input};
use program::{
    App, Exit, Failure, Out,
    claims::{self, Case, case_key},
    commands::proposal::id_of,
    records::{
        self, Change, Desk, Ground, Scopes, find, key_named, kind_of, registers_edit, ruled_edit,
        scope_to_enter,
    },
};
use replica::{Edit, RecordKey, ScopeId, Source};
use serde_json::{Value, json};
use store::Stored;

use super::{RuleArgs, concerned, registers};
use crate::{
    Hub,
    transfer::{back_on_the_ledger, check_ready, check_whole, ended, moved},
};

/// A case that waits, with its records as they are now.
struct Claim<'a> {
    app: &'a App,
    hub: &'a Hub,
    kind: &'static KindSpec,
    case: Case,
    records: Vec<Stored>,
    reason: &'a str,
}

/// What a ruling writes, and what it is called.
struct Ruled {
    edits: Vec<Edit>,
    ruling: &'static str,
    survivor: Option<RecordKey>,
    /// Scopes that read a record which goes, because one of theirs was merged into it before.
    readers: BTreeSet<ScopeId>,
}

/// Rules a case.
///
/// # Errors
/// The hub still gets back what a restore took, the case does not wait, a record named is none of
/// its, records may not move now or lie in one scope before, or a value breaks a rule.
pub(super) fn rule(app: &App, hub: &Hub, args: &RuleArgs, out: &mut Out) -> Result<(), Failure> {
    check_whole(app)?;
    let case = Case::find(app, id_of(&args.id)?)?;
    if case.is_ruled() {
        return Err(Failure::new("CLAIM-001", Exit::Invalid).with("id", &args.id));
    }
    let keys = case.records(app)?;
    let records = keys.iter().map(|key| find(app, *key));
    let claim = Claim {
        app,
        hub,
        kind: kind_of(app, "organisation")?,
        records: records.collect::<Result<_, _>>()?,
        case,
        reason: &args.reason,
    };
    let ruled = match (&args.transfer_to, &args.merge_into) {
        (Some(code), _) => claim.transfer(scope_to_enter(app, code, out)?)?,
        (None, Some(survivor)) => claim.merge(key_named(app, survivor)?, &args.choose)?,
        (None, None) => claim.separate(&args.correct)?,
    };
    let ruling = ruled.ruling;
    claim.write(ruled)?;
    let case = Case::find(app, claim.case.id())?;
    let document = case.json(app, &Scopes::new(app))?;
    if out.json {
        out.document(&Value::Object(document));
    } else {
        let text = match ruling {
            "merge_records" => out.say(
                "已合并：另一条记录由保留的记录代表，其下的记录随之归属。",
                "Merged: the other record is a name of the one that stands, and what is below it went along.",
            ),
            "keep_both" => out.say(
                "已认定为两个单位，代码已更正。",
                "They are two organisations; the code is corrected.",
            ),
            _ => out.say("已裁定归属，记录已迁移。", "The records were moved."),
        };
        out.line(text);
    }
    if ["take_a", "take_b", "enter"].contains(&ruling) {
        let waits = waiting(app, hub, &claim)?;
        let lead = out.say(
            "两条记录现在同属一个辖区，代码仍然重复，继续待裁定的是：",
            "both records lie in one scope now and the code is still there twice; what waits for a ruling: ",
        );
        let rest = out.say(
            "。用 claim rule --merge-into 合并，或用 --separate 更正代码",
            ". Merge with claim rule --merge-into, or correct a code with --separate",
        );
        out.note([lead, &waits.join(" "), rest].concat());
    }
    Ok(())
}

/// The cases of a claim's code that wait now. Where a third record bears it in the same scope this
/// may be another case than the one that was ruled: a scope has one at a time.
fn waiting(app: &App, hub: &Hub, claim: &Claim<'_>) -> Result<Vec<String>, Failure> {
    super::open(app, hub)?;
    let mut codes = Vec::new();
    for stored in &claim.records {
        codes.extend(code_of(&records::meaning(app, &stored.record)?.values));
    }
    let (pairs, _) = super::look(app, hub)?;
    let pairs = pairs.iter().filter(|pair| codes.contains(&pair.code));
    let cases = pairs.map(|pair| Ok(case_key(app, &pair.records)?.id.to_string()));
    cases.collect()
}

fn code_of(values: &[u8]) -> Option<String> {
    let row: proto::ledger::Organisation = domain::decode(values).unwrap_or_default();
    row.uscc
}

impl Claim<'_> {
    fn ground(&self) -> Ground<'_> {
        Ground {
            reason: self.reason,
            case: Some(self.case.id()),
        }
    }

    /// Both records, of two scopes so far, belong to one.
    fn transfer(&self, to: ScopeId) -> Result<Ruled, Failure> {
        let mut homes = self.records.iter().map(|one| one.home);
        if let Some(home) = homes.next()
            && homes.all(|other| other == home)
        {
            let scope = Scopes::new(self.app).code(home)?;
            return Err(Failure::new("CLAIM-006", Exit::Invalid).with("scope", scope));
        }
        let away: Vec<&Stored> = self.records.iter().filter(|one| one.home != to).collect();
        let mut concerned: Vec<ScopeId> = away.iter().map(|one| one.home).collect();
        concerned.push(to);
        check_ready(self.app, self.hub, &concerned)?;
        let mut edits = moved(self.app, &away, (to, self.app.today()), self.ground())?;
        for stored in away {
            edits.extend(back_on_the_ledger(self.app, stored, self.ground())?);
            edits.extend(ended(self.app, stored, None, self.ground())?);
        }
        let is_of = |at: usize| self.records.get(at).is_some_and(|one| one.home == to);
        let ruling = match (is_of(0), is_of(1)) {
            (true, _) => "take_a",
            (_, true) => "take_b",
            _ => "enter",
        };
        Ok(Ruled {
            edits,
            ruling,
            survivor: None,
            readers: BTreeSet::new(),
        })
    }

    /// One record becomes a name of the other, with all that is below it.
    fn merge(&self, survivor: RecordKey, choose: &[String]) -> Result<Ruled, Failure> {
        let is_survivor = |stored: &&Stored| stored.record.key == survivor;
        let (stays, goes): (Vec<&Stored>, Vec<&Stored>) =
            self.records.iter().partition(is_survivor);
        let Some(stays) = stays.first() else {
            return Err(self.foreign(survivor));
        };
        let mut edits = Vec::new();
        let chosen = self.chosen(stays, choose)?;
        if !chosen.is_empty() {
            edits.push(registers_edit(self.app, stays, chosen, self.ground())?);
        }
        let readers = self.readers(&goes)?;
        for stored in goes {
            let values =
                json!({ "merged_into": survivor.id.to_string(), "census_status": "merged" });
            edits.push(ruled_edit(self.app, stored, &values, self.ground())?);
            edits.extend(ended(self.app, stored, None, self.ground())?);
            if stored.home != stays.home {
                check_ready(self.app, self.hub, &[stored.home, stays.home])?;
                let to = (stays.home, self.app.today());
                edits.extend(moved(self.app, &[stored], to, self.ground())?);
            }
        }
        Ok(Ruled {
            edits,
            ruling: "merge_records",
            survivor: Some(survivor),
            readers,
        })
    }

    /// The scopes of earlier cases whose survivor goes now.
    fn readers(&self, goes: &[&Stored]) -> Result<BTreeSet<ScopeId>, Failure> {
        let goes: Vec<_> = goes
            .iter()
            .map(|one| one.record.key.id.0.to_vec())
            .collect();
        let earlier = claims::all(self.app)?.into_iter();
        let earlier = earlier.filter(|case| {
            let stood = case.row.survivor.as_ref();
            stood.is_some_and(|stood| goes.contains(stood))
        });
        let scopes = earlier.flat_map(|case| case.row.scopes);
        Ok(scopes
            .filter_map(|bytes| across::scope(Some(&bytes)))
            .collect())
    }

    /// The registers that take another record's value.
    fn chosen(
        &self,
        stays: &Stored,
        choose: &[String],
    ) -> Result<BTreeMap<replica::RegisterId, bytes::Bytes>, Failure> {
        let mut chosen = BTreeMap::new();
        let present = registers(self.app, stays.record.key)?;
        for text in choose {
            let bad = || Failure::new("CLAIM-002", Exit::Invalid).with("choose", text);
            let (name, number) = text.split_once('=').ok_or_else(bad)?;
            let field = self.kind.field(name.trim()).ok_or_else(bad)?;
            let is_alias = self
                .kind
                .alias()
                .is_some_and(|alias| alias.number == field.number);
            let number: usize = number.trim().parse().ok().ok_or_else(bad)?;
            let side = number.checked_sub(1).and_then(|at| self.records.get(at));
            let side = side.filter(|_| !is_alias).ok_or_else(bad)?;
            let theirs = registers(self.app, side.record.key)?;
            let value = theirs.get(&field.register).cloned().unwrap_or_default();
            if present.get(&field.register).cloned().unwrap_or_default() != value {
                chosen.insert(field.register, value);
            }
        }
        Ok(chosen)
    }

    /// Two organisations, of which one or both had a wrong code.
    fn separate(&self, correct: &[String]) -> Result<Ruled, Failure> {
        let desk = Desk::new(self.app)?;
        let mut edits = Vec::new();
        let mut codes: BTreeMap<RecordKey, Vec<u8>> = BTreeMap::new();
        for text in correct {
            let bad = || Failure::new("CLAIM-003", Exit::Invalid).with("correct", text);
            let (record, code) = text.split_once('=').ok_or_else(bad)?;
            let key = key_named(self.app, record)?;
            if self.records.iter().all(|stored| stored.record.key != key) {
                return Err(self.foreign(key));
            }
            let change = Change {
                kind: self.kind,
                id: Some(key.id),
                set: vec![("uscc", Input::Text(code))],
                seen: None,
                scope: None,
                reason: self.reason,
                source: Source::Decision,
            };
            let prepared = desk.prepare(&change)?;
            codes.insert(key, prepared.values.clone());
            edits.extend(prepared.edits());
        }
        let corrected_code = |stored: &Stored| -> Result<Option<String>, Failure> {
            let values = match codes.get(&stored.record.key) {
                Some(corrected) => corrected.clone(),
                None => records::meaning(self.app, &stored.record)?.values,
            };
            Ok(code_of(&values))
        };
        let all = self.records.iter().map(corrected_code);
        let all: Vec<Option<String>> = all.collect::<Result<_, _>>()?;
        if all.windows(2).any(|two| two.first() == two.last()) {
            return Err(Failure::new("CLAIM-004", Exit::Invalid));
        }
        Ok(Ruled {
            edits,
            ruling: "keep_both",
            survivor: None,
            readers: BTreeSet::new(),
        })
    }

    fn foreign(&self, key: RecordKey) -> Failure {
        Failure::new("CLAIM-005", Exit::Invalid)
            .with("record", across::name(self.app.catalogue, key))
            .with("id", self.case.id())
    }

    /// Writes a ruling and marks the case.
    fn write(&self, ruled: Ruled) -> Result<(), Failure> {
        let mut mark = json!({
            "ruling": ruled.ruling,
            "ruled_on": date::text(self.app.today()),
            "reason": self.reason,
            "survivor": ruled.survivor.map(|key| key.id.to_string()),
        });
        if let Some(mark) = mark.as_object_mut().filter(|_| !ruled.readers.is_empty()) {
            let scopes = concerned(&self.case, ruled.readers).into_iter();
            mark.insert("scopes".to_owned(), scopes.collect());
        }
        let mut edits = ruled.edits;
        edits.push(ruled_edit(
            self.app,
            &self.case.stored,
            &mark,
            self.ground(),
        )?);
        self.app.writer.edit(edits, Vec::new())?;
        Ok(())
    }
}
