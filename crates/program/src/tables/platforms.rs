//! The second table of report 4: each platform with what was set up for it, which a district prints.

use std::collections::{BTreeMap, BTreeSet};

use domain::{across, label::Language, validate::is_active};
use proto::ledger::{
    CentreFunction, Cluster, PartyOrganisation, Platform, PlatformMember, PlatformStatus,
    RoleAssignment, ServiceCentre, ServiceClaim, ServiceStatus, WorkerRole,
};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Agencies, Frame, Row, id, wide},
    table::{Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// A platform with what belongs to it.
struct Entry {
    scope: ScopeId,
    values: Platform,
    units: BTreeSet<RecordId>,
    part_time: BTreeSet<RecordId>,
    opened: Option<String>,
    functions: Vec<i32>,
    floating: Option<u32>,
    /// By category: done, and all that were not cancelled.
    claims: BTreeMap<i32, (u64, u64)>,
}

/// What platforms name.
#[derive(Default)]
struct Names {
    /// Clusters, with the committee of the park.
    clusters: BTreeMap<RecordId, (String, Option<RecordId>)>,
    parties: BTreeMap<RecordId, String>,
    agencies: Agencies,
}

/// The platforms of the scopes that are asked for, those that were closed left out.
pub(super) fn list(frame: &Frame<'_>) -> Result<Table, Failure> {
    let mut entries = entries(frame)?;
    people(frame, &mut entries)?;
    services(frame, &mut entries)?;
    let names = names(frame, &entries)?;
    let mut table = Table::new("list", Word::of("平台明细", "Platforms"), columns());
    let mut entries: Vec<(RecordId, Entry)> = entries.into_iter().collect();
    entries.sort_by_cached_key(|(id, entry)| {
        (frame.code(entry.scope), entry.values.name.clone(), *id)
    });
    table.rows = entries
        .iter()
        .map(|(_, entry)| row(frame, entry, &names))
        .collect();
    table.add_up();
    table.note(
        "机构：平台的联合党组织；没有的为片区的园区党工委。成员单位、兼职委员为当日在任的，兼职委员含任职于平台和任职于其联合党组织的。",
        "Institution: the joint Party organisation of the platform, else the committee of the park. Member units and part-time members are those of the day; part-time members of the platform and of its joint Party organisation.",
    );
    table.note(
        "服务认领：各类别已办结/全部未取消的。",
        "Service claims: of each category done/all that were not cancelled.",
    );
    Ok(table)
}

fn entries(frame: &Frame<'_>) -> Result<BTreeMap<RecordId, Entry>, Failure> {
    let mut entries = BTreeMap::new();
    frame.each("platform", &mut |row: Row<Platform>| {
        if row.values.status() != PlatformStatus::Closed {
            let entry = Entry {
                scope: row.scope,
                values: row.values,
                units: BTreeSet::new(),
                part_time: BTreeSet::new(),
                opened: None,
                functions: Vec::new(),
                floating: None,
                claims: BTreeMap::new(),
            };
            entries.insert(row.id, entry);
        }
    })?;
    Ok(entries)
}

/// Who takes part: units, and the part-time members that they send.
fn people(frame: &Frame<'_>, entries: &mut BTreeMap<RecordId, Entry>) -> Result<(), Failure> {
    let is_now = |from: Option<&String>, to: Option<&String>| {
        is_active(Frame::day(from), Frame::day(to), frame.as_of)
    };
    frame.each("platform_member", &mut |row: Row<PlatformMember>| {
        let values = &row.values;
        let entry = id(values.platform.as_ref()).and_then(|id| entries.get_mut(&id));
        let both = entry.zip(id(values.organisation.as_ref()));
        if let Some((entry, unit)) =
            both.filter(|_| is_now(values.from_on.as_ref(), values.to_on.as_ref()))
        {
            entry.units.insert(unit);
        }
    })?;
    // The joint Party organisation of a platform is where its part-time members sit.
    let joint = |(platform, entry): (&RecordId, &Entry)| {
        Some((
            id(entry.values.joint_party_organisation.as_ref())?,
            *platform,
        ))
    };
    let joint: BTreeMap<RecordId, RecordId> = entries.iter().filter_map(joint).collect();
    let catalogue = frame.app.catalogue;
    frame.each("role_assignment", &mut |row: Row<RoleAssignment>| {
        let values = &row.values;
        let is_one = values.role() == WorkerRole::PartTimeMember
            && is_now(values.from_on.as_ref(), values.to_on.as_ref());
        let subject = values.subject.as_deref().filter(|_| is_one);
        let platform = subject
            .and_then(|text| across::named(catalogue, text))
            .and_then(|key| match catalogue.kind_name(key.kind).as_ref() {
                "platform" => Some(key.id),
                "party_organisation" => joint.get(&key.id).copied(),
                _ => None,
            });
        let entry = platform.and_then(|platform| entries.get_mut(&platform));
        if let Some((entry, person)) = entry.zip(id(values.person.as_ref())) {
            entry.part_time.insert(person);
        }
    })
}

/// What it does: its centre, and what was claimed and done.
fn services(frame: &Frame<'_>, entries: &mut BTreeMap<RecordId, Entry>) -> Result<(), Failure> {
    frame.each("service_centre", &mut |row: Row<ServiceCentre>| {
        let values = &row.values;
        let Some(entry) = id(values.platform.as_ref()).and_then(|id| entries.get_mut(&id)) else {
            return;
        };
        let is_open = Frame::day(values.opened_on.as_ref()).is_some_and(|on| on <= frame.as_of);
        let opened = values.opened_on.as_ref().filter(|_| is_open);
        // Of several the first that was opened.
        entry.opened = entry.opened.iter().chain(opened).min().cloned();
        let functions = values.functions();
        let functions = functions.filter(|one| *one != CentreFunction::Unspecified);
        entry.functions.extend(functions.map(i32::from));
        let members = entry.floating.into_iter().chain(values.floating_registered);
        entry.floating = members.reduce(u32::saturating_add);
    })?;
    frame.each("service_claim", &mut |row: Row<ServiceClaim>| {
        let (status, category) = (row.values.status(), row.values.category().into());
        let entry = id(row.values.platform.as_ref()).and_then(|id| entries.get_mut(&id));
        if let Some(entry) = entry.filter(|_| status != ServiceStatus::Cancelled) {
            let (done, all) = entry.claims.entry(category).or_default();
            *done += u64::from(status == ServiceStatus::Done);
            *all += 1;
        }
    })
}

fn names(frame: &Frame<'_>, entries: &BTreeMap<RecordId, Entry>) -> Result<Names, Failure> {
    let mut names = Names::default();
    if entries.is_empty() {
        return Ok(names);
    }
    names.agencies = frame.agencies()?;
    frame.each_known("cluster", &mut |row: Row<Cluster>| {
        let committee = id(row.values.park_committee.as_ref());
        let name = row.values.name.unwrap_or_default();
        names.clusters.insert(row.id, (name, committee));
    })?;
    let joint = |entry: &Entry| id(entry.values.joint_party_organisation.as_ref());
    let joint: BTreeSet<RecordId> = entries.values().filter_map(joint).collect();
    if !joint.is_empty() {
        frame.each_known("party_organisation", &mut |row: Row<PartyOrganisation>| {
            if joint.contains(&row.id) {
                names
                    .parties
                    .insert(row.id, row.values.name.unwrap_or_default());
            }
        })?;
    }
    Ok(names)
}

fn columns() -> Vec<Column> {
    let text = |id, zh, en| Column::new(Content::Text, id, (zh, en));
    let count = |id, zh, en| Column::new(Content::Count, id, (zh, en));
    let step =
        |id, zh, en| Column::new(Content::Date, id, (zh, en)).under("步骤完成日", "Step done on");
    let centre = ("党员综合服务中心", "Service centre");
    vec![
        text("scope", "辖区", "Scope"),
        text("name", "平台名称", "Platform"),
        text("cluster", "片区", "Cluster"),
        text("status", "状态", "Status"),
        text("mode", "组建方式", "Mode"),
        text("institution", "机构", "Institution"),
        text("secretary_source", "书记产生方式", "Source of secretary"),
        count("units", "成员单位", "Member units"),
        count("part_time", "兼职委员", "Part-time members"),
        text("systems", "已建制度", "Systems"),
        text("mechanisms", "已建机制", "Mechanisms"),
        Column::new(Content::Date, "opened_on", ("启用日期", "Opened")).under(centre.0, centre.1),
        text("functions", "功能", "Functions").under(centre.0, centre.1),
        count("floating", "登记流动党员", "Floating members")
            .under(centre.0, centre.1)
            .of_members(),
        text("claims", "服务认领", "Service claims"),
        step("institution_on", "建机构", "Institution"),
        step("mechanism_on", "定机制", "Mechanisms"),
        step("strength_on", "聚力量", "Strength"),
        step("service_on", "助发展", "Service"),
    ]
}

fn row(frame: &Frame<'_>, entry: &Entry, names: &Names) -> Vec<Cell> {
    let values = &entry.values;
    let words = |field: &str| frame.words("platform", field);
    let cluster = id(values.cluster.as_ref()).and_then(|id| names.clusters.get(&id));
    let joint = id(values.joint_party_organisation.as_ref());
    let joint = joint.and_then(|id| names.parties.get(&id));
    let committee = cluster.and_then(|(_, committee)| names.agencies.get(&(*committee)?));
    vec![
        frame.scope(entry.scope),
        Cell::text(values.name.as_deref()),
        Cell::text(cluster.map(|(name, _)| name.as_str())),
        Cell::term(words("status"), values.status().into()),
        Cell::term(words("mode"), values.mode().into()),
        Cell::text(joint.or(committee).map(String::as_str)),
        Cell::term(words("secretary_source"), values.secretary_source().into()),
        Cell::Count(wide(entry.units.len())),
        Cell::Count(wide(entry.part_time.len())),
        Cell::terms(words("systems"), &values.systems),
        Cell::terms(words("mechanisms"), &values.mechanisms),
        Cell::date(entry.opened.as_ref()),
        Cell::terms(frame.words("service_centre", "functions"), &entry.functions),
        frame.members(entry.scope, entry.floating),
        claims(frame, entry),
        Cell::date(values.step_institution_on.as_ref()),
        Cell::date(values.step_mechanism_on.as_ref()),
        Cell::date(values.step_strength_on.as_ref()),
        Cell::date(values.step_service_on.as_ref()),
    ]
}

/// Each category with what was done of it.
fn claims(frame: &Frame<'_>, entry: &Entry) -> Cell {
    let spec = frame.words("service_claim", "category");
    let unstated = || Cell::word("unstated", "未注明", "Not said");
    let each = |of: &dyn Fn(&Cell) -> String, between: &str| {
        let parts = entry.claims.iter().map(|(category, (done, all))| {
            let category = match Cell::term(spec, *category) {
                Cell::Empty => unstated(),
                category => category,
            };
            format!("{} {done}/{all}", of(&category))
        });
        parts.collect::<Vec<_>>().join(between)
    };
    if entry.claims.is_empty() {
        return Cell::Empty;
    }
    let ids = each(&Cell::id, ",");
    let say = |language| move |cell: &Cell| cell.say(language);
    let word = Word::new(
        each(&say(Language::Zh), "、"),
        each(&say(Language::En), ", "),
    );
    Cell::Term(ids, word)
}
