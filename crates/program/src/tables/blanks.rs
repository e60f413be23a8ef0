//! Report 5: units that could have a Party organisation and have none, each with the case that is
//! open for it, and the same by kind of unit, by industry with its authority, and by area.

use std::collections::BTreeMap;

use domain::division;
use proto::ledger::{CaseStatus, Cluster, EstablishmentCase};
use replica::RecordId;

use super::{
    cover::{Unit, units},
    frame::{Agencies, Frame, Row, id, wide},
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// The letters of GB/T 4754-2017, with what they stand for.
const INDUSTRIES: &[(&str, &str, &str)] = &[
    (
        "A",
        "农、林、牧、渔业",
        "Agriculture, forestry, husbandry, fishery",
    ),
    ("B", "采矿业", "Mining"),
    ("C", "制造业", "Manufacturing"),
    (
        "D",
        "电力、热力、燃气及水生产和供应业",
        "Electricity, heat, gas and water",
    ),
    ("E", "建筑业", "Construction"),
    ("F", "批发和零售业", "Wholesale and retail"),
    ("G", "交通运输、仓储和邮政业", "Transport, storage and post"),
    ("H", "住宿和餐饮业", "Accommodation and catering"),
    (
        "I",
        "信息传输、软件和信息技术服务业",
        "Information transmission, software and IT services",
    ),
    ("J", "金融业", "Finance"),
    ("K", "房地产业", "Real estate"),
    ("L", "租赁和商务服务业", "Leasing and business services"),
    (
        "M",
        "科学研究和技术服务业",
        "Research and technical services",
    ),
    (
        "N",
        "水利、环境和公共设施管理业",
        "Water, environment and public facilities",
    ),
    (
        "O",
        "居民服务、修理和其他服务业",
        "Resident services, repair and other services",
    ),
    ("P", "教育", "Education"),
    ("Q", "卫生和社会工作", "Health and social work"),
    (
        "R",
        "文化、体育和娱乐业",
        "Culture, sports and entertainment",
    ),
    (
        "S",
        "公共管理、社会保障和社会组织",
        "Public administration, social security and social organisations",
    ),
    ("T", "国际组织", "International organisations"),
];

struct Case {
    due: Option<String>,
    values: EstablishmentCase,
}

/// The tables of the report.
pub(super) fn blank_points(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let mut blanks = units(frame)?;
    // As the indicator counts: of the city each credit code once, of a scope every record.
    blanks.retain(|unit| {
        unit.form.is_none() && unit.eligible && (frame.only.is_some() || unit.stands)
    });
    let blanks = Blanks {
        frame,
        cases: cases(frame)?,
        agencies: frame.agencies()?,
        clusters: clusters(frame)?,
        units: blanks,
    };
    Ok(vec![
        blanks.list(),
        blanks.grouped(
            "by_unit",
            ("按单位", "By kind of unit"),
            &[("by_unit", "组织类型", "Kind")],
            &|unit| vec![blanks.kind(unit)],
        ),
        // Of one letter there are several authorities, each with its own units to ask after.
        blanks.grouped(
            "by_industry",
            ("按行业", "By industry"),
            &[
                ("by_industry", "行业门类", "Industry"),
                (
                    "industry_authority",
                    "行业主管部门",
                    "Responsible authority",
                ),
            ],
            &|unit| vec![industry(unit), blanks.agency(unit.industry_authority)],
        ),
        blanks.grouped(
            "by_area",
            ("按区域", "By area"),
            &[("by_area", "所在乡镇(街道)", "Town")],
            &|unit| vec![blanks.area(unit)],
        ),
    ])
}

struct Blanks<'f, 'a> {
    frame: &'f Frame<'a>,
    units: Vec<Unit>,
    cases: BTreeMap<RecordId, Case>,
    agencies: Agencies,
    clusters: BTreeMap<RecordId, String>,
}

/// The open case of each organisation; of several the one that is due first.
fn cases(frame: &Frame<'_>) -> Result<BTreeMap<RecordId, Case>, Failure> {
    let mut cases: BTreeMap<RecordId, Case> = BTreeMap::new();
    frame.each("establishment_case", &mut |row: Row<EstablishmentCase>| {
        let ended = [CaseStatus::Established, CaseStatus::Cancelled];
        let Some(organisation) = id(row.values.organisation.as_ref()) else {
            return;
        };
        if ended.contains(&row.values.status()) {
            return;
        }
        let case = Case {
            due: row.values.due_on.clone(),
            values: row.values,
        };
        let known = cases.get(&organisation).map(|known| &known.due);
        // A case without a date is due after all that have one.
        if known.is_none_or(|known| (case.due.is_none(), &case.due) < (known.is_none(), known)) {
            cases.insert(organisation, case);
        }
    })?;
    Ok(cases)
}

fn clusters(frame: &Frame<'_>) -> Result<BTreeMap<RecordId, String>, Failure> {
    let mut names = BTreeMap::new();
    frame.each_known("cluster", &mut |row: Row<Cluster>| {
        names.insert(row.id, row.values.name.unwrap_or_default());
    })?;
    Ok(names)
}

fn industry(unit: &Unit) -> Cell {
    let letter = unit.industry.as_deref().unwrap_or_default();
    let known = INDUSTRIES.iter().find(|(known, ..)| *known == letter);
    match known {
        Some((letter, zh, en)) => {
            let label = Word::new(format!("{letter} {zh}"), format!("{letter} {en}"));
            Cell::Term((*letter).to_owned(), label)
        }
        None => Cell::text(Some(letter)),
    }
}

impl Blanks<'_, '_> {
    fn kind(&self, unit: &Unit) -> Cell {
        Cell::term(
            self.frame.words("organisation", "org_kind"),
            unit.kind.into(),
        )
    }

    fn area(&self, unit: &Unit) -> Cell {
        let Some(town) = unit.town.as_deref() else {
            return Cell::Empty;
        };
        let name = division::latest(town)
            .map(|town| town.name)
            .unwrap_or_default();
        let label = format!("{town} {name}");
        Cell::Term(town.to_owned(), Word::same(label.trim()))
    }

    fn agency(&self, agency: Option<RecordId>) -> Cell {
        let name = agency.and_then(|id| self.agencies.get(&id));
        Cell::text(name.map(String::as_str))
    }

    fn list(&self) -> Table {
        let columns = list_columns();
        let mut table = Table::new("list", Word::of("空白点清单", "Blank points"), columns);
        let form = self.frame.words("establishment_case", "form");
        let status = self.frame.words("establishment_case", "status");
        let mut units: Vec<&Unit> = self.units.iter().collect();
        units.sort_by_cached_key(|unit| {
            let scope = self.frame.code(unit.scope);
            (scope, unit.town.clone(), unit.name.clone(), unit.id)
        });
        for unit in units {
            let case = self.cases.get(&unit.id).map(|case| &case.values);
            let cluster = unit.cluster.and_then(|id| self.clusters.get(&id));
            table.rows.push(vec![
                self.frame.scope(unit.scope),
                Cell::text(unit.name.as_deref()),
                Cell::text(unit.uscc.as_deref()),
                self.kind(unit),
                industry(unit),
                self.agency(unit.industry_authority),
                self.area(unit),
                Cell::text(cluster.map(String::as_str)),
                self.frame.members(unit.scope, Some(unit.full_members)),
                Cell::Flag(unit.instructed),
                case.map_or(Cell::Empty, |case| Cell::term(form, case.form().into())),
                case.map_or(Cell::Empty, |case| {
                    self.agency(id(case.responsible_agency.as_ref()))
                }),
                case.map_or(Cell::Empty, |case| Cell::date(case.due_on.as_ref())),
                case.map_or(Cell::Empty, |case| Cell::term(status, case.status().into())),
            ]);
        }
        table.add_up();
        table.note(
            "空白点：在册、当日未被党组织覆盖，而正式党员达到应建线或研判为“具备条件”的单位。",
            "A blank point: a unit on the ledger without a Party organisation on the day that has as many full members as the line of the year or was judged eligible.",
        );
        table.note(
            "其他辖区单位的正式党员数低于小数抑制线的不显示（记“<”），该栏也不合计。",
            "Of other scopes a number of full members below the line for small numbers is not shown, and its column is not added up.",
        );
        table
    }

    fn grouped(
        &self,
        id: &'static str,
        (zh, en): (&'static str, &'static str),
        headings: &[(&'static str, &'static str, &'static str)],
        of: &dyn Fn(&Unit) -> Vec<Cell>,
    ) -> Table {
        #[derive(Default)]
        struct Sum {
            labels: Vec<Cell>,
            units: u64,
            should: u64,
            instructed: u64,
            planned: u64,
        }
        let line = self
            .frame
            .parameters
            .should_build_members
            .unwrap_or(u32::MAX);
        let mut groups: BTreeMap<Vec<String>, Sum> = BTreeMap::new();
        for unit in &self.units {
            let said = |label: Cell| match label {
                Cell::Empty => Cell::word("unstated", "未注明", "Not said"),
                label => label,
            };
            let labels: Vec<Cell> = of(unit).into_iter().map(said).collect();
            let key = labels.iter().map(Cell::id).collect();
            let sum = groups.entry(key).or_default();
            sum.labels = labels;
            sum.units += 1;
            sum.should += u64::from(unit.full_members >= line);
            sum.instructed += u64::from(unit.instructed);
            sum.planned += u64::from(self.cases.contains_key(&unit.id));
        }
        let mut table = Table::new(id, Word::of(zh, en), group_columns(headings));
        for sum in groups.into_values() {
            let mut row = sum.labels;
            row.extend([
                Cell::Count(sum.units),
                Cell::Count(sum.should),
                Cell::Count(sum.instructed),
                Cell::Count(sum.planned),
            ]);
            table.rows.push(row);
        }
        table.add_up();
        let name = Word::of("清单条数 = 各组之和", "listed = sum of the groups");
        let counts = table
            .rows
            .iter()
            .filter_map(|row| match row.get(headings.len()) {
                Some(Cell::Count(units)) => Some(*units),
                _ => None,
            });
        let balance = Balance::new(&name, &Word::of(zh, en), wide(self.units.len()), counts);
        table.balances.push(balance);
        table
    }
}

fn group_columns(headings: &[(&'static str, &'static str, &'static str)]) -> Vec<Column> {
    let labels = headings.iter();
    let labels = labels.map(|(id, zh, en)| Column::new(Content::Text, *id, (zh, en)));
    let counts = [
        ("units", "空白点", "Blank points"),
        ("should", "正式党员达到应建线", "With enough full members"),
        ("instructed", "已派指导员", "With an instructor"),
        ("planned", "已列组建任务", "With an open case"),
    ];
    let counts = counts.map(|(id, zh, en)| Column::new(Content::Count, id, (zh, en)));
    labels.chain(counts).collect()
}

fn list_columns() -> Vec<Column> {
    vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Text, "name", ("单位名称", "Unit")),
        Column::new(Content::Text, "uscc", ("统一社会信用代码", "Credit code")),
        Column::new(Content::Text, "org_kind", ("组织类型", "Kind")),
        Column::new(Content::Text, "industry", ("行业门类", "Industry")),
        Column::new(
            Content::Text,
            "industry_authority",
            ("行业主管部门", "Industry authority"),
        ),
        Column::new(Content::Text, "town", ("所在乡镇(街道)", "Town")),
        Column::new(Content::Text, "cluster", ("所在片区", "Cluster")),
        Column::new(
            Content::Count,
            "full_members",
            ("正式党员数", "Full members"),
        )
        .of_members(),
        Column::new(
            Content::Flag,
            "instructed",
            ("已派指导员", "Instructor sent"),
        ),
        Column::new(Content::Text, "form", ("拟建方式", "Planned form")).under("组建任务", "Case"),
        Column::new(Content::Text, "agency", ("责任单位", "Responsible agency"))
            .under("组建任务", "Case"),
        Column::new(Content::Date, "due_on", ("完成时限", "Due")).under("组建任务", "Case"),
        Column::new(Content::Text, "status", ("状态", "Status")).under("组建任务", "Case"),
    ]
}
