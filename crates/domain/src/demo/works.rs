//! What a scope does as a whole: agencies and committee, drives, trainings, seminars, funds,
//! highlights, answers to notices, returns, the wish to move a record.

use replica::RecordId;
use serde_json::json;
use time::Duration;

use super::{
    CITY, CITY_DIRECT, FEWEST,
    city::notices,
    district::{Maker, Records},
    words::{AGENCIES, EXPENSES, FORMS, INCENTIVES, METHODS, PATHWAYS, SUBJECTS},
};
use crate::date::{Date, text};

/// A training session that takes its attendance.
#[derive(Debug)]
pub(super) struct Session {
    number: u32,
    id: RecordId,
    roles: &'static [&'static str],
    on: Date,
    rate: u32,
    next: usize,
}

/// What all else in the scope refers to. The city's own agencies are published with its standard.
pub(super) fn head(maker: &mut Maker) {
    if maker.code != CITY_DIRECT {
        agencies(maker);
    }
    drives(maker);
}

/// The agencies of a scope and its committee, with a check of it.
pub(super) fn agencies(maker: &mut Maker) {
    for (number, (kind, name, industry)) in (1..).zip(AGENCIES) {
        let is_city = maker.code == CITY_DIRECT && number == 1;
        let values = json!({
            "name": format!("{}{name}", maker.place()),
            "kind": if is_city { "city_org_dept" } else { kind },
            "scope": maker.code, "industry": industry, "active": true,
        });
        maker.push("agency", maker.id("agency", number), values);
    }
    let mut rng = maker.rng("committee", 0);
    let year = maker.today().year();
    let since = crate::date::day(year - 1, 3, 1).unwrap_or_else(|| maker.today());
    let established = rng.weekday(since, since + Duration::days(300));
    let (staff, full_time) = (3 + rng.below(8), 1 + rng.below(3));
    let members = rng.some(&["1", "3", "4", "5", "6"], 600);
    let members: Vec<String> = members
        .into_iter()
        .map(|number| maker.id("agency", number).to_string())
        .collect();
    let values = json!({
        "scope": maker.code, "established_on": text(established), "lead_agency": maker.agency(1),
        "members": members, "staff": staff, "full_time_staff": full_time,
        "systems": ["例会制度（演示）", "督查制度（演示）"], "as_of": text(maker.demo.as_of()),
    });
    let committee = maker.push("work_committee", maker.id("committee", 0), values);
    let on = rng.weekday(maker.demo.new_year(), maker.today());
    for item in [15, 16] {
        let item = maker.demo.id(CITY, "standard_item", item);
        let values = json!({
            "item": item.to_string(), "subject": format!("work_committee/{committee}"),
            "result": *rng.pick(&["pass", "pass", "fail"]), "on": text(on),
            "checker": maker.agency(1),
        });
        maker.push("standard_check", item, values);
    }
}

/// One or two drives: the first was held, the second is on.
fn drives(maker: &mut Maker) {
    for number in 1..=1 + maker.rng("drive", 0).below(2) {
        let mut rng = maker.rng("drive", number);
        let is_first = number == 1;
        let (from, until) = if is_first {
            (maker.demo.new_year(), maker.today())
        } else {
            (maker.today() - Duration::days(20), maker.today())
        };
        let start = rng.weekday(from, until);
        let end = maker.within(&mut rng, start, 45);
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code,
            "title": format!("{}两新组织党组织集中组建行动第{number}次（演示）", maker.place()),
            "methods": rng.some(&METHODS, 500), "start_on": text(start),
            "end_on": is_first.then(|| text(end)),
            "status": if is_first { "held" } else { "running" },
            "target_count": 5 + rng.below(40),
            "features": is_first.then_some("按单位、行业、区域三个维度梳理空白点，逐户研判"),
            "summary": is_first.then_some("按期完成集中组建任务"),
        });
        maker.push("establishment_drive", maker.id("drive", number), values);
    }
}

pub(super) fn seminars(maker: &mut Maker) {
    for number in 1..=maker.rng("seminar", 0).below(3) {
        let mut rng = maker.rng("seminar", number);
        let on = rng.weekday(maker.demo.new_year(), maker.today());
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code,
            "title": format!("{}两新组织党建第{number}次主题研讨（演示）", maker.place()),
            "pathways": [rng.pick(&PATHWAYS)], "forms": [rng.pick(&FORMS)], "on": text(on),
            "venue": format!("{}会议中心（演示）", maker.place()),
            "participants": 20 + rng.below(80), "status": "held",
            "outcome": "形成研讨成果汇编一册",
        });
        maker.push("seminar", maker.id("seminar", number), values);
    }
}

/// What is little in number.
pub(super) fn rest(maker: &mut Maker) {
    funds(maker);
    incentives(maker);
    highlights(maker);
    receipts(maker);
    for (quarter, _) in maker.demo.past_quarters() {
        let period = format!("{}Q{quarter}", maker.demo.year());
        let values = json!({ "scope": maker.code, "period": period, "status": "open" });
        maker.push("quarterly_return", maker.id("return", quarter), values);
    }
    transfer(maker);
}

fn funds(maker: &mut Maker) {
    for number in 1..=2 + maker.rng("funding", 0).below(3) {
        let mut rng = maker.rng("funding", number);
        let on = rng.weekday(maker.demo.new_year(), maker.today());
        let is_income = number < 3;
        let purpose = if is_income {
            "财政安排两新组织党建工作经费"
        } else {
            *rng.pick(&EXPENSES)
        };
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code,
            "direction": if is_income { "income" } else { "expense" },
            "source": is_income.then_some("fiscal"),
            "amount_fen": u64::from(10 + rng.below(90)) * 1_000_000 / if is_income { 1 } else { 10 },
            "on": text(on), "purpose": purpose,
        });
        maker.push("funding_entry", maker.id("funding", number), values);
    }
}

fn incentives(maker: &mut Maker) {
    for number in 1..=1 + maker.rng("incentive", 0).below(3) {
        let mut rng = maker.rng("incentive", number);
        let on = rng.weekday(maker.demo.new_year(), maker.today());
        let kind = *rng.pick(&INCENTIVES);
        let headcount = 3 + rng.below(40);
        let is_paid = matches!(kind, "subsidy" | "care");
        let values = json!({
            "scope": maker.code, "kind": kind, "on": text(on), "headcount": headcount,
            "amount_fen": is_paid.then(|| u64::from(headcount) * 50_000),
            "note": "党务工作者激励关怀（演示）",
        });
        maker.push("incentive", maker.id("incentive", number), values);
    }
}

fn highlights(maker: &mut Maker) {
    for number in 1..=maker.rng("highlight", 0).below(3) {
        let topic = *maker.rng("highlight", number).pick(&[
            "空白点清零",
            "红色物业",
            "链上党建",
            "商圈联建",
        ]);
        let values = json!({
            "scope": maker.code, "title": format!("{}{topic}做法（演示）", maker.place()),
            "body": format!("{}以{topic}为抓手，推动两新组织党建提质增效。本文为演示材料。", maker.place()),
        });
        maker.push("highlight", maker.id("highlight", number), values);
    }
}

/// The notices that came here are acknowledged; a criticism is answered.
fn receipts(maker: &mut Maker) {
    for notice in notices(&maker.demo) {
        if !notice.audience.contains(&maker.code) {
            continue;
        }
        let mut rng = maker.rng("receipt", notice.number);
        let read = rng.weekday(notice.issued, maker.today());
        let replies = notice.kind == "criticise" && notice.targets.contains(&maker.code);
        let values = json!({
            "notice": notice.id.to_string(), "scope": maker.code, "read_on": text(read),
            "reply": replies.then_some("已召开专题会议，逐项制定整改措施"),
        });
        maker.push("notice_receipt", notice.id, values);
    }
}

/// Some scopes ask for a move of one of their organisations.
fn transfer(maker: &mut Maker) {
    let mut rng = maker.rng("transfer", 0);
    let others: Vec<String> = super::scopes()
        .into_iter()
        .map(|scope| scope.code)
        .filter(|code| *code != maker.code)
        .collect();
    let to = rng.pick(&others).clone();
    let index = 1 + rng.below(FEWEST);
    if !rng.chance(300) {
        return;
    }
    let organisation = maker.demo.organisation(&maker.code, index);
    let values = json!({
        "record": format!("organisation/{}", maker.id("org", index)),
        "from_scope": maker.code, "to_scope": to, "reason": "实际经营地已迁出本辖区",
        "status": "requested", "title": organisation.name,
    });
    maker.push("transfer_request", maker.id("transfer", 0), values);
}

impl Records {
    /// One to three sessions; the first is centralised and for everybody, so that the year's quota
    /// and the rotation can be met. None when there are no more.
    pub(super) fn training(&mut self, number: u32) -> Option<Session> {
        let maker = &self.maker;
        if number > 1 + maker.rng("training", 0).below(3) {
            return None;
        }
        let mut rng = maker.rng("training", number);
        let (kind, roles): (&str, &'static [&str]) = match number {
            1 => ("centralised", &["secretary", "head", "instructor"]),
            _ => *rng.pick(&[
                ("centralised", &["secretary"] as &[&str]),
                ("online", &["head"]),
                ("on_site", &["instructor"]),
            ]),
        };
        let on = rng.weekday(maker.demo.new_year(), maker.today());
        let session = Session {
            number,
            id: maker.id("training", number),
            roles,
            on,
            rate: 700 + rng.below(301),
            next: 0,
        };
        let attending = (0..self.holders.len()).filter(|at| self.attends(&session, *at));
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code,
            "title": format!("{}两新组织党务工作者第{number}期培训班（演示）", maker.place()),
            "kind": kind, "subjects": [rng.pick(&SUBJECTS), rng.pick(&SUBJECTS)],
            "target_roles": roles, "start_on": text(on), "end_on": text(on),
            "hours": 4 + 4 * rng.below(3), "venue": format!("{}党校（演示）", maker.place()),
            "status": "held", "declared_headcount": attending.count(),
        });
        let id = session.id;
        self.push("training_session", id, values);
        Some(session)
    }

    /// Whether a holder came: invited are those of the roles who held theirs on the day.
    fn attends(&self, session: &Session, at: usize) -> bool {
        let Some(holder) = self.holders.get(at) else {
            return false;
        };
        session.roles.contains(&holder.role)
            && holder.from <= session.on
            && self
                .maker
                .rng("attendance", format!("{}-{at}", session.number))
                .chance(session.rate)
    }

    /// Makes the attendance of some of those who may have come. Returns the session with the rest, or
    /// its number when it is through.
    pub(super) fn attend(&mut self, mut session: Session, some: usize) -> Result<Session, u32> {
        let end = self.holders.len().min(session.next + some);
        for at in session.next..end {
            if !self.attends(&session, at) {
                continue;
            }
            let Some(holder) = self.holders.get(at) else {
                continue;
            };
            let (person, role) = (holder.person, holder.role);
            let values = json!({
                "session": session.id.to_string(), "person": person.to_string(), "role": role,
                "attended": true,
            });
            self.push("training_attendance", person, values);
        }
        session.next = end;
        if end == self.holders.len() {
            Err(session.number)
        } else {
            Ok(session)
        }
    }
}
