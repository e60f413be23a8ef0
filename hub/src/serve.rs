//! `serve`: the hub's port, its certificate, and the watch over both.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use link::{
    Acceptor, Authority, HubMaterial, HubServices, Leaf, ProofService, Signer, Stop, SyncService,
    facts_of, renew_at, serve as serve_port, tcp,
};
use program::{App, Exit, Failure, Out, Side as _, cli::Setting, serve::port_taken};
use tokio::net::TcpListener;

use crate::{
    Hub, NodeState, Registry, claim,
    command::ServeArgs,
    init::{authority_failed, passphrase},
    point,
    registry::Registrar,
};

/// How often the registry notes which nodes are connected, and the certificate's age is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// The open port: what must change when a node is revoked or the certificate renewed.
#[derive(Debug)]
pub(crate) struct Port {
    acceptor: Acceptor,
    authority: Arc<Authority>,
    names: Vec<String>,
    server: std::sync::Mutex<Leaf>,
    signer: Signer,
}

impl Port {
    fn open(
        app: &App,
        hub: &Hub,
        authority: Authority,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let authority = Arc::new(authority);
        let mut names = app.config.serve.names.clone();
        names.push(listen.ip().to_string());
        let wall_ms = app.clock.wall_ms();
        let server = authority
            .issue_server(&names, wall_ms)
            .map_err(|error| authority_failed(&error))?;
        let signer = Signer::new(&server.certificate, &server.key)
            .map_err(|error| authority_failed(&error))?;
        let material = material(&authority, server.clone(), &hub.registry)?;
        let acceptor = Acceptor::new(material, Arc::clone(&app.clock))
            .map_err(|error| Failure::new(error.code(), Exit::Failed).with("detail", error))?;
        Ok(Self {
            acceptor,
            authority,
            names,
            server: std::sync::Mutex::new(server),
            signer,
        })
    }

    fn server(&self) -> Leaf {
        self.server
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Takes up the registry as it stands. Returns how many open connections that cut.
    pub(crate) fn reload(&self, registry: &Registry) -> Result<usize, Failure> {
        let material = material(&self.authority, self.server(), registry)?;
        self.acceptor
            .reload(material)
            .map_err(|error| Failure::new(error.code(), Exit::Failed).with("detail", error))
    }

    /// Cuts every open connection: who was connected calls again. Returns how many there were.
    pub(crate) fn cut_all(&self) -> usize {
        self.acceptor.cut_all()
    }

    /// The authority, with its key.
    pub(crate) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    /// The end of the certificate that the port shows.
    pub(crate) fn not_after_ms(&self) -> u64 {
        facts_of(&self.server().certificate).map_or(0, |facts| facts.not_after_ms)
    }

    /// Makes a new certificate at two thirds of the life of the present one.
    fn renew_when_due(&self, app: &App, registry: &Registry) -> Result<(), Failure> {
        let Ok(facts) = facts_of(&self.server().certificate) else {
            return Ok(());
        };
        let wall_ms = app.clock.wall_ms();
        if wall_ms < renew_at(facts.not_before_ms, facts.not_after_ms, 0) {
            return Ok(());
        }
        self.renew_now(app, registry)
    }

    /// Makes a new certificate. Open connections go on.
    pub(crate) fn renew_now(&self, app: &App, registry: &Registry) -> Result<(), Failure> {
        let wall_ms = app.clock.wall_ms();
        let fresh = self
            .authority
            .issue_server(&self.names, wall_ms)
            .map_err(|error| authority_failed(&error))?;
        let renewed = self.signer.replace(&fresh.certificate, &fresh.key);
        renewed.map_err(|error| authority_failed(&error))?;
        *self
            .server
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        self.reload(registry)?;
        tracing::info!("the certificate of the hub was renewed");
        Ok(())
    }
}

fn material(
    authority: &Authority,
    server: Leaf,
    registry: &Registry,
) -> Result<HubMaterial, Failure> {
    Ok(HubMaterial {
        hub: authority.hub(),
        server,
        authorities: vec![authority.certificate().clone()],
        deny: registry.deny_list()?,
    })
}

/// Serves until a signal.
///
/// # Errors
/// The key cannot be opened, a port is taken, or the store has failed.
pub(crate) fn serve(setting: &Setting, args: &ServeArgs, out: &mut Out) -> Result<(), Failure> {
    if args.console.is_some() {
        return Err(Failure::new("CONSOLE-001", Exit::Usage));
    }
    let dir = setting.options.dir()?;
    let passphrase = passphrase(setting, args.passphrase_file.as_deref())?;
    let secret = passphrase.as_ref().map(|text| text.as_str());
    dir.identity()?;
    let authority =
        Authority::load(dir.path(), secret).map_err(|error| authority_failed(&error))?;
    let (app, writer) = App::open(&dir, setting.runtime.clone())?;
    let result = Hub::open(&app).and_then(|hub| {
        setting
            .runtime
            .block_on(serve_on(&app, &hub, authority, args.listen, out))
    });
    let stopped = writer.stop();
    result.and_then(|()| stopped.map_err(Failure::from))
}

async fn serve_on(
    app: &App,
    hub: &Arc<Hub>,
    authority: Authority,
    listen: SocketAddr,
    out: &mut Out,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| port_taken(error, listen.port()))?;
    let address = listener.local_addr()?;
    let port = Port::open(app, hub, authority, address)?;
    let acceptor = port.acceptor.clone();
    let authority = Arc::clone(&port.authority);
    let signer = port.signer.clone();
    hub.acceptor.set(port).unwrap_or_default();
    let (seen_app, seen_hub) = (app.clone(), Arc::clone(hub));
    let body = move |stop: Stop| async move {
        let registrar = Arc::new(Registrar(Arc::clone(&seen_hub)));
        let sync = SyncService::new(
            seen_app.writer.clone(),
            Arc::clone(&registrar),
            Arc::clone(&seen_app.clock),
            seen_hub.roster.clone(),
            stop.clone(),
        )
        .signing(signer.clone());
        let clock = Arc::clone(&seen_app.clock);
        let proof = ProofService::new(
            seen_app.writer.clone(),
            Arc::clone(&registrar),
            Arc::clone(&clock),
            signer,
            vec![authority.certificate().clone()],
        );
        let services = HubServices {
            sync,
            proof: Some(proof),
            registrar,
            authority,
            clock,
        };
        let accepting = acceptor.run(tcp(listener), stop.clone());
        let watch = tokio::spawn(watch(seen_app, seen_hub, stop.clone()));
        let served = serve_port(&acceptor, accepting, services, stop).await;
        if let Err(error) = watch.await {
            tracing::warn!(%error, "the watch ended badly");
        }
        served.map_err(|error| {
            let detail = program::failure::causes(&error);
            Failure::new(error.code(), Exit::Failed).with("detail", detail)
        })
    };
    program::serve::serve(app, Arc::clone(hub), Some(address), out, body).await
}

/// Notes who is connected, and renews the hub's own certificate in time.
async fn watch(app: App, hub: Arc<Hub>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.wait() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
        let (app, hub) = (app.clone(), Arc::clone(&hub));
        let look = tokio::task::spawn_blocking(move || {
            note_seen(&app, &hub)?;
            claim::open(&app, &hub)?;
            point::review(&app)?;
            match hub.acceptor.get() {
                Some(port) => port.renew_when_due(&app, &hub.registry),
                None => Ok(()),
            }
        });
        match look.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(code = %error.code, %error, "the watch failed"),
            Err(error) => tracing::warn!(%error, "the watch failed"),
        }
    }
}

fn note_seen(app: &App, hub: &Hub) -> Result<(), Failure> {
    for (replica, seat) in hub.roster.seats() {
        let open = seat.progress.borrow().open;
        let Some(mut entry) = hub.registry.node(&replica.to_string())? else {
            continue;
        };
        let seen_ms = if open {
            app.clock.wall_ms()
        } else {
            seat.since_ms
        };
        let news = entry
            .last_seen_ms
            .is_none_or(|before| seen_ms > before + 20_000);
        if news && entry.state == NodeState::Active {
            entry.last_seen_ms = Some(seen_ms);
            hub.registry.set(&entry)?;
        }
    }
    Ok(())
}
