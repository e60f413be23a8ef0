//! What a run says of itself. Nobody asks for most of it: a line is put into words only in a run
//! whose log is kept, and a failing seed is run once more to be read.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The lines of a run, kept or not. A clone writes to the same lines, so that they outlive a panic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Option<Arc<Mutex<Vec<String>>>>);

impl Log {
    pub(crate) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn say(&self, now: u64, text: fmt::Arguments<'_>) {
        if let Some(lines) = &self.0 {
            let line = format!("{now:>7} {text}");
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.as_ref();
        lines.map_or_else(Vec::new, |lines| {
            lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    }
}

/// How often things happened, to see that the faults are not only allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(pub(crate) BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }
}
