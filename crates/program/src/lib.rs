//! What both programs share: commands, configuration, texts, import, export, the admin socket,
//! metrics and shutdown.
//!
//! [`main`] is the whole start-up of a program: parse, log, find the running program or open the
//! store, run one command, exit. A command is a plain function from an [`App`] and its arguments
//! to output; it does not know whether it runs in its own process or inside the serving one.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod attachments;
pub mod audit;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod conflicts;
pub mod demo;
pub mod dir;
pub mod doctor;
pub mod export;
pub mod failure;
pub mod import;
mod logging;
pub mod metrics;
pub mod output;
pub mod persons;
pub mod proposals;
pub mod quarantine;
pub mod records;
pub mod refusals;
pub mod repair;
pub mod report;
pub mod requests;
pub mod returns;
pub mod rewrite;
pub mod serve;
pub mod sheet;
pub mod status;
pub mod store_key;
pub mod tables;
pub mod texts;
pub mod transfers;
pub mod year;

pub use app::{App, Live};
pub use cli::{Common, Options, Side, main};
pub use failure::{Exit, Failure};
pub use output::Out;

/// The allocator of every program that is built from this crate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
