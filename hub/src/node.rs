//! `node …`: inviting nodes, seeing them, revoking them.

use std::sync::Arc;

use link::{AuthorityPrint, Token};
use program::{App, Exit, Failure, Out, app::PeerView, clock::moment};
use serde_json::{Value, json};
use store::Status;

use crate::{
    Hub, NodeEntry, NodeState, command::NodeCommand, init::ensure_scope, registry::InviteEntry,
};

/// Runs one of the commands.
///
/// # Errors
/// The command failed.
pub(crate) fn run(
    app: &App,
    hub: &Arc<Hub>,
    command: NodeCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        NodeCommand::Invite { scope, name, ttl } => invite(app, hub, &scope, &name, &ttl, out),
        NodeCommand::List => list(app, hub, out),
        NodeCommand::Show { id } => show(app, hub, &id, out),
        NodeCommand::Revoke { id } => revoke(hub, &id, out),
    }
}

/// Reads `24h`, `90m`, `7d` or `30s` as milliseconds.
fn duration_ms(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::new("HUB-005", Exit::Usage).with("ttl", text);
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = text
        .strip_suffix(unit)
        .and_then(|n| n.parse::<u64>().ok())
        .ok_or_else(wrong)?;
    let unit_ms = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(unit_ms)
        .filter(|ms| (1..=31_536_000_000).contains(ms))
        .ok_or_else(wrong)
}

fn invite(
    app: &App,
    hub: &Arc<Hub>,
    scope: &str,
    name: &str,
    ttl: &str,
    out: &mut Out,
) -> Result<(), Failure> {
    let ttl_ms = duration_ms(ttl)?;
    let name = domain::text::name(name).unwrap_or_else(|_e| name.to_owned());
    // The id of a scope comes from its first code, whatever it is called today.
    let first = program::records::Scopes::new(app).first_code(scope)?;
    if first != scope {
        program::records::scope_named(app, scope, out)?;
    }
    let scope = first.as_str();
    ensure_scope(app, scope, &name)?;
    let path = app.dir.path().join(link::CERTIFICATE_FILE);
    let certificate = link::certificate_from(&std::fs::read(path)?)
        .ok_or_else(|| Failure::new("HUB-003", Exit::Failed).with("detail", "ca.crt"))?;
    let token = Token::random(AuthorityPrint::of(&certificate))?;
    let expires_ms = app.clock.wall_ms() + ttl_ms;
    let entry = InviteEntry {
        scope_code: scope.to_owned(),
        name,
        expires_ms,
        used_by: None,
    };
    hub.registry.invite(&token.secret_hash(), &entry)?;
    if out.json {
        let expires = moment(expires_ms);
        out.document(&json!({"token": token.to_string(), "scope": scope, "expires": expires}));
    } else {
        out.line(token.to_string());
    }
    Ok(())
}

fn entry_json(app: &App, hub: &Hub, entry: &NodeEntry, status: &Status) -> Value {
    let peer = view(app, hub, entry, status);
    json!({
        "id": entry.id,
        "scope": entry.scope_code,
        "name": entry.name,
        "state": match entry.state {
            NodeState::Invited => "invited",
            NodeState::Active => "active",
            NodeState::Revoked => "revoked",
        },
        "connection": peer.state,
        "last_seen": entry.last_seen_ms.map(moment),
        "lag": peer.pending,
        "joined": moment(entry.joined_ms),
        "certificate_serial": entry.serial,
        "certificate_ends": entry.not_after_ms.map(moment),
        "program": entry.program,
        "equal": peer.equal,
    })
}

fn list(app: &App, hub: &Hub, out: &mut Out) -> Result<(), Failure> {
    let status = app.writer.status()?;
    let nodes = hub.registry.nodes()?;
    if out.json {
        let all: Vec<Value> = nodes
            .iter()
            .map(|n| entry_json(app, hub, n, &status))
            .collect();
        out.document(&Value::Array(all));
        return Ok(());
    }
    let headings = match out.language {
        domain::label::Language::Zh => ["节点", "辖区", "名称", "状态", "连接", "最近联系"],
        domain::label::Language::En => {
            ["node", "scope", "name", "state", "connection", "last seen"]
        }
    };
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .map(|entry| {
            let state = match entry.state {
                NodeState::Invited => out.say("已邀请", "invited"),
                NodeState::Active => out.say("有效", "active"),
                NodeState::Revoked => out.say("已吊销", "revoked"),
            };
            vec![
                entry.id.clone(),
                entry.scope_code.clone(),
                entry.name.clone(),
                state.to_owned(),
                view(app, hub, entry, &status).state,
                entry.last_seen_ms.map(moment).unwrap_or_default(),
            ]
        })
        .collect();
    out.table(&headings, &rows);
    for invite in hub.registry.open_invites(app.clock.wall_ms())? {
        let until = moment(invite.expires_ms);
        let text = match out.language {
            domain::label::Language::Zh => {
                format!(
                    "邀请未使用：{} {}，有效至 {until}",
                    invite.scope_code, invite.name
                )
            }
            domain::label::Language::En => {
                format!(
                    "open invitation: {} {}, until {until}",
                    invite.scope_code, invite.name
                )
            }
        };
        out.note(text);
    }
    Ok(())
}

fn find(hub: &Hub, id: &str) -> Result<NodeEntry, Failure> {
    let unknown = || Failure::new("HUB-001", Exit::Usage).with("id", id);
    if let Some(entry) = hub.registry.node(id)? {
        return Ok(entry);
    }
    // The first digits are enough when they fit one node only.
    let mut fits = hub
        .registry
        .nodes()?
        .into_iter()
        .filter(|e| e.id.starts_with(id));
    match (fits.next(), fits.next()) {
        (Some(entry), None) if id.len() >= 4 => Ok(entry),
        _ => Err(unknown()),
    }
}

fn show(app: &App, hub: &Hub, id: &str, out: &mut Out) -> Result<(), Failure> {
    let entry = find(hub, id)?;
    let document = entry_json(app, hub, &entry, &app.writer.status()?);
    if out.json {
        out.document(&document);
    } else if let Value::Object(fields) = &document {
        for (name, value) in fields {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            out.line(format!("{name}: {text}"));
        }
    }
    Ok(())
}

fn revoke(hub: &Hub, id: &str, out: &mut Out) -> Result<(), Failure> {
    let mut entry = find(hub, id)?;
    entry.state = NodeState::Revoked;
    hub.registry.set(&entry)?;
    let cut = match hub.acceptor.get() {
        Some(port) => port.reload(&hub.registry)?,
        None => 0,
    };
    if out.json {
        out.document(&json!({"id": entry.id, "state": "revoked", "connections_cut": cut}));
    } else {
        let text = match out.language {
            domain::label::Language::Zh => format!("已吊销节点 {}；断开连接 {cut} 个", entry.id),
            domain::label::Language::En => {
                format!("node {} is revoked; {cut} connections cut", entry.id)
            }
        };
        out.line(text);
    }
    Ok(())
}

/// Every node as `status` shows it.
pub(crate) fn peers(app: &App, hub: &Hub, status: &Status) -> Vec<PeerView> {
    let nodes = hub.registry.nodes().unwrap_or_default();
    nodes
        .iter()
        .map(|entry| view(app, hub, entry, status))
        .collect()
}

fn view(app: &App, hub: &Hub, entry: &NodeEntry, status: &Status) -> PeerView {
    let scope = domain::scope_id(&entry.scope_code);
    let of_peer = status
        .peers
        .iter()
        .filter(|peer| peer.replica == entry.replica());
    let own = of_peer.clone().find(|peer| peer.scope == scope);
    let seats = hub.roster.seats();
    let seat = seats
        .iter()
        .find(|(replica, _)| *replica == entry.replica());
    let progress = seat.map(|(_, seat)| seat.progress.borrow().clone());
    let open = progress.as_ref().is_some_and(|progress| progress.open);
    // A session that ended in order is no trouble: a node on a schedule has gone for now.
    let in_order = progress.as_ref().is_some_and(|progress| {
        progress
            .ended
            .as_ref()
            .is_some_and(|(code, _)| code.is_empty())
    });
    let state = match (entry.state, open) {
        (NodeState::Revoked, _) => "revoked",
        (_, true) => "connected",
        (_, false) if in_order => "offline",
        (_, false) if seat.is_some() || entry.last_seen_ms.is_some() => "unreachable",
        (_, false) => "never",
    };
    let lag = entry
        .last_seen_ms
        .map(|ms| app.clock.wall_ms().saturating_sub(ms) / 1_000);
    let unequal = of_peer.clone().any(|peer| peer.equal == Some(false));
    PeerView {
        name: format!("{} {}", entry.scope_code, entry.name),
        state: state.to_owned(),
        sent: own.map_or(0, |peer| peer.sent.0),
        received: own.map_or(0, |peer| peer.received.0),
        pending: own.map_or(0, |peer| peer.pending),
        lag_s: if open { Some(0) } else { lag },
        equal: own
            .and_then(|peer| peer.equal)
            .map(|equal| equal && !unequal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration_ms("24h").unwrap(), 86_400_000);
        assert_eq!(duration_ms("90m").unwrap(), 5_400_000);
        for wrong in ["", "24", "h", "-1h", "0s", "9999999d", "1w"] {
            assert_eq!(duration_ms(wrong).unwrap_err().code, "HUB-005", "{wrong}");
        }
    }
}
