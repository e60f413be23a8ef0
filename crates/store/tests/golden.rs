//! Every value that a store keeps, byte for byte, and that a later program reads what an earlier
//! one has written.
//!
//! One history that is the same in every run leaves values of every sort in a hub's and a node's
//! store: `R H E S J P N K X D Q F G T B Z A L`. A file in `golden/` holds all keys and values, and what is
//! to be read from them. The newest must be what this program writes; every older one must open,
//! say the same as when it was made, and still settle with its peer.
//! `LIANGXIN_REGENERATE=1 cargo test -p store --test golden` adds a file when the bytes have
//! changed, and never touches one that is there. A backup is kept the same way.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Cursor, path::PathBuf, sync::Arc};

use bytes::Bytes;
use replica::{
    Edit, Kind, Leaf, Owner, RecordId, RecordKey, RegisterId, ReplicaId, ScopeId, Set, Sibling,
    Source,
    session::{Arrived, Delivery, Op, Role},
};
use store::{
    Act, BackupFacts, Command, Host, Memory, Reader, Reply, Store, backup, mark_restored, restore,
    verify_backup,
};

use self::pair::{BAD, BORROWS, CHILD_OF, DISTRICT, NODE, OTHER, PUBLISHED, hand, open, talk};

type Image = BTreeMap<Vec<u8>, Bytes>;

fn key(scope: ScopeId, number: u8) -> RecordKey {
    let mut id = [0; 16];
    (id[0], id[15]) = (scope.0[0], number);
    RecordKey {
        kind: Kind(5),
        id: RecordId(id),
    }
}

/// An edit that has seen what stands.
fn edit(host: &Host, key: RecordKey, scope: ScopeId, set: &[(u32, &[u8])]) -> Edit {
    let held = host.reader().get(key).unwrap();
    let shown = |register: RegisterId| {
        let record = held.as_ref().map(|held| &held.record);
        let standing = record
            .map(|record| record.register(register))
            .unwrap_or_default();
        standing.iter().map(Sibling::shown).collect()
    };
    let set = set.iter().map(|(register, value)| Set {
        register: RegisterId(*register),
        value: Bytes::copy_from_slice(value),
        shown: shown(RegisterId(*register)),
    });
    Edit {
        key,
        scope,
        set: set.collect(),
        author: "clerk@district".to_owned(),
        reason: "census".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    }
}

fn save(host: &mut Host, edits: Vec<Edit>, local: Vec<(String, Option<Vec<u8>>)>) {
    host.take(0, Command::Edit(edits, local));
    for answer in host.flush().unwrap() {
        assert!(matches!(answer.reply, Reply::Written(Ok(_))), "{answer:?}");
    }
}

fn put(host: &mut Host, number: u8, set: &[(u32, &[u8])]) {
    let edit = edit(host, key(DISTRICT, number), DISTRICT, set);
    save(host, vec![edit], Vec::new());
}

/// The history. Returns what the hub's and the node's store hold after it.
fn history() -> [(Role, Image); 2] {
    let stores = [(); 2].map(|()| Arc::new(Memory::new()));
    let [at_hub, at_node] = stores.clone();
    let (mut hub, mut node) = (open(Role::Hub, at_hub, 1), open(Role::Node, at_node, 1));
    let plan = edit(
        &hub,
        key(PUBLISHED, 1),
        PUBLISHED,
        &[(1, b"410300"), (2, b"plan")],
    );
    save(&mut hub, vec![plan], Vec::new());
    let made = (1..=4).map(|n| {
        edit(
            &node,
            key(DISTRICT, n),
            DISTRICT,
            &[(1, b"made"), (2, &[n])],
        )
    });
    let made = made.collect();
    save(
        &mut node,
        made,
        vec![("note".to_owned(), Some(b"kept at home".to_vec()))],
    );
    talk(&mut node, &mut hub, 1);
    // Replaced here and there, twice, and at once.
    put(&mut node, 1, &[(2, b"second")]);
    put(&mut node, 1, &[(2, b"third"), (3, &[7; 300])]);
    put(&mut hub, 2, &[(2, b"by the hub")]);
    put(&mut node, 3, &[(2, b"one says")]);
    put(&mut hub, 3, &[(2, b"another says")]);
    put(&mut node, 2, &[(4, BAD)]);
    put(
        &mut node,
        4,
        &[(RegisterId::DELETED.0, b"entered by mistake")],
    );
    talk(&mut node, &mut hub, 2);
    // The node starts anew: a second incarnation, with a parent.
    drop(node);
    let [_, at_node] = &stores;
    let mut node = open(Role::Node, at_node.clone(), 2);
    put(&mut node, 1, &[(2, b"after a start")]);
    talk(&mut node, &mut hub, 3);
    share(&mut hub, &mut node);
    // A copy of its store goes on without it.
    let copy = Arc::new(Memory::from_image(at_node.image()));
    put(&mut node, 1, &[(3, b"by the original")]);
    talk(&mut node, &mut hub, 6);
    let mut node = open(Role::Node, copy.clone(), 3);
    put(&mut node, 4, &[(3, b"by the copy")]);
    talk(&mut node, &mut hub, 7);
    hub.take(0, Command::Act(Act::Fence(ReplicaId([0xC3; 16]))));
    hub.flush().unwrap();
    collide(&mut hub, 7);
    hub.close().unwrap();
    node.close().unwrap();
    drop(hub);
    // The hub starts as one that was restored.
    let [at_hub, _] = &stores;
    mark_restored(&**at_hub).unwrap();
    drop(open(Role::Hub, at_hub.clone(), 2));
    [(Role::Hub, at_hub.image()), (Role::Node, copy.image())]
}

/// A record of another scope is lent, a record shares the home of its parent, and one is
/// transferred.
fn share(hub: &mut Host, node: &mut Host) {
    let lent = edit(hub, key(OTHER, 1), OTHER, &[(1, b"lent")]);
    save(hub, vec![lent], Vec::new());
    let (parent, borrowed) = (key(DISTRICT, 1).id.0, key(OTHER, 1).id.0);
    let child: [(u32, &[u8]); 3] = [(1, b"child"), (CHILD_OF.0, &parent), (BORROWS.0, &borrowed)];
    put(node, 5, &child);
    talk(node, hub, 4);
    // As a program wrote it that did not yet keep where a record was before.
    let owner = Owner {
        stays: Vec::new(),
        ..Owner::next(None, DISTRICT, OTHER, "")
    };
    let owner = owner.to_value();
    put(hub, 2, &[(RegisterId::OWNER.0, &owner)]);
    talk(node, hub, 5);
}

/// One dot with two contents arrives at the hub.
fn collide(hub: &mut Host, session: u64) {
    let mut other = hub.reader().get(key(DISTRICT, 1)).unwrap().unwrap().record;
    for sibling in &mut other.siblings {
        sibling.value = Bytes::from_static(b"other content");
    }
    let bytes = other.encode();
    let leaf = Leaf::of(&bytes);
    let records = vec![Arrived {
        record: other,
        bytes,
        leaf,
    }];
    let delivery = Delivery {
        scope: DISTRICT,
        records,
        positions: Vec::new(),
        upto: None,
    };
    hand(hub, session, Op::Apply(Box::new(delivery)));
    assert_eq!(hub.status().quarantined.len(), 1);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// What is read of a store: everything that people and peers rely on.
fn readings(host: &Host) -> String {
    let (reader, status) = (host.reader(), host.status());
    let mut text = String::new();
    for (scope, end, root) in reader.scopes() {
        writeln!(
            text,
            "scope {scope} {} {} {}",
            end.seq.0,
            end.head,
            hex(&root.to_bytes())
        )
        .unwrap();
    }
    for scope in [PUBLISHED, DISTRICT, OTHER] {
        for key in reader.keys_of_scope(scope) {
            records(&reader, key, &mut text);
        }
    }
    for refused in &status.refused {
        writeln!(
            text,
            "refused {} {} {} {:?}",
            refused.dot, refused.key.id, refused.code, refused.peer
        )
        .unwrap();
    }
    for held in &status.quarantined {
        writeln!(text, "quarantined {} {}", held.key.id, held.code).unwrap();
    }
    for peer in &status.peers {
        let (sent, received) = (peer.sent.0, peer.received.0);
        writeln!(
            text,
            "peer {} {} {sent} {received} {}",
            peer.replica, peer.scope, peer.pending
        )
        .unwrap();
    }
    for (name, value) in reader.locals("").unwrap() {
        writeln!(text, "local {name} {}", hex(&value)).unwrap();
    }
    text
}

fn records(reader: &Reader, key: RecordKey, text: &mut String) {
    let stored = reader.get(key).unwrap().unwrap();
    writeln!(
        text,
        "record {} {} {}",
        key.kind.0,
        key.id,
        hex(&stored.record.encode())
    )
    .unwrap();
    for (seq, siblings) in reader.history(key).unwrap() {
        for sibling in siblings {
            let (register, dot) = (sibling.register.0, sibling.dot());
            writeln!(text, "  {} {register} {dot} {}", seq.0, hex(&sibling.value)).unwrap();
        }
    }
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Hub => "hub",
        Role::Node => "node",
    }
}

fn written(stores: &[(Role, Image)]) -> String {
    let mut text = String::new();
    for (role, image) in stores {
        writeln!(text, "[{}]", name_of(*role)).unwrap();
        for (key, value) in image {
            writeln!(text, "{} {} {}", char::from(key[0]), hex(key), hex(value)).unwrap();
        }
        let host = open(*role, Arc::new(Memory::from_image(image.clone())), 9);
        writeln!(text, "[{} says]\n{}", name_of(*role), readings(&host)).unwrap();
    }
    text
}

/// The part of a golden file under a heading.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("[{heading}]\n")).unwrap();
    rest.split("\n[").next().unwrap().trim_end()
}

fn image(text: &str, role: Role) -> Image {
    let pair = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let key = unhex(words.next().unwrap());
        (key, unhex(words.next().unwrap_or("")).into())
    };
    part(text, name_of(role)).lines().map(pair).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The golden files of one sort, oldest first.
fn files(sort: &str) -> Vec<PathBuf> {
    let numbered = (1..).map(|number| folder().join(format!("{sort}-{number:04}")));
    numbered.take_while(|path| path.exists()).collect()
}

/// Compares with the newest golden file, or adds one when asked to.
fn newest_is(sort: &str, now: &[u8]) {
    let known = files(sort);
    let newest = known.last().map(|path| fs::read(path).unwrap());
    if newest.as_deref() == Some(now) {
        return;
    }
    assert!(
        std::env::var_os("LIANGXIN_REGENERATE").is_some(),
        "the bytes of a {sort} have changed. If an older program may read them: \
         LIANGXIN_REGENERATE=1 cargo test -p store --test golden"
    );
    fs::write(folder().join(format!("{sort}-{:04}", known.len() + 1)), now).unwrap();
}

fn facts() -> BackupFacts {
    BackupFacts {
        program: "liangxin 1".to_owned(),
        replica: NODE.0.to_vec(),
        at_ms: 1_606_176_000_000,
    }
}

#[test]
fn a_store_is_written_byte_for_byte_as_the_newest_golden_file_says() {
    newest_is("ledger", written(&history()).as_bytes());
}

#[test]
fn the_history_leaves_values_of_every_sort() {
    let sorts: std::collections::BTreeSet<u8> = history()
        .iter()
        .flat_map(|(_, image)| image.keys().map(|key| key[0]))
        .collect();
    for sort in *b"RHESJPNKXDQFGTBZAL" {
        assert!(
            sorts.contains(&sort),
            "no value of sort {}",
            char::from(sort)
        );
    }
}

#[test]
fn what_any_program_has_stored_opens_says_the_same_and_settles() {
    assert!(!files("ledger").is_empty());
    for path in files("ledger") {
        let text = fs::read_to_string(&path).unwrap();
        let at = |role| {
            let store = Arc::new(Memory::from_image(image(&text, role)));
            let host = open(role, store, 7);
            let says = part(&text, &format!("{} says", name_of(role)));
            assert_eq!(readings(&host).trim_end(), says, "{}", path.display());
            assert_eq!(host.reader().scrub().unwrap(), Vec::<String>::new());
            host
        };
        let (mut hub, mut node) = (at(Role::Hub), at(Role::Node));
        put(&mut node, 1, &[(3, b"by a later program")]);
        put(&mut hub, 4, &[(2, b"by a later hub")]);
        talk(&mut node, &mut hub, 20);
        let roots = |host: &Host| {
            let scopes = host.reader().scopes().into_iter();
            scopes
                .filter(|(scope, ..)| *scope != OTHER)
                .map(|(scope, _, root)| (scope, root))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(roots(&node), roots(&hub), "{}", path.display());
    }
}

#[test]
fn a_backup_is_written_byte_for_byte_as_the_newest_golden_file_says() {
    let [_, (_, image)] = history();
    let mut file = Vec::new();
    backup(&Memory::from_image(image), &facts(), None, &mut file).unwrap();
    newest_is("backup", &file);
}

#[test]
fn what_any_program_has_backed_up_is_restored() {
    assert!(!files("backup").is_empty());
    for path in files("backup") {
        let file = fs::read(&path).unwrap();
        assert_eq!(verify_backup(&mut &file[..], &[]).unwrap().facts, facts());
        let store = Arc::new(Memory::new());
        let report = restore(&mut Cursor::new(&file), &[], &*store).unwrap();
        assert!(report.entries > 10, "{report:?}");
        let host = open(Role::Node, store.clone() as Arc<dyn Store>, 7);
        assert_eq!(host.reader().keys_of_scope(DISTRICT).len(), 4);
        assert_eq!(host.reader().scrub().unwrap(), Vec::<String>::new());
    }
}
