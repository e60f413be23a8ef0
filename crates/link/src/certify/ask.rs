//! The node's side: it asks at a cut, and makes the certificate of both statements.

use std::sync::Arc;

use proto::stored::{Certificate, Signed};
use proto::sync::{
    Answer, CertifyAsk, CertifyReply, Question, certify_ask::Ask, certify_reply::Reply,
    proof_client::ProofClient,
};
use replica::account::Names;
use replica::{Bucket, Clock, RecordKey, ReplicaId, ScopeId, session::FeedPoint};
use store::{Extract, Grounds, Handle, HostError};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::sign::Signer;
use super::state::{StateError, Stating, claims_of};
use super::{
    FORMAT, MESSAGES, Sides, beside, cut_of, keep, learn, names_to_wire, positions_to_wire,
    record_name, union,
};
use crate::authority::AuthorityError;
use crate::fault::DialError;
use crate::limits::{CERTIFY_MAX, MESSAGE_BYTES_MAX};
use crate::refusal::stable_code;

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The hub is not reached, or refuses.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The hub refuses, and says why.
    #[error("the hub makes no proof: {code}")]
    Refused {
        /// Its stable code.
        code: &'static str,
    },
    /// One of the two has moved on meanwhile, or they have not settled yet.
    #[error("the two sides do not stand at one cut")]
    Moved,
    /// Both stand at the cut and do not hold the same.
    #[error("the two sides hold different records at the cut")]
    Differ,
    /// The own store could not be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The hub's answer is none.
    #[error("the answer of the hub does not fit: {what}")]
    Answer {
        /// What of it.
        what: &'static str,
    },
    /// The own key could not sign.
    #[error(transparent)]
    Sign(#[from] AuthorityError),
    /// It took too long.
    #[error("the proof was not made in time")]
    Late,
}

impl From<StateError> for ProofError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Moved => Self::Moved,
            StateError::Host(error) => Self::Host(error),
            StateError::Sign(error) => Self::Sign(error),
        }
    }
}

/// The codes with which a hub refuses.
const REFUSALS: [&str; 8] = [
    "PROOF-001",
    "PROOF-003",
    "PROOF-004",
    "PROOF-005",
    "PROOF-006",
    "PROOF-011",
    "SYNC-106",
    "LINK-029",
];

impl ProofError {
    pub(super) fn of_status(status: &Status) -> Self {
        let told = stable_code(status);
        match REFUSALS.iter().find(|code| told == Some(**code)) {
            Some(code) => Self::Refused { code },
            None => DialError::of_status(status).into(),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Refused { code } => code,
            Self::Moved => "PROOF-001",
            Self::Differ => "PROOF-002",
            Self::Host(HostError::TooMany) => "PROOF-003",
            Self::Host(HostError::Store(error)) => error.code(),
            Self::Host(_) => "EDIT-005",
            Self::Answer { .. } => "PROOF-004",
            Self::Sign(error) => error.code(),
            Self::Late => "PROOF-005",
        }
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both hold the same.
    Equal,
    /// They hold different records.
    Differ,
    /// They do not stand at one cut at this moment.
    Moved,
}

/// One scope, compared at a cut.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The scope.
    pub scope: ScopeId,
    /// The ends of both feeds: the node's and the hub's.
    pub cut: (FeedPoint, FeedPoint),
    /// The node's root, without what is held back.
    pub root: Bucket,
    /// Records held back by either side.
    pub left_out: usize,
    /// What was found.
    pub outcome: Outcome,
}

/// A node that asks for proof.
#[derive(Clone, Debug)]
pub struct Prover {
    /// The writer.
    pub writer: Handle,
    /// The hub.
    pub hub: ReplicaId,
    /// The code of the node's scope, for people who read the file.
    pub scope_code: String,
    /// The node's key.
    pub signer: Signer,
    /// Both times.
    pub clock: Arc<dyn Clock>,
}

/// A question under way.
struct Talk {
    grounds: Grounds,
    answer: Answer,
    left_out: Vec<RecordKey>,
    root: Bucket,
    asks: mpsc::Sender<CertifyAsk>,
    replies: Streaming<CertifyReply>,
}

impl Talk {
    async fn say(&self, ask: Ask) -> Result<(), ProofError> {
        let message = CertifyAsk { ask: Some(ask) };
        let sent = self.asks.send(message).await;
        sent.map_err(|_gone| ProofError::Answer { what: "end" })
    }

    async fn hear(&mut self) -> Result<Reply, ProofError> {
        let reply = self.replies.message().await;
        let reply = reply.map_err(|status| ProofError::of_status(&status))?;
        reply
            .and_then(|reply| reply.reply)
            .ok_or(ProofError::Answer { what: "end" })
    }

    fn is_equal(&self) -> bool {
        *self.answer.root == self.root.to_bytes() && self.answer.records == self.root.count
    }
}

impl Prover {
    /// Compares one scope with the hub, where both stand at this moment.
    ///
    /// # Errors
    /// The hub is not reached or refuses, or a store cannot be read.
    pub async fn compare(
        &self,
        channel: Channel,
        scope: ScopeId,
    ) -> Result<Comparison, ProofError> {
        let talk = self.timed(self.open(channel, scope)).await?;
        let outcome = match (talk.answer.same, talk.is_equal()) {
            (false, _) => Outcome::Moved,
            (true, true) => Outcome::Equal,
            (true, false) => Outcome::Differ,
        };
        Ok(Comparison {
            scope,
            cut: (talk.grounds.end, talk.grounds.taken),
            root: talk.root,
            left_out: talk.left_out.len(),
            outcome,
        })
    }

    /// Makes the certificate of a scope, where both stand at this moment. It may be false: whoever
    /// needs to know checks it. Both sides keep a copy.
    ///
    /// # Errors
    /// The two do not stand at one cut or do not hold the same, the hub is not reached or refuses,
    /// or a store cannot be read.
    pub async fn certify(
        &self,
        channel: Channel,
        scope: ScopeId,
    ) -> Result<Certificate, ProofError> {
        self.timed(self.make(channel, scope)).await
    }

    async fn timed<T>(
        &self,
        work: impl Future<Output = Result<T, ProofError>>,
    ) -> Result<T, ProofError> {
        let done = tokio::time::timeout(CERTIFY_MAX, work).await;
        done.unwrap_or(Err(ProofError::Late))
    }

    async fn grounds(&self, scope: ScopeId) -> Result<Grounds, ProofError> {
        let (writer, hub) = (self.writer.clone(), self.hub);
        beside(move || Ok(writer.grounds(scope, hub)?)).await
    }

    async fn open(&self, channel: Channel, scope: ScopeId) -> Result<Talk, ProofError> {
        let grounds = self.grounds(scope).await?;
        let question = Question {
            scope: scope.0.to_vec(),
            node: grounds.end.to_wire(),
            hub: grounds.taken.to_wire(),
            left_out: grounds.held_back.iter().copied().map(record_name).collect(),
            positions: positions_to_wire(self.hub, &grounds.peers),
        };
        let (asks, stream) = mpsc::channel(MESSAGES);
        let mut client = ProofClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let ask = Some(Ask::Question(question));
        let gone = |_gone| ProofError::Answer { what: "end" };
        asks.send(CertifyAsk { ask }).await.map_err(gone)?;
        let called = client
            .certify(Request::new(ReceiverStream::new(stream)))
            .await;
        let mut replies = called
            .map_err(|status| ProofError::of_status(&status))?
            .into_inner();
        let first = replies.message().await;
        let first = first.map_err(|status| ProofError::of_status(&status))?;
        let Some(Reply::Answer(answer)) = first.and_then(|reply| reply.reply) else {
            return Err(ProofError::Answer { what: "answer" });
        };
        let left_out = union(&grounds.held_back, &answer.left_out);
        let (reader, without, at) = (self.writer.clone(), left_out.clone(), grounds.clone());
        let root = move || Ok::<_, HostError>(at.root_without(reader.reader(), &without)?);
        let root = beside(root).await?;
        Ok(Talk {
            grounds,
            answer,
            left_out,
            root,
            asks,
            replies,
        })
    }

    async fn make(&self, channel: Channel, scope: ScopeId) -> Result<Certificate, ProofError> {
        let mut talk = self.open(channel, scope).await?;
        if !talk.answer.same {
            return Err(ProofError::Moved);
        }
        if !talk.is_equal() {
            return Err(ProofError::Differ);
        }
        let (writer, at) = (self.writer.clone(), talk.grounds.clone());
        let extract = beside(move || at.extract(writer.reader())).await?;
        if extract.root != talk.grounds.root {
            return Err(ProofError::Moved);
        }
        for names in names_to_wire(&extract) {
            talk.say(Ask::Names(names)).await?;
        }
        let (names, hubs) = hear_all(&mut talk).await?;
        let node = self.state(scope, &talk, extract, names).await?;
        let certificate = Certificate {
            format: FORMAT,
            node: Some(node),
            hub: Some(hubs),
            scope_code: self.scope_code.clone(),
        };
        talk.say(Ask::Certificate(certificate.clone())).await?;
        let Reply::Kept(_) = talk.hear().await? else {
            return Err(ProofError::Answer { what: "kept" });
        };
        let (writer, kept) = (self.writer.clone(), certificate.clone());
        let (own, at_ms) = (writer.config().replica, self.clock.wall_ms());
        beside(move || keep(&writer, own, at_ms, &kept)).await?;
        Ok(certificate)
    }

    /// The node's own statement, signed.
    async fn state(
        &self,
        scope: ScopeId,
        talk: &Talk,
        extract: Extract,
        names: Names,
    ) -> Result<Signed, ProofError> {
        let own = self.writer.config().replica;
        let sides = Sides {
            scope,
            node: own,
            hub: self.hub,
        };
        let ends = (talk.grounds.end, talk.grounds.taken);
        let claims = claims_of(own, &talk.answer, names, talk.left_out.clone());
        let stating = Stating {
            grounds: talk.grounds.clone(),
            extract,
            peer: self.hub,
            cut: cut_of(sides, ends, &talk.left_out, talk.root),
            known: talk.grounds.peers.clone(),
        };
        let (writer, signer) = (self.writer.clone(), self.signer.clone());
        let clock = Arc::clone(&self.clock);
        Ok(beside(move || stating.sign(&claims, &writer, &signer, &*clock)).await?)
    }
}

/// Hears the hub's names and its statement.
async fn hear_all(talk: &mut Talk) -> Result<(Names, Signed), ProofError> {
    let mut names = Names::new();
    loop {
        match talk.hear().await? {
            Reply::Names(told) => {
                if !learn(&mut names, told) {
                    return Err(ProofError::Host(HostError::TooMany));
                }
            }
            Reply::Statement(signed) => return Ok((names, signed)),
            Reply::Answer(_) | Reply::Kept(_) | Reply::Holdings(_) => {
                return Err(ProofError::Answer { what: "statement" });
            }
        }
    }
}
