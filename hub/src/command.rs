//! The commands of the hub.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use domain::permission::Right;
use program::{Common, accounts::Deed};

use crate::{
    claim::ClaimCommand, nomination::NominationCommand, point::PointCommand, scope::ScopeCommand,
    transfer::TransferCommand,
};

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
    /// One organisation in two scopes: see and rule it
    #[command(subcommand)]
    Claim(ClaimCommand),
    /// Receive what the districts have recommended
    #[command(subcommand)]
    Nomination(NominationCommand),
    /// Demonstration points under review
    #[command(subcommand)]
    Point(PointCommand),
    /// Move records between scopes
    #[command(subcommand)]
    Transfer(TransferCommand),
    /// Let the nodes give back what this hub has forgotten
    Refill(RefillArgs),
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

/// `refill`.
#[derive(Args, Clone, Debug)]
pub struct RefillArgs {
    /// This hub was put back to an earlier state, as by the image of a disk, and knows it
    #[arg(long)]
    pub confirm: bool,
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
    /// Wait no longer for a node: what it has not sent becomes proposals when it returns
    Fence {
        /// The node
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Renew the hub's own certificate now, and list when those of the nodes end
    Renew,
}

impl NodeCommand {
    /// What it does.
    pub(crate) fn deed(&self) -> Deed {
        let nodes = |name, id: &str| Deed::of(name, Right::Nodes).about(&[id]).noted();
        match self {
            Self::Invite { scope, .. } => nodes("node invite", scope),
            Self::List => Deed::of("node list", Right::Read),
            Self::Show { id } => Deed::of("node show", Right::Read).about(&[id]),
            Self::Revoke { id } => nodes("node revoke", id),
            Self::Fence { id, reason } => {
                nodes("node fence", id).because(reason.as_deref().unwrap_or_default())
            }
            Self::Renew => nodes("node renew", ""),
        }
    }
}
