//! The numbers that bound what the network side accepts, keeps and waits for.

use std::time::Duration;

/// From the first byte to the end of the TLS handshake. A district line answers in well under a
/// second; whoever needs five is not a node.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Handshakes under way at once. When one more comes, the oldest of the busiest address ends.
pub const HANDSHAKES_MAX: usize = 256;

/// Established connections of all kinds.
pub const CONNECTIONS_MAX: usize = 512;

/// Sync connections of one identity. When one more comes, the oldest ends: a line that broke
/// without a word must not lock its node out until the keepalive notices.
pub const CONNECTIONS_PER_IDENTITY_MAX: usize = 4;

/// Enrol connections of all addresses together. They need no certificate, so they are few.
pub const ENROL_CONNECTIONS_MAX: usize = 32;

/// Connections that wait for the server to take them.
pub const ACCEPTED_MAX: usize = 64;

/// How often open connections are compared with the deny list and their certificates' ends.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A sync connection ends after a day, so that renewed certificates take effect.
pub const SYNC_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// An enrolment takes a second; a connection that stays a minute wants something else.
pub const ENROL_AGE_MAX: Duration = Duration::from_secs(60);

/// What open streams get to finish in when the connection has reached its age.
pub const AGE_GRACE: Duration = Duration::from_secs(5);

/// What open streams get to finish in when the program stops; SIGTERM promises five seconds.
pub const STOP_GRACE: Duration = Duration::from_secs(3);

/// Streams of one HTTP/2 connection: one session, health, reflection, renewal, and room.
pub const STREAMS_MAX: u32 = 16;

/// HTTP/2 ping when nothing else was heard, and how long the answer may take.
pub const KEEPALIVE: Duration = Duration::from_secs(20);

/// One message, decoded or encoded: a batch is bounded to 1 MiB, the rest is leaves and room.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// One HTTP/2 frame. Larger than the default 16 KiB because a batch is a megabyte.
pub const FRAME_BYTES_MAX: u32 = 256 << 10;

/// Bytes a stream may have on its way: the four batches of a session's window, and room.
pub const STREAM_WINDOW_BYTES: u32 = 6 << 20;

/// Bytes a connection may have on its way.
pub const CONNECTION_WINDOW_BYTES: u32 = 12 << 20;

/// Headers of one request.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;

/// Streams that a client may reset before the server has taken them (the rapid-reset attack).
pub const PENDING_RESETS_MAX: usize = 20;

/// Streams that the server may reset because of the client's errors.
pub const LOCAL_RESETS_MAX: usize = 64;

/// From the first packet to the hub's first HTTP/2 frame, on the dialling side.
pub const DIAL_MAX: Duration = Duration::from_secs(10);

/// One enrolment or renewal call.
pub const CALL_MAX: Duration = Duration::from_secs(30);

/// One proof, from the question to the kept certificate: some seconds for a hundred thousand
/// records, and room for a slow line.
pub const CERTIFY_MAX: Duration = Duration::from_secs(120);

/// Certificates that the hub makes at once; each may take some hundred megabytes for a while.
pub const CERTIFY_AT_ONCE: usize = 2;

/// Refused writes that an answer names. More than that is no everyday matter, and the certificate
/// is then false rather than long.
pub const CERTIFY_REFUSED_MAX: usize = 16_384;

/// One piece of an attachment's content. Small, so that on a slow line the next batch of records
/// waits for one of them at most.
pub const PIECE_BYTES_MAX: usize = 64 << 10;

/// How often it is looked again for files that are wanted, whether anybody has rung or not.
pub const FILES_LOOK: Duration = Duration::from_secs(60);

/// Requests for files that may wait here at once. A person makes them, one by one.
pub const FILES_WAITING_MAX: usize = 256;

/// New requests of one peer for files in a day, those that are refused included: each is on record
/// for ever, and a peer must not fill the disk with them.
pub const FILES_ASKED_PER_DAY_MAX: usize = 500;

/// The account and the reason of a request for a file, together.
pub const FILE_WORDS_BYTES_MAX: usize = 24 << 10;

/// A certificate signing request with a P-256 key has about 300 bytes.
pub const CSR_BYTES_MAX: usize = 8 << 10;

/// The text by which a program introduces itself.
pub const PROGRAM_BYTES_MAX: usize = 128;

/// Failed enrolments of one address in [`ATTEMPT_SPAN`].
pub const ATTEMPTS_MAX: usize = 5;

/// The span in which failed enrolments are counted.
pub const ATTEMPT_SPAN: Duration = Duration::from_secs(60);

/// Addresses whose failed enrolments are remembered; beyond them the longest quiet is forgotten.
pub const ATTEMPT_ADDRESSES_MAX: usize = 4_096;

/// Refusals kept for a reader that is behind; older ones are lost to it, not to the counters.
pub const REFUSALS_KEPT: usize = 256;

/// How far the hub's certificate may lie outside its life before the own clock is in doubt
/// rather than the hub's upkeep, which renews thirty days before the end.
pub const CLOCK_DOUBT_MS: u64 = 30 * DAY_MS;

/// A node's or the hub's certificate.
pub const LEAF_LIFE_MS: u64 = 90 * DAY_MS;

/// The authority's certificate, the ten leap-less years of it.
pub const AUTHORITY_LIFE_MS: u64 = 3_652 * DAY_MS;

/// How far back a new certificate begins, for clocks that are a little late.
pub const BACKDATE_MS: u64 = HOUR_MS;

/// How long a revocation list may be used.
pub const REVOCATION_LIST_LIFE_MS: u64 = 7 * DAY_MS;

const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;
