//! The definitions: every indicator with its name, its unit, and what it is made of.
//!
//! One table for node and hub, for the board, the reports, `explain` and the returns (domain 6).

use proto::ledger::WorkCoverageMode;

use super::{Figure, Period, sums::Sums};
use crate::{label::Language, parameters::Parameters};

/// The edition of the definitions below. It grows when one of them begins to count otherwise, so
/// that a frozen figure says by which it was counted.
pub const EDITION: &str = "2020.4";

/// Names what is added up: numbers of things of a scope, or of fen.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Counter { $($(#[$doc])* $name),* }

        impl Counter {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

counters!(
    Records,
    NotCandidate,
    Counted,
    Covered,
    Standalone,
    Eligible,
    Work,
    WorkBroad,
    Uncovered,
    UncoveredInstructed,
    Blank,
    Gap,
    Joint3Plus,
    ShouldUnbuilt,
    FewUnbuilt,
    NoneUnbuilt,
    NewlyCovered,
    Filled,
    Fields,
    Duplicates,
    NewParties,
    Parties,
    WithCarrier,
    WithRegular,
    WithPosition,
    Funded,
    Compliant,
    Secretaries,
    SecretariesTrained,
    Heads,
    HeadsTrained,
    Instructors,
    InstructorsTrained,
    Workers,
    WorkersTrained,
    Drives,
    Trainings,
    Seminars,
    ChecksPassed,
    ChecksJudged,
    Committees,
    Mature,
    MatureBuilt,
    PlatformsNew,
    /// Pairs of an operating platform and a quarter that ended since it was built.
    MeetingsDue,
    MeetingsHeld,
    Problems,
    ProblemsClosed,
    ProblemsDue,
    ProblemsOnTime,
    ProblemsOverdue,
    Nominated,
    Recommended,
    Received,
    Visited,
    RecommendedVisited,
    Accepted,
    NotAccepted,
    Judged,
    PointsValid,
    Income,
    IncomeDuesRefund,
    IncomeAdminCost,
    IncomeBuildingFund,
    IncomeFiscal,
    IncomeReward,
    IncomeDonation,
    IncomeOther,
    RewardDecided,
    RewardPaid,
    Returns,
    ReturnsOnTime,
);

/// How a figure is made of counters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Rate(Counter, Counter),
    Count(Counter),
    /// In fen.
    Money(Counter),
    /// Scopes that reach a quota of the year.
    Quota(Counter, fn(&Parameters) -> u32),
    /// Scopes that have one at all.
    Ready(Counter),
    /// Scopes whose three rates of training are whole or do not apply.
    Rotation,
    /// Of the returns that are due.
    Returned(Counter),
}

/// In what a figure is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share, in percent.
    Percent,
    /// A number of things.
    Number,
    /// How often.
    Times,
    /// Scopes, or yes and no for one of them.
    Scopes,
    /// Stored in fen, printed in ten thousand yuan.
    Money,
}

impl Unit {
    /// The unit as it stands behind a heading.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Number => language.pick("个", ""),
            Self::Times => language.pick("次", "times"),
            Self::Scopes => language.pick("县区", "scopes"),
            Self::Money => language.pick("万元", "10,000 yuan"),
        }
    }
}

/// One indicator.
#[derive(Debug)]
pub struct Definition {
    /// Its name in documents.
    pub name: &'static str,
    /// Its label in Chinese.
    pub zh: &'static str,
    /// Its label in English.
    pub en: &'static str,
    /// In what it is said.
    pub unit: Unit,
    pub(super) shape: Shape,
}

impl Definition {
    /// Returns the definition of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        DEFINITIONS.iter().find(|one| one.name == name)
    }

    /// Its label.
    #[must_use]
    pub fn label(&self, language: Language) -> &'static str {
        language.pick(self.zh, self.en)
    }

    /// Whether it says something of organisations alone, so that it can be split by what they are.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.counters()
            .is_some_and(|(num, _)| num < Counter::Duplicates)
    }

    /// Whether it still says something of the organisations that one form covers.
    pub(super) fn is_of_form(&self) -> bool {
        ["org_coverage_rate", "newly_covered"].contains(&self.name)
    }

    /// The figures by which a year is judged before all others, in the order of the plan: the bold
    /// ones of the specification, with that reading of work coverage which the year has chosen.
    pub fn headlines(parameters: &Parameters) -> impl Iterator<Item = &'static Self> {
        let broad = parameters.work_coverage == WorkCoverageMode::Broad;
        HEADLINES.iter().filter_map(move |name| match *name {
            "work_coverage_rate" if broad => Self::of("work_coverage_broad_rate"),
            name => Self::of(name),
        })
    }

    /// Whether a district signs it with its return. What the city itself writes it does not, nor how the
    /// returns came in.
    #[must_use]
    pub fn is_districts(&self) -> bool {
        use Counter as C;
        let citys = [
            C::Received,
            C::Visited,
            C::RecommendedVisited,
            C::Accepted,
            C::NotAccepted,
            C::PointsValid,
            C::RewardDecided,
            C::RewardPaid,
            C::Returns,
            C::ReturnsOnTime,
        ];
        self.counters()
            .is_some_and(|(num, _)| !citys.contains(&num))
    }

    /// What the figure counts, and out of what; none where it is no sum of records.
    pub(super) fn counters(&self) -> Option<(Counter, Option<Counter>)> {
        match self.shape {
            Shape::Rate(num, den) => Some((num, Some(den))),
            Shape::Count(num)
            | Shape::Money(num)
            | Shape::Quota(num, _)
            | Shape::Ready(num)
            | Shape::Returned(num) => Some((num, None)),
            Shape::Rotation => Some((Counter::WorkersTrained, Some(Counter::Workers))),
        }
    }

    /// The figure of no scope at all.
    pub(super) fn nothing(&self) -> Figure {
        match self.shape {
            Shape::Rate(..) | Shape::Returned(_) => Figure::Rate { num: 0, den: 0 },
            Shape::Count(_) | Shape::Rotation => Figure::Count(0),
            Shape::Money(_) => Figure::Money(0),
            Shape::Quota(..) | Shape::Ready(_) => Figure::Met { num: 0, den: 0 },
        }
    }

    /// The figure of one scope.
    pub(super) fn figure(&self, sums: &Sums, period: &Period, is_expected: bool) -> Figure {
        let number = |counter| unsigned(sums.get(counter));
        match self.shape {
            Shape::Rate(num, den) => Figure::Rate {
                num: number(num),
                den: number(den),
            },
            Shape::Count(counter) => Figure::Count(number(counter)),
            Shape::Money(counter) => Figure::Money(sums.get(counter)),
            Shape::Quota(counter, quota) => Figure::Met {
                num: u64::from(number(counter) >= u64::from(quota(&period.parameters))),
                den: 1,
            },
            Shape::Ready(counter) => Figure::Met {
                num: u64::from(number(counter) > 0),
                den: 1,
            },
            Shape::Rotation => Figure::Count(u64::from(
                ROTATION
                    .iter()
                    .all(|(trained, all)| number(*trained) == number(*all)),
            )),
            Shape::Returned(counter) => Figure::Rate {
                num: number(counter),
                den: if is_expected {
                    period.quarters_due().count().try_into().unwrap_or(u64::MAX)
                } else {
                    0
                },
            },
        }
    }

    /// Of which scopes the city's figure is the sum; none where it is counted anew over all records.
    pub(super) fn summed(&self) -> Option<Summed> {
        match self.shape {
            Shape::Rate(..) | Shape::Count(_) | Shape::Money(_) => None,
            Shape::Quota(..) | Shape::Ready(_) | Shape::Returned(_) => Some(Summed::Expected),
            Shape::Rotation => Some(Summed::Pooled),
        }
    }
}

/// The scopes whose figures make the city's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Summed {
    /// Those that are expected to report, and have the quotas.
    Expected,
    /// All that have records.
    Pooled,
}

/// What is bold in domain 6.
const HEADLINES: [&str; 9] = [
    "org_coverage_rate",
    "built_of_should_rate",
    "work_coverage_rate",
    "training_secretary",
    "training_head",
    "training_instructor",
    "carrier_coverage_rate",
    "platforms_new",
    "problem_closing_rate",
];

/// The three rates that make a rotation: trained, and all.
const ROTATION: [(Counter, Counter); 3] = [
    (Counter::SecretariesTrained, Counter::Secretaries),
    (Counter::HeadsTrained, Counter::Heads),
    (Counter::InstructorsTrained, Counter::Instructors),
];

/// A sum of things, which is never negative.
fn unsigned(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or_default()
}

const fn define(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    unit: Unit,
    shape: Shape,
) -> Definition {
    Definition {
        name,
        zh,
        en,
        unit,
        shape,
    }
}

const fn rate(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    num: Counter,
    den: Counter,
) -> Definition {
    define(name, zh, en, Unit::Percent, Shape::Rate(num, den))
}

const fn count(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    counter: Counter,
) -> Definition {
    define(name, zh, en, Unit::Number, Shape::Count(counter))
}

const fn times(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    counter: Counter,
) -> Definition {
    define(name, zh, en, Unit::Times, Shape::Count(counter))
}

const fn quota(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    counter: Counter,
    of: fn(&Parameters) -> u32,
) -> Definition {
    define(name, zh, en, Unit::Scopes, Shape::Quota(counter, of))
}

const fn money(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    counter: Counter,
) -> Definition {
    define(name, zh, en, Unit::Money, Shape::Money(counter))
}

use Counter as C;

/// Every indicator, in the order in which it is printed.
#[rustfmt::skip]
pub const DEFINITIONS: &[Definition] = &[
    rate("census_completion_rate", "排查完成率", "Census completion rate", C::NotCandidate, C::Records),
    rate("org_coverage_rate", "组织覆盖率", "Organisation coverage rate", C::Covered, C::Counted),
    rate("standalone_rate", "单独组建率", "Standalone rate", C::Standalone, C::Counted),
    rate("built_of_should_rate", "应建已建率", "Built-of-should-build rate", C::Covered, C::Eligible),
    rate("work_coverage_rate", "工作覆盖率", "Work coverage rate", C::Work, C::Counted),
    rate("work_coverage_broad_rate", "工作覆盖率(含群团)", "Work coverage incl. mass organisations", C::WorkBroad, C::Counted),
    rate("instructor_dispatch_rate", "未建单位指导员选派率", "Instructor dispatch rate", C::UncoveredInstructed, C::Uncovered),
    count("blank_points", "空白点", "Blank points", C::Blank),
    count("uncovered_gap", "两个覆盖缺口", "Uncovered gap", C::Gap),
    count("joint_with_3plus", "三人以上未单建", "Three or more members, not standalone", C::Joint3Plus),
    count("should_unbuilt", "应建未建", "Should be built but not", C::ShouldUnbuilt),
    count("few_members_unbuilt", "仅有个别党员", "Few members, not built", C::FewUnbuilt),
    count("no_members_unbuilt", "没有党员", "No members", C::NoneUnbuilt),
    count("duplicates_removed", "剔重", "Duplicates removed", C::Duplicates),
    times("drives_held", "集中组建次数", "Drives held", C::Drives),
    quota("drives_held_met", "集中组建达标", "Drive quota met", C::Drives, |p| p.quota_drive),
    count("new_party_orgs", "新建党组织数", "New Party organisations", C::NewParties),
    count("newly_covered", "新覆盖单位数", "Newly covered organisations", C::NewlyCovered),
    rate("training_secretary", "书记参训率", "Secretaries trained", C::SecretariesTrained, C::Secretaries),
    rate("training_head", "负责人参训率", "Heads trained", C::HeadsTrained, C::Heads),
    rate("training_instructor", "指导员参训率", "Instructors trained", C::InstructorsTrained, C::Instructors),
    rate("training_all", "党务工作者参训率", "Party-affairs workers trained", C::WorkersTrained, C::Workers),
    define("rotation_complete", "全员轮训", "Rotation complete", Unit::Scopes, Shape::Rotation),
    times("trainings_held", "集中培训次数", "Centralised trainings held", C::Trainings),
    quota("trainings_held_met", "集中培训达标", "Training quota met", C::Trainings, |p| p.quota_training),
    rate("carrier_coverage_rate", "载体覆盖率", "Carrier coverage rate", C::WithCarrier, C::Parties),
    rate("carrier_regular_rate", "载体常态化率", "Regular carrier rate", C::WithRegular, C::Parties),
    times("seminars_held", "主题研讨次数", "Seminars held", C::Seminars),
    quota("seminars_held_met", "主题研讨达标", "Seminar quota met", C::Seminars, |p| p.quota_seminar),
    rate("standard_pass_rate", "规范达标率", "Standard pass rate", C::ChecksPassed, C::ChecksJudged),
    rate("fully_compliant_rate", "全面达标党组织比例", "Fully compliant Party organisations", C::Compliant, C::Parties),
    rate("position_standard_rate", "阵地达标率", "Position standard rate", C::WithPosition, C::Parties),
    define("committee_ready", "党工委已成立", "Working committee in place", Unit::Scopes, Shape::Ready(C::Committees)),
    rate("funding_assured_rate", "经费保障率", "Funding assured rate", C::Funded, C::Parties),
    count("platforms_new", "新建成平台数", "New platforms", C::PlatformsNew),
    quota("platforms_new_met", "新建平台达标", "New-platform quota met", C::PlatformsNew, |p| p.quota_platform),
    rate("platform_built_rate", "平台应建已建率", "Platform built-of-mature rate", C::MatureBuilt, C::Mature),
    rate("platform_meeting_rate", "季度例会执行率", "Quarterly meeting rate", C::MeetingsHeld, C::MeetingsDue),
    rate("problem_closing_rate", "问题销号率", "Problem closing rate", C::ProblemsClosed, C::Problems),
    rate("problem_on_time_rate", "按期销号率", "On-time closing rate", C::ProblemsOnTime, C::ProblemsDue),
    count("problems_overdue", "逾期问题", "Overdue problems", C::ProblemsOverdue),
    count("nominated", "申报数", "Nominated", C::Nominated),
    count("recommended", "推荐数", "Recommended", C::Recommended),
    count("received", "市级接收数", "Received by the city", C::Received),
    count("spot_checked", "抽查数", "Spot-checked", C::Visited),
    rate("spot_check_rate", "抽查比例", "Spot-check rate", C::RecommendedVisited, C::Recommended),
    count("accepted", "验收通过数", "Accepted", C::Accepted),
    count("not_accepted", "验收未通过数", "Not accepted", C::NotAccepted),
    rate("acceptance_rate", "验收通过率", "Acceptance rate", C::Accepted, C::Judged),
    count("points_valid", "有效示范点", "Valid demonstration points", C::PointsValid),
    money("funding_income", "经费收入", "Funding income", C::Income),
    money("funding_dues_refund", "经费：党费返还", "Funding: refunded dues", C::IncomeDuesRefund),
    money("funding_admin_cost", "经费：企业管理费用列支", "Funding: enterprise administrative cost", C::IncomeAdminCost),
    money("funding_building_fund", "经费：党建公积金", "Funding: Party-building provident fund", C::IncomeBuildingFund),
    money("funding_fiscal", "经费：财政支持", "Funding: fiscal support", C::IncomeFiscal),
    money("funding_reward", "经费：以奖代补", "Funding: reward in place of subsidy", C::IncomeReward),
    money("funding_donation", "经费：赞助捐助", "Funding: sponsorship", C::IncomeDonation),
    money("funding_other", "经费：其他", "Funding: other", C::IncomeOther),
    money("reward_amount", "以奖代补金额", "Reward amount", C::RewardDecided),
    money("reward_paid", "以奖代补已拨付", "Reward paid", C::RewardPaid),
    define("reporting_rate", "报送率", "Reporting rate", Unit::Percent, Shape::Returned(C::Returns)),
    define("reporting_on_time", "按时报送率", "On-time reporting rate", Unit::Percent, Shape::Returned(C::ReturnsOnTime)),
    rate("field_completeness", "字段完整率", "Field completeness", C::Filled, C::Fields),
    count("party_orgs_active", "正常运行党组织数", "Active Party organisations", C::Parties),
    count("counted", "在册单位数", "Organisations on the ledger", C::Counted),
];
