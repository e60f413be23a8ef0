//! The driver of one session: it moves frames, operations and timers between the state machine of
//! [`replica::Session`], the writer of the store, and a stream.
//!
//! It decides nothing. An operation's answer comes from the writer when it is durable and goes
//! into the machine; what the machine wants sent goes out. Every queue has a bound, and the
//! windows of the protocol keep them from filling.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::sync::{Diagnosis, Frame};
use replica::session::{Done, FeedPoint, Input, Op, Role};
use replica::{Clock, Mono, ScopeId, Session, Step};
use store::{Command, Handle, Login, Reply};
use tokio::sync::{Notify, mpsc, watch};
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use crate::stop::Stop;

/// Frames that wait to be sent. The windows of the protocol allow far fewer.
pub const OUTBOUND_FRAMES: usize = 512;
/// Answers of the writer that wait. One session has at most some dozen operations under way.
const ANSWERS: usize = 1_024;
/// Milliseconds in which both sides must have greeted.
const GREETING_MS: u64 = 30_000;

/// What is to be seen of a session from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Both sides have greeted.
    pub open: bool,
    /// What the session found when it began.
    pub diagnosis: i32,
    /// Both sides are equal and nothing is on its way.
    pub settled: bool,
    /// The exchanges of this session did not make both sides equal.
    pub stuck: bool,
    /// How the session ended: code, and whether the peer ended it.
    pub ended: Option<(String, bool)>,
}

impl Progress {
    /// What the session found when it began.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::try_from(self.diagnosis).unwrap_or_default()
    }
}

/// Gives every session of this run its number.
static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// Returns a number that no other session of this run has.
#[must_use]
pub fn session_number() -> u64 {
    SESSIONS.fetch_add(1, Ordering::Relaxed)
}

/// What a session runs on.
#[derive(Clone, Debug)]
pub struct SessionSeat {
    /// Node or hub.
    pub role: Role,
    /// Who is at the other end.
    pub login: Login,
    /// The writer.
    pub writer: Handle,
    /// Both times.
    pub clock: Arc<dyn Clock>,
}

/// The ends of the feeds, as the writer's thread told them.
#[derive(Debug, Default)]
struct Ends {
    ends: Mutex<BTreeMap<ScopeId, FeedPoint>>,
    news: Notify,
}

impl Ends {
    fn take(&self) -> BTreeMap<ScopeId, FeedPoint> {
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs a session until it ends. `progress` follows it.
pub async fn run_session<S>(
    seat: SessionSeat,
    inbound: S,
    outbound: mpsc::Sender<Frame>,
    stop: Stop,
    progress: &watch::Sender<Progress>,
) -> Done
where
    S: Stream<Item = Result<Frame, Status>> + Unpin,
{
    let (answers, answered) = mpsc::channel(ANSWERS);
    let ends = Arc::new(Ends::default());
    let number = seat.login.session;
    let watched = Arc::clone(&ends);
    let watching = seat.writer.watch(number, move |scope, end| {
        watched
            .ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(scope, end);
        watched.news.notify_one();
    });
    let mut driver = Driver {
        session: Session::new(seat.role),
        seat,
        answers,
        outbound,
        progress,
    };
    let done = match watching {
        Ok(()) => driver.run(inbound, answered, &ends, stop).await,
        Err(_busy) => ended("STORE-006", false),
    };
    driver.seat.writer.unwatch(number);
    // The session's state in the host is dropped with the next group; a full queue means that the
    // program is stopping or overloaded, and a newer Hello drops it as well.
    driver
        .seat
        .writer
        .submit(Command::Close(number), |_| {})
        .unwrap_or_default();
    progress.send_modify(|now| {
        now.open = false;
        now.settled = false;
        now.ended = Some((done.code.clone(), done.by_peer));
    });
    done
}

fn ended(code: &str, by_peer: bool) -> Done {
    Done {
        code: code.to_owned(),
        by_peer,
    }
}

struct Driver<'a> {
    seat: SessionSeat,
    session: Session,
    answers: mpsc::Sender<Input>,
    outbound: mpsc::Sender<Frame>,
    progress: &'a watch::Sender<Progress>,
}

impl Driver<'_> {
    async fn run<S>(
        &mut self,
        mut inbound: S,
        mut answered: mpsc::Receiver<Input>,
        ends: &Ends,
        mut stop: Stop,
    ) -> Done
    where
        S: Stream<Item = Result<Frame, Status>> + Unpin,
    {
        let greeted_by = Mono(self.seat.clock.mono().0 + GREETING_MS);
        let mut wake_at = None;
        let mut input = Some(Input::Connected);
        loop {
            if let Some(input) = input.take() {
                let step = self.session.handle(self.seat.clock.mono(), input);
                wake_at = step.wake_at;
                if let Some(done) = self.carry_out(step).await {
                    return done;
                }
                self.show();
            }
            let open = self.session.diagnosis() != Diagnosis::Unspecified;
            let deadline = wake_at.or_else(|| (!open).then_some(greeted_by));
            input = tokio::select! {
                biased;
                () = stop.wait() => Some(Input::Stop),
                answer = answered.recv() => answer,
                frame = inbound.next() => match frame {
                    Some(Ok(frame)) => Some(Input::Frame(Box::new(frame))),
                    Some(Err(status)) => return ended_by(&status),
                    None => return ended("SYNC-100", true),
                },
                () = ends.news.notified() => {
                    for (scope, end) in ends.take() {
                        let now = self.seat.clock.mono();
                        let step = self.session.handle(now, Input::Advanced(scope, end));
                        wake_at = earlier(wake_at, step.wake_at);
                        if let Some(done) = self.carry_out(step).await {
                            return done;
                        }
                    }
                    self.show();
                    None
                }
                () = sleep_until(&*self.seat.clock, deadline) => {
                    if !open && self.seat.clock.mono() >= greeted_by {
                        return ended("SYNC-114", false);
                    }
                    Some(Input::Tick)
                }
            };
        }
    }

    /// Hands operations to the writer and frames to the stream, both in order.
    async fn carry_out(&self, step: Step) -> Option<Done> {
        for op in step.ops {
            if let Some(done) = self.submit(op) {
                return Some(done);
            }
        }
        for frame in step.sends {
            if self.outbound.send(frame).await.is_err() {
                return Some(ended("SYNC-100", true));
            }
        }
        step.done
    }

    fn submit(&self, op: Op) -> Option<Done> {
        let answers = self.answers.clone();
        let done = move |reply| {
            if let Reply::Input(input) = reply {
                // The session has ended when nobody takes it.
                answers.try_send(*input).unwrap_or_default();
            }
        };
        let command = Command::Session(self.seat.login, op);
        self.seat
            .writer
            .submit(command, done)
            .err()
            .map(|_busy| ended("STORE-006", false))
    }

    fn show(&self) {
        let now = Progress {
            open: self.session.lanes().next().is_some(),
            diagnosis: self.session.diagnosis().into(),
            settled: self.session.is_settled(),
            stuck: self.session.lanes().any(|lane| lane.is_stuck()),
            ended: None,
        };
        self.progress.send_if_modified(|before| {
            let news = *before != now;
            if news {
                *before = now;
            }
            news
        });
    }
}

fn earlier(a: Option<Mono>, b: Option<Mono>) -> Option<Mono> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Waits for a time on the clock; for ever without one.
async fn sleep_until(clock: &dyn Clock, deadline: Option<Mono>) {
    match deadline {
        Some(at) => {
            let left_ms = at.0.saturating_sub(clock.mono().0);
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
        }
        None => std::future::pending().await,
    }
}

/// What a failed stream means: a stable code when the other side gave one.
fn ended_by(status: &Status) -> Done {
    let code = crate::refusal::stable_code(status);
    Done {
        code: code.map_or_else(|| "SYNC-100".to_owned(), str::to_owned),
        by_peer: true,
    }
}
