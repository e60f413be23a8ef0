//! What people do: they open forms and save them, sooner or later; they import; they delete and
//! restore. What they do about conflicts is in `conflicts`, what happens to machines in `faults`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use replica::{Context, Edit, Kind, RecordKey, RegisterId, ScopeId, Set, Shown, Sibling, Source};
use store::Command;

use super::{
    city::{BAD, CHILD, MARKED, PARENT, child_key, key, named},
    controls::Control,
    options::Fault,
    world::{Event, HUB, NAMES, PUBLISHED, S1, S2, S3, Target, World},
};

/// A kind and a register that only one node's program knows.
const NEW_KIND: Kind = Kind(4_077);
const NEW_REGISTER: RegisterId = RegisterId(1_777);

/// Above the numbers of the sources that the engine knows.
const SOURCE_UIDS: u64 = 1_000;

/// A form as it was opened: what it showed of each register.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) replica: usize,
    pub(crate) key: RecordKey,
    pub(crate) scope: ScopeId,
    pub(crate) shown: BTreeMap<RegisterId, Vec<(Shown, u64)>>,
    /// All writes of the record that it knew of: what a deletion says to have seen.
    pub(crate) context: Context,
}

/// What a person wants to put into one register.
pub(crate) struct Entry {
    pub(crate) register: RegisterId,
    pub(crate) value: Vec<u8>,
    pub(crate) illegal: bool,
}

impl Entry {
    pub(crate) fn legal(register: RegisterId, value: Vec<u8>) -> Self {
        let illegal = false;
        Self {
            register,
            value,
            illegal,
        }
    }
}

/// The number of the ghost write that a sibling came from.
///
/// It stands in the reason and in the source: a reason can be erased.
pub(crate) fn uid_of(sibling: &Sibling) -> Option<u64> {
    match sibling.write.source {
        Source::Other(number) => Some(u64::from(number) - SOURCE_UIDS),
        _ => sibling.write.reason.parse().ok(),
    }
}

/// What a deletion says: that it deletes, and what it had seen.
pub(crate) fn deletion(seen: &Context) -> Vec<u8> {
    let mut value = b"del".to_vec();
    for (incarnation, counter) in seen.entries() {
        value.extend_from_slice(&incarnation.0.to_be_bytes());
        value.extend_from_slice(&counter.to_be_bytes());
    }
    value
}

impl World {
    /// One act of a person or one fault, and the time of the next.
    pub(crate) fn act(&mut self) {
        if !self.faults_on {
            return;
        }
        match self.rng.below(100) {
            0..=46 => self.save_a_form(),
            47..=50 => self.decide_somewhere(),
            51..=53 => self.undo_somewhere(),
            54 => self.import(),
            55..=64 => self.open_a_form(),
            65..=74 => self.keep_an_image(),
            75..=89 => self.fault(),
            90..=93 => {
                let records = self.all_records();
                self.check_prints(&records);
                self.check_children(&records);
                self.check_places(&records);
            }
            _ => {}
        }
        self.acts_left = self.acts_left.saturating_sub(1);
        if self.acts_left > 0 {
            let pause = self.rng.between(1, self.options.pause_ms_max);
            self.after(pause, Event::Act);
        }
    }

    pub(crate) fn somebody_who_runs(&mut self) -> Option<usize> {
        let running = (0..self.replicas.len()).filter(|at| self.replicas[*at].host.is_some());
        let running: Vec<usize> = running.collect();
        (!running.is_empty()).then(|| self.rng.one(&running))
    }

    fn open_a_form(&mut self) {
        if let Some(form) = self.somebody_who_runs().and_then(|at| self.any_form(at)) {
            self.forms.push(form);
        }
    }

    /// A form of an organisation of a person's scope, or of something that belongs to it.
    fn any_form(&mut self, at: usize) -> Option<Form> {
        let scope = if at == HUB {
            self.rng.one(&[S1, S2, S3, PUBLISHED])
        } else {
            self.replicas[at].scope
        };
        let roots = self.roots_of(at, scope);
        if roots.is_empty() {
            return None;
        }
        let mut key = self.rng.one(&roots);
        if self.rng.chance(30) {
            let number = u8::try_from(self.rng.below(2)).unwrap_or(0);
            key = child_key(key, scope, number);
        } else if self.options.has(Fault::Skew) && self.rng.chance(30) && key.id.0[0] == scope.0[0]
        {
            key.kind = NEW_KIND;
        }
        self.form(at, key, scope)
    }

    /// What a form of a record shows at a replica.
    pub(crate) fn form(&self, at: usize, key: RecordKey, scope: ScopeId) -> Option<Form> {
        // A damaged store shows no form.
        let held = self.reader(at)?.get(key).ok()?;
        let mut shown: BTreeMap<RegisterId, Vec<(Shown, u64)>> = BTreeMap::new();
        for sibling in held.iter().flat_map(|held| &held.record.siblings) {
            let entry = (sibling.shown(), uid_of(sibling).unwrap_or(0));
            shown.entry(sibling.register).or_default().push(entry);
        }
        Some(Form {
            replica: at,
            key,
            scope,
            shown,
            context: held.map(|held| held.record.context).unwrap_or_default(),
        })
    }

    fn save_a_form(&mut self) {
        let old =
            self.options.has(Fault::StaleForms) && !self.forms.is_empty() && self.rng.chance(35);
        let form = if old {
            let which = self.rng.below(self.forms.len());
            Some(self.forms[which].clone())
        } else {
            self.somebody_who_runs().and_then(|at| self.any_form(at))
        };
        let Some(form) = form.filter(|form| self.replicas[form.replica].host.is_some()) else {
            return;
        };
        let mut edits = vec![self.edit_of(&form)];
        if self.rng.chance(15)
            && let Some(other) = self
                .any_form(form.replica)
                .filter(|other| other.key != form.key)
        {
            edits.push(self.edit_of(&other));
        }
        let command = Command::Edit(edits, Vec::new());
        self.submit(form.replica, Target::Writer, command);
    }

    fn register(&mut self) -> RegisterId {
        if self.options.has(Fault::Skew) && self.rng.chance(20) {
            return NEW_REGISTER;
        }
        self.rng.one(&[RegisterId(1), RegisterId(2), RegisterId(3)])
    }

    /// What somebody writes into a form.
    fn edit_of(&mut self, form: &Form) -> Edit {
        let uid = self.number();
        let mut registers = BTreeSet::from([self.register()]);
        if self.rng.chance(30) {
            registers.insert(self.register());
        }
        if self.rng.chance(8) {
            registers.insert(RegisterId::DELETED);
        }
        let bad = form.replica != HUB && self.options.has(Fault::Refused) && self.rng.chance(20);
        if (bad && self.rng.chance(50)) || (form.replica == HUB && self.rng.chance(25)) {
            registers.insert(MARKED);
        }
        let mut entries = Vec::new();
        for register in registers {
            let value = match self.rng.below(10) {
                _ if bad && register != MARKED => [BAD, uid.to_string().as_bytes()].concat(),
                // An empty one restores the record.
                low if register == RegisterId::DELETED && low > 2 => {
                    self.tally.count("a deletion");
                    deletion(&form.context)
                }
                0 => Vec::new(),
                1 => b"the same".to_vec(),
                _ => uid.to_string().into_bytes(),
            };
            let illegal = bad && (register == MARKED || value.starts_with(BAD));
            entries.push(Entry {
                register,
                value,
                illegal,
            });
        }
        if form.key.kind == CHILD && !form.shown.contains_key(&PARENT) {
            let root = key(ScopeId([form.key.id.0[13]; 16]), form.key.id.0[14]);
            entries.push(Entry::legal(PARENT, named(root)));
        }
        self.written(form, uid, entries)
    }

    /// The edit that saves a form, and its ghost.
    pub(crate) fn written(&mut self, form: &Form, uid: u64, entries: Vec<Entry>) -> Edit {
        let mut set = Vec::new();
        for entry in entries {
            let shown = form.shown.get(&entry.register).cloned().unwrap_or_default();
            let saw = shown.iter().map(|(_, uid)| *uid).collect();
            self.ghost
                .born(uid, form.key, entry.register, saw, entry.illegal);
            set.push(Set {
                register: entry.register,
                value: Bytes::from(entry.value),
                shown: shown.into_iter().map(|(shown, _)| shown).collect(),
            });
        }
        let mut edit = Edit {
            key: form.key,
            scope: form.scope,
            set,
            author: NAMES[form.replica].to_owned(),
            reason: uid.to_string(),
            source: Source::Other(u32::try_from(uid + SOURCE_UIDS).unwrap_or(u32::MAX)),
            decision: Bytes::new(),
        };
        if self.options.control == Control::ReplacesUnseen {
            self.replace_all(form.replica, &mut edit);
        }
        if self.options.control == Control::StaleFormsSaved {
            self.renew_prints(form.replica, &mut edit);
        }
        if self.log.is_kept() {
            let (name, id) = (NAMES[form.replica], form.key.id.0[15]);
            let dots = |s: &Set| s.shown.iter().map(|s| s.dot).collect::<Vec<_>>();
            let what: Vec<_> = edit.set.iter().map(|s| (s.register.0, dots(s))).collect();
            let scope = form.scope.0[0];
            self.say(format_args!("{name} writes {uid} to {scope}/{id} {what:?}"));
        }
        edit
    }

    /// Somebody imports some hundred records at once: more than a section of a feed may hold.
    fn import(&mut self) {
        if !self.options.has(Fault::Import) {
            return;
        }
        let Some(at) = self.somebody_who_runs() else {
            return;
        };
        let scope = self.replicas[at].scope;
        let (first, many) = (self.rng.below(200), self.rng.between(50, 700));
        let mut edits = Vec::new();
        for number in 0..many {
            let number = u32::try_from(first as u64 + number).unwrap_or(0);
            let mut key = key(scope, 0);
            key.id.0[8..12].copy_from_slice(&number.to_be_bytes());
            key.id.0[1] = 1;
            let Some(form) = self.form(at, key, scope) else {
                return;
            };
            let uid = self.number();
            let entry = Entry::legal(RegisterId(1), uid.to_string().into_bytes());
            edits.push(self.written(&form, uid, vec![entry]));
        }
        self.tally.count("an import");
        self.submit(at, Target::Writer, Command::Edit(edits, Vec::new()));
    }

    fn keep_an_image(&mut self) {
        let at = self.rng.below(1 + super::world::NODES.len());
        let image = self.replicas[at].medium.memory.image();
        self.replicas[at].images.push(image);
    }
}
