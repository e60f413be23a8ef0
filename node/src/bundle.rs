//! Bundles at the node: to its hub and from its hub only, and the certificate's renewal by them.

use link::{
    AuthorityError, BundleKeys, BundleRoute, BundleSender, NodeMaterial, Renewal, Signer,
    authority_key, certificate_from, certificate_pem, facts_of, renew_at,
};
use program::{
    App, Exit, Failure,
    commands::bundle::{BundlePeer, Bundles},
};

use crate::{Node, join};

fn peer(app: &App, material: &NodeMaterial) -> BundlePeer {
    let address = app.identity.hub.as_ref().map(|hub| hub.address.as_str());
    BundlePeer {
        replica: material.hub,
        scope: app.scope(),
        name: format!("hub {}", address.unwrap_or_default()),
    }
}

/// A request for the next certificate, once the present one has lived two thirds of its life. The
/// key stays: it may take months until the answer comes, and bundles are sealed to it meanwhile.
fn renewal(app: &App, material: &NodeMaterial) -> Result<Renewal, Failure> {
    let facts = join::certificate(&app.dir)?;
    let now_ms = app.clock.wall_ms();
    if facts.not_after_ms < now_ms {
        // The hub would refuse it, some days of travel later.
        let ended = program::clock::moment(facts.not_after_ms);
        return Err(Failure::new("LINK-003", Exit::Refused).with("detail", ended));
    }
    if now_ms < renew_at(facts.not_before_ms, facts.not_after_ms, 0) {
        return Ok(Renewal::None);
    }
    let request = material.key.request().map_err(key_failed)?;
    Ok(Renewal::Request(request))
}

fn key_failed(error: AuthorityError) -> Failure {
    Failure::new("LINK-009", Exit::Failed).with("detail", program::failure::causes(&error))
}

impl Bundles for Node {
    fn route(
        &self,
        app: &App,
        named: Option<&str>,
        _passphrase: Option<&str>,
    ) -> Result<(BundlePeer, BundleRoute), Failure> {
        if named.is_some() {
            return Err(Failure::new("BUNDLE-013", Exit::Usage));
        }
        let material = join::material(&app.dir, &app.identity)?;
        let receiver = material.authorities.first().and_then(authority_key);
        let receiver = receiver
            .ok_or_else(|| Failure::new("LINK-009", Exit::Failed).with("detail", "hub.crt"))?;
        let route = BundleRoute {
            from: app.identity.replica(),
            to: material.hub,
            receiver,
            renewal: renewal(app, &material)?,
            certificate: material.certificate.clone(),
            key: material.key.clone(),
        };
        Ok((peer(app, &material), route))
    }

    fn keys(&self, app: &App, _passphrase: Option<&str>) -> Result<BundleKeys, Failure> {
        let material = join::material(&app.dir, &app.identity)?;
        let signer = Signer::new(&material.certificate, &material.key).map_err(key_failed)?;
        Ok(BundleKeys {
            own: app.identity.replica(),
            key: material.key,
            authorities: material.authorities,
            hub: material.hub,
            deny: None,
            signer,
            scope_code: app.identity.scope.code.clone(),
        })
    }

    fn sender(&self, app: &App, _sender: &BundleSender) -> Result<BundlePeer, Failure> {
        // Whoever was proved is the hub of this node: nobody else is believed.
        Ok(peer(app, &join::material(&app.dir, &app.identity)?))
    }

    fn note(&self, app: &App, sender: &BundleSender) -> Result<(), Failure> {
        let Renewal::Issued(bytes) = &sender.renewal else {
            return Ok(());
        };
        let material = join::material(&app.dir, &app.identity)?;
        let present = join::certificate(&app.dir)?;
        let issued = certificate_from(bytes).filter(|issued| material.key.fits(issued));
        let facts = issued.as_ref().and_then(|issued| facts_of(issued).ok());
        let better = facts.is_some_and(|facts| {
            facts.identity == present.identity && facts.not_after_ms > present.not_after_ms
        });
        match issued {
            Some(issued) if better => join::keep_certificate(&app.dir, &certificate_pem(&issued)),
            Some(_) | None => Ok(()),
        }
    }
}
