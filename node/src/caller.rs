//! The line to the hub: dialling, one session after the other, and the certificate's renewal.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use link::{
    Backoff, Channel, DialError, Dialer, HubAddress, NodeMaterial, Progress, SessionSeat, Stop,
    call_over, renew, renew_at, session_number, stop_signal,
};
use program::{App, Exit, Failure, app::random, dir::Identity};
use replica::session::Role;
use store::Login;
use tokio::sync::{Notify, watch};

use crate::{files, join};

/// How often the certificate's age is looked at.
const RENEWAL_LOOK: Duration = Duration::from_secs(600);

/// The line as `status` shows it.
#[derive(Clone, Debug)]
pub(crate) struct LineState {
    /// `connected`, `unreachable`, `refused` or `stopped`, with a code after a colon.
    pub(crate) text: String,
    /// Why the last attempt failed.
    pub(crate) failure: Option<String>,
    /// When both sides were last found equal, milliseconds since 1970.
    pub(crate) settled_ms: Option<u64>,
}

/// The line to the hub.
#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<LineState>,
    progress: watch::Sender<Progress>,
    nudge: Notify,
    hang_up: Notify,
}

impl Default for Line {
    fn default() -> Self {
        let state = LineState {
            text: "stopped".to_owned(),
            failure: None,
            settled_ms: None,
        };
        Self {
            state: Mutex::new(state),
            progress: watch::Sender::new(Progress::default()),
            nudge: Notify::new(),
            hang_up: Notify::new(),
        }
    }
}

impl Line {
    /// How it stands.
    pub(crate) fn state(&self) -> LineState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Follows the session of the moment.
    pub(crate) fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Has the hub called now, whatever pause is under way. Nothing happens while a session is
    /// open.
    pub(crate) fn nudge(&self) {
        if !self.progress.borrow().open {
            self.set("calling".to_owned(), None);
            self.nudge.notify_one();
        }
    }

    /// Ends the session under way, if one is, and has the hub called again at once. Returns whether
    /// anybody is there to call.
    pub(crate) fn call_again(&self) -> bool {
        if self.state().text == "stopped" {
            return false;
        }
        self.hang_up.notify_waiters();
        self.nudge.notify_one();
        true
    }

    fn set(&self, text: String, failure: Option<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.text = text;
        state.failure = failure;
    }

    fn settled(&self, at_ms: u64) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .settled_ms = Some(at_ms);
    }
}

/// How a session ends in which this node has found that it was rolled back while it ran.
const ROLLED_BACK: &str = "SYNC-110";

/// The hub's address.
pub(crate) fn address(app: &App) -> Result<HubAddress, Failure> {
    address_of(&app.identity)
}

/// The address of the hub that a node has joined.
pub(crate) fn address_of(identity: &Identity) -> Result<HubAddress, Failure> {
    let hub = identity
        .hub
        .as_ref()
        .ok_or_else(|| Failure::new("NODE-001", Exit::Usage))?;
    hub.address
        .parse()
        .map_err(|error| Failure::new("NODE-003", Exit::Usage).with("detail", error))
}

/// What a failed dial means.
pub(crate) fn dial_failed(error: &DialError) -> Failure {
    let exit = if error.is_passing() {
        Exit::Unreachable
    } else {
        Exit::Refused
    };
    Failure::new(error.code(), exit).with("detail", program::failure::causes(error))
}

/// Dials the hub.
///
/// # Errors
/// The hub is not reached or refuses.
pub(crate) async fn dial(app: &App, material: &NodeMaterial) -> Result<Channel, Failure> {
    let dialer = Dialer::tcp(Arc::clone(&app.clock));
    let channel = dialer.dial(&address(app)?, material).await;
    channel.map_err(|error| dial_failed(&error))
}

/// Why a call failed, in no language: its code and what the system said. The sentence is for whoever
/// is told, in theirs.
fn cause(failure: &Failure) -> String {
    let mut facts = failure.facts.iter();
    let said = facts.find(|(name, _)| *name == "detail");
    said.map_or_else(
        || failure.code.clone(),
        |(_, detail)| format!("{}: {detail}", failure.code),
    )
}

fn seat(app: &App) -> SessionSeat {
    let hub = app
        .identity
        .hub
        .as_ref()
        .and_then(|hub| program::dir::hex16(&hub.replica));
    let login = Login {
        session: session_number(),
        peer: replica::ReplicaId(hub.unwrap_or([0; 16])),
        scope: app.scope(),
    };
    SessionSeat {
        role: Role::Node,
        login,
        writer: app.writer.clone(),
        clock: Arc::clone(&app.clock),
    }
}

/// What goes over the channel of a session beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The contents of attachments, as they are asked for.
    Files,
    /// Nothing: whoever calls sees to the files.
    Nothing,
}

/// Dials and runs one session to its end. Returns the code with which it ended. One in which this
/// node finds that it was rolled back heals that, and is followed by another at once.
///
/// # Errors
/// The hub is not reached or refuses.
pub(crate) async fn call(
    app: &App,
    line: &Line,
    beside: Beside,
    stop: Stop,
) -> Result<String, Failure> {
    let code = call_once(app, line, beside, stop.clone()).await?;
    if code == ROLLED_BACK && !stop.is_stopped() {
        return call_once(app, line, beside, stop).await;
    }
    Ok(code)
}

async fn call_once(
    app: &App,
    line: &Line,
    beside: Beside,
    mut stop: Stop,
) -> Result<String, Failure> {
    let material = join::material(&app.dir, &app.identity)?;
    let channel = dial(app, &material).await?;
    line.progress.send_replace(Progress::default());
    line.set("connected".to_owned(), None);
    let watching = line.follow();
    let (stopper, goodbye) = stop_signal();
    let files = channel.clone();
    let running = call_over(channel, seat(app), goodbye, &line.progress);
    tokio::pin!(running);
    let ended = tokio::select! {
        done = &mut running => done,
        () = note_settled(app, line, watching) => return Ok(String::new()),
        () = files::keep_carrying(app, files), if beside == Beside::Files => {
            return Ok(String::new());
        }
        () = async {
            tokio::select! {
                () = stop.wait() => {}
                () = line.hang_up.notified() => {}
            }
        } => {
            stopper.stop();
            running.await
        }
    };
    ended
        .map(|done| done.code)
        .map_err(|error| dial_failed(&error))
}

/// Notes the moments in which both sides are equal. Never ends before the line does.
async fn note_settled(app: &App, line: &Line, mut watching: watch::Receiver<Progress>) {
    loop {
        if watching.borrow_and_update().settled {
            line.settled(app.clock.wall_ms());
        }
        if watching.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Calls the hub again and again until the stop signal, ever more patiently while it fails.
pub(crate) async fn keep_calling(app: App, line: Arc<Line>, mut stop: Stop) {
    let mut backoff = Backoff::default();
    while !stop.is_stopped() {
        match call(&app, &line, Beside::Files, stop.clone()).await {
            Ok(code) => {
                tracing::info!(code = %code, "session ended");
                let was_open = code.is_empty() || code == "SYNC-100" || code == "SYNC-115";
                let text = match code.as_str() {
                    "" if stop.is_stopped() => "stopped".to_owned(),
                    "" => "calling".to_owned(),
                    code => format!("unreachable: {code}"),
                };
                line.set(text, (!code.is_empty()).then_some(code));
                if was_open {
                    backoff.succeeded();
                }
            }
            Err(failure) => {
                tracing::warn!(code = %failure.code, %failure, "the hub cannot be called");
                let word = if failure.exit == Exit::Unreachable {
                    "unreachable"
                } else {
                    "refused"
                };
                line.set(format!("{word}: {}", failure.code), Some(cause(&failure)));
            }
        }
        // Whoever follows the line looks again, now that it says why.
        line.progress.send_modify(|now| now.open = false);
        let wait = backoff.failed(random());
        tokio::select! {
            () = stop.wait() => break,
            () = line.nudge.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    line.set("stopped".to_owned(), None);
}

/// Renews the certificate at two thirds of its life, until the stop signal. The session under way
/// goes on with the old one; the next uses the new.
pub(crate) async fn keep_renewing(app: App, mut stop: Stop) {
    let jitter = random();
    loop {
        match renew_when_due(&app, jitter).await {
            Ok(true) => tracing::info!("the certificate was renewed"),
            Ok(false) => {}
            Err(failure) => {
                tracing::warn!(code = %failure.code, %failure, "the certificate was not renewed");
            }
        }
        tokio::select! {
            () = stop.wait() => break,
            () = tokio::time::sleep(RENEWAL_LOOK) => {}
        }
    }
}

/// Renews the certificate if it is time. Returns whether it was.
///
/// # Errors
/// The hub is not reached or refuses; the present certificate stays.
pub(crate) async fn renew_when_due(app: &App, jitter: u64) -> Result<bool, Failure> {
    let facts = join::certificate(&app.dir)?;
    let now_ms = app.clock.wall_ms();
    if now_ms < renew_at(facts.not_before_ms, facts.not_after_ms, jitter) {
        return Ok(false);
    }
    let material = join::material(&app.dir, &app.identity)?;
    let channel = dial(app, &material).await?;
    let dialer = Dialer::tcp(Arc::clone(&app.clock));
    let renewed = renew(&dialer, channel, &material).await.map_err(|error| {
        Failure::new(error.code(), Exit::Refused).with("detail", program::failure::causes(&error))
    })?;
    join::keep(&app.dir, &renewed)?;
    Ok(true)
}
