//! The commands of the hub.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use program::Common;

use crate::scope::ScopeCommand;

/// Every command of `liangxin-hub`.
#[derive(Subcommand, Clone, Debug)]
pub enum HubCommand {
    /// Set up a city: identity, authority, store, scope and programme year
    Init(InitArgs),
    /// Take the calls of nodes
    Serve(ServeArgs),
    /// Invite nodes, see and revoke them
    #[command(subcommand)]
    Node(NodeCommand),
    /// Carry out a reform of divisions
    #[command(subcommand)]
    Scope(ScopeCommand),
    /// What both programs do.
    #[command(flatten)]
    Common(Common),
}

/// `init`.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// The city's division code, such as 410300
    #[arg(long)]
    pub scope: String,
    /// The city's name
    #[arg(long)]
    pub name: String,
    /// The first programme year (default: this year)
    #[arg(long)]
    pub year: Option<u32>,
    /// Make a store for demonstration: --today works, real nodes are kept out
    #[arg(long)]
    pub demo: bool,
    /// Protect the authority's key with the passphrase in this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where nodes call; port 0 takes any free one and prints it
    #[arg(long, default_value = "127.0.0.1:7443")]
    pub listen: SocketAddr,
    /// The web console
    #[arg(long)]
    pub console: Option<SocketAddr>,
    /// The passphrase of the authority's key
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `node …`.
#[derive(Subcommand, Clone, Debug)]
pub enum NodeCommand {
    /// Print a one-time token for a node of a scope
    Invite {
        /// The scope's code, such as 410305
        #[arg(long)]
        scope: String,
        /// The scope's name
        #[arg(long)]
        name: String,
        /// How long the token works: 24h, 90m, 7d
        #[arg(long, default_value = "24h")]
        ttl: String,
    },
    /// All nodes
    List,
    /// One node
    Show {
        /// The node
        id: String,
    },
    /// Refuse a node from now on; open sessions end at once
    Revoke {
        /// The node
        id: String,
    },
}
