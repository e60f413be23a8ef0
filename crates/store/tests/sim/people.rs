//! What people do: they open forms, save them, sooner or later; and what happens to machines.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use replica::{Edit, RecordKey, RegisterId, ScopeId, Set, Shown, Sibling, Source};
use store::Command;

use super::{
    medium::Medium,
    net::Side,
    options::Control,
    world::{BAD, Event, HUB, MARKED, NAMES, NODES, PUBLISHED, S1, S2, Target, World, key},
};

/// A form as it was opened: what it showed of each register.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    replica: usize,
    key: RecordKey,
    scope: ScopeId,
    shown: BTreeMap<RegisterId, Vec<(Shown, u64)>>,
}

/// The number of the ghost write that a sibling came from.
pub(crate) fn uid_of(sibling: &Sibling) -> Option<u64> {
    sibling.write.reason.parse().ok()
}

impl World {
    /// One act of a person or one fault, and the time of the next.
    pub(crate) fn act(&mut self) {
        if !self.faults_on {
            return;
        }
        match self.rng.below(100) {
            0..=54 => self.save_a_form(),
            55..=64 => self.open_a_form(),
            65..=74 => self.keep_an_image(),
            75..=89 => self.fault(),
            90..=93 => self.check_prints(),
            _ => {}
        }
        self.acts_left = self.acts_left.saturating_sub(1);
        if self.acts_left > 0 {
            let pause = self.rng.between(1, self.options.pause_ms_max);
            self.after(pause, Event::Act);
        }
    }

    fn somebody_who_runs(&mut self) -> Option<usize> {
        let running = (0..self.replicas.len()).filter(|at| self.replicas[*at].host.is_some());
        let running: Vec<usize> = running.collect();
        (!running.is_empty()).then(|| running[self.rng.below(running.len())])
    }

    fn open_a_form(&mut self) {
        if let Some(form) = self.somebody_who_runs().and_then(|at| self.form(at)) {
            self.forms.push(form);
        }
    }

    fn form(&mut self, at: usize) -> Option<Form> {
        let scope = if at == HUB {
            [S1, S2, PUBLISHED][self.rng.below(3)]
        } else {
            self.replicas[at].scope
        };
        let number = self.rng.below(usize::from(self.options.records));
        let key = key(scope, u8::try_from(number).unwrap_or(0));
        let held = self.reader(at)?.get(key).expect("the store is sound");
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
        })
    }

    fn save_a_form(&mut self) {
        let old = self.options.stale_forms && !self.forms.is_empty() && self.rng.chance(35);
        let form = if old {
            let which = self.rng.below(self.forms.len());
            Some(self.forms[which].clone())
        } else {
            self.somebody_who_runs().and_then(|at| self.form(at))
        };
        let Some(form) = form.filter(|form| self.replicas[form.replica].host.is_some()) else {
            return;
        };
        let mut edits = vec![self.edit_of(&form)];
        if self.rng.chance(15)
            && let Some(other) = self.form(form.replica).filter(|f| f.key != form.key)
        {
            edits.push(self.edit_of(&other));
        }
        self.submit(
            form.replica,
            Target::Writer,
            Command::Edit(edits, Vec::new()),
        );
    }

    fn register(&mut self) -> RegisterId {
        [RegisterId(1), RegisterId(2), RegisterId(3)][self.rng.below(3)]
    }

    fn edit_of(&mut self, form: &Form) -> Edit {
        let uid = self.number();
        let mut registers = BTreeSet::from([self.register()]);
        if self.rng.chance(30) {
            registers.insert(self.register());
        }
        if self.rng.chance(8) {
            registers.insert(RegisterId::DELETED);
        }
        let bad = form.replica != HUB && self.options.refused && self.rng.chance(20);
        if (bad && self.rng.chance(50)) || (form.replica == HUB && self.rng.chance(25)) {
            registers.insert(MARKED);
        }
        let mut set = Vec::new();
        for register in registers {
            let value = match self.rng.below(10) {
                _ if bad && register != MARKED => [BAD, uid.to_string().as_bytes()].concat(),
                0 => Vec::new(),
                1 => b"the same".to_vec(),
                _ => uid.to_string().into_bytes(),
            };
            let illegal = bad && (register == MARKED || value.starts_with(BAD));
            let shown = form.shown.get(&register).cloned().unwrap_or_default();
            let saw = shown.iter().map(|(_, uid)| *uid).collect();
            self.ghost.born(uid, form.key, register, saw, illegal);
            set.push(Set {
                register,
                value: Bytes::from(value),
                shown: shown.into_iter().map(|(shown, _)| shown).collect(),
            });
        }
        let (name, id) = (NAMES[form.replica], form.key.id.0[15]);
        let what: Vec<_> = set
            .iter()
            .map(|s| {
                (
                    s.register.0,
                    s.shown.iter().map(|s| s.dot).collect::<Vec<_>>(),
                )
            })
            .collect();
        self.say(format!(
            "{name} writes {uid} to {}/{id} {what:?}{}",
            form.scope.0[0],
            if bad { " ILLEGAL" } else { "" }
        ));
        Edit {
            key: form.key,
            scope: form.scope,
            set,
            author: name.to_owned(),
            reason: uid.to_string(),
            source: Source::Form,
            decision: Bytes::new(),
        }
    }

    fn keep_an_image(&mut self) {
        let at = self.rng.below(self.replicas.len());
        let image = self.replicas[at].medium.memory.image();
        self.replicas[at].images.push(image);
    }

    fn fault(&mut self) {
        let at = self.rng.below(self.replicas.len());
        match self.rng.below(6) {
            0 | 1 if self.options.cut => {
                let node = NODES[self.rng.below(NODES.len())];
                let first = [None, Some(Side::Node), Some(Side::Hub)][self.rng.below(3)];
                if let Some(conn) = self.line_of(node) {
                    self.cut(conn, first);
                }
            }
            2 if self.options.crash => self.crash(at),
            3 if self.options.full => {
                let left = self.rng.between(0, 5);
                self.say(format!("the disk of {} fills up in {left}", NAMES[at]));
                self.replicas[at].medium.memory.fill(left);
            }
            4 => self.restore(at),
            5 if self.options.replay => self.replay(),
            _ => {}
        }
        if matches!(
            self.options.control,
            Control::AckBeforeSync | Control::ReadBeyondDurable
        ) {
            let pause = self.rng.between(1, 400);
            self.after(pause, Event::Sync(at));
        }
    }

    /// Somebody puts a backup back.
    fn restore(&mut self, at: usize) {
        let allowed = if at == HUB {
            self.options.restore_hub
        } else {
            self.options.restore_node
        };
        if !allowed {
            return;
        }
        self.crash(at);
        let which = self.rng.below(self.replicas[at].images.len());
        self.say(format!("{} is RESTORED to image {which}", NAMES[at]));
        let image = self.replicas[at].images[which].clone();
        self.replicas[at].medium = Medium::new(image, false);
        self.replicas[at].rewound = true;
        self.replicas[at].promises.clear();
        self.replicas[at].saved.clear();
    }

    /// An old batch is applied once more, outside of any feed.
    fn replay(&mut self) {
        if self.old.is_empty() {
            return;
        }
        let which = self.rng.below(self.old.len());
        let (at, peer, mut delivery) = self.old[which].clone();
        if at == HUB && self.replicas[HUB].rewound {
            // A hub that has forgotten would take the old batch of one node for a forgery.
            return;
        }
        delivery.upto = None;
        let side = if at == HUB { Side::Hub } else { Side::Node };
        let of_peer = |end: &super::net::End| end.replica == at && end.login.peer == peer;
        let live = self.conns.iter().map(|conn| conn.end(side));
        let mut login = live
            .filter(|end| end.open && of_peer(end))
            .map(|end| end.login);
        let Some(login) = login.next_back() else {
            return;
        };
        self.say(format!("{} gets an old batch again", NAMES[at]));
        let op = replica::session::Op::Apply(Box::new(delivery));
        self.submit(at, Target::Nobody, Command::Session(login, op));
    }
}
