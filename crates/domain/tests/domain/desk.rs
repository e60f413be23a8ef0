//! A desk that writes: real edits on real records, with dots that count.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{Catalogue, FieldOf, KindSpec, Lookup, NoResolve, Values, value};
use proto::ledger::Organisation;
use replica::{
    Dot, Edit, HybridTime, Incarnation, Record, RecordId, RecordKey, RegisterId, ScopeId, Set,
    Shown, Sibling, Source, Stamp,
};
use serde_json::{Map, Value as Json};

/// Records as the rules across records look them up.
#[derive(Default)]
pub(crate) struct Rows(pub(crate) BTreeMap<RecordKey, Values>);

impl Rows {
    pub(crate) fn put(&mut self, kind: &str, id: RecordId, values: Vec<u8>) {
        let kind = kind_of(kind).kind;
        self.0.insert(RecordKey { kind, id }, values.into());
    }

    fn organisations(&self, with: impl Fn(&Organisation) -> bool) -> Vec<RecordId> {
        let kind = kind_of("organisation").kind;
        let rows = self.0.iter().filter(|(key, _)| key.kind == kind);
        rows.filter(|(_, values)| with(&domain::decode(values).unwrap()))
            .map(|(key, _)| key.id)
            .collect()
    }
}

impl Lookup for Rows {
    fn values(&self, key: RecordKey) -> Option<Values> {
        self.0.get(&key).cloned()
    }

    fn referring(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        let names = |values: &[u8]| {
            let all = domain::across::references(Catalogue::builtin(), from.kind, values);
            let mut all = all.into_iter();
            all.any(|(field, key)| field.number == from.field.number && key == to)
        };
        let rows = self.0.iter().filter(|(key, _)| key.kind == from.kind.kind);
        rows.filter(|(_, values)| names(values))
            .map(|(key, values)| (key.id, values.clone()))
            .collect()
    }

    fn counted_with_code(&self, uscc: &str) -> Vec<RecordId> {
        self.organisations(|row| row.uscc.as_deref() == Some(uscc))
    }

    fn named_without_code(&self, _scope: ScopeId, name: &str) -> Vec<RecordId> {
        self.organisations(|row| row.uscc.is_none() && row.name.as_deref() == Some(name))
    }
}

/// One replica's hand.
pub(crate) struct Desk {
    incarnation: Incarnation,
    counter: u64,
}

impl Desk {
    pub(crate) fn new(incarnation: u64) -> Self {
        Self {
            incarnation: Incarnation(incarnation),
            counter: 0,
        }
    }

    /// Writes registers as somebody who sees the record as it is.
    pub(crate) fn write(&mut self, record: &Record, set: &[(RegisterId, Bytes)]) -> Record {
        let shown = |register| {
            record
                .register(register)
                .iter()
                .map(Sibling::shown)
                .collect()
        };
        self.write_having_seen(record, set, &shown)
    }

    pub(crate) fn write_having_seen(
        &mut self,
        record: &Record,
        set: &[(RegisterId, Bytes)],
        shown: &dyn Fn(RegisterId) -> Vec<Shown>,
    ) -> Record {
        self.counter += 1;
        let set = set.iter().map(|(register, value)| Set {
            register: *register,
            value: value.clone(),
            shown: shown(*register),
        });
        let edit = Edit {
            key: record.key,
            scope: record.scope,
            set: set.collect(),
            author: format!("clerk@{:?}", self.incarnation),
            reason: "test".to_owned(),
            source: Source::Form,
            decision: Bytes::new(),
        };
        let dot = Dot {
            incarnation: self.incarnation,
            counter: self.counter,
        };
        let stamp = Stamp {
            dot,
            time: HybridTime(self.counter),
            epoch: 0,
        };
        edit.apply(record, stamp, true, &|_, _| None).unwrap()
    }

    /// Writes fields given as JSON.
    pub(crate) fn put(&mut self, record: &Record, values: &Json) -> Record {
        let catalogue = Catalogue::builtin();
        let set = registers(catalogue, record, values.as_object().unwrap());
        self.write(record, &set)
    }

    /// Makes a record of JSON; its id is derived where the kind says so.
    pub(crate) fn make(
        &mut self,
        kind: &str,
        id: RecordId,
        scope: ScopeId,
        values: &Json,
    ) -> Record {
        let spec = kind_of(kind);
        let mut record = blank(spec, id, scope);
        let set = registers(Catalogue::builtin(), &record, values.as_object().unwrap());
        if spec.derived_id {
            let bytes: Vec<u8> = set.iter().flat_map(|(_, value)| value.to_vec()).collect();
            record.key.id = domain::derive_id(spec, &bytes).unwrap();
        }
        self.write(&record, &set)
    }
}

pub(crate) fn kind_of(id: &str) -> &'static KindSpec {
    Catalogue::builtin().kind_by_id(id).unwrap()
}

pub(crate) fn blank(kind: &KindSpec, id: RecordId, scope: ScopeId) -> Record {
    Record::new(
        RecordKey {
            kind: kind.kind,
            id,
        },
        scope,
    )
}

/// The registers that an edit of these fields sets.
pub(crate) fn registers(
    catalogue: &Catalogue,
    record: &Record,
    values: &Map<String, Json>,
) -> Vec<(RegisterId, Bytes)> {
    let kind = catalogue.kind(record.key.kind).unwrap();
    let base = value::base_of(catalogue, Some(record));
    let edits = value::edits_from_json(catalogue, kind, &base, values, &NoResolve).unwrap();
    let changed = edits.into_iter().filter(|edit| edit.changed);
    changed.map(|edit| (edit.register, edit.value)).collect()
}

pub(crate) fn id(number: u8) -> RecordId {
    RecordId([number; 16])
}
