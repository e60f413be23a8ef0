//! Histories of several replicas against a model that knows nothing of dots and contexts: every
//! write has a number, every replica the set of writes it has seen, and a candidate is visible
//! when it was seen and no seen write had shown it.
//!
//! All histories of four steps of three replicas are run, and many long ones. Of these the
//! missed conflicts, the false ones and the lost siblings are counted. `LIANGXIN_HISTORIES=n`
//! runs more of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test harness: what is not as expected must stop the run"
)]

use std::collections::BTreeMap;

use bytes::Bytes;
use replica::{
    Context, Dot, Edit, HybridTime, Incarnation, Kind, Record, RecordId, RecordKey, RegisterId,
    ScopeId, Set, Shown, Sibling, Source, Stamp, merge,
};

/// Long histories of one test run.
const HISTORIES: u64 = 20_000;
const SCOPE: ScopeId = ScopeId([3; 16]);
const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([7; 16]),
};
const FIELDS: [RegisterId; 2] = [RegisterId(1), RegisterId(2)];

/// A set of writes, a bit each.
type Writes = u64;

/// One register of one write, as the model sees it.
#[derive(Clone, Debug)]
struct Written {
    register: RegisterId,
    value: u8,
    /// The writes that its form showed.
    shown: Writes,
    /// All writes that its replica had seen: what a deletion says it deletes.
    seen: Writes,
}

/// A form as it was opened.
#[derive(Clone, Debug, Default)]
struct Form(BTreeMap<RegisterId, Vec<Shown>>);

#[derive(Clone, Debug)]
struct Replica {
    record: Record,
    /// Every sibling that was ever here.
    history: Vec<Sibling>,
    /// The form that was opened before the last change.
    old: Form,
    kept: Vec<Form>,
    incarnation: u64,
    counter: u64,
    /// The model.
    seen: Writes,
    /// What a write taken back gave back although a write that was never here had replaced it:
    /// nobody here could know. It may travel to others who do not, and goes again in the merge
    /// with one who does; when all have met it is gone.
    excused: Writes,
}

/// Replicas, and every write there ever was: in the engine by its dot and register, in the model
/// by its number.
#[derive(Clone, Debug)]
struct City {
    replicas: Vec<Replica>,
    written: Vec<Written>,
    numbers: BTreeMap<(Dot, RegisterId), usize>,
    /// What a deletion had seen, as the engine knows it.
    contexts: BTreeMap<Dot, Context>,
    lives: u64,
}

/// How the engine and the model differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Differences {
    missed_conflicts: u64,
    false_conflicts: u64,
    lost_siblings: u64,
    risen_siblings: u64,
}

impl Replica {
    fn form(&self) -> Form {
        let registers = self.record.registers();
        let shown = |siblings: &[Sibling]| siblings.iter().map(Sibling::shown).collect();
        Form(
            registers
                .map(|(r, siblings)| (r, shown(siblings)))
                .collect(),
        )
    }

    fn become_record(&mut self, record: Record) {
        self.old = self.form();
        for sibling in &record.siblings {
            let same = |s: &Sibling| s.register == sibling.register && s.dot() == sibling.dot();
            if !self.history.iter().any(same) {
                self.history.push(sibling.clone());
            }
        }
        self.record = record;
    }
}

impl City {
    fn new(replicas: usize) -> Self {
        let replica = |at: usize| Replica {
            record: Record::new(KEY, SCOPE),
            history: Vec::new(),
            old: Form::default(),
            kept: Vec::new(),
            incarnation: at as u64 + 1,
            counter: 0,
            seen: 0,
            excused: 0,
        };
        Self {
            replicas: (0..replicas).map(replica).collect(),
            written: Vec::new(),
            numbers: BTreeMap::new(),
            contexts: BTreeMap::new(),
            lives: replicas as u64,
        }
    }

    /// Saves a form: one write that sets these registers.
    fn write(&mut self, at: usize, registers: &[RegisterId], form: &Form, value: u8) {
        let replica = &self.replicas[at];
        let dot = Dot {
            incarnation: Incarnation(replica.incarnation),
            counter: replica.counter + 1,
        };
        let shown = |register: &RegisterId| form.0.get(register).cloned().unwrap_or_default();
        let set = registers.iter().map(|register| Set {
            register: *register,
            value: Bytes::from(vec![value]),
            shown: shown(register),
        });
        let edit = Edit {
            key: KEY,
            scope: SCOPE,
            set: set.collect(),
            author: String::new(),
            reason: String::new(),
            source: Source::Form,
            decision: Bytes::new(),
        };
        let stamp = Stamp {
            dot,
            time: HybridTime(dot.counter),
            epoch: 0,
        };
        let past = |register, dot| {
            let same = |s: &&Sibling| s.register == register && s.dot() == dot;
            replica.history.iter().find(same).cloned()
        };
        let record = edit.apply(&replica.record, stamp, true, &past).unwrap();
        let seen = replica.seen;
        self.contexts.insert(dot, replica.record.context.clone());
        for register in registers {
            let bits = shown(register).into_iter().map(|shown| {
                let number = self.numbers[&(shown.dot, *register)];
                1 << number
            });
            let shown = bits.fold(0, |all, bit: Writes| all | bit);
            let number = self.written.len();
            self.numbers.insert((dot, *register), number);
            self.written.push(Written {
                register: *register,
                value,
                shown,
                seen,
            });
            self.replicas[at].seen |= 1 << number;
        }
        self.replicas[at].counter += 1;
        self.replicas[at].become_record(record);
    }

    fn merge(&mut self, from: usize, to: usize) {
        let merged = merge(&self.replicas[to].record, &self.replicas[from].record).unwrap();
        self.replicas[to].seen |= self.replicas[from].seen;
        self.replicas[to].excused |= self.replicas[from].excused;
        self.replicas[to].become_record(merged);
    }

    /// Takes the last write of a replica back, if nobody else has seen it and nothing was written
    /// on top of it. To the model it was then never seen.
    fn take_back(&mut self, at: usize) {
        let replica = &self.replicas[at];
        let dot = Dot {
            incarnation: Incarnation(replica.incarnation),
            counter: replica.counter,
        };
        let of_write = self
            .numbers
            .range((dot, RegisterId(0))..=(dot, RegisterId(u32::MAX)));
        let numbers: Vec<usize> = of_write.map(|(_, number)| *number).collect();
        let bits: Writes = numbers.iter().fold(0, |all, number| all | 1 << number);
        let elsewhere = self.replicas.iter().enumerate();
        let mut elsewhere = elsewhere.filter(|(other, _)| *other != at);
        let is_last = replica.seen & bits == bits && bits != 0;
        let shown = self.written.iter().any(|w| w.shown & bits != 0);
        if !is_last || shown || elsewhere.any(|(_, other)| other.seen & bits != 0) {
            return;
        }
        let back = replica.record.take_back(&[dot], &replica.history);
        assert_eq!(back.taken.len(), numbers.len());
        let replica = &mut self.replicas[at];
        replica.seen &= !bits;
        replica.history.retain(|s| s.dot() != dot);
        // A form that shows what was taken back is answered "stale"; nobody keeps it.
        replica.kept.clear();
        replica.become_record(back.record);
        replica.old = replica.form();
        self.excuse(at);
    }

    /// What has risen must be what nobody here could know to be replaced.
    fn excuse(&mut self, at: usize) {
        let risen = self.shown(at) & !self.visible(at);
        for (number, written) in self.written.iter().enumerate() {
            let was_here = |s: &Sibling| self.numbers[&(s.dot(), s.register)] == number;
            if written.shown & risen != 0 && self.replicas[at].seen & (1 << number) != 0 {
                let known = self.replicas[at].history.iter().any(was_here);
                assert!(!known, "a write that was here had replaced it");
            }
        }
        self.replicas[at].excused |= risen;
    }

    /// What a replica of the engine shows.
    fn shown(&self, at: usize) -> Writes {
        let siblings = self.replicas[at].record.siblings.iter();
        let number = |s: &Sibling| self.numbers[&(s.dot(), s.register)];
        siblings.fold(0, |all, sibling| all | 1 << number(sibling))
    }

    fn restart(&mut self, at: usize) {
        self.lives += 1;
        (self.replicas[at].incarnation, self.replicas[at].counter) = (self.lives, 0);
    }

    /// The model: what was seen and not replaced by a seen write that had shown it.
    fn visible(&self, at: usize) -> Writes {
        let seen = self.replicas[at].seen;
        let of = self.written.iter().enumerate();
        let seen_writes = of.filter(|(number, _)| seen & (1 << number) != 0);
        let replaced = seen_writes.fold(0, |all, (_, written)| all | written.shown);
        seen & !replaced
    }

    /// Compares a replica with the model.
    fn compare(&self, at: usize) -> Differences {
        let record = &self.replicas[at].record;
        let shown = self.shown(at);
        let wanted = self.visible(at) | (self.replicas[at].excused & shown);
        let mut found = Differences {
            lost_siblings: u64::from((wanted & !shown).count_ones()),
            risen_siblings: u64::from((shown & !wanted).count_ones()),
            ..Differences::default()
        };
        for register in FIELDS {
            let values = record.register(register).iter();
            let values: Vec<&Bytes> = values.map(|s| &s.value).collect();
            let in_engine = values.iter().any(|value| *value != values[0]);
            found.note(in_engine, self.is_open(wanted, register));
        }
        let against = record.register(RegisterId::DELETED).iter().any(|mark| {
            let seen = &self.contexts[&mark.dot()];
            let mut others = record.siblings.iter().filter(|s| s.dot() != mark.dot());
            others.any(|s| s.register != RegisterId::DELETED && !seen.covers(s.dot()))
        });
        found.note(against, self.is_deleted_against_edit(wanted));
        found
    }

    fn is_open(&self, visible: Writes, register: RegisterId) -> bool {
        let of = self.written.iter().enumerate();
        let mut of = of.filter(|(n, w)| visible & (1 << n) != 0 && w.register == register);
        let first = of.next().map(|(_, w)| w.value);
        of.any(|(_, w)| Some(w.value) != first)
    }

    /// A visible deletion that had not seen a visible write of another register.
    fn is_deleted_against_edit(&self, visible: Writes) -> bool {
        let all = || self.written.iter().enumerate();
        let visible = |(n, _): &(usize, &Written)| visible & (1 << n) != 0;
        let marks = all().filter(visible);
        let mut marks = marks.filter(|(_, w)| w.register == RegisterId::DELETED);
        marks.any(|(mark, deletion)| {
            let of_write = |n: usize| self.dot_of(n) == self.dot_of(mark);
            let mut others = all().filter(visible);
            others.any(|(n, w)| {
                let unseen = deletion.seen & (1 << n) == 0 && !of_write(n);
                w.register != RegisterId::DELETED && unseen
            })
        })
    }

    fn dot_of(&self, number: usize) -> Option<Dot> {
        let mut all = self.numbers.iter();
        all.find(|(_, n)| **n == number).map(|((dot, _), _)| *dot)
    }

    /// Everybody hears of everybody, in two orders: all end with the same bytes.
    fn converge(&self) -> Differences {
        let mut ends = Vec::new();
        let many = self.replicas.len();
        for turned in [false, true] {
            let mut city = self.clone();
            for round in 0..2 {
                for at in 0..many {
                    let at = if turned { many - 1 - at } else { at };
                    let to = (at + 1 + round) % many;
                    if at != to {
                        city.merge(at, to);
                    }
                }
            }
            for at in 1..many {
                city.merge(at, 0);
            }
            for at in 1..many {
                city.merge(0, at);
            }
            city.replicas.iter_mut().for_each(|r| r.excused = 0);
            let bytes: Vec<Bytes> = city.replicas.iter().map(|r| r.record.encode()).collect();
            assert!(bytes.iter().all(|other| *other == bytes[0]), "{city:?}");
            ends.push((bytes[0].clone(), city.compare(0)));
        }
        assert_eq!(ends[0].0, ends[1].0, "the order of merges matters");
        assert_eq!(Record::decode(&ends[0].0).unwrap().encode(), ends[0].0);
        ends[0].1
    }
}

impl Differences {
    fn note(&mut self, in_engine: bool, in_model: bool) {
        self.missed_conflicts += u64::from(in_model && !in_engine);
        self.false_conflicts += u64::from(in_engine && !in_model);
    }

    fn add(&mut self, other: Self) {
        self.missed_conflicts += other.missed_conflicts;
        self.false_conflicts += other.false_conflicts;
        self.lost_siblings += other.lost_siblings;
        self.risen_siblings += other.risen_siblings;
    }
}

// ------------------------------------------------------------------------ all short histories

/// One step of a short history.
#[derive(Clone, Copy, Debug)]
enum Step {
    Edit(usize),
    EditInOldForm(usize),
    Delete(usize),
    DeleteInOldForm(usize),
    Merge(usize, usize),
}

fn all_steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for at in 0..3 {
        steps.extend([
            Step::Edit(at),
            Step::EditInOldForm(at),
            Step::Delete(at),
            Step::DeleteInOldForm(at),
        ]);
        steps.extend((0..3).filter(|to| *to != at).map(|to| Step::Merge(at, to)));
    }
    steps
}

impl City {
    fn take(&mut self, step: Step) -> usize {
        let value = u8::try_from(self.written.len()).unwrap();
        let (at, register, old) = match step {
            Step::Merge(from, to) => {
                self.merge(from, to);
                return to;
            }
            Step::Edit(at) => (at, FIELDS[0], false),
            Step::EditInOldForm(at) => (at, FIELDS[0], true),
            Step::Delete(at) => (at, RegisterId::DELETED, false),
            Step::DeleteInOldForm(at) => (at, RegisterId::DELETED, true),
        };
        let replica = &self.replicas[at];
        let form = if old {
            replica.old.clone()
        } else {
            replica.form()
        };
        self.write(at, &[register], &form, value);
        at
    }
}

fn explore(city: &City, steps: &[Step], left: usize, past: &mut Vec<Step>) -> u64 {
    if left == 0 {
        assert_eq!(city.converge(), Differences::default(), "{past:?}");
        return 1;
    }
    let mut histories = 0;
    for step in steps {
        let mut next = city.clone();
        past.push(*step);
        let at = next.take(*step);
        assert_eq!(next.compare(at), Differences::default(), "{past:?}");
        histories += explore(&next, steps, left - 1, past);
        past.pop();
    }
    histories
}

#[test]
fn every_history_of_four_steps_of_three_replicas_is_as_the_model_says() {
    let steps = all_steps();
    let histories = explore(&City::new(3), &steps, 4, &mut Vec::new());
    assert_eq!(histories, (steps.len() as u64).pow(4));
    println!("{histories} histories");
}

// ------------------------------------------------------------------------ long histories

/// Splitmix64: small, and the same on every machine.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

fn long_history(seed: u64) -> Differences {
    let mut rng = Rng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let many = 2 + rng.below(4);
    let mut city = City::new(many);
    let mut found = Differences::default();
    for _ in 0..10 + rng.below(50) {
        let at = rng.below(many);
        match rng.below(20) {
            0..=8 if city.written.len() < 60 => {
                let mut registers = vec![FIELDS[rng.below(2)]];
                match rng.below(8) {
                    0 => registers = FIELDS.to_vec(),
                    1 => registers = vec![RegisterId::DELETED],
                    _ => {}
                }
                let kept = city.replicas[at].kept.len();
                let form = if kept > 0 && rng.below(3) == 0 {
                    city.replicas[at].kept[rng.below(kept)].clone()
                } else {
                    city.replicas[at].form()
                };
                // Few values, so that some agree by chance.
                let value = u8::try_from(rng.below(6)).unwrap();
                let full = |register: &RegisterId| {
                    city.replicas[at].record.register(*register).len() >= 15
                };
                if !registers.iter().any(full) {
                    city.write(at, &registers, &form, value);
                }
            }
            9..=11 => {
                let form = city.replicas[at].form();
                city.replicas[at].kept.push(form);
            }
            12 => city.restart(at),
            13 => city.take_back(at),
            _ => {
                let from = rng.below(many);
                if from != at {
                    city.merge(from, at);
                }
            }
        }
        found.add(city.compare(at));
    }
    found.add(city.converge());
    found
}

#[test]
fn no_conflict_is_missed_or_false_and_no_sibling_lost() {
    let asked = std::env::var("LIANGXIN_HISTORIES").ok();
    let many = asked.map_or(HISTORIES, |many| many.parse().unwrap());
    let mut all = Differences::default();
    let mut first = None;
    for seed in 0..many {
        let found = long_history(seed);
        if found != Differences::default() {
            first.get_or_insert((seed, found));
        }
        all.add(found);
    }
    println!("{many} histories: {all:?}");
    assert_eq!(first, None, "the first history that differs");
}

/// The model can tell: an engine whose writes replace whatever stands there is caught.
#[test]
fn replacing_more_than_was_shown_would_be_caught() {
    let mut city = City::new(2);
    city.write(0, &[FIELDS[0]], &Form::default(), 1);
    let empty = Form::default();
    let all = city.replicas[0].form();
    city.write(0, &[FIELDS[0]], &empty, 2);
    assert_eq!(city.compare(0), Differences::default());
    // What the form did not show is taken away behind the model's back.
    let shown = all.0[&FIELDS[0]][0].dot;
    city.replicas[0]
        .record
        .siblings
        .retain(|s| s.dot() != shown);
    let found = city.compare(0);
    assert_eq!((found.lost_siblings, found.missed_conflicts), (1, 1));
}
