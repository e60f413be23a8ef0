//! The commands of the node.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use program::Common;

use crate::transfer::TransferCommand;

/// Every command of `liangxin-node`.
#[derive(Subcommand, Clone, Debug)]
pub enum NodeCommand {
    /// Join a hub with a one-time token; sets up the directory
    Join(JoinArgs),
    /// Keep the ledger and call the hub
    Serve(ServeArgs),
    /// Ask for a move of a record to another scope, or agree to one
    #[command(subcommand)]
    Transfer(TransferCommand),
    /// Organisations that another scope has too, and what the city ruled
    Claims,
    /// Exchange with the hub
    Sync(SyncArgs),
    /// What both programs do.
    #[command(flatten)]
    Common(Common),
}

/// `join`.
#[derive(Args, Clone, Debug)]
pub struct JoinArgs {
    /// Where the hub is: https and then HOST:PORT
    #[arg(long)]
    pub hub: String,
    /// The token of the invitation
    #[arg(long)]
    pub token: String,
    /// The store is for demonstration; only a demonstration hub takes it
    #[arg(long)]
    pub demo: bool,
}

/// `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// The web console
    #[arg(long)]
    pub console: Option<SocketAddr>,
}

/// `sync`.
#[derive(Args, Clone, Debug)]
pub struct SyncArgs {
    /// Exchange until both sides are settled, then exit
    #[arg(long, required = true)]
    pub once: bool,
}
