//! The rules of the house that a compiler does not know: who may depend on whom, how files begin,
//! how long they get, where Chinese stands.

#![expect(clippy::unwrap_used, reason = "a test ends at the first failure")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Lines of one file. Above it nobody finds their way.
const LINES_MAX: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | ".git" | "gen") {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    let read = |path: PathBuf| {
        (
            path.strip_prefix(root()).unwrap().to_owned(),
            fs::read_to_string(&path).unwrap(),
        )
    };
    found.into_iter().map(read).collect()
}

/// The members of the house that a package depends on, tests of its own left out.
fn depends_on(package: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let house = [
        "proto", "replica", "domain", "store", "link", "program", "node", "hub", "tests",
    ];
    let table = manifest.split("[dependencies]").nth(1).unwrap_or("");
    let table = table.split("\n[").next().unwrap();
    let named = |line: &str| line.split(['.', ' ', '=']).next().unwrap().to_owned();
    table
        .lines()
        .map(named)
        .filter(|name| house.contains(&name.as_str()))
        .collect()
}

#[test]
fn nobody_depends_on_what_it_may_not_know() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("proto", &[][..]),
        ("crates/replica", &["proto"][..]),
        ("crates/domain", &["replica", "proto"][..]),
        ("crates/store", &["replica", "proto"][..]),
        ("crates/link", &["store", "replica", "proto"][..]),
        (
            "crates/program",
            &["link", "store", "domain", "replica", "proto"][..],
        ),
        (
            "node",
            &["program", "link", "store", "domain", "replica", "proto"][..],
        ),
        (
            "hub",
            &["program", "link", "store", "domain", "replica", "proto"][..],
        ),
    ]);
    for (package, may) in allowed {
        for name in depends_on(package) {
            assert!(
                may.contains(&name.as_str()),
                "{package} must not know {name}"
            );
        }
    }
}

#[test]
fn the_engine_has_no_runtime_no_network_and_no_store() {
    for package in ["crates/replica", "crates/domain"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        for banned in ["tokio", "tonic", "sled", "rustls", "getrandom"] {
            assert!(
                !manifest.contains(banned),
                "{package} must stay free of {banned}"
            );
        }
    }
    let users: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| path.starts_with("crates") && text.contains("sled::"))
        .map(|(path, _)| path)
        .collect();
    let inside = |path: &PathBuf| path.to_string_lossy().starts_with("crates/store/src/disk");
    assert!(
        users.iter().all(inside),
        "sled is named outside its rooms: {users:?}"
    );
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//!"),
            "{} does not begin with its purpose",
            path.display()
        );
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        assert_ne!(path.file_name().unwrap(), "mod.rs", "{}", path.display());
    }
}

#[test]
fn chinese_stands_where_people_read_it() {
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for (path, text) in sources() {
        let engine = ["crates/replica/src", "crates/store/src", "crates/link/src"];
        if engine.iter().any(|room| path.starts_with(room)) {
            let found = text.lines().position(|line| line.chars().any(han));
            assert_eq!(found, None, "{} line {found:?}", path.display());
        }
    }
}

#[test]
fn nothing_names_a_machine_path() {
    let roots = ["work", "root", "farm"].map(|name| ["/", name, "/"].concat());
    for (path, text) in sources() {
        for root in &roots {
            assert!(
                !text.contains(root.as_str()),
                "{} names {root}",
                path.display()
            );
        }
    }
}

#[test]
fn a_manifest_takes_versions_and_lints_from_the_workspace() {
    let rooms = [
        "proto",
        "crates/replica",
        "crates/domain",
        "crates/store",
        "crates/link",
        "crates/program",
        "node",
        "hub",
        "tests",
    ];
    for room in rooms {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{room}");
        let own = manifest.lines().find(|line| line.contains("version = \""));
        assert_eq!(own, None, "{room} names a version of its own");
    }
}

/// Whether a text is a stable code: capital letters, a hyphen, three digits.
fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.chars().all(|c| c.is_ascii_uppercase())
            && number.len() == 3
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

#[test]
fn every_stable_code_has_a_sentence() {
    let mut missing = BTreeSet::new();
    for (path, text) in sources() {
        let program = ["crates/", "node/src", "hub/src"];
        if !program
            .iter()
            .any(|room| path.to_string_lossy().starts_with(room))
        {
            continue;
        }
        // What stands between quotation marks, in every second piece. The simulator's own code
        // names no case that people meet.
        let quoted = text.split('"').skip(1).step_by(2);
        let codes = quoted.filter(|quoted| is_code(quoted) && !quoted.starts_with("TEST"));
        let unknown = codes.filter(|code| !program::texts::has(code));
        missing.extend(unknown.map(str::to_owned));
    }
    assert!(missing.is_empty(), "codes without a sentence: {missing:?}");
}
