//! The laws of the engine, against a naive model: maps from dots to siblings, the rules written
//! down word for word. Random histories of three replicas, and all short ones of two.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test harness: what is not as expected must stop the run"
)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use replica::{
    Dot, Edit, EditError, HybridTime, Incarnation, Kind, Record, RecordId, RecordKey, RegisterId,
    ScopeId, Set, Shown, Sibling, Source, Stamp, merge,
};

const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([7; 16]),
};
const SCOPE: ScopeId = ScopeId([3; 16]);

// ------------------------------------------------------------------------------ the model

/// A sibling as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    value: Vec<u8>,
    replaces: BTreeSet<Dot>,
    ancestry: Vec<Dot>,
}

type Registers = BTreeMap<RegisterId, BTreeMap<Dot, Candidate>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    registers: Registers,
    seen: BTreeMap<Incarnation, u64>,
    holes: BTreeSet<Dot>,
}

impl Model {
    fn covers(&self, dot: Dot) -> bool {
        let highest = self.seen.get(&dot.incarnation).copied().unwrap_or(0);
        highest >= dot.counter && !self.holes.contains(&dot)
    }

    fn merge(&self, other: &Self) -> Self {
        let mut merged = Self::default();
        let names: BTreeSet<_> = self
            .registers
            .keys()
            .chain(other.registers.keys())
            .collect();
        for register in names {
            let empty = BTreeMap::new();
            let a = self.registers.get(register).unwrap_or(&empty);
            let b = other.registers.get(register).unwrap_or(&empty);
            let of_a = a
                .iter()
                .filter(|(d, _)| b.contains_key(d) || !other.covers(**d));
            let of_b = b
                .iter()
                .filter(|(d, _)| !a.contains_key(d) && !self.covers(**d));
            let kept: BTreeMap<_, _> = of_a.chain(of_b).map(|(d, c)| (*d, c.clone())).collect();
            if !kept.is_empty() {
                merged.registers.insert(*register, kept);
            }
        }
        for (incarnation, counter) in self.seen.iter().chain(&other.seen) {
            let highest = merged.seen.entry(*incarnation).or_default();
            *highest = (*highest).max(*counter);
        }
        let holes = self.holes.union(&other.holes).copied();
        merged.holes = holes
            .filter(|d| !self.covers(*d) && !other.covers(*d))
            .collect();
        merged
    }

    /// A write that shows dots of each register; nothing when the form is stale.
    fn write(
        &self,
        dot: Dot,
        set: &[(RegisterId, Vec<u8>, Vec<Dot>)],
        past: &Registers,
    ) -> Option<Self> {
        let mut next = self.clone();
        for (register, value, shown) in set {
            if shown.iter().any(|d| !self.covers(*d)) {
                return None;
            }
            let candidates = next.registers.entry(*register).or_default();
            candidates.retain(|d, _| !shown.contains(d));
            if candidates.len() == 16 {
                return None;
            }
            let shown: BTreeSet<Dot> = shown.iter().copied().collect();
            let older = shown
                .iter()
                .filter_map(|d| past.get(register)?.get(d))
                .flat_map(|candidate| candidate.ancestry.clone());
            let mut ancestry: Vec<Dot> = Vec::new();
            for ancestor in shown.iter().copied().chain(older) {
                if ancestry.len() < 4 && !ancestry.contains(&ancestor) {
                    ancestry.push(ancestor);
                }
            }
            let candidate = Candidate {
                value: value.clone(),
                replaces: shown,
                ancestry,
            };
            candidates.insert(dot, candidate);
        }
        next.seen.insert(dot.incarnation, dot.counter);
        Some(next)
    }

    /// The sibling goes; what it had replaced returns unless another write replaced it; its dot
    /// counts as never seen.
    fn take_back(&self, dots: &[Dot], past: &Registers) -> Self {
        let mut next = self.clone();
        loop {
            let visible = next.registers.iter().find_map(|(register, candidates)| {
                let dot = candidates.keys().find(|d| dots.contains(d))?;
                Some((*register, *dot))
            });
            let Some((register, dot)) = visible else {
                next.registers
                    .retain(|_, candidates| !candidates.is_empty());
                return next;
            };
            let candidates = next.registers.get_mut(&register).unwrap();
            let gone = candidates.remove(&dot).unwrap();
            let standing = candidates.clone();
            next.holes.insert(dot);
            let empty = BTreeMap::new();
            let past = past.get(&register).unwrap_or(&empty);
            let legal = past.iter().filter(|(d, _)| next.covers(**d));
            let mut again: BTreeSet<Dot> = legal
                .map(|(_, candidate)| candidate)
                .chain(standing.values())
                .flat_map(|candidate| candidate.replaces.clone())
                .collect();
            again.extend(standing.values().flat_map(|c| c.ancestry.clone()));
            let mut todo: Vec<Dot> = gone.replaces.into_iter().collect();
            while let Some(replaced) = todo.pop() {
                let known = past.get(&replaced);
                match known {
                    _ if again.contains(&replaced) || standing.contains_key(&replaced) => {}
                    Some(candidate) if next.covers(replaced) => {
                        let candidates = next.registers.get_mut(&register).unwrap();
                        candidates.insert(replaced, candidate.clone());
                    }
                    Some(candidate) => todo.extend(candidate.replaces.iter().copied()),
                    None => unreachable!("a replica knows what its own writes replaced"),
                }
            }
        }
    }

    fn of(record: &Record) -> Self {
        let mut model = Self {
            registers: BTreeMap::new(),
            seen: record.context.entries().collect(),
            holes: record.context.holes().collect(),
        };
        for sibling in &record.siblings {
            let candidates = model.registers.entry(sibling.register).or_default();
            candidates.insert(sibling.dot(), candidate(sibling));
        }
        model
    }
}

fn candidate(sibling: &Sibling) -> Candidate {
    Candidate {
        value: sibling.value.to_vec(),
        replaces: sibling.replaces.iter().copied().collect(),
        ancestry: sibling.ancestry.iter().map(|a| a.dot).collect(),
    }
}

// ------------------------------------------------------------------------------ histories

/// What happens next.
#[derive(Clone, Debug)]
enum Happening {
    /// A replica writes registers; the form is the present one, or one opened earlier there.
    Write {
        at: usize,
        registers: Vec<u8>,
        form: Option<usize>,
        value: u8,
    },
    /// A replica opens a form and keeps it.
    Open(usize),
    /// A replica hears of another's state.
    Deliver(usize, usize),
    /// One of a replica's own writes is taken back, with the one before it or alone.
    TakeBack(usize, usize, bool),
    /// A replica starts anew.
    Restart(usize),
}

type Form = BTreeMap<RegisterId, Vec<Shown>>;

struct Place {
    record: Record,
    model: Model,
    /// All siblings that were ever held here.
    history: Vec<Sibling>,
    past: Registers,
    life: u64,
    counter: u64,
    own: Vec<Dot>,
    forms: Vec<Form>,
}

impl Place {
    fn new(at: usize) -> Self {
        Self {
            record: Record::new(KEY, SCOPE),
            model: Model::default(),
            history: Vec::new(),
            past: Registers::new(),
            life: 1 + 100 * at as u64,
            counter: 0,
            own: Vec::new(),
            forms: Vec::new(),
        }
    }

    fn form(&self) -> Form {
        let registers = self.record.registers();
        registers
            .map(|(register, siblings)| (register, siblings.iter().map(Sibling::shown).collect()))
            .collect()
    }

    /// Takes over a state, after proving it equal to the model's.
    fn become_state(&mut self, record: Record, model: Model) {
        assert_eq!(Model::of(&record), model);
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        for sibling in &record.siblings {
            let register = self.past.entry(sibling.register).or_default();
            if register.insert(sibling.dot(), candidate(sibling)).is_none() {
                self.history.push(sibling.clone());
            }
        }
        (self.record, self.model) = (record, model);
    }

    fn write(&mut self, registers: &[u8], form: &Form, value: u8) {
        let dot = Dot {
            incarnation: Incarnation(self.life),
            counter: self.counter + 1,
        };
        let registers: BTreeSet<u8> = registers.iter().copied().collect();
        let mut edit = Edit {
            key: KEY,
            scope: SCOPE,
            set: Vec::new(),
            author: "clerk".to_owned(),
            reason: String::new(),
            source: Source::Form,
            decision: Bytes::new(),
        };
        let mut set = Vec::new();
        for register in registers {
            let register = RegisterId(u32::from(register) + 1);
            let shown = form.get(&register).cloned().unwrap_or_default();
            let dots: Vec<Dot> = shown.iter().map(|shown| shown.dot).collect();
            set.push((register, vec![value], dots));
            edit.set.push(Set {
                register,
                value: Bytes::from(vec![value]),
                shown,
            });
        }
        let past = |register, dot| {
            let same = |s: &&Sibling| s.register == register && s.dot() == dot;
            self.history.iter().find(same).cloned()
        };
        let stamp = Stamp {
            dot,
            time: HybridTime(self.counter),
            epoch: 0,
        };
        let written = edit.apply(&self.record, stamp, true, &past);
        let modelled = self.model.write(dot, &set, &self.past);
        assert_eq!(written.is_ok(), modelled.is_some(), "{written:?}");
        if let (Ok(record), Some(model)) = (written, modelled) {
            self.counter += 1;
            self.own.push(dot);
            self.become_state(record, model);
        }
    }

    fn take_back(&mut self, which: usize, with_former: bool) {
        if self.own.is_empty() {
            return;
        }
        let which = which % self.own.len();
        let from = which.saturating_sub(usize::from(with_former));
        let dots = self.own[from..=which].to_vec();
        let back = self.record.take_back(&dots, &self.history);
        let model = self.model.take_back(&dots, &self.past);
        for sibling in &back.taken {
            assert!(dots.contains(&sibling.dot()));
            assert!(!back.record.context.covers(sibling.dot()));
        }
        self.become_state(back.record, model);
    }
}

/// Lets things happen. Returns every state there was.
fn live(replicas: usize, happenings: &[Happening]) -> (Vec<Place>, Vec<Record>) {
    let mut places: Vec<Place> = (0..replicas).map(Place::new).collect();
    let mut states = vec![Record::new(KEY, SCOPE)];
    for happening in happenings {
        let at = match happening {
            Happening::Write {
                at,
                registers,
                form,
                value,
            } => {
                let place = &mut places[*at];
                let old = form.and_then(|form| {
                    let forms = place.forms.len();
                    place.forms.get(form % forms.max(1)).cloned()
                });
                let form = old.unwrap_or_else(|| place.form());
                place.write(registers, &form, *value);
                *at
            }
            Happening::Open(at) => {
                let form = places[*at].form();
                places[*at].forms.push(form);
                continue;
            }
            Happening::Deliver(from, to) => {
                let (record, model) = (places[*from].record.clone(), places[*from].model.clone());
                let merged = merge(&places[*to].record, &record).unwrap();
                let model = places[*to].model.merge(&model);
                places[*to].become_state(merged, model);
                *to
            }
            Happening::TakeBack(at, which, with_former) => {
                places[*at].take_back(*which, *with_former);
                *at
            }
            Happening::Restart(at) => {
                places[*at].life += 1;
                places[*at].counter = 0;
                continue;
            }
        };
        states.push(places[at].record.clone());
    }
    (places, states)
}

fn check_laws(a: &Record, b: &Record, c: &Record) {
    let ab = merge(a, b).unwrap();
    let ba = merge(b, a).unwrap();
    assert_eq!(ab, ba, "commutative");
    assert_eq!(ab.encode(), ba.encode(), "equal states have equal bytes");
    assert_eq!(merge(a, a).unwrap(), *a, "idempotent");
    assert_eq!(merge(&ab, b).unwrap(), ab, "safe to repeat");
    let left = merge(&ab, c).unwrap();
    let right = merge(a, &merge(b, c).unwrap()).unwrap();
    assert_eq!(left, right, "associative");
    assert_eq!(left.encode(), right.encode(), "whatever the path");
    let model = Model::of(a).merge(&Model::of(b)).merge(&Model::of(c));
    assert_eq!(Model::of(&left), model, "as the model");
}

fn happening(replicas: usize) -> impl Strategy<Value = Happening> {
    let at = 0..replicas;
    prop_oneof![
        5 => (at.clone(), prop::collection::vec(0_u8..3, 1..3), prop::option::weighted(0.3, 0_usize..8), 0_u8..4)
            .prop_map(|(at, registers, form, value)| Happening::Write { at, registers, form, value }),
        1 => at.clone().prop_map(Happening::Open),
        5 => (at.clone(), at.clone()).prop_map(|(from, to)| Happening::Deliver(from, to)),
        2 => (at.clone(), 0_usize..8, any::<bool>())
            .prop_map(|(at, which, with_former)| Happening::TakeBack(at, which, with_former)),
        1 => at.prop_map(Happening::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn merge_is_commutative_associative_idempotent_and_as_the_model(
        happenings in prop::collection::vec(happening(3), 1..40),
        picks in prop::collection::vec((0_usize..64, 0_usize..64, 0_usize..64), 12),
    ) {
        let (_, states) = live(3, &happenings);
        for (a, b, c) in picks {
            let state = |at: usize| &states[at % states.len()];
            check_laws(state(a), state(b), state(c));
        }
    }

    #[test]
    fn replicas_that_have_heard_of_each_other_hold_the_same_bytes(
        happenings in prop::collection::vec(happening(3), 1..40),
    ) {
        let (mut places, _) = live(3, &happenings);
        for _ in 0..2 {
            for from in 0..3 {
                for to in 0..3 {
                    let merged = merge(&places[to].record, &places[from].record).unwrap();
                    places[to].record = merged;
                }
            }
        }
        prop_assert_eq!(places[0].record.encode(), places[1].record.encode());
        prop_assert_eq!(places[0].record.encode(), places[2].record.encode());
    }

    #[test]
    fn what_a_write_taken_back_had_replaced_is_not_lost(
        happenings in prop::collection::vec(happening(2), 1..30),
        which in 0_usize..16,
    ) {
        let (mut places, _) = live(2, &happenings);
        let Some(dot) = places[0].own.get(which).copied() else {
            return Ok(());
        };
        // The peer has never seen the write, nor what was built on it: it refused them.
        let before = &places[0].record;
        let taken = before.siblings.iter().filter(|s| s.dot() == dot);
        let replaced: Vec<(RegisterId, Dot)> = taken
            .flat_map(|s| s.replaces.iter().map(|d| (s.register, *d)))
            .collect();
        places[0].take_back(which, false);
        let after = &places[0].record;
        for (register, dot) in replaced {
            let stands = after.register(register).iter().any(|s| s.dot() == dot);
            let unseen = !after.context.covers(dot);
            let others = places[0].history.iter().filter(|s| s.register == register);
            let again = others.filter(|s| after.context.covers(s.dot())).any(|s| {
                s.replaces.contains(&dot) || s.ancestry.iter().any(|a| a.dot == dot)
            });
            prop_assert!(stands || unseen || again, "{dot} of {register:?} is gone");
        }
    }
}

#[test]
fn all_short_histories_of_two_replicas_obey_the_laws() {
    let write = |at| Happening::Write {
        at,
        registers: vec![0],
        form: None,
        value: 1,
    };
    let all = [
        write(0),
        write(1),
        Happening::Deliver(0, 1),
        Happening::Deliver(1, 0),
        Happening::TakeBack(0, usize::MAX, true),
        Happening::TakeBack(1, 0, false),
    ];
    let length = 5;
    for number in 0..all.len().pow(length) {
        let digit = |at: u32| all[number / all.len().pow(at) % all.len()].clone();
        let happenings: Vec<Happening> = (0..length).map(digit).collect();
        let (places, states) = live(2, &happenings);
        let last = states.len() - 1;
        check_laws(&places[0].record, &places[1].record, &states[last / 2]);
    }
}

#[test]
fn a_stale_form_is_told_so() {
    let (mut places, _) = live(1, &[]);
    places[0].write(&[0], &Form::new(), 1);
    let form = places[0].form();
    places[0].take_back(0, false);
    let shown = form[&RegisterId(1)].clone();
    let edit = Edit {
        key: KEY,
        scope: SCOPE,
        set: vec![Set {
            register: RegisterId(1),
            value: Bytes::new(),
            shown,
        }],
        author: String::new(),
        reason: String::new(),
        source: Source::Form,
        decision: Bytes::new(),
    };
    let dot = Dot {
        incarnation: Incarnation(9),
        counter: 1,
    };
    let stamp = Stamp {
        dot,
        time: HybridTime(0),
        epoch: 0,
    };
    let answer = edit.apply(&places[0].record, stamp, false, &|_, _| None);
    assert_eq!(answer, Err(EditError::Stale(RegisterId(1))));
}

/// A clone and its original wrote under one name: neither is to be trusted.
#[test]
fn one_dot_with_two_contents_is_a_collision() {
    let (mut one, mut other) = (Place::new(0), Place::new(0));
    one.write(&[0], &Form::new(), 1);
    other.write(&[0], &Form::new(), 2);
    let found = merge(&one.record, &other.record).unwrap_err();
    assert_eq!((found.register, found.dot), (RegisterId(1), one.own[0]));
    assert_eq!(merge(&other.record, &one.record).unwrap_err(), found);
    let mut elsewhere = Place::new(0);
    elsewhere.write(&[1], &Form::new(), 3);
    elsewhere.record.siblings[0].write = std::sync::Arc::new(replica::Write {
        author: "another".to_owned(),
        ..(*elsewhere.record.siblings[0].write).clone()
    });
    assert!(
        merge(&one.record, &elsewhere.record).is_err(),
        "two registers"
    );
}
