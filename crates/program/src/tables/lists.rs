//! Report 6: problems, tasks and responsibilities, each to print, and all in one view.

use std::collections::{BTreeMap, BTreeSet};

use domain::permission::masked_name;
use proto::ledger::{Person, ProblemItem, ProblemStatus, ResponsibilityItem, TaskItem, TaskStatus};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Agencies, Frame, Row, id, wide},
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// A record of one of the lists.
struct Item<M> {
    id: RecordId,
    scope: ScopeId,
    values: M,
}

/// The three lists of the year with what they name.
struct Lists<'f, 'a> {
    frame: &'f Frame<'a>,
    problems: Vec<Item<ProblemItem>>,
    tasks: Vec<Item<TaskItem>>,
    duties: Vec<Item<ResponsibilityItem>>,
    agencies: Agencies,
    people: BTreeMap<RecordId, String>,
}

/// The tables of the report.
pub(super) fn lists(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let lists = Lists::read(frame)?;
    Ok(vec![
        lists.joined(),
        lists.problem_table(),
        lists.task_table(),
        lists.duty_table(),
    ])
}

impl<'f, 'a> Lists<'f, 'a> {
    fn read(frame: &'f Frame<'a>) -> Result<Self, Failure> {
        let mut lists = Self {
            frame,
            problems: Vec::new(),
            tasks: Vec::new(),
            duties: Vec::new(),
            agencies: frame.agencies()?,
            people: BTreeMap::new(),
        };
        frame.each("problem_item", &mut |row: Row<ProblemItem>| {
            if lists.is_listed(&row.values) {
                lists.problems.push(item(row));
            }
        })?;
        let problems: BTreeSet<RecordId> = lists.problems.iter().map(|item| item.id).collect();
        frame.each("task_item", &mut |row: Row<TaskItem>| {
            // A problem that was carried over brings its tasks of the year before.
            let serves = id(row.values.problem.as_ref()).is_some_and(|id| problems.contains(&id));
            if serves || frame.of_year(row.values.year.as_ref()) {
                lists.tasks.push(item(row));
            }
        })?;
        frame.each("responsibility_item", &mut |row: Row<
            ResponsibilityItem,
        >| {
            if frame.of_year(row.values.year.as_ref()) {
                lists.duties.push(item(row));
            }
        })?;
        lists.people = lists.names()?;
        let code = |scope| frame.code(scope);
        lists
            .problems
            .sort_by_cached_key(|item| (code(item.scope), item.values.no.clone(), item.id));
        lists
            .tasks
            .sort_by_cached_key(|item| (code(item.scope), item.values.no.clone(), item.id));
        lists.duties.sort_by_cached_key(|item| {
            (
                code(item.scope),
                lists
                    .agencies
                    .get(&id(item.values.agency.as_ref()).unwrap_or(item.id))
                    .cloned(),
                item.id,
            )
        });
        Ok(lists)
    }

    /// Those that are named as responsible: in full in the own scope.
    fn names(&self) -> Result<BTreeMap<RecordId, String>, Failure> {
        let people = self
            .duties
            .iter()
            .filter_map(|duty| id(duty.values.person.as_ref()));
        let wanted: BTreeSet<RecordId> = people.collect();
        let mut names = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(names);
        }
        self.frame.each_known("person", &mut |row: Row<Person>| {
            if wanted.contains(&row.id) {
                let name = row.values.display_name.unwrap_or_default();
                let is_own = self.frame.sees_names(row.scope);
                names.insert(row.id, if is_own { name } else { masked_name(&name) });
            }
        })?;
        Ok(names)
    }

    /// A problem of the year, or one of an earlier year that is still open.
    fn is_listed(&self, problem: &ProblemItem) -> bool {
        let registered = Frame::day(problem.registered_on.as_ref());
        if registered.is_some_and(|on| on > self.frame.as_of) {
            return false;
        }
        let is_earlier = registered
            .is_some_and(|on| u32::try_from(on.year()).is_ok_and(|year| year < self.frame.year));
        self.frame.of_year(problem.year.as_ref()) || (is_earlier && self.is_open(problem))
    }

    /// Whether a problem is neither closed by the day nor withdrawn.
    fn is_open(&self, problem: &ProblemItem) -> bool {
        match problem.status() {
            ProblemStatus::Withdrawn => false,
            ProblemStatus::Closed => {
                Frame::day(problem.closed_on.as_ref()).is_some_and(|on| on > self.frame.as_of)
            }
            _ => true,
        }
    }

    /// Days since something was due that is still open.
    fn overdue(&self, due: Option<&String>, is_open: bool) -> Cell {
        let due = Frame::day(due).filter(|due| is_open && *due < self.frame.as_of);
        let days = due.map(|due| (self.frame.as_of - due).whole_days());
        days.and_then(|days| u64::try_from(days).ok())
            .map_or(Cell::Empty, Cell::Count)
    }

    fn agency(&self, agency: Option<&Vec<u8>>) -> Cell {
        let name = id(agency).and_then(|id| self.agencies.get(&id));
        Cell::text(name.map(String::as_str))
    }

    /// The posts that an agency of a scope answers with.
    fn posts(&self, scope: ScopeId, agency: Option<&Vec<u8>>) -> Cell {
        let standing = |agency: Option<&Vec<u8>>| id(agency).map(|id| self.agencies.standing(id));
        let Some(agency) = standing(agency) else {
            return Cell::Empty;
        };
        let duties = self
            .duties
            .iter()
            .filter(|duty| duty.scope == scope)
            .filter(|duty| standing(duty.values.agency.as_ref()) == Some(agency));
        let mut posts: Vec<&str> = duties
            .filter_map(|duty| duty.values.leader_post.as_deref())
            .collect();
        posts.sort_unstable();
        posts.dedup();
        Cell::text(Some(&posts.join("、")))
    }

    fn term(&self, kind: &str, field: &str, number: i32) -> Cell {
        Cell::term(self.frame.words(kind, field), number)
    }

    /// One row for each task of a problem, for a problem without any, and for a task of its own.
    fn joined(&self) -> Table {
        let columns = joined_columns();
        let mut table = Table::new(
            "joined",
            Word::of("三单联合台账", "The three lists in one view"),
            columns,
        );
        let mut by_problem: BTreeMap<Option<RecordId>, Vec<&Item<TaskItem>>> = BTreeMap::new();
        let listed: BTreeSet<RecordId> = self.problems.iter().map(|item| item.id).collect();
        for task in &self.tasks {
            let problem = id(task.values.problem.as_ref()).filter(|id| listed.contains(id));
            by_problem.entry(problem).or_default().push(task);
        }
        let (mut problems, mut tasks) = (0_u64, 0_u64);
        for problem in &self.problems {
            problems += 1;
            let own = by_problem.remove(&Some(problem.id)).unwrap_or_default();
            if own.is_empty() {
                table.rows.push(self.joined_row(Some(problem), None));
            }
            tasks += wide(own.len());
            table.rows.extend(
                own.iter()
                    .map(|task| self.joined_row(Some(problem), Some(task))),
            );
        }
        let alone = by_problem.remove(&None).unwrap_or_default();
        tasks += wide(alone.len());
        table
            .rows
            .extend(alone.iter().map(|task| self.joined_row(None, Some(task))));
        let all = Word::of("全表", "the table");
        table.balances = vec![
            Balance::new(
                &Word::of(
                    "联合台账的问题数 = 问题清单条数",
                    "problems in the joined view = problems listed",
                ),
                &all,
                problems,
                [wide(self.problems.len())],
            ),
            Balance::new(
                &Word::of(
                    "联合台账的任务数 = 任务清单条数",
                    "tasks in the joined view = tasks listed",
                ),
                &all,
                tasks,
                [wide(self.tasks.len())],
            ),
        ];
        table.note(
            "列入本年度登记的问题，以及以前年度登记、截至当日尚未销号的问题；延期获准的，时限为新的时限。",
            "Problems of the year, and those of earlier years that are still open; where an extension was granted, the date is the new one.",
        );
        table
    }

    fn joined_row(
        &self,
        problem: Option<&Item<ProblemItem>>,
        task: Option<&&Item<TaskItem>>,
    ) -> Vec<Cell> {
        let scope = problem
            .map(|item| item.scope)
            .or_else(|| task.map(|item| item.scope));
        let mut row = vec![scope.map_or(Cell::Empty, |scope| self.frame.scope(scope))];
        match problem {
            Some(Item { values, .. }) => row.extend([
                Cell::text(values.no.as_deref()),
                Cell::text(values.description.as_deref()),
                Cell::text(values.cause.as_deref()),
                Cell::text(values.measure.as_deref()),
                Cell::date(values.due_on.as_ref()),
                self.term("problem_item", "status", values.status().into()),
                self.overdue(values.due_on.as_ref(), self.is_open(values)),
            ]),
            None => row.extend(vec![Cell::Empty; 7]),
        }
        match task {
            Some(Item { values, scope, .. }) => row.extend([
                Cell::text(values.title.as_deref()),
                self.agency(values.lead.as_ref()),
                self.posts(*scope, values.lead.as_ref()),
                Cell::date(values.due_on.as_ref()),
                Cell::count(values.progress_pct),
                self.term("task_item", "status", values.status().into()),
            ]),
            None => row.extend(vec![Cell::Empty; 6]),
        }
        row
    }

    fn problem_table(&self) -> Table {
        let columns = vec![
            Column::new(Content::Text, "scope", ("责任辖区", "Scope")),
            Column::new(Content::Text, "no", ("编号", "Number")),
            Column::new(Content::Text, "category", ("问题类别", "Category")),
            Column::new(Content::Text, "description", ("问题描述", "Description")),
            Column::new(Content::Text, "cause", ("原因剖析", "Cause")),
            Column::new(Content::Text, "measure", ("整改措施", "Measure")),
            Column::new(Content::Text, "found_by", ("发现渠道", "Found by")),
            Column::new(Content::Text, "severity", ("严重程度", "Severity")),
            Column::new(
                Content::Date,
                "registered_on",
                ("登记日期", "Registered on"),
            ),
            Column::new(Content::Date, "due_on", ("整改时限", "Due")),
            Column::new(Content::Date, "first_due_on", ("原时限", "First due")),
            Column::new(Content::Text, "extension", ("延期状态", "Extension")),
            Column::new(Content::Text, "status", ("状态", "Status")),
            Column::new(Content::Date, "closed_on", ("销号日期", "Closed on")),
            Column::new(Content::Count, "overdue_days", ("逾期天数", "Days overdue")).not_summed(),
        ];
        let mut table = Table::new("problems", Word::of("问题清单", "Problem list"), columns);
        for Item { scope, values, .. } in &self.problems {
            let closed_on = Frame::day(values.closed_on.as_ref())
                .filter(|on| values.status() == ProblemStatus::Closed && *on <= self.frame.as_of);
            table.rows.push(vec![
                self.frame.scope(*scope),
                Cell::text(values.no.as_deref()),
                self.term("problem_item", "category", values.category().into()),
                Cell::text(values.description.as_deref()),
                Cell::text(values.cause.as_deref()),
                Cell::text(values.measure.as_deref()),
                self.term("problem_item", "found_by", values.found_by().into()),
                self.term("problem_item", "severity", values.severity().into()),
                Cell::date(values.registered_on.as_ref()),
                Cell::date(values.due_on.as_ref()),
                Cell::date(values.first_due_on.as_ref()),
                self.term("problem_item", "extension", values.extension().into()),
                self.term("problem_item", "status", values.status().into()),
                closed_on.map_or(Cell::Empty, Cell::Date),
                self.overdue(values.due_on.as_ref(), self.is_open(values)),
            ]);
        }
        table
    }

    fn task_table(&self) -> Table {
        let columns = vec![
            Column::new(Content::Text, "scope", ("责任辖区", "Scope")),
            Column::new(Content::Text, "no", ("编号", "Number")),
            Column::new(Content::Text, "title", ("任务", "Task")),
            Column::new(Content::Text, "problem", ("对应问题", "Problem")),
            Column::new(Content::Text, "standard", ("完成标准", "Done when")),
            Column::new(Content::Text, "lead", ("牵头单位", "Lead agency")),
            Column::new(
                Content::Text,
                "co_units",
                ("配合单位", "Supporting agencies"),
            ),
            Column::new(Content::Date, "due_on", ("完成时限", "Due")),
            Column::new(Content::Count, "progress", ("进度(%)", "Progress (%)")).not_summed(),
            Column::new(Content::Text, "status", ("状态", "Status")),
            Column::new(Content::Count, "overdue_days", ("逾期天数", "Days overdue")).not_summed(),
        ];
        let mut table = Table::new("tasks", Word::of("任务清单", "Task list"), columns);
        let numbers: BTreeMap<RecordId, Option<&str>> = self
            .problems
            .iter()
            .map(|item| (item.id, item.values.no.as_deref()))
            .collect();
        for Item { scope, values, .. } in &self.tasks {
            let problem =
                id(values.problem.as_ref()).and_then(|id| numbers.get(&id).copied().flatten());
            let co_units = values
                .co_units
                .iter()
                .filter_map(|unit| self.agencies.get(&id(Some(unit))?));
            let co_units: Vec<&str> = co_units.map(String::as_str).collect();
            let is_open = !matches!(values.status(), TaskStatus::Done | TaskStatus::Cancelled);
            table.rows.push(vec![
                self.frame.scope(*scope),
                Cell::text(values.no.as_deref()),
                Cell::text(values.title.as_deref()),
                Cell::text(problem),
                Cell::text(values.standard.as_deref()),
                self.agency(values.lead.as_ref()),
                Cell::text(Some(&co_units.join("、"))),
                Cell::date(values.due_on.as_ref()),
                Cell::count(values.progress_pct),
                self.term("task_item", "status", values.status().into()),
                self.overdue(values.due_on.as_ref(), is_open),
            ]);
        }
        table
    }

    fn duty_table(&self) -> Table {
        let columns = vec![
            Column::new(Content::Text, "scope", ("辖区", "Scope")),
            Column::new(Content::Text, "agency", ("责任单位", "Agency")),
            Column::new(Content::Text, "duty", ("责任事项", "Duty")),
            Column::new(
                Content::Text,
                "leader_post",
                ("责任领导(职务)", "Responsible post"),
            ),
            Column::new(Content::Text, "person", ("责任人", "Person"))
                .defined("其他辖区的姓名只留姓氏", "of other scopes only the surname"),
            Column::new(Content::Text, "tasks", ("对应任务", "Tasks")),
            Column::new(Content::Flag, "standing", ("常态责任", "Standing duty")),
        ];
        let mut table = Table::new(
            "duties",
            Word::of("责任清单", "Responsibility list"),
            columns,
        );
        let titles: BTreeMap<RecordId, &str> = self
            .tasks
            .iter()
            .filter_map(|item| Some((item.id, item.values.title.as_deref()?)))
            .collect();
        for Item { scope, values, .. } in &self.duties {
            let person = id(values.person.as_ref()).and_then(|id| self.people.get(&id));
            let tasks = values
                .tasks
                .iter()
                .filter_map(|task| titles.get(&id(Some(task))?));
            let tasks: Vec<&str> = tasks.copied().collect();
            table.rows.push(vec![
                self.frame.scope(*scope),
                self.agency(values.agency.as_ref()),
                Cell::text(values.duty.as_deref()),
                Cell::text(values.leader_post.as_deref()),
                Cell::text(person.map(String::as_str)),
                Cell::text(Some(&tasks.join("；"))),
                values.standing.map_or(Cell::Empty, Cell::Flag),
            ]);
        }
        table
    }
}

fn item<M>(row: Row<M>) -> Item<M> {
    Item {
        id: row.id,
        scope: row.scope,
        values: row.values,
    }
}

fn joined_columns() -> Vec<Column> {
    vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Text, "no", ("问题编号", "Problem")),
        Column::new(Content::Text, "description", ("问题描述", "Description")),
        Column::new(Content::Text, "cause", ("原因剖析", "Cause")),
        Column::new(Content::Text, "measure", ("整改措施", "Measure")),
        Column::new(Content::Date, "due_on", ("整改时限", "Due")),
        Column::new(Content::Text, "status", ("问题状态", "Status")),
        Column::new(Content::Count, "overdue_days", ("逾期天数", "Days overdue"))
            .not_summed()
            .defined(
                "问题未销号、未撤回且时限已过的天数",
                "days since the date of a problem that is neither closed nor withdrawn",
            ),
        Column::new(Content::Text, "task", ("任务", "Task")),
        Column::new(Content::Text, "lead", ("牵头单位", "Lead agency")),
        Column::new(
            Content::Text,
            "post",
            ("责任领导(职务)", "Responsible post"),
        )
        .defined(
            "取本年度责任清单中牵头单位的职务",
            "of the responsibility items that the lead agency has this year",
        ),
        Column::new(Content::Date, "task_due_on", ("任务时限", "Task due")),
        Column::new(Content::Count, "progress", ("进度(%)", "Progress (%)")).not_summed(),
        Column::new(Content::Text, "task_status", ("任务状态", "Task status")),
    ]
}
