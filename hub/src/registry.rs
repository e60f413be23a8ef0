//! The registry: which nodes there are, what they were invited to, which certificates they hold.
//!
//! It lies in the hub's store as local data, which no feed carries. A token is spent in one
//! durable step under one lock, so of two attempts exactly one wins.

use std::{collections::BTreeMap, sync::Arc};

use domain::value::hex;
use link::{CertificateFacts, DenyList, EnrolRefusal, Identity, Invitation, Joiner, NodeId};
use program::{App, Failure, dir::hex16};
use replica::{ReplicaId, ScopeId};
use serde::{Deserialize, Serialize};
use store::Survey;
use tokio::sync::Mutex;

use crate::Hub;

/// Whether a node may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Invited, not yet joined.
    Invited,
    /// It may call.
    Active,
    /// Refused for good.
    Revoked,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its replica id, 32 hex digits.
    pub id: String,
    /// The code of its scope.
    pub scope_code: String,
    /// The name it was invited under.
    pub name: String,
    /// Whether it may call.
    pub state: NodeState,
    /// When it joined, milliseconds since 1970.
    pub joined_ms: u64,
    /// When its newest session began or ended.
    pub last_seen_ms: Option<u64>,
    /// The serial of its newest certificate, in hex.
    pub serial: Option<String>,
    /// The end of its newest certificate.
    pub not_after_ms: Option<u64>,
    /// Its program and version.
    pub program: String,
    /// Certificates from before this moment are refused: it has joined anew since.
    pub not_before_ms: u64,
    /// Why nothing waits for it any more, if a person has said so.
    #[serde(default)]
    pub fence: Option<Fence>,
    /// The public key of its newest certificate, in hex: bundles are sealed to it.
    #[serde(default)]
    pub public_key: Option<String>,
    /// A request for its next certificate that came in a bundle and is not yet answered, in hex.
    #[serde(default)]
    pub request: Option<String>,
}

/// Who has fenced a node, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Why.
    pub reason: String,
    /// ACCOUNT@replica.
    pub by: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

impl NodeEntry {
    /// Its replica.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        ReplicaId(hex16(&self.id).unwrap_or([0; 16]))
    }

    /// Notes its newest certificate.
    pub(crate) fn certify(&mut self, facts: &CertificateFacts) {
        self.serial = Some(hex(facts.serial.as_bytes()));
        self.not_after_ms = Some(facts.not_after_ms);
        self.public_key = Some(hex(&facts.public_key));
    }
}

/// One invitation that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteEntry {
    /// The code of the scope.
    pub scope_code: String,
    /// Its name.
    pub name: String,
    /// Until when it may be spent.
    pub expires_ms: u64,
    /// The node that has spent it.
    pub used_by: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub struct Registry {
    app: App,
    hub: ReplicaId,
    /// One change at a time.
    change: Mutex<()>,
}

fn node_key(id: &str) -> String {
    format!("node/{id}")
}

/// The scope and the name of a node, as a store that is not opened has them.
pub(crate) fn name_in(survey: &Survey, node: ReplicaId) -> Option<String> {
    let entry = survey.local(&node_key(&node.to_string()))?;
    let entry: NodeEntry = serde_json::from_slice(entry).ok()?;
    Some(format!("{} {}", entry.scope_code, entry.name))
}

fn invite_key(hash: &[u8; 32]) -> String {
    format!("invite/{}", replica::Head(*hash))
}

impl Registry {
    /// Opens the registry of a hub.
    #[must_use]
    pub fn open(app: &App) -> Self {
        Self {
            app: app.clone(),
            hub: app.identity.replica(),
            change: Mutex::new(()),
        }
    }

    /// All nodes, by id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn nodes(&self) -> Result<Vec<NodeEntry>, Failure> {
        let stored = self.app.reader().locals("node/")?;
        let entries = stored
            .iter()
            .filter_map(|(_, text)| serde_json::from_slice(text).ok());
        Ok(entries.collect())
    }

    /// One node.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn node(&self, id: &str) -> Result<Option<NodeEntry>, Failure> {
        let stored = self.app.reader().local(&node_key(id))?;
        Ok(stored.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Invitations that can still be spent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open_invites(&self, now_ms: u64) -> Result<Vec<InviteEntry>, Failure> {
        let stored = self.app.reader().locals("invite/")?;
        let entries = stored
            .iter()
            .filter_map(|(_, text)| serde_json::from_slice(text).ok());
        let open = |invite: &InviteEntry| invite.used_by.is_none() && invite.expires_ms > now_ms;
        Ok(entries.filter(open).collect())
    }

    /// Keeps an invitation under the hash of its secret. The secret itself is kept nowhere.
    ///
    /// # Errors
    /// The store failed.
    pub fn invite(&self, hash: &[u8; 32], entry: &InviteEntry) -> Result<(), Failure> {
        self.keep(vec![(invite_key(hash), entry_bytes(entry)?)])
    }

    /// Keeps a node.
    ///
    /// # Errors
    /// The store failed.
    pub fn set(&self, entry: &NodeEntry) -> Result<(), Failure> {
        self.keep(vec![(node_key(&entry.id), entry_bytes(entry)?)])
    }

    fn keep(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
        let local = entries
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect();
        self.app.writer.edit(Vec::new(), local)?;
        Ok(())
    }

    /// Who is refused whatever certificate it shows.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn deny_list(&self) -> Result<DenyList, Failure> {
        let mut deny = DenyList::default();
        for entry in self.nodes()? {
            let identity = self.identity(&entry);
            if entry.state == NodeState::Revoked {
                deny.revoke_identity(identity);
            } else if entry.not_before_ms > 0 {
                deny.revoke_before(identity, entry.not_before_ms);
            }
        }
        Ok(deny)
    }

    /// The name in a node's certificate.
    #[must_use]
    pub fn identity(&self, entry: &NodeEntry) -> Identity {
        Identity::Node {
            hub: self.hub,
            node: NodeId(entry.replica().0),
        }
    }

    /// How many nodes each scope has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn by_scope(&self) -> Result<BTreeMap<ScopeId, usize>, Failure> {
        let mut counts = BTreeMap::new();
        for entry in self.nodes()? {
            *counts
                .entry(domain::scope_id(&entry.scope_code))
                .or_default() += 1;
        }
        Ok(counts)
    }

    fn place(&self, entry: &NodeEntry) -> Invitation {
        let published = &self.app.identity.published;
        Invitation {
            node: NodeId(entry.replica().0),
            scope: domain::scope_id(&entry.scope_code),
            scope_code: entry.scope_code.clone(),
            scope_name: entry.name.clone(),
            published: published.scope(),
            published_code: published.code.clone(),
        }
    }

    /// Spends a token. The caller holds the lock.
    fn spend_now(&self, hash: [u8; 32], joiner: &Joiner) -> Result<NodeEntry, EnrolRefusal> {
        let unavailable = |_failed| EnrolRefusal::Unavailable;
        let stored = self
            .app
            .reader()
            .local(&invite_key(&hash))
            .map_err(unavailable)?;
        let stored = stored.ok_or(EnrolRefusal::Unknown)?;
        let mut invite: InviteEntry =
            serde_json::from_slice(&stored).map_err(|_e| EnrolRefusal::Unavailable)?;
        let now_ms = self.app.clock.wall_ms();
        if invite.used_by.is_some() {
            return Err(EnrolRefusal::Used);
        }
        if invite.expires_ms <= now_ms {
            return Err(EnrolRefusal::Expired);
        }
        if joiner.demo != self.app.identity.demo {
            return Err(EnrolRefusal::DemoMismatch);
        }
        let id = joiner.replica.to_string();
        let known = self
            .node(&id)
            .map_err(|_failed| EnrolRefusal::Unavailable)?;
        // A replica keeps its scope for life: what it holds belongs there.
        if known
            .as_ref()
            .is_some_and(|known| known.scope_code != invite.scope_code)
        {
            return Err(EnrolRefusal::Request);
        }
        let entry = NodeEntry {
            id: id.clone(),
            scope_code: invite.scope_code.clone(),
            name: invite.name.clone(),
            state: NodeState::Active,
            joined_ms: now_ms,
            last_seen_ms: None,
            serial: None,
            not_after_ms: None,
            program: joiner.program.clone(),
            fence: None,
            // Certificates are back-dated by an hour, to a whole second; those of an earlier
            // enrolment end here.
            not_before_ms: known.map_or(0, |_| {
                (now_ms - now_ms % 1_000).saturating_sub(link::limits::BACKDATE_MS)
            }),
            public_key: None,
            request: None,
        };
        invite.used_by = Some(id.clone());
        let entries = entry_bytes(&invite)
            .and_then(|invite| {
                Ok(vec![
                    (invite_key(&hash), invite),
                    (node_key(&id), entry_bytes(&entry)?),
                ])
            })
            .map_err(|_failed| EnrolRefusal::Unavailable)?;
        self.keep(entries)
            .map_err(|_failed| EnrolRefusal::Unavailable)?;
        Ok(entry)
    }
}

fn entry_bytes<T: Serialize>(entry: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(entry)
        .map_err(|error| Failure::new("DIR-003", program::Exit::Failed).with("detail", error))
}

/// Runs blocking work of the registry off the network's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EnrolRefusal> + Send + 'static,
) -> Result<T, EnrolRefusal> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(EnrolRefusal::Unavailable))
}

/// The registry as enrolment and sessions use it.
#[derive(Clone, Debug)]
pub(crate) struct Registrar(pub(crate) Arc<Hub>);

impl Registrar {
    fn registry(&self) -> &Registry {
        &self.0.registry
    }
}

/// Spends a token. The port learns at once that a node which it refused may call again, and that
/// the node's earlier certificates may not.
fn take_in(hub: &Hub, hash: [u8; 32], joiner: &Joiner) -> Result<NodeEntry, EnrolRefusal> {
    let entry = hub.registry.spend_now(hash, joiner)?;
    if let Some(port) = hub.acceptor.get().filter(|_| entry.not_before_ms > 0) {
        port.reload(&hub.registry)
            .map_err(|_failed| EnrolRefusal::Unavailable)?;
    }
    Ok(entry)
}

#[tonic::async_trait]
impl link::Registrar for Registrar {
    async fn spend(
        &self,
        secret_hash: [u8; 32],
        joiner: Joiner,
    ) -> Result<Invitation, EnrolRefusal> {
        let _one_at_a_time = self.registry().change.lock().await;
        let hub = Arc::clone(&self.0);
        let entry = blocking(move || take_in(&hub, secret_hash, &joiner)).await?;
        Ok(self.registry().place(&entry))
    }

    async fn lookup(&self, node: NodeId) -> Result<Option<Invitation>, EnrolRefusal> {
        let registry = Arc::clone(&self.0.registry);
        let entry = blocking(move || {
            registry
                .node(&node.to_string())
                .map_err(|_failed| EnrolRefusal::Unavailable)
        });
        let active = entry
            .await?
            .filter(|entry| entry.state == NodeState::Active);
        Ok(active.map(|entry| self.registry().place(&entry)))
    }

    async fn issued(&self, node: NodeId, facts: &CertificateFacts) -> Result<(), EnrolRefusal> {
        let _one_at_a_time = self.registry().change.lock().await;
        let registry = Arc::clone(&self.0.registry);
        let facts = facts.clone();
        blocking(move || {
            let entry = registry.node(&node.to_string()).ok().flatten();
            let mut entry = entry.ok_or(EnrolRefusal::Inactive)?;
            entry.certify(&facts);
            registry
                .set(&entry)
                .map_err(|_failed| EnrolRefusal::Unavailable)
        })
        .await
    }
}
