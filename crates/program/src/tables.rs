//! The reports of the programme: the eleven of the specification and the scorecard, each a few tables from one pass over the kinds it
//! needs, with definitions, sums and balances that must hold.
//!
//! A node reports its own scope; the city all scopes, or one. The same tables go to the terminal, to
//! spreadsheets, to print and to scripts. A balance that does not hold never stops a report: it is
//! said loudly in it. Names of persons are shown in full to the scope they belong to and masked
//! elsewhere; in lists of units of other scopes a number of members too small to hide anybody is not
//! shown.

mod blanks;
mod changes;
mod compare;
mod contents;
mod cover;
mod frame;
mod funding;
mod lists;
mod nominations;
mod platforms;
mod progress;
mod quality;
mod roster;
mod score;
mod scorecard;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod write;

use crate::{
    app::{App, Live},
    failure::{Exit, Failure},
};

pub use compare::compare;
use frame::Frame;
pub(crate) use quality::exchanges;
pub use quality::{Found, Listed, findings};
pub use score::{Light, Of, Score};
pub(crate) use table::passed;
pub use table::{Balance, Cell, Column, Content, Report, Table, Word};
pub use write::{Format, file, terminal};

/// What is asked of a report.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// One scope; none for all that are here.
    pub scope: Option<String>,
    /// The day; none for today, or for the last day of a year that has ended.
    pub as_of: Option<String>,
    /// The programme year; none for that of the day.
    pub year: Option<u32>,
    /// The day after which changes are reported; none for the last day of the year before.
    pub from: Option<String>,
}

/// The eleven reports and the scorecard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Enterprises by how they are covered.
    Enterprises,
    /// Social organisations by how they are covered.
    Social,
    /// The progress of the five ones.
    FiveOnes,
    /// The progress of the one platform.
    Platforms,
    /// Blank points.
    BlankPoints,
    /// The three lists.
    Lists,
    /// Nominations and acceptance.
    Nominations,
    /// Funding, incentives, rewards.
    Funding,
    /// Who was trained.
    TrainingRoster,
    /// What changed between two days.
    Changes,
    /// The quality of data and how it is synchronised.
    Quality,
    /// The headline figures of all scopes, with lights and trends.
    Scorecard,
}

/// The reports in the order of the specification, then the scorecard: name, title, what each shows.
pub const REPORTS: &[(Name, &str, Word, Word)] = &[
    (
        Name::Enterprises,
        "enterprises",
        Word::of(
            "统计表一　非公有制企业建立党组织情况",
            "Table 1: Party organisations in non-public enterprises",
        ),
        Word::of(
            "单独、联合等方式建立和未建立党组织的企业数，指导员、从业人员、党员；按规模和类型分列",
            "Enterprises covered alone, jointly, otherwise or not; instructors, staff, members; by size and kind",
        ),
    ),
    (
        Name::Social,
        "social",
        Word::of(
            "统计表二　社会组织建立党组织情况",
            "Table 2: Party organisations in social organisations",
        ),
        Word::of(
            "同统计表一，按社会组织类型分列",
            "As table 1, by kind of social organisation",
        ),
    ),
    (
        Name::FiveOnes,
        "five-ones",
        Word::of("“五个一”进度表", "Progress of the five ones"),
        Word::of(
            "各县区集中组建、培训、载体、研讨、规范提升的进度；载体按主题和特色、研讨按途径和方式的数量",
            "Drives, trainings, carriers, seminars, standards of each scope; carriers by theme and trait, seminars by pathway and form",
        ),
    ),
    (
        Name::Platforms,
        "platforms",
        Word::of("“一平台”进度表", "Progress of the one platform"),
        Word::of(
            "各县区片区、平台四个步骤、会议、服务认领、登记流动党员；各平台的方式、机构、制度机制、服务中心",
            "Clusters, the four steps of platforms, meetings, service claims, floating members of each scope; mode, institution, systems, mechanisms, centre of each platform",
        ),
    ),
    (
        Name::BlankPoints,
        "blank-points",
        Word::of("空白点清单", "List of blank points"),
        Word::of(
            "具备条件而未建党组织的单位及组建任务；按单位、行业、区域分组",
            "Units where a Party organisation could be set up and none is, with their cases; by unit, industry, area",
        ),
    ),
    (
        Name::Lists,
        "lists",
        Word::of("三单台账", "The three lists"),
        Word::of(
            "问题、任务、责任三张清单和联合台账，含逾期天数",
            "Problems, tasks, responsibilities, and all in one view, with days overdue",
        ),
    ),
    (
        Name::Nominations,
        "nominations",
        Word::of("示范点申报与验收汇总表", "Nominations and acceptance"),
        Word::of(
            "各县区申报到验收各环节数量；九项标准得分、结论和理由",
            "How many reached each step in each scope; scores by the nine criteria, verdict, reason",
        ),
    ),
    (
        Name::Funding,
        "funding",
        Word::of("经费与奖补表", "Funding and rewards"),
        Word::of(
            "按来源的经费收入（冲销已扣除）、支出，激励关怀，以奖代补",
            "Income by source less what was reversed, expenses, incentives, rewards decided and paid",
        ),
    ),
    (
        Name::TrainingRoster,
        "training-roster",
        Word::of("培训花名册", "Training roster"),
        Word::of(
            "党务工作者参训情况和各班次名单；其他辖区的姓名脱敏",
            "Who is to be trained and was, and the names of each session; masked outside the own scope",
        ),
    ),
    (
        Name::Changes,
        "changes",
        Word::of("变更说明", "Statement of changes"),
        Word::of(
            "两个日期之间纳入、不纳入、迁移、并入、注销的单位和成立、撤销的党组织",
            "Units added, excluded, moved, merged, closed and Party organisations established, dissolved between two days",
        ),
    ),
    (
        Name::Quality,
        "quality",
        Word::of("数据质量与同步表", "Data quality and synchronisation"),
        Word::of(
            "字段完整率、按规则的提示数、待处理冲突、最近同步、是否一致",
            "Completeness, findings by rule, open conflicts, last exchange, whether both sides are equal",
        ),
    ),
    (
        Name::Scorecard,
        "scorecard",
        Word::of("成绩单", "Scorecard"),
        Word::of(
            "各县区和全市的主要指标：目标、评价、较上季的变化，数据截至哪天",
            "The headline figures of each scope and the city: target, light, change since the quarter before, how old it is",
        ),
    ),
];

/// Makes a report.
///
/// # Errors
/// What is asked cannot be read, the scope is not this node's, or the store cannot be read.
pub fn report<L: Live>(
    app: &App,
    live: &L,
    name: Name,
    request: &Request,
) -> Result<Report, Failure> {
    let (_, id, title, _) = REPORTS
        .iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| Failure::new("TABLE-005", Exit::Usage))?;
    let frame = Frame::new(app, request)?;
    let tables = match name {
        Name::Enterprises => statistics::enterprises(&frame),
        Name::Social => statistics::social(&frame),
        Name::FiveOnes => progress::five_ones(&frame),
        Name::Platforms => progress::platforms(&frame),
        Name::BlankPoints => blanks::blank_points(&frame),
        Name::Lists => lists::lists(&frame),
        Name::Nominations => nominations::nominations(&frame),
        Name::Funding => funding::funding(&frame),
        Name::TrainingRoster => roster::roster(&frame),
        Name::Changes => changes::changes(&frame),
        Name::Quality => quality::quality(&frame, live),
        Name::Scorecard => scorecard::scorecard(&frame, live),
    }?;
    Ok(Report {
        name: id,
        title: title.clone(),
        unit: frame.unit(),
        from: (name == Name::Changes).then_some(frame.from),
        as_of: frame.as_of,
        year: frame.year,
        demo: app.identity.demo,
        tables,
    })
}
