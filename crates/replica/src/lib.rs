//! The engine of replication, pure: what a write is, how states merge, how two replicas come to
//! hold the same.
//!
//! It knows records as registers of opaque values. It reads no clock, file, socket or random
//! source: what it needs comes in as arguments, what it wants done goes out in a [`Step`]. The
//! rules are those of `docs/SYNC.md`.
#![warn(clippy::non_ascii_literal)]

pub mod account;
mod codec;
mod context;
mod edit;
mod erase;
mod fingerprint;
mod id;
mod journal;
pub mod limits;
mod merge;
mod owner;
mod record;
mod seal;
pub mod session;

pub use context::Context;
pub use edit::{Edit, EditError, Set, Shown, Stamp, TakenBack};
pub use erase::{ERASED_REASON, ERASED_VALUE};
pub use fingerprint::{BUCKETS, Bucket, Fingerprint, PAGES, bucket_of};
pub use id::{
    Clock, Counter, Dot, Head, HybridTime, Incarnation, Kind, Leaf, Mono, RecordId, RecordKey,
    RegisterId, ReplicaId, ScopeId, Seq,
};
pub use journal::{JournalEntry, chain, write_hash};
pub use merge::{Collision, merge};
pub use owner::{Owner, owner};
pub use record::{Ancestor, DecodeError, Record, Sibling, Source, Write};
pub use seal::SealKey;
pub use session::{Session, Step};
