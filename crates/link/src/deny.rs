//! Who is refused although the certificate is sound.
//!
//! Only the hub verifies nodes, so its own list is enough and works at once. A connection is
//! compared with it at the handshake, at every call and whenever the list changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::{CertificateFacts, Identity, Serial};

/// The revoked serials and identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyList {
    serials: BTreeSet<Serial>,
    identities: BTreeMap<Identity, u64>,
}

impl DenyList {
    /// Refuses one certificate.
    pub fn revoke_serial(&mut self, serial: Serial) {
        self.serials.insert(serial);
    }

    /// Refuses an identity, whatever certificate it shows.
    pub fn revoke_identity(&mut self, identity: Identity) {
        self.identities.insert(identity, u64::MAX);
    }

    /// Refuses the certificates of an identity whose life began before a moment. A certificate
    /// begins an hour before it was issued (see [`crate::limits::BACKDATE_MS`]).
    pub fn revoke_before(&mut self, identity: Identity, not_before_ms: u64) {
        let held = self.identities.entry(identity).or_default();
        *held = (*held).max(not_before_ms);
    }

    /// Returns whether a certificate is refused.
    #[must_use]
    pub fn refuses(&self, facts: &CertificateFacts) -> bool {
        self.serials.contains(&facts.serial)
            || self
                .identities
                .get(&facts.identity)
                .is_some_and(|before_ms| facts.not_before_ms < *before_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NodeId;
    use replica::ReplicaId;

    #[test]
    fn serial_identity_and_moment_each_refuse() {
        let identity = Identity::Node {
            hub: ReplicaId([1; 16]),
            node: NodeId([2; 16]),
        };
        let facts = |serial: u8, not_before_ms| CertificateFacts {
            identity,
            serial: Serial::new(&[serial]),
            not_before_ms,
            not_after_ms: u64::MAX,
            for_client: true,
            for_server: false,
            public_key: Vec::new(),
        };
        let mut deny = DenyList::default();
        assert!(!deny.refuses(&facts(1, 5)));
        deny.revoke_serial(Serial::new(&[0, 1]));
        assert!(deny.refuses(&facts(1, 5)) && !deny.refuses(&facts(2, 5)));
        deny.revoke_before(identity, 5);
        assert!(deny.refuses(&facts(2, 4)) && !deny.refuses(&facts(2, 5)));
        deny.revoke_identity(identity);
        deny.revoke_before(identity, 7);
        assert!(deny.refuses(&facts(2, 1 << 60)));
    }
}
