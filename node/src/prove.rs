//! Proof with the hub: comparing at a cut, the certificate that nothing was lost, and what the hub
//! holds of what a restore would give up.

use std::{io, sync::Arc, time::Duration};

use link::{Comparison, Dialer, Holdings, Outcome, ProofError, Prover, Signer};
use program::{
    App, Exit, Failure, app::Compared, clock::SystemClock, dir::Role, repair::compare::Asking,
};
use proto::stored::Certificate;
use replica::ScopeId;

use crate::{Node, caller, join, sync};

/// How often a cut is tried that moves away meanwhile.
const ATTEMPTS: usize = 6;
/// Between two tries of a comparison: what is on its way arrives.
const PAUSE: Duration = Duration::from_millis(300);

fn failed(error: &ProofError) -> Failure {
    match error {
        ProofError::Dial(error) => caller::dial_failed(error),
        ProofError::Refused { code: "LINK-029" } => Failure::new(error.code(), Exit::Refused),
        ProofError::Refused { .. }
        | ProofError::Moved
        | ProofError::Differ
        | ProofError::Host(_)
        | ProofError::Answer { .. }
        | ProofError::Sign(_)
        | ProofError::Late => {
            Failure::new(error.code(), Exit::Failed).with("detail", program::failure::causes(error))
        }
    }
}

fn prover(app: &App, material: &link::NodeMaterial) -> Result<Prover, Failure> {
    let signer = Signer::new(&material.certificate, &material.key);
    Ok(Prover {
        writer: app.writer.clone(),
        hub: material.hub,
        scope_code: app.identity.scope.code.clone(),
        signer: signer.map_err(|error| failed(&error.into()))?,
        clock: Arc::clone(&app.clock),
    })
}

/// Whether another try may find both at one cut.
fn is_passing(error: &ProofError) -> bool {
    // The hub says in the same words that it has moved, or that it serves us already.
    ["PROOF-001", "PROOF-006"].contains(&error.code())
}

/// Makes the certificate of the node's scope. Exchanges first where that is needed.
///
/// # Errors
/// The hub is not reached or refuses, or the two never stand at one cut.
pub(crate) fn certify(app: &App, node: &Node) -> Result<Certificate, Failure> {
    let material = join::material(&app.dir, &app.identity)?;
    let prover = prover(app, &material)?;
    let mut last = ProofError::Moved;
    for _ in 0..ATTEMPTS {
        let made = app.runtime.block_on(async {
            let channel = caller::dial(app, &material).await?;
            Ok::<_, Failure>(prover.certify(channel, app.scope()).await)
        })?;
        match made {
            Ok(certificate) => return Ok(certificate),
            Err(error) if is_passing(&error) || matches!(error, ProofError::Differ) => last = error,
            Err(error) => return Err(failed(&error)),
        }
        sync::settle(app, node)?;
    }
    Err(failed(&last))
}

/// Compares both scopes with the hub, when a session with it is open.
pub(crate) fn compare(app: &App, node: &Node) -> Vec<Compared> {
    if !node.line.follow().borrow().open {
        return Vec::new();
    }
    let scopes = [
        (app.scope(), &app.identity.scope.code),
        (app.published(), &app.identity.published.code),
    ];
    let one = |(scope, code): (ScopeId, &String)| {
        let found = compare_one(app, scope);
        compared(app, code, found)
    };
    scopes.into_iter().map(one).collect()
}

fn compare_one(app: &App, scope: ScopeId) -> Result<Comparison, Failure> {
    let material = join::material(&app.dir, &app.identity)?;
    let prover = prover(app, &material)?;
    app.runtime.block_on(async {
        let channel = caller::dial(app, &material).await?;
        let mut found = prover.compare(channel.clone(), scope).await;
        for _ in 1..ATTEMPTS {
            let again = match &found {
                Ok(comparison) => comparison.outcome == Outcome::Moved,
                Err(error) => is_passing(error),
            };
            if !again {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            found = prover.compare(channel.clone(), scope).await;
        }
        found.map_err(|error| failed(&error))
    })
}

/// Asks the hub which of some writes it holds. No session is begun: whatever this replica has come
/// to, the hub draws no conclusion from the question.
///
/// # Errors
/// There is nothing to prove oneself with, or the hub is not reached or refuses.
pub(crate) fn holdings(asking: &Asking<'_>) -> Result<Holdings, Failure> {
    if asking.identity.role != Role::Node {
        return Err(Failure::new("DIR-004", Exit::Usage));
    }
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    if (asking.file)(join::KEY).is_err_and(|error| is_missing(&error)) {
        return Err(Failure::new("BACKUP-013", Exit::Usage));
    }
    let material = join::material_of(asking.identity, asking.file)?;
    let address = caller::address_of(asking.identity)?;
    let dialer = Dialer::tcp(Arc::new(SystemClock::default()));
    asking.runtime.block_on(async {
        let channel = dialer.dial(&address, &material).await;
        let channel = channel.map_err(|error| caller::dial_failed(&error))?;
        let told = link::holdings(channel, asking.identity.replica(), asking.writes).await;
        told.map_err(|error| failed(&error))
    })
}

fn compared(app: &App, scope: &str, found: Result<Comparison, Failure>) -> Compared {
    let hub = app.identity.hub.as_ref();
    let peer = hub.map_or_else(String::new, |hub| format!("hub {}", hub.address));
    let scope = scope.to_owned();
    match found {
        Ok(comparison) => Compared {
            peer,
            scope,
            cut: (comparison.cut.0.seq.0, comparison.cut.1.seq.0),
            root: replica::Head(comparison.root.to_bytes()).to_string(),
            left_out: comparison.left_out,
            equal: match comparison.outcome {
                Outcome::Equal => Some(true),
                Outcome::Differ => Some(false),
                Outcome::Moved => None,
            },
            code: (comparison.outcome == Outcome::Moved).then(|| "PROOF-001".to_owned()),
        },
        Err(failure) => Compared {
            peer,
            scope,
            cut: (0, 0),
            root: String::new(),
            left_out: 0,
            equal: None,
            code: Some(failure.code),
        },
    }
}
