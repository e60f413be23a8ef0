//! The name of a person as those read it who have no need of it: the surname, and 某.

/// Surnames of two characters that are still borne; all others are one.
const COMPOUND: &[&str] = &[
    "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "独孤", "南宫", "夏侯", "皇甫", "尉迟", "公孙",
    "慕容", "令狐", "长孙", "宇文", "轩辕", "端木", "百里", "呼延", "东郭", "南郭", "申屠", "钟离",
    "澹台", "公羊", "西门",
];

/// Returns the surname with 某 for the rest; nothing of nothing.
#[must_use]
pub fn person_name(name: &str) -> String {
    let name = name.trim();
    let compound = COMPOUND
        .iter()
        // A name that is nothing but such a surname is a surname of one and a given name.
        .find(|surname| name.len() > surname.len() && name.starts_with(*surname));
    let first = name.chars().next().map(String::from);
    match compound.map(|surname| (*surname).to_owned()).or(first) {
        Some(surname) => surname + "某",
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::person_name;

    #[test]
    fn only_the_surname_is_left() {
        for (name, masked) in [
            ("张三", "张某"),
            (" 欧阳修 ", "欧阳某"),
            ("东方", "东某"),
            ("Li Ming", "L某"),
            ("", ""),
        ] {
            assert_eq!(person_name(name), masked);
        }
    }
}
