//! The real programs as processes: started, asked, stopped, killed.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;
use store::StoreKey;

/// What a command may take before it is taken to hang.
const COMMAND_MAX: Duration = Duration::from_secs(120);

/// One of the two programs, and the directory it works in.
#[derive(Clone, Debug)]
pub struct Program {
    exe: PathBuf,
    name: &'static str,
    /// The program's directory.
    pub data: PathBuf,
    /// Who gives the commands.
    pub account: String,
    /// The date that stands for today, in a store made for demonstration.
    pub today: Option<String>,
}

/// What a command said.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// All else.
    pub stderr: String,
}

/// How many files below a folder hold a text, as it is stored: UTF-8. Of a program that encrypts its
/// store none ever does: see [`Program::plain`].
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn holding(folder: &Path, text: &str) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder is ours").path();
        if path.is_dir() {
            found += holding(&path, text);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let mut parts = bytes.windows(text.len());
            found += usize::from(parts.any(|part| part == text.as_bytes()));
        }
    }
    found
}

impl Ran {
    /// The JSON document on stdout.
    ///
    /// # Panics
    /// When there is none: shows what the command said instead.
    #[must_use]
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("no document ({error}): {self:?}"))
    }

    /// The same, of a command that must have succeeded.
    ///
    /// # Panics
    /// When it has not.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl Program {
    /// The city program.
    #[must_use]
    pub fn hub(exe: &Path, data: &Path) -> Self {
        Self {
            exe: exe.to_owned(),
            name: "liangxin-hub",
            data: data.to_owned(),
            account: "operator".to_owned(),
            today: None,
        }
    }

    /// A district program.
    #[must_use]
    pub fn node(exe: &Path, data: &Path) -> Self {
        Self {
            name: "liangxin-node",
            ..Self::hub(exe, data)
        }
    }

    /// The same program, which is not set up yet, without encryption: what is looked for in its files is
    /// then found where it is.
    ///
    /// # Panics
    /// When its settings cannot be written.
    #[must_use]
    pub fn plain(self) -> Self {
        std::fs::create_dir_all(&self.data).expect("a folder is made");
        let settings = "[store]\nkey_file = \"none\"\n";
        std::fs::write(self.data.join("config.toml"), settings).expect("settings are written");
        self
    }

    /// The key of its store; none where it is not encrypted.
    #[must_use]
    pub fn store_key(&self) -> Option<StoreKey> {
        let text = std::fs::read_to_string(self.data.join("store.key")).ok()?;
        StoreKey::read(&text).ok()
    }

    /// The same program under another account.
    #[must_use]
    pub fn by(&self, account: &str) -> Self {
        Self {
            account: account.to_owned(),
            ..self.clone()
        }
    }

    /// The same program on another day; only where its store was made for demonstration.
    #[must_use]
    pub fn on(&self, today: &str) -> Self {
        Self {
            today: Some(today.to_owned()),
            ..self.clone()
        }
    }

    /// A command of the program, not yet started.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.exe);
        command.arg0(self.name).args(args);
        command
            .arg("--data")
            .arg(&self.data)
            .arg("--as")
            .arg(&self.account);
        if let Some(today) = &self.today {
            command.arg("--today").arg(today);
        }
        command
            .env_remove("LIANGXIN_DATA")
            .env_remove("LIANGXIN_AS")
            .env_remove("LIANGXIN_PASSWORD_FILE")
            // A temporary directory may lie in memory, of which every command warns.
            .env("LIANGXIN_LOG", "error")
            .env("LC_ALL", "C.UTF-8");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started or hangs.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let mut child = self.command(args).spawn().expect("the program starts");
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                if let Some(mut pipe) = pipe {
                    pipe.read_to_end(&mut text).unwrap_or_default();
                }
                String::from_utf8_lossy(&text).into_owned()
            })
        };
        let out = read(out.map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>));
        let err = read(err.map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("the program is ours") {
                break status;
            }
            if start.elapsed() > COMMAND_MAX {
                child.kill().expect("the program is ours");
                panic!("the command hangs");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: out.join().unwrap_or_default(),
            stderr: err.join().unwrap_or_default(),
        }
    }

    /// Runs a command with `--json` that must succeed. Returns its document.
    ///
    /// # Panics
    /// When it fails.
    pub fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let json = std::ffi::OsString::from("--json");
        let args = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .chain([json]);
        self.run(args).ok().json()
    }

    /// Makes a record of these values. Returns its id.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn make(&self, kind: &str, values: &Value) -> String {
        let mut args = ["record", "put", kind, "--reason", "登记"]
            .map(str::to_owned)
            .to_vec();
        for (name, value) in values.as_object().into_iter().flatten() {
            let text = value.as_str().map(str::to_owned);
            let text = text.unwrap_or_else(|| value.to_string());
            args.extend(["--set".to_owned(), format!("{name}={text}")]);
        }
        let made = self.json(args);
        let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
        id.to_owned()
    }

    /// Sets fields of a record, each as `FIELD=VALUE`.
    pub fn set(&self, (kind, id): (&str, &str), sets: &[&str], reason: &str) -> Ran {
        let put = ["record", "put", kind, id, "--reason", reason, "--json"];
        self.with(&put, sets)
    }

    /// Takes a step of a record, and sets fields along with it.
    pub fn act(&self, (kind, id): (&str, &str), act: &str, sets: &[&str], reason: &str) -> Ran {
        let act = ["record", "act", kind, id, act, "--reason", reason, "--json"];
        self.with(&act, sets)
    }

    fn with(&self, args: &[&str], sets: &[&str]) -> Ran {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        self.run(args.iter().copied().chain(sets))
    }

    /// The document of a record.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Value {
        self.json(["record", "get", kind, id])
    }

    /// Starts `serve` and waits for its first line.
    ///
    /// # Panics
    /// When it does not come: shows what the program said instead.
    pub fn serve<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Serving {
        self.try_serve(args)
            .unwrap_or_else(|told| panic!("the program does not serve: {told}"))
    }

    /// The same where it may fail, as when a command holds the store for a moment.
    ///
    /// # Errors
    /// What the program said instead of its first line.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn try_serve<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Serving, String> {
        let serve = std::ffi::OsString::from("serve");
        let args = [serve]
            .into_iter()
            .chain(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        let log = self.data.with_extension("log");
        let mut command = self.command(args);
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log is made");
        let before = file.metadata().map_or(0, |log| log.len());
        command.stderr(file);
        let mut child = command.spawn().expect("the program starts");
        let out = child.stdout.take();
        // From here on a failure kills it.
        let mut serving = Serving {
            child: Some(child),
            said: Value::Null,
        };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(out?);
            let mut first = String::new();
            lines.read_line(&mut first).unwrap_or_default();
            tell.send(first).unwrap_or_default();
            // The pipe stays open, so that a later line of the program does not end it.
            lines.read_to_string(&mut String::new()).ok()
        });
        let first = told.recv_timeout(COMMAND_MAX).unwrap_or_default();
        serving.said = serde_json::from_str(&first).map_err(|_error| {
            let log = std::fs::read(&log).unwrap_or_default();
            let skip = usize::try_from(before).unwrap_or_default();
            let told = log.get(skip..).unwrap_or_default();
            format!("{first:?} {}", String::from_utf8_lossy(told))
        })?;
        Ok(serving)
    }
}

/// A serving program. Dropping it kills it.
#[derive(Debug)]
pub struct Serving {
    child: Option<Child>,
    /// Its first line.
    pub said: Value,
}

impl Serving {
    /// Where it listens.
    #[must_use]
    pub fn listen(&self) -> String {
        self.said
            .get("listen")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// Where its metrics are.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.said
            .get("metrics")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends it as an operator would. Returns the exit code and how long it took.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(mut self) -> (i32, Duration) {
        let start = Instant::now();
        let Some(mut child) = self.child.take() else {
            return (-1, Duration::ZERO);
        };
        // The shell's own: a machine with nothing installed has no program of that name.
        let kill = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\""])
            .arg(child.id().to_string())
            .status();
        assert!(kill.is_ok_and(|kill| kill.success()), "sh can kill");
        loop {
            if let Some(status) = child.try_wait().expect("the program is ours") {
                return (status.code().unwrap_or(-1), start.elapsed());
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the program does not stop"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it without a warning, as a power cut would.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the program is ours");
            child.wait().expect("the program ends");
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}
