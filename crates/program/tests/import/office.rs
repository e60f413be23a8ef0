//! A district's office in memory: a store, a writer, an app, and a folder with its spreadsheets.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use domain::{Catalogue, label::Language, value};
use program::{
    App, Failure, Out,
    app::host_config,
    commands::{export, import},
    config::Config,
    dir::{Dir, Identity, Role, ScopeName},
    export::Format,
    output::Part,
    records,
};
use replica::{Clock, Mono, RecordId, RecordKey, Source};
use serde_json::{Map, Value as Json, json};
use store::{Host, Memory, Writer, WriterConfig};

/// 2020-11-02 in the morning.
const NOW_MS: u64 = 1_604_275_200_000;

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn mono(&self) -> Mono {
        Mono(0)
    }
    fn wall_ms(&self) -> u64 {
        NOW_MS
    }
}

pub(crate) struct Office {
    pub(crate) app: App,
    writer: Option<Writer>,
    pub(crate) store: Arc<Memory>,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            // A test that filled the disk has seen the writer fail.
            drop(writer.stop());
        }
    }
}

/// What a command printed, with the progress it told.
pub(crate) struct Said {
    pub(crate) json: Json,
    pub(crate) progress: Vec<(u64, u64)>,
}

/// For whom a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    People,
}

/// What stands on stdout, and for people on stderr too.
pub(crate) fn text_of(parts: &[Part], form: Form) -> String {
    let text = |part: &Part| match part {
        Part::Stdout(text) => text.clone(),
        Part::Stderr(text) if form == Form::People => text.clone(),
        Part::Stderr(_) | Part::Progress { .. } => String::new(),
    };
    parts.iter().map(text).collect()
}

impl Said {
    /// The numbers of every answer add up.
    fn checked(self) -> Self {
        let [rows, created, changed, unchanged, rejected] = self.numbers();
        assert_eq!(rows, created + changed + unchanged + rejected);
        self
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap()
    }

    /// Rows, created, changed, unchanged, and the rejected ones.
    pub(crate) fn numbers(&self) -> [u64; 5] {
        let rejected = self.json["rejected"].as_array().unwrap().len() as u64;
        let of = |name| self.number(name);
        [
            of("rows"),
            of("created"),
            of("changed"),
            of("unchanged"),
            rejected,
        ]
    }

    /// The codes of the warnings with their rows.
    pub(crate) fn warnings(&self) -> Vec<(Option<u64>, String)> {
        let warnings = self.json["warnings"].as_array().unwrap();
        let one = |w: &Json| (w["row"].as_u64(), w["code"].as_str().unwrap().to_owned());
        warnings.iter().map(one).collect()
    }

    pub(crate) fn has_warning(&self, row: Option<u64>, code: &str) -> bool {
        self.warnings().contains(&(row, code.to_owned()))
    }

    /// Row, field and code of the rejected rows.
    pub(crate) fn rejected(&self) -> Vec<(u64, String, String)> {
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let rejected = self.json["rejected"].as_array().unwrap();
        let one = |r: &Json| {
            (
                r["row"].as_u64().unwrap(),
                text(&r["field"]),
                text(&r["code"]),
            )
        };
        rejected.iter().map(one).collect()
    }
}

impl Office {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(Memory::new()))
    }

    /// The same office after a start over what was durable.
    pub(crate) fn over(former: &Self) -> Self {
        Self::with(Arc::new(Memory::from_image(former.store.image())))
    }

    fn with(store: Arc<Memory>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity {
            role: Role::Node,
            replica: "0123456789abcdef0123456789abcdef".to_owned(),
            demo: true,
            scope: ScopeName::of("410305", "涧西区"),
            published: ScopeName::of("410300", "洛阳市"),
            hub: None,
        };
        let clock: Arc<dyn Clock> = Arc::new(Fixed);
        let config = host_config(&identity, Arc::clone(&clock), None);
        let host = Host::open(Arc::<Memory>::clone(&store), config).unwrap();
        let writer = Writer::start(host, WriterConfig::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let app = App {
            proofs: Arc::default(),
            board: Arc::default(),
            cache: Arc::default(),
            files: Arc::new(link::FileRoom::new(store::Cabinet::new(folder.path()))),
            grant: None,
            reveals: false,
            reviewed: Arc::default(),
            desk: Arc::default(),
            numbers: Arc::default(),
            dir: Dir::new(folder.path()),
            identity: Arc::new(identity),
            config: Arc::new(Config::default()),
            store_key: Arc::default(),
            clock,
            catalogue: Catalogue::builtin(),
            writer: writer.handle(),
            runtime: runtime.handle().clone(),
            account: "clerk".to_owned(),
            today: domain::date::day(2020, 11, 2),
            folder: folder.path().to_owned(),
        };
        Self {
            app,
            writer: Some(writer),
            store,
            folder,
            _runtime: runtime,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a text table. Cells are parted by commas and hold none.
    pub(crate) fn sheet(&self, name: &str, lines: &[String]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, lines.join("\r\n")).unwrap();
        path
    }

    /// Runs an import. Returns what it printed, part by part.
    pub(crate) fn print(
        &self,
        args: &import::ImportArgs,
        form: Form,
    ) -> Result<Vec<Part>, Failure> {
        let parts = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&parts);
        let keep = move |part| sink.lock().unwrap().push(part);
        let mut out = Out::new(form == Form::Json, Language::Zh, 0, keep);
        import::run(&self.app, args, &mut out)?;
        drop(out);
        Ok(Arc::into_inner(parts).unwrap().into_inner().unwrap())
    }

    pub(crate) fn try_import(&self, args: &import::ImportArgs) -> Result<Said, Failure> {
        let parts = self.print(args, Form::Json)?;
        let stdout = text_of(&parts, Form::Json);
        let progress = parts.iter().filter_map(|part| match part {
            Part::Progress { done, total, .. } => Some((*done, *total)),
            Part::Stdout(_) | Part::Stderr(_) => None,
        });
        let json: Json = serde_json::from_str(&stdout).unwrap();
        Ok(Said {
            json,
            progress: progress.collect(),
        }
        .checked())
    }

    pub(crate) fn import(&self, kind: &str, file: &str) -> Said {
        self.try_import(&args(kind, file)).unwrap()
    }

    pub(crate) fn export(&self, kind: &str, format: Format, file: &str, language: Language) {
        let args = export::ExportArgs {
            kind: kind.to_owned(),
            format,
            output: file.into(),
            scope: None,
            reveal: program::commands::Reveal::default(),
        };
        let mut out = Out::new(true, language, 0, |_| ());
        export::run(&self.app, &args, &mut out).unwrap();
    }

    /// How many changes the feed of the district has seen.
    pub(crate) fn edits(&self) -> u64 {
        let scopes = self.app.reader().scopes();
        let own = scopes.iter().find(|(id, ..)| *id == self.app.scope());
        own.map_or(0, |(_, end, _)| end.seq.0)
    }

    /// All records of a kind by id, as `record get` shows their values.
    pub(crate) fn all(&self, kind: &str) -> Vec<(RecordId, Map<String, Json>)> {
        let spec = self.app.catalogue.kind_by_id(kind).unwrap();
        let keys = self.app.reader().keys(spec.kind, None, None, usize::MAX);
        let one = |key: RecordKey| {
            let stored = self.app.reader().get(key).unwrap().unwrap();
            let effective = domain::effective(self.app.catalogue, &stored.record);
            (key.id, value::to_json(spec, &effective.values))
        };
        keys.into_iter().map(one).collect()
    }

    /// The only record of a kind whose field has a value.
    pub(crate) fn one(&self, kind: &str, field: &str, is: &str) -> (RecordId, Map<String, Json>) {
        let mut found: Vec<_> = self
            .all(kind)
            .into_iter()
            .filter(|(_, values)| values[field] == json!(is))
            .collect();
        assert_eq!(found.len(), 1, "{kind} {field}={is}");
        found.pop().unwrap()
    }

    /// The registers of a record that are in open conflict.
    pub(crate) fn conflicts(&self, kind: &str, id: RecordId) -> Vec<u32> {
        let spec = self.app.catalogue.kind_by_id(kind).unwrap();
        let key = RecordKey {
            kind: spec.kind,
            id,
        };
        let stored = self.app.reader().get(key).unwrap().unwrap();
        let effective = domain::effective(self.app.catalogue, &stored.record);
        effective
            .conflicts
            .iter()
            .map(|conflict| conflict.register.0)
            .collect()
    }

    /// A person saves a record.
    pub(crate) fn put(&self, kind: &str, id: Option<RecordId>, values: Json) -> RecordId {
        let Json::Object(values) = values else {
            panic!("values are an object")
        };
        let change = records::Change {
            kind: self.app.catalogue.kind_by_id(kind).unwrap(),
            id,
            set: records::set_of_json(&values),
            seen: None,
            scope: None,
            reason: "电话核实",
            source: Source::Form,
        };
        records::put(&self.app, &change)
            .unwrap()
            .stored
            .record
            .key
            .id
    }
}

pub(crate) fn args(kind: &str, file: &str) -> import::ImportArgs {
    import::ImportArgs {
        kind: kind.to_owned(),
        file: file.into(),
        dry_run: false,
        sheet: None,
        as_of: None,
    }
}
