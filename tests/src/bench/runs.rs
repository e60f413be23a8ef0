//! The measures, one after the other, on fresh stores.

use std::{
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use program::dir::Role;
use replica::{RecordKey, Sibling};
use store::{Command, Handle, Reply};

use super::{Options, Report, large, memory, raw, say};
use crate::{
    rig::{HubRig, Medium, NodeRig, fresh_replica},
    sample,
};

const SCOPE: &str = "410305";
/// What any single measure may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Saves of the latency measure.
const SAVES: u64 = 300;
/// Edits of the catch-up measure.
const EDITS: u64 = 10_000;

/// Runs all measures that the options name.
pub(crate) async fn all(options: &Options, folder: &Path, report: &mut Report) {
    std::fs::create_dir_all(folder).expect("a directory is made");
    let wanted = |name: &str| name.contains(&options.only);
    report.add(
        "one append and fsync, p50",
        raw::fsync_ms(folder, 400),
        "ms",
    );
    if options.only == "demo" {
        large::measure(options.organisations, &folder.join("demo"), report);
        large::first_sync(options.organisations, &folder.join("nineteen"), report).await;
        return;
    }
    if wanted("sync") {
        let small = options.records.min(10_000);
        sync(small, &folder.join("small"), report).await;
        if options.records > small {
            sync(options.records, &folder.join("large"), report).await;
        }
    }
    if wanted("steady") {
        steady(&folder.join("steady"), report).await;
    }
    if wanted("import") {
        import(&folder.join("import"), report);
    }
    if wanted("writers") {
        writers(&folder.join("writers"), report);
    }
}

/// The ratios within one run.
pub(crate) fn ratios(report: &mut Report) {
    for n in [10_000, 100_000] {
        let raw = format!("raw sled, {n}");
        for way in ["node to hub", "hub to node"] {
            let ours = format!("first sync {way}, {n}");
            report.ratio(&format!("{ours} / raw sled"), &ours, &raw);
        }
    }
}

/// Writes sample organisations, many in flight, and waits until all are durable.
pub(crate) fn fill(writer: &Handle, scope: replica::ScopeId, numbers: std::ops::Range<u64>) {
    let (done, replies) = mpsc::channel();
    let mut waiting = 0_usize;
    let take = |waiting: &mut usize| {
        let reply: Reply = replies.recv().expect("the writer answers");
        assert!(matches!(reply, Reply::Written(Ok(_))), "{reply:?}");
        *waiting -= 1;
    };
    for n in numbers {
        let done = done.clone();
        let edit = Command::Edit(vec![sample::make(scope, n)], Vec::new());
        writer
            .submit(edit, move |reply| done.send(reply).unwrap_or_default())
            .expect("room");
        waiting += 1;
        while waiting >= 2_048 {
            take(&mut waiting);
        }
    }
    while waiting > 0 {
        take(&mut waiting);
    }
}

fn records_of(node: &NodeRig, n: u64) -> Vec<Bytes> {
    let reader = node.handle().reader().clone();
    let key = |n| RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(node.scope, n),
    };
    (0..n)
        .filter_map(|n| reader.get(key(n)).expect("the store reads"))
        .map(|stored| stored.record.encode())
        .collect()
}

async fn until(count: u64, reader: &store::Reader) {
    let start = Instant::now();
    while (reader.count() as u64) < count {
        assert!(start.elapsed() < PATIENCE, "not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// First sync both ways, catch-up, opening, memory.
async fn sync(n: u64, folder: &Path, report: &mut Report) {
    say(&format!("{n} organisations"));
    let hub = HubRig::start(fresh_replica(), &Medium::Disk(&folder.join("hub"))).await;
    let node = hub.node(fresh_replica(), SCOPE, &Medium::Disk(&folder.join("node")));
    let start = Instant::now();
    fill(&node.handle(), node.scope, 0..n);
    report.add(
        &format!("local saves in bulk, {n}"),
        n as f64 / start.elapsed().as_secs_f64(),
        "/s",
    );
    let records = records_of(&node, n);
    let bytes: usize = records.iter().map(Bytes::len).sum();
    report.add(
        &format!("bytes a record, {n}"),
        bytes as f64 / n as f64,
        "B",
    );
    report.add(
        &format!("raw sled, {n}"),
        raw::sled(&folder.join("raw"), &records),
        "/s",
    );
    report.add(
        &format!("raw stream, {n}"),
        raw::stream(&records).await,
        "/s",
    );

    let start = Instant::now();
    let running = node.connect();
    until(n, hub.writer.handle().reader()).await;
    let rate = n as f64 / start.elapsed().as_secs_f64();
    report.add(&format!("first sync node to hub, {n}"), rate, "/s");
    running.settled(PATIENCE).await;
    running.stop().await;

    let second = hub.node(
        fresh_replica(),
        SCOPE,
        &Medium::Disk(&folder.join("second")),
    );
    let start = Instant::now();
    let running = second.connect();
    until(n, second.handle().reader()).await;
    let rate = n as f64 / start.elapsed().as_secs_f64();
    report.add(&format!("first sync hub to node, {n}"), rate, "/s");
    running.settled(PATIENCE).await;
    running.stop().await;

    catch_up(&hub, &node, n, report).await;
    node.writer.stop().expect("the node stops");
    second.writer.stop().expect("the second node stops");
    hub.stop().await.expect("the hub stops");
    memory::measure(
        &folder.join("node"),
        Role::Node,
        &format!("node, {n}"),
        report,
    );
    memory::measure(
        &folder.join("hub"),
        Role::Node,
        &format!("hub, {n}"),
        report,
    );
}

/// One-field edits made without a line, then the line comes back.
async fn catch_up(hub: &HubRig, node: &NodeRig, n: u64, report: &mut Report) {
    let edits = EDITS.min(n);
    let handle = node.handle();
    let (done, replies) = mpsc::channel();
    for at in 0..edits {
        let key = RecordKey {
            kind: sample::ORGANISATION,
            id: sample::id_of(node.scope, at),
        };
        let stored = handle
            .reader()
            .get(key)
            .expect("the store reads")
            .expect("it is there");
        let siblings = stored.record.register(sample::remark_register());
        let shown = siblings.iter().map(Sibling::shown).collect();
        let edit = sample::remark(node.scope, at, "catch-up", shown);
        let done = done.clone();
        while handle
            .submit(Command::Edit(vec![edit.clone()], Vec::new()), {
                let done = done.clone();
                move |reply| done.send(reply).unwrap_or_default()
            })
            .is_err()
        {
            std::thread::yield_now();
        }
        drop(done);
    }
    for _ in 0..edits {
        let reply = replies.recv().expect("the writer answers");
        assert!(matches!(reply, Reply::Written(Ok(_))), "{reply:?}");
    }
    let end = handle
        .reader()
        .scopes()
        .into_iter()
        .find(|(id, _, _)| *id == node.scope);
    let target = end.map(|(_, _, root)| root);
    let start = Instant::now();
    let running = node.connect();
    let reader = hub.writer.handle().reader().clone();
    loop {
        let now = reader
            .scopes()
            .into_iter()
            .find(|(id, _, _)| *id == node.scope);
        if now.map(|(_, _, root)| root) == target {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "not in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = edits as f64 / start.elapsed().as_secs_f64();
    report.add(
        &format!("catch-up of {edits} one-field edits, {n}"),
        rate,
        "/s",
    );
    running.stop().await;
}

/// One writer: from "saved" at the node until the hub has it.
async fn steady(folder: &Path, report: &mut Report) {
    let hub = HubRig::start(fresh_replica(), &Medium::Disk(&folder.join("hub"))).await;
    let node = hub.node(fresh_replica(), SCOPE, &Medium::Disk(&folder.join("node")));
    fill(&node.handle(), node.scope, 0..1_000);
    let running = node.connect();
    running.settled(PATIENCE).await;
    let (handle, scope) = (node.handle(), node.scope);
    let reader = hub.writer.handle().reader().clone();
    let times = tokio::task::spawn_blocking(move || {
        let mut times: Vec<f64> = Vec::new();
        for n in 1_000..1_000 + SAVES {
            let key = RecordKey {
                kind: sample::ORGANISATION,
                id: sample::id_of(scope, n),
            };
            handle
                .edit(vec![sample::make(scope, n)], Vec::new())
                .expect("saved");
            let saved = Instant::now();
            while reader.get(key).expect("the hub reads").is_none() {
                assert!(saved.elapsed() < PATIENCE, "not in time");
                std::thread::sleep(Duration::from_micros(50));
            }
            times.push(saved.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        times
    });
    let times = times.await.expect("the measure ends");
    let at = |percent: usize| times.get(times.len() * percent / 100).copied();
    report.add(
        "saved to visible at the hub, p50",
        at(50).unwrap_or(f64::NAN),
        "ms",
    );
    report.add(
        "saved to visible at the hub, p99",
        at(99).unwrap_or(f64::NAN),
        "ms",
    );
    running.stop().await;
    node.writer.stop().expect("the node stops");
    hub.stop().await.expect("the hub stops");
}

/// Sixteen writers, each waiting for its own save.
fn writers(folder: &Path, report: &mut Report) {
    const WRITERS: u64 = 16;
    const EACH: u64 = 400;
    let writer = crate::rig::open(
        Role::Node,
        fresh_replica(),
        SCOPE,
        &Medium::Disk(&folder.join("node")),
    )
    .expect("the store opens");
    let handle = writer.handle();
    let scope = domain::scope_id(SCOPE);
    let start = Instant::now();
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let handle = handle.clone();
            threads.spawn(move || {
                for n in 0..EACH {
                    let number = writer * 1_000_000 + n;
                    handle
                        .edit(vec![sample::make(scope, number)], Vec::new())
                        .expect("saved");
                }
            });
        }
    });
    let rate = (WRITERS * EACH) as f64 / start.elapsed().as_secs_f64();
    report.add("local saves with 16 writers", rate, "/s");
    writer.stop().expect("the writer stops");
}

/// Rows of the import measure.
const ROWS: u64 = 10_000;

/// A spreadsheet of new organisations into a node's directory, each row durable.
fn import(folder: &Path, report: &mut Report) {
    use program::{
        App,
        dir::{Dir, Identity, Role, ScopeName},
        import::{Mode, Request, import},
    };
    std::fs::create_dir_all(folder).expect("a directory is made");
    let file = folder.join("census.csv");
    std::fs::write(&file, sheet()).expect("the sheet is written");
    let dir = Dir::new(&folder.join("node"));
    dir.create().expect("a directory is made");
    let identity = Identity {
        role: Role::Node,
        replica: fresh_replica().to_string(),
        demo: true,
        scope: ScopeName::of(SCOPE, "涧西区"),
        published: ScopeName::of("410300", "洛阳市"),
        hub: None,
    };
    dir.set_identity(&identity)
        .expect("the identity is written");
    let runtime = tokio::runtime::Handle::current();
    let (app, writer) = App::open(&dir, runtime).expect("the store opens");
    let request = Request {
        kind: app
            .catalogue
            .kind(sample::ORGANISATION)
            .expect("the schema has organisations"),
        path: file,
        sheet: None,
        as_of: None,
        mode: Mode::Write,
        reason: "bench".to_owned(),
    };
    let start = Instant::now();
    let done = import(&app, &request, &mut |_, _| {}).expect("the sheet is read");
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(done.created as u64, ROWS, "every row makes a record");
    report.add("import of 10000 rows, durable", seconds, "s");
    writer.stop().expect("the writer stops");
}

/// The spreadsheet of the import measure, as text.
fn sheet() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "单位名称,组织大类,组织类型,行业门类,经营地址,成立日期,经营状态,排查状态,从业人员数,党员数,正式党员数,数据日期,组建条件,备注\n",
    );
    for n in 0..ROWS {
        let (members, employees) = (n % 9, 20 + n % 90);
        // Writing into a string does not fail.
        writeln!(
            text,
            "涧西样本{n:06}机械制造有限公司（演示）,新经济组织,私营企业,C,涧西示例路{}号,\
             2015年3月{}日,正常经营,在册,{employees}人,{members},{members},2020.09.30,不具备条件,代码待核",
            n % 500,
            1 + n % 28
        )
        .unwrap_or_default();
    }
    text
}
