//! `receipt …`: the hub's signed word that a delivery is durable there.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::permission::Right;
use domain::{label::Language, value::hex};
use link::CheckedReceipt;
use serde_json::json;

use super::certificate::{authority_of, authority_path, read_authority};
use crate::{
    accounts::Deed,
    app::App,
    cli::{Place, Setting},
    clock::moment,
    dir::write_whole,
    failure::{Exit, Failure},
    output::Out,
};

/// `receipt …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ReceiptCommand {
    /// At a node: the hub's newest receipt
    Show,
    /// Write it to a file
    Save {
        /// Where it goes
        file: PathBuf,
    },
    /// Check a receipt: needs no line and no store
    Verify {
        /// The receipt
        file: PathBuf,
        /// The authority's certificate (default: that of the directory)
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
    },
}

impl ReceiptCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Show => Deed::of("receipt show", Right::Read),
            Self::Save { .. } => Deed::of("receipt save", Right::Operate).noted(),
            Self::Verify { .. } => Deed::open("receipt verify"),
        }
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Verify { .. } => Place::Local,
            Self::Show | Self::Save { .. } => Place::Store,
        }
    }
}

/// Runs a command on an opened store.
///
/// # Errors
/// There is no receipt, or the command failed.
pub fn run(app: &App, command: ReceiptCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        ReceiptCommand::Show => tell(&newest(app)?, &authority_of(&app.dir)?, out),
        ReceiptCommand::Save { file } => {
            write_whole(&app.path(&file), &link::receipt_file(&newest(app)?))?;
            out.line(out.say("已写出", "written"));
            Ok(())
        }
        ReceiptCommand::Verify { .. } => Err(Failure::new("USAGE-005", Exit::Usage)),
    }
}

/// The newest receipt for the scope whose records are made here.
fn newest(app: &App) -> Result<Vec<u8>, Failure> {
    let receipts = app.writer.ask(store::Host::receipts)?;
    let own = receipts
        .into_iter()
        .find(|(_, scope, _)| *scope == app.scope());
    let own = own.map(|(_, _, receipt)| receipt);
    own.ok_or_else(|| Failure::new("PROOF-030", Exit::Failed))
}

/// Checks a receipt off line.
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
    let signed = link::read_receipt(&bytes);
    let signed = signed.ok_or_else(|| Failure::new("PROOF-031", Exit::Invalid))?;
    tell(signed, &authority_path(setting, authority)?, out)
}

/// Says what was found. The exit code is 0 for a receipt that proves something and 1 for any other.
fn tell(signed: &[u8], authority: &Path, out: &mut Out) -> Result<(), Failure> {
    let checked = link::check_receipt(signed, &read_authority(authority)?);
    let CheckedReceipt { receipt, fault } =
        checked.ok_or_else(|| Failure::new("PROOF-031", Exit::Invalid))?;
    let at = moment(u64::try_from(receipt.at_ms).unwrap_or(0));
    let seq = receipt.point.as_ref().map_or(0, |point| point.seq);
    let head = receipt.point.map(|point| hex(&point.head));
    if fault.is_some() {
        out.exit = Exit::Failed;
    }
    if out.json {
        out.document(&json!({
            "true": fault.is_none(),
            "hub": hex(&receipt.hub),
            "node": hex(&receipt.node),
            "scope": hex(&receipt.scope),
            "seq": seq,
            "head": head,
            "at": at,
            "not_taken": receipt.not_taken,
        }));
        return Ok(());
    }
    let text = match (fault, out.language) {
        (Some(_), _) => Failure::new("PROOF-032", Exit::Failed).text(out.language),
        (None, Language::Zh) => format!(
            "回执有效：市级于 {at} 确认已妥善收存本节点的变更流水至 {seq}；该批中另行处理的记录 {} 条。",
            receipt.not_taken
        ),
        (None, Language::En) => format!(
            "The receipt is good: at {at} the hub held this node's feed up to {seq}, durably; {} records of that batch were answered otherwise.",
            receipt.not_taken
        ),
    };
    out.line(text);
    Ok(())
}
