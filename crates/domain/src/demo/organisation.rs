//! Organisations, draw by draw as the reference generator makes them.

use crate::uscc;

use super::{Rng, words::STEMS};

const BRANDS: [char; 5] = ['例', '样', '拟', '演', '试'];
const WORDS: [char; 16] = [
    '安', '禾', '川', '泽', '衡', '嘉', '舟', '岚', '柏', '楠', '澄', '曜', '恒', '瑞', '朗', '沐',
];
const BRANCHES: [char; 12] = [
    '子', '丑', '寅', '卯', '辰', '巳', '午', '未', '申', '酉', '戌', '亥',
];
/// Letter of GB/T 4754, weight, words of names.
const INDUSTRIES: [(&str, u32, &[&str]); 12] = [
    ("C", 30, &["机械", "轴承", "新材料", "仪器", "食品", "建材"]),
    ("F", 18, &["商贸", "供应链", "百货"]),
    ("I", 10, &["软件", "信息技术", "网络科技"]),
    ("L", 8, &["企业服务", "人力资源", "会展"]),
    ("E", 7, &["建筑工程", "装饰工程"]),
    ("G", 5, &["物流", "运输"]),
    ("H", 5, &["餐饮管理", "酒店管理"]),
    ("M", 5, &["检测技术", "设计咨询"]),
    ("K", 4, &["物业服务"]),
    ("A", 3, &["农业科技", "园艺"]),
    ("R", 3, &["文化传媒", "体育"]),
    ("O", 2, &["汽车服务"]),
];
/// Kind, first characters of the credit code, industry, words of names.
const SOCIAL: [(&str, &str, &str, &[&str]); 4] = [
    (
        "private_non_enterprise",
        "52",
        "P",
        &["学校", "幼儿园", "职业培训学校"],
    ),
    (
        "private_non_enterprise",
        "52",
        "Q",
        &["养老服务中心", "社会工作服务中心"],
    ),
    (
        "social_group",
        "51",
        "S",
        &["商会", "行业协会", "志愿者协会"],
    ),
    ("foundation", "53", "S", &["公益基金会"]),
];
const PLACES: [(&str, &str); 19] = [
    ("410302", "老城"),
    ("410303", "西工"),
    ("410304", "瀍河"),
    ("410305", "涧西"),
    ("410306", "吉利"),
    ("410311", "洛龙"),
    ("410322", "孟津"),
    ("410323", "新安"),
    ("410324", "栾川"),
    ("410325", "嵩县"),
    ("410326", "汝阳"),
    ("410327", "宜阳"),
    ("410328", "洛宁"),
    ("410329", "伊川"),
    ("410381", "偃师"),
    ("410371", "高新"),
    ("4103L0", "市直"),
    ("4103L1", "演一"),
    ("4103L2", "演二"),
];
/// The place of a scope that the list lacks.
const ELSEWHERE: &str = "演示";
/// Codes of one scope: more organisations than this share codes.
const CODES_PER_SCOPE: u64 = 280_000;
const CLUSTERS: [&str; 7] = [
    "eco_industrial_park",
    "industrial_park",
    "business_circle",
    "street_block",
    "building",
    "none",
    "none",
];

/// The forms of those who have too few members for one of their own.
const SHARED_FORMS: [&str; 4] = ["joint", "affiliated", "sector", "area"];

/// The columns of the reference output.
pub const HEADINGS: [&str; 16] = [
    "scope",
    "local_no",
    "name",
    "uscc",
    "org_kind",
    "industry",
    "employees",
    "members",
    "full_members",
    "census_status",
    "exclusion_reason",
    "establishment_form",
    "work_means",
    "cluster_kind",
    "head_name",
    "registered_on",
];

/// An organisation of the demo, with how it is covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// The code of its scope.
    pub scope: String,
    /// Counted from 1 in its scope.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its credit code.
    pub uscc: String,
    /// The id of its kind.
    pub org_kind: &'static str,
    /// The letter of its industry.
    pub industry: &'static str,
    /// Staff.
    pub employees: u32,
    /// Members.
    pub members: u32,
    /// Full members.
    pub full_members: u32,
    /// The id of its census status.
    pub census_status: &'static str,
    /// The id of the reason it is excluded for, or empty.
    pub exclusion_reason: &'static str,
    /// The id of the form in which it is covered, or `none`.
    pub establishment_form: &'static str,
    /// `instructor`, or empty.
    pub work_means: &'static str,
    /// The kind of the cluster it lies in, or `none`.
    pub cluster_kind: &'static str,
    /// The name of its head.
    pub head_name: String,
    /// When it was registered.
    pub registered_on: String,
}

impl Organisation {
    /// Whether it is a social organisation.
    pub(super) fn is_social(&self) -> bool {
        matches!(
            self.org_kind,
            "private_non_enterprise" | "social_group" | "foundation"
        )
    }

    /// The line of the reference output.
    #[must_use]
    pub fn csv_line(&self) -> String {
        let number = format!("{}-{:05}", self.scope, self.index);
        let (staff, members) = (self.employees.to_string(), self.members.to_string());
        let full = self.full_members.to_string();
        let cells: [&str; 16] = [
            &self.scope,
            &number,
            &self.name,
            &self.uscc,
            self.org_kind,
            self.industry,
            &staff,
            &members,
            &full,
            self.census_status,
            self.exclusion_reason,
            self.establishment_form,
            self.work_means,
            self.cluster_kind,
            &self.head_name,
            &self.registered_on,
        ];
        cells.join(",")
    }
}

/// Returns the reference output: a header and so many lines a scope.
#[must_use]
pub fn csv(seed: &str, organisations: u32, scopes: &[&str]) -> String {
    let lines = scopes
        .iter()
        .flat_map(|scope| (1..=organisations).map(|index| make(seed, scope, index).csv_line()));
    let all: Vec<String> = std::iter::once(HEADINGS.join(",")).chain(lines).collect();
    all.join("\n") + "\n"
}

/// The place name of a scope.
pub(super) fn place(scope: &str) -> &'static str {
    PLACES
        .iter()
        .find(|(code, _)| *code == scope)
        .map_or(ELSEWHERE, |(_, place)| place)
}

pub(super) fn make(seed: &str, scope: &str, index: u32) -> Organisation {
    let mut rng = Rng::of(&format!("{seed}|{scope}|org|{index}"));
    let is_social = rng.chance(180);
    let brand: String = [
        *rng.pick(&BRANDS),
        *rng.pick(&WORDS),
        *rng.pick(&STEMS),
        *rng.pick(&BRANCHES),
    ]
    .iter()
    .collect();
    let place = place(scope);
    let (org_kind, prefix, industry, name) = if is_social {
        let (kind, prefix, industry, words) = *rng.pick(&SOCIAL);
        (
            kind,
            prefix,
            industry,
            format!("{place}{brand}{}（演示）", rng.pick(words)),
        )
    } else {
        let (industry, words) = industry(&mut rng);
        let kind = match rng.below(100) {
            0..2 => "hmt_enterprise",
            2..4 => "foreign_enterprise",
            _ => "private_enterprise",
        };
        let name = format!("{place}{brand}{}有限公司（演示）", rng.pick(words));
        (kind, "91", industry, name)
    };
    let (employees, members, full_members) = staff(&mut rng);
    let (census_status, exclusion_reason) = census(&mut rng);
    let is_counted = census_status == "counted";
    let establishment_form = if is_counted {
        form(&mut rng, full_members)
    } else {
        "none"
    };
    let is_open = is_counted && establishment_form == "none";
    let work_means = if is_open && rng.chance(800) {
        "instructor"
    } else {
        ""
    };
    let cluster_kind = rng.pick(&CLUSTERS);
    let head_name = rng.person();
    let (year, month, day) = (2004 + rng.below(16), 1 + rng.below(12), 1 + rng.below(28));
    Organisation {
        scope: scope.to_owned(),
        index,
        name,
        uscc: credit_code(prefix, scope, index),
        org_kind,
        industry,
        employees,
        members,
        full_members,
        census_status,
        exclusion_reason,
        establishment_form,
        work_means,
        cluster_kind,
        head_name,
        registered_on: format!("{year:04}-{month:02}-{day:02}"),
    }
}

/// Staff, members, full members: most are small.
fn staff(rng: &mut Rng) -> (u32, u32, u32) {
    let employees = match rng.below(100) {
        0..60 => 3 + rng.below(17),
        60..88 => 20 + rng.below(60),
        88..97 => 80 + rng.below(220),
        _ => 300 + rng.below(900),
    };
    let mut members = 0;
    if rng.chance(620) {
        members = 1 + rng.below(employees.min(2 + employees / 12).max(1));
    }
    let full_members = members - u32::from(members > 2 && rng.chance(120));
    (employees, members, full_members)
}

fn industry(rng: &mut Rng) -> (&'static str, &'static [&'static str]) {
    let total = INDUSTRIES.iter().map(|(_, weight, _)| weight).sum();
    let mut drawn = rng.below(total);
    for (letter, weight, words) in INDUSTRIES {
        if drawn < weight {
            return (letter, words);
        }
        drawn -= weight;
    }
    let (letter, _, words) = INDUSTRIES[0];
    (letter, words)
}

fn census(rng: &mut Rng) -> (&'static str, &'static str) {
    match rng.below(1_000) {
        0..900 => ("counted", ""),
        900..970 => (
            "excluded",
            *rng.pick(&["shell", "not_operating", "moved_out", "duplicate"]),
        ),
        _ => ("candidate", ""),
    }
}

fn form(rng: &mut Rng, full_members: u32) -> &'static str {
    match full_members {
        3.. if rng.chance(880) => "standalone",
        3.. if rng.chance(700) => "none",
        3.. => "joint",
        1.. if rng.chance(650) => rng.pick::<&str>(&SHARED_FORMS),
        0 if rng.chance(120) => "area",
        _ => "none",
    }
}

/// A code that is always recognisable as demo: `DEM` and five characters of the index.
fn credit_code(prefix: &str, scope: &str, index: u32) -> String {
    let local = scope.strip_prefix("4103L");
    let (region, block) = match local {
        Some(zone) => ("410300", format!("9{zone}")),
        None => (scope, scope.chars().skip(4).collect()),
    };
    let block: u64 = block.parse().unwrap_or_default();
    let mut number = block * CODES_PER_SCOPE + u64::from(index);
    let mut tail = [' '; 5];
    for place in tail.iter_mut().rev() {
        *place = uscc::letter(number);
        number /= 31;
    }
    let body = format!("DEM{}", tail.iter().collect::<String>());
    let check = uscc::subject_check_character(&body).unwrap_or('0');
    let code = format!("{prefix}{region}{body}{check}");
    let last = uscc::check_character(&code).unwrap_or('0');
    format!("{code}{last}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::SEED;

    #[test]
    fn the_output_is_that_of_the_reference_generator() {
        let ours = csv(SEED, 40, &["410302", "410305", "410329"]);
        let reference = include_str!("../../../../tests/data/demo_sample.csv");
        for (ours, reference) in ours.lines().zip(reference.lines()) {
            assert_eq!(ours, reference);
        }
        assert_eq!(ours, reference);
    }

    #[test]
    fn every_scope_gets_codes_of_its_own_that_hold() {
        let mut codes = BTreeSet::new();
        for (scope, _) in PLACES {
            for index in 1..=100 {
                let organisation = make(SEED, scope, index);
                assert_eq!(uscc::check(&organisation.uscc), Ok(()), "{organisation:?}");
                assert!(uscc::subject_holds(&organisation.uscc));
                codes.insert(organisation.uscc);
            }
        }
        assert_eq!(codes.len(), 1_900);
        assert_eq!(uscc::region(&make(SEED, "4103L1", 1).uscc), Some("410300"));
    }
}
