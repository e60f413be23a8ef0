//! The names of things: small values that cannot be mistaken for each other.

use std::fmt;

/// The causal identity of one replica between two starts: 64 random bits. Never derived from a
/// certificate, a host or a division code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// The number of a write within its incarnation: 1, 2, 3 … without a gap.
pub type Counter = u64;

/// The name of one write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who wrote.
    pub incarnation: Incarnation,
    /// Which of its writes.
    pub counter: Counter,
}

/// The number of a record kind; the schema says which is which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u32);

/// 16 bytes: a UUID, time-ordered or derived from key fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub [u8; 16]);

/// What names a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The kind.
    pub kind: Kind,
    /// The id, unique within the kind.
    pub id: RecordId,
}

/// The id of a reporting area: the unit of permission and of replication.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub [u8; 16]);

/// The id of a participant's store, for life. It names nothing causal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub [u8; 16]);

/// One register of a record: the number of its field, or of the first field of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegisterId(pub u32);

impl RegisterId {
    /// The register by which a record is deleted: `liangxin.schema.v1.Deletion`.
    pub const DELETED: Self = Self(100_001);
    /// The register that says where a record belongs: `liangxin.schema.v1.Ownership`.
    pub const OWNER: Self = Self(100_002);

    /// Whether the engine, not the schema, gives the register its meaning.
    #[must_use]
    pub fn is_system(self) -> bool {
        self.0 > 100_000
    }
}

/// A position in one feed of one replica. Never compared between replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A running BLAKE3 over a feed or a journal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head(pub [u8; 32]);

/// BLAKE3 of a record's canonical encoding: its checksum and its part of the fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf(pub [u8; 32]);

/// Milliseconds on a clock that only goes forward; drives timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// Milliseconds since 1970 in the upper 48 bits, a tie counter below. Shown to people; decides
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HybridTime(pub u64);

impl HybridTime {
    /// Returns the time of the next write: the wall clock, but later than every time seen.
    #[must_use]
    pub fn tick(self, wall_ms: u64) -> Self {
        Self((wall_ms << 16).max(self.0 + 1))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }
}

/// The source of both times, passed in by whoever runs the engine.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds that only go forward.
    fn mono(&self) -> Mono;
    /// Milliseconds since 1970 as the machine believes.
    fn wall_ms(&self) -> u64;
}

macro_rules! hex_text {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }
    )*};
}
hex_text!(ScopeId, ReplicaId, Head, Leaf);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<&[u8]> for RecordId {
    type Error = std::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.incarnation.0, self.counter)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
