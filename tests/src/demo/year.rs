//! A whole year of the programme, played by the city and three districts with the real programs:
//! census, drive, training, carriers, seminar, positions, platform, the three lists, nomination,
//! acceptance, reward, notice, highlight, and the turn of the year.
//!
//! Laocheng and Jianxi do what the plan asks for; Yichuan does not, and the figures, the notice and
//! the scorecard at the end say so.

mod autumn;
mod award;
mod score;
mod spring;

use domain::demo::Demo;
use serde_json::{Value, json};

use super::{
    Checks, Place, Stage, say, scene,
    stage::{District, quote},
    text,
};
use crate::programs::{Program, Ran};

pub(super) const PLACES: [Place; 3] = [
    Place::office("410302", "老城区"),
    Place::office("410305", "涧西区"),
    Place::office("410329", "伊川县"),
];
/// The district that falls behind.
const BEHIND: &str = "410329";
/// Organisations in the census of a district; the last of them turns out to be none.
const FIRMS: u32 = 12;

/// A district over the year: who works there, and what there is of it so far.
struct Works<'s> {
    district: &'s District,
    /// Where lines to be loaded lie in between.
    file: String,
    agency: String,
    drive: String,
    firms: Vec<String>,
    /// The branch of old, the new one, the joint one.
    parties: Vec<String>,
    /// The secretaries in the order of the branches.
    secretaries: Vec<String>,
    heads: Vec<String>,
    instructors: Vec<String>,
    carriers: Vec<String>,
    platform: String,
    problems: Vec<String>,
    nomination: String,
}

impl<'s> Works<'s> {
    fn new(stage: &'s Stage, district: &'s District) -> Self {
        Self {
            district,
            file: stage.path(&format!("{}.ndjson", district.code)),
            agency: String::new(),
            drive: String::new(),
            firms: Vec::new(),
            parties: Vec::new(),
            secretaries: Vec::new(),
            heads: Vec::new(),
            instructors: Vec::new(),
            carriers: Vec::new(),
            platform: String::new(),
            problems: Vec::new(),
            nomination: String::new(),
        }
    }

    fn code(&self) -> &'static str {
        self.district.code
    }

    fn is_behind(&self) -> bool {
        self.code() == BEHIND
    }

    /// Who fills in, on a day.
    fn clerk(&self, day: &str) -> Program {
        self.district.program.by("填报员").on(day)
    }

    /// Who reviews what others have submitted, on a day.
    fn chief(&self, day: &str) -> Program {
        self.district.program.by("审核员").on(day)
    }

    /// Enters records. Returns their ids, in order.
    fn enter(&self, day: &str, kind: &str, rows: Vec<Value>) -> Vec<String> {
        let rows = rows.into_iter();
        let lines = rows.map(|values| json!({ "kind": kind, "values": values }));
        load(&self.clerk(day), &self.file, lines)
    }

    /// Enters one record. Returns its id.
    fn make(&self, day: &str, kind: &str, values: Value) -> String {
        let mut ids = self.enter(day, kind, vec![values]);
        ids.pop().unwrap_or_default()
    }

    /// Sets the same fields of several records, as a step or not.
    fn set(&self, day: &str, kind: &str, ids: &[&String], values: &Value) {
        self.set_by(&self.clerk(day), kind, ids, values);
    }

    /// The same of what somebody else has submitted.
    fn approve(&self, day: &str, kind: &str, ids: &[&String], values: &Value) {
        self.set_by(&self.chief(day), kind, ids, values);
    }

    fn set_by(&self, program: &Program, kind: &str, ids: &[&String], values: &Value) {
        let ids = ids.iter();
        let lines = ids.map(|id| json!({ "kind": kind, "id": id, "values": values }));
        load(program, &self.file, lines);
    }
}

/// Loads lines into a program; none may be refused. Returns the ids, in order.
fn load(program: &Program, file: &str, lines: impl Iterator<Item = Value>) -> Vec<String> {
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    std::fs::write(file, lines).expect("a file is written");
    let loaded = program.json(["record", "load", file, "--reason", "日常填报"]);
    assert_eq!(loaded["rejected"], 0, "{loaded}");
    let results = loaded["results"].as_array().into_iter().flatten();
    results.map(|line| text(&line["id"]).to_owned()).collect()
}

/// The city's office on a day.
fn city(stage: &Stage, day: &str) -> Program {
    stage.hub.by("市两新工委").on(day)
}

/// Refuses that what must be refused went through; says why it did not.
fn refused(checks: &mut Checks, ran: &Ran, code: &str, what: &str) {
    let is_refused = ran.code != 0 && ran.stderr.contains(code);
    checks.see(is_refused, what);
    for line in ran.stderr.lines().take(1) {
        say(&format!("      {line}"));
    }
}

/// The figures of a day: `["scopes"][code]` and `["city"]`.
fn figures(program: &Program, day: &str) -> Value {
    let report = ["report", "indicators", "--as-of", day, "--year", "2020"];
    program.json(report)
}

/// Whether a rate is this many out of so many.
fn is_rate(figure: &Value, num: u64, den: u64) -> bool {
    figure["num"] == num && figure["den"] == den
}

/// A quarter's returns: signed by the districts, accepted by the city. Yichuan may be late.
fn returns(works: &[Works<'_>], stage: &Stage, period: &str, days: (&str, &str)) {
    let (day, late) = days;
    let step = |program: &Program, name: &str, code: &str| {
        let of = ["return", name, period, "--scope", code];
        program.run(of.into_iter().chain(["--reason", "季报"])).ok();
    };
    for work in works {
        let on = if work.is_behind() { late } else { day };
        step(&work.chief(on), "submit", work.code());
        work.district.settle();
        step(&city(stage, on), "accept", work.code());
    }
    let freeze = ["return", "freeze", period, "--reason", "全市"];
    let frozen = &city(stage, late).json(freeze)["frozen"];
    say(&format!(
        "  {period} 季报：三个县区上报，市级核对指纹后接收；全市 {frozen} 项指标已冻结"
    ));
}

/// The year.
pub(super) fn play(stage: &mut Stage, checks: &mut Checks) {
    let stage = &*stage;
    let new = |district| Works::new(stage, district);
    let mut works: Vec<Works<'_>> = stage.districts.iter().map(new).collect();
    stage.settle_all();
    let items = spring::plan(stage, &mut works, checks);
    spring::census(stage, &mut works, checks);
    spring::drive(stage, &mut works, checks);
    spring::built(stage, &mut works, checks);
    spring::carriers(stage, &mut works, checks);
    spring::training(stage, &works, checks);
    spring::seminar(stage, &works, checks);
    autumn::positions(stage, &works, &items, checks);
    autumn::platforms(stage, &mut works, checks);
    autumn::register(stage, &mut works, checks);
    autumn::rectify(stage, &works, checks);
    award::nominate(stage, &mut works, &items, checks);
    award::accept(stage, &works, checks);
    award::reward(stage, &works, checks);
    award::praise(stage, &works, checks);
    score::turn(stage, &works, checks);
    score::card(stage, &works, checks);
}

/// Organisation `n` of a district, as the census finds it: the first two are large enough for a
/// branch of their own, the next two have some members, the others none.
fn firm(code: &str, n: u32) -> Value {
    let firm = Demo::default().organisation(code, n);
    let (members, full) = match n {
        1 | 2 => (6, 5),
        3 | 4 => (2, 2),
        _ => (0, 0),
    };
    json!({
        "uscc": firm.uscc, "name": firm.name, "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": firm.industry,
        "operating_status": "operating", "census_status": "candidate",
        "employees": 20 + n, "members": members, "full_members": full, "as_of": "2020-02-20",
        "eligibility": "undetermined", "source": "manual",
    })
}

/// Quotes a report of a program as people read it.
fn print(program: &Program, args: &[&str]) {
    quote(&program.run(args.iter().chain(&["--lang", "zh"])).ok());
}

/// Says in which month what is done.
fn month(number: &str, zh: &str, en: &str) {
    scene(number, zh, en);
}
