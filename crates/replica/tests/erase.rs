//! The laws of erasing: it may be done before a merge or after it, on either side, any number of
//! times, and nothing brings back what was erased.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test harness: what is not as expected must stop the run"
)]

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use replica::{
    Dot, ERASED_VALUE, Edit, HybridTime, Incarnation, Kind, Record, RecordId, RecordKey,
    RegisterId, ScopeId, Set, Sibling, Source, Stamp, merge,
};

const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([7; 16]),
};
const MARK: RegisterId = RegisterId(6);
/// What is erased: a name and a post.
const PERSONAL: [RegisterId; 2] = [RegisterId(1), RegisterId(3)];
const REGISTERS: [RegisterId; 5] = [
    RegisterId(1),
    RegisterId(2),
    RegisterId(3),
    MARK,
    RegisterId::DELETED,
];

/// What one of three replicas does next.
#[derive(Clone, Debug)]
enum Act {
    /// Writes registers, having seen what stands or nothing.
    Write(usize, Vec<(usize, bool)>),
    /// Takes another's state.
    Merge(usize, usize),
    /// Takes a write back, the n-th that stands.
    TakeBack(usize, usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let set = prop::collection::vec((0..REGISTERS.len(), any::<bool>()), 1..3);
    let act = prop_oneof![
        4 => (0..3_usize, set).prop_map(|(of, set)| Act::Write(of, set)),
        3 => (0..3_usize, 0..3_usize).prop_map(|(of, from)| Act::Merge(of, from)),
        1 => (0..3_usize, 0..4_usize).prop_map(|(of, at)| Act::TakeBack(of, at)),
    ];
    prop::collection::vec(act, 1..24)
}

fn value_of(register: RegisterId, counter: u64) -> Bytes {
    let text = format!("zhang{counter}");
    if register != RegisterId::DELETED {
        return Bytes::from(text);
    }
    if counter.is_multiple_of(3) {
        // Restored.
        return Bytes::new();
    }
    let deletion = proto::schema::Deletion {
        reason: text,
        author: "clerk".to_owned(),
        incarnations: vec![1],
        counters: vec![counter],
        holes: Vec::new(),
    };
    Bytes::from(deletion.encode_to_vec())
}

/// Plays a history. `erases` does what a host does after each of its own steps.
fn play(acts: &[Act], erases: &dyn Fn(usize, &mut Record)) -> Vec<Record> {
    let mut records = vec![Record::new(KEY, ScopeId([3; 16])); 3];
    let mut past: Vec<Vec<Sibling>> = vec![Vec::new(); 3];
    let mut counter = 0;
    for act in acts {
        let of = match act {
            Act::Write(of, set) => {
                counter += 1;
                let dot = Dot {
                    incarnation: Incarnation(*of as u64 + 1),
                    counter,
                };
                let mut set = set.clone();
                set.sort_unstable();
                set.dedup_by_key(|(register, _)| *register);
                let set = set.iter().map(|(register, sees)| {
                    let register = REGISTERS[*register];
                    let shown = records[*of].register(register).iter().filter(|_| *sees);
                    Set {
                        register,
                        value: value_of(register, counter),
                        shown: shown.map(Sibling::shown).collect(),
                    }
                });
                let edit = Edit {
                    key: KEY,
                    scope: ScopeId([3; 16]),
                    set: set.collect(),
                    author: "clerk".to_owned(),
                    reason: format!("zhang{counter} again"),
                    source: Source::Form,
                    decision: Bytes::new(),
                };
                let stamp = Stamp {
                    dot,
                    time: HybridTime(counter),
                    epoch: 0,
                };
                let before = records[*of].siblings.clone();
                past[*of].extend(before);
                if let Ok(next) = edit.apply(&records[*of], stamp, true, &|_, _| None) {
                    records[*of] = next;
                }
                *of
            }
            Act::Merge(of, from) => {
                let before = records[*of].siblings.clone();
                past[*of].extend(before);
                records[*of] = merge(&records[*of], &records[*from]).unwrap();
                *of
            }
            Act::TakeBack(of, at) => {
                let dots: Vec<Dot> = records[*of].siblings.iter().map(Sibling::dot).collect();
                if let Some(dot) = dots.get(*at) {
                    records[*of] = records[*of].take_back(&[*dot], &past[*of]).record;
                }
                *of
            }
        };
        erases(of, &mut records[of]);
    }
    records
}

fn erase(record: &Record) -> Record {
    let mut record = record.clone();
    record.erase(&PERSONAL, Some(MARK));
    record
}

fn is_marked(record: &Record) -> bool {
    !record.register(MARK).is_empty()
}

/// Whether anything of what was written in the named registers, or why, can still be read. Of the
/// mark's own writes the reason stays.
fn tells(record: &Record) -> bool {
    let of_marks: Vec<Dot> = record.register(MARK).iter().map(Sibling::dot).collect();
    record.siblings.iter().any(|s| {
        let is_marks = of_marks.contains(&s.dot());
        let reason = s.write.reason.contains("zhang") && !is_marks;
        let deletes = s.register == RegisterId::DELETED && !is_marks;
        let named = PERSONAL.contains(&s.register) || deletes;
        let has = |value: &Bytes| String::from_utf8_lossy(value).contains("zhang");
        let kept = s.ancestry.iter().filter_map(|a| a.value.as_ref()).any(has);
        reason || named && (has(&s.value) || kept)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn erasing_may_come_before_a_merge_or_after_it(acts in acts()) {
        let records = play(&acts, &|_, _| ());
        for a in &records {
            for b in &records {
                let whole = erase(&merge(a, b).unwrap());
                prop_assert_eq!(&merge(&erase(a), &erase(b)).unwrap(), &whole);
                prop_assert_eq!(&erase(&merge(&erase(a), b).unwrap()), &whole);
                prop_assert_eq!(&erase(&merge(a, &erase(b)).unwrap()), &whole);
                prop_assert!(!tells(&whole));
            }
        }
    }

    #[test]
    fn with_erased_forms_merging_keeps_its_laws(
        acts in acts(),
        erased in prop::array::uniform3(any::<bool>()),
    ) {
        let records = play(&acts, &|_, _| ());
        let form = |at: usize| if erased[at] { erase(&records[at]) } else { records[at].clone() };
        let (a, b, c) = (form(0), form(1), form(2));
        let of = |x: &Record, y: &Record| merge(x, y).unwrap();
        prop_assert_eq!(of(&a, &b), of(&b, &a));
        prop_assert_eq!(of(&of(&a, &b), &c), of(&a, &of(&b, &c)));
        prop_assert_eq!(&of(&a, &a), &a);
        prop_assert_eq!(of(&of(&a, &b), &a), of(&a, &b));
        // What an erased form says travels, and is one canonical encoding.
        let all = of(&of(&a, &b), &c);
        prop_assert_eq!(Record::decode(&all.encode()).unwrap(), all);
    }

    #[test]
    fn who_hears_of_the_mark_erases_and_all_end_equal(acts in acts()) {
        let mut records = play(&acts, &|_, record| {
            if is_marked(record) {
                record.erase(&PERSONAL, Some(MARK));
            }
        });
        let close = |record: Record| if is_marked(&record) { erase(&record) } else { record };
        for _ in 0..2 {
            for of in 0..3 {
                for from in 0..3 {
                    records[of] = close(merge(&records[of], &records[from]).unwrap());
                }
            }
        }
        prop_assert_eq!(&records[0], &records[1]);
        prop_assert_eq!(&records[1], &records[2]);
        for record in &records {
            prop_assert!(!is_marked(record) || !tells(record));
        }
    }
}

#[test]
fn what_is_no_erased_form_is_still_a_second_content() {
    let records = play(&[Act::Write(0, vec![(0, false), (1, false)])], &|_, _| ());
    let whole = &records[0];
    let mut other = whole.clone();
    other.siblings[0].value = Bytes::from_static(b"li");
    merge(whole, &other).unwrap_err();
    // An erased value under another line of writes.
    let mut forged = erase(whole);
    forged.siblings[0].replaces = vec![Dot {
        incarnation: Incarnation(9),
        counter: 1,
    }];
    merge(whole, &forged).unwrap_err();
    // Two contents that were both erased are one.
    let merged = merge(&erase(whole), &erase(&other)).unwrap();
    assert_eq!(merged.siblings[0].value, ERASED_VALUE);
    assert_eq!(merged.siblings[1].value, whole.siblings[1].value);
}
