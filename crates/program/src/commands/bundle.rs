//! `bundle`: a session in a file, carried by hand, for a district that has no line.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use domain::label::Language;
use domain::permission::Right;
use link::{
    BundleError, BundleKeys, BundleRoute, BundleSender, Given, GivenProof, SessionSeat, Taken,
};
use proto::sync::{BundleMemory, Outcome, Result as ResultWire};
use replica::{Kind, RecordId, ReplicaId, ScopeId, Seq, session::Role as SessionRole};
use serde_json::{Value, json};
use store::{Login, Store};
use zeroize::Zeroizing;

use super::certificate;

use crate::{
    accounts::Deed,
    app::{App, Live},
    clock::moment,
    dir::{Identity, first_line, hex16},
    failure::{Exit, Failure, causes},
    output::Out,
    texts,
};

/// `bundle …`.
#[derive(Subcommand, Clone, Debug)]
pub enum BundleCommand {
    /// Write what a line would carry to the other side into a file
    Export(ExportArgs),
    /// Take such a file of the other side
    Import(ImportArgs),
}

impl BundleCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Export(args) => {
                let peer = args.peer.as_deref().unwrap_or_default();
                Deed::of("bundle export", Right::Operate)
                    .about(&[peer])
                    .noted()
            }
            Self::Import(_) => Deed::of("bundle import", Right::Operate).noted(),
        }
    }
}

/// `bundle export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Where the bundle goes; an older bundle of that name is replaced
    pub file: PathBuf,
    /// At the hub: for which node, by its id or the first digits of it
    #[arg(long, value_name = "NODE")]
    pub peer: Option<String>,
    /// At the hub: the passphrase of the authority's key, when it is not serving
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `bundle import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The bundle
    pub file: PathBuf,
    /// At the hub: the passphrase of the authority's key, when it is not serving
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// The other end of bundles.
#[derive(Clone, Debug)]
pub struct BundlePeer {
    /// The replica.
    pub replica: ReplicaId,
    /// The scope that the node of the two stands for.
    pub scope: ScopeId,
    /// What people call it.
    pub name: String,
}

/// How one of the two programs makes and takes bundles.
pub trait Bundles {
    /// For whom a bundle is, and with which keys.
    ///
    /// # Errors
    /// It is not clear for whom, or a key is missing.
    fn route(
        &self,
        app: &App,
        peer: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<(BundlePeer, BundleRoute), Failure>;

    /// With which keys bundles are opened, and whom they are believed of.
    ///
    /// # Errors
    /// A key is missing.
    fn keys(&self, app: &App, passphrase: Option<&str>) -> Result<BundleKeys, Failure>;

    /// Who a sender is whose certificate has been proved.
    ///
    /// # Errors
    /// It has no place here.
    fn sender(&self, app: &App, sender: &BundleSender) -> Result<BundlePeer, Failure>;

    /// Notes what a bundle says of its sender's or the own certificate, after it was taken.
    ///
    /// # Errors
    /// It cannot be kept.
    fn note(&self, app: &App, sender: &BundleSender) -> Result<(), Failure>;
}

/// Runs one of the commands.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: &BundleCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        BundleCommand::Export(args) => export(app, live, args, out),
        BundleCommand::Import(args) => import(app, live, args, out),
    }
}

fn passphrase(app: &App, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    file.map(|file| first_line(&app.path(file))).transpose()
}

fn failed(error: &BundleError) -> Failure {
    let exit = match error {
        BundleError::Io(_) | BundleError::Store | BundleError::Material => Exit::Failed,
        BundleError::Receiver { .. }
        | BundleError::Key
        | BundleError::Node(_)
        | BundleError::Hub(_)
        | BundleError::Sender => Exit::Refused,
        BundleError::NotBundle
        | BundleError::Altered { .. }
        | BundleError::Old { .. }
        | BundleError::Behind
        | BundleError::Session { .. } => Exit::Invalid,
    };
    let failure = Failure::new(error.code(), exit).with("detail", causes(error));
    match error {
        BundleError::Receiver { to } => failure.with("to", to),
        _ => failure,
    }
}

/// The name under which the store keeps what is known of the bundles of a peer.
fn memory_key(peer: ReplicaId) -> String {
    format!("bundle/{peer}")
}

fn memory_of(app: &App, peer: ReplicaId) -> Result<BundleMemory, Failure> {
    let stored = app.reader().local(&memory_key(peer))?;
    Ok(link::memory_from(stored.as_deref()))
}

/// The number of the last bundle for a peer, when one has reached this place of a feed and the
/// peer's receipt has not come back.
pub(crate) fn pending(
    app: &App,
    peer: ReplicaId,
    (scope, seq): (ScopeId, Seq),
) -> Result<Option<u64>, Failure> {
    let memory = memory_of(app, peer)?;
    let reached = memory.reached.iter().any(|reached| {
        let at = reached.point.as_ref().map_or(0, |point| point.seq);
        reached.scope == scope.0 && at >= seq.0
    });
    Ok(reached.then_some(memory.made))
}

fn keep(app: &App, peer: ReplicaId, memory: &BundleMemory) -> Result<(), Failure> {
    let entry = (memory_key(peer), Some(link::memory_bytes(memory)));
    app.writer.edit(Vec::new(), vec![entry])?;
    Ok(())
}

/// Lets a node that was put back begin its next certificate anew: what it lacks is about to come
/// home by stick, and would be missing in one that it had asked for before.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) fn forget_proof(store: &dyn Store, identity: &Identity) -> Result<(), Failure> {
    let hub = identity.hub.as_ref().and_then(|hub| hex16(&hub.replica));
    let Some(name) = hub.map(|hub| memory_key(ReplicaId(hub))) else {
        return Ok(());
    };
    if let Some(stored) = store::local(store, &name)? {
        let mut memory = link::memory_from(Some(&stored));
        link::forget_proof(&mut memory);
        store::keep_local(store, &name, link::memory_bytes(&memory))?;
    }
    Ok(())
}

fn seat(app: &App, peer: &BundlePeer) -> SessionSeat {
    SessionSeat {
        role: if app.is_hub() {
            SessionRole::Hub
        } else {
            SessionRole::Node
        },
        login: Login {
            session: link::session_number(),
            peer: peer.replica,
            scope: peer.scope,
        },
        writer: app.writer.clone(),
        clock: Arc::clone(&app.clock),
    }
}

/// Writes a bundle beside its place and moves it there when it is whole and durable. Only an
/// older bundle is replaced: a careless name must not cost another file.
fn export<L: Live>(app: &App, live: &L, args: &ExportArgs, out: &mut Out) -> Result<(), Failure> {
    let path = app.path(&args.file);
    if path.exists() && !begins_as_bundle(&path)? {
        let taken = Failure::new("BUNDLE-009", Exit::Usage);
        return Err(taken.with("file", path.display()));
    }
    let secret = passphrase(app, args.passphrase_file.as_deref())?;
    let secret = secret.as_ref().map(|text| text.as_str());
    let (peer, route) = live.route(app, args.peer.as_deref(), secret)?;
    let mut memory = memory_of(app, peer.replica)?;
    let beside = beside(&path);
    let written = write(app, &peer, &route, &beside, &mut memory);
    let given = written.inspect_err(|_failed| {
        // What is left of it would only be in the way.
        fs::remove_file(&beside).unwrap_or_default();
    })?;
    // First what is to be remembered: a bundle that was never made costs a number, one that is
    // not remembered could not be told from the next.
    keep(app, peer.replica, &memory)?;
    fs::rename(&beside, &path)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)?.sync_all()?;
    }
    show_given(&peer, &given, out);
    Ok(())
}

fn write(
    app: &App,
    peer: &BundlePeer,
    route: &BundleRoute,
    beside: &Path,
    memory: &mut BundleMemory,
) -> Result<Given, Failure> {
    let file = BufWriter::new(File::create(beside)?);
    let (mut file, given) =
        link::give(file, route, &seat(app, peer), memory).map_err(|error| failed(&error))?;
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(given)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn begins_as_bundle(path: &Path) -> Result<bool, Failure> {
    let mut begin = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut begin)?;
    Ok(link::is_bundle(&begin))
}

fn show_given(peer: &BundlePeer, given: &Given, out: &mut Out) {
    if out.json {
        out.document(&json!({
            "peer": peer.replica.to_string(),
            "name": peer.name,
            "number": given.number,
            "records": given.records,
            "exchange": given.exchange,
            "proof": {
                "asks": given.proof.asks,
                "states": given.proof.states,
                "hands_in": given.proof.hands_in,
            },
        }));
        return;
    }
    let (name, records) = (texts::causes::peer(&peer.name, out.language), given.records);
    out.line(match out.language {
        Language::Zh => format!("已导出给{name}：{records} 条记录。请带到对方导入，再把对方导出的文件带回来"),
        Language::En => format!(
            "exported for {name}: {records} records. Carry it there, import it, and bring their bundle back"
        ),
    });
    if given.exchange {
        out.note(out.say(
            "双方进度对不上（多半是其中一方恢复过备份），这份文件带了全部记录，导入后自动核对补齐",
            "the checkpoints do not fit (one side was probably restored): this bundle carries everything, and heals when it is imported",
        ));
    }
    show_proof(given.proof, out);
}

/// What a bundle carries for a certificate.
fn show_proof(proof: GivenProof, out: &mut Out) {
    if proof.asks {
        out.note(out.say(
            "附带核算请求：市级导入后若双方一致，下一份带回的文件就能出具“没有丢失”的证书",
            "it asks for the certificate that nothing was lost: if both sides are equal when it is imported, the city's next bundle brings what it takes",
        ));
    }
    if proof.states {
        out.note(out.say(
            "附带市级已签名的核算声明：区级导入时出具证书",
            "it carries the city's signed statement: the district makes the certificate when it is imported",
        ));
    }
    if proof.hands_in {
        out.note(out.say(
            "附带上一份证书，供市级留存",
            "it carries the last certificate, for the city to keep",
        ));
    }
}

/// Takes a bundle: first it is proved to its end, then its frames are taken as in a session.
fn import<L: Live>(app: &App, live: &L, args: &ImportArgs, out: &mut Out) -> Result<(), Failure> {
    let file = BufReader::new(File::open(app.path(&args.file))?);
    let secret = passphrase(app, args.passphrase_file.as_deref())?;
    let secret = secret.as_ref().map(|text| text.as_str());
    let keys = live.keys(app, secret)?;
    let parcel = link::open_bundle(file, keys, app.clock.wall_ms());
    let mut parcel = parcel.map_err(|error| failed(&error))?;
    let peer = live.sender(app, &parcel.sender)?;
    let mut memory = memory_of(app, peer.replica)?;
    let made = moment(parcel.sender.made_ms);
    let taken = link::take(&mut parcel, &seat(app, &peer), &mut memory);
    if matches!(taken, Ok(_) | Err(BundleError::Behind)) {
        keep(app, peer.replica, &memory)?;
    }
    let taken = taken.map_err(|error| {
        let failure = failed(&error);
        failure.with("peer", &peer.name).with("made", &made)
    })?;
    if let Some(gap) = taken.gap {
        let gap = Failure::new("BUNDLE-010", Exit::Invalid).with("detail", gap);
        return Err(gap.with("peer", &peer.name));
    }
    live.note(app, &parcel.sender)?;
    show_taken(app, &peer, &parcel.sender, &taken, out)
}

fn show_taken(
    app: &App,
    peer: &BundlePeer,
    sender: &BundleSender,
    taken: &Taken,
    out: &mut Out,
) -> Result<(), Failure> {
    if out.json {
        out.document(&taken_json(app, peer, sender, taken, out.language)?);
        return Ok(());
    }
    let name = texts::causes::peer(&peer.name, out.language);
    let (records, made) = (taken.records, moment(sender.made_ms));
    out.line(match out.language {
        Language::Zh => format!("已导入{name} {made} 导出的文件：{records} 条记录"),
        Language::En => format!("taken from {name}, exported {made}: {records} records"),
    });
    out.line(match (taken.equal, taken.exchange) {
        (true, _) => out.say("双方已核对一致", "both sides are equal"),
        (false, true) => out.say(
            "双方进度对不上，下一次导出会带全部记录，来回各导入一次后自动补齐",
            "the checkpoints do not fit: the next export carries everything, and both sides heal when it and its answer are imported",
        ),
        (false, false) => out.say(
            "双方还有对方没有收到的内容：请导出一份带给对方",
            "something is still on its way: export a bundle and carry it to the other side",
        ),
    });
    for result in taken.results.iter().chain(&taken.answers) {
        out.line(format!(
            "{}  {}",
            result.code,
            texts::of(&result.code, out.language, &[])
        ));
    }
    if taken.stated {
        out.line(out.say(
            "已按对方的请求核算并签名：下一次导出带上，对方导入后就有“没有丢失”的证书",
            "accounted and signed as it asked: the next export carries it, and the other side makes the certificate of it",
        ));
    }
    match &taken.certificate {
        Some(made) => certificate::say(app, made, out),
        None => Ok(()),
    }
}

fn taken_json(
    app: &App,
    peer: &BundlePeer,
    sender: &BundleSender,
    taken: &Taken,
    language: Language,
) -> Result<Value, Failure> {
    let diagnosis = proto::sync::Diagnosis::try_from(taken.diagnosis).unwrap_or_default();
    let results = |results: &[ResultWire]| results.iter().map(result_json).collect::<Vec<_>>();
    let made = taken.certificate.as_ref();
    let made = made.map(|made| certificate::said_of(app, made, language));
    Ok(json!({
        "peer": peer.replica.to_string(),
        "name": peer.name,
        "number": sender.number,
        "made": moment(sender.made_ms),
        "records": taken.records,
        "known": taken.batches_known,
        "diagnosis": word(diagnosis.as_str_name(), "DIAGNOSIS_"),
        "results": results(&taken.results),
        "answers": results(&taken.answers),
        "refused": taken.refused,
        "equal": taken.equal,
        "exchange": taken.exchange,
        "stated": taken.stated,
        "certificate": made.transpose()?,
    }))
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

fn result_json(result: &ResultWire) -> Value {
    let outcome = Outcome::try_from(result.outcome).unwrap_or_default();
    let kind = Kind(result.kind);
    let kind = domain::Catalogue::builtin().kind(kind);
    let id = RecordId::try_from(result.id.as_slice()).map(|id| id.to_string());
    json!({
        "kind": kind.map(|kind| kind.id.clone()),
        "id": id.ok(),
        "outcome": word(outcome.as_str_name(), "OUTCOME_"),
        "code": result.code,
    })
}
