//! The commands that both programs have: one file a noun.

pub mod conflict;
pub mod export;
pub mod import;
pub mod record;
pub mod report;
pub mod store;

use crate::{
    app::{App, Live},
    cli::{Common, Setting},
    failure::{Exit, Failure},
    output::Out,
    status,
};

/// Runs a common command on an opened store.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(app: &App, live: &L, command: Common, out: &mut Out) -> Result<(), Failure> {
    match command {
        Common::Status => status::status(app, live, out),
        Common::Record(command) => record::run(app, command, out),
        Common::Import(args) => import::run(app, &args, out),
        Common::Export(args) => export::run(app, &args, out),
        Common::Conflict(command) => conflict::run(app, &live.gone(), command, out),
        Common::Report(command) => report::run(app, command, out),
        Common::Verify => status::verify(app, live, out),
        Common::Backup(args) => store::backup(app, &args, out),
        Common::Doctor => status::doctor(app, live, out),
        Common::Restore(_) | Common::Config(_) => Err(Failure::new("USAGE-005", Exit::Usage)),
    }
}

/// Runs a common command that needs no opened store.
///
/// # Errors
/// The command failed.
pub fn local(setting: &Setting, command: &Common, out: &mut Out) -> Result<(), Failure> {
    match command {
        Common::Restore(args) => store::restore(setting, args, out),
        Common::Config(command) => store::config(setting, command, out),
        Common::Status
        | Common::Record(_)
        | Common::Import(_)
        | Common::Export(_)
        | Common::Conflict(_)
        | Common::Report(_)
        | Common::Verify
        | Common::Backup(_)
        | Common::Doctor => Err(Failure::new("USAGE-005", Exit::Usage)),
    }
}
