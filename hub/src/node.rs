//! `node …`: inviting nodes, seeing them, revoking them.

use std::sync::Arc;

use link::{AuthorityPrint, Token};
use program::{
    App, Exit, Failure, Out,
    clock::moment,
    commands::{show_parts, show_rows},
    records::Scopes,
};
use serde_json::{Map, Value, json};

use crate::{
    Hub, NodeEntry, NodeState,
    command::{NodeCommand, RefillArgs},
    init::ensure_scope,
    peers::{Around, DAY_MS, present_code},
    registry::{Fence, InviteEntry},
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
        NodeCommand::Fence { id, reason } => fence(app, hub, &id, reason.as_deref(), out),
        NodeCommand::Renew => renew(app, hub, out),
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
    let first = Scopes::new(app).first_code(scope)?;
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

fn entry_json(around: &Around<'_>, entry: &NodeEntry) -> Value {
    let (peer, status) = (around.view(entry), around.status);
    json!({
        "id": entry.id,
        "scope": present_code(&around.scopes, entry),
        "name": entry.name,
        "state": match entry.state {
            NodeState::Invited => "invited",
            NodeState::Active => "active",
            NodeState::Revoked => "revoked",
        },
        "fenced": status.fenced.contains(&entry.replica()),
        "fence": entry
            .fence
            .as_ref()
            .filter(|_| status.fenced.contains(&entry.replica()))
            .map(|fence| json!({"reason": given(&fence.reason), "by": fence.by, "at_ms": fence.at_ms})),
        "connection": peer.state,
        "last_seen": around.last_heard_ms(entry).map(moment),
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
    let around = Around::new(app, hub, &status);
    if out.json {
        let all: Vec<Value> = nodes.iter().map(|n| entry_json(&around, n)).collect();
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
            let is_fenced = status.fenced.contains(&entry.replica());
            let state = state_word(entry, is_fenced, out);
            vec![
                entry.id.clone(),
                present_code(&around.scopes, entry),
                entry.name.clone(),
                state.to_owned(),
                program::texts::peer_state(&around.view(entry).state, out.language),
                around.last_heard_ms(entry).map(moment).unwrap_or_default(),
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

/// The node of an id, or of its first digits.
pub(crate) fn find(hub: &Hub, id: &str) -> Result<NodeEntry, Failure> {
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
    let status = app.writer.status()?;
    let around = Around::new(app, hub, &status);
    let document = entry_json(&around, &entry);
    let Value::Object(mut parts) = document else {
        return Ok(());
    };
    if out.json {
        out.document(&Value::Object(parts));
        return Ok(());
    }
    let is_fenced = status.fenced.contains(&entry.replica());
    let fence = entry.fence.as_ref().filter(|_| is_fenced);
    let none = out.say("没有填写理由", "no reason given");
    let told = |fence: &Fence| {
        let reason = given(&fence.reason).unwrap_or(none);
        format!("{}  {}  {reason}", fence.by, moment(fence.at_ms))
    };
    let connection = program::texts::peer_state(&around.view(&entry).state, out.language);
    let state = state_word(&entry, is_fenced, out);
    parts.insert("connection".to_owned(), connection.into());
    parts.insert("state".to_owned(), state.into());
    parts.insert("fence".to_owned(), fence.map(told).into());
    show_parts(None, &parts, PARTS, out);
    Ok(())
}

/// What a node shows: field, Chinese, English.
const PARTS: &[(&str, &str, &str)] = &[
    ("id", "节点", "node"),
    ("scope", "辖区", "scope"),
    ("name", "名称", "name"),
    ("state", "状态", "state"),
    ("fence", "隔离", "fenced"),
    ("connection", "连接", "connection"),
    ("last_seen", "最近联系", "last seen"),
    ("lag", "待送达", "pending"),
    ("equal", "一致", "equal"),
    ("joined", "入网时间", "joined"),
    ("certificate_serial", "证书序号", "certificate"),
    ("certificate_ends", "证书到期", "certificate ends"),
    ("program", "程序", "program"),
];

fn state_word<'o>(entry: &NodeEntry, is_fenced: bool, out: &'o Out) -> &'o str {
    match entry.state {
        NodeState::Invited => out.say("已邀请", "invited"),
        NodeState::Active if is_fenced => out.say("已隔离", "fenced"),
        NodeState::Active => out.say("有效", "active"),
        NodeState::Revoked => out.say("已吊销", "revoked"),
    }
}

/// A reason that is one.
fn given(reason: &str) -> Option<&str> {
    Some(reason).filter(|reason| !reason.is_empty())
}

/// Waits no longer for a node. What it has not sent becomes proposals when it returns.
fn fence(
    app: &App,
    hub: &Hub,
    id: &str,
    reason: Option<&str>,
    out: &mut Out,
) -> Result<(), Failure> {
    let reason = reason.unwrap_or_default().trim();
    let mut entry = find(hub, id)?;
    app.writer.fence(entry.replica())?;
    entry.fence = Some(Fence {
        reason: reason.to_owned(),
        by: app.author(),
        at_ms: app.clock.wall_ms(),
    });
    hub.registry.set(&entry)?;
    if out.json {
        out.document(&json!({"id": entry.id, "state": "fenced", "reason": given(reason)}));
    } else {
        let text = out.say(
            "已隔离节点 {id}：不再等它。它回来后，未上传的修改会作为迟到修改列出，不会丢失。",
            "Node {id} is fenced: nothing waits for it. When it returns, what it has not sent is listed as late writes; nothing is lost.",
        );
        out.line(text.replace("{id}", &entry.id));
    }
    Ok(())
}

/// Renews the certificate that the port shows, and lists when those of the nodes end. A node
/// renews its own, at two thirds of its life, when it calls.
fn renew(app: &App, hub: &Hub, out: &mut Out) -> Result<(), Failure> {
    let renewed = match hub.acceptor.get() {
        Some(port) => {
            port.renew_now(app, &hub.registry)?;
            Some(moment(port.not_after_ms()))
        }
        None => None,
    };
    let now_ms = app.clock.wall_ms();
    let days_left = |end_ms: u64| end_ms.saturating_sub(now_ms) / DAY_MS;
    let nodes = hub.registry.nodes()?;
    let active = nodes.iter().filter(|node| node.state == NodeState::Active);
    let rows: Vec<Map<String, Value>> = active
        .map(|node| {
            let mut row = Map::new();
            row.insert("id".to_owned(), node.id.clone().into());
            row.insert("name".to_owned(), node.name.clone().into());
            row.insert(
                "certificate_ends".to_owned(),
                node.not_after_ms.map(moment).into(),
            );
            row.insert("days".to_owned(), node.not_after_ms.map(days_left).into());
            row
        })
        .collect();
    if out.json {
        let nodes: Vec<Value> = rows.into_iter().map(Value::Object).collect();
        out.document(&json!({"hub_certificate_ends": renewed, "nodes": nodes}));
        return Ok(());
    }
    match &renewed {
        Some(end) => {
            let text = out.say(
                "市级证书已更新，有效至 {end}",
                "the hub's certificate is new, until {end}",
            );
            out.line(text.replace("{end}", end));
        }
        None => out.note(out.say(
            "市级没有运行：启动时会签发新的证书",
            "the hub is not serving: it makes a new certificate when it starts",
        )),
    }
    let columns: &[(&str, &str, &str)] = &[
        ("id", "节点", "node"),
        ("name", "名称", "name"),
        ("certificate_ends", "证书到期", "certificate ends"),
        ("days", "剩余天数", "days left"),
    ];
    let none = out.say("没有节点", "no nodes").to_owned();
    show_rows(None, &rows, columns, &none, out);
    out.note(out.say(
        "节点在证书用过三分之二后自动更新；未联系的节点请让它运行 sync --once 或 serve",
        "a node renews by itself at two thirds of its certificate's life; let one that has not called run sync --once or serve",
    ));
    Ok(())
}

/// Lets the nodes give back what this hub has forgotten.
///
/// # Errors
/// It was not confirmed.
pub(crate) fn refill(
    app: &App,
    hub: &Hub,
    args: &RefillArgs,
    out: &mut Out,
) -> Result<(), Failure> {
    if !args.confirm {
        return Err(Failure::new("REFILL-001", Exit::Usage));
    }
    app.writer.refill()?;
    // Whoever is connected calls again, and offers then what the hub may lack.
    let cut = hub.acceptor.get().map_or(0, |port| port.cut_all());
    if out.json {
        out.document(&json!({"refilling": true, "connections_cut": cut}));
    } else {
        out.line(out.say(
            "正在补齐：各节点联系时会交回市级缺少的内容；全部核对一致之前不办理迁移和裁定。用 status 查看。",
            "Refilling: each node gives back what is missing here when it calls; until all are found equal, nothing is transferred or ruled. See status.",
        ));
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
