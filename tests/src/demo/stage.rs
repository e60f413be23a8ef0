//! The stage of the demo and of its scenes: a city, desks of districts, lines that can be cut, and
//! what is said of it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;

use crate::{
    programs::{Program, Ran, Serving},
    proxy::Line,
};

/// A desk with a node of its own; a district has one or several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The code of its scope.
    code: &'static str,
    /// The name of its scope.
    scope: &'static str,
    /// Which desk of the scope it is; none for the office.
    desk: Option<(&'static str, &'static str)>,
}

impl Place {
    /// The office of a district.
    pub(super) const fn office(code: &'static str, scope: &'static str) -> Self {
        Self {
            code,
            scope,
            desk: None,
        }
    }

    /// A further desk of a district: by what it is found, and its name.
    pub(super) const fn desk(self, key: &'static str, name: &'static str) -> Self {
        Self {
            desk: Some((key, name)),
            ..self
        }
    }
}

/// A desk of the demo: its program, its line to the city, the serving process.
pub(super) struct District {
    pub(super) name: String,
    pub(super) code: &'static str,
    /// By what it is found: its code, or the key of its desk.
    key: &'static str,
    pub(super) program: Program,
    pub(super) line: Line,
    /// Unless it is stopped.
    serving: Option<Serving>,
}

impl District {
    /// Ends the serving program as an operator would. Returns whether it ended well.
    pub(super) fn stop(&mut self) -> bool {
        self.serving
            .take()
            .is_some_and(|serving| serving.terminate().0 == 0)
    }

    pub(super) fn start(&mut self) {
        self.serving = Some(self.program.serve::<&str>([]));
    }

    /// Waits until it and the city are equal. After a cut a serving node calls again by itself; it
    /// may be in the middle of a pause.
    pub(super) fn settle(&self) {
        let start = Instant::now();
        loop {
            let ran = self.program.run(["sync", "--once", "--json"]);
            if ran.code == 0 {
                return;
            }
            assert!(
                start.elapsed().as_secs() < 40,
                "{} does not settle: {ran:?}",
                self.name
            );
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

/// A city and its desks.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) hub: Program,
    /// Unless it is stopped.
    pub(super) serving: Option<Serving>,
    pub(super) districts: Vec<District>,
}

impl Stage {
    /// Sets up the city and its desks: authority, invitations, certificates, ports. The city serves;
    /// a desk does not until it is started.
    ///
    /// On a stage that is `plain` the stores are not encrypted: a scene looks into their files.
    pub(super) fn set(exe: &Path, folder: &Path, places: &[Place], plain: bool) -> Self {
        let dress = |program: Program| if plain { program.plain() } else { program };
        let hub = dress(Program::hub(exe, &folder.join("hub")));
        hub.run([
            "init",
            "--demo",
            "--scope",
            "410300",
            "--name",
            "洛阳市",
            "--year",
            "2020",
        ])
        .ok();
        let serving = hub.serve(["--listen", "127.0.0.1:0"]);
        let target: SocketAddr = serving.listen().parse().expect("an address");
        let join = |place: &Place| {
            let (code, scope) = (place.code, place.scope);
            let token = hub
                .run(["node", "invite", "--scope", code, "--name", scope])
                .ok()
                .stdout;
            let (key, desk) = place.desk.unwrap_or((code, ""));
            let program = dress(Program::node(exe, &folder.join(key)));
            let line = Line::to(target);
            let address = format!("https://{}", line.address());
            program
                .run(["join", "--demo", "--hub", &address, "--token", token.trim()])
                .ok();
            let name = format!("{scope}{desk}");
            say(&format!("  {code} {name} 已入网"));
            District {
                name,
                code,
                key,
                program,
                line,
                serving: None,
            }
        };
        let districts = places.iter().map(join).collect();
        Self {
            folder: folder.to_owned(),
            serving: Some(serving),
            districts,
            hub,
        }
    }

    /// A desk, by the code of its scope or the key of the desk.
    pub(super) fn district(&self, key: &str) -> &District {
        self.districts
            .iter()
            .find(|d| d.key == key)
            .expect("a desk of the stage")
    }

    pub(super) fn district_mut(&mut self, key: &str) -> &mut District {
        self.districts
            .iter_mut()
            .find(|d| d.key == key)
            .expect("a desk of the stage")
    }

    pub(super) fn settle_all(&self) {
        // What one desk is to see of another goes through the city.
        for _ in 0..2 {
            self.districts.iter().for_each(District::settle);
        }
    }

    /// A path in the folder of the stage.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

/// What a scene has looked at so far, and whether all of it was as it must be.
pub(super) struct Checks(bool);

impl Checks {
    pub(super) fn new() -> Self {
        Self(true)
    }

    /// Says what must hold, and whether it does.
    pub(super) fn see(&mut self, holds: bool, what: &str) {
        let mark = if holds { "✓" } else { "✗" };
        say(&format!("  {mark} {what}"));
        self.0 &= holds;
    }

    pub(super) fn is_good(&self) -> bool {
        self.0
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the demo talks to the person before the terminal"
)]
pub(super) fn say(text: &str) {
    println!("{text}");
}

pub(super) fn scene(number: &str, zh: &str, en: &str) {
    say(&format!("\n── {number}. {zh}  ·  {en}"));
}

/// What a program says, as part of the telling. A command that was meant to go well and did not
/// shows in what is looked at afterwards.
pub(super) fn quote(ran: &Ran) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        say(&format!("    {line}"));
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Says the candidates of a conflict: each value with who wrote it and when.
pub(super) fn sides(card: &Value) {
    for candidate in card["candidates"].as_array().into_iter().flatten() {
        say(&format!(
            "  [{}] {}  —— {}，{}",
            candidate["candidate"],
            candidate["value"],
            text(&candidate["author"]),
            text(&candidate["at"])
        ));
    }
}

/// The number of the candidate whose value says this; empty where there is none.
pub(super) fn candidate_with(card: &Value, said: &str) -> String {
    let all = card["candidates"].as_array();
    let mut all = all.into_iter().flatten();
    let found = all.find(|candidate| candidate["value"].to_string().contains(said));
    found
        .map(|candidate| candidate["candidate"].to_string())
        .unwrap_or_default()
}
