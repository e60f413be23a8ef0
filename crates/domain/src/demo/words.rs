//! What the demo draws from: names, titles, ids of enumerations, the standard.

/// The second part of a person's name.
pub(super) const STEMS: [char; 10] = ['甲', '乙', '丙', '丁', '戊', '己', '庚', '辛', '壬', '癸'];

/// The first part of a person's name.
pub(super) const SURNAMES: [char; 24] = [
    '赵', '钱', '孙', '李', '周', '吴', '郑', '王', '冯', '陈', '褚', '卫', '蒋', '沈', '韩', '杨',
    '朱', '秦', '许', '何', '吕', '张', '孔', '曹',
];

pub(super) const CARRIERS: [&str; 8] = [
    "党员先锋岗",
    "红色车间",
    "初心讲堂",
    "互联网+党建小站",
    "党员责任区",
    "红色管家",
    "技能比武台",
    "暖心服务队",
];
pub(super) const ACTIVITIES: [&str; 6] = [
    "主题党日",
    "政策宣讲",
    "志愿服务",
    "技术攻关",
    "走访慰问",
    "读书分享",
];
pub(super) const THEMES: [&str; 6] = [
    "direction",
    "floating_members",
    "rights",
    "culture",
    "development",
    "self_building",
];
pub(super) const TRAITS: [&str; 4] = ["industry", "core_business", "service_purpose", "culture"];
pub(super) const SUBJECTS: [&str; 4] = ["theory", "rules", "affairs", "management"];
pub(super) const PATHWAYS: [&str; 5] = ["political", "masses", "economy", "culture", "talent"];
pub(super) const FORMS: [&str; 4] = ["speech", "exchange", "commendation", "learning"];
pub(super) const SOURCES: [&str; 4] = ["assigned", "elected", "owner", "manager"];
pub(super) const METHODS: [&str; 3] = ["full_check", "key_breakthrough", "hard_cases"];
pub(super) const DIMENSIONS: [&str; 3] = ["by_unit", "by_industry", "by_area"];

/// What an instructor does on a visit.
pub(super) const VISITS: [&str; 4] = [
    "了解党员底数，宣讲组建政策",
    "与负责人商谈组建条件",
    "指导发展党员工作",
    "走访职工，听取意见",
];

/// Kinds of clusters with the words of their names.
pub(super) const CLUSTER_KINDS: [(&str, &str); 5] = [
    ("eco_industrial_park", "产业生态园区"),
    ("industrial_park", "工业园区"),
    ("business_circle", "商圈"),
    ("street_block", "街区"),
    ("building", "楼宇"),
];
pub(super) const SCALES: [&str; 3] = ["large", "medium", "small"];
pub(super) const MODES: [&str; 3] = ["park_committee", "joint", "host_unit"];
pub(super) const SYSTEMS: [&str; 5] = [
    "joint_conference",
    "quarterly_meeting",
    "special_meeting",
    "incentive",
    "service_claim",
];
pub(super) const MECHANISMS: [&str; 7] = [
    "co_build",
    "share",
    "co_run",
    "consult",
    "co_manage",
    "co_train",
    "co_culture",
];
pub(super) const FUNCTIONS: [&str; 4] = ["classroom", "service", "opinion", "link"];
/// Categories of services with a need of each.
pub(super) const NEEDS: [(&str, &str); 6] = [
    ("operation", "对接原材料供应"),
    ("clustering", "联合参加展会"),
    ("quality", "质量管理培训"),
    ("research", "技术难题攻关"),
    ("culture", "企业文化建设"),
    ("staff_rights", "职工子女入学咨询"),
];

/// Categories of problems with a description, a cause and a measure of each.
pub(super) const PROBLEMS: [(&str, &str, &str, &str); 9] = [
    (
        "coverage",
        "部分有党员的单位尚未建立党组织",
        "上级指导不够及时",
        "逐户走访，明确组建方式和时限",
    ),
    (
        "team",
        "个别支部书记长期空缺",
        "后备人选不足",
        "从上级机关选派书记",
    ),
    (
        "training",
        "指导员参训率偏低",
        "培训安排与生产冲突",
        "送教上门补训",
    ),
    (
        "carrier",
        "载体活动次数不足",
        "活动计划未落实",
        "按季度制定活动计划并督查",
    ),
    (
        "position",
        "党建阵地档案资料不全",
        "无专人管理",
        "指定专人整理归档",
    ),
    (
        "funding",
        "党组织活动经费未按时拨付",
        "预算未及时编列",
        "协调拨付并列入年度预算",
    ),
    (
        "system",
        "组织生活制度执行不严",
        "督导不到位",
        "建立月提醒、季检查制度",
    ),
    (
        "platform",
        "平台季度例会未按期召开",
        "成员单位协调困难",
        "固定例会日期，轮值召集",
    ),
    (
        "data",
        "台账党员数与实际不符",
        "未及时更新",
        "逐户核对后更正",
    ),
];

/// Sources of funds with a purpose of each.
pub(super) const FUNDS: [(&str, &str); 5] = [
    ("dues_refund", "党费返还"),
    ("admin_cost", "企业列支党建活动费"),
    ("fiscal", "财政补助工作经费"),
    ("building_fund", "党建公积金"),
    ("donation", "出资人赞助活动"),
];
pub(super) const EXPENSES: [&str; 4] = ["购置学习资料", "阵地布置", "主题党日活动", "党员培训"];
pub(super) const INCENTIVES: [&str; 5] = [
    "commendation",
    "subsidy",
    "care",
    "ability",
    "recommendation",
];

/// An item of the standard.
pub(super) struct Item {
    pub(super) code: &'static str,
    /// Of an item that nominations are scored by.
    pub(super) criterion: Option<&'static str>,
    pub(super) title: &'static str,
    pub(super) applies_to: &'static str,
    pub(super) max_score: Option<u32>,
}

const fn criterion(code: &'static str, id: &'static str, title: &'static str, max: u32) -> Item {
    Item {
        code,
        criterion: Some(id),
        title,
        applies_to: "party_organisation",
        max_score: Some(max),
    }
}

const fn item(code: &'static str, applies_to: &'static str, title: &'static str) -> Item {
    Item {
        code,
        criterion: None,
        title,
        applies_to,
        max_score: None,
    }
}

/// The standard of the year: the nine criteria, then what is checked.
pub(super) const ITEMS: [Item; 16] = [
    criterion("B1", "structure", "组织机构设置科学", 12),
    criterion("B2", "members", "党员队伍素质过硬", 12),
    criterion("B3", "position", "党建阵地设施齐全", 10),
    criterion("B4", "mechanism", "教育管理机制完善", 12),
    criterion("B5", "carrier", "载体活动务实管用", 12),
    criterion("B6", "role", "党组织作用发挥充分", 12),
    criterion("B7", "mass_work", "党群共建卓有成效", 10),
    criterion("B8", "reputation", "社会群众反映良好", 10),
    criterion("B9", "demonstration", "示范引领作用显著", 10),
    item("P1", "position", "服务功能突出"),
    item("P2", "position", "配套设施完善"),
    item("P3", "position", "档案资料齐全"),
    item("O1", "party_organisation", "组织生活制度落实"),
    item("O2", "party_organisation", "按期换届"),
    item("W1", "work_committee", "领导体制健全"),
    item("W2", "work_committee", "工作制度完备"),
];

/// The agencies of a scope: kind, what follows the name of the place, the industry it looks after.
pub(super) const AGENCIES: [(&str, &str, Option<&str>); 6] = [
    ("district_org_dept", "组织部（演示）", None),
    ("two_new_committee", "两新组织党工委（演示）", None),
    ("industry_authority", "工业和信息化局（演示）", Some("C")),
    ("registration_authority", "市场监督管理局（演示）", None),
    ("township_committee", "示例街道党工委（演示）", None),
    ("park_committee", "示例园区党工委（演示）", None),
];

/// Their duties, in the same order.
pub(super) const DUTIES: [(&str, &str); 6] = [
    ("牵头抓总，统筹推进两新组织党建示范化工程", "副部长"),
    ("具体指导两新组织党组织组建和规范提升", "副书记"),
    ("指导本行业两新组织党建工作", "副局长"),
    ("登记年检时同步采集党建信息", "副局长"),
    ("落实属地责任，逐户排查组建", "党工委副书记"),
    ("建好用好园区党建平台", "党工委副书记"),
];
