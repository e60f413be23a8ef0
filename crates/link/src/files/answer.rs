//! The hub's side: it tells a node what it wants of it, takes pieces, and gives pieces.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use proto::sync::{FileGiven, FilePiece, FileTaken, FileWant, WantsAsk, files_server::Files};
use replica::{ReplicaId, ScopeId};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use super::desk::piece;
use super::{Asker, FileDesk, FilesError, beside};
use crate::enrol::{EnrolRefusal, Registrar};
use crate::limits::FILES_LOOK;
use crate::refusal::{CODE_KEY, status};
use crate::serve::peer_of;
use crate::stop::Stop;

/// The service that gives and takes files.
#[derive(Debug)]
pub struct FilesService<R> {
    desk: FileDesk,
    registrar: Arc<R>,
    stop: Stop,
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
struct Caller {
    node: ReplicaId,
    scope: ScopeId,
}

type Wants = mpsc::Sender<Result<FileWant, Status>>;

impl<R: Registrar> FilesService<R> {
    /// Returns the service over a desk and a registry. What is open ends at the stop signal.
    #[must_use]
    pub fn new(desk: FileDesk, registrar: Arc<R>, stop: Stop) -> Self {
        Self {
            desk,
            registrar,
            stop,
        }
    }

    async fn caller<T: Sync>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let identity = peer_of(request).and_then(|peer| peer.identity());
        let node = identity.and_then(|identity| identity.node());
        let node = node.ok_or(EnrolRefusal::Inactive)?;
        let place = self.registrar.lookup(node).await?;
        let place = place.ok_or(EnrolRefusal::Inactive)?;
        Ok(Caller {
            node: ReplicaId(node.0),
            scope: place.scope,
        })
    }
}

/// A refusal as a status. Its code travels as it is.
fn refuse(error: &FilesError) -> Status {
    let (code, text) = match error {
        FilesError::Refused { .. } => (Code::FailedPrecondition, "not given"),
        FilesError::Record { .. }
        | FilesError::Cabinet(_)
        | FilesError::Host(_)
        | FilesError::Line(_) => {
            tracing::warn!(code = error.code(), %error, "a file was not given or taken");
            (Code::Unavailable, "not now")
        }
    };
    let mut status = Status::new(code, text);
    if let Ok(value) = error.code().parse() {
        status.metadata_mut().insert(CODE_KEY, value);
    }
    status
}

#[tonic::async_trait]
impl<R: Registrar> Files for FilesService<R> {
    type WantsStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<FileWant, Status>> + Send>>;

    async fn wants(
        &self,
        request: Request<WantsAsk>,
    ) -> Result<Response<Self::WantsStream>, Status> {
        let caller = self.caller(&request).await?;
        let follow = request.into_inner().follow;
        let (wants, stream) = mpsc::channel(1);
        let (desk, mut stop) = (self.desk.clone(), self.stop.clone());
        // The task ends with the stream: when the node has gone, or at the stop signal.
        tokio::spawn(async move {
            tokio::select! {
                told = tell(desk, caller, follow, &wants) => if let Err(error) = told {
                    // Nobody is told when the node has gone.
                    wants.send(Err(refuse(&error))).await.unwrap_or_default();
                },
                () = wants.closed() => {}
                () = stop.wait() => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn give(&self, request: Request<FileGiven>) -> Result<Response<FileTaken>, Status> {
        let caller = self.caller(&request).await?;
        let FileGiven { id, piece } = request.into_inner();
        let piece = piece
            .ok_or_else(|| status(Code::InvalidArgument, "ATTACH-013", "a piece is missing"))?;
        let desk = self.desk.clone();
        let from = (caller.node, Some(caller.scope));
        let taken = beside(move || desk.take(from, &id, &piece)).await;
        taken.map(Response::new).map_err(|error| refuse(&error))
    }

    async fn ask(&self, request: Request<FileWant>) -> Result<Response<FilePiece>, Status> {
        let caller = self.caller(&request).await?;
        let want = request.into_inner();
        let desk = self.desk.clone();
        let given = beside(move || {
            let content = desk.judge(Asker::Node(caller.scope), caller.node, &want)?;
            let piece = piece(&content, want.offset);
            if piece.offset + piece.bytes.len() as u64 >= want.size {
                desk.given_out(caller.node, &want.id, None)?;
            }
            Ok(piece)
        });
        let given = given.await;
        given.map(Response::new).map_err(|error| refuse(&error))
    }
}

/// Tells a node what is wanted of it: each request once, and, where it follows, each new one.
async fn tell(
    desk: FileDesk,
    caller: Caller,
    follow: bool,
    wants: &Wants,
) -> Result<(), FilesError> {
    let mut bell = desk.bell();
    let mut told = BTreeSet::new();
    loop {
        bell.mark_unchanged();
        let asked = desk.clone();
        let wanted = beside(move || asked.wanted(caller.node, Some(caller.scope))).await?;
        for want in wanted {
            if told.insert(want.id.clone()) && wants.send(Ok(want)).await.is_err() {
                return Ok(());
            }
        }
        if !follow {
            return Ok(());
        }
        tokio::select! {
            // The room outlives the desk, so the bell does not go.
            _rung = bell.changed() => {}
            () = tokio::time::sleep(FILES_LOOK) => {}
        }
    }
}
