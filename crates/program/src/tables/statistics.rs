//! Reports 1 and 2: how many enterprises and how many social organisations have a Party
//! organisation, of which form, and why not, with staff, members and instructors.

use std::collections::{BTreeMap, BTreeSet};

use proto::ledger::{EstablishmentForm as Form, OrgClass, OrgKind, PartyOrgType};
use replica::{RecordId, ScopeId};

use super::{
    cover::{Unit, units},
    frame::{Frame, wide},
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// A column of the table: which units stand in it.
struct Group {
    id: &'static str,
    label: (&'static str, &'static str),
    /// Whether it is one of those that share all units among them.
    is_part: bool,
    holds: fn(&Unit) -> bool,
}

const fn part(
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    holds: fn(&Unit) -> bool,
) -> Group {
    Group {
        id,
        label: (zh, en),
        is_part: true,
        holds,
    }
}

const fn beside(
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    holds: fn(&Unit) -> bool,
) -> Group {
    Group {
        is_part: false,
        ..part(id, zh, en, holds)
    }
}

const ENTERPRISES: &[Group] = &[
    beside(
        "staff_50",
        "从业人员50人以上",
        "50 staff or more",
        |unit| unit.employees >= 50,
    ),
    beside(
        "staff_100",
        "从业人员100人以上",
        "100 staff or more",
        |unit| unit.employees >= 100,
    ),
    part("private", "私营企业", "Private", |unit| {
        unit.kind == OrgKind::PrivateEnterprise
    }),
    part(
        "hmt",
        "港澳台商投资",
        "Hong Kong, Macao, Taiwan",
        |unit| unit.kind == OrgKind::HmtEnterprise,
    ),
    part("foreign", "外商投资", "Foreign", |unit| {
        unit.kind == OrgKind::ForeignEnterprise
    }),
    part("other", "其他", "Other", |unit| {
        !matches!(
            unit.kind,
            OrgKind::PrivateEnterprise | OrgKind::HmtEnterprise | OrgKind::ForeignEnterprise
        )
    }),
];

const SOCIAL: &[Group] = &[
    part("social_group", "社会团体", "Associations", |unit| {
        unit.kind == OrgKind::SocialGroup
    }),
    part("foundation", "基金会", "Foundations", |unit| {
        unit.kind == OrgKind::Foundation
    }),
    part(
        "private_non_enterprise",
        "民办非企业单位",
        "Private non-enterprise units",
        |unit| unit.kind == OrgKind::PrivateNonEnterprise,
    ),
    part("law_firm", "律师事务所", "Law firms", |unit| {
        unit.kind == OrgKind::LawFirm
    }),
    part(
        "accounting_firm",
        "会计师事务所",
        "Accounting firms",
        |unit| unit.kind == OrgKind::AccountingFirm,
    ),
    part("tax_firm", "税务师事务所", "Tax agent firms", |unit| {
        unit.kind == OrgKind::TaxFirm
    }),
    part("other", "其他", "Other", |unit| {
        !matches!(
            unit.kind,
            OrgKind::SocialGroup
                | OrgKind::Foundation
                | OrgKind::PrivateNonEnterprise
                | OrgKind::LawFirm
                | OrgKind::AccountingFirm
                | OrgKind::TaxFirm
        )
    }),
];

/// Report 1.
pub(super) fn enterprises(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    tables(frame, OrgClass::NewEconomic, ENTERPRISES)
}

/// Report 2.
pub(super) fn social(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    tables(frame, OrgClass::NewSocial, SOCIAL)
}

/// What is counted of some units.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) units: u64,
    pub(super) instructed: u64,
    pub(super) standalone: u64,
    pub(super) by_type: BTreeMap<i32, u64>,
    pub(super) otherwise: u64,
    pub(super) by_form: BTreeMap<i32, u64>,
    pub(super) joint_3plus: u64,
    pub(super) joint_branches: BTreeSet<RecordId>,
    pub(super) unbuilt: u64,
    pub(super) should: u64,
    pub(super) few: u64,
    pub(super) none: u64,
    pub(super) unbuilt_instructed: u64,
    pub(super) instructors: BTreeSet<RecordId>,
    pub(super) staff: u64,
    pub(super) members: u64,
    pub(super) built_staff: u64,
    pub(super) built_members: u64,
    pub(super) waiting_staff: u64,
    pub(super) waiting_members: u64,
}

impl Tally {
    fn of<'u>(units: impl Iterator<Item = &'u Unit>, should_build: u32) -> Self {
        let mut tally = Self::default();
        units.for_each(|unit| tally.add(unit, should_build));
        tally
    }

    fn add(&mut self, unit: &Unit, should_build: u32) {
        let (staff, members) = (u64::from(unit.employees), u64::from(unit.members));
        self.units += 1;
        self.staff += staff;
        self.members += members;
        self.instructed += u64::from(unit.instructed);
        self.instructors.extend(&unit.instructors);
        let is_large = unit.full_members >= should_build;
        let Some(form) = unit.form else {
            self.unbuilt += 1;
            self.unbuilt_instructed += u64::from(unit.instructed);
            if unit.instructed {
                self.waiting_staff += staff;
                self.waiting_members += members;
            }
            match (is_large, unit.members) {
                (true, _) => self.should += 1,
                (false, 0) => self.none += 1,
                (false, _) => self.few += 1,
            }
            return;
        };
        self.built_staff += staff;
        self.built_members += members;
        if form == Form::Standalone {
            self.standalone += 1;
            *self.by_type.entry(unit.party_type.into()).or_default() += 1;
            return;
        }
        self.otherwise += 1;
        *self.by_form.entry(form.into()).or_default() += 1;
        self.joint_3plus += u64::from(is_large);
        if unit.party_type == PartyOrgType::JointBranch {
            self.joint_branches.extend(unit.party);
        }
    }

    fn typed(&self, party: PartyOrgType) -> u64 {
        self.by_type.get(&party.into()).copied().unwrap_or_default()
    }

    fn formed(&self, form: Form) -> u64 {
        self.by_form.get(&form.into()).copied().unwrap_or_default()
    }

    /// Standalone, of no type that has a line of its own.
    fn typed_otherwise(&self) -> u64 {
        let own = [
            PartyOrgType::Committee,
            PartyOrgType::GeneralBranch,
            PartyOrgType::Branch,
        ];
        let own = own.map(i32::from);
        let others = self
            .by_type
            .iter()
            .filter(|(party, _)| !own.contains(party));
        others.map(|(_, units)| units).sum()
    }
}

/// A line of the table: id, labels, what it counts, whether kinds share it among them, definition.
struct Line {
    id: &'static str,
    label: (&'static str, &'static str),
    value: fn(&Tally) -> u64,
    /// Whether the columns of kinds add up to that of all. One branch or instructor can stand in
    /// several.
    adds_up: bool,
    of_members: bool,
}

const fn line(
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    value: fn(&Tally) -> u64,
) -> Line {
    Line {
        id,
        label: (zh, en),
        value,
        adds_up: true,
        of_members: false,
    }
}

const fn distinct(
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    value: fn(&Tally) -> u64,
) -> Line {
    Line {
        adds_up: false,
        ..line(id, zh, en, value)
    }
}

const fn members(
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    value: fn(&Tally) -> u64,
) -> Line {
    Line {
        of_members: true,
        ..line(id, zh, en, value)
    }
}

const LINES: &[Line] = &[
    line(
        "units",
        "单位总数（在册）",
        "Units on the ledger",
        |t| t.units,
    ),
    line(
        "instructed",
        "有指导员联系的单位",
        "Units with an instructor",
        |t| t.instructed,
    ),
    line(
        "standalone",
        "单独建立党组织的单位",
        "Standalone",
        |t| t.standalone,
    ),
    line("committee", "　其中：党委", "  committee", |t| {
        t.typed(PartyOrgType::Committee)
    }),
    line(
        "general_branch",
        "　　　　党总支",
        "  general branch",
        |t| t.typed(PartyOrgType::GeneralBranch),
    ),
    line("branch", "　　　　党支部", "  branch", |t| {
        t.typed(PartyOrgType::Branch)
    }),
    line(
        "other_type",
        "　　　　其他类别或未注明",
        "  other or not said",
        Tally::typed_otherwise,
    ),
    line(
        "otherwise",
        "以其他方式覆盖的单位",
        "Covered otherwise",
        |t| t.otherwise,
    ),
    line("joint", "　其中：联合建", "  joint", |t| {
        t.formed(Form::Joint)
    }),
    line("affiliated", "　　　　挂靠建", "  affiliated", |t| {
        t.formed(Form::Affiliated)
    }),
    line("sector", "　　　　行业建", "  by sector", |t| {
        t.formed(Form::Sector)
    }),
    line("area", "　　　　区域建", "  by area", |t| {
        t.formed(Form::Area)
    }),
    line(
        "unstated_form",
        "　　　　方式未注明",
        "  form not said",
        |t| t.formed(Form::Unspecified),
    ),
    line(
        "joint_3plus",
        "　　正式党员达到应建线的单位",
        "  of which with enough full members for their own",
        |t| t.joint_3plus,
    ),
    distinct(
        "joint_branches",
        "　　联合党支部数",
        "  joint branches",
        |t| wide(t.joint_branches.len()),
    ),
    line(
        "unbuilt",
        "未建立党组织的单位",
        "Without a Party organisation",
        |t| t.unbuilt,
    ),
    line(
        "should_unbuilt",
        "　其中：应建未建",
        "  should be built",
        |t| t.should,
    ),
    line(
        "few_members",
        "　　　　仅有个别党员",
        "  few members",
        |t| t.few,
    ),
    line("no_members", "　　　　没有党员", "  no members", |t| t.none),
    line(
        "unbuilt_instructed",
        "　　已选派指导员的单位",
        "  with an instructor",
        |t| t.unbuilt_instructed,
    ),
    distinct("instructors", "指导员人数", "Instructors", |t| {
        wide(t.instructors.len())
    }),
    line("staff", "从业人员", "Staff", |t| t.staff),
    members("members", "党员", "Members", |t| t.members),
    line(
        "built_staff",
        "已建单位从业人员",
        "Staff of units with a Party organisation",
        |t| t.built_staff,
    ),
    members(
        "built_members",
        "已建单位党员",
        "Members in units with a Party organisation",
        |t| t.built_members,
    ),
    line(
        "waiting_staff",
        "未建但有指导员单位的从业人员",
        "Staff of units without, with an instructor",
        |t| t.waiting_staff,
    ),
    members(
        "waiting_members",
        "未建但有指导员单位的党员",
        "Members in units without, with an instructor",
        |t| t.waiting_members,
    ),
];

fn tables(frame: &Frame<'_>, class: OrgClass, groups: &[Group]) -> Result<Vec<Table>, Failure> {
    let all = units(frame)?;
    let own: Vec<&Unit> = all.iter().filter(|unit| unit.class == class).collect();
    let line = frame.parameters.should_build_members.unwrap_or(u32::MAX);
    let of_city: Vec<&Unit> = match frame.only {
        Some(_) => own.clone(),
        None => own.iter().copied().filter(|unit| unit.stands).collect(),
    };
    let total = Tally::of(of_city.iter().copied(), line);
    let by_group = groups.iter().map(|group| {
        let units = of_city.iter().copied().filter(|unit| (group.holds)(unit));
        Tally::of(units, line)
    });
    let tallies: Vec<Tally> = by_group.collect();
    let mut by_kind = kind_table(groups, &total, &tallies);
    let unclassed = all
        .iter()
        .filter(|unit| unit.class == OrgClass::Unspecified)
        .count();
    if unclassed > 0 {
        by_kind.notes.push(Word::new(
            format!("另有 {unclassed} 个在册单位未填组织大类和组织类型，未列入统计表一和统计表二。"),
            format!("{unclassed} more units on the ledger have neither class nor kind and stand in no table."),
        ));
    }
    let mut tables = vec![by_kind];
    if frame.only.is_none() {
        let removed = wide(own.len() - of_city.len());
        tables.push(scope_table(frame, &own, &total, (line, removed)));
    }
    Ok(tables)
}

fn kind_table(groups: &[Group], total: &Tally, tallies: &[Tally]) -> Table {
    let mut columns = vec![
        Column::new(Content::Text, "line", ("项目", "Line")),
        Column::new(Content::Count, "total", ("合计", "Total")).not_summed(),
    ];
    columns.extend(groups.iter().map(|group| {
        let column = Column::new(Content::Count, group.id, group.label).not_summed();
        let (zh, en) = if group.is_part {
            ("按类型", "By kind")
        } else {
            ("其中：按规模", "Of which by size")
        };
        column.under(zh, en)
    }));
    let mut table = Table::new("by_kind", Word::of("按类型", "By kind"), columns);
    for line in LINES {
        let mut row = vec![Cell::word(line.id, line.label.0, line.label.1)];
        row.push(Cell::Count((line.value)(total)));
        row.extend(tallies.iter().map(|tally| Cell::Count((line.value)(tally))));
        table.rows.push(row);
    }
    let all = Word::of("合计", "total");
    table.balances.extend(balances(total, &all));
    for (group, tally) in groups.iter().zip(tallies) {
        table
            .balances
            .extend(balances(tally, &Word::of(group.label.0, group.label.1)));
    }
    let name = Word::of("合计 = 各类型之和", "total = sum of the kinds");
    for line in LINES.iter().filter(|line| line.adds_up) {
        let parts = groups
            .iter()
            .zip(tallies)
            .filter(|(group, _)| group.is_part);
        let parts = parts.map(|(_, tally)| (line.value)(tally));
        let place = Word::of(line.label.0.trim_start_matches('　'), line.label.1);
        table
            .balances
            .push(Balance::new(&name, &place, (line.value)(total), parts));
    }
    definitions(&mut table);
    table
}

/// V26, for one column.
pub(super) fn balances(tally: &Tally, place: &Word) -> Vec<Balance> {
    let balance = |zh, en, whole: u64, parts: &[u64]| {
        Balance::new(&Word::of(zh, en), place, whole, parts.iter().copied())
    };
    vec![
        balance(
            "在册 = 单独建立 + 其他方式覆盖 + 未建",
            "counted = standalone + covered otherwise + without",
            tally.units,
            &[tally.standalone, tally.otherwise, tally.unbuilt],
        ),
        balance(
            "未建 = 应建未建 + 仅有个别党员 + 没有党员",
            "without = should be built + few members + no members",
            tally.unbuilt,
            &[tally.should, tally.few, tally.none],
        ),
        balance(
            "单独建立 = 党委 + 党总支 + 党支部 + 其他类别",
            "standalone = committees + general branches + branches + other",
            tally.standalone,
            &[
                tally.typed(PartyOrgType::Committee),
                tally.typed(PartyOrgType::GeneralBranch),
                tally.typed(PartyOrgType::Branch),
                tally.typed_otherwise(),
            ],
        ),
        balance(
            "其他方式覆盖 = 联合 + 挂靠 + 行业 + 区域 + 未注明",
            "covered otherwise = joint + affiliated + sector + area + not said",
            tally.otherwise,
            &[
                tally.formed(Form::Joint),
                tally.formed(Form::Affiliated),
                tally.formed(Form::Sector),
                tally.formed(Form::Area),
                tally.formed(Form::Unspecified),
            ],
        ),
    ]
}

/// The same lines as columns, with a row for each scope.
fn scope_table(
    frame: &Frame<'_>,
    units: &[&Unit],
    city: &Tally,
    (should_build, removed): (u32, u64),
) -> Table {
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    columns.extend(LINES.iter().map(|line| {
        let zh = line
            .label
            .0
            .trim_start_matches('　')
            .trim_start_matches("其中：");
        let column = Column::new(Content::Count, line.id, (zh, line.label.1.trim_start()));
        let column = if line.of_members {
            column.of_members()
        } else {
            column
        };
        if line.adds_up {
            column
        } else {
            column.not_summed()
        }
    }));
    let mut table = Table::new("by_scope", Word::of("按辖区", "By scope"), columns);
    let mut by_scope: BTreeMap<ScopeId, Tally> = BTreeMap::new();
    for unit in units {
        by_scope
            .entry(unit.scope)
            .or_default()
            .add(unit, should_build);
    }
    let none = Tally::default();
    let mut sum = 0;
    for scope in frame.shown(by_scope.keys().copied()) {
        let tally = by_scope.get(&scope).unwrap_or(&none);
        let mut row = vec![frame.scope(scope)];
        row.extend(LINES.iter().map(|line| Cell::Count((line.value)(tally))));
        table.rows.push(row);
        sum += tally.units;
        table
            .balances
            .extend(balances(tally, &Word::same(&frame.code(scope))));
    }
    table.add_up();
    let name = Word::of(
        "各辖区合计 = 全市 + 剔重",
        "sum of the scopes = city + duplicates",
    );
    table.balances.push(Balance::new(
        &name,
        &Word::of("单位总数", "units"),
        sum,
        [city.units, removed],
    ));
    table.notes.push(Word::new(
        format!("各县区合计 {sum}，剔重 {removed}，全市 {}。", city.units),
        format!(
            "Sum of the scopes {sum}, duplicates {removed}, city {}.",
            city.units
        ),
    ));
    table
}

fn definitions(table: &mut Table) {
    table.note(
        "单位：排查状态为“在册”的单位；全市按统一社会信用代码剔重，每个代码计一次。",
        "Units: those on the ledger; the city counts each credit code once.",
    );
    table.note(
        "已建：当日有有效的覆盖关系，且党组织已成立、未撤销。有几种方式的，按单独、联合、挂靠、行业、区域的次序取最强的一种。",
        "With a Party organisation: a link is in force on the day to one that was established and not dissolved; of several forms the strongest counts: standalone, joint, affiliated, sector, area.",
    );
    table.note(
        "应建未建：未建且正式党员达到应建线；仅有个别党员：未建、正式党员未达到应建线且有党员；没有党员：未建且党员数为零。",
        "Should be built: without, with as many full members as the line of the year; few members: without, fewer, and at least one member; no members: without any.",
    );
    table.note(
        "指导员：当日在派驻期内的指导员，一人联系几个单位计一人；联合党支部数为覆盖本栏单位的联合党支部，一个支部可列入几栏，因此这两项各类型之和可以大于合计。",
        "Instructors of units on the day, each once; joint branches that cover units of the column. One can stand in several columns, so that these two lines may add up to more than the total.",
    );
    table.note(
        "与全国统计表相比，不统计法定代表人是否为党员、是否担任书记（个人信息）。",
        "Whether a legal representative is a member or secretary is not counted on purpose: it is personal.",
    );
}
