//! Many edits on their way at once, so that they become durable in groups.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use replica::{Edit, RecordKey};
use store::{Command, Handle, Reply, Written};

use crate::failure::Failure;

/// Submissions that wait for their sync at once: one full group of the writer. More would only
/// make other people's saves wait.
pub const IN_FLIGHT_MAX: usize = 256;

/// What became of a submission.
#[derive(Debug)]
pub struct Done<T> {
    /// What the caller gave with it.
    pub tag: T,
    /// The edits as they were written, or why nothing was.
    pub result: Result<Vec<Written>, Failure>,
}

/// Submits edits without waiting for each. One submission is written whole or not at all;
/// submissions are not tied to each other.
#[derive(Debug)]
pub struct Batcher<T> {
    handle: Handle,
    answers: SyncSender<(u64, Option<Reply>)>,
    replies: Receiver<(u64, Option<Reply>)>,
    waiting: BTreeMap<u64, (T, Vec<RecordKey>)>,
    next: u64,
    done: Vec<Done<T>>,
}

/// Answers exactly once, also when the writer ends with the command in its queue.
struct Answer {
    ticket: u64,
    to: SyncSender<(u64, Option<Reply>)>,
    reply: Option<Reply>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        // There is room for every submission that waits; when the batcher has gone nobody is left
        // to be told.
        self.to
            .try_send((self.ticket, self.reply.take()))
            .unwrap_or_default();
    }
}

impl<T> Batcher<T> {
    /// Returns a batcher to a writer.
    #[must_use]
    pub fn new(handle: Handle) -> Self {
        let (answers, replies) = sync_channel(IN_FLIGHT_MAX + 1);
        Self {
            handle,
            answers,
            replies,
            waiting: BTreeMap::new(),
            next: 0,
            done: Vec::new(),
        }
    }

    /// Hands edits over, with what the program keeps beside them. Waits only while as many as may
    /// be are on their way.
    pub fn submit(&mut self, edits: Vec<Edit>, local: Vec<(String, Option<Vec<u8>>)>, tag: T) {
        while self.waiting.len() >= IN_FLIGHT_MAX {
            self.receive();
        }
        let ticket = self.next;
        self.next += 1;
        let answer = Answer {
            ticket,
            to: self.answers.clone(),
            reply: None,
        };
        let done = move |reply| {
            let mut answer = answer;
            answer.reply = Some(reply);
        };
        let keys = edits.iter().map(|edit| edit.key).collect();
        let command = Command::Edit(edits.clone(), local.clone());
        if self.handle.submit(command, done).is_ok() {
            self.waiting.insert(ticket, (tag, keys));
            return;
        }
        // The queue is full of other people's work: this one waits for its turn. The ticket was
        // answered when the command was dropped, and is of no meaning.
        while let Ok(answer) = self.replies.try_recv() {
            self.accept(answer);
        }
        let result = self.handle.edit(edits, local).map_err(Failure::from);
        self.done.push(Done { tag, result });
    }

    /// Whether an edit of a record is on its way.
    #[must_use]
    pub fn is_waiting(&self, key: RecordKey) -> bool {
        self.waiting.values().any(|(_, keys)| keys.contains(&key))
    }

    /// Waits until no edit of a record is on its way: who writes to it again must see it.
    pub fn settle(&mut self, key: RecordKey) {
        while self.is_waiting(key) {
            self.receive();
        }
    }

    /// Waits until nothing is on its way.
    pub fn settle_all(&mut self) {
        while !self.waiting.is_empty() {
            self.receive();
        }
    }

    /// What has become of submissions so far, each once.
    pub fn take_done(&mut self) -> Vec<Done<T>> {
        std::mem::take(&mut self.done)
    }

    /// Waits for everything, and returns what was not taken yet.
    #[must_use]
    pub fn finish(mut self) -> Vec<Done<T>> {
        while !self.waiting.is_empty() {
            self.receive();
        }
        self.done
    }

    fn receive(&mut self) {
        // The batcher holds a sender itself, so the channel cannot end.
        if let Ok(answer) = self.replies.recv() {
            self.accept(answer);
        }
    }

    fn accept(&mut self, (ticket, reply): (u64, Option<Reply>)) {
        let Some((tag, _)) = self.waiting.remove(&ticket) else {
            return;
        };
        let result = match reply {
            Some(Reply::Written(written)) => written.map_err(Failure::from),
            Some(Reply::Input(_) | Reply::Done(_) | Reply::Nothing) | None => {
                Err(self.handle.ended().into())
            }
        };
        self.done.push(Done { tag, result });
    }
}
