//! Loading records from a file with one JSON object a line.
//!
//! Every line goes through the same rules as a form. A bad line is rejected with its code and the
//! rest goes in; a second load of the same file changes nothing.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use replica::{RecordKey, Source};
use serde_json::{Map, Value, json};

use super::{Batcher, Change, Desk, Prepared, Seen, kind_of, named, set_of_json};
use crate::{
    app::App,
    conflicts,
    failure::{Exit, Failure},
    output::Out,
};

/// Bytes of a line: four records of the largest size, so no record that can be stored is too long.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Lines that are not blank.
    pub lines: usize,
    /// Records made.
    pub created: usize,
    /// Records changed.
    pub changed: usize,
    /// Lines that say what is known.
    pub unchanged: usize,
    /// Lines refused.
    pub rejected: usize,
    /// One entry a line.
    pub results: Vec<Line>,
}

/// What became of a line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Counted from 1.
    pub line: usize,
    /// The kind that it names.
    pub kind: String,
    /// The record, as soon as it is known which.
    pub id: Option<String>,
    /// `created`, `changed`, `unchanged` or `rejected`.
    pub result: &'static str,
    /// Why it was rejected.
    pub failure: Option<Failure>,
}

/// Loads a file.
///
/// # Errors
/// The file cannot be read, or the store failed.
pub fn load(app: &App, path: &Path, reason: &str, out: &mut Out) -> Result<Loaded, Failure> {
    let file = File::open(path)?;
    conflicts::guard(app)?;
    let total = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut lines = BufReader::new(file);
    let mut load = Load {
        app,
        desk: Desk::new(app)?,
        batcher: Batcher::new(app.writer.clone()),
        reason,
        beside: 0,
        loaded: Loaded::default(),
    };
    let (mut number, mut done) = (0, 0_usize);
    let what = out.say("载入", "load").to_owned();
    while let Some(line) = next_line(&mut lines)? {
        number += 1;
        done = done.saturating_add(line.bytes);
        if number % 256 == 0 {
            out.progress(done, total, &what);
        }
        load.line(number, &line)?;
        load.collect()?;
    }
    out.progress(total, total, &what);
    load.finish()
}

/// One line of the file.
struct Text {
    bytes: usize,
    /// None when it is too long.
    content: Option<Vec<u8>>,
}

fn next_line(lines: &mut BufReader<File>) -> Result<Option<Text>, Failure> {
    let mut content = Vec::new();
    let bytes = lines
        .by_ref()
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut content)?;
    if bytes == 0 {
        return Ok(None);
    }
    if content.ends_with(b"\n") || bytes as u64 != LINE_BYTES_MAX {
        return Ok(Some(Text {
            bytes,
            content: Some(content),
        }));
    }
    let rest = lines.skip_until(b'\n')?;
    Ok(Some(Text {
        bytes: bytes.saturating_add(rest),
        content: None,
    }))
}

struct Load<'a> {
    app: &'a App,
    desk: Desk<'a>,
    /// The tag is the place in the results.
    batcher: Batcher<usize>,
    reason: &'a str,
    /// Values that stand beside others, since the last look for a storm.
    beside: usize,
    loaded: Loaded,
}

impl Load<'_> {
    fn line(&mut self, number: usize, text: &Text) -> Result<(), Failure> {
        let content = text.content.as_deref().map(<[u8]>::trim_ascii);
        if content.is_some_and(<[u8]>::is_empty) {
            return Ok(());
        }
        self.loaded.lines += 1;
        let at = self.loaded.results.len();
        let mut result = Line {
            line: number,
            kind: String::new(),
            id: None,
            result: "unchanged",
            failure: None,
        };
        let row = content
            .ok_or_else(|| Failure::new("RECORD-012", Exit::Invalid).with("max", LINE_BYTES_MAX));
        let row = row.and_then(read_row);
        if let Some(kind) = row.as_ref().ok().and_then(|row| row.get("kind")?.as_str()) {
            kind.clone_into(&mut result.kind);
        }
        let prepared = row.and_then(|row| self.prepare(&row));
        match prepared {
            Ok(prepared) => {
                result.id = Some(prepared.key.id.to_string());
                result.result = match (&prepared.edit, prepared.is_new) {
                    (None, _) => "unchanged",
                    (Some(_), true) => "created",
                    (Some(_), false) => "changed",
                };
                self.loaded.results.push(result);
                self.desk.note(&prepared)?;
                if prepared.edit.is_some() {
                    self.batcher.submit(prepared.edits(), Vec::new(), at);
                }
            }
            Err(failure) if failure.exit == Exit::Store || failure.exit == Exit::Failed => {
                return Err(failure);
            }
            Err(failure) => {
                result.result = "rejected";
                result.failure = Some(failure);
                self.loaded.results.push(result);
            }
        }
        Ok(())
    }

    fn prepare(&mut self, row: &Map<String, Value>) -> Result<Prepared, Failure> {
        let kind = row.get("kind").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| Failure::new("RECORD-013", Exit::Invalid))?;
        let kind = kind_of(self.app, kind)?;
        let values = row.get("values").and_then(Value::as_object);
        let values = values.ok_or_else(|| Failure::new("RECORD-013", Exit::Invalid))?;
        let mut set = set_of_json(values);
        let id = row.get("id").filter(|id| !id.is_null());
        let text = id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let named = text
            .map(|text| named(self.desk.known(), kind, &text))
            .transpose()?;
        let key_field = named.as_ref().and_then(|named| named.key_field.as_ref());
        if let Some((field, text)) = key_field.filter(|(field, _)| !values.contains_key(*field)) {
            set.push((field, domain::value::Input::Text(text)));
        }
        let id = named.as_ref().map(|named| named.id);
        let key = id.map(|id| RecordKey {
            kind: kind.kind,
            id,
        });
        let token = row.get("seen").and_then(Value::as_str);
        let seen = token.map(Seen::parse).transpose()?;
        if seen
            .as_ref()
            .is_some_and(|seen| key.is_some_and(|key| key != seen.key))
        {
            return Err(Failure::new("RECORD-006", Exit::Invalid));
        }
        let change = Change {
            kind,
            id,
            set,
            seen,
            scope: None,
            reason: self.reason,
            source: Source::Import,
        };
        if let Some(key) = key {
            self.batcher.settle(key);
        }
        let prepared = self.desk.prepare(&change)?;
        if !self.batcher.is_waiting(prepared.key) && !prepared.is_step {
            return Ok(prepared);
        }
        // Its id came from its key fields, and a line before this one writes to the same record; or
        // what follows from it is looked for among records that lines before this one write.
        self.batcher.settle(prepared.key);
        if prepared.is_step {
            self.batcher.settle_all();
        }
        self.desk.prepare(&change)
    }

    /// Takes the answers that have come.
    fn collect(&mut self) -> Result<(), Failure> {
        for done in self.batcher.take_done() {
            let written = done.result.as_deref().unwrap_or_default();
            self.beside += written.iter().map(|one| one.beside.len()).sum::<usize>();
            answered(&mut self.loaded, done.tag, done.result)?;
        }
        // A load that makes a storm is stopped on the way, not only the next one.
        if self.beside > self.app.config.conflicts.storm {
            self.beside = 0;
            conflicts::guard(self.app)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Loaded, Failure> {
        let mut loaded = self.loaded;
        for done in self.batcher.finish() {
            answered(&mut loaded, done.tag, done.result)?;
        }
        for line in &loaded.results {
            match line.result {
                "created" => loaded.created += 1,
                "changed" => loaded.changed += 1,
                "unchanged" => loaded.unchanged += 1,
                _ => loaded.rejected += 1,
            }
        }
        Ok(loaded)
    }
}

fn answered<T>(loaded: &mut Loaded, at: usize, result: Result<T, Failure>) -> Result<(), Failure> {
    let Err(failure) = result else { return Ok(()) };
    if matches!(failure.exit, Exit::Store | Exit::Failed) {
        return Err(failure);
    }
    if let Some(line) = loaded.results.get_mut(at) {
        line.result = "rejected";
        line.failure = Some(failure);
    }
    Ok(())
}

fn read_row(line: &[u8]) -> Result<Map<String, Value>, Failure> {
    // A byte order mark is what some editors put before the first line.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let bad = |detail: String| Failure::new("RECORD-011", Exit::Invalid).with("detail", detail);
    match serde_json::from_slice(line) {
        Ok(Value::Object(row)) => Ok(row),
        Ok(_) => Err(bad("not an object".to_owned())),
        Err(error) => Err(bad(error.to_string())),
    }
}

impl Loaded {
    /// The JSON of the command line.
    #[must_use]
    pub fn json(&self, out: &Out) -> Value {
        let results = self.results.iter().map(|line| {
            let failure = line.failure.as_ref();
            json!({
                "line": line.line,
                "kind": line.kind,
                "id": line.id,
                "result": line.result,
                "code": failure.map(|failure| failure.code.as_str()),
                "message": failure.map(|failure| failure.text(out.language)),
            })
        });
        json!({
            "lines": self.lines,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "results": results.collect::<Vec<_>>(),
        })
    }
}
