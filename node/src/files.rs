//! The contents of attachments beside the line: what the hub asked for goes, what was asked for here
//! comes.

use std::time::Duration;

use link::{Carried, Carrying, Channel};
use program::{App, Failure, Out, attachments::desk, dir::hex16};
use replica::ReplicaId;

use crate::{caller, join};

/// After a failure the next try comes with the next session, or this later.
const AGAIN: Duration = Duration::from_secs(60);

/// What `sync --once` waits for files at most: several large ones on a slow line. What has come by
/// then is kept, and goes on the next time.
const ONCE_MAX: Duration = Duration::from_secs(600);

fn hub(app: &App) -> ReplicaId {
    let hub = app.identity.hub.as_ref();
    let hub = hub.and_then(|hub| hex16(&hub.replica));
    ReplicaId(hub.unwrap_or([0; 16]))
}

/// Carries files beside a session, on its channel. Never ends before the session does.
pub(crate) async fn keep_carrying(app: &App, channel: Channel) {
    loop {
        let carrying = link::carry(channel.clone(), desk(app), hub(app), Carrying::Following);
        match carrying.await {
            Ok(carried) => tracing::debug!(?carried, "the hub has ended the exchange of files"),
            // An older hub knows no files, and a broken line is told by the session.
            Err(error) => tracing::info!(code = error.code(), %error, "files wait"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Carries what waits on either side, once. What stands in the way is said, and keeps nobody from
/// anything: the records are settled, and files wait for the next time.
pub(crate) fn carry_once(app: &App, out: &mut Out) -> Carried {
    let carrying = async {
        let material = join::material(&app.dir, &app.identity)?;
        let channel = caller::dial(app, &material).await?;
        let carrying = link::carry(channel, desk(app), hub(app), Carrying::Once);
        match tokio::time::timeout(ONCE_MAX, carrying).await {
            Ok(carried) => carried.map_err(Failure::from),
            Err(_elapsed) => Ok(Carried::default()),
        }
    };
    match app.runtime.block_on(carrying) {
        Ok(carried) => carried,
        Err(failure) => {
            tracing::warn!(code = %failure.code, %failure, "files were not carried");
            let text = out.say("附件内容下次再传", "files are carried the next time");
            out.note(format!("{}  {text}", failure.code));
            Carried::default()
        }
    }
}
