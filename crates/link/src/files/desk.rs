//! Requests for files, on both sides: made, judged, answered piece by piece, and on record.
//!
//! Every request is kept with who, what, when and why before a byte moves, and what became of it
//! afterwards. Entries stay for ever; only their number in a day is bounded.

use std::fmt::Write as _;
use std::sync::Arc;

use prost::Message as _;
use proto::stored::{FileRequest, FileState, RecordName};
use proto::sync::{FilePiece, FileTaken, FileWant, RecordName as RecordNameWire};
use replica::{Clock, Kind, RecordId, RecordKey, ReplicaId, ScopeId};
use store::{CabinetError, FILE_BYTES_MAX, FileHash, Handle, Part};
use tokio::sync::watch;

use super::{Asker, FileRoom, FilesError, Referrer, refused};
use crate::limits::{
    FILE_WORDS_BYTES_MAX, FILES_ASKED_PER_DAY_MAX, FILES_WAITING_MAX, PIECE_BYTES_MAX,
};

/// The local names of requests made here; then the id.
const ASKED: &str = "file/asked/";

/// The local names of requests that a peer has made; then the peer and the id.
const GIVEN: &str = "file/given/";

/// The local names of the records that a content was put in or fetched for; then hash, kind and id.
const OF: &str = "file/of/";

/// How often a peer may give something else under a hash. The first time the part that came before
/// a loss of power may be at fault.
const SPOILT_MAX: usize = 2;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What the other side may say stands in the way. Anything else it says is a refusal.
const SAID: [&str; 8] = [
    "ATTACH-005",
    "ATTACH-008",
    "ATTACH-010",
    "ATTACH-011",
    "ATTACH-012",
    "ATTACH-013",
    "ATTACH-015",
    "ATTACH-016",
];

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The record that names the content.
    pub record: RecordKey,
    /// Which content.
    pub hash: FileHash,
    /// Its size, as the record says.
    pub size: u64,
    /// Who asks: ACCOUNT@replica.
    pub account: String,
    /// Why.
    pub reason: String,
    /// At a hub: the scopes whose nodes may have it.
    pub scopes: Vec<ScopeId>,
}

/// The requests for files of one program. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FileDesk {
    room: Arc<FileRoom>,
    writer: Handle,
    referrer: Arc<dyn Referrer>,
    clock: Arc<dyn Clock>,
}

/// A request as it came, read.
struct Asked {
    id: [u8; 16],
    record: RecordKey,
    hash: FileHash,
}

fn asked_name(id: &[u8]) -> String {
    [ASKED, &hex(id)].concat()
}

fn given_name(peer: ReplicaId, id: &[u8]) -> String {
    format!("{GIVEN}{peer}/{}", hex(id))
}

fn of_name(record: RecordKey, hash: FileHash) -> String {
    format!("{OF}{hash}/{}/{}", record.kind.0, record.id)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn key_of(kind: u32, id: &[u8]) -> Option<RecordKey> {
    Some(RecordKey {
        kind: Kind(kind),
        id: RecordId::try_from(id).ok()?,
    })
}

/// Reads a request of a peer; none when it is none. Its words are shown to people: what could do
/// something to a screen is not taken.
fn read_want(want: &FileWant) -> Option<Asked> {
    let record = want.record.as_ref()?;
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_shown = |c: char| !turns(c) && (!c.is_control() || matches!(c, '\n' | '\t'));
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(is_shown);
    let words = want.account.len() + want.reason.len();
    let is_bounded = words <= FILE_WORDS_BYTES_MAX;
    let is_plain = is_plain(&want.account) && is_plain(&want.reason);
    (is_bounded && is_plain).then_some(())?;
    Some(Asked {
        id: want.id.as_slice().try_into().ok()?,
        record: key_of(record.kind, &record.id)?,
        hash: FileHash::try_from(want.hash.as_slice()).ok()?,
    })
}

/// The content that an entry of ours is about.
fn subject(request: &FileRequest) -> Option<(RecordKey, FileHash)> {
    let record = request.record.as_ref()?;
    let hash = FileHash::try_from(request.hash.as_slice()).ok()?;
    Some((key_of(record.kind, &record.id)?, hash))
}

/// A code that the other side has said, as one of ours.
fn said(code: &str) -> &'static str {
    let known = SAID.iter().find(|known| **known == code);
    known.copied().unwrap_or("ATTACH-010")
}

fn spoilt_by(request: &FileRequest, peer: ReplicaId) -> usize {
    let by_peer = request.spoilt.iter().filter(|of| **of == peer.0);
    by_peer.count()
}

/// The piece of a content that begins here.
pub(super) fn piece(content: &[u8], offset: u64) -> FilePiece {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = content.get(from..).unwrap_or_default();
    let bytes = rest.get(..PIECE_BYTES_MAX).unwrap_or(rest).to_vec();
    FilePiece {
        offset,
        check: FileHash::of(&bytes).0.to_vec(),
        bytes,
        code: String::new(),
    }
}

fn goes_on(next: u64) -> FileTaken {
    FileTaken {
        next,
        ..FileTaken::default()
    }
}

fn whole(size: u64) -> FileTaken {
    FileTaken {
        next: size,
        whole: true,
        code: String::new(),
    }
}

fn no_more(code: &str) -> FileTaken {
    FileTaken {
        code: code.to_owned(),
        ..FileTaken::default()
    }
}

impl FileDesk {
    /// The desk of a program.
    #[must_use]
    pub fn new(
        room: Arc<FileRoom>,
        writer: Handle,
        referrer: Arc<dyn Referrer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            room,
            writer,
            referrer,
            clock,
        }
    }

    /// Told when a person asks for a file.
    pub(super) fn bell(&self) -> watch::Receiver<()> {
        self.room.bell.subscribe()
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.wall_ms()).unwrap_or(i64::MAX)
    }

    fn entry(&self, name: &str) -> Result<Option<FileRequest>, FilesError> {
        let kept = self.writer.reader().local(name)?;
        Ok(kept.and_then(|bytes| FileRequest::decode(bytes).ok()))
    }

    fn entries(&self, prefix: &str) -> Result<Vec<FileRequest>, FilesError> {
        let kept = self.writer.reader().locals(prefix)?;
        let read = kept
            .into_iter()
            .filter_map(|(_, bytes)| FileRequest::decode(bytes).ok());
        let mut all: Vec<FileRequest> = read.collect();
        all.sort_by(|one, other| (one.kept_ms, &one.id).cmp(&(other.kept_ms, &other.id)));
        Ok(all)
    }

    /// Keeps an entry. Blocks until it is durable.
    fn keep(&self, name: String, entry: &FileRequest) -> Result<(), FilesError> {
        let local = vec![(name, Some(entry.encode_to_vec()))];
        self.writer.edit(Vec::new(), local)?;
        Ok(())
    }

    /// Every request made here, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn asked(&self) -> Result<Vec<FileRequest>, FilesError> {
        self.entries(ASKED)
    }

    /// Every request that peers have made, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn given(&self) -> Result<Vec<FileRequest>, FilesError> {
        self.entries(GIVEN)
    }

    /// The request under way for a content of a record.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn waiting_for(
        &self,
        record: RecordKey,
        hash: FileHash,
    ) -> Result<Option<FileRequest>, FilesError> {
        let mut asked = self.asked()?.into_iter();
        Ok(asked.find(|request| {
            request.state() == FileState::Waiting && subject(request) == Some((record, hash))
        }))
    }

    /// Asks for a content, and rings. Blocks until the request is durable. One of the same person
    /// that is under way stays as it is; where its peer has given something else, it is tried again.
    ///
    /// # Errors
    /// Too much waits already, or the store fails.
    pub fn ask(&self, wish: &Wish, id: [u8; 16]) -> Result<FileRequest, FilesError> {
        let change = self.room.change();
        let mut asked = self.asked()?;
        asked.retain(|request| request.state() == FileState::Waiting);
        // Another person's request is one of its own: both sides have on record who asked.
        let is_same = |request: &&FileRequest| {
            subject(request) == Some((wish.record, wish.hash)) && request.account == wish.account
        };
        let same = asked.iter().find(is_same);
        let request = match same {
            Some(known) => FileRequest {
                spoilt: Vec::new(),
                ..known.clone()
            },
            None if asked.len() >= FILES_WAITING_MAX => return refused("ATTACH-008"),
            None => FileRequest {
                id: id.to_vec(),
                record: Some(RecordName {
                    kind: wish.record.kind.0,
                    id: wish.record.id.0.to_vec(),
                }),
                hash: wish.hash.0.to_vec(),
                size: wish.size,
                account: wish.account.clone(),
                reason: wish.reason.clone(),
                asked_ms: self.now_ms(),
                kept_ms: self.now_ms(),
                state: FileState::Waiting.into(),
                scopes: wish.scopes.iter().map(|scope| scope.0.to_vec()).collect(),
                ..FileRequest::default()
            },
        };
        self.keep(asked_name(&request.id), &request)?;
        drop(change);
        self.room.bell.send_replace(());
        Ok(request)
    }

    /// What is wanted of a peer, each with how much has come from it; at a hub of a node of this
    /// scope. A request whose record names the content no more is over.
    pub(super) fn wanted(
        &self,
        peer: ReplicaId,
        scope: Option<ScopeId>,
    ) -> Result<Vec<FileWant>, FilesError> {
        let mut wanted = Vec::new();
        for request in self.asked()? {
            let is_theirs =
                scope.is_none_or(|scope| request.scopes.iter().any(|of| **of == scope.0));
            let is_open = request.state() == FileState::Waiting;
            let Some((record, hash)) = subject(&request) else {
                continue;
            };
            if !is_open || !is_theirs || spoilt_by(&request, peer) >= SPOILT_MAX {
                continue;
            }
            if self.referrer.size(record, hash, Asker::Own)? != Some(request.size) {
                let _change = self.room.change();
                self.end(request, FileState::Refused, "ATTACH-006")?;
                continue;
            }
            let offset = if self.is_here(record, hash, request.size)? {
                request.size
            } else {
                self.room.cabinet.part_len(Part { hash, peer })
            };
            wanted.push(FileWant {
                record: Some(RecordNameWire {
                    kind: record.kind.0,
                    id: record.id.0.to_vec(),
                }),
                offset,
                id: request.id,
                hash: request.hash,
                size: request.size,
                account: request.account,
                reason: request.reason,
                asked_ms: request.asked_ms,
            });
        }
        Ok(wanted)
    }

    /// Judges what a peer asks for, keeps the request on record whatever comes of it, and returns
    /// the whole content.
    ///
    /// # Errors
    /// It is no request, too many were made, no record that the peer may see names the content, or
    /// the content is not here or damaged.
    pub(super) fn judge(
        &self,
        asker: Asker,
        peer: ReplicaId,
        want: &FileWant,
    ) -> Result<Arc<[u8]>, FilesError> {
        let Some(asked) = read_want(want) else {
            return refused("ATTACH-013");
        };
        let _change = self.room.change();
        let name = given_name(peer, &asked.id);
        let known = self.entry(&name)?;
        let other = known
            .as_ref()
            .is_some_and(|known| subject(known) != Some((asked.record, asked.hash)));
        if other {
            return refused("ATTACH-013");
        }
        if known.is_none() && self.asked_today(peer)? >= FILES_ASKED_PER_DAY_MAX {
            tracing::warn!(%peer, "too many requests for files in a day");
            return refused("ATTACH-008");
        }
        let mut entry = known
            .clone()
            .unwrap_or_else(|| self.entry_of(want, &asked, peer));
        let judged = self.content(asker, &asked, want.size);
        match &judged {
            // One that was given may be asked for again: by the same id it is the same request.
            Ok(_) if entry.state() == FileState::Done => {}
            Ok(_) => {
                entry.set_state(FileState::Waiting);
                entry.code.clear();
            }
            Err(error) => {
                entry.set_state(FileState::Refused);
                error.code().clone_into(&mut entry.code);
            }
        }
        if known.as_ref() != Some(&entry) {
            self.keep(name, &entry)?;
        }
        judged
    }

    fn entry_of(&self, want: &FileWant, asked: &Asked, peer: ReplicaId) -> FileRequest {
        FileRequest {
            id: asked.id.to_vec(),
            record: Some(RecordName {
                kind: asked.record.kind.0,
                id: asked.record.id.0.to_vec(),
            }),
            hash: asked.hash.0.to_vec(),
            size: want.size,
            account: want.account.clone(),
            reason: want.reason.clone(),
            asked_ms: want.asked_ms,
            kept_ms: self.now_ms(),
            peer: peer.0.to_vec(),
            ..FileRequest::default()
        }
    }

    /// Notes that a content was put in for a record.
    ///
    /// # Errors
    /// The store fails.
    pub fn note_put(&self, record: RecordKey, hash: FileHash) -> Result<(), FilesError> {
        let local = vec![(of_name(record, hash), Some(vec![1]))];
        self.writer.edit(Vec::new(), local)?;
        Ok(())
    }

    /// Whether a content came here for this record. A hash is no secret and can be written into any
    /// record: who only knows it gets nothing by it.
    fn is_of(&self, record: RecordKey, hash: FileHash) -> Result<bool, FilesError> {
        let note = self.writer.reader().local(&of_name(record, hash))?;
        Ok(note.is_some())
    }

    /// Whether a content has come for this record since it was asked for, as by another's request. Of
    /// one that came for another record the peer must show that it has it.
    fn is_here(&self, record: RecordKey, hash: FileHash, size: u64) -> Result<bool, FilesError> {
        Ok(self.room.cabinet.has(hash, size)
            && self.is_of(record, hash)?
            && self.room.cabinet.read(hash).is_ok())
    }

    /// The content, if the peer may have it.
    fn content(&self, asker: Asker, asked: &Asked, size: u64) -> Result<Arc<[u8]>, FilesError> {
        let named = self.referrer.size(asked.record, asked.hash, asker)?;
        if named != Some(size) || size > FILE_BYTES_MAX {
            return refused("ATTACH-010");
        }
        // A hub holds files of many scopes; a node only those of its own, all of which the hub sees.
        if matches!(asker, Asker::Node(_)) && !self.is_of(asked.record, asked.hash)? {
            return refused("ATTACH-011");
        }
        match self.room.content(asked.hash) {
            Ok(content) if content.len() as u64 == size => Ok(content),
            Ok(_) => refused("ATTACH-010"),
            Err(CabinetError::Missing) => refused("ATTACH-011"),
            Err(error) => {
                tracing::error!(hash = %asked.hash, %error, "a file cannot be given");
                Err(error.into())
            }
        }
    }

    fn asked_today(&self, peer: ReplicaId) -> Result<usize, FilesError> {
        let since_ms = self.now_ms().saturating_sub(DAY_MS);
        let of_peer = self.entries(&format!("{GIVEN}{peer}/"))?;
        let today = of_peer.iter().filter(|entry| entry.kept_ms > since_ms);
        Ok(today.count())
    }

    /// Notes that a peer has had the last piece, or wants no more.
    pub(super) fn given_out(
        &self,
        peer: ReplicaId,
        id: &[u8],
        code: Option<&str>,
    ) -> Result<(), FilesError> {
        let _change = self.room.change();
        self.room.close();
        let name = given_name(peer, id);
        let Some(mut entry) = self.entry(&name)? else {
            return Ok(());
        };
        if entry.state() == FileState::Done {
            return Ok(());
        }
        entry.set_state(code.map_or(FileState::Done, |_code| FileState::Refused));
        entry.code = code.map(said).unwrap_or_default().to_owned();
        entry.ended_ms = self.now_ms();
        self.keep(name, &entry)
    }

    /// Takes a piece of what was asked for here, from a peer; at a hub from a node of this scope.
    ///
    /// # Errors
    /// It is none that was asked for, does not fit, or the disk or the store fails.
    pub(super) fn take(
        &self,
        (peer, scope): (ReplicaId, Option<ScopeId>),
        id: &[u8],
        piece: &FilePiece,
    ) -> Result<FileTaken, FilesError> {
        let _change = self.room.change();
        let request = self.entry(&asked_name(id))?;
        let is_theirs = |request: &FileRequest| {
            scope.is_none_or(|scope| request.scopes.iter().any(|of| **of == scope.0))
        };
        let Some(request) = request.filter(is_theirs) else {
            return refused("ATTACH-010");
        };
        let Some((record, hash)) = subject(&request) else {
            return refused("ATTACH-010");
        };
        match request.state() {
            FileState::Done => return Ok(whole(request.size)),
            FileState::Refused | FileState::Unspecified => return Ok(no_more(&request.code)),
            FileState::Waiting => {}
        }
        if !piece.code.is_empty() {
            let code = said(&piece.code);
            self.note(request, peer, code)?;
            return Ok(no_more(code));
        }
        let is_piece = piece.bytes.len() <= PIECE_BYTES_MAX
            && FileHash::of(&piece.bytes).0.as_slice() == piece.check;
        if !is_piece {
            return refused("ATTACH-013");
        }
        if spoilt_by(&request, peer) >= SPOILT_MAX {
            return Ok(no_more("ATTACH-012"));
        }
        if self.referrer.size(record, hash, Asker::Own)? != Some(request.size) {
            self.end(request, FileState::Refused, "ATTACH-006")?;
            return Ok(no_more("ATTACH-006"));
        }
        let part = Part { hash, peer };
        if self.is_here(record, hash, request.size)? {
            let size = request.size;
            self.end(request, FileState::Done, "")?;
            return Ok(whole(size));
        }
        let now_ms = self.clock.wall_ms();
        let (at, bytes) = (piece.offset, piece.bytes.as_slice());
        let cabinet = &self.room.cabinet;
        let end = cabinet.append(part, (at, bytes), request.size, now_ms)?;
        if end < request.size {
            return Ok(goes_on(end));
        }
        self.finish(request, record, part)
    }

    /// Looks at what has come whole.
    fn finish(
        &self,
        mut request: FileRequest,
        record: RecordKey,
        part: Part,
    ) -> Result<FileTaken, FilesError> {
        let cabinet = &self.room.cabinet;
        let content = cabinet.read_part(part)?;
        if FileHash::of(&content) == part.hash
            && !self.referrer.fits(record, part.hash, &content)?
        {
            tracing::warn!(peer = %part.peer, hash = %part.hash, "a file is of another type than its record says");
            self.end(request, FileState::Refused, "ATTACH-017")?;
            return Ok(no_more("ATTACH-017"));
        }
        match cabinet.finish(part, self.clock.wall_ms()) {
            Ok(()) => {
                request.peer = part.peer.0.to_vec();
                let size = request.size;
                self.note_put(record, part.hash)?;
                self.end(request, FileState::Done, "")?;
                Ok(whole(size))
            }
            Err(CabinetError::Damaged) => {
                tracing::warn!(peer = %part.peer, hash = %part.hash, "what came is not the file");
                request.spoilt.push(part.peer.0.to_vec());
                let is_last = spoilt_by(&request, part.peer) >= SPOILT_MAX;
                self.note(request, part.peer, "ATTACH-012")?;
                Ok(if is_last {
                    no_more("ATTACH-012")
                } else {
                    goes_on(0)
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes what stands in the way of a request that goes on waiting.
    fn note(
        &self,
        mut request: FileRequest,
        peer: ReplicaId,
        code: &str,
    ) -> Result<(), FilesError> {
        code.clone_into(&mut request.code);
        request.peer = peer.0.to_vec();
        self.keep(asked_name(&request.id), &request)
    }

    /// Ends a request. What has come of a content that nobody waits for goes.
    fn end(
        &self,
        mut request: FileRequest,
        state: FileState,
        code: &str,
    ) -> Result<(), FilesError> {
        request.set_state(state);
        code.clone_into(&mut request.code);
        request.ended_ms = self.now_ms();
        if let Some((_, hash)) = subject(&request) {
            self.room.cabinet.drop_parts(hash)?;
        }
        self.keep(asked_name(&request.id), &request)
    }

    /// Notes why the hub does not give what was asked for here. It is the only one to ask, so what
    /// cannot change by itself is over.
    pub(super) fn not_given(
        &self,
        hub: ReplicaId,
        id: &[u8],
        code: &str,
    ) -> Result<(), FilesError> {
        let _change = self.room.change();
        let Some(request) = self.entry(&asked_name(id))? else {
            return Ok(());
        };
        match said(code) {
            code @ ("ATTACH-010" | "ATTACH-013") => self.end(request, FileState::Refused, code),
            code if request.code == code => Ok(()),
            code => self.note(request, hub, code),
        }
    }
}
