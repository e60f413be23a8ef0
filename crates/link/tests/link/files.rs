//! Files on their way: cuts at any piece, content that is something else, requests that nobody may
//! make; and that both sides have every request on record.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use link::{
    Asker, BoxIo, Carried, Carrying, Dialer, FileDesk, FileRoom, FilesError, NodeMaterial,
    Referrer, Wish, carry, limits::PIECE_BYTES_MAX,
};
use proto::stored::{FileRequest, FileState};
use proto::sync::files_client::FilesClient;
use proto::sync::{FileGiven, FilePiece, FileTaken, FileWant, RecordName, WantsAsk};
use replica::session::Role;
use replica::{Kind, RecordId, RecordKey, ReplicaId, ScopeId};
use store::{
    Cabinet, FileHash, Host, HostConfig, Memory, Part, Rules, Verdict, Writer, WriterConfig,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::world::{HUB, NOW_MS, TestClock, World, soon};

/// The scope of every node of the test's registry.
const SCOPE: ScopeId = ScopeId([3; 16]);
const PUBLISHED: ScopeId = ScopeId([4; 16]);
const NODE: ReplicaId = ReplicaId([1; 16]);
const KEY: RecordKey = RecordKey {
    kind: Kind(31),
    id: RecordId([5; 16]),
};

/// A size, and who may see the record that says it.
type Named = (u64, Vec<Asker>);

/// What records name, as a test says it.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<(RecordKey, FileHash), Named>>);

impl Book {
    fn name(&self, hash: FileHash, size: u64, seen_by: &[Asker]) {
        let seen = [seen_by, &[Asker::Own]].concat();
        self.0.lock().unwrap().insert((KEY, hash), (size, seen));
    }

    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Referrer for Book {
    fn size(&self, key: RecordKey, hash: FileHash, by: Asker) -> Result<Option<u64>, FilesError> {
        let book = self.0.lock().unwrap();
        let named = book.get(&(key, hash));
        Ok(named
            .filter(|(_, seen)| seen.contains(&by))
            .map(|(size, _)| *size))
    }

    /// What begins so is of a type that nobody takes.
    fn fits(&self, _: RecordKey, _: FileHash, content: &[u8]) -> Result<bool, FilesError> {
        Ok(!content.starts_with(b"MZ"))
    }
}

/// A program as far as files concern it.
struct Side {
    desk: FileDesk,
    room: Arc<FileRoom>,
    book: Arc<Book>,
    _writer: Writer,
    _folder: tempfile::TempDir,
}

impl Side {
    fn new(role: Role, replica: ReplicaId) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let clock = TestClock::at(NOW_MS);
        let config = HostConfig {
            role,
            replica,
            scope: if role == Role::Hub { PUBLISHED } else { SCOPE },
            published: PUBLISHED,
            schema: 1,
            rules: Rules::new(Arc::new(|_| Verdict::Accept)),
            believes_peers: false,
            seal: None,
            clock: clock.clone(),
            random: Arc::new(|| NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let host = Host::open(Arc::new(Memory::new()), config).unwrap();
        let writer = Writer::start(host, WriterConfig::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let room = Arc::new(FileRoom::new(Cabinet::new(&folder.path().join("files"))));
        let book = Arc::new(Book::default());
        Self {
            desk: FileDesk::new(Arc::clone(&room), writer.handle(), book.clone(), clock),
            room,
            book,
            _writer: writer,
            _folder: folder,
        }
    }

    fn hub() -> Self {
        Self::new(Role::Hub, HUB)
    }

    fn node() -> Self {
        Self::new(Role::Node, NODE)
    }

    fn put(&self, content: &[u8]) {
        let hash = self.room.cabinet().put(content, NOW_MS).unwrap();
        self.desk.note_put(KEY, hash).unwrap();
    }

    fn ask(&self, id: u8, content: &[u8]) -> FileRequest {
        self.ask_as("inspector@410300-abababab", id, content)
    }

    fn ask_as(&self, account: &str, id: u8, content: &[u8]) -> FileRequest {
        let wish = Wish {
            record: KEY,
            hash: FileHash::of(content),
            size: content.len() as u64,
            account: account.to_owned(),
            reason: "spot check".to_owned(),
            scopes: vec![SCOPE],
        };
        self.desk.ask(&wish, [id; 16]).unwrap()
    }

    fn has(&self, content: &[u8]) -> bool {
        let kept = self.room.cabinet().read(FileHash::of(content));
        kept.is_ok_and(|kept| kept == content)
    }

    fn arrived(&self, content: &[u8], peer: ReplicaId) -> u64 {
        let hash = FileHash::of(content);
        self.room.cabinet().part_len(Part { hash, peer })
    }
}

/// State and code of every request in a log.
fn log(entries: Result<Vec<FileRequest>, FilesError>) -> Vec<(FileState, String)> {
    let entries = entries.unwrap().into_iter();
    entries.map(|entry| (entry.state(), entry.code)).collect()
}

fn done() -> (FileState, String) {
    (FileState::Done, String::new())
}

fn stuck(code: &str) -> (FileState, String) {
    (FileState::Waiting, code.to_owned())
}

fn refused(code: &str) -> (FileState, String) {
    (FileState::Refused, code.to_owned())
}

/// Seventeen pieces, the last a short one.
fn large() -> Vec<u8> {
    let bytes = (0..16 * PIECE_BYTES_MAX + 17).map(|at| u8::try_from(at / 7 % 251).unwrap());
    bytes.collect()
}

/// A hub with its desk, and a node of it.
async fn met() -> (World, Side, NodeMaterial) {
    let hub = Side::hub();
    let world = World::start_with_files(hub.desk.clone()).await;
    let node = enrol(&world, 1);
    (world, hub, node)
}

/// A node that the registry knows.
fn enrol(world: &World, number: u8) -> NodeMaterial {
    let mut active = world.registrar.active.lock().unwrap();
    active.insert(link::NodeId([number; 16]), Vec::new());
    drop(active);
    world.node(number)
}

async fn dial(world: &World, node: &NodeMaterial) -> Channel {
    let dialer = world.dialer();
    soon(dialer.dial(&world.address, node)).await.unwrap()
}

async fn carry_once(world: &World, node: &NodeMaterial, side: &Side) -> Carried {
    let channel = dial(world, node).await;
    let carrying = carry(channel, side.desk.clone(), HUB, Carrying::Once);
    soon(carrying).await.unwrap()
}

/// A line that breaks after so many bytes in both directions.
struct Cut {
    io: BoxIo,
    left: Arc<AtomicI64>,
}

impl Cut {
    fn spend(&self, bytes: usize) -> io::Result<()> {
        let bytes = i64::try_from(bytes).unwrap();
        if self.left.fetch_sub(bytes, Ordering::SeqCst) < bytes {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.spend(buf.filled().len() - before)?;
        }
        read
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.spend(buf.len())?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Carries over a line that breaks after so many bytes. Returns whether it came to an end.
async fn carry_until_cut(world: &World, node: &NodeMaterial, side: &Side, bytes: i64) -> bool {
    let left = Arc::new(AtomicI64::new(bytes));
    let dialer = Dialer::over(world.clock.clone(), move |address| {
        let left = Arc::clone(&left);
        async move {
            let io = TcpStream::connect((address.host(), address.port())).await?;
            let io: BoxIo = Box::new(io);
            Ok(Box::new(Cut { io, left }) as BoxIo)
        }
    });
    let Ok(channel) = soon(dialer.dial(&world.address, node)).await else {
        return false;
    };
    let carrying = carry(channel, side.desk.clone(), HUB, Carrying::Once);
    soon(carrying).await.is_ok()
}

#[tokio::test]
async fn the_hub_gets_what_it_asked_for_however_often_the_line_is_cut() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), large());
    let size = content.len() as u64;
    side.put(&content);
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), size, &[Asker::Hub]);
    }
    hub.ask(1, &content);
    // Some thousand bytes are for the handshake; then the cut falls within one piece or another.
    let (mut cuts, mut most) = (0, 0);
    for bytes in (90_000..).step_by(13_339).take(40) {
        if carry_until_cut(&world, &node, &side, bytes).await {
            break;
        }
        cuts += 1;
        let arrived = hub.arrived(&content, NODE);
        assert!(arrived >= most, "a cut takes nothing away");
        most = arrived;
        assert!(!hub.has(&content), "a part is no content");
    }
    assert!(hub.has(&content) && cuts >= 5, "{cuts} cuts");
    assert_eq!(hub.arrived(&content, NODE), 0);
    assert_eq!(log(hub.desk.asked()), [done()]);
    let given = side.desk.given().unwrap();
    let [entry] = given.as_slice() else {
        panic!("one request, however often it was heard: {given:?}");
    };
    assert_eq!(
        (entry.account.as_str(), entry.reason.as_str()),
        ("inspector@410300-abababab", "spot check")
    );
    assert_eq!(
        (entry.state(), entry.peer.as_slice()),
        (FileState::Done, &HUB.0[..])
    );
}

#[tokio::test]
async fn a_part_that_a_loss_of_power_spoilt_begins_anew_and_accuses_nobody() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), large());
    side.put(&content);
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), content.len() as u64, &[Asker::Hub]);
    }
    hub.ask(1, &content);
    assert!(!carry_until_cut(&world, &node, &side, 400_000).await);
    assert!(hub.arrived(&content, NODE) > 0);
    let name = format!("{}-{NODE}", FileHash::of(&content));
    let part = hub._folder.path().join("files").join("incoming").join(name);
    let mut spoilt = std::fs::read(&part).unwrap();
    spoilt[100] ^= 1;
    std::fs::write(&part, spoilt).unwrap();
    assert_eq!(carry_once(&world, &node, &side).await.given, 1);
    assert!(hub.has(&content));
    assert_eq!(log(hub.desk.asked()), [done()]);
}

#[tokio::test]
async fn a_node_gets_what_the_hub_has_and_it_may_see() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), large());
    let hash = FileHash::of(&content);
    let size = content.len() as u64;
    hub.put(&content);
    side.book.name(hash, size, &[]);
    // The hub has it, but no record that the node's scope may see names it.
    hub.book.name(hash, size, &[Asker::Node(ScopeId([9; 16]))]);
    side.ask(1, &content);
    assert_eq!(carry_once(&world, &node, &side).await.taken, 0);
    assert_eq!(log(side.desk.asked()), [refused("ATTACH-010")]);
    assert_eq!(log(hub.desk.given()), [refused("ATTACH-010")]);
    // It may see it now: a request of its own is made, and comes through a cut line.
    hub.book.name(hash, size, &[Asker::Node(SCOPE)]);
    side.ask(2, &content);
    assert!(!carry_until_cut(&world, &node, &side, 400_000).await);
    let arrived = side.arrived(&content, HUB);
    assert!((1..size).contains(&arrived), "{arrived}");
    assert_eq!(carry_once(&world, &node, &side).await.taken, 1);
    assert!(side.has(&content));
    assert_eq!(log(side.desk.asked()), [refused("ATTACH-010"), done()]);
    assert_eq!(log(hub.desk.given()), [refused("ATTACH-010"), done()]);
}

#[tokio::test]
async fn what_the_other_side_has_not_goes_on_waiting() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), b"a photo".to_vec());
    for (book, by) in [(&hub.book, Asker::Node(SCOPE)), (&side.book, Asker::Hub)] {
        book.name(FileHash::of(&content), content.len() as u64, &[by]);
    }
    // Each asks for what neither has.
    hub.ask(1, &content);
    side.ask(2, &content);
    assert_eq!(carry_once(&world, &node, &side).await, Carried::default());
    for desk in [&hub.desk, &side.desk] {
        assert_eq!(log(desk.asked()), [stuck("ATTACH-011")]);
        assert_eq!(log(desk.given()), [refused("ATTACH-011")]);
    }
    // Somebody puts it in at the node.
    side.put(&content);
    let carried = carry_once(&world, &node, &side).await;
    assert_eq!(carried.given, 1);
    assert_eq!(log(hub.desk.asked()), [done()]);
    assert_eq!(log(side.desk.given()), [done()]);
    // A damaged content is not given out, and both sides say so.
    let other = b"another photo".to_vec();
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&other), other.len() as u64, &[Asker::Hub]);
    }
    side.put(&other);
    let name = FileHash::of(&other).to_string();
    let path = side
        ._folder
        .path()
        .join("files")
        .join(&name[..2])
        .join(&name);
    std::fs::write(path, b"another phot0").unwrap();
    hub.ask(3, &other);
    assert_eq!(carry_once(&world, &node, &side).await.given, 0);
    assert_eq!(log(hub.desk.asked())[1], stuck("ATTACH-005"));
    assert_eq!(log(side.desk.given())[1], refused("ATTACH-005"));
    // A request whose record names the content no more is over.
    hub.book.forget();
    carry_once(&world, &node, &side).await;
    assert_eq!(log(hub.desk.asked())[1], refused("ATTACH-006"));
}

#[tokio::test]
async fn everybody_who_asks_is_on_record_and_the_content_comes_once() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), large());
    side.put(&content);
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), content.len() as u64, &[Asker::Hub]);
    }
    let first = hub.ask_as("a@hub", 1, &content);
    assert_eq!(hub.ask_as("a@hub", 2, &content).id, first.id);
    hub.ask_as("b@hub", 3, &content);
    assert_eq!(carry_once(&world, &node, &side).await.given, 2);
    for entries in [hub.desk.asked(), side.desk.given()] {
        let entries = entries.unwrap();
        let said = |entry: &FileRequest| (entry.account.clone(), entry.state());
        let said: Vec<_> = entries.iter().map(said).collect();
        let both = ["a@hub", "b@hub"].map(|of| (of.to_owned(), FileState::Done));
        assert_eq!(said, both);
    }
    assert_eq!(hub.arrived(&content, NODE), 0);
}

/// A peer that says what it likes.
struct Hostile(FilesClient<Channel>);

impl Hostile {
    async fn give(&mut self, id: u8, piece: FilePiece) -> Result<FileTaken, Status> {
        let given = FileGiven {
            id: vec![id; 16],
            piece: Some(piece),
        };
        let taken = soon(self.0.give(Request::new(given))).await?;
        Ok(taken.into_inner())
    }

    async fn ask(&mut self, want: FileWant) -> Result<FilePiece, Status> {
        let piece = soon(self.0.ask(Request::new(want))).await?;
        Ok(piece.into_inner())
    }
}

fn piece(offset: u64, bytes: &[u8]) -> FilePiece {
    FilePiece {
        offset,
        bytes: bytes.to_vec(),
        check: FileHash::of(bytes).0.to_vec(),
        code: String::new(),
    }
}

fn code(result: Result<FileTaken, Status>) -> String {
    match result {
        Ok(taken) => taken.code,
        Err(status) => link::stable_code(&status).unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn other_content_under_the_hash_is_thrown_away_and_keeps_no_honest_node_out() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), b"the approval".to_vec());
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), 12, &[Asker::Hub]);
    }
    side.put(&content);
    hub.ask(1, &content);
    let bad = enrol(&world, 2);
    let mut hostile = Hostile(FilesClient::new(dial(&world, &bad).await));
    let forged = piece(0, b"no approval!");
    let first = hostile.give(1, forged.clone()).await.unwrap();
    assert_eq!(first, FileTaken::default(), "once more, from the start");
    let second = hostile.give(1, forged.clone()).await;
    assert_eq!(code(second), "ATTACH-012");
    assert_eq!(code(hostile.give(1, forged).await), "ATTACH-012");
    assert!(hub.room.cabinet().list().unwrap().is_empty());
    assert_eq!(log(hub.desk.asked()), [stuck("ATTACH-012")]);
    let wants = WantsAsk { follow: false };
    let told = soon(hostile.0.wants(Request::new(wants))).await.unwrap();
    let told = soon(told.into_inner().message()).await.unwrap();
    assert_eq!(told, None, "it is not asked any more");
    assert_eq!(carry_once(&world, &node, &side).await.given, 1);
    assert!(hub.has(&content));
    assert_eq!(
        log(hub.desk.asked()),
        [done()].map(|(state, _)| (state, String::new()))
    );
}

#[tokio::test]
async fn a_node_gives_only_what_was_asked_of_it_and_no_more_of_it() {
    let (world, hub, node) = met().await;
    let content = large();
    hub.book
        .name(FileHash::of(&content), content.len() as u64, &[]);
    hub.ask(1, &content);
    let mut hostile = Hostile(FilesClient::new(dial(&world, &node).await));
    let long = vec![0; PIECE_BYTES_MAX + 1];
    let mut checked = piece(0, b"abc");
    checked.check = FileHash::of(b"abd").0.to_vec();
    let size = content.len() as u64;
    let other_scope = Wish {
        record: KEY,
        hash: FileHash::of(&content),
        size,
        account: "a".to_owned(),
        reason: "b".to_owned(),
        scopes: vec![ScopeId([9; 16])],
    };
    hub.book.name(FileHash::of(b"elsewhere"), 9, &[]);
    let elsewhere = Wish {
        hash: FileHash::of(b"elsewhere"),
        size: 9,
        ..other_scope
    };
    hub.desk.ask(&elsewhere, [2; 16]).unwrap();
    for (id, piece, why) in [
        (7, piece(0, b"abc"), "ATTACH-010"),
        (2, piece(0, b"elsewhere"), "ATTACH-010"),
        (1, piece(0, &long), "ATTACH-013"),
        (1, checked, "ATTACH-013"),
        (1, piece(size - 1, b"abc"), "ATTACH-001"),
        (1, piece(u64::MAX, b"abc"), "ATTACH-001"),
    ] {
        assert_eq!(code(hostile.give(id, piece).await), why);
    }
    // One from further on is not taken: it says where to go on.
    let ahead = hostile.give(1, piece(64, b"abc")).await.unwrap();
    assert_eq!((ahead.next, hub.arrived(&content, NODE)), (0, 0));
    assert_eq!(log(hub.desk.asked())[0], stuck(""));
}

#[tokio::test]
async fn a_content_of_another_type_is_not_kept() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), b"MZ a program".to_vec());
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), 12, &[Asker::Hub]);
    }
    side.put(&content);
    hub.ask(1, &content);
    assert_eq!(carry_once(&world, &node, &side).await.given, 0);
    assert!(hub.room.cabinet().list().unwrap().is_empty());
    assert_eq!(hub.arrived(&content, NODE), 0);
    assert_eq!(log(hub.desk.asked()), [refused("ATTACH-017")]);
}

fn want(id: u8, content: &[u8]) -> FileWant {
    FileWant {
        id: vec![id; 16],
        record: Some(RecordName {
            kind: KEY.kind.0,
            id: KEY.id.0.to_vec(),
        }),
        hash: FileHash::of(content).0.to_vec(),
        size: content.len() as u64,
        account: "a@n".to_owned(),
        reason: "why".to_owned(),
        asked_ms: 1,
        offset: 0,
    }
}

#[tokio::test]
async fn no_request_reads_what_it_does_not_name_or_hides_who_makes_it() {
    let (world, hub, node) = met().await;
    let content = b"ledger of evidence".to_vec();
    hub.put(&content);
    let (hash, size) = (FileHash::of(&content), content.len() as u64);
    hub.book.name(hash, size, &[Asker::Node(SCOPE)]);
    let mut hostile = Hostile(FilesClient::new(dial(&world, &node).await));
    let asked = |change: &dyn Fn(&mut FileWant)| {
        let mut want = want(1, &content);
        change(&mut want);
        want
    };
    for (want, why) in [
        (asked(&|want| want.account.clear()), "ATTACH-013"),
        (asked(&|want| want.reason.clear()), "ATTACH-013"),
        (
            asked(&|want| want.reason = "\u{1b}[2J".to_owned()),
            "ATTACH-013",
        ),
        (
            asked(&|want| want.reason = "x".repeat(30_000)),
            "ATTACH-013",
        ),
        (
            asked(&|want| want.reason = "\u{202e}why".to_owned()),
            "ATTACH-013",
        ),
        (
            asked(&|want| want.hash = b"../../../etc/shadow".to_vec()),
            "ATTACH-013",
        ),
        (asked(&|want| want.id.clear()), "ATTACH-013"),
        (asked(&|want| want.record = None), "ATTACH-013"),
    ] {
        let refused = hostile.ask(want).await.unwrap_err();
        assert_eq!(link::stable_code(&refused), Some(why));
    }
    assert!(
        log(hub.desk.given()).is_empty(),
        "nothing that is no request"
    );
    let mut larger = want(1, &content);
    larger.size += 1;
    let mut foreign = want(2, &content);
    foreign.record = Some(RecordName {
        kind: KEY.kind.0,
        id: vec![6; 16],
    });
    for want in [larger, foreign] {
        let refused = hostile.ask(want).await.unwrap_err();
        assert_eq!(link::stable_code(&refused), Some("ATTACH-010"));
    }
    // The id of a request that was made stands for that request.
    let given = hostile.ask(want(3, &content)).await.unwrap();
    assert_eq!(given.bytes, content);
    let other = hostile.ask(want(3, b"something else")).await.unwrap_err();
    assert_eq!(link::stable_code(&other), Some("ATTACH-013"));
    let mut beyond = want(3, &content);
    beyond.offset = u64::MAX - 1;
    assert_eq!(hostile.ask(beyond).await.unwrap().bytes, b"");
    let refusal = refused("ATTACH-010");
    assert_eq!(log(hub.desk.given()), [refusal.clone(), refusal, done()]);
}

#[tokio::test]
async fn to_know_a_hash_is_no_right_to_the_content() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), b"evidence of another district".to_vec());
    // The hub has it for a record of another district. This one has a record that names it too.
    let hash = hub.room.cabinet().put(&content, NOW_MS).unwrap();
    let other = RecordKey {
        id: RecordId([8; 16]),
        ..KEY
    };
    hub.desk.note_put(other, hash).unwrap();
    for (book, by) in [(&hub.book, Asker::Node(SCOPE)), (&side.book, Asker::Own)] {
        book.name(hash, content.len() as u64, &[by]);
    }
    side.ask(1, &content);
    assert_eq!(carry_once(&world, &node, &side).await.taken, 0);
    // The same as where the hub has nothing: nobody learns whether it has.
    assert_eq!(log(side.desk.asked()), [stuck("ATTACH-011")]);
    assert_eq!(log(hub.desk.given()), [refused("ATTACH-011")]);
}

#[tokio::test]
async fn a_flood_of_requests_is_on_record_up_to_a_bound() {
    let (world, hub, node) = met().await;
    let mut hostile = Hostile(FilesClient::new(dial(&world, &node).await));
    let most = link::limits::FILES_ASKED_PER_DAY_MAX;
    for number in 0..most + 5 {
        let mut want = want(0, b"nothing");
        want.id = [&[0; 8][..], &(number as u64).to_be_bytes()].concat();
        let refused = hostile.ask(want).await.unwrap_err();
        let why = if number < most {
            "ATTACH-010"
        } else {
            "ATTACH-008"
        };
        assert_eq!(link::stable_code(&refused), Some(why), "{number}");
    }
    assert_eq!(hub.desk.given().unwrap().len(), most);
    // Another node is heard all the same.
    let other = enrol(&world, 2);
    let mut other = Hostile(FilesClient::new(dial(&world, &other).await));
    let refused = other.ask(want(1, b"nothing")).await.unwrap_err();
    assert_eq!(link::stable_code(&refused), Some("ATTACH-010"));
}

#[tokio::test]
async fn a_request_that_is_made_while_the_line_is_up_goes_at_once() {
    let (world, hub, node) = met().await;
    let (side, content) = (Side::node(), large());
    side.put(&content);
    for book in [&hub.book, &side.book] {
        book.name(FileHash::of(&content), content.len() as u64, &[Asker::Hub]);
    }
    let channel = dial(&world, &node).await;
    let following = carry(channel, side.desk.clone(), HUB, Carrying::Following);
    let following = tokio::spawn(following);
    hub.ask(1, &content);
    soon(async {
        while !hub.has(&content) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The hub stops, and the exchange of files with it.
    world.stopper.stop();
    let ended = soon(following).await.unwrap();
    assert!(ended.map_or(true, |carried| carried.given == 1));
}
