//! The city program: it takes the calls of nodes, keeps their registry and its own authority, and
//! sees the sum.

mod bundle;
mod claim;
mod codes;
mod command;
mod init;
mod node;
mod nomination;
mod peers;
mod point;
mod registry;
mod scope;
mod serve;
mod transfer;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::permission::Right;
use link::{Holdings, Roster};
use program::{
    App, Exit, Failure, Live, Out, Side,
    accounts::Deed,
    app::{Compared, Enrolled, OwnFacts, PeerView},
    cli::{Place, Setting},
    dir::Role,
    repair::compare::Asking,
};
use proto::stored::Certificate;
use replica::ReplicaId;
use store::{Status, Survey};

use codes::Codes;

pub use command::HubCommand;
pub use registry::{NodeEntry, NodeState, Registry};

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    program::main::<Hub>()
}

/// What the hub keeps beside the records.
#[derive(Debug)]
pub struct Hub {
    registry: Arc<Registry>,
    roster: Roster,
    acceptor: std::sync::OnceLock<serve::Port>,
    codes: Mutex<Codes>,
}

impl Hub {
    /// The credit codes of living organisations.
    fn codes(&self) -> MutexGuard<'_, Codes> {
        // A table that was left half made is only late: the next look goes on with it.
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side for Hub {
    type Command = HubCommand;
    const NAME: &'static str = "liangxin-hub";
    const ABOUT: &'static str = "The city program: takes the calls of nodes and sees the sum";
    const ROLE: Role = Role::Hub;

    fn place(command: &HubCommand) -> Place {
        match command {
            HubCommand::Init(_) | HubCommand::Serve(_) => Place::Local,
            HubCommand::Node(_)
            | HubCommand::Scope(_)
            | HubCommand::Claim(_)
            | HubCommand::Nomination(_)
            | HubCommand::Point(_)
            | HubCommand::Transfer(_)
            | HubCommand::Refill(_) => Place::Store,
            HubCommand::Common(common) => common.place(),
        }
    }

    fn deed(command: &HubCommand) -> Deed {
        match command {
            HubCommand::Init(_) => Deed::open("init"),
            HubCommand::Serve(_) => Deed::open("serve"),
            HubCommand::Node(command) => command.deed(),
            HubCommand::Scope(command) => command.deed(),
            HubCommand::Claim(command) => command.deed(),
            HubCommand::Nomination(command) => command.deed(),
            HubCommand::Point(_) => Deed::of("point list", Right::Read),
            HubCommand::Transfer(command) => command.deed(),
            HubCommand::Refill(_) => Deed::of("refill", Right::Nodes).noted(),
            HubCommand::Common(common) => common.deed(),
        }
    }

    fn open(app: &App) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self {
            registry: Arc::new(Registry::open(app)),
            roster: Roster::default(),
            acceptor: std::sync::OnceLock::new(),
            codes: Mutex::default(),
        }))
    }

    fn local(setting: &Setting, command: HubCommand, out: &mut Out) -> Result<(), Failure> {
        match command {
            HubCommand::Init(args) => init::init(setting, &args, out),
            HubCommand::Serve(args) => serve::serve(setting, &args, out),
            HubCommand::Node(_)
            | HubCommand::Scope(_)
            | HubCommand::Claim(_)
            | HubCommand::Nomination(_)
            | HubCommand::Point(_)
            | HubCommand::Transfer(_)
            | HubCommand::Refill(_) => Ok(()),
            HubCommand::Common(common) => program::commands::local::<Self>(setting, &common, out),
        }
    }

    fn run(self: &Arc<Self>, app: &App, command: HubCommand, out: &mut Out) -> Result<(), Failure> {
        match command {
            HubCommand::Node(command) => node::run(app, self, command, out),
            HubCommand::Scope(command) => scope::run(app, command, out),
            HubCommand::Claim(command) => claim::run(app, self, command, out),
            HubCommand::Nomination(command) => nomination::run(app, &command, out),
            HubCommand::Point(command) => point::run(app, &command, out),
            HubCommand::Transfer(command) => transfer::run(app, self, command, out),
            HubCommand::Refill(args) => node::refill(app, self, &args, out),
            HubCommand::Common(common) => program::commands::run(app, &**self, common, out),
            HubCommand::Init(_) | HubCommand::Serve(_) => Ok(()),
        }
    }
}

impl Live for Hub {
    fn call_again(&self, _app: &App, peer: ReplicaId) -> bool {
        self.roster.hang_up(peer)
    }

    fn peers(&self, app: &App, status: &Status) -> Vec<PeerView> {
        peers::peers(app, self, status)
    }

    fn enrolled(&self, app: &App) -> Enrolled {
        let nodes = self.registry.nodes().unwrap_or_default();
        let (revoked, active): (Vec<_>, Vec<_>) = nodes
            .iter()
            .partition(|entry| entry.state == NodeState::Revoked);
        let published = domain::scope_id(&app.identity.published.code);
        let receives = |entry: &&NodeEntry| {
            let own = domain::scope_id(&entry.scope_code);
            [own, published].map(|scope| (entry.replica(), scope))
        };
        Enrolled {
            replicas: active.iter().flat_map(receives).collect(),
            gone: revoked.into_iter().map(NodeEntry::replica).collect(),
        }
    }

    fn certificate_days(&self, app: &App) -> Option<i64> {
        let port = self.acceptor.get()?;
        let left_ms = port.not_after_ms().saturating_sub(app.clock.wall_ms());
        i64::try_from(left_ms / (24 * 3_600 * 1_000)).ok()
    }

    /// A hub is called and calls nobody: it tells what the nodes' questions of this run found.
    fn compare(&self, app: &App) -> Vec<Compared> {
        peers::compared(app, self)
    }

    fn certify(&self, _app: &App) -> Result<Certificate, Failure> {
        Err(Failure::new("PROOF-007", Exit::Usage))
    }

    /// A hub is called and calls nobody.
    fn holdings(_asking: &Asking<'_>) -> Option<Result<Holdings, Failure>> {
        None
    }

    fn caller_name(survey: &Survey, replica: ReplicaId) -> Option<String> {
        registry::name_in(survey, replica)
    }

    fn own_facts(&self, app: &App) -> OwnFacts {
        let sealed = link::key_state(app.dir.path()).is_ok_and(|state| state.sealed);
        let open_ends = program::records::Scopes::new(app).open_ends();
        OwnFacts {
            key_sealed: Some(sealed),
            open_ends: Some(open_ends.unwrap_or_default()),
            claims: Some(claim::waiting(app, self).unwrap_or_default()),
            moves: Some(transfer::waiting_count(app).unwrap_or_default()),
            reviews: Some(reviews(app).unwrap_or_default()),
        }
    }
}

/// What of ended Party organisations the city has to decide: points under review, nominations.
fn reviews(app: &App) -> Result<usize, Failure> {
    Ok(point::waiting(app)? + nomination::orphaned(app)?)
}
