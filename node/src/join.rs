//! `join`: from a token to a node, and what the node keeps of it.

use std::io;

use link::{
    CertificateFacts, Dialer, EnrolError, Enrolment, HubAddress, Joiner, NodeMaterial, PrivateKey,
    Token, certificate_from, certificate_pem, enrol, facts_of, write_private, write_public,
};
use program::{
    Exit, Failure, Out,
    cli::Setting,
    clock::SystemClock,
    config::Config,
    dir::{AUTHORITY, Dir, HubName, Identity, Role, ScopeName, hex16, new_replica},
    store_key,
};
use replica::ReplicaId;
use serde_json::json;

use crate::command::JoinArgs;

const CERTIFICATE: &str = "node.crt";
pub(crate) const KEY: &str = "node.key";

/// Joins a hub. A node that was set up before keeps its replica, its scope and its data.
///
/// # Errors
/// The token or the address cannot be read, the hub is not reached or refuses, or the directory
/// cannot be written.
pub(crate) fn join(setting: &Setting, args: &JoinArgs, out: &mut Out) -> Result<(), Failure> {
    let (token, address) = read(args)?;
    let dir = setting.options.dir()?;
    let before = if dir.exists() {
        Some(dir.identity()?)
    } else {
        None
    };
    if before
        .as_ref()
        .is_some_and(|identity| identity.role != Role::Node)
    {
        return Err(Failure::new("DIR-004", Exit::Usage));
    }
    if before.is_none() {
        dir.create()?;
    }
    let replica = match &before {
        Some(identity) => identity.replica.clone(),
        None => new_replica()?,
    };
    let demo = before.as_ref().map_or(args.demo, |identity| identity.demo);
    let joiner = Joiner {
        replica: ReplicaId(hex16(&replica).unwrap_or([0; 16])),
        program: concat!("liangxin-node ", env!("CARGO_PKG_VERSION")).to_owned(),
        demo,
    };
    let dialer = Dialer::tcp(std::sync::Arc::new(SystemClock::default()));
    let enrolment = setting
        .runtime
        .block_on(enrol(&dialer, &address, &token, joiner))
        .map_err(|error| refused(&error))?;
    let credential = &enrolment.credential;
    let identity = Identity {
        role: Role::Node,
        replica,
        demo,
        scope: ScopeName::of(&credential.scope_code, &credential.scope_name),
        published: ScopeName::of(&credential.published_code, ""),
        hub: Some(HubName {
            replica: credential.hub.clone(),
            address: args.hub.clone(),
        }),
    };
    if before.is_some_and(|before| before.scope.code != identity.scope.code) {
        let other = Failure::new("LINK-028", Exit::Refused);
        return Err(other.with("detail", &identity.scope.code));
    }
    keep(&dir, &enrolment)?;
    let store_key = store_key::keep(&dir, &Config::load(&dir.config())?, &[])?;
    dir.set_identity(&identity)?;
    show(&identity, out);
    store_key.say_if_new(out);
    Ok(())
}

/// Reads what the operator typed.
fn read(args: &JoinArgs) -> Result<(Token, HubAddress), Failure> {
    let token = args
        .token
        .trim()
        .parse()
        .map_err(|error: link::TokenError| {
            Failure::new("NODE-002", Exit::Invalid).with("detail", error)
        })?;
    let address = args
        .hub
        .parse()
        .map_err(|error| Failure::new("NODE-003", Exit::Usage).with("detail", error))?;
    Ok((token, address))
}

fn show(identity: &Identity, out: &mut Out) {
    let scope = &identity.scope;
    if out.json {
        out.document(
            &json!({"replica": identity.replica, "scope": scope.code, "name": scope.name}),
        );
        return;
    }
    let text = match out.language {
        domain::label::Language::Zh => format!("已入网：{} {}", scope.code, scope.name),
        domain::label::Language::En => format!("joined: {} {}", scope.code, scope.name),
    };
    out.line(text);
}

/// What a failed enrolment means.
fn refused(error: &EnrolError) -> Failure {
    let exit = match error {
        EnrolError::Dial(error) if error.is_passing() => Exit::Unreachable,
        EnrolError::Dial(_) | EnrolError::Refused(_) | EnrolError::Answer { .. } => Exit::Refused,
        EnrolError::Key(_) => Exit::Failed,
    };
    Failure::new(error.code(), exit).with("detail", program::failure::causes(error))
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::new("LINK-009", Exit::Failed).with("detail", program::failure::causes(error))
}

/// Keeps what a node shows and trusts. The key goes first: a certificate without its key would be
/// worthless, a key without its certificate is only not used yet.
///
/// # Errors
/// The files cannot be written.
pub(crate) fn keep(dir: &Dir, enrolment: &Enrolment) -> Result<(), Failure> {
    let at = |name: &str| dir.path().join(name);
    let material = &enrolment.material;
    write_private(&at(KEY), material.key.pem().as_bytes())?;
    write_public(
        &at(CERTIFICATE),
        certificate_pem(&material.certificate).as_bytes(),
    )?;
    if let Some(authority) = material.authorities.first() {
        write_public(&at(AUTHORITY), certificate_pem(authority).as_bytes())?;
    }
    Ok(())
}

/// Keeps a new certificate, PEM, for the key that is there.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn keep_certificate(dir: &Dir, text: &str) -> Result<(), Failure> {
    Ok(write_public(
        &dir.path().join(CERTIFICATE),
        text.as_bytes(),
    )?)
}

/// What the node's certificate says.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn certificate(dir: &Dir) -> Result<CertificateFacts, Failure> {
    let bytes = std::fs::read(dir.path().join(CERTIFICATE))?;
    let certificate = certificate_from(&bytes);
    let certificate = certificate.ok_or_else(|| Failure::new("LINK-011", Exit::Failed))?;
    facts_of(&certificate).map_err(|error| unusable(&error))
}

/// What the node shows and trusts.
///
/// # Errors
/// It has not joined, or a file cannot be read.
pub(crate) fn material(dir: &Dir, identity: &Identity) -> Result<NodeMaterial, Failure> {
    material_of(identity, &|name| std::fs::read(dir.path().join(name)))
}

/// The same, wherever its files lie.
///
/// # Errors
/// It has not joined, or a file cannot be read.
pub(crate) fn material_of(
    identity: &Identity,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<NodeMaterial, Failure> {
    let hub = identity
        .hub
        .as_ref()
        .ok_or_else(|| Failure::new("NODE-001", Exit::Usage))?;
    let broken =
        || Failure::new("LINK-009", Exit::Failed).with("detail", "node.crt, node.key, hub.crt");
    Ok(NodeMaterial {
        hub: ReplicaId(hex16(&hub.replica).ok_or_else(broken)?),
        certificate: certificate_from(&read(CERTIFICATE)?).ok_or_else(broken)?,
        key: PrivateKey::read(&read(KEY)?).ok_or_else(broken)?,
        authorities: vec![certificate_from(&read(AUTHORITY)?).ok_or_else(broken)?],
    })
}
