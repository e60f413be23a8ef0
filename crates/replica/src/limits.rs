//! The numbers that bound what the engine keeps, sends and takes.

/// Candidates that one register may hold; a local write that would be one more is answered
/// "decide first". Sixteen desks that disagree need a meeting, not another value.
pub const SIBLINGS_MAX: usize = 16;

/// Dots a sibling descends from that travel with it. Four was enough to find the true base of
/// 95 % of modelled conflicts.
pub const ANCESTRY_MAX: usize = 4;

/// Bytes of an ancestor's value that travel; a longer one is looked up in the history.
pub const ANCESTOR_VALUE_BYTES_MAX: usize = 256;

/// Records in one batch. Together with [`BATCH_BYTES_MAX`] it bounds what a receiver must hold.
pub const BATCH_RECORDS_MAX: usize = 1_024;

/// Bytes of records in one batch, and of one commit.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Bytes of one encoded record.
pub const RECORD_BYTES_MAX: usize = 256 << 10;

/// Registers and fields a record may have.
pub const REGISTERS_MAX: usize = 200;

/// The highest counter an incarnation may reach: a thousand writes a second for nine thousand
/// years. A higher one is a forgery.
pub const COUNTER_MAX: u64 = 1 << 48;

/// Batches on their way in one direction of one session.
pub const WINDOW_BATCHES: usize = 4;

/// Leaves that one side may name in one exchange: ten districts of a hundred thousand records.
pub const EXCHANGE_LEAVES_MAX: usize = 1 << 20;

/// Incarnations of one replica that others keep: one a day for twenty years. Beyond them nothing
/// is learnt, and writes under such a name wait.
pub const INCARNATIONS_MAX: usize = 8_192;

/// Leaves in one frame of an exchange.
pub const LEAVES_MAX: usize = 8_192;

/// Refusals that a Welcome repeats at once; the rest follows in the next session.
pub const REFUSALS_MAX: usize = 4_096;

/// Records that one side may hold back from the other in one scope. More are a matter for people,
/// not for another comparison.
pub const HELD_BACK_MAX: usize = 1_024;

/// Steps from a record to the one whose home it shares: activity, carrier, Party organisation,
/// organisation, and room for more. A longer chain is a circle.
pub const PARENTS_MAX: usize = 8;

/// Points of one incarnation that travel at once: heads at the ends of commits. The others follow
/// with later batches.
pub const POINTS_MAX: usize = 1_024;
