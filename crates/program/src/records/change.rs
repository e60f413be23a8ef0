//! From what somebody wants of a record to an edit: values, authority, rules.
//!
//! Authority comes first, then what cannot be read, then the rules. A rule that was broken before
//! and that the edit does not touch is a warning: it must not keep a person from other work.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{
    Date, Finding, KindSpec, Level, Parameters, Purpose, Refusal, Subject, Writer,
    authority::{self, NewState},
    catalogue::Travel,
    effective::{self, effective_with},
    state::effects,
    value::{self, Input, RegisterEdit},
};
use replica::{Edit, Record, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};
use serde_json::{Map, Value};
use store::Guest;

use super::{
    Known, Past, Seen,
    alias::writable,
    each, failure_of,
    known::InScope,
    read::is_contested,
    steps::{Written, is_by_hand},
};
use crate::{
    accounts,
    app::App,
    failure::{Exit, Failure},
    returns, year,
};

/// What somebody wants of one record.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Its kind.
    pub kind: &'static KindSpec,
    /// Its id; none for one to be made, or whose id comes from its key fields.
    pub id: Option<RecordId>,
    /// The fields and what they are given.
    pub set: Vec<(&'a str, Input<'a>)>,
    /// What its author saw; none for the present state.
    pub seen: Option<Seen>,
    /// The scope of a record that is made; none for the usual one.
    pub scope: Option<ScopeId>,
    /// Why.
    pub reason: &'a str,
    /// How it came in.
    pub source: Source,
}

/// The fields of a JSON object.
#[must_use]
pub fn set_of_json(values: &Map<String, Value>) -> Vec<(&str, Input<'_>)> {
    values
        .iter()
        .map(|(name, value)| (name.as_str(), Input::Json(value)))
        .collect()
}

/// The fields of `field=value` texts.
///
/// # Errors
/// A text without an equals sign.
pub fn set_of_text(sets: &[String]) -> Result<Vec<(&str, Input<'_>)>, Failure> {
    let parsed = sets.iter().map(|text| value::parse_set(text));
    let parsed = parsed.map(|split| split.map(|(name, value)| (name, Input::Text(value))));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|finding| failure_of(&[finding]))
}

/// A change that may be written.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What to write; none when nothing differs from what its author saw.
    pub edit: Option<Edit>,
    /// The record.
    pub key: RecordKey,
    /// Its scope.
    pub scope: ScopeId,
    /// Whether it is made.
    pub is_new: bool,
    /// Its values after the change, as its author saw it.
    pub values: Vec<u8>,
    /// What to know about it.
    pub warnings: Vec<Finding>,
    /// Whether something follows from it on other records, or could.
    pub is_step: bool,
    /// What follows from it: written with it, all or nothing.
    pub effects: Vec<Self>,
}

impl Prepared {
    /// Everything to write in one submission: the change itself first.
    #[must_use]
    pub fn edits(self) -> Vec<Edit> {
        let mut edits: Vec<Edit> = self.edit.into_iter().collect();
        edits.extend(self.effects.into_iter().flat_map(Self::edits));
        edits
    }
}

/// Prepares changes; what they need beside the record is looked up once.
#[derive(Debug)]
pub struct Desk<'a> {
    pub(super) app: &'a App,
    pub(super) known: Known<'a>,
    pub(super) year: Parameters,
    pub(super) today: Date,
    is_confirmed: bool,
}

/// The record of a change as it is now.
pub(super) struct Place {
    pub(super) present: Record,
    /// Where it belongs.
    pub(super) home: ScopeId,
    /// Nothing of it is there yet, or any more.
    pub(super) is_new: bool,
}

impl Place {
    fn existing(&self) -> Option<&Record> {
        (!self.is_new).then_some(&self.present)
    }
}

/// A record as the author of a change saw it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// With the candidates that the author saw.
    pub(crate) record: Record,
    /// Its earlier candidates, where they are needed.
    pub(crate) past: Past,
}

impl Shown {
    /// What a register reads as.
    pub(crate) fn value(&self, app: &App, register: RegisterId) -> Bytes {
        let past = |register, dot| self.past.value(register, dot);
        effective::register(app.catalogue, &self.record, register, &past).value
    }
}

impl<'a> Desk<'a> {
    /// Looks up the newest programme year.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn new(app: &'a App) -> Result<Self, Failure> {
        let today = app.today();
        Ok(Self {
            app,
            known: Known::new(app),
            year: newest_year(app, today)?,
            today,
            is_confirmed: false,
        })
    }

    /// The same for whoever has said that a year is settled with returns that are not accepted.
    #[must_use]
    pub fn confirmed(self, is_confirmed: bool) -> Self {
        Self {
            is_confirmed,
            ..self
        }
    }

    /// What is known of other records.
    #[must_use]
    pub fn known(&self) -> &Known<'a> {
        &self.known
    }

    /// Tells of a prepared change that is on its way, so that later ones know of it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn note(&self, prepared: &Prepared) -> Result<(), Failure> {
        self.known
            .note(prepared.key, prepared.scope, &prepared.values)?;
        let mut effects = prepared.effects.iter();
        effects.try_for_each(|effect| self.note(effect))
    }

    /// Makes an edit of a change, or says why it may not be made.
    ///
    /// # Errors
    /// No authority (exit code 4), or values that cannot be read or break a rule (6).
    pub fn prepare(&self, change: &Change<'_>) -> Result<Prepared, Failure> {
        let (app, kind) = (self.app, change.kind);
        let reason = reason_of(change.reason)?;
        let place = self.place(change)?;
        let (key, home) = (place.present.key, place.home);
        let shown = shown(app, &place.present, change.seen.as_ref())?;
        let Written {
            edits,
            before,
            after,
        } = self.written(change, &place, &shown)?;
        let values: Vec<_> = edits
            .iter()
            .map(|edit| (edit.register, edit.value.clone()))
            .collect();
        // Who makes a child makes it where its parent belongs.
        let scope = self.home_of_parent(&place, kind, &after)?.unwrap_or(home);
        let new = NewState {
            key,
            scope,
            set: &values,
        };
        allowed(app, Purpose::Edit, place.existing(), &new)?;
        let registers = edits.iter().map(|edit| edit.register);
        writable(app, &place.present, registers)?;
        if place.is_new && kind.derived_id && domain::derive_id(kind, &after) != Some(key.id) {
            return Err(Failure::new("RECORD-008", Exit::Invalid).with("id", key.id));
        }
        let before = (!place.is_new).then_some(before.as_slice());
        let subject = Subject {
            kind,
            id: key.id,
            scope,
            before,
            after: &after,
        };
        self.leaves_transfer(change.source, &subject)?;
        self.in_turn(change, &subject, place.existing(), &new)?;
        let mut warnings = self.judge(&subject, &edits)?;
        let is_step = !edits.is_empty() && effects::may_follow(&subject);
        let (effects, remarks) = self.follow(&subject, (&reason, change.source))?;
        warnings.extend(remarks);
        warnings.extend(self.known.take_recoded().into_iter().map(recoded));
        warnings.extend(settled(app, kind, &shown, &edits));
        let set = replacing(edits, change.seen.as_ref(), &place.present);
        let made_in = if place.is_new {
            scope
        } else {
            place.present.scope
        };
        let edit = (!set.is_empty()).then(|| Edit {
            key,
            scope: made_in,
            set,
            author: app.author(),
            reason,
            source: change.source,
            decision: Bytes::new(),
        });
        Ok(Prepared {
            edit,
            key,
            scope,
            is_new: place.is_new,
            values: after,
            warnings,
            is_step,
            effects,
        })
    }

    /// Which record, and what it is now. Refused is what this place may write nothing of.
    fn place(&self, change: &Change<'_>) -> Result<Place, Failure> {
        let scope = match change.scope {
            Some(scope) => scope,
            None => self.named_scope(change)?,
        };
        let key = RecordKey {
            kind: change.kind.kind,
            id: self.id(change, scope)?,
        };
        let stored = self.app.reader().get(key)?;
        if let Some(stored) = stored.as_ref().filter(|stored| stored.guest == Guest::Left) {
            return Err(moved_away(self.app, stored.home)?);
        }
        let home = stored.as_ref().map_or(scope, |stored| stored.home);
        let present = stored.map(|stored| stored.record);
        let present = present.unwrap_or_else(|| Record::new(key, scope));
        let place = Place {
            is_new: present.is_empty(),
            present,
            home,
        };
        let new = NewState {
            key,
            scope: place.home,
            set: &[],
        };
        allowed(self.app, Purpose::Edit, place.existing(), &new)?;
        Ok(place)
    }

    /// The scope that the change names where its kind says one, else the usual one.
    fn named_scope(&self, change: &Change<'_>) -> Result<ScopeId, Failure> {
        let (app, kind) = (self.app, change.kind);
        let given = kind
            .scope_field()
            .and_then(|field| change.set.iter().rfind(|(name, _)| *name == field.id));
        let text = match given {
            Some((_, Input::Text(text))) => text,
            Some((_, Input::Json(Value::String(text)))) => text.as_str(),
            _ => "",
        };
        if text.trim().is_empty() {
            return Ok(default_scope(app, kind));
        }
        super::scope_of(app, text)
    }

    /// Where the parent of a record that is made belongs; none where it has none that is known.
    fn home_of_parent(
        &self,
        place: &Place,
        kind: &KindSpec,
        values: &[u8],
    ) -> Result<Option<ScopeId>, Failure> {
        let catalogue = self.app.catalogue;
        let parent = domain::across::parent_of_values(catalogue, kind, values);
        let Some(parent) = parent.filter(|_| place.is_new) else {
            return Ok(None);
        };
        Ok(self.app.reader().get(parent)?.map(|stored| stored.home))
    }

    /// The registers that the change writes.
    pub(super) fn edits(
        &self,
        change: &Change<'_>,
        place: &Place,
        shown: &Shown,
    ) -> Result<Vec<RegisterEdit>, Failure> {
        let scope = place.home;
        let code = self.known.scopes().code(scope)?;
        let set = with_scope(change.kind, place.existing(), &change.set, &code);
        let base = |register| shown.value(self.app, register);
        let resolve = InScope::new(&self.known, scope);
        let edits = value::edits(self.app.catalogue, change.kind, &base, set, &resolve);
        self.known.take_failure().map_or(Ok(()), Err)?;
        Ok(edits?
            .into_iter()
            .filter(|edit| counts(edit, change, shown))
            .collect())
    }

    /// The id that the change names, that its key fields give, or a new one.
    fn id(&self, change: &Change<'_>, scope: ScopeId) -> Result<RecordId, Failure> {
        if let Some(id) = change.id {
            return Ok(id);
        }
        if !change.kind.derived_id {
            return Ok(new_id(self.app));
        }
        // A record of which this place may make none is refused before its fields are read.
        let key = RecordKey {
            kind: change.kind.kind,
            id: RecordId([0; 16]),
        };
        allowed(
            self.app,
            Purpose::Edit,
            None,
            &NewState {
                key,
                scope,
                set: &[],
            },
        )?;
        let resolve = InScope::new(&self.known, scope);
        let code = self.known.scopes().code(scope)?;
        let set = with_scope(change.kind, None, &change.set, &code);
        let edits = value::edits(
            self.app.catalogue,
            change.kind,
            &|_| Bytes::new(),
            set,
            &resolve,
        );
        self.known.take_failure().map_or(Ok(()), Err)?;
        let values: Vec<u8> = edits?.iter().flat_map(|edit| edit.value.to_vec()).collect();
        domain::derive_id(change.kind, &values).ok_or_else(|| {
            let json = value::to_json(change.kind, &values);
            let missing = change
                .kind
                .key_fields()
                .filter(|f| json.get(&f.id).is_none_or(Value::is_null));
            missing.map(required).collect::<Vec<_>>().into()
        })
    }

    /// What the rules have to say of a record as it stands.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(crate) fn findings(&self, subject: &Subject<'_>) -> Result<Vec<Finding>, Failure> {
        self.known.set_duplicates_matter(true);
        let findings = domain::validate(subject, self.today, &self.year, &self.known);
        self.known.take_failure().map_or(Ok(findings), Err)
    }

    /// Asks the rules. Returns the warnings.
    pub(crate) fn judge(
        &self,
        subject: &Subject<'_>,
        edits: &[RegisterEdit],
    ) -> Result<Vec<Finding>, Failure> {
        returns::judge(self.app, subject)?;
        year::judge(self.app, subject, self.is_confirmed)?;
        let touches = |field: &str| {
            let register = subject.kind.field(field).map(|field| field.register);
            register.is_none_or(|register| edits.iter().any(|edit| edit.register == register))
        };
        let named = ["uscc", "name", "census_status"]
            .iter()
            .any(|field| touches(field));
        self.known.set_duplicates_matter(named);
        let mut findings = domain::validate(subject, self.today, &self.year, &self.known);
        if let Some(before) = subject
            .before
            .filter(|_| findings.iter().any(Finding::blocks))
        {
            let former = Subject {
                after: before,
                ..*subject
            };
            let former = domain::validate(&former, self.today, &self.year, &self.known);
            for finding in findings
                .iter_mut()
                .filter(|finding| !touches(&finding.field))
            {
                // What only warned as things were is not what this step breaks.
                let same =
                    |f: &Finding| f.blocks() && f.code == finding.code && f.field == finding.field;
                if former.iter().any(same) {
                    finding.level = Level::Warn;
                }
            }
        }
        self.known.take_failure().map_or(Ok(()), Err)?;
        let (blocking, warnings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(Finding::blocks);
        if blocking.is_empty() {
            Ok(warnings)
        } else {
            Err(blocking.into())
        }
    }
}

/// The finding that a field which names the record is missing.
fn required(field: &domain::FieldSpec) -> Finding {
    Finding {
        rule: "REQ",
        level: Level::Block,
        field: field.id.clone(),
        code: "required",
        zh: format!("请填写“{}”", field.zh),
        en: format!("Fill in \"{}\"", field.en),
    }
}

/// The scope in which a record is made here: the published one for what every node receives, else
/// this program's own.
#[must_use]
pub fn default_scope(app: &App, kind: &KindSpec) -> ScopeId {
    if kind.travel == Travel::Published {
        app.published()
    } else {
        app.scope()
    }
}

/// A new id, ordered by time.
#[must_use]
pub fn new_id(app: &App) -> RecordId {
    let random = || (app.writer.config().random)();
    let mut bytes = [0; 10];
    let sixteen = random()
        .to_be_bytes()
        .into_iter()
        .chain(random().to_be_bytes());
    bytes
        .iter_mut()
        .zip(sixteen)
        .for_each(|(byte, random)| *byte = random);
    let builder = uuid::Builder::from_unix_timestamp_millis(app.clock.wall_ms(), &bytes);
    RecordId(builder.into_uuid().into_bytes())
}

/// A reason as it is stored.
///
/// # Errors
/// It is empty, or no text.
pub(crate) fn reason_of(given: &str) -> Result<String, Failure> {
    let reason = domain::text::long(given).unwrap_or_default();
    if reason.is_empty() {
        Err(Failure::new("RECORD-007", Exit::Invalid))
    } else {
        Ok(reason)
    }
}

/// Asks whether these registers may be written here: by this program, and by whoever gives the
/// command.
///
/// # Errors
/// They may not: exit code 4.
pub(crate) fn allowed(
    app: &App,
    purpose: Purpose,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<(), Failure> {
    let writer = if app.is_hub() {
        Writer::Hub {
            published: app.published(),
            city_direct: app.scope(),
        }
    } else {
        Writer::Node { scope: app.scope() }
    };
    let verdict = domain::may_edit(app.catalogue, writer, purpose, existing, new);
    verdict.map_err(|(register, refusal)| refused(app, new.key, register, refusal))?;
    accounts::may_write(app, purpose, existing, new)
}

/// Asks whether this author may take the steps that approve something.
///
/// # Errors
/// The author submitted it: exit code 4.
pub(super) fn approved(
    app: &App,
    kind: &KindSpec,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<(), Failure> {
    let own = |(register, refusal)| refused(app, new.key, register, refusal);
    authority::approve(kind, existing, new.set, &app.author()).map_err(own)?;
    let Some(existing) = existing.filter(|it| authority::looks_back(kind, it, new.set)) else {
        return Ok(());
    };
    let past = Past::of(app, new.key)?;
    authority::approve_submitted(kind, existing, past.siblings(), new.set, &app.author())
        .map_err(own)
}

/// The failure of writing to a record that belongs to another scope by now.
pub(crate) fn moved_away(app: &App, home: ScopeId) -> Result<Failure, Failure> {
    let scope = super::Scopes::new(app).code(home)?;
    Ok(Failure::new("TRANSFER-013", Exit::Refused).with("scope", scope))
}

pub(super) fn refused(
    app: &App,
    key: RecordKey,
    register: RegisterId,
    refusal: Refusal,
) -> Failure {
    let kind = app.catalogue.kind(key.kind);
    let field = kind.and_then(|kind| kind.fields_of(kind.register(register)?).next());
    let (zh, en) = match (field, kind) {
        (Some(field), _) => (field.zh.as_str(), field.en.as_str()),
        (None, Some(kind)) => (kind.zh.as_str(), kind.en.as_str()),
        (None, None) => ("", ""),
    };
    let (next_zh, next_en) = match refusal {
        Refusal::Scope => ("请由该辖区填写", "Have that scope write it"),
        Refusal::Local => ("请在本地填写", "Write it where it stays"),
        Refusal::Authority | Refusal::Step | Refusal::Kept => ("请联系市级", "Ask the city"),
        Refusal::SetOnce => (
            "填错时请删除后重新建立",
            "If it is wrong, delete the record and make another",
        ),
        Refusal::Change => ("请联系县区更正", "Ask the district to correct it"),
        Refusal::Merged => ("请填写保留的记录", "Write to the record that stands for it"),
        Refusal::Own => ("请由另一人办理", "Have another person take the step"),
        Refusal::Erased => ("清除用 person erase", "To erase, use person erase"),
        Refusal::Docket => (
            "请用 conflict 的命令处理冲突",
            "Decide conflicts with the conflict commands",
        ),
    };
    Failure::new(refusal.code(), Exit::Refused)
        .with("field", field.map_or("", |field| field.id.as_str()))
        .saying(
            format!(
                "“{zh}”：{}。没有保存，原有内容没有变动。{next_zh}。",
                refusal.zh()
            ),
            format!(
                "\"{en}\": {}. Nothing was saved or changed. {next_en}.",
                refusal.en()
            ),
        )
}

/// The parameters of the newest programme year that has begun; the defaults without one.
pub(crate) fn newest_year(app: &App, today: Date) -> Result<Parameters, Failure> {
    let this_year = u32::try_from(today.year()).unwrap_or_default();
    let mut newest = None;
    if let Some(kind) = app.catalogue.kind_by_id("programme_year") {
        each(app, kind.kind, None, None, &mut |_, meaning| {
            let year = Parameters::of_values(&meaning.values, 0, today);
            let known = newest.map_or(0, |newest: Parameters| newest.year);
            if year.year > known && year.year <= this_year {
                newest = Some(year);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
    }
    Ok(newest.unwrap_or_else(|| Parameters::defaults(this_year)))
}

/// A record that is made belongs to the scope of its place where a field must say so and nobody
/// said another.
fn with_scope<'c>(
    kind: &'c KindSpec,
    existing: Option<&Record>,
    set: &[(&'c str, Input<'c>)],
    code: &'c str,
) -> Vec<(&'c str, Input<'c>)> {
    let mut set = set.to_vec();
    let states = kind.scope_field();
    let said = set.iter().any(|(name, _)| *name == "scope");
    if let Some(field) = states.filter(|_| existing.is_none() && !said) {
        set.push((field.id.as_str(), Input::Text(code)));
    }
    set
}

/// Whether an edit of a register is written: when it differs from what was shown. A person who
/// states a value where a conflict is open means it, also when it is the one that is shown
/// meanwhile.
fn counts(edit: &RegisterEdit, change: &Change<'_>, shown: &Shown) -> bool {
    let candidates = shown.record.register(edit.register);
    edit.changed
        || (is_by_hand(change) && candidates.iter().any(|sibling| sibling.value != edit.value))
}

/// An open conflict that the edit ends without a decision, because its author saw all values.
fn settled(app: &App, kind: &KindSpec, shown: &Shown, edits: &[RegisterEdit]) -> Vec<Finding> {
    let past = |register, dot| shown.past.value(register, dot);
    let is_open = |register| {
        effective::register(app.catalogue, &shown.record, register, &past)
            .conflict
            .is_some()
    };
    let ended = edits.iter().filter(|edit| is_open(edit.register));
    let fields = ended.filter_map(|edit| kind.fields_of(kind.register(edit.register)?).next());
    let finding = |field: &domain::FieldSpec| Finding {
        rule: "CONFLICT",
        level: Level::Warn,
        field: field.id.clone(),
        code: "superseded",
        zh: format!(
            "“{}”原有待处理的冲突，这次填写取代了各方的值；原值可用 record history 查看",
            field.zh
        ),
        en: format!(
            "\"{}\" was in conflict; this save replaces all its values, see record history",
            field.en
        ),
    };
    fields.map(finding).collect()
}

/// The finding that a town was given by an old code.
fn recoded((old, new): (String, String)) -> Finding {
    Finding {
        rule: "R11",
        level: Level::Warn,
        field: "town".to_owned(),
        code: "recoded",
        zh: format!("区划代码 {old} 已变更，按现行代码 {new} 保存"),
        en: format!("the division code {old} has changed; it is saved as {new}"),
    }
}

/// What an edit sets, each with the candidates that its author saw.
fn replacing(edits: Vec<RegisterEdit>, seen: Option<&Seen>, present: &Record) -> Vec<Set> {
    let set = edits.into_iter().map(|edit| Set {
        register: edit.register,
        shown: seen_of(seen, present, edit.register),
        value: edit.value,
    });
    set.collect()
}

/// The candidates that a new one replaces.
fn seen_of(seen: Option<&Seen>, present: &Record, register: RegisterId) -> Vec<replica::Shown> {
    match seen {
        Some(seen) => seen.register(register).to_vec(),
        None => present
            .register(register)
            .iter()
            .map(Sibling::shown)
            .collect(),
    }
}

/// The record with the candidates that somebody saw, as far as they are known here.
pub(crate) fn shown(app: &App, present: &Record, seen: Option<&Seen>) -> Result<Shown, Failure> {
    let Some(seen) = seen else {
        let past = if is_contested(present) {
            Past::of(app, present.key)?
        } else {
            Past::default()
        };
        return Ok(Shown {
            record: present.clone(),
            past,
        });
    };
    let past = Past::of(app, present.key)?;
    let mut record = Record::new(present.key, present.scope);
    record.context = present.context.clone();
    for (register, shown) in seen.registers() {
        let now = present.register(register);
        let mut dots: Vec<_> = shown.iter().map(|shown| shown.dot).collect();
        dots.sort_unstable();
        record.siblings.extend(dots.into_iter().filter_map(|dot| {
            let here = now.iter().find(|sibling| sibling.dot() == dot);
            here.or_else(|| past.sibling(register, dot)).cloned()
        }));
    }
    Ok(Shown { record, past })
}

/// The values of a record before and after edits of its registers.
pub(crate) fn before_and_after(
    app: &App,
    shown: &Shown,
    edits: &[RegisterEdit],
) -> (Vec<u8>, Vec<u8>) {
    let past = |register, dot| shown.past.value(register, dot);
    let before = effective_with(app.catalogue, &shown.record, &past).values;
    let registers = shown.record.registers().map(|(register, _)| register);
    let mut values: BTreeMap<RegisterId, Bytes> = registers
        .filter(|register| !register.is_system())
        .map(|register| (register, shown.value(app, register)))
        .collect();
    values.extend(edits.iter().map(|edit| (edit.register, edit.value.clone())));
    let after = values
        .into_values()
        .flat_map(|value| value.to_vec())
        .collect();
    (before, after)
}
