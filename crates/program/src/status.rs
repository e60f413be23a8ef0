//! `status` and `doctor`: what an operator should know, each with a code and a next step.

use serde_json::{Value, json};

use crate::{
    app::{App, Check, Live, PeerView},
    failure::{Exit, Failure},
    output::Out,
    texts,
};

fn peer_json(peer: &PeerView) -> Value {
    json!({
        "name": peer.name,
        "state": peer.state,
        "sent": peer.sent,
        "received": peer.received,
        "pending": peer.pending,
        "lag_s": peer.lag_s,
        "equal": peer.equal,
    })
}

/// Both sides equal everywhere, unequal somewhere, or not known.
fn all_equal(peers: &[PeerView]) -> Option<bool> {
    let mut all = peers.iter().map(|peer| peer.equal);
    if peers.is_empty() || all.clone().any(|equal| equal.is_none()) {
        return None;
    }
    Some(all.all(|equal| equal == Some(true)))
}

/// Who I am, peers, lag, pending, refused, quarantined, conflicts.
///
/// # Errors
/// The writer has ended.
pub fn status<L: Live>(app: &App, live: &L, out: &mut Out) -> Result<(), Failure> {
    let status = app.writer.status()?;
    let peers = live.peers(app, &status);
    let conflicts = crate::conflicts::count(app)?;
    let days = live.certificate_days(app);
    if out.json {
        out.document(&json!({
            "replica": app.identity.replica,
            "scope": app.identity.scope.code,
            "peers": peers.iter().map(peer_json).collect::<Vec<_>>(),
            "refused": status.refused.len(),
            "quarantined": status.quarantined.len(),
            "conflicts": conflicts,
            "certificate_days": days,
            "equal": all_equal(&peers),
            "records": app.reader().count(),
        }));
        return Ok(());
    }
    let name = &app.identity.scope;
    out.line(format!(
        "{} {}  {}",
        name.code, name.name, app.identity.replica
    ));
    let headings = match out.language {
        domain::label::Language::Zh => ["对端", "状态", "已送达", "已接收", "待上传", "一致"],
        domain::label::Language::En => ["peer", "state", "sent", "received", "pending", "equal"],
    };
    let rows: Vec<Vec<String>> = peers
        .iter()
        .map(|peer| {
            let equal = match peer.equal {
                Some(true) => out.say("是", "yes"),
                Some(false) => out.say("否", "no"),
                None => "—",
            };
            let numbers = [peer.sent, peer.received, peer.pending].map(|n| n.to_string());
            let mut row = vec![peer.name.clone(), peer.state.clone()];
            row.extend(numbers);
            row.push(equal.to_owned());
            row
        })
        .collect();
    out.table(&headings, &rows);
    let line = match out.language {
        domain::label::Language::Zh => format!(
            "记录 {} 条；冲突待处理 {conflicts} 项；被拒绝 {} 项；隔离 {} 项",
            app.reader().count(),
            status.refused.len(),
            status.quarantined.len()
        ),
        domain::label::Language::En => format!(
            "{} records; {conflicts} open conflicts; {} refused; {} quarantined",
            app.reader().count(),
            status.refused.len(),
            status.quarantined.len()
        ),
    };
    out.line(line);
    for refused in &status.refused {
        out.line(format!(
            "{}  {}",
            refused.code,
            texts::of(&refused.code, out.language)
        ));
    }
    Ok(())
}

/// Days before the end of a certificate at which people are told.
const CERTIFICATE_DAYS_WARN: i64 = 20;

/// Looks for what an operator should know.
///
/// # Errors
/// The writer has ended.
pub fn doctor<L: Live>(app: &App, live: &L, out: &mut Out) -> Result<(), Failure> {
    let mut checks = common_checks(app, live)?;
    checks.extend(live.checks(app));
    if out.json {
        let all: Vec<Value> = checks.iter().map(|check| check_json(check, out)).collect();
        out.document(&json!({"ok": checks.iter().all(|check| check.well), "checks": all}));
        return Ok(());
    }
    for check in &checks {
        let mark = if check.well { "✓" } else { "!" };
        out.line(format!("{mark} {}  {}", check.code, sentence(check, out)));
    }
    Ok(())
}

fn sentence(check: &Check, out: &Out) -> String {
    if check.well {
        return texts::well(check.code, out.language).to_owned();
    }
    let mut failure = Failure::new(check.code, Exit::Failed);
    failure.facts.clone_from(&check.facts);
    failure.text(out.language)
}

fn check_json(check: &Check, out: &Out) -> Value {
    json!({"code": check.code, "ok": check.well, "message": sentence(check, out)})
}

fn common_checks<L: Live>(app: &App, live: &L) -> Result<Vec<Check>, Failure> {
    let status = app.writer.status()?;
    let conflicts = crate::conflicts::count(app)?;
    let days = live.certificate_days(app);
    let mut checks = vec![
        Check {
            code: "DOCTOR-001",
            well: conflicts == 0,
            facts: vec![("n", conflicts.to_string())],
        },
        Check {
            code: "DOCTOR-002",
            well: status.refused.is_empty(),
            facts: vec![("n", status.refused.len().to_string())],
        },
        Check {
            code: "DOCTOR-003",
            well: status.quarantined.is_empty(),
            facts: vec![("n", status.quarantined.len().to_string())],
        },
    ];
    if let Some(days) = days {
        checks.push(Check {
            code: "DOCTOR-004",
            well: days > CERTIFICATE_DAYS_WARN,
            facts: vec![("days", days.to_string())],
        });
    }
    for peer in live.peers(app, &status) {
        checks.push(Check {
            code: "DOCTOR-005",
            well: peer.pending == 0,
            facts: vec![("peer", peer.name.clone()), ("n", peer.pending.to_string())],
        });
        checks.push(Check {
            code: "DOCTOR-006",
            well: peer.equal != Some(false) || peer.pending > 0,
            facts: vec![("peer", peer.name)],
        });
    }
    Ok(checks)
}
