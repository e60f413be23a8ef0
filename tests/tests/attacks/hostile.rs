//! A node with a real certificate that says what a test wants it to say.
//!
//! [`Line`] is a session by hand: frames out, frames in, over real TLS. [`Puppet`] writes records
//! without a store and remembers what a node would have to know: its incarnation, its counter, the
//! end of its feed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use link::Dialer;
use program::clock::SystemClock;
use proto::sync::{
    Ack, Batch, Diagnosis, Frame, Hello, Outcome, Position, Result as ResultWire, Welcome,
    frame::Frame as Body, sync_client::SyncClient,
};
use replica::{
    Dot, Edit, Head, HybridTime, Incarnation, Record, RecordKey, RegisterId, ReplicaId, ScopeId,
    Seq, Set, Shown, Sibling, Source, Stamp, session::FeedPoint,
};
use tests::{rig::NodeRig, sample};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

/// What any single answer may take. The hub needs milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Dials the hub with a node's own certificate.
pub(crate) async fn dial(node: &NodeRig) -> Channel {
    let clock = Arc::new(SystemClock::default());
    let address = format!("https://{}", node.address).parse().unwrap();
    let dialled = Dialer::tcp(clock).dial(&address, &node.material).await;
    dialled.expect("the certificate is real")
}

/// A session by hand.
pub(crate) struct Line {
    out: mpsc::Sender<Frame>,
    inbound: Streaming<Frame>,
}

impl Line {
    /// Opens a session and says nothing yet.
    pub(crate) async fn open(node: &NodeRig) -> Self {
        Self::over(dial(node).await).await
    }

    /// The same on a connection that stands.
    pub(crate) async fn over(channel: Channel) -> Self {
        let (out, frames) = mpsc::channel(64);
        let mut client = SyncClient::new(channel).max_encoding_message_size(64 << 20);
        let answer = client.exchange(ReceiverStream::new(frames)).await;
        let inbound = answer.expect("the hub takes the call").into_inner();
        Self { out, inbound }
    }

    /// Sends a frame. A session that has ended takes nothing more, which the answer shows.
    pub(crate) async fn say(&self, body: Body) {
        let frame = Frame { frame: Some(body) };
        self.out.send(frame).await.unwrap_or_default();
    }

    /// Sends a frame that is none.
    pub(crate) async fn say_nothing(&self) {
        self.out
            .send(Frame { frame: None })
            .await
            .unwrap_or_default();
    }

    /// The next frame; none at the end of the stream.
    pub(crate) async fn hear(&mut self) -> Option<Body> {
        let next = tokio::time::timeout(PATIENCE, self.inbound.message());
        let frame = next.await.expect("the hub answers in time").ok()??;
        frame.frame
    }

    /// Greets and waits for the hub's answer.
    pub(crate) async fn greet(&mut self, hello: Hello) -> Welcome {
        self.say(Body::Hello(hello)).await;
        match self.hear().await {
            Some(Body::Welcome(welcome)) => welcome,
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// Waits for the next ack; what else the hub sends is passed over.
    pub(crate) async fn ack(&mut self) -> Ack {
        loop {
            match self.hear().await {
                Some(Body::Ack(ack)) => return ack,
                Some(Body::Bye(bye)) => panic!("the hub said {:?}", bye.code),
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        }
    }

    /// Waits for an ack, or for the code of the hub's Bye.
    pub(crate) async fn ack_or_bye(&mut self) -> Result<Ack, String> {
        loop {
            match self.hear().await {
                Some(Body::Ack(ack)) => return Ok(ack),
                Some(Body::Bye(bye)) => return Err(bye.code),
                Some(_) => {}
                None => return Err(String::new()),
            }
        }
    }

    /// Sends a batch and waits for its results.
    pub(crate) async fn push(&mut self, batch: Batch) -> Vec<ResultWire> {
        self.say(Body::Batch(batch)).await;
        self.ack().await.results
    }

    /// Waits for the end of the session: the code of the hub's Bye, or none when it just ended.
    pub(crate) async fn end(&mut self) -> Option<String> {
        let mut code = None;
        while let Some(body) = self.hear().await {
            if let Body::Bye(bye) = body {
                code = Some(bye.code);
            }
        }
        code
    }
}

/// What a hostile node would have to know, without a store.
#[derive(Clone)]
pub(crate) struct Puppet {
    pub(crate) replica: ReplicaId,
    pub(crate) scope: ScopeId,
    pub(crate) incarnation: Incarnation,
    /// The counter of its last write.
    pub(crate) counter: u64,
    /// The end of the feed that it has told of.
    pub(crate) feed: FeedPoint,
}

impl Puppet {
    /// A node before its first write.
    pub(crate) fn of(node: &NodeRig) -> Self {
        Self {
            replica: node.replica,
            scope: node.scope,
            incarnation: Incarnation(program::app::random()),
            counter: 0,
            feed: FeedPoint::default(),
        }
    }

    /// An honest greeting: it knows of itself only.
    pub(crate) fn hello(&self) -> Hello {
        Hello {
            protocol_min: 1,
            protocol_max: 1,
            schema: program::app::SCHEMA,
            replica: self.replica.0.to_vec(),
            incarnation: self.incarnation.0,
            positions: self.known(),
            feeds: Vec::new(),
            now_ms: 0,
        }
    }

    /// How far it has come, once it has written.
    pub(crate) fn known(&self) -> Vec<Position> {
        let position = position(self.replica, self.incarnation, self.counter);
        (self.counter > 0).then_some(position).into_iter().collect()
    }

    /// The name of its next write.
    pub(crate) fn next_dot(&mut self) -> Dot {
        self.counter += 1;
        Dot {
            incarnation: self.incarnation,
            counter: self.counter,
        }
    }

    /// A new sample organisation of its scope.
    pub(crate) fn make(&mut self, n: u64) -> Record {
        self.make_in(self.scope, n)
    }

    /// A new sample organisation of any scope.
    pub(crate) fn make_in(&mut self, scope: ScopeId, n: u64) -> Record {
        let dot = self.next_dot();
        write(&sample::make(scope, n), None, dot)
    }

    /// A state of a record with one more write.
    pub(crate) fn set(&mut self, record: &Record, register: RegisterId, value: &[u8]) -> Record {
        let dot = self.next_dot();
        set(record, register, value, dot)
    }

    /// A batch that continues its feed.
    pub(crate) fn batch(&mut self, records: &[Record]) -> Batch {
        self.batch_of(records.iter().map(Record::encode).collect())
    }

    /// The same of any bytes.
    pub(crate) fn batch_of(&mut self, records: Vec<Bytes>) -> Batch {
        let after = self.feed;
        self.feed = FeedPoint {
            seq: Seq(after.seq.0 + records.len().max(1) as u64),
            head: Head(*blake3::hash(&after.head.0).as_bytes()),
        };
        Batch {
            scope: self.scope.0.to_vec().into(),
            after: after.to_wire(),
            upto: self.feed.to_wire(),
            records,
            positions: self.known(),
            exchange: false,
        }
    }

    /// Opens a session as an honest node would.
    pub(crate) async fn call(&self, node: &NodeRig) -> Line {
        let mut line = Line::open(node).await;
        let welcome = line.greet(self.hello()).await;
        assert!(
            matches!(welcome.diagnosis(), Diagnosis::Ok | Diagnosis::YouLag),
            "{welcome:?}"
        );
        line
    }
}

/// How far an incarnation has come, as somebody claims.
pub(crate) fn position(replica: ReplicaId, incarnation: Incarnation, counter: u64) -> Position {
    Position {
        incarnation: incarnation.0,
        counter,
        head: vec![1; 32],
        replica: replica.0.to_vec(),
    }
}

/// The state after an edit, under any name.
pub(crate) fn write(edit: &Edit, before: Option<&Record>, dot: Dot) -> Record {
    let blank = Record::new(edit.key, edit.scope);
    let stamp = Stamp {
        dot,
        time: HybridTime(1 << 40),
        epoch: 0,
    };
    let after = edit.apply(before.unwrap_or(&blank), stamp, false, &|_, _| None);
    after.expect("the edit can be made")
}

/// The state after one register was set, replacing what stands there.
pub(crate) fn set(record: &Record, register: RegisterId, value: &[u8], dot: Dot) -> Record {
    let shown = record
        .register(register)
        .iter()
        .map(Sibling::shown)
        .collect();
    write(
        &raw_edit(record.key, record.scope, register, value, shown),
        Some(record),
        dot,
    )
}

/// An edit of one register, whatever its bytes mean.
pub(crate) fn raw_edit(
    key: RecordKey,
    scope: ScopeId,
    register: RegisterId,
    value: &[u8],
    shown: Vec<Shown>,
) -> Edit {
    Edit {
        key,
        scope,
        set: vec![Set {
            register,
            value: Bytes::copy_from_slice(value),
            shown,
        }],
        author: "mallory@elsewhere".to_owned(),
        reason: "because".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    }
}

/// The outcome and code of the one result of an ack.
pub(crate) fn only(results: &[ResultWire]) -> (Outcome, &str) {
    let [result] = results else {
        panic!("one result is expected: {results:?}")
    };
    (result.outcome(), &result.code)
}
