//! `verify`: the store against itself, and against the peers that are connected.

use domain::label::Language;
use serde_json::{Value, json};

use crate::{
    app::{App, Compared, Live},
    failure::{Exit, Failure},
    output::Out,
};

/// Proves records, fingerprints, journals, history and what is on record; compares each scope at
/// a named cut with each peer that is connected.
///
/// # Errors
/// Something is wrong: exit code 7 with the list.
pub fn run<L: Live>(app: &App, live: &L, out: &mut Out) -> Result<(), Failure> {
    let mut findings = app.writer.prove()?;
    let compared = live.compare(app);
    for differs in compared.iter().filter(|c| c.equal == Some(false)) {
        let (ours, theirs) = differs.cut;
        let (peer, scope) = (&differs.peer, &differs.scope);
        findings.push(format!(
            "fingerprint of scope {scope} differs from {peer} at ({ours}, {theirs})"
        ));
    }
    let receipts = app.writer.ask(store::Host::receipts)?;
    let authority = super::certificate::authority_of(&app.dir)
        .and_then(|path| super::certificate::read_authority(&path));
    if let Ok(authority) = authority {
        let broken = |receipt: &[u8]| {
            let checked = link::check_receipt(receipt, &authority);
            checked.is_none_or(|checked| checked.fault.is_some())
        };
        for (peer, scope, receipt) in receipts {
            if broken(&receipt) {
                findings.push(format!(
                    "the receipt of {peer} in scope {scope} is not good"
                ));
            }
        }
    }
    for hash in app.files.cabinet().prove()? {
        findings.push(format!("the content of attachment {hash} is damaged"));
    }
    if out.json {
        let compared: Vec<Value> = compared.iter().map(compared_json).collect();
        out.document(&json!({
            "ok": findings.is_empty(),
            "findings": findings,
            "compared": compared,
        }));
    } else {
        for entry in &compared {
            out.line(sentence(entry, out.language));
        }
        if findings.is_empty() {
            let checked = app.reader().count();
            let text = match out.language {
                Language::Zh => format!("核对 {checked} 条记录、日志、历史和校验指纹，全部相符"),
                Language::En => {
                    format!(
                        "{checked} records, journals, history and fingerprints checked, all sound"
                    )
                }
            };
            out.line(text);
        }
        findings.iter().for_each(|finding| out.line(finding));
    }
    if !findings.is_empty() {
        out.exit = Exit::Store;
    }
    Ok(())
}

fn compared_json(entry: &Compared) -> Value {
    json!({
        "peer": entry.peer,
        "scope": entry.scope,
        "ours": entry.cut.0,
        "theirs": entry.cut.1,
        "root": entry.root,
        "left_out": entry.left_out,
        "equal": entry.equal,
        "code": entry.code,
    })
}

fn sentence(entry: &Compared, language: Language) -> String {
    let Compared {
        peer,
        scope,
        cut: (ours, theirs),
        root,
        left_out,
        equal,
        code,
    } = entry;
    let peer = crate::texts::causes::peer(peer, language);
    let root = root.get(..16).unwrap_or(root);
    let without = match (left_out, language) {
        (0, _) => String::new(),
        (n, Language::Zh) => format!("，不含隔离的 {n} 条"),
        (n, Language::En) => format!(", without {n} held back"),
    };
    let code = code.as_deref().unwrap_or("PROOF-001");
    match (equal, language) {
        (Some(true), Language::Zh) => {
            format!("辖区 {scope} 与 {peer} 一致：截点（{ours}，{theirs}），校验根 {root}{without}")
        }
        (Some(true), Language::En) => {
            format!("scope {scope}: equal with {peer} at ({ours}, {theirs}), root {root}{without}")
        }
        (Some(false), Language::Zh) => format!(
            "辖区 {scope} 与 {peer} 不一致：截点（{ours}，{theirs}），校验根 {root}{without}"
        ),
        (Some(false), Language::En) => {
            format!(
                "scope {scope}: differs from {peer} at ({ours}, {theirs}), root {root}{without}"
            )
        }
        (None, Language::Zh) => format!(
            "辖区 {scope} 与 {peer} 未能比对（{code}）：{}",
            crate::texts::of(code, language, &[])
        ),
        (None, Language::En) => format!(
            "scope {scope}: not compared with {peer} ({code}): {}",
            crate::texts::of(code, language, &[])
        ),
    }
}
