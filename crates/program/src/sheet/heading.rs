//! Headings: knows a column by its label, its usual variants, and small differences.
//!
//! Guarantees that a small difference is taken only when one field alone is near, and never when
//! the differing character can change the meaning: a column of women members is not a column of
//! members. What is not surely known stays unknown, to be named to the person who imports.

mod forms;

use std::collections::HashMap;

pub(crate) use forms::fold;
use forms::{is_one_slip, looser};

use super::limits::HEADING_CHARS_MAX;

/// The headings of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldHeadings {
    /// The field's id, which is also known as a heading.
    pub field: String,
    /// Its Chinese label.
    pub zh: String,
    /// Its English label.
    pub en: String,
    /// Other usual headings.
    pub others: Vec<String>,
}

/// How a heading was known, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is the label or the field's id.
    Label,
    /// It is one of the usual variants.
    Variant,
    /// It differs a little from the label or a variant.
    Similar,
}

/// The place of a field in the index.
pub(crate) type FieldIndex = usize;

/// All headings that are known for one kind of record.
#[derive(Debug, Clone, Default)]
pub struct HeadingIndex {
    fields: Vec<String>,
    labels: Names,
    variants: Names,
    loose: Names,
    all: Vec<(Vec<char>, FieldIndex)>,
}

/// Names of fields; one that could be two fields is `None`.
type Names = HashMap<String, Option<FieldIndex>>;

impl HeadingIndex {
    /// Makes the index of the fields of one kind.
    #[must_use]
    pub fn new(fields: impl IntoIterator<Item = FieldHeadings>) -> Self {
        let mut index = Self::default();
        for heading in fields {
            let field = index.fields.len();
            index.fields.push(heading.field.clone());
            for label in [&heading.field, &heading.zh, &heading.en] {
                let folded = fold(label);
                add(&mut index.labels, &folded, field);
                index.add_loose(&folded, field);
            }
            for other in &heading.others {
                let folded = fold(other);
                add(&mut index.variants, &folded, field);
                index.add_loose(&folded, field);
            }
        }
        index
    }

    fn add_loose(&mut self, folded: &str, field: FieldIndex) {
        for form in forms::looser_name(folded) {
            add(&mut self.loose, &form, field);
        }
        if !folded.is_empty() {
            self.all.push((folded.chars().collect(), field));
        }
    }

    /// Returns the id of the field at a place of the index.
    pub(crate) fn field(&self, field: FieldIndex) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// Returns the field that a heading names, and how it was known.
    #[must_use]
    pub fn find(&self, heading: &str) -> Option<(&str, Match)> {
        let (field, rank) = self.rank(heading)?;
        Some((self.field(field)?, rank.matched()))
    }

    /// Finds the field of a heading and how sure that is.
    pub(crate) fn rank(&self, heading: &str) -> Option<(FieldIndex, Rank)> {
        if heading.len() > HEADING_CHARS_MAX * 4 {
            return None;
        }
        let folded = fold(heading);
        if folded.is_empty() || folded.chars().count() > HEADING_CHARS_MAX {
            return None;
        }
        if let Some(known) = self.exact(&folded) {
            return Some(known);
        }
        let mut forms = looser(&folded);
        forms.insert(0, folded.clone());
        for form in &forms {
            let hit = [&self.labels, &self.variants, &self.loose]
                .iter()
                .find_map(|names| names.get(form.as_str()));
            if let Some(hit) = hit {
                return hit.map(|field| (field, Rank::Loose));
            }
        }
        if let Some(field) = self.same_parts(&folded) {
            return Some((field, Rank::Loose));
        }
        // A slip is looked for in the heading itself and in its forms without decoration.
        forms
            .iter()
            .find_map(|form| self.slip(form))
            .map(|field| (field, Rank::Slip))
    }

    /// Finds a field by its label or a variant, and by nothing less.
    pub(crate) fn exact(&self, folded: &str) -> Option<(FieldIndex, Rank)> {
        if let Some(Some(field)) = self.labels.get(folded) {
            return Some((*field, Rank::Label));
        }
        self.variants
            .get(folded)
            .copied()
            .flatten()
            .map(|field| (field, Rank::Variant))
    }

    /// Finds the field that every part of a heading such as `甲/乙` names.
    fn same_parts(&self, folded: &str) -> Option<FieldIndex> {
        let parts = forms::parts(folded);
        let (first, others) = parts
            .split_first()
            .filter(|(_, others)| !others.is_empty())?;
        let (field, _) = self.exact(first)?;
        others
            .iter()
            .all(|part| self.exact(part).is_some_and(|(other, _)| other == field))
            .then_some(field)
    }

    /// Finds the only field that has a name one character away.
    fn slip(&self, form: &str) -> Option<FieldIndex> {
        let letters: Vec<char> = form.chars().collect();
        let mut near = self
            .all
            .iter()
            .filter(|(name, _)| is_one_slip(&letters, name))
            .map(|(_, field)| *field);
        let field = near.next()?;
        near.all(|other| other == field).then_some(field)
    }
}

/// How sure a known heading is, the surest first; finer than what callers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Label,
    Variant,
    Loose,
    Slip,
}

impl Rank {
    pub(crate) fn matched(self) -> Match {
        match self {
            Self::Label => Match::Label,
            Self::Variant => Match::Variant,
            Self::Loose | Self::Slip => Match::Similar,
        }
    }
}

/// Tells whether a heading only numbers the rows.
pub(crate) fn is_row_number(heading: &str) -> bool {
    const NAMES: [&str; 12] = [
        "序号",
        "序",
        "编号",
        "行号",
        "序列",
        "顺序号",
        "序列号",
        "项次",
        "no",
        "no.",
        "#",
        "index",
    ];
    let folded = fold(heading);
    NAMES.contains(&folded.as_str())
        || looser(&folded)
            .iter()
            .any(|form| NAMES.contains(&form.as_str()))
}

fn add(names: &mut Names, name: &str, field: FieldIndex) {
    if name.is_empty() {
        return;
    }
    let known = names.entry(name.to_owned()).or_insert(Some(field));
    if *known != Some(field) {
        *known = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{FieldHeadings, HeadingIndex, Match, is_row_number};

    fn index() -> HeadingIndex {
        let field = |field: &str, zh: &str, en: &str, others: &[&str]| FieldHeadings {
            field: field.to_owned(),
            zh: zh.to_owned(),
            en: en.to_owned(),
            others: others.iter().map(|&other| other.to_owned()).collect(),
        };
        HeadingIndex::new([
            field(
                "uscc",
                "统一社会信用代码",
                "Unified social credit code",
                &["信用代码", "统一代码"],
            ),
            field(
                "name",
                "单位名称",
                "Name",
                &["企业名称", "组织名称", "名称"],
            ),
            field(
                "town",
                "所在乡镇(街道)",
                "Town or sub-district",
                &["街道", "乡镇(街道)"],
            ),
            field(
                "employees",
                "从业人员数",
                "Employees",
                &["从业人数", "职工人数", "员工人数", "人数"],
            ),
            field("members", "党员数", "Members", &["党员人数", "党员总数"]),
            field(
                "full_members",
                "正式党员数",
                "Full members",
                &["正式党员", "正式党员人数"],
            ),
            field(
                "registered_on",
                "成立日期",
                "Registered on",
                &["注册日期", "登记日期"],
            ),
            field("a", "甲类", "Alpha", &["两可"]),
            field("b", "乙类", "Beta", &["两可"]),
        ])
    }

    #[track_caller]
    fn known(heading: &str, field: &str, matched: Match) {
        assert_eq!(index().find(heading), Some((field, matched)), "{heading:?}");
    }

    #[test]
    fn labels_ids_and_variants_are_known_in_any_width_and_spacing() {
        known("统一社会信用代码", "uscc", Match::Label);
        known(" 统一社会\n信用代码 ", "uscc", Match::Label);
        known("单 位 名 称", "name", Match::Label);
        known("＊单位名称", "name", Match::Label);
        known("*单位名称*", "name", Match::Label);
        known("full_members", "full_members", Match::Label);
        known("FULL MEMBERS", "full_members", Match::Label);
        known("Ｎａｍｅ", "name", Match::Label);
        known("所在乡镇（街道）", "town", Match::Label);
        known("企业名称", "name", Match::Variant);
        known("信用\r\n代码", "uscc", Match::Variant);
    }

    #[test]
    fn small_differences_are_known_and_marked() {
        for heading in [
            "党员数（人）",
            "党员数(名)",
            "1.党员数",
            "一、党员数",
            "（三）党员数",
            "④党员数",
            "党员数：",
            "其中：党员数",
        ] {
            known(heading, "members", Match::Similar);
        }
        for heading in [
            "企业（单位）名称",
            "单位名称（全称）",
            "单位名称(必填)",
            "单位名称/企业名称",
            "单位名程",
            "单位的名称",
            "2、单位名称（盖章）",
        ] {
            known(heading, "name", Match::Similar);
        }
        for heading in [
            "统一社会信用代玛",
            "统一社会信用代码（18位）",
            "统一社会信用代码号",
            "统一信用代码证",
        ] {
            let index = index();
            let found = index.find(heading);
            assert_eq!(
                found.is_some(),
                heading != "统一信用代码证",
                "{heading}: {found:?}"
            );
        }
        known("成立日期（年月日）", "registered_on", Match::Similar);
        known("成立日期(如2020-01-01)", "registered_on", Match::Similar);
        known("所在乡镇", "town", Match::Similar);
        known("employes", "employees", Match::Similar);
    }

    #[test]
    fn a_difference_that_changes_the_meaning_is_not_small() {
        for heading in [
            "女党员人数",
            "非正式党员数",
            "团员人数",
            "党员数（女）",
            "正式团员数",
            "注销日期",
            "吊销日期",
            "党员比例",
            "党员(女)人数",
            "原单位名称",
            "未从业人员数",
            "上年从业人员数",
            "名人",
            "人",
            "员数",
            "game",
            "两可",
            "备用名称单位",
        ] {
            assert_eq!(index().find(heading), None, "{heading}");
        }
    }

    #[test]
    fn row_numbers_are_known_as_such() {
        for heading in ["序号", "序 号", "编号", "No.", "序号（必填）"] {
            assert!(is_row_number(heading), "{heading}");
        }
        assert!(!is_row_number("信用代码"));
    }
}
