//! What a certified node can do to the proofs: ask about others, claim what it likes, hold the hub
//! up, leave its false papers there.

use std::sync::Arc;

use link::{CERTIFICATES, Outcome, Prover, Signer, check, stable_code};
use program::clock::SystemClock;
use prost::Message as _;
use proto::stored::{Certificate, Statement};
use proto::sync::{
    Answer, CertifyAsk, CertifyReply, Names, Position, Question, certify_ask::Ask,
    certify_reply::Reply, proof_client::ProofClient,
};
use replica::{ReplicaId, ScopeId};
use tests::rig::{CITY, NodeRig};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{
    hostile::{PATIENCE, dial},
    world::{World, save},
};

/// A question by hand.
struct Talk {
    out: mpsc::Sender<CertifyAsk>,
    inbound: Streaming<CertifyReply>,
}

impl Talk {
    async fn open(node: &NodeRig) -> Result<Self, Status> {
        let (out, asks) = mpsc::channel(64);
        let mut client = ProofClient::new(dial(node).await);
        let inbound = client.certify(ReceiverStream::new(asks)).await?;
        Ok(Self {
            out,
            inbound: inbound.into_inner(),
        })
    }

    async fn say(&self, ask: Ask) {
        let ask = CertifyAsk { ask: Some(ask) };
        self.out.send(ask).await.unwrap_or_default();
    }

    async fn hear(&mut self) -> Result<Option<Reply>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.inbound.message());
        let next = next.await.expect("the hub answers in time")?;
        Ok(next.and_then(|reply| reply.reply))
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, Status> {
        self.say(Ask::Question(question)).await;
        match self.hear().await? {
            Some(Reply::Answer(answer)) => Ok(answer),
            other => panic!("no answer but {other:?}"),
        }
    }

    /// The hub's statement to a node that names nothing.
    async fn statement(&mut self) -> Result<proto::stored::Signed, Status> {
        let names = Names {
            names: Vec::new(),
            last: true,
        };
        self.say(Ask::Names(names)).await;
        loop {
            match self.hear().await? {
                Some(Reply::Names(_)) => {}
                Some(Reply::Statement(signed)) => return Ok(signed),
                other => panic!("no statement but {other:?}"),
            }
        }
    }
}

fn code(status: &Status) -> &str {
    stable_code(status).unwrap_or_default()
}

fn prover(node: &NodeRig) -> Prover {
    Prover {
        writer: node.handle(),
        hub: node.hub,
        scope_code: String::new(),
        signer: Signer::new(&node.material.certificate, &node.material.key).unwrap(),
        clock: Arc::new(SystemClock::default()),
    }
}

/// A question at the cut where the node and the hub stand.
fn question(node: &NodeRig, positions: Vec<Position>) -> Question {
    let grounds = node.handle().grounds(node.scope, node.hub).unwrap();
    Question {
        scope: node.scope.0.to_vec(),
        node: grounds.end.to_wire(),
        hub: grounds.taken.to_wire(),
        left_out: Vec::new(),
        positions,
    }
}

fn kept(world: &World) -> usize {
    world.reader().locals(CERTIFICATES).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_nothing_of_other_scopes_and_nothing_at_another_cut() {
    let world = World::new().await;
    save(&world.place, 0..3);
    world.place.settle(PATIENCE).await;
    for scope in [world.honest.scope.0.to_vec(), Vec::new(), vec![7; 16]] {
        let mut talk = Talk::open(&world.place).await.unwrap();
        let asked = talk.ask(Question {
            scope,
            ..question(&world.place, Vec::new())
        });
        assert_eq!(code(&asked.await.unwrap_err()), "SYNC-106");
    }
    let mut talk = Talk::open(&world.place).await.unwrap();
    let elsewhere = Question {
        hub: None,
        ..question(&world.place, Vec::new())
    };
    assert_eq!(talk.ask(elsewhere).await.unwrap(), Answer::default());
    assert_eq!(talk.hear().await.unwrap(), None, "that is all it says");
    // Beside all that an honest question is answered, in both scopes.
    let prover = prover(&world.place);
    for scope in [world.place.scope, domain::scope_id(CITY)] {
        let compared = prover.compare(dial(&world.place).await, scope).await;
        assert_eq!(compared.unwrap().outcome, Outcome::Equal);
    }
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_any_height_makes_the_claimants_own_certificate_false_and_no_more() {
    let world = World::new().await;
    save(&world.place, 0..3);
    world.place.settle(PATIENCE).await;
    let claim = |incarnation: u64, replica: ReplicaId| Position {
        incarnation,
        counter: u64::MAX,
        head: vec![1; 32],
        replica: replica.0.to_vec(),
    };
    let claims = (0..1_000).map(|n| claim(n, world.hub.replica));
    // What it says of others is passed over.
    let claims = claims.chain([claim(5_000, world.honest.replica)]);
    let mut talk = Talk::open(&world.place).await.unwrap();
    let asked = question(&world.place, claims.collect());
    assert!(talk.ask(asked).await.unwrap().same);
    let signed = talk.statement().await.unwrap();
    let statement = Statement::decode(signed.body.as_slice()).unwrap();
    let missing = statement.lives.iter().filter(|life| life.missing > 0);
    assert_eq!(missing.count(), 1_000);
    drop(talk);
    let made = prover(&world.place)
        .certify(dial(&world.place).await, world.place.scope)
        .await
        .unwrap();
    let authorities = [world.hub.authority.certificate().clone()];
    let checked = check(&made, &authorities);
    assert!(checked.is_true(), "{:?}", checked.faults);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_hub_did_not_state_or_the_caller_did_not_sign_is_not_kept() {
    let world = World::new().await;
    save(&world.place, 0..3);
    world.place.settle(PATIENCE).await;
    let good = prover(&world.place)
        .certify(dial(&world.place).await, world.place.scope)
        .await
        .unwrap();
    assert_eq!(kept(&world), 1);
    let mut forged = good.clone();
    let node = forged.node.as_mut().unwrap();
    node.signature = vec![0; 70];
    let swapped = Certificate {
        node: good.hub.clone(),
        ..good.clone()
    };
    for paper in [good, forged, swapped, Certificate::default()] {
        let mut talk = Talk::open(&world.place).await.unwrap();
        let asked = question(&world.place, Vec::new());
        assert!(talk.ask(asked).await.unwrap().same);
        talk.statement().await.unwrap();
        // An old one, too: the hub has just stated something else.
        talk.say(Ask::Certificate(paper)).await;
        let refused = talk.hear().await.unwrap_err();
        assert_eq!(code(&refused), "PROOF-011");
    }
    assert_eq!(kept(&world), 1);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_has_one_question_at_a_time_and_holds_up_nobody_else() {
    let world = World::new().await;
    save(&world.place, 0..3);
    world.place.settle(PATIENCE).await;
    let mut first = Talk::open(&world.place).await.unwrap();
    let asked = question(&world.place, Vec::new());
    assert!(first.ask(asked.clone()).await.unwrap().same);
    // It begins to name, and never ends.
    first.say(Ask::Names(Names::default())).await;
    let second = Talk::open(&world.place).await;
    let refused = second.map(drop).unwrap_err();
    assert_eq!(code(&refused), "PROOF-006");
    let honest = prover(&world.honest)
        .certify(dial(&world.honest).await, world.honest.scope)
        .await
        .unwrap();
    let authorities = [world.hub.authority.certificate().clone()];
    assert!(check(&honest, &authorities).is_true());
    drop(first);
    crate::world::until("its turn is over", || {
        let open = Talk::open(&world.place);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(open)).is_ok()
    })
    .await;
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_out_of_order_and_a_revoked_node_are_refused() {
    let world = World::new().await;
    save(&world.place, 0..3);
    world.place.settle(PATIENCE).await;
    let mut talk = Talk::open(&world.place).await.unwrap();
    talk.say(Ask::Names(Names::default())).await;
    assert_eq!(code(&talk.hear().await.unwrap_err()), "PROOF-004");
    let channel = dial(&world.place).await;
    world.hub.roll.strike(world.place.replica);
    let scope: ScopeId = world.place.scope;
    let refused = prover(&world.place).compare(channel, scope).await;
    assert_eq!(refused.unwrap_err().code(), "LINK-029");
    world.survives().await;
}
