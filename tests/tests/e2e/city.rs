//! A city with its districts: real programs in one temporary directory, with lines that can be cut.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tests::{
    programs::{Program, Ran, Serving},
    proxy::Line,
};

/// What may pass before a thing that must come is taken to be lost. A node that could not reach
/// its hub for some seconds waits as long again before it calls.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(40);

/// A city: its hub, serving or not.
pub(super) struct City {
    pub(super) hub: Program,
    serving: Option<Serving>,
    lines: Vec<Arc<Line>>,
    folder: TempDir,
    /// Districts that join do without encryption.
    is_plain: bool,
}

/// A district that has joined, and its line to the city.
pub(super) struct District {
    pub(super) node: Program,
    pub(super) line: Arc<Line>,
}

/// The city's program.
pub(super) fn hub_exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_liangxin-hub"))
}

/// The district's program.
pub(super) fn node_exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_liangxin-node"))
}

impl City {
    /// A city that is set up and not serving.
    pub(super) fn founded() -> Self {
        Self::found(false)
    }

    fn found(is_plain: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut hub = Program::hub(hub_exe(), &folder.path().join("hub"));
        if is_plain {
            hub = hub.plain();
        }
        hub.run([
            "init",
            "--scope",
            "410300",
            "--name",
            "洛阳市",
            "--year",
            "2020",
        ])
        .ok();
        Self {
            is_plain,
            ..Self::of(hub, folder)
        }
    }

    /// A city whose hub is set up already, in this temporary directory.
    pub(super) fn of(hub: Program, folder: TempDir) -> Self {
        Self {
            hub,
            serving: None,
            lines: Vec::new(),
            folder,
            is_plain: false,
        }
    }

    /// A city that takes calls.
    pub(super) fn open() -> Self {
        let mut city = Self::founded();
        city.up();
        city
    }

    /// The same without encryption, at the districts too: what is looked for in files can be found.
    pub(super) fn open_plain() -> Self {
        let mut city = Self::found(true);
        city.up();
        city
    }

    /// Lets the hub serve. It has another port each time; the lines follow.
    pub(super) fn up(&mut self) {
        let serving = self.hub.serve(["--listen", "127.0.0.1:0"]);
        let target = serving.listen().parse().unwrap();
        self.lines.iter().for_each(|line| line.aim(target));
        self.serving = Some(serving);
    }

    /// Stops the hub as an operator would.
    pub(super) fn down(&mut self) {
        if let Some(serving) = self.serving.take() {
            let (code, _) = serving.terminate();
            assert_eq!(code, 0, "the hub stops well");
        }
    }

    /// The serving hub.
    pub(super) fn serving(&mut self) -> Serving {
        self.serving.take().unwrap()
    }

    /// A path in the city's temporary directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of such a path.
    pub(super) fn text_path(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A token for a node of a scope.
    pub(super) fn invite(&self, code: &str, name: &str) -> String {
        let ran = self
            .hub
            .run(["node", "invite", "--scope", code, "--name", name])
            .ok();
        ran.stdout.trim().to_owned()
    }

    /// A new line to the serving hub, and the address at its near end.
    pub(super) fn line(&mut self) -> (Arc<Line>, String) {
        let target = self.serving.as_ref().unwrap().listen().parse().unwrap();
        let line = Arc::new(Line::to(target));
        self.lines.push(Arc::clone(&line));
        let address = format!("https://{}", line.address());
        (line, address)
    }

    /// Jianxi, joined over a line of its own.
    pub(super) fn jianxi(&mut self) -> District {
        self.district("410305", "涧西区", "jianxi")
    }

    /// A district that joins over a line of its own and keeps its data under this name.
    pub(super) fn district(&mut self, code: &str, name: &str, data: &str) -> District {
        let token = self.invite(code, name);
        let (line, address) = self.line();
        let mut node = Program::node(node_exe(), &self.path(data));
        if self.is_plain {
            node = node.plain();
        }
        node.run(["join", "--hub", &address, "--token", &token])
            .ok();
        District { node, line }
    }
}

/// Looks until it holds.
#[track_caller]
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

/// Exchanges with the hub until both sides are equal, as often as it takes: after a cut a serving
/// node calls again by itself and may be in the middle of a pause.
#[track_caller]
pub(super) fn settle(node: &Program) -> Value {
    let mut done = Value::Null;
    until("both sides are settled", || {
        let ran = node.run(["sync", "--once", "--json"]);
        if ran.code == 0 {
            done = ran.json();
        }
        ran.code == 0
    });
    assert_eq!(done["equal"], true, "{done}");
    done
}

/// Sample organisation `n` of Jianxi.
pub(super) fn sample(n: u64) -> (String, Map<String, Value>) {
    let id = tests::sample::id_of(domain::scope_id("410305"), n);
    (id.to_string(), tests::sample::values_of(n))
}

/// Writes samples as a file that `record load` takes.
pub(super) fn sample_file(path: &Path, numbers: impl IntoIterator<Item = u64>) -> String {
    let line = |n| {
        let (id, values) = sample(n);
        format!(
            "{}\n",
            json!({"kind": "organisation", "id": id, "values": values})
        )
    };
    let text: String = numbers.into_iter().map(line).collect();
    std::fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Loads samples into a program.
#[track_caller]
pub(super) fn load_samples(program: &Program, numbers: impl IntoIterator<Item = u64>) {
    let file = sample_file(&program.data.with_extension("ndjson"), numbers);
    let loaded = program.json(["record", "load", &file]);
    assert_eq!(loaded["rejected"], 0, "{loaded}");
}

/// Writes one field of an organisation.
pub(super) fn put(program: &Program, id: &str, set: &str) -> Ran {
    program.run([
        "record",
        "put",
        "organisation",
        id,
        "--set",
        set,
        "--reason",
        "核实",
        "--json",
    ])
}

/// What `doctor` says under a code.
#[track_caller]
pub(super) fn check(program: &Program, code: &str) -> Value {
    let checks = program.json(["doctor"])["checks"].clone();
    let mut checks = checks.as_array().unwrap().iter();
    checks.find(|check| check["code"] == code).unwrap().clone()
}

/// The document of an organisation.
#[track_caller]
pub(super) fn organisation(program: &Program, id: &str) -> Value {
    program.json(["record", "get", "organisation", id])
}

/// What a command prints for people who read Chinese: nothing of it is JSON.
#[track_caller]
pub(super) fn in_chinese(program: &Program, args: &[&str]) -> String {
    let said = program
        .run(args.iter().chain(&["--lang", "zh"]))
        .ok()
        .stdout;
    assert!(!said.contains(['{', '[', '"']), "{said}");
    said
}

/// All organisations, by id.
#[track_caller]
pub(super) fn organisations(program: &Program) -> Vec<Value> {
    let list = program.json(["record", "list", "organisation"]);
    assert_eq!(
        list["next"],
        Value::Null,
        "without a limit there is one page"
    );
    list["records"].as_array().unwrap().clone()
}

/// What two sides must agree on of a record: all but how each names its own progress.
pub(super) fn content(document: &Value) -> Value {
    json!([
        document["id"],
        document["scope"],
        document["values"],
        document["conflicts"]
    ])
}

/// Both sides hold the same organisations, conflicts included, and each is sound in itself.
#[track_caller]
pub(super) fn assert_equal(one: &Program, other: &Program) {
    let all = |program| {
        organisations(program)
            .iter()
            .map(content)
            .collect::<Vec<_>>()
    };
    assert_eq!(all(one), all(other));
    assert_eq!(
        one.json(["conflict", "list"]),
        other.json(["conflict", "list"])
    );
    for program in [one, other] {
        let verified = program.json(["verify"]);
        assert_eq!(
            (&verified["ok"], &verified["findings"]),
            (&json!(true), &json!([])),
            "{verified}"
        );
    }
}

/// How the node, or the hub, sees its only peer.
#[track_caller]
pub(super) fn peer(program: &Program) -> Value {
    let status = program.json(["status"]);
    assert_eq!(status["peers"].as_array().unwrap().len(), 1, "{status}");
    status["peers"][0].clone()
}

/// A failure as it must be: the exit code, a code on stderr that the programs explain, and nothing
/// on stdout but, with `--json`, one document that says the same.
#[track_caller]
pub(super) fn assert_refused(ran: &Ran, exit: i32, code: &str) {
    assert_eq!(ran.code, exit, "{ran:?}");
    let told = ran
        .stderr
        .lines()
        .any(|line| line.starts_with(&format!("{code}  ")));
    assert!(told, "{code} is not said: {ran:?}");
    // A usage error of the command line parser has no code.
    let is_explained = code.is_empty() || program::texts::has(code);
    assert!(is_explained, "{code} is not explained");
    if !ran.stdout.is_empty() {
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        assert_eq!(ran.json()["error"]["code"], code);
    }
}

/// Runs a command that must be refused.
#[track_caller]
pub(super) fn refused<S: AsRef<OsStr>>(
    program: &Program,
    args: impl IntoIterator<Item = S>,
    exit: i32,
    code: &str,
) -> Ran {
    let ran = program.run(args);
    assert_refused(&ran, exit, code);
    ran
}

/// A file of the test data.
pub(super) fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}
