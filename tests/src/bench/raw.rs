//! The raw limits: the same bytes into sled by one writer, and over TLS with no store.

use std::{path::Path, sync::Arc, time::Instant};

use bytes::Bytes;
use link::Dialer;
use proto::sync::{Batch, Frame, frame::Frame as Body, sync_server::Sync as SyncRpc};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use crate::rig::{CITY, HubRig, Medium, fresh_replica};

/// Puts the bytes into sled under sequential keys, in batches of 1,024, each flushed and synced.
/// Returns records a second.
///
/// # Panics
/// When sled fails.
pub(crate) fn sled(folder: &Path, records: &[Bytes]) -> f64 {
    let db = sled::Config::new()
        .path(folder)
        .cache_capacity(64 << 20)
        .flush_every_ms(None)
        .open()
        .expect("sled opens");
    let file = std::fs::File::open(folder.join("db")).expect("sled has a file");
    let start = Instant::now();
    for (number, chunk) in records.chunks(1_024).enumerate() {
        let mut batch = sled::Batch::default();
        for (at, record) in chunk.iter().enumerate() {
            let key = ((number * 1_024 + at) as u64).to_be_bytes();
            batch.insert(&key[..], &record[..]);
        }
        db.apply_batch(batch).expect("a batch is applied");
        db.flush().expect("sled flushes");
        file.sync_data().expect("the file is synced");
    }
    records.len() as f64 / start.elapsed().as_secs_f64()
}

/// Seconds of one append and sync, median of `n`.
///
/// # Panics
/// When the disk fails.
pub(crate) fn fsync_ms(folder: &Path, n: usize) -> f64 {
    use std::io::Write as _;
    let mut file = std::fs::File::create(folder.join("fsync")).expect("a file is made");
    let mut times: Vec<f64> = (0..n)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[1; 900]).expect("the file is written");
            file.sync_data().expect("the file is synced");
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(n / 2).copied().unwrap_or(f64::NAN)
}

/// A service that takes batches and counts their records.
#[derive(Debug)]
struct Counter;

#[tonic::async_trait]
impl SyncRpc for Counter {
    type ExchangeStream = ReceiverStream<Result<Frame, Status>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (acks, stream) = mpsc::channel(8);
        let mut inbound = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = inbound.next().await {
                if matches!(frame.frame, Some(Body::Bye(_))) {
                    acks.send(Ok(frame)).await.unwrap_or_default();
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Streams the bytes over tonic with the same TLS and no store. Returns records a second.
///
/// # Panics
/// When the line breaks.
pub(crate) async fn stream(records: &[Bytes]) -> f64 {
    let hub = HubRig::serving(fresh_replica(), &Medium::Memory, |_| Counter).await;
    let node = hub.node(fresh_replica(), CITY, &Medium::Memory);
    let clock: Arc<dyn replica::Clock> = Arc::new(program::clock::SystemClock::default());
    let dialer = Dialer::tcp(clock);
    let address = format!("https://{}", hub.address)
        .parse()
        .expect("an address");
    let channel = dialer
        .dial(&address, &node.material)
        .await
        .expect("the hub is dialled");
    let mut client = proto::sync::sync_client::SyncClient::new(channel)
        .max_decoding_message_size(4 << 20)
        .max_encoding_message_size(4 << 20);
    let (frames, stream) = mpsc::channel(4);
    let mut answers = client
        .exchange(ReceiverStream::new(stream))
        .await
        .expect("a stream")
        .into_inner();
    let start = Instant::now();
    for chunk in records.chunks(1_024) {
        let batch = Batch {
            records: chunk.to_vec(),
            ..Batch::default()
        };
        frames
            .send(Frame {
                frame: Some(Body::Batch(batch)),
            })
            .await
            .expect("the line stands");
    }
    let bye = Body::Bye(proto::sync::Bye::default());
    frames
        .send(Frame { frame: Some(bye) })
        .await
        .expect("the line stands");
    answers.next().await.expect("an answer").expect("a frame");
    let rate = records.len() as f64 / start.elapsed().as_secs_f64();
    drop(frames);
    hub.stop().await.expect("the hub stops");
    rate
}
