//! Making a bundle: what a line would carry to this peer, from what it has last confirmed.

use std::collections::BTreeMap;
use std::io::Write;

use proto::sync::{
    Ack, Batch, BundleMemory, BundleOpening, BundlePoint, BundleQuestion, Bye, Diagnosis,
    FeedState, Frame, Healed, Hello, Result as ResultWire, Welcome, frame::Frame as Body,
};
use replica::limits::BATCH_RECORDS_MAX;
use replica::session::{FeedPoint, PROTOCOL, Role, Standing, prints};
use replica::{RecordKey, ScopeId};

use super::proof::{self, Asking};
use super::seal::Sealer;
use super::{BundleError, BundleRoute, Given, GivenProof, host};
use crate::certify::{Signer, receipted};
use crate::driver::SessionSeat;

/// Points of one peer's bundles that are remembered. Whoever makes more without an answer may be
/// asked for one.
const REACHED_MAX: usize = 64;
/// How often the sums are read again because the feed has moved meanwhile.
const CATCH_UP: usize = 4;
/// Records of an exchange that are asked for at once, as in a session.
const FETCH_RECORDS: usize = BATCH_RECORDS_MAX / 4;

/// Points of our feeds, by scope.
pub(super) type Points = BTreeMap<ScopeId, FeedPoint>;

/// Makes a bundle. What is to be remembered is noted in `memory` when all is written. Blocks.
///
/// # Errors
/// The file cannot be written, a key cannot be used, or the store does not answer.
pub fn give<W: Write>(
    out: W,
    route: &BundleRoute,
    seat: &SessionSeat,
    memory: &mut BundleMemory,
) -> Result<(W, Given), BundleError> {
    let result = Plan::make(seat, memory).and_then(|plan| plan.write(out, route, memory));
    host::close(seat);
    result
}

/// What goes into a bundle, as far as it is known before the batches are read.
struct Plan<'a> {
    seat: &'a SessionSeat,
    greeting: Body,
    standings: Vec<Standing>,
    /// Where the peer may stand, beside the start.
    points: Vec<BundlePoint>,
    exchange: bool,
}

impl<'a> Plan<'a> {
    fn make(seat: &'a SessionSeat, memory: &BundleMemory) -> Result<Self, BundleError> {
        let hello = host::greet(seat)?;
        let acked = acked(seat)?;
        // What a line has brought since the last confirmation, which is what the bundle starts at.
        let (_, at_acked) = stand(seat, &hello, &acked, memory)?;
        let sound = at_acked.iter().filter(|at| at.sends).filter_map(|at| {
            let point = at.resume.filter(|point| point.seq.0 > 0)?;
            Some(wire(at.scope, point))
        });
        let mut points: Vec<BundlePoint> = sound.collect();
        points.extend(memory.reached.iter().cloned());
        let mut start = acked;
        start.extend(points_of(&memory.confirmed));
        let (welcome, standings) = stand(seat, &hello, &start, memory)?;
        host::hold_back(seat, &memory.held_back)?;
        let lost = standings.iter().any(|at| at.sends && at.resume.is_none());
        let exchange = memory.exchange || lost;
        let greeting = match welcome {
            Some(welcome) => Body::Welcome(diagnosed(welcome, memory, exchange)),
            None => Body::Hello(hello),
        };
        Ok(Self {
            seat,
            greeting,
            standings,
            points,
            exchange,
        })
    }

    fn write<W: Write>(
        self,
        out: W,
        route: &BundleRoute,
        memory: &mut BundleMemory,
    ) -> Result<(W, Given), BundleError> {
        let wall_ms = self.seat.clock.wall_ms();
        // The clock keeps a restored sender from giving a number twice; where it is wrong, the
        // next answer says which numbers were taken.
        let number = wall_ms.max(memory.made.saturating_add(1));
        let mut sealer = Sealer::begin(out, route, number, wall_ms)?;
        let (request, renewed) = route.renewal.fields();
        let starts = self.standings.iter().filter(|at| at.sends);
        let starts = starts.filter_map(|at| at.resume.map(|point| wire(at.scope, point)));
        sealer.opening(BundleOpening {
            certificate: route.certificate.to_vec(),
            taken: memory.taken,
            points: starts.chain(self.points).collect(),
            request,
            renewed,
            everything: self.exchange,
            proofs: true,
        })?;
        // An older program would refuse the parts. While both sides heal there is no cut.
        let asks = memory.proofs && !self.exchange && self.seat.role == Role::Node;
        let mut writer = FrameWriter {
            seat: self.seat,
            sealer,
            records: 0,
            asks: asks.then(|| FeedPoint::from_wire(memory.proved.as_ref())),
            asking: None,
        };
        writer.send(self.greeting)?;
        let mut results: Vec<_> = memory.acks.iter().flat_map(|a| a.results.clone()).collect();
        for standing in self
            .standings
            .iter()
            .filter(|at| at.takes && at.taken.seq.0 > 0)
        {
            // The results are of the last bundle as a whole.
            let results = std::mem::take(&mut results);
            writer.acked(standing, results, route)?;
        }
        let mut reached = Vec::new();
        for standing in &self.standings {
            let end = writer.lane(standing, self.exchange)?;
            reached.extend(standing.sends.then(|| wire(standing.scope, end)));
        }
        let records = writer.records;
        let (proof, asked) = writer.prove(memory, self.exchange)?;
        let out = writer.sealer.finish(frame(Body::Bye(Bye::default())))?;
        memory.made = number;
        asked
            .into_iter()
            .for_each(|asked| proof::note(memory, asked));
        memory.handed = match (proof.hands_in, memory.handed) {
            (false, _) => 0,
            (true, 0) => number,
            (true, handed) => handed,
        };
        memory.reached.retain(|known| !reached.contains(known));
        memory.reached.extend(reached);
        let over = memory.reached.len().saturating_sub(REACHED_MAX);
        memory.reached.drain(..over);
        if self.exchange {
            memory.full = number;
        }
        let exchange = self.exchange;
        Ok((
            out,
            Given {
                number,
                records,
                exchange,
                proof,
            },
        ))
    }
}

/// A Welcome that carries everything says so by its diagnosis. What the hub knows otherwise of the
/// node's lives goes with it.
fn diagnosed(mut welcome: Welcome, memory: &BundleMemory, exchange: bool) -> Welcome {
    welcome.heads.clone_from(&memory.heads);
    if exchange && matches!(welcome.diagnosis(), Diagnosis::Ok | Diagnosis::YouLag) {
        let found = memory.diagnosis();
        let found = match found {
            Diagnosis::Unspecified | Diagnosis::Ok | Diagnosis::YouLag => Diagnosis::NoOverlap,
            found => found,
        };
        welcome.diagnosis = found.into();
    }
    welcome
}

/// Writes frames into a bundle.
struct FrameWriter<'a, W> {
    seat: &'a SessionSeat,
    sealer: Sealer<'a, W>,
    records: u64,
    /// Whether this node asks for a certificate, and the end of its feed at the last one.
    asks: Option<FeedPoint>,
    asking: Option<Asking>,
}

impl<W: Write> FrameWriter<'_, W> {
    fn send(&mut self, body: Body) -> Result<(), BundleError> {
        self.sealer.frame(frame(body))
    }

    /// Writes what was taken of a feed of the peer; the hub's word bears its receipt, as on a line.
    fn acked(
        &mut self,
        standing: &Standing,
        results: Vec<ResultWire>,
        route: &BundleRoute,
    ) -> Result<(), BundleError> {
        let mut frame = frame(Body::Ack(Ack {
            scope: standing.scope.0.to_vec(),
            upto: standing.taken.to_wire(),
            results,
            ..Ack::default()
        }));
        if self.seat.role == Role::Hub {
            let signer = Signer::new(&route.certificate, &route.key);
            let signer = signer.or(Err(BundleError::Material))?;
            let sides = (route.from, route.to);
            frame = receipted(frame, &signer, &*self.seat.clock, sides, &mut Vec::new());
        }
        self.sealer.frame(frame)
    }

    fn batch(&mut self, batch: Batch) -> Result<(), BundleError> {
        self.records += batch.records.len() as u64;
        self.send(Body::Batch(batch))
    }

    /// Writes one scope: all that differs when the checkpoints are worthless, then the feed to its
    /// end, then the sums there. Returns the point that was reached.
    fn lane(&mut self, standing: &Standing, exchange: bool) -> Result<FeedPoint, BundleError> {
        let mut cursor = match standing.resume {
            Some(resume) if !exchange => resume,
            Some(_) | None => self.everything(standing)?,
        };
        let mut end = standing.end;
        for _ in 0..CATCH_UP {
            if standing.sends {
                cursor = self.feed(standing.scope, cursor, end)?;
            }
            let sums = host::sum(self.seat, standing.scope)?;
            let cut = sums.cut;
            if cut == cursor || !standing.sends {
                let (node, hub) = match self.seat.role {
                    Role::Node => (cut, standing.taken),
                    Role::Hub => (standing.taken, cut),
                };
                if let Some(proved) = self.asks.filter(|_| standing.sends) {
                    self.asking = Asking::at(self.seat, &sums, proved);
                }
                let prints = prints(standing.scope, sums, node, Some(hub));
                self.send(Body::Prints(prints))?;
                break;
            }
            end = cut;
        }
        Ok(cursor)
    }

    fn feed(
        &mut self,
        scope: ScopeId,
        mut cursor: FeedPoint,
        end: FeedPoint,
    ) -> Result<FeedPoint, BundleError> {
        while cursor.seq < end.seq {
            let batch = host::read(self.seat, scope, cursor)?;
            let upto = FeedPoint::from_wire(batch.upto.as_ref());
            if upto.seq <= cursor.seq {
                break;
            }
            self.batch(batch)?;
            cursor = upto;
        }
        Ok(cursor)
    }

    /// Writes what there is to say for a certificate. Returns also what is to be noted.
    fn prove(
        &mut self,
        memory: &BundleMemory,
        exchange: bool,
    ) -> Result<(GivenProof, Option<BundleQuestion>), BundleError> {
        let mut given = GivenProof::default();
        if !memory.proofs {
            return Ok((given, None));
        }
        given.hands_in = proof::hand_in(memory, &mut self.sealer)?;
        let asked = match self.asking.take() {
            Some(asking) => asking.write(self.seat, &mut self.sealer)?,
            None => None,
        };
        given.asks = asked.is_some();
        if let Some(stated) = memory.stated.as_ref().filter(|_| !exchange) {
            given.states = proof::answer(self.seat, stated, &mut self.sealer)?;
        }
        Ok((given, asked))
    }

    /// Everything, outside the feed, as after leaves of which none is held. Returns the cut.
    fn everything(&mut self, standing: &Standing) -> Result<FeedPoint, BundleError> {
        let scope = standing.scope;
        let sums = host::sum(self.seat, scope)?;
        let cut = sums.cut;
        if self.seat.role == Role::Node {
            self.send(Body::Prints(prints(scope, sums, cut, None)))?;
        }
        let mut waiting: Vec<RecordKey> = host::keys(self.seat, scope)?;
        waiting.extend(&standing.offer);
        waiting.reverse();
        while !waiting.is_empty() {
            let from = waiting.len().saturating_sub(FETCH_RECORDS);
            let mut next = waiting.split_off(from);
            next.reverse();
            let (batch, rest) = host::fetch(self.seat, scope, next)?;
            waiting.extend(rest.into_iter().rev());
            if !batch.records.is_empty() {
                self.batch(batch)?;
            }
        }
        self.send(Body::Healed(Healed {
            scope: scope.0.to_vec(),
            cut: cut.to_wire(),
        }))?;
        Ok(cut)
    }
}

/// Where both sides stand if the peer has taken our feeds as far as this. At the hub also what a
/// node that says so is answered.
fn stand(
    seat: &SessionSeat,
    own: &Hello,
    at: &Points,
    memory: &BundleMemory,
) -> Result<(Option<Welcome>, Vec<Standing>), BundleError> {
    let feeds = own.feeds.iter().map(|feed| {
        let scope = ScopeId::try_from(feed.scope.as_slice()).ok();
        let point = scope.and_then(|scope| at.get(&scope)).copied();
        FeedState {
            scope: feed.scope.clone(),
            end: None,
            taken: point.unwrap_or_default().to_wire(),
        }
    });
    let peer = seat.login.peer;
    match seat.role {
        Role::Node => {
            let welcome = Welcome {
                protocol: PROTOCOL,
                replica: peer.0.to_vec(),
                feeds: feeds.collect(),
                positions: memory.known.clone(),
                ..Welcome::default()
            };
            Ok((None, host::accept(seat, welcome)?))
        }
        Role::Hub => {
            let known = own.positions.iter().filter(|p| p.replica == peer.0);
            let hello = Hello {
                protocol_min: PROTOCOL,
                protocol_max: PROTOCOL,
                replica: peer.0.to_vec(),
                positions: known.cloned().collect(),
                feeds: feeds.collect(),
                ..Hello::default()
            };
            let (welcome, standings) = host::welcome(seat, hello)?;
            Ok((Some(welcome), standings))
        }
    }
}

/// What the store knows that the peer has taken, by a line or by bundles.
fn acked(seat: &SessionSeat) -> Result<Points, BundleError> {
    let status = seat.writer.status().or(Err(BundleError::Store))?;
    let of_peer = status
        .peers
        .iter()
        .filter(|peer| peer.replica == seat.login.peer);
    Ok(of_peer.map(|peer| (peer.scope, peer.sent_at)).collect())
}

fn frame(body: Body) -> Frame {
    Frame { frame: Some(body) }
}

pub(super) fn wire(scope: ScopeId, point: FeedPoint) -> BundlePoint {
    BundlePoint {
        scope: scope.0.to_vec(),
        point: point.to_wire(),
    }
}

/// Points with their scopes; a malformed scope is left out.
pub(super) fn points_of(points: &[BundlePoint]) -> impl Iterator<Item = (ScopeId, FeedPoint)> {
    points.iter().filter_map(|at| {
        let scope = ScopeId::try_from(at.scope.as_slice()).ok()?;
        Some((scope, FeedPoint::from_wire(at.point.as_ref())))
    })
}
