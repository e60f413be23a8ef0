//! Rows 7 and 26: frames out of order, over the limits, not continuing, and bytes that are none.

use std::sync::mpsc as std_mpsc;

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message as _;
use proto::sync::{Ack, Batch, Bye, Frame, Healed, Leaves, Prints, Welcome, frame::Frame as Body};
use replica::{
    RegisterId,
    limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, RECORD_BYTES_MAX, WINDOW_BATCHES},
};
use tests::sample;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::{
    hostile::{Line, PATIENCE, Puppet, dial, raw_edit, write},
    world::World,
};

/// Pushes one batch in a session of its own and returns the code that the session ended with.
async fn end_of(world: &World, puppet: &Puppet, batch: Batch) -> Option<String> {
    let mut line = puppet.call(&world.place).await;
    line.say(Body::Batch(batch)).await;
    line.end().await
}

fn large(puppet: &mut Puppet, n: u64, bytes: usize) -> replica::Record {
    let key = replica::RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(puppet.scope, n),
    };
    let value = vec![b'x'; bytes];
    let edit = raw_edit(key, puppet.scope, RegisterId(4_000), &value, Vec::new());
    let dot = puppet.next_dot();
    write(&edit, None, dot)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_batches_and_records_over_the_limits_end_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    // At the limit of a record it goes in, one byte above it does not.
    let frame = large(&mut puppet.clone(), 1, 0).encode().len();
    let fits = {
        let record = large(&mut puppet, 1, RECORD_BYTES_MAX - frame - 20);
        assert!(record.encode().len() <= RECORD_BYTES_MAX);
        record
    };
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[fits])).await, []);
    drop(line);
    let feed = puppet.feed;
    let small = puppet.make(2).encode();
    let over = large(&mut puppet, 3, RECORD_BYTES_MAX).encode();
    let many = vec![small.clone(); BATCH_RECORDS_MAX + 1];
    let much = vec![Bytes::from(vec![0; BATCH_BYTES_MAX / 4]); 13];
    for (records, code) in [
        (vec![over], "SYNC-108"),
        (many, "SYNC-104"),
        (much, "SYNC-104"),
    ] {
        puppet.feed = feed;
        let batch = puppet.batch_of(records);
        assert_eq!(end_of(&world, &puppet, batch).await.as_deref(), Some(code));
    }
    // Beyond what a message may have the stream ends before anything is read into a frame.
    for mebibytes in [5, 40] {
        puppet.feed = feed;
        let batch = puppet.batch_of(vec![Bytes::from(vec![0; mebibytes << 20])]);
        assert_eq!(end_of(&world, &puppet, batch).await, None);
    }
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_bytes_that_are_no_canonical_record_end_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let sound = puppet.make(1).encode();
    let mut twice = sound.to_vec();
    twice.extend_from_slice(&[0x08, 0x05]);
    let mut long_varint = vec![0x08, 0x85, 0x00];
    long_varint.extend_from_slice(&sound[2..]);
    let mut unknown = sound.to_vec();
    unknown.extend_from_slice(&[0x7a, 0x01, 0x00]);
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"garbage"),
        sound.slice(..sound.len() - 1),
        Bytes::from(vec![0xff; 4_096]),
        Bytes::from(twice),
        Bytes::from(long_varint),
        Bytes::from(unknown),
    ] {
        let batch = puppet.clone().batch_of(vec![bytes]);
        assert_eq!(
            end_of(&world, &puppet, batch).await.as_deref(),
            Some("SYNC-108")
        );
    }
    assert_eq!(world.scope(puppet.scope).0.seq.0, 0, "nothing went in");
    world.survives().await;
}

/// While the hub's writer is busy, more batches than any honest node has on its way end the
/// session; the others wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_batches_beyond_the_window_end_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let mut line = puppet.call(&world.place).await;
    let (go, wait) = std_mpsc::channel::<()>();
    let (stands, still) = tokio::sync::oneshot::channel();
    let writer = world.hub.writer.handle();
    let busy = tokio::task::spawn_blocking(move || {
        writer.still(move |_| {
            stands.send(()).unwrap();
            wait.recv().is_ok()
        })
    });
    still.await.unwrap();
    for n in 0..=4 * WINDOW_BATCHES as u64 {
        let record = puppet.make(n);
        let batch = puppet.batch(&[record]);
        line.say(Body::Batch(batch)).await;
    }
    let code = line.end().await;
    go.send(()).unwrap();
    assert!(busy.await.unwrap().unwrap());
    assert_eq!(code.as_deref(), Some("SYNC-105"));
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_26_a_batch_that_does_not_continue_the_feed_ends_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let first = puppet.make(1);
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[first])).await, []);
    drop(line);
    let second = puppet.make(2);
    let good = puppet.clone().batch(&[second]);
    let mut gap = good.clone();
    gap.after.as_mut().unwrap().seq += 1;
    let mut other_head = good.clone();
    other_head.after.as_mut().unwrap().head = vec![7; 32];
    let mut standstill = good.clone();
    standstill.upto.clone_from(&standstill.after);
    let mut backward = good.clone();
    backward.upto = None;
    for batch in [gap, other_head, standstill, backward] {
        assert_eq!(
            end_of(&world, &puppet, batch).await.as_deref(),
            Some("SYNC-107")
        );
    }
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(good).await, [], "the one that continues goes in");
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_26_frames_out_of_order_end_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let early = [
        Body::Welcome(Welcome::default()),
        Body::Batch(puppet.clone().batch(&[record])),
        Body::Ack(Ack::default()),
        Body::Prints(Prints::default()),
        Body::Leaves(Leaves::default()),
        Body::Healed(Healed::default()),
    ];
    for body in early {
        let mut line = Line::open(&world.place).await;
        line.say(body).await;
        assert_eq!(
            line.end().await.as_deref(),
            Some("SYNC-103"),
            "before the greeting"
        );
    }
    for body in [
        Body::Hello(puppet.hello()),
        Body::Welcome(Welcome::default()),
    ] {
        let mut line = puppet.call(&world.place).await;
        line.say(body).await;
        assert_eq!(
            line.end().await.as_deref(),
            Some("SYNC-103"),
            "after the greeting"
        );
    }
    for greeted in [false, true] {
        let mut line = Line::open(&world.place).await;
        if greeted {
            line.greet(puppet.hello()).await;
        }
        line.say_nothing().await;
        assert_eq!(
            line.end().await.as_deref(),
            Some("SYNC-101"),
            "a frame of a later protocol"
        );
    }
    // An orderly end is answered with the end of the stream.
    let mut line = puppet.call(&world.place).await;
    line.say(Body::Bye(Bye::default())).await;
    assert_eq!(line.end().await, None);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_12_a_greeting_under_another_name_or_protocol_is_refused() {
    let world = World::new().await;
    let puppet = world.puppet();
    let mut other = puppet.hello();
    other.replica = world.honest.replica.0.to_vec();
    let mut hub = puppet.hello();
    hub.replica = world.hub.replica.0.to_vec();
    let mut nobody = puppet.hello();
    nobody.replica = Vec::new();
    let mut newer = puppet.hello();
    (newer.protocol_min, newer.protocol_max) = (2, u32::MAX);
    let mut older = puppet.hello();
    (older.protocol_min, older.protocol_max) = (0, 0);
    for (hello, code) in [
        (other, "SYNC-111"),
        (hub, "SYNC-111"),
        (nobody, "SYNC-111"),
        (newer, "SYNC-102"),
        (older, "SYNC-102"),
    ] {
        let mut line = Line::open(&world.place).await;
        line.say(Body::Hello(hello)).await;
        assert_eq!(line.end().await.as_deref(), Some(code));
    }
    // A range that holds ours is fine, whatever else it holds.
    let mut wide = puppet.hello();
    (wide.protocol_min, wide.protocol_max) = (0, 9);
    let mut line = Line::open(&world.place).await;
    assert_eq!(line.greet(wide).await.protocol, 1);
    world.survives().await;
}

/// Messages as raw bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok((length > 0).then(|| from.copy_to_bytes(length)))
    }
}

/// Sends bytes as messages and waits for the end of the stream.
async fn send_raw(world: &World, messages: Vec<Bytes>) {
    let mut grpc = tonic::client::Grpc::new(dial(&world.place).await);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/liangxin.sync.v1.Sync/Exchange");
    let stream = tokio_stream::iter(messages);
    let call = grpc.streaming(tonic::Request::new(stream), path, Raw);
    let Ok(answer) = tokio::time::timeout(PATIENCE, call)
        .await
        .expect("answered in time")
    else {
        return;
    };
    let mut inbound = answer.into_inner();
    let drain = async { while let Ok(Some(_)) = inbound.message().await {} };
    tokio::time::timeout(PATIENCE, drain)
        .await
        .expect("the stream ends in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_26_bytes_that_are_no_frame_end_the_session_and_nothing_else() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let mut hello = Vec::new();
    Frame {
        frame: Some(Body::Hello(puppet.hello())),
    }
    .encode(&mut hello)
    .unwrap();
    let batch = Frame {
        frame: Some(Body::Batch(puppet.batch(&[record]))),
    }
    .encode_to_vec();
    let hello = Bytes::from(hello);
    // Every byte of a greeting and of a batch flipped at some bit, and every length.
    let mut state = 7_u64;
    let mut roll = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..40 {
        let mut damaged = batch.clone();
        for _ in 0..=roll(4) {
            let at = roll(damaged.len());
            damaged[at] ^= 1 << roll(8);
        }
        damaged.truncate(1 + roll(damaged.len()));
        let mut greeting = hello.to_vec();
        if roll(4) == 0 {
            let at = roll(greeting.len());
            greeting[at] ^= 1 << roll(8);
        }
        let messages = vec![greeting.into(), damaged.into()];
        send_raw(&world, messages).await;
    }
    for garbage in [
        vec![0xff; 64],
        vec![0; 64],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        send_raw(&world, vec![garbage.into()]).await;
    }
    world.survives().await;
}
