//! Forms of a heading: what is left of it when width, decoration, numbering and units are gone.
//!
//! Guarantees that only decoration goes: words in brackets go when they are a unit, a note on
//! filling in or a general noun, and stay when they narrow what the column counts.

use unicode_normalization::UnicodeNormalization;

use crate::sheet::cell::is_unseen;

/// Characters whose presence or absence makes another figure of a heading, so that a difference in
/// one of them is never taken for a slip: negations, sex and age, Party and League, directions,
/// stages, parts of dates, units of organisation, and digits.
const MEANING: &str = "非未不无否没女男老少原新旧前曾副正准预备党团群工妇出入增减上下内外本公民流在注销撤吊停开关\
                       起止始末年月日季周一二三四五六七八九十百千万总分主次甲乙丙丁区县市镇村0123456789";

/// What may stand in brackets and be left out: units.
const UNITS: [&str; 36] = [
    "人",
    "名",
    "个",
    "家",
    "户",
    "位",
    "份",
    "次",
    "场",
    "期",
    "件",
    "项",
    "岁",
    "元",
    "万元",
    "亿元",
    "万",
    "%",
    "％",
    "天",
    "小时",
    "学时",
    "平方米",
    "㎡",
    "m2",
    "m²",
    "人数",
    "个数",
    "人次",
    "年月日",
    "年/月/日",
    "yyyy-mm-dd",
    "yyyy/mm/dd",
    "yyyy.mm.dd",
    "yyyymmdd",
    "年-月-日",
];
/// What may stand in brackets and be left out: notes on filling in, by how they begin.
const NOTES: [&str; 18] = [
    "必填",
    "选填",
    "非必填",
    "可不填",
    "如:",
    "如2",
    "例如",
    "例:",
    "格式",
    "请",
    "填写",
    "按",
    "注:",
    "盖章",
    "公章",
    "全称",
    "18位",
    "见说明",
];
/// What may stand in brackets and be left out: general nouns that every row is anyway.
const NOUNS: [&str; 10] = [
    "单位",
    "企业",
    "机构",
    "组织",
    "公司",
    "两新组织",
    "社会组织",
    "两新组织全称",
    "企业/社会组织",
    "单位/企业",
];
/// Shortest name in which one differing character is taken for a slip.
const SLIP_CHARS_MIN: usize = 4;
/// The same for names in Latin letters, which carry less each.
const SLIP_LATIN_CHARS_MIN: usize = 6;

/// Folds width, case, spaces, line breaks, and the marks of required columns.
pub(crate) fn fold(text: &str) -> String {
    text.nfkc()
        .filter(|letter| {
            !is_unseen(*letter) && !matches!(letter, '*' | '※' | '★' | '☆' | '▲' | '●')
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns the looser forms of a folded heading, the nearest first, without itself.
pub(crate) fn looser(folded: &str) -> Vec<String> {
    let mut forms: Vec<String> = Vec::new();
    let mut keep = |form: &str| {
        let is_new = form != folded && !forms.iter().any(|known| known == form);
        if is_new && form.chars().count() >= 2 {
            forms.push(form.to_owned());
        }
    };
    let bare = without_prefix(without_numbering(folded)).trim_end_matches(is_mark);
    keep(bare);
    let unbracketed = without_brackets(bare);
    let unbracketed = unbracketed.trim_end_matches(is_mark);
    keep(unbracketed);
    let only_letters: String = unbracketed
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    // Letters alone are a form only where brackets are gone; else a bracket's word would join in.
    if !unbracketed.contains(['(', '[', '<']) {
        keep(&only_letters);
    }
    forms
}

/// Returns the looser forms of a known name: also without its brackets whatever they hold, since
/// it is the name that says what the column is.
pub(super) fn looser_name(folded: &str) -> Vec<String> {
    let mut forms = looser(folded);
    let outside = map_brackets(folded, |_| false);
    let inside: String = folded
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    for form in [outside, inside] {
        if form != folded && form.chars().count() >= 2 && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Tells whether two names differ by one character that is more likely a slip than a meaning:
/// not the first, not one of `MEANING`, in names long enough to be sure.
pub(super) fn is_one_slip(heading: &[char], name: &[char]) -> bool {
    let is_latin = name.iter().all(char::is_ascii);
    let shortest = if is_latin {
        SLIP_LATIN_CHARS_MIN
    } else {
        SLIP_CHARS_MIN
    };
    if heading.len().min(name.len()) < shortest || heading.len().abs_diff(name.len()) > 1 {
        return false;
    }
    let same = heading
        .iter()
        .zip(name)
        .take_while(|(left, right)| left == right)
        .count();
    if same == 0 {
        return false;
    }
    let left = heading.get(same..).unwrap_or_default();
    let right = name.get(same..).unwrap_or_default();
    let (left_rest, right_rest) = match left.len().cmp(&right.len()) {
        std::cmp::Ordering::Equal => (left.get(1..), right.get(1..)),
        std::cmp::Ordering::Greater => (left.get(1..), Some(right)),
        std::cmp::Ordering::Less => (Some(left), right.get(1..)),
    };
    let (Some(left_rest), Some(right_rest)) = (left_rest, right_rest) else {
        return false;
    };
    if left_rest != right_rest {
        return false;
    }
    let changed_left = (left.len() >= right.len()).then(|| left.first()).flatten();
    let changed_right = (right.len() >= left.len()).then(|| right.first()).flatten();
    let is_meaning = |letter: Option<&char>| letter.is_some_and(|letter| MEANING.contains(*letter));
    !is_meaning(changed_left) && !is_meaning(changed_right)
}

/// Drops `1.`, `1、`, `(1)`, `一、`, `(一)` and the digit that a circled one folds to.
fn without_numbering(text: &str) -> &str {
    let is_number =
        |letter: char| letter.is_ascii_digit() || "一二三四五六七八九十".contains(letter);
    if let Some(inner) = text.strip_prefix('(') {
        let rest = inner.trim_start_matches(is_number);
        if rest.len() < inner.len()
            && let Some(after) = rest.strip_prefix(')')
        {
            return after;
        }
        return text;
    }
    let rest = text.trim_start_matches(is_number);
    if rest.len() == text.len() {
        return text;
    }
    if let Some(after) = rest.strip_prefix(['.', '、', ')', ':', ',']) {
        return after;
    }
    // Without a sign after it only one digit counts as numbering: `4党员数`, but not `2020年人数`.
    match text.strip_prefix(|letter: char| letter.is_ascii_digit()) {
        Some(after) if after == rest => after,
        _ => text,
    }
}

/// Drops words that say how a column lies among the others or how it is answered.
fn without_prefix(text: &str) -> &str {
    let rest = text.strip_prefix("其中").unwrap_or(text);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    rest.strip_prefix("是否").unwrap_or(rest)
}

fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        ':' | '.' | ',' | ';' | '。' | '、' | '?' | '!' | '-' | '_' | '/'
    )
}

/// Drops brackets that hold a unit, a note or a general noun.
fn without_brackets(text: &str) -> String {
    map_brackets(text, |inside| {
        let bare = inside.strip_prefix("单位:").unwrap_or(inside);
        let is_note = NOTES.iter().any(|note| bare.starts_with(note));
        !(UNITS.contains(&bare) || NOUNS.contains(&bare) || is_note)
    })
}

/// Rebuilds a text with only those brackets for which `stays` says so.
fn map_brackets(text: &str, stays: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['(', '[', '<', '【', '〔', '《']) {
        let (before, from_open) = rest.split_at(open);
        let Some(close) = from_open.find([')', ']', '>', '】', '〕', '》']) else {
            break;
        };
        let width = from_open
            .get(close..)
            .and_then(|end| end.chars().next())
            .map_or(1, char::len_utf8);
        let (group, after) = from_open.split_at(close + width);
        let inside = group.trim_matches(|letter: char| "()[]<>【】〔〕《》".contains(letter));
        out.push_str(before);
        if stays(inside) {
            out.push_str(group);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The parts of a folded heading that offers several names of one thing, as `甲/乙` or `甲或乙`.
pub(super) fn parts(folded: &str) -> Vec<&str> {
    let bare = without_prefix(without_numbering(folded));
    bare.split(['/', '、', '|', '或'])
        .filter(|part| !part.is_empty())
        .collect()
}
