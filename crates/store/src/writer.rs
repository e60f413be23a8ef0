//! The writer: one thread that owns a host, groups what is waiting into one commit, and answers
//! after its sync.
//!
//! It takes what is there, up to a bound, and never waits for more: under load the groups grow by
//! themselves, and a single save is synced at once. When the store fails, whoever waits or comes
//! later is told how it failed.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use replica::{Edit, RecordKey, ReplicaId, ScopeId, session::FeedPoint};

use crate::{
    Act, Command, Host, HostConfig, HostError, Reader, Reply, Status, Store, StoreError, Written,
};

/// Bounds of the writer.
#[derive(Clone, Copy, Debug)]
pub struct WriterConfig {
    /// Commands that may wait.
    pub queue_commands: usize,
    /// Commands in one group. A group is one commit and one sync.
    pub group_commands: usize,
}

impl Default for WriterConfig {
    fn default() -> Self {
        // 4,096 waiting edits are some seconds of work; 256 in a group gave the best rate with the
        // least wait when measured with 1 to 256 writers.
        Self {
            queue_commands: 4_096,
            group_commands: 256,
        }
    }
}

/// Why the writer has ended, once the store has failed.
type Failure = Arc<Mutex<Option<StoreError>>>;
type Done = Box<dyn FnOnce(Reply) + Send>;
type Watcher = Box<dyn Fn(ScopeId, FeedPoint) + Send>;
type Still = Box<dyn FnOnce(&dyn Store) + Send>;
type Ask = Box<dyn FnOnce(&Host) + Send>;

enum Job {
    Command(Command, Done),
    Status(Box<dyn FnOnce(Status) + Send>),
    Still(Still),
    Ask(Ask),
    Watch(u64, Watcher),
    Unwatch(u64),
    Stop,
}

/// The running writer. Dropping it does not stop it; [`Writer::stop`] does.
#[derive(Debug)]
pub struct Writer {
    handle: Handle,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(host: Host, config: WriterConfig) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(config.queue_commands);
        let failed = Arc::new(Mutex::new(None));
        let handle = Handle {
            jobs,
            reader: host.reader(),
            config: Arc::new(host.config().clone()),
            failed: Arc::clone(&failed),
        };
        let body = move || {
            let running = Loop {
                host,
                watchers: Vec::new(),
                failed,
            };
            running.run(&queue, config.group_commands)
        };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(body)?;
        Ok(Self { handle, thread })
    }

    /// The handle for everybody else.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Finishes what is waiting, syncs, and ends the thread.
    ///
    /// # Errors
    /// The store failed, now or before.
    pub fn stop(self) -> Result<(), StoreError> {
        // A thread that has ended already has nothing left to be told.
        self.handle.jobs.send(Job::Stop).unwrap_or_default();
        self.thread.join().unwrap_or(Err(StoreError::Failed))
    }
}

struct Loop {
    host: Host,
    watchers: Vec<(u64, Watcher)>,
    failed: Failure,
}

impl Loop {
    fn run(mut self, queue: &Receiver<Job>, group_commands: usize) -> Result<(), StoreError> {
        let mut waiting: Vec<(u64, Done)> = Vec::new();
        while let Ok(first) = queue.recv() {
            let mut stop = false;
            let mut next = Some(first);
            let (mut asked, mut still, mut questions) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(job) = next.take() {
                match job {
                    Job::Command(command, done) => {
                        let ticket = waiting.len() as u64;
                        self.host.take(ticket, command);
                        waiting.push((ticket, done));
                    }
                    Job::Status(done) => asked.push(done),
                    Job::Still(work) => still.push(work),
                    Job::Ask(question) => questions.push(question),
                    Job::Watch(id, watcher) => {
                        self.host
                            .ends()
                            .iter()
                            .for_each(|(scope, end)| watcher(*scope, *end));
                        self.watchers.push((id, watcher));
                    }
                    Job::Unwatch(id) => self.watchers.retain(|(other, _)| *other != id),
                    Job::Stop => stop = true,
                }
                if !stop && waiting.len() < group_commands {
                    next = queue.try_recv().ok();
                }
            }
            self.flush(&mut waiting)?;
            asked.into_iter().for_each(|done| done(self.host.status()));
            questions
                .into_iter()
                .for_each(|question: Ask| question(&self.host));
            still.into_iter().for_each(|work| work(self.host.store()));
            if stop {
                break;
            }
        }
        self.host.close().map_err(|error| self.note(error))
    }

    /// Keeps why the writer ends, before those who wait find that nobody answers.
    fn note(&self, error: StoreError) -> StoreError {
        tracing::error!(code = error.code(), %error, "the writer has failed");
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.again());
        error
    }

    fn flush(&mut self, waiting: &mut Vec<(u64, Done)>) -> Result<(), StoreError> {
        let before = self.host.ends().clone();
        let answers = self.host.flush().map_err(|error| self.note(error))?;
        let done = waiting.drain(..).map(|(_, done)| done);
        for (answer, done) in answers.into_iter().zip(done) {
            done(answer.reply);
        }
        for (scope, end) in self.host.ends() {
            if before.get(scope) != Some(end) {
                self.watchers
                    .iter()
                    .for_each(|(_, watcher)| watcher(*scope, *end));
            }
        }
        Ok(())
    }
}

/// What everybody else holds of the writer. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    jobs: SyncSender<Job>,
    reader: Reader,
    config: Arc<HostConfig>,
    failed: Failure,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// Reads beside the writer.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Who this replica is.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The code of the failure of the store that has ended the writer, if one has.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map(StoreError::code)
    }

    /// Why nobody answers: how the store has failed, or else that the writer has stopped.
    #[must_use]
    pub fn ended(&self) -> HostError {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let again = failed.as_ref().map(StoreError::again);
        again.map_or(HostError::Busy, HostError::Store)
    }

    fn refused(&self, refused: &TrySendError<Job>) -> HostError {
        match refused {
            TrySendError::Full(_) => HostError::Busy,
            TrySendError::Disconnected(_) => self.ended(),
        }
    }

    /// Hands a command over without waiting. `done` is called on the writer's thread when the
    /// reply is durable, and must not block.
    ///
    /// # Errors
    /// Too much is waiting, or the writer has ended: `done` is not called.
    pub fn submit(
        &self,
        command: Command,
        done: impl FnOnce(Reply) + Send + 'static,
    ) -> Result<(), HostError> {
        self.jobs
            .try_send(Job::Command(command, Box::new(done)))
            .map_err(|refused| self.refused(&refused))
    }

    /// Writes edits, all or none, and waits until they are durable. Blocks.
    ///
    /// # Errors
    /// An edit cannot be written, or the writer has ended.
    pub fn edit(
        &self,
        edits: Vec<Edit>,
        local: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<Vec<Written>, HostError> {
        let (answer, reply) = sync_channel(1);
        let done: Done = Box::new(move |reply| {
            // The caller waits below; when it has gone nobody is left to be told.
            answer.send(reply).unwrap_or_default();
        });
        let job = Job::Command(Command::Edit(edits, local), done);
        self.jobs.send(job).map_err(|_gone| self.ended())?;
        match reply.recv() {
            Ok(Reply::Written(written)) => written,
            Ok(Reply::Input(_) | Reply::Done(_) | Reply::Nothing) | Err(_) => Err(self.ended()),
        }
    }

    /// Carries out a decision about replication and waits until it is durable. Blocks. Returns
    /// whether it changed anything.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn act(&self, act: Act) -> Result<bool, HostError> {
        let (answer, reply) = sync_channel(1);
        let done: Done = Box::new(move |reply| answer.send(reply).unwrap_or_default());
        self.jobs
            .send(Job::Command(Command::Act(act), done))
            .map_err(|_gone| self.ended())?;
        match reply.recv() {
            Ok(Reply::Done(changed)) => Ok(changed),
            Ok(Reply::Written(_) | Reply::Input(_) | Reply::Nothing) | Err(_) => Err(self.ended()),
        }
    }

    /// Fences a node: see [`Act::Fence`].
    ///
    /// # Errors
    /// The writer has ended.
    pub fn fence(&self, replica: ReplicaId) -> Result<bool, HostError> {
        self.act(Act::Fence(replica))
    }

    /// Lets the nodes give back what this hub has forgotten: see [`Act::Refill`].
    ///
    /// # Errors
    /// The writer has ended.
    pub fn refill(&self) -> Result<bool, HostError> {
        self.act(Act::Refill)
    }

    /// Releases a record that is held back, and keeps what a program says of it under a name: see
    /// [`Act::Release`].
    ///
    /// # Errors
    /// The writer has ended.
    pub fn release(
        &self,
        key: RecordKey,
        peer: Option<ReplicaId>,
        note: (String, Vec<u8>),
    ) -> Result<bool, HostError> {
        self.act(Act::Release(key, peer, Some(note)))
    }

    /// What the replica knows of its peers. Blocks for the group under way.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn status(&self) -> Result<Status, HostError> {
        let (answer, reply) = sync_channel(1);
        let done = Box::new(move |status| answer.send(status).unwrap_or_default());
        self.jobs
            .send(Job::Status(done))
            .map_err(|_gone| self.ended())?;
        reply.recv().map_err(|_gone| self.ended())
    }

    /// Runs work on the store while nothing is written: everything committed is durable, and
    /// writers wait. Blocks until it is done.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn still<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Result<T, HostError> {
        let (answer, reply) = sync_channel(1);
        let work = move |store: &dyn Store| answer.send(work(store)).unwrap_or_default();
        self.jobs
            .send(Job::Still(Box::new(work)))
            .map_err(|_gone| self.ended())?;
        reply.recv().map_err(|_gone| self.ended())
    }

    /// Asks the replica something between two commits: everything taken before is durable. Blocks
    /// for the group under way.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, HostError> {
        let (answer, reply) = sync_channel(1);
        let question = move |host: &Host| answer.send(question(host)).unwrap_or_default();
        self.jobs
            .send(Job::Ask(Box::new(question)))
            .map_err(|_gone| self.ended())?;
        reply.recv().map_err(|_gone| self.ended())
    }

    /// Calls `watcher` with the durable end of every feed, now and after every change, on the
    /// writer's thread, until [`Handle::unwatch`]. It must not block.
    ///
    /// # Errors
    /// Too much is waiting, or the writer has ended.
    pub fn watch(
        &self,
        id: u64,
        watcher: impl Fn(ScopeId, FeedPoint) + Send + 'static,
    ) -> Result<(), HostError> {
        self.jobs
            .try_send(Job::Watch(id, Box::new(watcher)))
            .map_err(|refused| self.refused(&refused))
    }

    /// Ends a watch. Nothing happens when the writer has ended or has too much to do; the watcher
    /// is then called in vain.
    pub fn unwatch(&self, id: u64) {
        self.jobs.try_send(Job::Unwatch(id)).unwrap_or_default();
    }
}
