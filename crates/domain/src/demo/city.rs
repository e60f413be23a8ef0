//! What the city makes: what it publishes, its own agencies, notices; and what it adds to the work of
//! a scope.

use replica::RecordId;
use serde_json::json;
use time::Duration;

use super::{
    CITY, CITY_DIRECT, Demo, FEWEST, Made, When,
    awards::{self, Nominee},
    covered,
    district::{AREA_UNITS, Maker},
    lists,
    words::ITEMS,
    works,
};
use crate::{
    date::{Date, text},
    identity,
    parameters::programme_year_json,
};

/// Documents of the city are numbered from here.
const CITY_DOCUMENTS: u32 = 900_000;

/// The edition of the definitions by which the figures of the year before were frozen; that year is
/// over, so it stays when the definitions go on.
const FROZEN_BY: &str = "2020.1";

/// The first day of the scopes in use.
const VALID_FROM: &str = "2020-01-01";

/// What the city publishes, and what it keeps for itself.
pub(super) fn published(demo: &Demo) -> Vec<Made> {
    let mut maker = Maker::new(demo, CITY);
    for scope in demo.scopes() {
        let id = identity::scope_record_id(&scope.code);
        let values = json!({
            "code": scope.code, "name": scope.name, "kind": scope.kind, "parent": CITY,
            "code_source": scope.code_source, "valid_from": VALID_FROM,
            "expected_to_report": scope.kind != "city_direct",
        });
        maker.push("scope", id, values);
    }
    let year = u32::try_from(demo.today.year()).unwrap_or_default();
    let values = programme_year_json(year).into();
    maker.push("programme_year", identity::year_record_id(year), values);
    for (number, item) in (1_u32..).zip(ITEMS) {
        let values = json!({
            "code": item.code, "year": demo.year(), "criterion": item.criterion,
            "title": item.title, "applies_to": item.applies_to, "max_score": item.max_score,
            "evidence": "现场查看，查阅资料",
        });
        maker.push("standard_item", maker.id("standard_item", number), values);
    }
    let mut own = Maker::new(demo, CITY_DIRECT);
    works::agencies(&mut own);
    for notice in notices(demo) {
        own.push("notice", notice.id, notice.values(demo));
    }
    maker.out.into_iter().chain(own.out).collect()
}

/// A notice of the city.
pub(super) struct Notice {
    pub(super) number: u32,
    pub(super) id: RecordId,
    pub(super) kind: &'static str,
    pub(super) targets: Vec<String>,
    pub(super) audience: Vec<String>,
    pub(super) issued: Date,
}

/// One on the progress of all, one that commends, one that criticises.
pub(super) fn notices(demo: &Demo) -> Vec<Notice> {
    let all: Vec<String> = demo.scopes().into_iter().map(|scope| scope.code).collect();
    let since = demo.as_of() + Duration::days(1);
    let kinds = ["progress", "commend", "criticise"];
    let notice = |(number, kind): (u32, &'static str)| {
        let mut rng = demo.rng(CITY, "notice", number);
        let issued = rng.weekday(since, demo.today);
        let one = vec![rng.pick(&all).clone()];
        let targets = if kind == "progress" { all.clone() } else { one };
        Notice {
            number,
            id: demo.id(CITY, "notice", number),
            kind,
            audience: if kind == "criticise" {
                targets.clone()
            } else {
                all.clone()
            },
            targets,
            issued,
        }
    };
    (1..)
        .zip(kinds)
        .filter(|_| !all.is_empty())
        .map(notice)
        .collect()
}

impl Notice {
    fn values(&self, demo: &Demo) -> serde_json::Value {
        let body = match self.kind {
            "progress" => "现将各县（市、区）工作进度通报如下。本文为演示材料。",
            "commend" => "工作扎实，成效明显，予以通报表扬。本文为演示材料。",
            _ => "措施不力，效果不明显，予以通报批评，限期整改。本文为演示材料。",
        };
        let is_critical = self.kind == "criticise";
        let due = self.issued + Duration::days(15);
        json!({
            "year": demo.year(), "kind": self.kind, "targets": self.targets,
            "reasons": is_critical.then_some(["measures", "effect"]), "audience": self.audience,
            "issued_on": text(self.issued), "body": body,
            "reply_due": is_critical.then(|| text(due)),
        })
    }
}

/// What the city adds to the work of a scope.
pub(super) fn answers(demo: &Demo, code: &str) -> Vec<Made> {
    let mut maker = Maker::new(demo, code);
    for number in 1..=1 + maker.rng("problem_city", 0).below(3) {
        lists::problem(&mut maker, ('C', number), "city");
    }
    for nominee in awards::nominees(demo, code) {
        if nominee.outcome != "recommended" {
            nomination(&mut maker, &nominee);
        }
    }
    change_request(&mut maker);
    adopted(&mut maker);
    snapshots(&mut maker);
    duplicate(&mut maker);
    maker.out.into()
}

/// Takes a recommended nomination through the city, to a point and a reward.
fn nomination(maker: &mut Maker, nominee: &Nominee) {
    let path: &[(&str, &str)] = match nominee.outcome {
        "received" => &[("recommended", "received")],
        "returned" => &[("recommended", "returned")],
        "spot_checked" => &[("recommended", "received"), ("received", "spot_checked")],
        "accepted" => &[
            ("recommended", "received"),
            ("received", "spot_checked"),
            ("spot_checked", "accepted"),
        ],
        "not_accepted" => &[("recommended", "received"), ("received", "not_accepted")],
        _ => return,
    };
    let id = maker.id("nomination", nominee.number);
    let mut rng = maker.rng("visit", format!("nomination-{}", nominee.number));
    let opened = maker.demo.as_of() + Duration::days(1);
    let visited = rng.weekday(opened, maker.today());
    let decided = rng.weekday(visited, maker.today());
    for (from, to) in path {
        if *to == "spot_checked" {
            visit(maker, nominee, visited);
        }
        if matches!(*to, "accepted" | "not_accepted") {
            maker.out.extend(awards::city_scores(maker, nominee));
        }
        if *to == "accepted" {
            // What follows from the verdict finds the point made.
            point(maker, nominee, decided);
        }
        if matches!(*to, "accepted" | "not_accepted") {
            verdict(maker, nominee, (to, decided));
        }
        let step = Made::new("nomination", id, identity::scope_id(&maker.code), json!({}));
        let step = step.on(When::State(from), json!({ "status": to }));
        maker.out.push_back(step);
    }
}

fn visit(maker: &mut Maker, nominee: &Nominee, on: Date) {
    let mut rng = maker.rng("visit_more", nominee.number);
    let team = format!("{}、{}", rng.person(), rng.person());
    let values = json!({
        "nomination": maker.id("nomination", nominee.number).to_string(), "on": text(on),
        "methods": rng.some(&["on_site", "documents", "interview"], 600), "team": team,
        "observed_employees": nominee.employees, "observed_members": nominee.members,
        "findings": "资料基本齐全，活动正常（演示）",
    });
    let id = maker.id("acceptance_visit", nominee.number);
    maker.push("acceptance_visit", id, values);
}

fn verdict(maker: &mut Maker, nominee: &Nominee, (to, on): (&str, Date)) {
    let has_passed = to == "accepted";
    let reason = if has_passed {
        "九项标准达到要求，同意验收（演示）"
    } else {
        "载体活动不足，未达到要求；未作现场抽查（演示）"
    };
    let values = json!({
        "nomination": maker.id("nomination", nominee.number).to_string(),
        "verdict": if has_passed { "pass" } else { "fail" }, "on": text(on), "reason": reason,
        "without_visit": (!has_passed).then_some(true),
    });
    maker.push(
        "acceptance_verdict",
        maker.id("verdict", nominee.number),
        values,
    );
}

fn point(maker: &mut Maker, nominee: &Nominee, on: Date) {
    let document = maker.demo.document(CITY_DOCUMENTS + nominee.index);
    let values = json!({
        "party_organisation": maker.id("party", nominee.index).to_string(),
        "year": maker.demo.year(), "doc_no": document, "status": "valid",
    });
    let point = maker.push(
        "demonstration_point",
        maker.id("point", nominee.number),
        values,
    );
    let values = json!({
        "year": maker.demo.year(), "scope": maker.code, "point": point.to_string(),
        "amount_fen": 5_000_000, "decided_on": text(on), "basis": document,
    });
    maker.push("reward", maker.id("reward", nominee.number), values);
}

/// The city's check counted others than the ledger says.
fn change_request(maker: &mut Maker) {
    let index = 1 + maker.rng("change_request", 0).below(FEWEST);
    let counted = maker.demo.organisation(&maker.code, index).employees + 2;
    let values = json!({
        "record": format!("organisation/{}", maker.id("org", index)), "field": "employees",
        "proposed": counted.to_string(), "basis": "市级抽查现场清点（演示）",
        "status": "proposed",
    });
    maker.push("change_request", maker.id("change_request", 0), values);
}

/// The first highlight of a scope is spread, where there is one.
fn adopted(maker: &mut Maker) {
    if maker.rng("highlight", 0).below(3) == 0 {
        return;
    }
    let id = maker.id("highlight", 1);
    let channels = maker
        .rng("adopted", 0)
        .some(&["heluo_plan", "media", "meeting", "bulletin"], 400);
    let highlight = Made::new("highlight", id, identity::scope_id(&maker.code), json!({}));
    let values = json!({ "adopted": true, "channels": channels });
    maker.out.push_back(highlight.on(When::Unset, values));
}

/// The coverage with which the year before ended. Those of the year itself are frozen when the city
/// accepts a return.
fn snapshots(maker: &mut Maker) {
    let demo = maker.demo.clone();
    let end = demo.new_year() - Duration::days(1);
    let (mut counted, mut covered, mut standalone) = (0_u32, 0_u32, 0_u32);
    let mut area = 0;
    let mut has_area = false;
    for index in 1..=demo.size.organisations {
        let o = demo.organisation(&maker.code, index);
        counted += u32::from(o.census_status == "counted");
        let is_old = || covered::life(&demo, &mut maker.rng("party", index)).established <= end;
        let is_covered = match o.establishment_form {
            "none" => false,
            "area" => {
                if area % AREA_UNITS == 0 {
                    has_area = is_old();
                }
                area += 1;
                has_area
            }
            _ => is_old(),
        };
        covered += u32::from(is_covered);
        standalone += u32::from(is_covered && o.establishment_form == "standalone");
    }
    let period = format!("{}Q4", end.year());
    for (indicator, num) in [
        ("org_coverage_rate", covered),
        ("standalone_rate", standalone),
    ] {
        let values = json!({
            "scope": maker.code, "period": period, "indicator": indicator, "num": num,
            "den": counted, "definition": FROZEN_BY,
        });
        let id = maker.id("snapshot", indicator);
        maker.push("indicator_snapshot", id, values);
    }
}

/// Two organisations that looked like one and are two: the first of the first two scopes.
fn duplicate(maker: &mut Maker) {
    let scopes = maker.demo.scopes();
    let [first, second, ..] = scopes.as_slice() else {
        return;
    };
    if maker.code != second.code {
        return;
    }
    let mut records = [first, second].map(|scope| maker.demo.id(&scope.code, "org", 1));
    records.sort_unstable();
    let mut lent = [first, second].map(|scope| identity::scope_id(&scope.code));
    lent.sort_unstable();
    let values = json!({
        "records": records.map(|id| id.to_string()),
        "evidence": "单位名称相近，经核对为两个单位（演示）",
        "ruling": "keep_both", "ruled_on": text(maker.demo.as_of()),
        "scopes": lent.map(|scope| RecordId(scope.0).to_string()),
        "reason": "统一社会信用代码不同，经营地不同（演示）",
    });
    let mut city = Maker::new(&maker.demo, CITY_DIRECT);
    city.push("duplicate_case", maker.id("duplicate", 0), values);
    maker.out.append(&mut city.out);
}
