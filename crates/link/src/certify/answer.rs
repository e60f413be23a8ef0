//! The hub's side: it answers at a cut, states its own account, and keeps the certificate; and it
//! says which writes it holds.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::stored::{Certificate, Cut, Signed};
use proto::sync::{
    Answer, CertifyAsk, CertifyReply, Kept, Question, WriteNames, certify_ask::Ask,
    certify_reply::Reply, proof_server::Proof,
};
use replica::account::Names;
use replica::session::FeedPoint;
use replica::{Clock, RecordKey, ReplicaId, ScopeId};
use rustls::pki_types::CertificateDer;
use store::{Claims, Grounds, Handle, HostError};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::holdings::{answer_of, writes_of};
use super::sign::Signer;
use super::state::{StateError, Stating, accepted, answer};
use super::{
    MESSAGES, Sides, beside, cut_of, keep, learn, names_to_wire, positions_from_wire,
    positions_to_wire, union,
};
use crate::enrol::{EnrolRefusal, Registrar};
use crate::limits::{CERTIFY_AT_ONCE, CERTIFY_MAX};
use crate::refusal::status;
use crate::serve::peer_of;

/// The service that proves.
#[derive(Debug)]
pub struct ProofService<R> {
    desk: Arc<Desk>,
    registrar: Arc<R>,
}

#[derive(Debug)]
struct Desk {
    writer: Handle,
    authorities: Vec<CertificateDer<'static>>,
    signer: Signer,
    clock: Arc<dyn Clock>,
    at_once: Semaphore,
    /// The nodes that are served: each asks one thing at a time.
    busy: Mutex<BTreeSet<ReplicaId>>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Caller {
    node: ReplicaId,
    scope: ScopeId,
}

impl<R: Registrar> ProofService<R> {
    /// Returns the service over a writer and a registry. `authorities` are those whose nodes are
    /// taken.
    #[must_use]
    pub fn new(
        writer: Handle,
        registrar: Arc<R>,
        clock: Arc<dyn Clock>,
        signer: Signer,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Self {
        let desk = Desk {
            writer,
            authorities,
            signer,
            clock,
            at_once: Semaphore::new(CERTIFY_AT_ONCE),
            busy: Mutex::default(),
        };
        Self {
            desk: Arc::new(desk),
            registrar,
        }
    }
}

/// The turn of one node, given back when dropped.
struct Turn {
    desk: Arc<Desk>,
    node: ReplicaId,
}

impl Turn {
    fn take(desk: &Arc<Desk>, node: ReplicaId) -> Option<Self> {
        let is_free = desk.busy().insert(node);
        is_free.then(|| Self {
            desk: Arc::clone(desk),
            node,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.desk.busy().remove(&self.node);
    }
}

type Replies = mpsc::Sender<Result<CertifyReply, Status>>;

#[tonic::async_trait]
impl<R: Registrar> Proof for ProofService<R> {
    type CertifyStream =
        Pin<Box<dyn tokio_stream::Stream<Item = Result<CertifyReply, Status>> + Send>>;

    async fn certify(
        &self,
        request: Request<Streaming<CertifyAsk>>,
    ) -> Result<Response<Self::CertifyStream>, Status> {
        let identity = peer_of(&request).and_then(|peer| peer.identity());
        let node = identity.and_then(|identity| identity.node());
        let node = node.ok_or(EnrolRefusal::Inactive)?;
        let place = self.registrar.lookup(node).await?;
        let place = place.ok_or(EnrolRefusal::Inactive)?;
        let caller = Caller {
            node: ReplicaId(node.0),
            scope: place.scope,
        };
        let turn = Turn::take(&self.desk, caller.node);
        let turn = turn.ok_or_else(|| refuse(Code::ResourceExhausted, "PROOF-006"))?;
        let (replies, stream) = mpsc::channel(MESSAGES);
        let (desk, asks) = (Arc::clone(&self.desk), request.into_inner());
        // The task ends with the stream, and at the latest when its time is over.
        tokio::spawn(async move {
            let talk = desk.talk(caller, asks, &replies);
            let done = tokio::time::timeout(CERTIFY_MAX, talk).await;
            let late = || Err(refuse(Code::DeadlineExceeded, "PROOF-005"));
            if let Err(status) = done.unwrap_or_else(|_elapsed| late()) {
                tracing::warn!(peer = %caller.node, %status, "a proof was not made");
                // Nobody is told when the node has gone.
                replies.send(Err(status)).await.unwrap_or_default();
            }
            drop(turn);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

fn refuse(code: Code, stable: &'static str) -> Status {
    status(code, stable, "no proof can be made")
}

fn failed(error: &HostError) -> Status {
    match error {
        HostError::TooMany => refuse(Code::ResourceExhausted, "PROOF-003"),
        HostError::Store(error) => {
            let stable = error.code();
            tracing::error!(code = stable, %error, "the account could not be read");
            refuse(Code::Internal, "PROOF-006")
        }
        _ => refuse(Code::Unavailable, "PROOF-006"),
    }
}

/// Runs what blocks beside the tasks, for an answer.
async fn done<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, Status> {
    beside(work).await.map_err(|error| failed(&error))
}

async fn say(replies: &Replies, reply: Reply) -> Result<(), Status> {
    let message = CertifyReply { reply: Some(reply) };
    let gone = |_gone| refuse(Code::Cancelled, "PROOF-004");
    replies.send(Ok(message)).await.map_err(gone)
}

async fn hear(asks: &mut Streaming<CertifyAsk>) -> Result<Option<Ask>, Status> {
    Ok(asks.message().await?.and_then(|message| message.ask))
}

/// Where the hub stands, and what it was asked.
struct Stand {
    caller: Caller,
    grounds: Grounds,
    left_out: Vec<RecordKey>,
    cut: Cut,
    question: Question,
}

impl Desk {
    /// A panic while holding the lock leaves at worst a node that must wait for a restart.
    fn busy(&self) -> MutexGuard<'_, BTreeSet<ReplicaId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn talk(
        &self,
        caller: Caller,
        mut asks: Streaming<CertifyAsk>,
        replies: &Replies,
    ) -> Result<(), Status> {
        let question = match hear(&mut asks).await? {
            Some(Ask::Question(question)) => question,
            Some(Ask::Writes(writes)) => {
                return self.look(caller, writes, &mut asks, replies).await;
            }
            _ => return Err(refuse(Code::InvalidArgument, "PROOF-004")),
        };
        let Some(stand) = self.stand(caller, question, replies).await? else {
            return Ok(());
        };
        // A node that only compares has heard all it wants.
        let Some(first) = hear(&mut asks).await? else {
            return Ok(());
        };
        let _permit = self.at_once.acquire().await;
        let names = hear_names(first, &mut asks).await?;
        let signed = self.state(&stand, names, replies).await?;
        say(replies, Reply::Statement(signed.clone())).await?;
        let Some(Ask::Certificate(certificate)) = hear(&mut asks).await? else {
            // The node has moved on meanwhile and asks again.
            return Ok(());
        };
        self.keep(caller, &signed, certificate).await?;
        say(replies, Reply::Kept(Kept {})).await
    }

    async fn grounds(&self, scope: ScopeId, node: ReplicaId) -> Result<Grounds, Status> {
        let writer = self.writer.clone();
        done(move || writer.grounds(scope, node)).await
    }

    /// Says which writes are held, as long as the node asks. Each answer is read by itself, so that
    /// a node that waits keeps nobody from being served.
    async fn look(
        &self,
        caller: Caller,
        first: WriteNames,
        asks: &mut Streaming<CertifyAsk>,
        replies: &Replies,
    ) -> Result<(), Status> {
        let published = self.writer.config().published;
        let mut next = Some(Ask::Writes(first));
        while let Some(Ask::Writes(asked)) = next {
            let writes = writes_of(&asked);
            let writes = writes.ok_or_else(|| refuse(Code::InvalidArgument, "PROOF-004"))?;
            let permit = self.at_once.acquire().await;
            let grounds = self.grounds(caller.scope, caller.node).await?;
            let (writer, at) = (self.writer.clone(), grounds.clone());
            let look = move || Ok(at.holdings(writer.reader(), published, &writes)?);
            let found = done(look).await?;
            drop(permit);
            let answer = answer_of(caller.node, &grounds, &found);
            say(replies, Reply::Holdings(answer)).await?;
            next = hear(asks).await?;
        }
        Ok(())
    }

    /// Answers a question. Nothing when the hub does not stand at its cut.
    async fn stand(
        &self,
        caller: Caller,
        question: Question,
        replies: &Replies,
    ) -> Result<Option<Stand>, Status> {
        let published = self.writer.config().published;
        let scope = ScopeId::try_from(question.scope.as_slice()).ok();
        let scope = scope.filter(|scope| [caller.scope, published].contains(scope));
        let scope = scope.ok_or_else(|| refuse(Code::PermissionDenied, "SYNC-106"))?;
        let grounds = self.grounds(scope, caller.node).await?;
        let (node, hub) = (
            FeedPoint::from_wire(question.node.as_ref()),
            FeedPoint::from_wire(question.hub.as_ref()),
        );
        // What the hub publishes flows one way: a node has no feed of it that comes here.
        let same = grounds.end == hub && (grounds.taken == node || scope != caller.scope);
        if !same {
            say(replies, Reply::Answer(Answer::default())).await?;
            return Ok(None);
        }
        let left_out = union(&grounds.held_back, &question.left_out);
        let (writer, at, without) = (self.writer.clone(), grounds.clone(), left_out.clone());
        let root = done(move || Ok(at.root_without(writer.reader(), &without)?)).await?;
        let sides = Sides {
            scope,
            node: caller.node,
            hub: self.writer.config().replica,
        };
        let cut = cut_of(sides, (node, grounds.end), &left_out, root);
        let positions = positions_to_wire(caller.node, &grounds.peers);
        let answer = answer(&cut, positions, &grounds.refused);
        say(replies, Reply::Answer(answer)).await?;
        Ok(Some(Stand {
            caller,
            grounds,
            left_out,
            cut,
            question,
        }))
    }

    /// Tells the names, and returns the hub's own statement, signed.
    async fn state(
        &self,
        stand: &Stand,
        names: Names,
        replies: &Replies,
    ) -> Result<Signed, Status> {
        let own = self.writer.config().replica;
        let (writer, at) = (self.writer.clone(), stand.grounds.clone());
        let extract = done(move || at.extract(writer.reader())).await?;
        if extract.root != stand.grounds.root {
            return Err(refuse(Code::Aborted, "PROOF-001"));
        }
        for names in names_to_wire(&extract) {
            say(replies, Reply::Names(names)).await?;
        }
        let claims = Claims {
            positions: positions_from_wire(own, &stand.question.positions),
            refused: Vec::new(),
            names,
            left_out: stand.left_out.clone(),
        };
        let stating = Stating {
            grounds: stand.grounds.clone(),
            extract,
            peer: stand.caller.node,
            cut: stand.cut.clone(),
            known: stand.grounds.peers.clone(),
        };
        let (writer, signer) = (self.writer.clone(), self.signer.clone());
        let clock = Arc::clone(&self.clock);
        let signed = beside(move || stating.sign(&claims, &writer, &signer, &*clock)).await;
        signed.map_err(|error| match error {
            StateError::Moved => refuse(Code::Aborted, "PROOF-001"),
            StateError::Host(error) => failed(&error),
            StateError::Sign(error) => {
                tracing::error!(%error, "the statement could not be signed");
                refuse(Code::Internal, "PROOF-006")
            }
        })
    }

    /// Keeps a certificate that holds our statement and that the caller has signed.
    async fn keep(
        &self,
        caller: Caller,
        own: &Signed,
        certificate: Certificate,
    ) -> Result<(), Status> {
        let ours = certificate.hub.as_ref() == Some(own);
        if !ours || accepted(&certificate, caller.node, &self.authorities).is_none() {
            return Err(refuse(Code::InvalidArgument, "PROOF-011"));
        }
        let (writer, at_ms) = (self.writer.clone(), self.clock.wall_ms());
        done(move || keep(&writer, caller.node, at_ms, &certificate).map(drop)).await
    }
}

/// Hears the node's names to their end.
async fn hear_names(first: Ask, asks: &mut Streaming<CertifyAsk>) -> Result<Names, Status> {
    let mut names = Names::new();
    let mut next = Some(first);
    while let Some(Ask::Names(told)) = next {
        let last = told.last;
        if !learn(&mut names, told) {
            return Err(refuse(Code::ResourceExhausted, "PROOF-003"));
        }
        if last {
            return Ok(names);
        }
        next = hear(asks).await?;
    }
    Err(refuse(Code::InvalidArgument, "PROOF-004"))
}
