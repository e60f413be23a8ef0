//! The three lists: problems with their tasks, and who answers for what.

use replica::RecordId;
use serde_json::json;
use time::Duration;

use super::{
    Rng,
    district::Maker,
    words::{AGENCIES, DUTIES, PROBLEMS},
};
use crate::date::{Date, text};

/// Tasks that an entry of the responsibility list names at most.
const TASKS: usize = 10;

/// Five to twenty problems that the scope found itself, with tasks, and the responsibility list.
pub(super) fn problems(maker: &mut Maker) {
    let mut led: Vec<Vec<RecordId>> = AGENCIES.iter().map(|_| Vec::new()).collect();
    for number in 1..=5 + maker.rng("problem", 0).below(16) {
        let finders = ["self", "self", "district", "report", "system"];
        let found_by = *maker.rng("problem_found", number).pick(&finders);
        for (agency, task) in problem(maker, ('A', number), found_by) {
            if let Some(tasks) = led.get_mut(agency - 1).filter(|it| it.len() < TASKS) {
                tasks.push(task);
            }
        }
    }
    for ((at, (duty, post)), tasks) in (1..).zip(DUTIES).zip(led) {
        let tasks: Vec<String> = tasks.iter().map(ToString::to_string).collect();
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code, "agency": maker.agency(at),
            "duty": duty, "leader_post": post, "tasks": tasks, "standing": at <= 2,
        });
        maker.push("responsibility_item", maker.id("duty", at), values);
    }
}

/// How far a problem has come.
struct Course {
    status: &'static str,
    extension: &'static str,
    closed: Option<Date>,
}

fn course(maker: &Maker, rng: &mut Rng, (registered, due): (Date, Date)) -> Course {
    let is_due = due < maker.today();
    let status = if is_due {
        match rng.below(100) {
            0..70 => "closed",
            70..90 => "in_progress",
            90..95 => "close_applied",
            _ => "returned",
        }
    } else {
        *rng.pick(&[
            "registered",
            "assigned",
            "acknowledged",
            "in_progress",
            "in_progress",
            "close_applied",
            "closed",
            "long_term",
            "reopened",
            "withdrawn",
        ])
    };
    let is_late = rng.chance(150);
    let closed = if is_due && is_late {
        rng.weekday(due, maker.today())
    } else {
        rng.weekday(registered, due.min(maker.today()))
    };
    let extension = match status {
        "in_progress" if is_due => *rng.pick(&["none", "requested", "refused"]),
        "in_progress" => *rng.pick(&["none", "none", "granted"]),
        _ => "none",
    };
    Course {
        status,
        extension,
        closed: (status == "closed").then_some(closed),
    }
}

/// Makes a problem with its tasks. Returns the agency that leads each, counted from 1, and the task.
pub(super) fn problem(
    maker: &mut Maker,
    (series, number): (char, u32),
    found_by: &str,
) -> Vec<(usize, RecordId)> {
    let key = format!("{series}{number}");
    let mut rng = maker.rng("problem", &key);
    let (category, description, cause, measure) = *rng.pick(&PROBLEMS);
    let registered = rng.weekday(maker.demo.new_year(), maker.today());
    let due = registered + Duration::days(30 + i64::from(rng.below(60)));
    let severity = if rng.chance(200) { "high" } else { "normal" };
    let course = course(maker, &mut rng, (registered, due));
    let is_begun = !matches!(course.status, "registered" | "assigned" | "withdrawn");
    let year = maker.demo.year();
    let values = json!({
        "no": format!("{}-{year}-{series}{number:04}", maker.code), "year": year,
        "scope": maker.code, "category": category,
        "description": format!("{}{description}（演示）", maker.place()),
        "cause": is_begun.then_some(cause), "measure": is_begun.then_some(measure),
        "found_by": found_by, "severity": severity, "registered_on": text(registered),
        "due_on": text(due), "extension": course.extension, "status": course.status,
        "closed_on": course.closed.map(text),
    });
    let problem = maker.push("problem_item", maker.id("problem", &key), values);
    let tasks = 1 + rng.below(2);
    (1..=tasks)
        .map(|task| self::task(maker, &key, task, (problem, &course, due)))
        .collect()
}

/// A task of a problem.
fn task(
    maker: &mut Maker,
    key: &str,
    number: u32,
    (problem, course, due): (RecordId, &Course, Date),
) -> (usize, RecordId) {
    let mut rng = maker.rng("task", format!("{key}-{number}"));
    let lead = *rng.pick(&[1, 2, 3, 4, 5, 6]);
    let other = lead % 6 + 1;
    let (status, progress) = match course.status {
        "closed" | "close_applied" => ("done", 100),
        "withdrawn" => ("cancelled", 0),
        "registered" | "assigned" => ("open", 0),
        _ => ("in_progress", 10 * (1 + rng.below(8))),
    };
    let title = *rng.pick(&[
        "制定整改方案",
        "逐户核对情况",
        "组织专题调度",
        "完善工作台账",
    ]);
    let year = maker.demo.year();
    let values = json!({
        "no": format!("{}-{year}-{key}-T{number}", maker.code), "year": year,
        "scope": maker.code, "problem": problem.to_string(), "title": title,
        "standard": "措施落实，资料齐全", "lead": maker.agency(lead),
        "co_units": [maker.agency(other)], "due_on": text(due), "progress_pct": progress,
        "status": status,
    });
    let id = maker.id("task", format!("{key}-{number}"));
    (lead, maker.push("task_item", id, values))
}
