//! Report 9: who is to be trained and was, and the names of each session. In full for the own scope
//! and for sessions that it hosts; elsewhere only the surname.

use std::collections::{BTreeMap, BTreeSet};

use domain::permission::masked_name;
use proto::ledger::{
    InstructorAssignment, Person, RoleAssignment, TrainingAttendance, TrainingSession, WorkerRole,
};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Frame, Row, id, wide},
    progress::Figures,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// The roles whose holders are to be trained.
const TRAINED: [WorkerRole; 3] = [
    WorkerRole::Secretary,
    WorkerRole::Head,
    WorkerRole::Instructor,
];

struct Worker {
    scope: ScopeId,
    values: Person,
}

/// What the roster is made of.
struct Roster<'f, 'a> {
    frame: &'f Frame<'a>,
    sessions: BTreeMap<RecordId, (ScopeId, TrainingSession)>,
    /// Who attended: session, person, in which role.
    attended: Vec<(RecordId, RecordId, i32)>,
    people: BTreeMap<RecordId, Worker>,
    /// The roles of each person in each scope on the day.
    roles: BTreeMap<(ScopeId, RecordId), BTreeSet<i32>>,
}

/// The tables of the report.
pub(super) fn roster(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let roster = Roster::read(frame)?;
    Ok(vec![roster.workers(&Figures::of(frame)?), roster.names()])
}

impl<'f, 'a> Roster<'f, 'a> {
    fn read(frame: &'f Frame<'a>) -> Result<Self, Failure> {
        let mut roster = Self {
            frame,
            sessions: BTreeMap::new(),
            attended: Vec::new(),
            people: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        frame.each_known("training_session", &mut |row: Row<TrainingSession>| {
            let values = &row.values;
            // As the indicators count it: a course of several days is held with its last one.
            let on = Frame::day(values.end_on.as_ref());
            let on = on.or_else(|| Frame::day(values.start_on.as_ref()));
            if frame.was_held(values.status(), values.year.as_ref(), on) {
                roster.sessions.insert(row.id, (row.scope, row.values));
            }
        })?;
        frame.each_known("training_attendance", &mut |row: Row<
            TrainingAttendance,
        >| {
            let ids = id(row.values.session.as_ref()).zip(id(row.values.person.as_ref()));
            let counts =
                |session: &RecordId| row.values.attended() && roster.sessions.contains_key(session);
            if let Some((session, person)) = ids.filter(|(session, _)| counts(session)) {
                roster
                    .attended
                    .push((session, person, row.values.role().into()));
            }
        })?;
        roster.read_roles()?;
        let named = roster.roles.keys().map(|(_, person)| *person);
        let named: BTreeSet<RecordId> = named
            .chain(roster.attended.iter().map(|row| row.1))
            .collect();
        frame.each_known("person", &mut |row: Row<Person>| {
            if named.contains(&row.id) {
                let worker = Worker {
                    scope: row.scope,
                    values: row.values,
                };
                roster.people.insert(row.id, worker);
            }
        })?;
        Ok(roster)
    }

    /// The roles that are held on the day.
    fn read_roles(&mut self) -> Result<(), Failure> {
        let (frame, roles) = (self.frame, &mut self.roles);
        let is_active = |from: Option<&String>, to: Option<&String>| {
            domain::validate::is_active_on(from, to, frame.as_of)
        };
        frame.each("role_assignment", &mut |row: Row<RoleAssignment>| {
            let values = &row.values;
            let is_now = is_active(values.from_on.as_ref(), values.to_on.as_ref());
            let person =
                id(values.person.as_ref()).filter(|_| is_now && TRAINED.contains(&values.role()));
            if let Some(person) = person {
                let held = roles.entry((row.scope, person)).or_default();
                held.insert(values.role().into());
            }
        })?;
        frame.each("instructor_assignment", &mut |row: Row<
            InstructorAssignment,
        >| {
            let values = &row.values;
            let is_now = is_active(values.from_on.as_ref(), values.to_on.as_ref());
            if let Some(person) = id(values.person.as_ref()).filter(|_| is_now) {
                let roles = roles.entry((row.scope, person)).or_default();
                roles.insert(WorkerRole::Instructor.into());
            }
        })?;
        Ok(())
    }

    /// A name: in full to the scope whose person it is, and to the host of a session.
    fn name(&self, person: RecordId, is_host: bool) -> Cell {
        let Some(worker) = self.people.get(&person) else {
            return Cell::word("unknown", "（不在本库）", "(not known here)");
        };
        let name = worker.values.display_name.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Cell::word("erased", "（已清除）", "(erased)");
        }
        let is_hosts = is_host && self.frame.app.sees_own();
        if is_hosts || self.frame.sees_names(worker.scope) {
            return Cell::Text(name.to_owned());
        }
        Cell::Text(masked_name(name))
    }

    fn of_person(&self, person: RecordId, field: fn(&Person) -> Option<&String>) -> Cell {
        let worker = self.people.get(&person);
        Cell::text(
            worker
                .and_then(|worker| field(&worker.values))
                .map(String::as_str),
        )
    }

    fn role(&self, number: i32) -> Cell {
        Cell::term(self.frame.words("role_assignment", "role"), number)
    }

    fn workers(&self, figures: &Figures) -> Table {
        let columns = vec![
            Column::new(Content::Text, "scope", ("辖区", "Scope")),
            Column::new(Content::Text, "name", ("姓名", "Name")).defined(
                "本辖区显示全名，其他辖区只留姓氏",
                "in full in the own scope, only the surname elsewhere",
            ),
            Column::new(Content::Text, "employer", ("工作单位", "Employer")),
            Column::new(Content::Text, "post", ("职务", "Post")),
            Column::new(Content::Text, "roles", ("类别", "Roles")),
            Column::new(Content::Count, "sessions", ("参训班次", "Sessions")).not_summed(),
            Column::new(Content::Count, "trained", ("已参训", "Trained")).defined(
                "本年度截至当日至少参加一次已完成的培训，记 1",
                "1 for whoever attended at least one held session of the year by the day",
            ),
        ];
        let mut table = Table::new(
            "workers",
            Word::of("应训人员", "Who is to be trained"),
            columns,
        );
        let mut sessions: BTreeMap<RecordId, BTreeSet<RecordId>> = BTreeMap::new();
        for (session, person, _) in &self.attended {
            sessions.entry(*person).or_default().insert(*session);
        }
        let mut scopes: BTreeMap<ScopeId, (u64, u64)> = BTreeMap::new();
        for ((scope, person), roles) in &self.roles {
            let count = sessions.get(person).map_or(0, BTreeSet::len);
            let sums = scopes.entry(*scope).or_default();
            *sums = (sums.0 + u64::from(count > 0), sums.1 + 1);
            table.rows.push(vec![
                self.frame.scope(*scope),
                self.name(*person, false),
                self.of_person(*person, |person| person.employer.as_ref()),
                self.of_person(*person, |person| person.post.as_ref()),
                Cell::terms(self.frame.words("role_assignment", "role"), roles),
                Cell::Count(wide(count)),
                Cell::Count(u64::from(count > 0)),
            ]);
        }
        let zh = domain::label::Language::Zh;
        table
            .rows
            .sort_by_cached_key(|row| row.iter().map(|cell| cell.say(zh)).collect::<Vec<_>>());
        table.add_up();
        let name = Word::of(
            "已参训 + 应训 = 指标“党务工作者参训率”的分子 + 分母",
            "trained + to be trained = the indicator's numerator + denominator",
        );
        for (scope, (trained, all)) in scopes {
            let rate = match figures.cell(scope, "training_all") {
                Cell::Rate { num, den } => [num, den],
                _ => [0, 0],
            };
            let place = Word::same(&self.frame.code(scope));
            table
                .balances
                .push(Balance::new(&name, &place, trained + all, rate));
        }
        table
    }

    fn names(&self) -> Table {
        let columns = vec![
            Column::new(Content::Text, "host", ("主办辖区", "Host")),
            Column::new(Content::Text, "session", ("班次名称", "Session")),
            Column::new(Content::Text, "kind", ("培训形式", "Kind")),
            Column::new(Content::Text, "subjects", ("培训内容", "Subjects")),
            Column::new(Content::Date, "start_on", ("开始日期", "Start")),
            Column::new(Content::Date, "end_on", ("结束日期", "End")),
            Column::new(Content::Count, "hours", ("学时", "Hours")).not_summed(),
            Column::new(Content::Text, "name", ("姓名", "Name")).defined(
                "本辖区人员和本辖区主办的班次显示全名，其余只留姓氏",
                "in full for own people and own sessions, only the surname else",
            ),
            Column::new(Content::Text, "employer", ("工作单位", "Employer")),
            Column::new(Content::Text, "role", ("参训身份", "Role")),
        ];
        let mut table = Table::new(
            "sessions",
            Word::of("班次名单", "Names by session"),
            columns,
        );
        for (session, person, role) in &self.attended {
            let Some((host, values)) = self.sessions.get(session) else {
                continue;
            };
            let home = self.people.get(person).map(|worker| worker.scope);
            let concerns = |only: ScopeId| only == *host || home == Some(only);
            if !self.frame.only.is_none_or(concerns) {
                continue;
            }
            table.rows.push(vec![
                self.frame.scope(*host),
                Cell::text(values.title.as_deref()),
                Cell::term(
                    self.frame.words("training_session", "kind"),
                    values.kind().into(),
                ),
                Cell::terms(
                    self.frame.words("training_session", "subjects"),
                    &values.subjects,
                ),
                Cell::date(values.start_on.as_ref()),
                Cell::date(values.end_on.as_ref()),
                Cell::count(values.hours),
                self.name(*person, self.frame.is_own(*host)),
                self.of_person(*person, |person| person.employer.as_ref()),
                self.role(*role),
            ]);
        }
        let zh = domain::label::Language::Zh;
        table.rows.sort_by_cached_key(|row| {
            let say = |at: usize| row.get(at).map(|cell| cell.say(zh));
            (say(4), say(0), say(1), say(7), say(8))
        });
        table
    }
}
