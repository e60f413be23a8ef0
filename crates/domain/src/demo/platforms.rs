//! Clusters, and the platforms built in them step by step.

use replica::RecordId;
use serde_json::json;
use time::Duration;

use super::{
    district::{Maker, Records},
    words::{CLUSTER_KINDS, FUNCTIONS, MECHANISMS, MODES, NEEDS, SCALES, SOURCES, SYSTEMS},
};
use crate::date::{Date, text};

/// Members of a platform.
const MEMBERS: usize = 12;

/// A cluster and some of the organisations that lie in it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) id: RecordId,
    pub(super) kind: &'static str,
    name: String,
    members: Vec<RecordId>,
}

impl Cluster {
    /// Tells it of an organisation that lies in it.
    pub(super) fn join(&mut self, organisation: RecordId) {
        if self.members.len() < MEMBERS {
            self.members.push(organisation);
        }
    }
}

/// How many platforms a scope has.
fn count(maker: &Maker) -> u32 {
    maker.rng("platform", 0).below(3)
}

/// Two to six clusters; those with a platform are mature, and some others are.
pub(super) fn clusters(maker: &mut Maker) -> Vec<Cluster> {
    let platforms = count(maker);
    let mut clusters = Vec::new();
    for number in 1..=2 + maker.rng("cluster", 0).below(5) {
        let mut rng = maker.rng("cluster", number);
        let (kind, word) = *rng.pick(&CLUSTER_KINDS);
        let name = format!("{}示例{number}号{word}（演示）", maker.place());
        let is_park = kind.ends_with("park");
        let values = json!({
            "name": name, "kind": kind, "scale": *rng.pick(&SCALES),
            "mature": rng.chance(300) || number <= platforms,
            "park_committee": is_park.then(|| maker.agency(6)),
            "address": format!("{}示例大道{}号", maker.place(), 1 + rng.below(200)),
        });
        let id = maker.push("cluster", maker.id("cluster", number), values);
        clusters.push(Cluster {
            id,
            kind,
            name,
            members: Vec::new(),
        });
    }
    clusters
}

/// A platform with the days of the steps that are done.
struct Platform {
    id: RecordId,
    name: String,
    days: Vec<Date>,
    is_operating: bool,
}

pub(super) fn platforms(records: &mut Records) {
    let clusters = std::mem::take(&mut records.clusters);
    let party = records.parties.first().copied();
    let maker = &mut records.maker;
    let some = usize::try_from(count(maker)).unwrap_or_default();
    for (number, cluster) in (1..).zip(clusters.iter().take(some)) {
        let platform = platform(maker, number, cluster, party);
        if platform.days.is_empty() {
            continue;
        }
        members(maker, &platform, cluster);
        if platform.days.len() >= 3 {
            centre(maker, number, &platform);
        }
        meetings(maker, number, &platform);
        claims(maker, number, &platform, cluster);
    }
}

fn platform(
    maker: &mut Maker,
    number: u32,
    cluster: &Cluster,
    party: Option<RecordId>,
) -> Platform {
    let mut rng = maker.rng("platform", number);
    let (steps, status) = *rng.pick(&[
        (0, "identified"),
        (1, "preparing"),
        (2, "preparing"),
        (3, "preparing"),
        (4, "built"),
        (4, "operating"),
        (4, "operating"),
        (4, "suspended"),
    ]);
    let mode = *rng.pick(&MODES);
    let mut day = maker.within(&mut rng, maker.demo.new_year(), 60);
    let mut days = Vec::new();
    for _ in 0..steps {
        day = maker.within(&mut rng, day, 40);
        days.push(day);
    }
    let built = maker.within(&mut rng, day, 15);
    // It works from its first quarterly meeting.
    let past = maker.demo.past_quarters();
    let has_met = days
        .get(1)
        .is_some_and(|since| past.iter().any(|(_, end)| end >= since));
    let status = match status {
        "operating" | "suspended" if !has_met => "built",
        status => status,
    };
    let done = |step: usize| days.get(step).map(|on| text(*on));
    let has = |step: usize| days.len() > step;
    let name = cluster.name.replace("（演示）", "党建平台（演示）");
    let values = json!({
        "cluster": cluster.id.to_string(), "name": name,
        "mode": has(0).then_some(mode),
        "joint_party_organisation": party.filter(|_| has(0) && mode == "joint").map(|id| id.to_string()),
        "secretary_source": has(0).then(|| *rng.pick(&SOURCES)),
        "step_institution_on": done(0), "step_mechanism_on": done(1),
        "step_strength_on": done(2), "step_service_on": done(3),
        "systems": has(1).then(|| rng.some(&SYSTEMS, 700)),
        "mechanisms": has(1).then(|| rng.some(&MECHANISMS, 500)),
        "built_on": has(3).then(|| text(built)), "status": status,
    });
    let id = maker.push("platform", maker.id("platform", number), values);
    Platform {
        id,
        name,
        days,
        is_operating: matches!(status, "operating" | "suspended"),
    }
}

fn members(maker: &mut Maker, platform: &Platform, cluster: &Cluster) {
    let since = platform
        .days
        .first()
        .copied()
        .unwrap_or_else(|| maker.today());
    for organisation in &cluster.members {
        let mut rng = maker.rng("platform_member", organisation);
        let from = maker.within(&mut rng, since, 60);
        let values = json!({
            "platform": platform.id.to_string(), "organisation": organisation.to_string(),
            "from_on": text(from),
        });
        maker.push("platform_member", *organisation, values);
    }
}

/// The centre of a platform, and a part-time member of its joint Party organisation.
fn centre(maker: &mut Maker, number: u32, platform: &Platform) {
    let opened = platform
        .days
        .get(2)
        .copied()
        .unwrap_or_else(|| maker.today());
    let mut rng = maker.rng("centre", number);
    let name = platform.name.replace("党建平台", "党员综合服务中心");
    let values = json!({
        "platform": platform.id.to_string(), "name": name,
        "address": format!("{}示例大道{}号", maker.place(), 1 + rng.below(200)),
        "area_m2": 80 + rng.below(400), "functions": rng.some(&FUNCTIONS, 700),
        "opened_on": text(opened), "floating_registered": rng.below(30),
        "as_of": text(maker.demo.as_of()),
    });
    maker.push("service_centre", maker.id("centre", number), values);
    let person = maker.id("person", format!("part-time-{number}"));
    let values = json!({
        "display_name": rng.person(), "employer": format!("{}演示街道", maker.place()),
        "post": "兼职委员", "full_time": false, "status": "active",
    });
    maker.push("person", person, values);
    let values = json!({
        "person": person.to_string(), "role": "part_time_member",
        "subject": format!("platform/{}", platform.id), "from_on": text(opened),
    });
    maker.push("role_assignment", person, values);
}

/// A quarterly meeting in most quarters that have ended since the mechanisms were set.
fn meetings(maker: &mut Maker, number: u32, platform: &Platform) {
    let Some(since) = platform.days.get(1).copied() else {
        return;
    };
    let mut from = since;
    let mut must_meet = platform.is_operating;
    for (quarter, end) in maker.demo.past_quarters() {
        if end < since {
            continue;
        }
        let mut rng = maker.rng("meeting", format!("{number}-{quarter}"));
        let is_held = rng.chance(850) || must_meet;
        let on = rng.weekday(from, end);
        from = end + Duration::days(1);
        if !is_held {
            continue;
        }
        must_meet = false;
        let values = json!({
            "platform": platform.id.to_string(), "kind": "quarterly_meeting", "on": text(on),
            "topics": "通报上季度工作，商议成员单位需求",
            "decisions": "明确共办活动一项、认领服务两项",
        });
        let id = maker.id("meeting", format!("{number}-{quarter}"));
        maker.push("platform_meeting", id, values);
    }
}

fn claims(maker: &mut Maker, number: u32, platform: &Platform, cluster: &Cluster) {
    let Some(since) = platform.days.last().copied() else {
        return;
    };
    let claims = 1 + maker.rng("claim", number).below(4);
    for claim in 1..=claims {
        let key = format!("{number}-{claim}");
        let mut rng = maker.rng("claim", &key);
        let (category, title) = *rng.pick(&NEEDS);
        let drawn = *rng.pick(&["open", "claimed", "in_progress", "done", "cancelled"]);
        // The last step of the building is a service that was done.
        let status = match claim {
            1 if platform.is_operating || platform.days.len() == 4 => "done",
            _ => drawn,
        };
        let is_claimed = matches!(status, "claimed" | "in_progress" | "done");
        let is_done = status == "done";
        let requester =
            (!cluster.members.is_empty()).then(|| rng.pick(&cluster.members).to_string());
        let values = json!({
            "platform": platform.id.to_string(), "requester": requester,
            "title": format!("{title}（演示{claim}）"), "category": category,
            "claimed_by": is_claimed.then(|| format!("agency/{}", maker.agency(3))),
            "status": status,
            "done_on": is_done.then(|| text(maker.within(&mut rng, since, 10))),
            "feedback": is_done.then_some("需求已解决，单位满意"),
        });
        maker.push("service_claim", maker.id("claim", &key), values);
    }
}
