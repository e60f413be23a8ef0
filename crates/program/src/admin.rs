//! The admin socket: a command given beside a serving program runs inside it.
//!
//! The socket lies in the program's directory with mode 0600 and is opened relative to it, so a
//! long path does no harm. The command line travels as it was given; the serving program parses
//! it and runs the same function that a process of its own would.

use std::{
    ffi::OsString,
    fs::File,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
};

use domain::label::Language;
use hyper_util::rt::TokioIo;
use link::Stop;
use proto::admin::{
    Progress, RunReply, RunRequest,
    admin_client::AdminClient,
    admin_server::{Admin, AdminServer},
    run_reply::Part as Wire,
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_stream::{
    StreamExt as _,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{
    Request, Response, Status,
    transport::{Endpoint, Server},
};

use crate::{
    app::App,
    cli::{Cli, Setting, Side, misused, report, run_as},
    dir::Dir,
    failure::{Exit, Failure},
    output::{Out, Part},
};

/// Commands that run at once inside a serving program; more wait.
const COMMANDS_AT_ONCE: usize = 8;
/// Parts of output on their way.
const PARTS: usize = 256;

/// The socket's path through an open directory: short, whatever the directory is called.
fn socket_of(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/admin.sock", folder.as_raw_fd()))
}

/// Gives a command to the serving program. Nothing when none is serving.
///
/// # Errors
/// The directory cannot be opened.
pub async fn forward(
    dir: &Dir,
    args: Vec<OsString>,
    setting: &Setting,
    out: &mut Out,
) -> Result<Option<Result<(), Failure>>, Failure> {
    if !dir.socket().exists() {
        return Ok(None);
    }
    let folder = File::open(dir.path())?;
    let path = socket_of(&folder);
    let Ok(stream) = UnixStream::connect(&path).await else {
        return Ok(None);
    };
    let mut stream = Some(stream);
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = stream.take();
        async move {
            stream
                .map(TokioIo::new)
                .ok_or_else(|| std::io::Error::other("used"))
        }
    });
    let gone = |error: &dyn std::error::Error| {
        let detail = crate::failure::causes(error);
        Failure::new("ADMIN-001", Exit::Unreachable).with("detail", detail)
    };
    let endpoint = Endpoint::from_static("http://admin");
    let channel = endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|e| gone(&e))?;
    let request = RunRequest {
        args: args
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect(),
        folder: setting.folder.to_string_lossy().into_owned(),
        language: match out.language {
            Language::Zh => "zh".to_owned(),
            Language::En => "en".to_owned(),
        },
        columns: u32::from(out.columns),
        account: setting.options.account.clone(),
        password_file: setting
            .options
            .password_file
            .as_ref()
            .map(|file| file.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    let answer = AdminClient::new(channel).run(Request::new(request)).await;
    let mut parts = answer.map_err(|e| gone(&e))?.into_inner();
    while let Some(reply) = parts.next().await {
        match reply.map_err(|e| gone(&e))?.part {
            Some(Wire::Stdout(bytes)) => out.raw(Part::Stdout(text_of(&bytes))),
            Some(Wire::Stderr(bytes)) => out.raw(Part::Stderr(text_of(&bytes))),
            Some(Wire::Progress(p)) => {
                out.raw(Part::Progress {
                    done: p.done,
                    total: p.total,
                    what: p.what,
                });
            }
            Some(Wire::Exit(code)) => {
                out.exit = Exit::from_code(code);
                return Ok(Some(Ok(())));
            }
            None => {}
        }
    }
    Ok(Some(Err(
        Failure::new("ADMIN-001", Exit::Unreachable).with("detail", "closed early")
    )))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Serves the socket until the stop signal.
///
/// # Errors
/// The socket cannot be made.
pub fn start<S: Side>(app: App, side: Arc<S>, stop: Stop) -> Result<JoinHandle<()>, Failure> {
    let socket = app.dir.socket();
    // We hold the store, so whoever made an older socket has ended.
    if socket.exists() {
        std::fs::remove_file(&socket)?;
    }
    let folder = File::open(app.dir.path())?;
    let listener = UnixListener::bind(socket_of(&folder))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let service = Service {
        app,
        side,
        at_once: Arc::new(Semaphore::new(COMMANDS_AT_ONCE)),
    };
    Ok(tokio::spawn(async move {
        let incoming = UnixListenerStream::new(listener);
        let mut waiting = stop.clone();
        let served = Server::builder()
            .add_service(AdminServer::new(service))
            .serve_with_incoming_shutdown(incoming, async move { waiting.wait().await })
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the admin socket has failed");
        }
        // A socket that stays behind is replaced at the next start.
        std::fs::remove_file(&socket).unwrap_or_default();
    }))
}

struct Service<S> {
    app: App,
    side: Arc<S>,
    at_once: Arc<Semaphore>,
}

impl<S: Side> Service<S> {
    /// Runs one command to its end. Blocks.
    fn command(
        app: &App,
        side: &Arc<S>,
        request: RunRequest,
        parts: &mpsc::Sender<RunReply>,
    ) -> i32 {
        let args = request.args.iter().map(OsString::from);
        let language = if request.language == "en" {
            Language::En
        } else {
            Language::Zh
        };
        let cli = Cli::<S::Command>::read((S::NAME, S::ABOUT), args);
        let json = cli.as_ref().is_ok_and(|cli| cli.options.json);
        let columns = u16::try_from(request.columns).unwrap_or(0);
        let sink = parts.clone();
        let mut out = Out::new(json, language, columns, move |part| {
            // The caller has gone when nobody takes it; the command still runs to its end.
            sink.blocking_send(wire(part)).unwrap_or_default();
        });
        let cli = match cli {
            Ok(cli) => cli.given_by(&request.account, &request.password_file),
            Err(error) => {
                misused(&error, &mut out);
                return Exit::Usage as i32;
            }
        };
        match run_as::<S>(app, side, cli, PathBuf::from(request.folder), &mut out) {
            Ok(()) => out.exit as i32,
            Err(failure) => {
                report(&failure, &mut out);
                failure.exit as i32
            }
        }
    }
}

fn wire(part: Part) -> RunReply {
    RunReply {
        part: Some(match part {
            Part::Stdout(text) => Wire::Stdout(text.into_bytes()),
            Part::Stderr(text) => Wire::Stderr(text.into_bytes()),
            Part::Progress { done, total, what } => Wire::Progress(Progress { done, total, what }),
        }),
    }
}

#[tonic::async_trait]
impl<S: Side> Admin for Service<S> {
    type RunStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<RunReply, Status>> + Send>>;

    async fn run(&self, request: Request<RunRequest>) -> Result<Response<Self::RunStream>, Status> {
        let permit = Arc::clone(&self.at_once).acquire_owned().await;
        let permit = permit.map_err(|_closed| Status::unavailable("stopping"))?;
        let (parts, stream) = mpsc::channel(PARTS);
        let (app, side) = (self.app.clone(), Arc::clone(&self.side));
        tokio::task::spawn_blocking(move || {
            let exit = Self::command(&app, &side, request.into_inner(), &parts);
            let last = RunReply {
                part: Some(Wire::Exit(exit)),
            };
            parts.blocking_send(last).unwrap_or_default();
            drop(permit);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream).map(Ok))))
    }
}
