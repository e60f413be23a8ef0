//! A store on disk after something was erased: its files hold the value until it is rewritten, and then
//! none does; for a peer nothing has changed. Drafts, refusals and held states of a replica lose it too.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use bytes::Bytes;
use replica::{
    Dot, ERASED_VALUE, Kind, Record, RecordId, RecordKey, RegisterId, SealKey,
    session::{Arrived, Delivery, Op, Role},
};
use store::{
    Command, Disk, DiskConfig, Erasure, Host, HostConfig, Memory, Personal, Rules, Store, Verdict,
    rewrite, rewrite_due,
};

use self::pair::{DISTRICT, HUB, NODE, PUBLISHED, save};

const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([1; 16]),
};
const MARK: u32 = 6;
const YES: &[u8] = b"yes";
const TOKEN: &[u8] = b"zhang-san-once";

fn rules() -> Rules {
    let personal = Personal {
        mark: Some((RegisterId(MARK), Bytes::from_static(YES))),
        registers: vec![RegisterId(1)],
    };
    let erasure = Erasure {
        kinds: BTreeMap::from([(KEY.kind, personal)]),
        locals: Arc::new(|key| vec![format!("import/{}", key.id)]),
    };
    Rules {
        erasure: Arc::new(erasure),
        ..Rules::new(Arc::new(|_| Verdict::Accept))
    }
}

#[derive(Debug)]
struct Still;

impl replica::Clock for Still {
    fn mono(&self) -> replica::Mono {
        replica::Mono(0)
    }

    fn wall_ms(&self) -> u64 {
        1_606_176_000_000
    }
}

fn open(role: Role, store: Arc<dyn Store>, life: u64) -> Host {
    let (replica, scope) = match role {
        Role::Hub => (HUB, PUBLISHED),
        Role::Node => (NODE, DISTRICT),
    };
    let config = HostConfig {
        role,
        replica,
        scope,
        published: PUBLISHED,
        schema: 1,
        rules: rules(),
        believes_peers: false,
        seal: (role == Role::Hub).then(|| SealKey::new([42; 32])),
        clock: Arc::new(Still),
        random: Arc::new(move || (u64::from(role == Role::Hub) << 32) + life),
    };
    Host::open(store, config).unwrap()
}

fn record(host: &Host) -> Record {
    host.reader().get(KEY).unwrap().unwrap().record
}

/// How many files of a folder hold the value.
fn holding(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(TOKEN.len()).any(|part| part == TOKEN)
    };
    files.filter(|path| path.is_file()).filter(holds).count()
}

#[test]
fn the_files_of_a_rewritten_store_hold_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old, fresh) = (folder.path().join("old"), folder.path().join("fresh"));
    let disk = Arc::new(Disk::open(&old, &DiskConfig::default()).unwrap());
    let mut host = open(Role::Node, Arc::<Disk>::clone(&disk), 1);
    // Once to be replaced, and once to stand.
    save(&mut host, KEY, &[(1, TOKEN), (2, b"post")]);
    save(&mut host, KEY, &[(1, TOKEN)]);
    let local = vec![(format!("import/{}", KEY.id), Some(TOKEN.to_vec()))];
    host.take(1, Command::Edit(Vec::new(), local));
    host.flush().unwrap();
    assert!(!rewrite_due(&*disk).unwrap());
    save(&mut host, KEY, &[(MARK, YES)]);
    assert!(rewrite_due(&*disk).unwrap());
    let now = record(&host);
    assert_eq!(now.register(RegisterId(1))[0].value, ERASED_VALUE);
    assert_eq!(&now.register(RegisterId(2))[0].value[..], b"post");
    for (_, siblings) in host.reader().history(KEY).unwrap() {
        for sibling in siblings.iter().filter(|s| s.register == RegisterId(1)) {
            assert_eq!(sibling.value, ERASED_VALUE);
        }
    }
    let local = host.reader().local(&format!("import/{}", KEY.id)).unwrap();
    assert!(local.is_none(), "what lies beside the record goes too");
    assert!(host.reader().scrub().unwrap().is_empty());
    let ends = host.ends().clone();
    host.close().unwrap();
    drop(host);

    let to = Arc::new(Disk::open(&fresh, &DiskConfig::default()).unwrap());
    rewrite(&*disk, &*to, &rules()).unwrap();
    rewrite(&*disk, &*to, &rules()).unwrap_err();
    drop(disk);
    assert!(
        holding(&old) > 0,
        "the engine's log keeps what was overwritten"
    );
    let host = open(Role::Node, Arc::<Disk>::clone(&to), 2);
    assert_eq!(
        (record(&host), host.ends()),
        (now, &ends),
        "all is where it was"
    );
    assert!(host.reader().scrub().unwrap().is_empty());
    assert!(!rewrite_due(&*to).unwrap());
    drop((host, to));
    assert_eq!(holding(&fresh), 0);
}

#[test]
fn what_a_rewriting_still_finds_beside_an_erased_record_it_clears() {
    let memory = Memory::new();
    let store = Arc::new(memory);
    let mut host = open(Role::Node, Arc::<Memory>::clone(&store), 1);
    save(&mut host, KEY, &[(1, TOKEN)]);
    save(&mut host, KEY, &[(1, b"another")]);
    let whole = store.image();
    save(&mut host, KEY, &[(MARK, YES)]);
    drop(host);
    // As a program leaves it that has lost its way to a page of the history.
    let mut image = store.image();
    let pages = whole.into_iter().filter(|(key, _)| key[0] == b'H');
    image.extend(pages);
    let holds = |image: &BTreeMap<Vec<u8>, Bytes>| {
        let mut values = image.values();
        values.any(|value| value.windows(TOKEN.len()).any(|part| part == TOKEN))
    };
    assert!(holds(&image));
    let fresh = Memory::new();
    rewrite(&Memory::from_image(image), &fresh, &rules()).unwrap();
    assert!(!holds(&fresh.image()));
}

#[test]
fn a_node_erases_nothing_that_is_not_personal() {
    let mut hub = open(Role::Hub, Arc::new(Memory::new()), 1);
    let mut node = open(Role::Node, Arc::new(Memory::new()), 1);
    save(&mut node, KEY, &[(1, b"name"), (2, b"post")]);
    let whole = record(&node);
    let (incarnation, counter) = node.status().position.unwrap();
    let position = proto::sync::Position {
        incarnation: incarnation.0,
        counter,
        head: Vec::new(),
        replica: NODE.0.to_vec(),
    };
    let results = |hub: &mut Host, record: &Record| {
        arrive(hub, record.clone(), position.clone());
        let held = hub.reader().get(KEY).unwrap().unwrap();
        (held.record, hub.status().quarantined.len())
    };
    assert_eq!(results(&mut hub, &whole), (whole.clone(), 0));
    let mut forged = whole.clone();
    forged.erase(&[RegisterId(2)], None);
    let (held, quarantined) = results(&mut hub, &forged);
    assert_eq!((held, quarantined), (whole.clone(), 1), "held back whole");
    let mut erased = whole.clone();
    erased.erase(&[RegisterId(1)], None);
    assert_eq!(results(&mut hub, &erased), (erased.clone(), 0));
    let of = |record: &Record| {
        record
            .siblings
            .iter()
            .map(replica::Sibling::dot)
            .collect::<Vec<Dot>>()
    };
    assert_eq!(of(&erased), of(&whole));
}

/// A record of a node arrives at the hub in a session.
fn arrive(hub: &mut Host, record: Record, position: proto::sync::Position) {
    let login = pair::login(Role::Hub, 1);
    let bytes = record.encode();
    let hello = proto::sync::Hello {
        protocol_min: replica::session::PROTOCOL,
        protocol_max: replica::session::PROTOCOL,
        schema: 1,
        replica: NODE.0.to_vec(),
        ..proto::sync::Hello::default()
    };
    hub.take(1, Command::Session(login, Op::Welcome(Box::new(hello))));
    let delivery = Delivery {
        scope: DISTRICT,
        upto: None,
        records: vec![Arrived {
            leaf: replica::Leaf::of(&bytes),
            record,
            bytes,
        }],
        positions: vec![position],
    };
    hub.take(2, Command::Session(login, Op::Apply(Box::new(delivery))));
    hub.flush().unwrap();
}
