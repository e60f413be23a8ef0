//! Whether a name of a write was ever used for two writes, in all stores that there are.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use replica::{Dot, RecordKey, RegisterId, Sibling};
use store::{Disk, DiskConfig, Ledger, StoreKey};
use tests::programs::Program;

/// What a dot names: the record it was written to, and what it said of a register there.
#[derive(Debug, Default)]
pub(crate) struct Dots {
    records: BTreeMap<Dot, RecordKey>,
    contents: BTreeMap<(Dot, RegisterId), u64>,
    /// Dots with two contents.
    pub(crate) reused: Vec<String>,
}

impl Dots {
    /// Adds everything that the store of a stopped program holds, the replaced values included,
    /// and the stores that restores have put aside.
    pub(crate) fn add(&mut self, program: &Program) {
        for entry in std::fs::read_dir(&program.data).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "store" || name.starts_with("store.before-") {
                self.add_store(&path, program.store_key());
            }
        }
    }

    /// How many writes were seen.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    fn add_store(&mut self, path: &Path, key: Option<StoreKey>) {
        let config = DiskConfig {
            key,
            ..DiskConfig::default()
        };
        let disk = Disk::open(path, &config).unwrap();
        let ledger = Ledger::open(Arc::new(disk)).unwrap();
        let reader = ledger.reader();
        for (scope, ..) in reader.scopes() {
            for key in reader.keys_of_scope(scope) {
                let stored = reader.get(key).unwrap().unwrap();
                let past = reader.history(key).unwrap();
                let past = past.iter().flat_map(|(_, siblings)| siblings);
                for sibling in stored.record.siblings.iter().chain(past) {
                    self.see(key, sibling);
                }
            }
        }
    }

    fn see(&mut self, key: RecordKey, sibling: &Sibling) {
        let dot = sibling.dot();
        let of_record = *self.records.entry(dot).or_insert(key);
        // The print is over all that a sibling says.
        let said = *self
            .contents
            .entry((dot, sibling.register))
            .or_insert_with(|| sibling.print());
        if of_record != key || said != sibling.print() {
            self.reused.push(format!("{dot} {}", key.id));
        }
    }
}

#[test]
fn a_dot_with_two_contents_is_found() {
    let edit = |n: u64, text: &str| {
        let scope = domain::scope_id("410305");
        let edit = tests::sample::remark(scope, n, text, Vec::new());
        let stamp = replica::Stamp {
            dot: Dot {
                incarnation: replica::Incarnation(7),
                counter: 1,
            },
            time: replica::HybridTime(1),
            epoch: 0,
        };
        let blank = replica::Record::new(edit.key, scope);
        edit.apply(&blank, stamp, false, &|_, _| None).unwrap()
    };
    for other in [edit(1, "other"), edit(2, "one")] {
        let mut dots = Dots::default();
        let one = edit(1, "one");
        dots.see(one.key, &one.siblings[0]);
        dots.see(one.key, &one.siblings[0]);
        assert_eq!(dots.reused.len(), 0);
        dots.see(other.key, &other.siblings[0]);
        assert_eq!((dots.reused.len(), dots.len()), (1, 1));
    }
}
