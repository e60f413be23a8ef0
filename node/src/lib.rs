//! The district program: it keeps the district's ledger, with or without a line, and calls the
//! hub when there is one.

mod bundle;
mod caller;
mod command;
mod files;
mod join;
mod prove;
mod serve;
mod sync;
mod transfer;

use std::{process::ExitCode, sync::Arc};

use domain::permission::Right;
use link::Holdings;
use program::{
    App, Failure, Live, Out, Side,
    accounts::Deed,
    app::{Compared, OwnFacts, PeerView},
    cli::{Place, Setting},
    dir::Role,
    repair::compare::Asking,
};
use proto::stored::Certificate;
use replica::ReplicaId;
use store::Status;

use caller::Line;
pub use command::NodeCommand;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    program::main::<Node>()
}

/// What the node keeps beside the records: its line to the hub.
#[derive(Debug)]
pub struct Node {
    line: Arc<Line>,
}

impl Side for Node {
    type Command = NodeCommand;
    const NAME: &'static str = "liangxin-node";
    const ABOUT: &'static str = "The district program: keeps the ledger, with or without a line";
    const ROLE: Role = Role::Node;

    fn place(command: &NodeCommand) -> Place {
        match command {
            NodeCommand::Join(_) | NodeCommand::Serve(_) => Place::Local,
            NodeCommand::Sync(_) | NodeCommand::Transfer(_) | NodeCommand::Claims => Place::Store,
            NodeCommand::Common(common) => common.place(),
        }
    }

    fn deed(command: &NodeCommand) -> Deed {
        match command {
            NodeCommand::Join(_) => Deed::open("join"),
            NodeCommand::Serve(_) => Deed::open("serve"),
            NodeCommand::Sync(_) => Deed::of("sync", Right::Operate),
            NodeCommand::Claims => Deed::of("claims", Right::Read),
            NodeCommand::Transfer(command) => command.deed(),
            NodeCommand::Common(common) => common.deed(),
        }
    }

    fn open(_app: &App) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self {
            line: Arc::default(),
        }))
    }

    fn local(setting: &Setting, command: NodeCommand, out: &mut Out) -> Result<(), Failure> {
        match command {
            NodeCommand::Join(args) => join::join(setting, &args, out),
            NodeCommand::Serve(args) => serve::serve(setting, &args, out),
            NodeCommand::Sync(_) | NodeCommand::Transfer(_) | NodeCommand::Claims => Ok(()),
            NodeCommand::Common(common) => program::commands::local::<Self>(setting, &common, out),
        }
    }

    fn run(
        self: &Arc<Self>,
        app: &App,
        command: NodeCommand,
        out: &mut Out,
    ) -> Result<(), Failure> {
        match command {
            NodeCommand::Sync(args) => sync::sync(app, self, &args, out),
            NodeCommand::Transfer(command) => transfer::run(app, command, out),
            NodeCommand::Claims => transfer::claims(app, out),
            NodeCommand::Common(common) => program::commands::run(app, &**self, common, out),
            NodeCommand::Join(_) | NodeCommand::Serve(_) => Ok(()),
        }
    }
}

impl Live for Node {
    fn call_again(&self, _app: &App, _peer: ReplicaId) -> bool {
        self.line.call_again()
    }

    fn peers(&self, app: &App, status: &Status) -> Vec<PeerView> {
        let Some(hub) = &app.identity.hub else {
            return Vec::new();
        };
        let state = self.line.state();
        let of_hub = || {
            status
                .peers
                .iter()
                .filter(|peer| peer.replica.to_string() == hub.replica)
        };
        let own = of_hub().find(|peer| peer.scope == app.scope());
        let settled_ms = state
            .settled_ms
            .map(|ms| app.clock.wall_ms().saturating_sub(ms));
        let unequal = of_hub().any(|peer| peer.equal == Some(false));
        let heard = app.reader().heard().unwrap_or_default();
        let heard = of_hub()
            .next()
            .and_then(|peer| heard.get(&peer.replica).copied());
        // Before the first session everything waits.
        let pending = own.map_or_else(|| end_of(app), |peer| peer.pending);
        vec![PeerView {
            replica: hub.replica.clone(),
            is_expected: true,
            seen_ms: heard.map(|heard| heard.at_ms),
            heard,
            failure: state.failure,
            name: format!("hub {}", hub.address),
            state: state.text,
            sent: own.map_or(0, |peer| peer.sent.0),
            received: own.map_or(0, |peer| peer.received.0),
            pending,
            lag_s: settled_ms.map(|ms| ms / 1_000),
            // While something waits the two stand elsewhere than where they were compared.
            equal: own
                .and_then(|peer| peer.equal)
                .map(|equal| equal && !unequal)
                .filter(|equal| *equal || pending == 0),
        }]
    }

    fn certificate_days(&self, app: &App) -> Option<i64> {
        let facts = join::certificate(&app.dir).ok()?;
        let left_ms = i64::try_from(facts.not_after_ms).ok()?;
        let now_ms = i64::try_from(app.clock.wall_ms()).ok()?;
        Some((left_ms - now_ms).div_euclid(24 * 3_600 * 1_000))
    }

    fn compare(&self, app: &App) -> Vec<Compared> {
        prove::compare(app, self)
    }

    fn certify(&self, app: &App) -> Result<Certificate, Failure> {
        prove::certify(app, self)
    }

    fn holdings(asking: &Asking<'_>) -> Option<Result<Holdings, Failure>> {
        Some(prove::holdings(asking))
    }

    fn own_facts(&self, _app: &App) -> OwnFacts {
        OwnFacts::default()
    }
}

fn end_of(app: &App) -> u64 {
    let scopes = app.reader().scopes();
    scopes
        .iter()
        .find(|(scope, _, _)| *scope == app.scope())
        .map_or(0, |(_, end, _)| end.seq.0)
}
