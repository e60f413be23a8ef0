//! The node's side: it hears what the hub wants and gives it, and fetches what was asked for here.

use proto::sync::{FileGiven, FilePiece, FileTaken, FileWant, WantsAsk, files_client::FilesClient};
use replica::ReplicaId;
use tonic::{Request, Status};

use super::desk::piece;
use super::{Asker, FileDesk, FilesError, beside};
use crate::Channel;
use crate::fault::DialError;
use crate::limits::{FILES_LOOK, MESSAGE_BYTES_MAX, PIECE_BYTES_MAX};
use crate::refusal::stable_code;

/// How long to carry on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrying {
    /// Until all that waits on either side was tried.
    Once,
    /// As long as the line holds.
    Following,
}

/// What was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Files that the hub has now.
    pub given: usize,
    /// Files that are here now.
    pub taken: usize,
}

type Client = FilesClient<Channel>;

/// Carries files in both directions over a channel that has been dialled: one piece at a time, so
/// that records go first.
///
/// # Errors
/// The line broke, the hub does not know files, or the disk or the store failed.
pub async fn carry(
    channel: Channel,
    desk: FileDesk,
    hub: ReplicaId,
    carrying: Carrying,
) -> Result<Carried, FilesError> {
    let mut client = FilesClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let mut bell = desk.bell();
    let follow = carrying == Carrying::Following;
    let wants = client.wants(Request::new(WantsAsk { follow })).await;
    let mut wants = wants.map_err(|status| line(&status))?.into_inner();
    let mut carried = Carried::default();
    loop {
        bell.mark_unchanged();
        carried.taken += fetch_all(&mut client, &desk, hub).await?;
        tokio::select! {
            want = wants.message() => match want.map_err(|status| line(&status))? {
                Some(want) => carried.given += usize::from(give(&mut client, &desk, hub, want).await?),
                None => return Ok(carried),
            },
            // The room outlives the desk, so the bell does not go.
            _rung = bell.changed() => {}
            () = tokio::time::sleep(FILES_LOOK) => {}
        }
    }
}

fn line(status: &Status) -> FilesError {
    DialError::of_status(status).into()
}

/// Gives the hub what it wants, or says why not. Returns whether it has all of it now.
async fn give(
    client: &mut Client,
    desk: &FileDesk,
    hub: ReplicaId,
    want: FileWant,
) -> Result<bool, FilesError> {
    let (judge, asked) = (desk.clone(), want.clone());
    let content = match beside(move || judge.judge(Asker::Hub, hub, &asked)).await {
        Ok(content) => content,
        Err(error) => {
            let code = error.code().to_owned();
            let none = FilePiece {
                code,
                ..FilePiece::default()
            };
            send(client, &want.id, none).await?;
            return Ok(false);
        }
    };
    let mut next = want.offset;
    // A part that was spoilt begins anew once; a hub that asks for ever is not answered for ever.
    for _ in 0..=3 * content.len().div_ceil(PIECE_BYTES_MAX) {
        let taken = send(client, &want.id, piece(&content, next)).await?;
        let code = (!taken.code.is_empty()).then_some(taken.code);
        if taken.whole || code.is_some() {
            let (desk, id, is_whole) = (desk.clone(), want.id, taken.whole);
            beside(move || desk.given_out(hub, &id, code.as_deref())).await?;
            return Ok(is_whole);
        }
        next = taken.next;
    }
    Ok(false)
}

/// Sends a piece. A refusal of the hub is an answer; a broken line is not.
async fn send(client: &mut Client, id: &[u8], piece: FilePiece) -> Result<FileTaken, FilesError> {
    let given = FileGiven {
        id: id.to_vec(),
        piece: Some(piece),
    };
    match client.give(Request::new(given)).await {
        Ok(taken) => Ok(taken.into_inner()),
        Err(status) => match stable_code(&status) {
            Some(code) if code.starts_with("ATTACH-") => Ok(FileTaken {
                code: code.to_owned(),
                ..FileTaken::default()
            }),
            _ => Err(line(&status)),
        },
    }
}

/// Fetches what was asked for here, one after the other. Returns how many came whole.
async fn fetch_all(
    client: &mut Client,
    desk: &FileDesk,
    hub: ReplicaId,
) -> Result<usize, FilesError> {
    let asked = desk.clone();
    let wanted = beside(move || asked.wanted(hub, None)).await?;
    let mut fetched = 0;
    for want in wanted {
        fetched += usize::from(fetch(client, desk, hub, want).await?);
    }
    Ok(fetched)
}

async fn fetch(
    client: &mut Client,
    desk: &FileDesk,
    hub: ReplicaId,
    mut want: FileWant,
) -> Result<bool, FilesError> {
    let size = usize::try_from(want.size).unwrap_or(usize::MAX);
    // A part that was spoilt begins anew once; a hub that gives nothing is not asked for ever.
    for _ in 0..=3 * size.div_ceil(PIECE_BYTES_MAX) {
        let piece = match client.ask(Request::new(want.clone())).await {
            Ok(piece) => piece.into_inner(),
            Err(status) => {
                let Some(code) = stable_code(&status).filter(|code| code.starts_with("ATTACH-"))
                else {
                    return Err(line(&status));
                };
                let (desk, id, code) = (desk.clone(), want.id, code.to_owned());
                beside(move || desk.not_given(hub, &id, &code)).await?;
                return Ok(false);
            }
        };
        let (taker, id) = (desk.clone(), want.id.clone());
        match beside(move || taker.take((hub, None), &id, &piece)).await {
            Ok(taken) if taken.whole => return Ok(true),
            Ok(taken) if !taken.code.is_empty() => return Ok(false),
            Ok(taken) => want.offset = taken.next,
            // What is wrong with one file keeps no other back.
            Err(FilesError::Refused { code }) => {
                let (desk, id) = (desk.clone(), want.id);
                beside(move || desk.not_given(hub, &id, code)).await?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
