//! `sync --once`: exchanges until both sides are settled.

use std::time::Duration;

use domain::label::Language;
use link::{Carried, Progress, stop_signal};
use program::{App, Exit, Failure, Live as _, Out};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    Node,
    caller::{self, Beside},
    command::SyncArgs,
    files,
};

/// What may pass without any progress before the command gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Exchanges with the hub until both sides are equal and nothing waits.
///
/// # Errors
/// The hub is not reached or refuses, or both sides were not found equal.
pub(crate) fn sync(app: &App, node: &Node, args: &SyncArgs, out: &mut Out) -> Result<(), Failure> {
    debug_assert!(args.once, "the only way so far");
    let running = node.line.state().text != "stopped";
    settle(app, node)?;
    // Where the program is serving they go beside its session.
    let carried = if running {
        Carried::default()
    } else {
        files::carry_once(app, out)
    };
    show(app, node, carried, out)
}

/// Exchanges with the hub until both sides are equal and nothing waits.
///
/// # Errors
/// The hub is not reached or refuses, or both sides were not found equal.
pub(crate) fn settle(app: &App, node: &Node) -> Result<(), Failure> {
    let running = node.line.state().text != "stopped";
    app.runtime.block_on(async {
        if running {
            node.line.nudge();
            return settled(app, node, node.line.follow()).await;
        }
        let (stopper, stop) = stop_signal();
        let session = caller::call(app, &node.line, Beside::Nothing, stop);
        tokio::pin!(session);
        let settling = settled(app, node, node.line.follow());
        let result = tokio::select! {
            ended = &mut session => return ended.and_then(|code| Err(ended_with(&code))),
            result = settling => result,
        };
        stopper.stop();
        // What matters is durable already; the session only says goodbye.
        session.await.map(drop).unwrap_or_default();
        result
    })
}

fn show(app: &App, node: &Node, carried: Carried, out: &mut Out) -> Result<(), Failure> {
    let status = app.writer.status()?;
    let peers = node.peers(app, &status);
    if out.json {
        let equal = peers.iter().all(|peer| peer.equal == Some(true));
        let sent = peers.iter().map(|peer| peer.sent).sum::<u64>();
        let received = peers.iter().map(|peer| peer.received).sum::<u64>();
        let refused = program::refusals::count_open(app, &status)?;
        out.document(&json!({"settled": true, "equal": equal, "sent": sent, "received": received, "refused": refused,
            "files": {"given": carried.given, "taken": carried.taken}}));
    } else {
        if carried != Carried::default() {
            let (given, taken) = (carried.given, carried.taken);
            out.line(match out.language {
                Language::Zh => format!("附件内容：传给市级 {given} 个，收到 {taken} 个"),
                Language::En => format!("contents of attachments: {given} given, {taken} taken"),
            });
        }
        out.line(out.say("双方已核对一致", "both sides are settled and equal"));
    }
    Ok(())
}

fn ended_with(code: &str) -> Failure {
    let code = if code.is_empty() { "SYNC-100" } else { code };
    let exit = if code == "SYNC-100" {
        Exit::Unreachable
    } else {
        Exit::Failed
    };
    Failure::new(code, exit)
}

/// Waits until the session and the store both say that nothing is left.
async fn settled(
    app: &App,
    node: &Node,
    mut follow: watch::Receiver<Progress>,
) -> Result<(), Failure> {
    loop {
        let now = follow.borrow_and_update().clone();
        if now.stuck {
            return Err(Failure::new("SYNC-130", Exit::Failed));
        }
        if now.settled && equal(app, node).await? {
            return Ok(());
        }
        let line = node.line.state();
        if line.failure.is_some() && !now.open {
            let code = line
                .text
                .split(": ")
                .nth(1)
                .unwrap_or("SYNC-100")
                .to_owned();
            let exit = if line.text.starts_with("unreachable") {
                Exit::Unreachable
            } else {
                Exit::Refused
            };
            return Err(Failure::new(code, exit).with("detail", line.failure.unwrap_or_default()));
        }
        match tokio::time::timeout(PATIENCE, follow.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(Failure::new("SYNC-130", Exit::Failed)),
        }
    }
}

/// Whether the store, too, knows both sides as equal where they stand.
async fn equal(app: &App, node: &Node) -> Result<bool, Failure> {
    let asked = app.clone();
    let status = tokio::task::spawn_blocking(move || asked.writer.status()).await;
    let status =
        status.map_err(|error| Failure::new("SERVE-002", Exit::Failed).with("detail", error))??;
    let peers = node.peers(app, &status);
    Ok(!peers.is_empty() && peers.iter().all(|peer| peer.equal == Some(true)))
}
