//! Durable state: what a replica knows, and the one order in which it becomes true.
//!
//! A [`Store`] keeps keys and values, atomically and durably; [`Memory`] and [`Disk`] are two
//! makers of it. [`Ledger`] lays records, feeds, history, journals and fingerprints out in a
//! store. [`Host`] is a replica: it takes edits and the operations of sessions, and answers only
//! what has been synced. [`Writer`] runs a host on its own thread and groups commits. [`Cabinet`]
//! keeps the contents of attachments beside it.
#![warn(clippy::non_ascii_literal)]

mod account;
mod backup;
mod cabinet;
mod disk;
mod erase;
mod holding;
mod host;
mod journal;
mod key;
mod keys;
mod ledger;
mod memory;
mod prove;
mod store;
mod survey;
mod wire;
mod writer;

pub use account::{ACCOUNT_NAMES_MAX, Account, Claims, Extract};
pub use backup::{
    BackupError, BackupFacts, BackupReport, backup, backup_to, restore, verify as verify_backup,
};
pub use cabinet::{Cabinet, CabinetError, FILE_BYTES_MAX, FileHash, Kept, NoHash, Part};
pub use disk::{Disk, DiskConfig, Lock, Salvaged, free_bytes, salvage};
pub use erase::{Erasure, Locals, Personal, REWRITE_DUE, rewrite, rewrite_due};
pub use holding::Holding;
pub use host::{
    Act, Answer, Child, Command, Grounds, HeldBack, HomeOf, Host, HostConfig, HostError, Judge,
    JudgeInput, Late, Lends, Login, OnRecord, Parent, PeerStatus, Propose, Reached, Rebuilt,
    Refused, Reply, Rules, Status, Verdict, Written, mark_restored, rebuild, remember,
};
pub use key::{KeyId, NoKey, StoreKey};
pub use ledger::{
    ClockReading, Guest, JournalBreak, Ledger, PeerHeard, Place, Reader, Stored, Unsettled,
    keep_local, local,
};
pub use memory::Memory;
pub use store::{Batch, Store, StoreError, Visitor};
pub use survey::{Beyond, Survey, WriteFact};
pub use writer::{Handle, Writer, WriterConfig};
