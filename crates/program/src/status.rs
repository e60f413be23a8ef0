//! `status`: who this is, how it stands with its peers, and what is not well.

use domain::label::Language;
use serde_json::{Value, json};

use crate::{
    app::{App, Live, PeerView},
    doctor::{self, Facts},
    failure::Failure,
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
    let facts = Facts::gather(app, live)?;
    let unwell = doctor::unwell(app, &facts);
    let Facts {
        peers,
        conflicts,
        refused,
        quarantined,
        certificate_days,
        accounts,
        ..
    } = facts;
    if out.json {
        let attention: Vec<Value> = unwell
            .iter()
            .map(|check| doctor::json(check, out))
            .collect();
        out.document(&json!({
            "replica": app.identity.replica,
            "scope": app.identity.scope.code,
            "peers": peers.iter().map(peer_json).collect::<Vec<_>>(),
            "refused": refused,
            "quarantined": quarantined,
            "conflicts": conflicts,
            "certificate_days": certificate_days,
            "equal": all_equal(&peers),
            "records": app.reader().count(),
            "accounts": accounts.count,
            "attention": attention,
        }));
        return Ok(());
    }
    let name = &app.identity.scope;
    out.line(format!(
        "{} {}  {}",
        name.code, name.name, app.identity.replica
    ));
    show_peers(&peers, out);
    let line = match out.language {
        Language::Zh => format!(
            "记录 {} 条；冲突待处理 {conflicts} 项；被拒绝 {refused} 项；隔离 {quarantined} 项",
            app.reader().count(),
        ),
        Language::En => format!(
            "{} records; {conflicts} open conflicts; {refused} refused; {quarantined} quarantined",
            app.reader().count(),
        ),
    };
    out.line(line);
    if let Some(days) = certificate_days {
        let lead = out.say("证书剩余天数：", "days until the certificate ends: ");
        out.line(format!("{lead}{days}"));
    }
    if accounts.count == 0 {
        out.line(texts::well("DOCTOR-046-NONE", out.language));
    }
    for check in &unwell {
        out.line(format!(
            "! {}  {}",
            check.code,
            doctor::sentence(check, out)
        ));
    }
    crate::demo::banner(app, out);
    Ok(())
}

/// The table of peers.
fn show_peers(peers: &[PeerView], out: &mut Out) {
    let headings = match out.language {
        Language::Zh => ["对端", "状态", "已送达", "已接收", "待上传", "滞后", "一致"],
        Language::En => [
            "peer", "state", "sent", "received", "pending", "lag", "equal",
        ],
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
            let state = texts::peer_state(&peer.state, out.language);
            let name = texts::causes::peer(&peer.name, out.language).into_owned();
            let mut row = vec![name, state];
            row.extend(numbers);
            row.push(lag(peer.lag_s, out.language));
            row.push(equal.to_owned());
            row
        })
        .collect();
    out.table(&headings, &rows);
}

/// For how long both sides have not been settled, in the largest unit that fits.
fn lag(lag_s: Option<u64>, language: Language) -> String {
    let Some(seconds) = lag_s else {
        return "—".to_owned();
    };
    let (count, zh, en) = match seconds {
        0..60 => (seconds, "秒", "s"),
        60..3_600 => (seconds / 60, "分钟", "min"),
        3_600..86_400 => (seconds / 3_600, "小时", "h"),
        _ => (seconds / 86_400, "天", "d"),
    };
    format!("{count} {}", language.pick(zh, en))
}
