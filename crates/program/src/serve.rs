//! The serving program: what runs beside the sessions, and how everything stops in order.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use link::{Stop, stop_signal};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admin,
    app::App,
    cli::Side,
    doctor,
    failure::{Exit, Failure},
    metrics,
    output::Out,
    report,
};

/// What stopping may take in all.
const STOP_MAX: Duration = Duration::from_millis(4_500);
/// How often the writer is asked whether it has failed.
const FAILURE_LOOK: Duration = Duration::from_millis(500);

/// Serves until a signal, until the writer fails, or until `body` ends.
///
/// `body` is the program's own part: the hub's port, or the node's calls. It must end at the stop
/// signal.
///
/// # Errors
/// A port is taken, the store has failed, or `body` has.
pub async fn serve<S, F>(
    app: &App,
    side: Arc<S>,
    listen: Option<SocketAddr>,
    out: &mut Out,
    body: impl FnOnce(Stop) -> F,
) -> Result<(), Failure>
where
    S: Side,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stopper, stop) = stop_signal();
    let mut tasks = vec![admin::start(app.clone(), Arc::clone(&side), stop.clone())?];
    tasks.push(tokio::spawn(doctor::keep_proving(
        app.clone(),
        stop.clone(),
    )));
    tasks.push(tokio::spawn(report::keep_ready(app.clone(), stop.clone())));
    let mut metrics_at = None;
    if let Some(port) = app.config.serve.metrics_port {
        let started = metrics::start(app.clone(), Arc::clone(&side), port, stop.clone()).await;
        let (address, task) = started.map_err(|error| port_taken(error, port))?;
        metrics_at = Some(address);
        tasks.push(task);
    }
    let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    out.document(&json!({
        "listen": text(listen),
        "console": null,
        "metrics": text(metrics_at),
    }));
    let mut body = tokio::spawn(body(stop.clone()));
    let mut ended = None;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            result = &mut body => {
                ended = Some(result);
                break;
            }
            () = tokio::time::sleep(FAILURE_LOOK) => {
                if app.writer.failure().is_some() {
                    break;
                }
            }
        }
    }
    tracing::info!("stopping");
    stopper.stop();
    let rest = async {
        for task in tasks {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task ended badly");
            }
        }
        match ended {
            Some(result) => result,
            None => body.await,
        }
    };
    let result = match tokio::time::timeout(STOP_MAX, rest).await {
        Ok(result) => result.unwrap_or_else(|error| {
            Err(Failure::new("SERVE-002", Exit::Failed).with("detail", error))
        }),
        Err(_elapsed) => {
            tracing::warn!("not everything ended in time");
            Ok(())
        }
    };
    match app.writer.failure() {
        Some(code) => Err(Failure::new(code, Exit::Failed)),
        None => result,
    }
}

/// A port that cannot be had.
#[must_use]
pub fn port_taken(error: std::io::Error, port: u16) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new("SERVE-001", Exit::Failed).with("port", port),
        _ => error.into(),
    }
}
