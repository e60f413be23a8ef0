//! Nominations with their scores: the district's part, and what the city makes of them.

use replica::RecordId;
use serde_json::json;

use super::{CITY, Demo, Made, When, district::Maker, organisation::place, words::ITEMS};

/// Items that nominations are scored by: the first of the standard.
const CRITERIA: usize = 9;

/// A nomination as the district leaves it, and how the city goes on with it.
pub(super) struct Nominee {
    pub(super) number: u32,
    /// The index of its organisation.
    pub(super) index: u32,
    pub(super) employees: u32,
    pub(super) members: u32,
    /// The status to which the district brings it.
    status: &'static str,
    rank: Option<u32>,
    /// The status to which the city brings it.
    pub(super) outcome: &'static str,
}

/// One to four nominations of a scope, once the time for them has come: its first organisations
/// with a Party organisation of their own.
pub(super) fn nominees(demo: &Demo, code: &str) -> Vec<Nominee> {
    if u8::from(demo.today.month()) < 10 {
        return Vec::new();
    }
    let count = 1 + demo.rng(code, "nomination", 0).below(4);
    let all = (1..=demo.size.organisations).map(|index| demo.organisation(code, index));
    let standalone = all.filter(|it| it.establishment_form == "standalone");
    let mut ranks = 0;
    let nominee = |(number, organisation): (u32, super::Organisation)| {
        let mut rng = demo.rng(code, "nomination", number);
        let status = match number {
            1 => "recommended",
            2 => *rng.pick(&["recommended", "recommended", "assessed", "submitted"]),
            3 => *rng.pick(&["recommended", "assessed", "screened", "draft"]),
            _ => *rng.pick(&["submitted", "draft", "withdrawn"]),
        };
        let is_recommended = status == "recommended";
        ranks += u32::from(is_recommended);
        let outcomes = [
            "recommended",
            "received",
            "spot_checked",
            "accepted",
            "accepted",
            "accepted",
            "not_accepted",
            "returned",
        ];
        let outcome = *demo.rng(code, "outcome", number).pick(&outcomes);
        Nominee {
            number,
            index: organisation.index,
            employees: organisation.employees,
            members: organisation.members,
            status,
            rank: is_recommended.then_some(ranks),
            outcome: if is_recommended { outcome } else { status },
        }
    };
    let count = usize::try_from(count).unwrap_or_default();
    (1..).zip(standalone.take(count)).map(nominee).collect()
}

/// The nominations of a scope, each with its scores.
pub(super) fn nominations(maker: &mut Maker) {
    for nominee in nominees(&maker.demo, &maker.code) {
        let number = nominee.number;
        let id = maker.id("nomination", number);
        let is_assessed = nominee.status == "assessed";
        let is_recommended = nominee.rank.is_some();
        // The scores name the nomination, and its assessment asks for the scores.
        let status = if is_assessed {
            "screened"
        } else {
            nominee.status
        };
        let values = json!({
            "year": maker.demo.year(), "scope": maker.code,
            "party_organisation": maker.id("party", nominee.index).to_string(),
            "summary": format!("{}示范点申报事迹材料第{number}号（演示）", place(&maker.code)),
            "highlight": is_recommended.then_some("党员先锋岗带动技术攻关"),
            "district_rank": nominee.rank,
            "recommend_doc": nominee.rank.map(|rank| maker.demo.document(800_000 + rank)),
            "status": status,
        });
        maker.push("nomination", id, values);
        let last = maker.out.back().cloned();
        if !matches!(nominee.status, "draft" | "withdrawn") {
            scores(maker, (number, id), is_assessed || is_recommended);
        }
        if let Some(nomination) = last.filter(|_| is_assessed) {
            let on = nomination.on(When::State("screened"), json!({ "status": "assessed" }));
            maker.out.push_back(on);
        }
    }
}

fn scores(maker: &mut Maker, (number, nomination): (u32, RecordId), by_district: bool) {
    for (at, item) in (1..).zip(ITEMS.iter().take(CRITERIA)) {
        let mut rng = maker.rng("score", format!("{number}-{at}"));
        let max = item.max_score.unwrap_or_default();
        let own = max - rng.below(3);
        let district = own - rng.below(3);
        let item = maker.demo.id(CITY, "standard_item", at);
        let values = json!({
            "nomination": nomination.to_string(), "item": item.to_string(), "self_score": own,
            "district_score": by_district.then_some(district),
            "note": (by_district && district < own).then_some("佐证材料不全，酌情扣分（演示）"),
        });
        maker.push("criterion_score", item, values);
    }
}

/// What the city adds to the scores of a nomination that it has accepted.
pub(super) fn city_scores(maker: &Maker, nominee: &Nominee) -> Vec<Made> {
    let mut given = Maker::new(&maker.demo, &maker.code);
    scores(
        &mut given,
        (nominee.number, maker.id("nomination", nominee.number)),
        true,
    );
    let numbered = (1..).zip(given.out);
    numbered
        .map(|(at, score): (u32, Made)| {
            let mut rng = maker.rng("city_score", format!("{}-{at}", nominee.number));
            let district = score
                .values
                .get("district_score")
                .and_then(serde_json::Value::as_u64);
            let city = district
                .unwrap_or_default()
                .saturating_sub(u64::from(rng.below(2)));
            score.on(When::Unset, json!({ "city_score": city }))
        })
        .collect()
}
