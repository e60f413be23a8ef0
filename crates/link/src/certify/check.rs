//! Checking a certificate off line: signatures, cut, numbers, positions, and what is missing.

use std::collections::BTreeMap;

use prost::Message as _;
use proto::stored::{Certificate, Cut, LifeAccount, Signed, Statement};
use replica::ReplicaId;
use rustls::pki_types::CertificateDer;

use super::FORMAT;
use super::sign::{Purpose, SignatureFault, signatory};
use crate::identity::Identity;

/// Why a certificate is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// `node`, `hub`, or both.
    pub side: &'static str,
    /// What was found.
    pub detail: String,
}

/// A certificate that was checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Where both sides stood.
    pub cut: Cut,
    /// What the node says.
    pub node: Statement,
    /// What the hub says.
    pub hub: Statement,
    /// Why it is not true: nothing when it is.
    pub faults: Vec<Fault>,
}

impl Checked {
    /// Whether nothing was lost, and both sides have signed that.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether both sides have said this, whatever it is.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let doubts = ["PROOF-010", "PROOF-011", "PROOF-012", "PROOF-013"];
        self.faults
            .iter()
            .all(|fault| !doubts.contains(&fault.code))
    }

    fn fault(&mut self, code: &'static str, side: &'static str, detail: impl Into<String>) {
        self.faults.push(Fault {
            code,
            side,
            detail: detail.into(),
        });
    }
}

/// Checks a certificate against the authorities of a federation.
#[must_use]
pub fn check(certificate: &Certificate, authorities: &[CertificateDer<'static>]) -> Checked {
    let mut checked = Checked::default();
    if certificate.format != FORMAT {
        let format = certificate.format.to_string();
        checked.fault("PROOF-010", "both", format);
        return checked;
    }
    let (node, hub) = (
        read(&mut checked, "node", certificate.node.as_ref(), authorities),
        read(&mut checked, "hub", certificate.hub.as_ref(), authorities),
    );
    let (Some((node, of_node)), Some((hub, of_hub))) = (node, hub) else {
        return checked;
    };
    match (&node.cut, &hub.cut) {
        (Some(cut), Some(other)) if cut == other => checked.cut = cut.clone(),
        (Some(_) | None, _) => checked.fault("PROOF-013", "both", "cut"),
    }
    names(&mut checked, &node, of_node, &hub, of_hub);
    accounts(&mut checked, "node", &node);
    accounts(&mut checked, "hub", &hub);
    positions(&mut checked, "node", &node, &hub);
    positions(&mut checked, "hub", &hub, &node);
    (checked.node, checked.hub) = (node, hub);
    checked
}

/// Reads one side's statement and who has signed it.
fn read(
    checked: &mut Checked,
    side: &'static str,
    signed: Option<&Signed>,
    authorities: &[CertificateDer<'static>],
) -> Option<(Statement, Identity)> {
    let Some((signed, statement)) =
        signed.and_then(|signed| Some((signed, Statement::decode(signed.body.as_slice()).ok()?)))
    else {
        checked.fault("PROOF-011", side, "statement");
        return None;
    };
    let at_ms = u64::try_from(statement.at_ms).unwrap_or(0);
    match signatory(signed, Purpose::Statement, authorities, at_ms) {
        Ok(facts) => Some((statement, facts.identity)),
        Err(fault) => {
            let code = match fault {
                SignatureFault::Forged => "PROOF-011",
                SignatureFault::Certificate => "PROOF-012",
            };
            checked.fault(code, side, fault.to_string());
            None
        }
    }
}

/// The signers are the two replicas of the cut.
fn names(
    checked: &mut Checked,
    node: &Statement,
    of_node: Identity,
    hub: &Statement,
    of_hub: Identity,
) {
    let named_hub = ReplicaId::try_from(checked.cut.hub.as_slice()).ok();
    let signed = match of_node {
        Identity::Node { hub, node: id } => Some(hub) == named_hub && id.0 == *checked.cut.node,
        Identity::Hub { .. } | Identity::Admin { .. } => false,
    };
    if !signed || node.replica != checked.cut.node {
        checked.fault("PROOF-012", "node", of_node.to_string());
    }
    let signed = matches!(of_hub, Identity::Hub { hub } if Some(hub) == named_hub);
    if !signed || hub.replica != checked.cut.hub {
        checked.fault("PROOF-012", "hub", of_hub.to_string());
    }
}

/// The numbers add up, nothing is missing, and every chain is the one that the other side knows.
fn accounts(checked: &mut Checked, side: &'static str, statement: &Statement) {
    let mut last = None;
    for life in &statement.lives {
        let (incarnation, counter) = life
            .reached
            .as_ref()
            .map_or((0, 0), |reached| (reached.incarnation, reached.counter));
        let name = format!("{incarnation:016x}");
        let ascends = last.is_none_or(|last| last < incarnation);
        last = Some(incarnation);
        if !ascends || sum(life) != Some(counter) || life.proven > counter {
            checked.fault("PROOF-014", side, format!("{name}: {counter}"));
        }
        if life.missing > 0 {
            checked.fault("PROOF-015", side, format!("{name}: {}", life.missing));
        }
        if life.forked {
            checked.fault("PROOF-016", side, name);
        }
    }
}

fn sum(life: &LifeAccount) -> Option<u64> {
    let all = [
        life.visible,
        life.replaced,
        life.refused,
        life.drafts,
        life.moved,
        life.quarantined,
        life.elsewhere,
        life.missing,
    ];
    all.into_iter().try_fold(0_u64, u64::checked_add)
}

/// What the other side knows of this one is accounted for.
fn positions(checked: &mut Checked, side: &'static str, statement: &Statement, other: &Statement) {
    let reached = statement.lives.iter().flat_map(|life| &life.reached);
    let own: BTreeMap<u64, u64> = reached
        .map(|reached| (reached.incarnation, reached.counter))
        .collect();
    for known in &other.other {
        let found = own.get(&known.incarnation);
        let is_within = found.is_some_and(|counter| *counter >= known.counter);
        if !is_within {
            let detail = format!("{:016x}: {}", known.incarnation, known.counter);
            checked.fault("PROOF-017", side, detail);
        }
    }
}
