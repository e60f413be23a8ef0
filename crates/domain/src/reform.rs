//! A reform of divisions: which codes ended, and what the city's scopes are to say afterwards.
//!
//! The id of a scope is for life and its code is a dated label, so a reform writes labels and moves
//! nothing. Where one code followed one other, the scope takes the new code and keeps the old one
//! among its former codes. Where several became one, one of them takes the new code and the others
//! end with it as their successor. A code with no successor, or with several, is a task for the
//! city. Towns are matched by code, never by their name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use replica::ScopeId;

use crate::text::loose;

/// The changes from the edition of 2020 to that of 2023.
pub const BUILTIN: &str = include_str!("../../../tests/data/divisions_410300_changes.csv");

/// Rows of a map; a province has a tenth of it.
const ROWS_MAX: usize = 100_000;

/// What a map says of the codes that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// The successors of every code that ended; none for one that has none.
    ended: BTreeMap<String, BTreeSet<String>>,
    /// The newer name of each code that followed another.
    names: BTreeMap<String, String>,
}

/// A line of a map that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line is no change of a code")]
pub struct BadLine {
    /// The line, counted from 1.
    pub line: usize,
}

/// What became of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Same,
    /// One code followed it.
    Became(String),
    /// None did, or several: a person decides.
    Open(Vec<String>),
}

/// The built-in changes, read once.
static BUILTIN_MAP: LazyLock<Map> = LazyLock::new(|| Map::read(BUILTIN).unwrap_or_default());

impl Map {
    /// The changes that are built in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN_MAP
    }

    /// Reads a map: `old_code,old_name,new_code,new_name,…` a line, after a heading or none. Lines
    /// without an old code tell of additions and change nothing.
    ///
    /// # Errors
    /// A line that is none.
    pub fn read(csv: &str) -> Result<Self, BadLine> {
        let mut map = Self::default();
        let rows = csv.trim_start_matches('\u{feff}').lines().enumerate();
        for (at, row) in rows.filter(|(_, row)| !row.trim().is_empty()) {
            let bad = BadLine { line: at + 1 };
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            let begins_with_code = cells
                .first()
                .is_some_and(|cell| crate::division::is_code(cell));
            if at == 0 && !begins_with_code {
                continue;
            }
            let [old, _, new, name, ..] = cells.as_slice() else {
                return Err(bad);
            };
            let known = |code: &str| code.is_empty() || crate::division::is_code(code);
            if !known(old) || !known(new) || at > ROWS_MAX {
                return Err(bad);
            }
            if old.is_empty() {
                continue;
            }
            let successors = map.ended.entry((*old).to_owned()).or_default();
            if !new.is_empty() {
                successors.insert((*new).to_owned());
                map.names.insert((*new).to_owned(), (*name).to_owned());
            }
        }
        Ok(map)
    }

    /// Whether no code ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }

    /// What became of a code.
    #[must_use]
    pub fn fate(&self, code: &str) -> Fate {
        let Some(successors) = self.ended.get(code) else {
            return Fate::Same;
        };
        let mut all = successors.iter();
        match (all.next(), all.next()) {
            (Some(only), None) => Fate::Became(only.clone()),
            _ => Fate::Open(successors.iter().cloned().collect()),
        }
    }

    /// The code that one goes on as: itself where it did not end with one successor.
    #[must_use]
    pub fn present(&self, code: &str) -> String {
        match self.fate(code) {
            Fate::Became(new) => new,
            Fate::Same | Fate::Open(_) => code.to_owned(),
        }
    }

    /// The codes of six characters that ended, ascending.
    fn ended_scopes(&self) -> impl Iterator<Item = &String> {
        self.ended.keys().filter(|code| code.len() == 6)
    }
}

/// One scope as its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: ScopeId,
    /// Its present code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Codes it had before.
    pub former: Vec<String>,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// What a reform does to one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It takes a new code and a new name.
    Renamed {
        /// The scope.
        id: ScopeId,
        /// The code until now.
        from: String,
        /// The code from now on.
        to: String,
        /// Its name from now on.
        name: String,
    },
    /// It ends; another scope stands for it.
    Ended {
        /// The scope.
        id: ScopeId,
        /// Its code.
        from: String,
        /// The scope that stands for it.
        into: ScopeId,
        /// That scope's code.
        to: String,
    },
    /// The map names no successor, or several: a person decides.
    Open {
        /// The scope.
        id: ScopeId,
        /// Its code.
        from: String,
        /// The successors that the map names.
        candidates: Vec<String>,
    },
}

/// Returns what a map does to the city's scopes, ascending by code. What was done before is not
/// done again.
#[must_use]
pub fn plan(map: &Map, places: &[Place]) -> Vec<Step> {
    let living = |code: &str| {
        places
            .iter()
            .find(|place| place.code == code && !place.has_ended)
    };
    let mut heirs: BTreeMap<String, Vec<&Place>> = BTreeMap::new();
    let mut open = Vec::new();
    for place in map.ended_scopes().filter_map(|code| living(code)) {
        match map.fate(&place.code) {
            Fate::Same => {}
            Fate::Became(to) => heirs.entry(to).or_default().push(place),
            Fate::Open(candidates) => open.push(Step::Open {
                id: place.id,
                from: place.code.clone(),
                candidates,
            }),
        }
    }
    let mut steps = open;
    for (to, ended) in heirs {
        let name = map.names.get(&to).cloned().unwrap_or_default();
        // One that has the new code already stands for all; else the one whose name goes on does,
        // else the first.
        let present = living(&to);
        let heir = present.or_else(|| ended.iter().find(|p| goes_on(&p.name, &name)).copied());
        let Some(heir) = heir.or_else(|| ended.first().copied()) else {
            continue;
        };
        for place in ended {
            steps.push(if place.id == heir.id {
                Step::Renamed {
                    id: place.id,
                    from: place.code.clone(),
                    to: to.clone(),
                    name: name.clone(),
                }
            } else {
                Step::Ended {
                    id: place.id,
                    from: place.code.clone(),
                    into: heir.id,
                    to: to.clone(),
                }
            });
        }
    }
    steps.sort_by(|a, b| a.from().cmp(b.from()));
    steps
}

impl Step {
    /// The code that ended.
    #[must_use]
    pub fn from(&self) -> &str {
        match self {
            Self::Renamed { from, .. } | Self::Ended { from, .. } | Self::Open { from, .. } => from,
        }
    }
}

/// Whether two names differ in their last word only: 孟津县 and 孟津区.
fn goes_on(old: &str, new: &str) -> bool {
    let stem = |name: &str| {
        let name = loose(name);
        let mut letters = name.chars();
        letters.next_back();
        letters.as_str().to_owned()
    };
    !stem(old).is_empty() && stem(old) == stem(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(code: &str, name: &str) -> Place {
        Place {
            id: crate::scope_id(code),
            code: code.to_owned(),
            name: name.to_owned(),
            former: Vec::new(),
            has_ended: false,
        }
    }

    #[test]
    fn the_first_line_is_a_heading_only_if_it_begins_with_no_code() {
        let row = "410322,孟津县,410308,孟津区\n";
        for csv in [
            row.to_owned(),
            format!("\u{feff}{row}"),
            format!("原代码,原名称,新代码,新名称\n{row}"),
        ] {
            let map = Map::read(&csv).unwrap();
            assert_eq!(map.present("410322"), "410308", "{csv}");
        }
        assert_eq!(Map::read("410322,孟津县"), Err(BadLine { line: 1 }));
        for csv in ["", "old_code,old_name,new_code,new_name\n"] {
            assert!(Map::read(csv).unwrap().is_empty(), "{csv}");
        }
    }

    #[test]
    fn the_reform_of_2021_renames_two_scopes_and_ends_one() {
        let map = Map::read(BUILTIN).unwrap();
        let places = [
            place("410305", "涧西区"),
            place("410306", "吉利区"),
            place("410322", "孟津县"),
            place("410381", "偃师市"),
        ];
        let steps = plan(&map, &places);
        let renamed = |code: &str, to: &str, name: &str| Step::Renamed {
            id: crate::scope_id(code),
            from: code.to_owned(),
            to: to.to_owned(),
            name: name.to_owned(),
        };
        let ended = Step::Ended {
            id: crate::scope_id("410306"),
            from: "410306".to_owned(),
            into: crate::scope_id("410322"),
            to: "410308".to_owned(),
        };
        let expected = [
            ended,
            renamed("410322", "410308", "孟津区"),
            renamed("410381", "410307", "偃师区"),
        ];
        assert_eq!(steps, expected);
        // The same map again finds nothing to do.
        let after = [
            place("410305", "涧西区"),
            Place {
                has_ended: true,
                ..place("410306", "吉利区")
            },
            place("410308", "孟津区"),
            place("410307", "偃师区"),
        ];
        assert_eq!(plan(&map, &after), []);
    }

    #[test]
    fn a_scope_without_one_successor_is_left_to_the_city() {
        let heading = "old_code,old_name,new_code,new_name,kind,match\n";
        let map = format!(
            "{heading}410399,甲区,410391,乙区,,\n410399,甲区,410392,丙区,,\n410398,丁区,,,,\n"
        );
        let map = Map::read(&map).unwrap();
        let steps = plan(&map, &[place("410399", "甲区"), place("410398", "丁区")]);
        let open = |code: &str, candidates: &[&str]| Step::Open {
            id: crate::scope_id(code),
            from: code.to_owned(),
            candidates: candidates.iter().map(|c| (*c).to_owned()).collect(),
        };
        assert_eq!(
            steps,
            [open("410398", &[]), open("410399", &["410391", "410392"])]
        );
    }

    #[test]
    fn towns_are_matched_by_code_and_never_by_name() {
        let map = Map::read(BUILTIN).unwrap();
        assert_eq!(map.fate("410322100"), Fate::Became("410308100".to_owned()));
        // Four more towns bear that name; none of them became this one.
        for ended in ["410323100", "410324100", "410327100", "410328100"] {
            assert_eq!(map.fate(ended), Fate::Open(Vec::new()));
        }
        assert_eq!(map.fate("410305001"), Fate::Same);
    }

    #[test]
    fn a_line_that_is_no_change_is_named() {
        let heading = "old_code,old_name,new_code,new_name\n";
        for (bad, line) in [("x", 2), ("410306,吉利区", 2), ("\n41,a,410308,b", 3)] {
            assert_eq!(Map::read(&format!("{heading}{bad}")), Err(BadLine { line }));
        }
    }
}
