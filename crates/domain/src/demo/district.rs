//! What a scope keeps itself, made as it is drawn: first what others refer to, then organisation by
//! organisation with all that hangs on it, then what the scope does as a whole.

use std::collections::VecDeque;

use replica::{RecordId, ScopeId};
use serde_json::Value as Json;

use super::{
    Demo, Made, Organisation, Rng, awards, lists,
    organisation::place,
    platforms::{self, Cluster},
    works::{self, Session},
};
use crate::{
    date::Date,
    division::{self, Edition},
    identity,
};

/// Attendances made at once.
const ROSTER: usize = 256;

/// Organisations that one area branch covers at most.
pub(super) const AREA_UNITS: usize = 5;

/// Organisations that one instructor looks after.
const INSTRUCTOR_UNITS: usize = 3;

/// Party organisations that are remembered, for what names one.
const PARTIES: usize = 8;

/// Makes records of one scope.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) demo: Demo,
    pub(super) code: String,
    pub(super) out: VecDeque<Made>,
    scope: ScopeId,
}

/// A person who holds a role, as trainings count them.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) person: RecordId,
    pub(super) role: &'static str,
    pub(super) from: Date,
}

/// The records of a scope.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) maker: Maker,
    pub(super) towns: Vec<&'static str>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) holders: Vec<Holder>,
    pub(super) parties: Vec<RecordId>,
    /// The last organisation with a Party organisation of its own: it is host to others.
    host: Option<u32>,
    /// Organisations that wait for an area branch to be full.
    area: Vec<Organisation>,
    /// Organisations that wait for an instructor.
    open: Vec<Organisation>,
    instructors: u32,
    stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    Head,
    Organisation(u32),
    Waiting,
    Training(u32),
    Attendance(Session),
    Tail,
    Done,
}

impl Maker {
    pub(super) fn new(demo: &Demo, code: &str) -> Self {
        Self {
            demo: demo.clone(),
            code: code.to_owned(),
            out: VecDeque::new(),
            scope: identity::scope_id(code),
        }
    }

    pub(super) fn id(&self, kind: &str, index: impl std::fmt::Display) -> RecordId {
        self.demo.id(&self.code, kind, index)
    }

    pub(super) fn rng(&self, kind: &str, index: impl std::fmt::Display) -> Rng {
        self.demo.rng(&self.code, kind, index)
    }

    pub(super) fn place(&self) -> &'static str {
        place(&self.code)
    }

    pub(super) fn today(&self) -> Date {
        self.demo.today
    }

    /// An agency of the scope, counted from 1.
    pub(super) fn agency(&self, number: usize) -> String {
        self.id("agency", number).to_string()
    }

    /// A day from another on, at most so many days later and never after today.
    pub(super) fn within(&self, rng: &mut Rng, from: Date, days: i64) -> Date {
        rng.weekday(from, (from + time::Duration::days(days)).min(self.today()))
    }

    pub(super) fn push(&mut self, kind: &'static str, id: RecordId, values: Json) -> RecordId {
        let made = Made::new(kind, id, self.scope, values);
        let id = made.id;
        self.out.push_back(made);
        id
    }
}

impl Records {
    pub(super) fn new(demo: &Demo, code: &str) -> Self {
        let towns = division::below(Edition::Year2020, code).map(|town| town.code);
        Self {
            maker: Maker::new(demo, code),
            towns: towns.collect(),
            clusters: Vec::new(),
            holders: Vec::new(),
            parties: Vec::new(),
            host: None,
            area: Vec::new(),
            open: Vec::new(),
            instructors: 0,
            stage: Stage::Head,
        }
    }

    pub(super) fn push(&mut self, kind: &'static str, id: RecordId, values: Json) -> RecordId {
        self.maker.push(kind, id, values)
    }

    pub(super) fn remember(&mut self, party: RecordId) {
        if self.parties.len() < PARTIES {
            self.parties.push(party);
        }
    }

    fn advance(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        self.stage = match stage {
            Stage::Head => {
                works::head(&mut self.maker);
                self.clusters = platforms::clusters(&mut self.maker);
                Stage::Organisation(1)
            }
            Stage::Organisation(index) if index > self.maker.demo.size.organisations => {
                Stage::Waiting
            }
            Stage::Organisation(index) => {
                self.unit(index);
                Stage::Organisation(index + 1)
            }
            Stage::Waiting => {
                self.area_branch();
                self.instructed();
                Stage::Training(1)
            }
            Stage::Training(number) => match self.training(number) {
                Some(session) => Stage::Attendance(session),
                None => Stage::Tail,
            },
            Stage::Attendance(session) => match self.attend(session, ROSTER) {
                Ok(session) => Stage::Attendance(session),
                Err(number) => Stage::Training(number + 1),
            },
            Stage::Tail => {
                self.tail();
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
    }

    /// An organisation with all that hangs on it, or waits.
    fn unit(&mut self, index: u32) {
        let organisation = self.maker.demo.organisation(&self.maker.code, index);
        self.organisation(&organisation);
        match organisation.establishment_form {
            "none" if organisation.work_means == "instructor" => {
                self.open.push(organisation);
                if self.open.len() == INSTRUCTOR_UNITS {
                    self.instructed();
                }
            }
            "none" if organisation.census_status == "counted" => self.unbuilt(&organisation),
            "none" => {}
            "area" => {
                self.area.push(organisation);
                if self.area.len() == AREA_UNITS {
                    self.area_branch();
                }
            }
            form => {
                if form == "standalone" {
                    self.host = Some(index);
                }
                let host = self.host;
                self.party(&[organisation], host);
            }
        }
    }

    fn area_branch(&mut self) {
        let units = std::mem::take(&mut self.area);
        self.party(&units, None);
    }

    fn instructed(&mut self) {
        let units = std::mem::take(&mut self.open);
        if !units.is_empty() {
            self.instructors += 1;
            let number = self.instructors;
            self.instructor(number, &units);
        }
        for unit in &units {
            self.unbuilt(unit);
        }
    }

    fn tail(&mut self) {
        works::seminars(&mut self.maker);
        platforms::platforms(self);
        lists::problems(&mut self.maker);
        awards::nominations(&mut self.maker);
        works::rest(&mut self.maker);
    }
}

impl Iterator for Records {
    type Item = Made;

    fn next(&mut self) -> Option<Made> {
        loop {
            if let Some(made) = self.maker.out.pop_front() {
                return Some(made);
            }
            if matches!(self.stage, Stage::Done) {
                return None;
            }
            self.advance();
        }
    }
}
