//! Bundles at the hub: which node they are for, the authority's key, and the nodes' certificates.
//!
//! Nodes seal to the authority's key: it is the one key of the hub that lasts, and every node has
//! known it since it joined. What the hub signs it signs with a certificate made for the occasion,
//! as it makes one for its port at each start.

use std::sync::Arc;

use domain::value::{hex, unhex};
use link::{
    Authority, BundleKeys, BundleRoute, BundleSender, NodeId, Renewal, Signer, check_request,
};
use program::{
    App, Exit, Failure,
    commands::bundle::{BundlePeer, Bundles},
};

use crate::{Hub, NodeEntry, NodeState, init::authority_failed, node::find};

fn authority(app: &App, hub: &Hub, passphrase: Option<&str>) -> Result<Arc<Authority>, Failure> {
    if let Some(port) = hub.acceptor.get() {
        return Ok(port.authority());
    }
    let loaded = Authority::load(app.dir.path(), passphrase);
    loaded
        .map(Arc::new)
        .map_err(|error| authority_failed(&error))
}

fn peer_of(entry: &NodeEntry) -> BundlePeer {
    BundlePeer {
        replica: entry.replica(),
        scope: domain::scope_id(&entry.scope_code),
        name: format!("{} {}", entry.scope_code, entry.name),
    }
}

/// The node that was named, or the only one.
fn wanted(hub: &Hub, peer: Option<&str>) -> Result<NodeEntry, Failure> {
    if let Some(id) = peer {
        let entry = find(hub, id)?;
        if entry.state == NodeState::Active {
            return Ok(entry);
        }
        let gone = Failure::new("BUNDLE-014", Exit::Refused);
        return Err(gone.with("peer", &entry.id));
    }
    let nodes = hub.registry.nodes()?.into_iter();
    let mut active = nodes.filter(|entry| entry.state == NodeState::Active);
    match (active.next(), active.next()) {
        (Some(entry), None) => Ok(entry),
        _ => Err(Failure::new("BUNDLE-011", Exit::Usage)),
    }
}

/// Answers the node's request for its next certificate, if one has come. It stands until the node
/// asks no more: the stick with the answer may be lost.
fn renewal(
    app: &App,
    hub: &Hub,
    authority: &Authority,
    entry: &mut NodeEntry,
) -> Result<Renewal, Failure> {
    let Some(request) = entry.request.as_deref().and_then(unhex) else {
        return Ok(Renewal::None);
    };
    let node = NodeId(entry.replica().0);
    let issued = authority.issue_node(&request, node, app.clock.wall_ms());
    let (certificate, facts) = issued.map_err(|error| authority_failed(&error))?;
    entry.certify(&facts);
    hub.registry.set(entry)?;
    Ok(Renewal::Issued(certificate.to_vec()))
}

impl Bundles for Hub {
    fn route(
        &self,
        app: &App,
        peer: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<(BundlePeer, BundleRoute), Failure> {
        let mut entry = wanted(self, peer)?;
        let receiver = entry.public_key.as_deref().and_then(unhex);
        let receiver = receiver
            .ok_or_else(|| Failure::new("BUNDLE-012", Exit::Refused).with("peer", &entry.id))?;
        let authority = authority(app, self, passphrase)?;
        let signing = authority
            .issue_server(&[], app.clock.wall_ms())
            .map_err(|error| authority_failed(&error))?;
        let renewal = renewal(app, self, &authority, &mut entry)?;
        let peer = peer_of(&entry);
        let route = BundleRoute {
            from: app.identity.replica(),
            certificate: signing.certificate,
            key: signing.key,
            to: peer.replica,
            receiver,
            renewal,
        };
        Ok((peer, route))
    }

    fn keys(&self, app: &App, passphrase: Option<&str>) -> Result<BundleKeys, Failure> {
        let authority = authority(app, self, passphrase)?;
        let signer = authority
            .issue_server(&[], app.clock.wall_ms())
            .and_then(|signing| Signer::new(&signing.certificate, &signing.key));
        Ok(BundleKeys {
            own: app.identity.replica(),
            key: authority.key(),
            authorities: vec![authority.certificate().clone()],
            hub: authority.hub(),
            deny: Some(self.registry.deny_list()?),
            signer: signer.map_err(|error| authority_failed(&error))?,
            scope_code: String::new(),
        })
    }

    fn sender(&self, _app: &App, sender: &BundleSender) -> Result<BundlePeer, Failure> {
        let entry = self.registry.node(&sender.replica.to_string())?;
        let active = entry.filter(|entry| entry.state == NodeState::Active);
        active
            .as_ref()
            .map(peer_of)
            .ok_or_else(|| Failure::new("BUNDLE-006", Exit::Refused))
    }

    fn note(&self, app: &App, sender: &BundleSender) -> Result<(), Failure> {
        let Some(mut entry) = self.registry.node(&sender.replica.to_string())? else {
            return Ok(());
        };
        // What the node signs with is the key that it has.
        entry.certify(&sender.facts);
        entry.request = match &sender.renewal {
            Renewal::Request(request) if check_request(request).is_ok() => Some(hex(request)),
            Renewal::Request(_) | Renewal::Issued(_) | Renewal::None => None,
        };
        let seen_ms = sender.made_ms.min(app.clock.wall_ms());
        entry.last_seen_ms = entry.last_seen_ms.max(Some(seen_ms));
        self.registry.set(&entry)
    }
}
