//! `serve`: the node at work, with a line or without one.

use std::sync::Arc;

use link::Stop;
use program::{App, Exit, Failure, Out, Side as _, cli::Setting};

use crate::{Node, caller, command::ServeArgs};

/// Serves until a signal.
///
/// # Errors
/// The node has not joined, a port is taken, or the store has failed.
pub(crate) fn serve(setting: &Setting, args: &ServeArgs, out: &mut Out) -> Result<(), Failure> {
    if args.console.is_some() {
        return Err(Failure::new("CONSOLE-001", Exit::Usage));
    }
    let dir = setting.options.dir()?;
    let (app, writer) = App::open(&dir, setting.runtime.clone())?;
    let result = caller::address(&app)
        .and_then(|_| Node::open(&app))
        .and_then(|node| setting.runtime.block_on(serve_on(&app, &node, out)));
    let stopped = writer.stop();
    result.and_then(|()| stopped.map_err(Failure::from))
}

async fn serve_on(app: &App, node: &Arc<Node>, out: &mut Out) -> Result<(), Failure> {
    let (called, line) = (app.clone(), Arc::clone(&node.line));
    let body = move |stop: Stop| async move {
        let renewing = tokio::spawn(caller::keep_renewing(called.clone(), stop.clone()));
        caller::keep_calling(called, line, stop).await;
        if let Err(error) = renewing.await {
            tracing::warn!(%error, "the renewal ended badly");
        }
        Ok(())
    };
    program::serve::serve(app, Arc::clone(node), None, out, body).await
}
