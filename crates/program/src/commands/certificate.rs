//! `certificate …`: the proof that nothing was lost, made by a node, signed by both sides, checked
//! by anybody who has the authority's certificate.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use domain::permission::Right;
use domain::{label::Language, value::hex};
use link::{Checked, certificate_from};
use proto::stored::{Certificate, Fate, LifeAccount, Listed, Statement};
use serde_json::{Value, json};
use store::WriteFact;

use super::repair::fact_row;
use crate::{
    accounts::Deed,
    app::{App, Live},
    cli::{Place, Setting},
    clock::moment,
    dir::{Dir, Role, write_whole},
    failure::{Exit, Failure},
    output::Out,
    repair::{
        fact_json,
        lost::{self, Lost},
    },
};

/// Writes that a sentence lists; the document has all.
const LINES_MAX: usize = 20;

/// `certificate …`.
#[derive(Subcommand, Clone, Debug)]
pub enum CertificateCommand {
    /// At a node: prove with the hub that nothing was lost, and write the proof
    Make {
        /// Where it goes
        file: PathBuf,
    },
    /// The certificates that are kept here
    List,
    /// Write a kept certificate to a file
    Save {
        /// Its name, as `certificate list` shows it
        id: String,
        /// Where it goes
        file: PathBuf,
    },
    /// Check a certificate: signatures, cut, numbers; needs no line and no store
    Verify {
        /// The certificate
        file: PathBuf,
        /// The authority's certificate (default: that of the directory)
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
    },
}

impl CertificateCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Make { .. } => Deed::of("certificate make", Right::Operate).noted(),
            Self::List => Deed::of("certificate list", Right::Read),
            Self::Save { id, .. } => Deed::of("certificate save", Right::Operate)
                .about(&[id])
                .noted(),
            Self::Verify { .. } => Deed::open("certificate verify"),
        }
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Verify { .. } => Place::Local,
            Self::Make { .. } | Self::List | Self::Save { .. } => Place::Store,
        }
    }
}

/// Runs a command on an opened store.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: CertificateCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        CertificateCommand::Make { file } => {
            let certificate = live.certify(app).inspect_err(|failure| {
                if failure.exit == Exit::Unreachable {
                    out.note(out.say(
                        "完全没有线路的，不用这条命令：摆渡文件每往返一次就自动核算并出具证书，见 certificate list",
                        "without any line this command is not needed: each round of bundles proves by itself; see certificate list",
                    ));
                }
            })?;
            write_whole(&app.path(&file), &link::certificate_file(&certificate))?;
            let checked = check_by(&certificate, &authority_of(&app.dir)?)?;
            tell(&certificate, &checked, &lost::missing(app)?, out);
            Ok(())
        }
        CertificateCommand::List => list(app, out),
        CertificateCommand::Save { id, file } => {
            let name = format!("{}{id}", link::CERTIFICATES);
            let kept = app.reader().local(&name)?;
            let kept = kept.ok_or_else(|| Failure::new("PROOF-021", Exit::Usage).with("id", id))?;
            write_whole(&app.path(&file), &kept)?;
            out.line(out.say("已写出", "written"));
            Ok(())
        }
        CertificateCommand::Verify { .. } => Err(Failure::new("USAGE-005", Exit::Usage)),
    }
}

/// Checks a certificate off line.
///
/// # Errors
/// It cannot be read, or there is no authority to check it by.
pub fn verify(
    setting: &Setting,
    file: &Path,
    authority: Option<&Path>,
    out: &mut Out,
) -> Result<(), Failure> {
    let bytes = std::fs::read(setting.folder.join(file))?;
    let certificate = link::read_certificate(&bytes).ok_or_else(|| no_certificate(file))?;
    let checked = check_by(&certificate, &authority_path(setting, authority)?)?;
    tell(&certificate, &checked, &[], out);
    Ok(())
}

fn no_certificate(file: &Path) -> Failure {
    Failure::new("PROOF-010", Exit::Invalid).with("detail", file.display())
}

fn check_by(certificate: &Certificate, authority: &Path) -> Result<Checked, Failure> {
    let authority = read_authority(authority)?;
    Ok(link::check(certificate, &authority))
}

/// The file of the authority's certificate: the one that was named, else that of the directory.
pub(super) fn authority_path(setting: &Setting, named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(file) => Ok(setting.folder.join(file)),
        None => authority_of(&setting.options.dir()?),
    }
}

/// The file of the authority's certificate in a directory.
pub(super) fn authority_of(dir: &Dir) -> Result<PathBuf, Failure> {
    let name = match dir.identity()?.role {
        Role::Node => crate::dir::AUTHORITY,
        Role::Hub => link::CERTIFICATE_FILE,
    };
    Ok(dir.path().join(name))
}

/// The authorities in a file: one so far.
pub(super) fn read_authority(path: &Path) -> Result<Vec<link::CertificateDer>, Failure> {
    let certificate = certificate_from(&std::fs::read(path)?);
    let wrong = || Failure::new("PROOF-022", Exit::Invalid).with("file", path.display());
    Ok(vec![certificate.ok_or_else(wrong)?])
}

fn list(app: &App, out: &mut Out) -> Result<(), Failure> {
    let authority = read_authority(&authority_of(&app.dir)?)?;
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (name, bytes) in app.reader().locals(link::CERTIFICATES)? {
        let Some(certificate) = link::read_certificate(&bytes) else {
            continue;
        };
        let checked = link::check(&certificate, &authority);
        let id = name.trim_start_matches(link::CERTIFICATES).to_owned();
        let at = at_of(&checked.hub);
        let truth = match checked.is_true() {
            true => out.say("成立", "true"),
            false => out.say("不成立", "false"),
        };
        let scope = scope_of(&certificate, &checked);
        documents.push(json!({
            "id": id,
            "scope": scope,
            "at": at,
            "true": checked.is_true(),
        }));
        let records = checked.cut.records.to_string();
        rows.push(vec![id, scope, at, records, truth.to_owned()]);
    }
    if out.json {
        out.document(&Value::Array(documents));
        return Ok(());
    }
    let headings = match out.language {
        Language::Zh => ["编号", "辖区", "时间", "记录", "结论"],
        Language::En => ["id", "scope", "time", "records", "verdict"],
    };
    out.table(&headings, &rows);
    Ok(())
}

fn at_of(statement: &Statement) -> String {
    moment(u64::try_from(statement.at_ms).unwrap_or(0))
}

/// The code of the scope where the file names it truly, else its id.
fn scope_of(certificate: &Certificate, checked: &Checked) -> String {
    let code = &certificate.scope_code;
    if *domain::scope_id(code).0.as_slice() == *checked.cut.scope {
        return code.clone();
    }
    hex(&checked.cut.scope)
}

/// The numbers of one side, all incarnations together.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    writes: u64,
    visible: u64,
    replaced: u64,
    refused: u64,
    drafts: u64,
    moved: u64,
    quarantined: u64,
    elsewhere: u64,
    missing: u64,
}

impl Sum {
    fn of(statement: &Statement) -> Self {
        statement.lives.iter().fold(Self::default(), Self::plus)
    }

    fn plus(self, life: &LifeAccount) -> Self {
        let counter = life.reached.as_ref().map_or(0, |reached| reached.counter);
        let add = u64::saturating_add;
        Self {
            writes: add(self.writes, counter),
            visible: add(self.visible, life.visible),
            replaced: add(self.replaced, life.replaced),
            refused: add(self.refused, life.refused),
            drafts: add(self.drafts, life.drafts),
            moved: add(self.moved, life.moved),
            quarantined: add(self.quarantined, life.quarantined),
            elsewhere: add(self.elsewhere, life.elsewhere),
            missing: add(self.missing, life.missing),
        }
    }

    fn json(self, side: &str, statement: &Statement) -> Value {
        json!({
            "side": side,
            "at": at_of(statement),
            "incarnations": statement.lives.len(),
            "writes": self.writes,
            "visible": self.visible,
            "replaced": self.replaced,
            "refused": self.refused,
            "drafts": self.drafts,
            "moved": self.moved,
            "quarantined": self.quarantined,
            "elsewhere": self.elsewhere,
            "missing": self.missing,
        })
    }

    fn line(self, side: &str, language: Language) -> String {
        let Self {
            writes,
            visible,
            replaced,
            refused,
            drafts,
            moved,
            quarantined,
            elsewhere,
            missing,
        } = self;
        match language {
            Language::Zh => format!(
                "{side}：修改 {writes} 次，可见 {visible}，已被替代 {replaced}，被拒绝 {refused}，退回 {drafts}，移交 {moved}，隔离 {quarantined}，其他辖区 {elsewhere}，缺失 {missing}"
            ),
            Language::En => format!(
                "{side}: {writes} writes, {visible} visible, {replaced} replaced, {refused} refused, {drafts} drafts, {moved} moved, {quarantined} quarantined, {elsewhere} of other scopes, {missing} missing"
            ),
        }
    }
}

/// A fate for people. In English it is what scripts read, too.
fn said(fate: Fate, language: Language) -> &'static str {
    let (zh, en) = match fate {
        Fate::Unspecified => ("不详", "unspecified"),
        Fate::Refused => ("被拒绝", "refused"),
        Fate::Draft => ("退回", "draft"),
        Fate::Moved => ("移交", "moved"),
        Fate::Quarantined => ("隔离", "quarantined"),
        Fate::Missing => ("下落不明", "missing"),
    };
    language.pick(zh, en)
}

/// The writes of a listed range that are missing and that the own list of lost writes names.
fn known<'l>(listed: &Listed, lost: &'l [Lost]) -> Vec<&'l WriteFact> {
    let is_missing = listed.fate() == Fate::Missing;
    let is_of = |fact: &&WriteFact| {
        is_missing
            && fact.dot.incarnation.0 == listed.incarnation
            && (listed.first..=listed.last).contains(&fact.dot.counter)
    };
    lost.iter().map(|lost| &lost.fact).filter(is_of).collect()
}

fn listed_json(side: &str, listed: &Listed, lost: &[Lost]) -> Value {
    let record = listed.record.as_ref();
    let writes = known(listed, lost).into_iter().map(fact_json);
    json!({
        "side": side,
        "fate": said(listed.fate(), Language::En),
        "incarnation": format!("{:016x}", listed.incarnation),
        "first": listed.first,
        "last": listed.last,
        "kind": record.map(|record| record.kind),
        "record": record.map(|record| record_id(&record.id)),
        "writes": writes.collect::<Vec<_>>(),
    })
}

fn record_id(id: &[u8]) -> String {
    replica::RecordId::try_from(id).map_or_else(|_e| hex(id), |id| id.to_string())
}

/// Says in other commands' output what a certificate says, in the words of `certificate make`.
pub(super) fn say(app: &App, certificate: &Certificate, out: &mut Out) -> Result<(), Failure> {
    let checked = check_by(certificate, &authority_of(&app.dir)?)?;
    sentences(certificate, &checked, &lost::missing(app)?, out);
    Ok(())
}

/// The same, as a document.
pub(super) fn said_of(
    app: &App,
    certificate: &Certificate,
    language: Language,
) -> Result<Value, Failure> {
    let checked = check_by(certificate, &authority_of(&app.dir)?)?;
    Ok(document(
        certificate,
        &checked,
        &lost::missing(app)?,
        language,
    ))
}

/// Says what was found. The exit code is 0 for a true certificate and 1 for any other.
/// What was lost is named where the store here lists it.
fn tell(certificate: &Certificate, checked: &Checked, lost: &[Lost], out: &mut Out) {
    if !checked.is_true() {
        out.exit = Exit::Failed;
    }
    if out.json {
        out.document(&document(certificate, checked, lost, out.language));
    } else {
        sentences(certificate, checked, lost, out);
    }
}

fn ends(checked: &Checked) -> (u64, u64) {
    let seq = |point: &Option<proto::stored::CutPoint>| point.as_ref().map_or(0, |p| p.seq);
    (seq(&checked.cut.node_end), seq(&checked.cut.hub_end))
}

fn document(
    certificate: &Certificate,
    checked: &Checked,
    lost: &[Lost],
    language: Language,
) -> Value {
    let (node, hub) = ends(checked);
    let faults = checked.faults.iter().map(|fault| {
        let failure = fault_text(fault);
        json!({
            "code": fault.code,
            "side": fault.side,
            "detail": fault.detail,
            "message": failure.text(language),
        })
    });
    let all = [("node", &checked.node), ("hub", &checked.hub)];
    let listed = all.iter().flat_map(|(side, statement)| {
        let entries = statement.listed.iter();
        entries.map(|listed| listed_json(side, listed, lost))
    });
    let statements = all
        .iter()
        .map(|(side, statement)| Sum::of(statement).json(side, statement));
    json!({
        "true": checked.is_true(),
        "scope": scope_of(certificate, checked),
        "node": hex(&checked.cut.node),
        "hub": hex(&checked.cut.hub),
        "cut": {"node": node, "hub": hub},
        "root": hex(&checked.cut.root),
        "records": checked.cut.records,
        "left_out": checked.cut.left_out.len(),
        "statements": statements.collect::<Vec<_>>(),
        "listed": listed.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
    })
}

fn fault_text(fault: &link::Fault) -> Failure {
    let failure = Failure::new(fault.code, Exit::Failed);
    failure
        .with("side", fault.side)
        .with("detail", &fault.detail)
}

fn sentences(certificate: &Certificate, checked: &Checked, lost: &[Lost], out: &mut Out) {
    let scope = scope_of(certificate, checked);
    let (node, hub) = ends(checked);
    let (at, records) = (at_of(&checked.hub), checked.cut.records);
    let verdict = match (checked.is_true(), out.language) {
        (true, Language::Zh) => format!(
            "证书成立：辖区 {scope} 于 {at} 双方一致（{records} 条记录，截点 {node}/{hub}），双方的每一次修改都有着落，没有丢失。"
        ),
        (true, Language::En) => format!(
            "The certificate is true: scope {scope} was equal on both sides at {at} ({records} records, cut {node}/{hub}); every write of both is accounted for, nothing was lost."
        ),
        (false, Language::Zh) => "证书不成立：".to_owned(),
        (false, Language::En) => "The certificate is false:".to_owned(),
    };
    out.line(verdict);
    let mut told = BTreeSet::new();
    for fault in &checked.faults {
        // One sentence a side, however many lives it had.
        let is_missing = fault.code == "PROOF-015";
        if is_missing && !told.insert(fault.side) {
            continue;
        }
        let mut fault = fault.clone();
        if is_missing {
            let statement = match fault.side {
                "node" => &checked.node,
                _ => &checked.hub,
            };
            fault.detail = Sum::of(statement).missing.to_string();
        }
        let text = fault_text(&fault).text(out.language);
        out.line(format!("{}  {text}", fault.code));
    }
    if !checked.is_signed() {
        return;
    }
    for (side, statement) in [
        (out.say("节点", "node"), &checked.node),
        (out.say("市级", "hub"), &checked.hub),
    ] {
        out.line(Sum::of(statement).line(side, out.language));
        let lines = statement.listed.iter();
        let lines = lines.flat_map(|listed| listed_lines(listed, lost, out));
        let lines: Vec<String> = lines.take(LINES_MAX).collect();
        for line in lines {
            out.line(line);
        }
    }
}

/// A listed range for people: each lost write that is known here by what it was, as in `repair
/// --list`, and the range where not all of it is known.
fn listed_lines(listed: &Listed, lost: &[Lost], out: &Out) -> Vec<String> {
    let fate = said(listed.fate(), out.language);
    let known = known(listed, lost);
    let line = |fact: &&WriteFact| {
        let parts = fact_row(fact, out.language);
        format!("  {fate} {}", parts.join("  "))
    };
    let mut lines: Vec<String> = known.iter().map(line).collect();
    let count = listed.last.saturating_sub(listed.first).saturating_add(1);
    if u64::try_from(known.len()).is_ok_and(|known| known >= count) {
        return lines;
    }
    let unknown = out.say(
        "记录不详，见该方的 repair --list",
        "of a record that is not known here; see repair --list of that side",
    );
    let record = listed.record.as_ref();
    let record = record.map_or_else(|| unknown.to_owned(), |r| record_id(&r.id));
    let (life, first, last) = (listed.incarnation, listed.first, listed.last);
    lines.push(format!("  {fate} {life:016x} {first}–{last} {record}"));
    lines
}

#[cfg(test)]
mod tests {
    use replica::{Dot, Incarnation, Kind, RecordId, RecordKey, RegisterId};

    use super::*;

    fn lost(counter: u64) -> Lost {
        let kind = domain::Catalogue::builtin().kind_by_id("organisation");
        let kind = kind.map_or(Kind(0), |kind| kind.kind);
        let fact = WriteFact {
            dot: Dot {
                incarnation: Incarnation(0xABCD),
                counter,
            },
            key: RecordKey {
                kind,
                id: RecordId([7; 16]),
            },
            author: Some("carol@410305-01234567".to_owned()),
            at_ms: Some(1_602_720_000_000),
            registers: vec![RegisterId(2)],
            is_own: true,
            is_acked: false,
            seen_by: BTreeSet::new(),
        };
        Lost {
            fact,
            settled: None,
        }
    }

    fn lines(fate: Fate, last: u64, lost: &[Lost]) -> Vec<String> {
        let mut listed = Listed {
            incarnation: 0xABCD,
            first: 1,
            last,
            ..Listed::default()
        };
        listed.set_fate(fate);
        let out = Out::new(false, Language::Zh, 0, |_| {});
        listed_lines(&listed, lost, &out)
    }

    /// The certificate said that the record is not known, beside a list that knew all of it.
    #[test]
    fn a_missing_write_is_named_by_the_own_list_of_lost_writes() {
        let named = lines(Fate::Missing, 1, &[lost(1), lost(2)]);
        assert_eq!(named.len(), 1, "{named:?}");
        let id = RecordId([7; 16]).to_string();
        for part in [
            "下落不明 organisation/",
            &id,
            "carol@410305-01234567",
            "2020-10-15 08:00:00",
        ] {
            assert!(named[0].contains(part), "{part}: {named:?}");
        }
    }

    #[test]
    fn what_the_list_does_not_name_stays_a_range() {
        let some = lines(Fate::Missing, 3, &[lost(1), lost(9)]);
        assert_eq!(some.len(), 2, "{some:?}");
        assert!(
            some[1].contains("000000000000abcd 1–3 记录不详"),
            "{some:?}"
        );
        for none in [
            lines(Fate::Missing, 3, &[]),
            lines(Fate::Refused, 1, &[lost(1)]),
        ] {
            assert_eq!(none.len(), 1, "{none:?}");
            assert!(none[0].contains("记录不详"), "{none:?}");
        }
    }
}
