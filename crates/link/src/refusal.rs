//! Stable codes on the wire: how a call that the hub refuses says why.
//!
//! The gRPC code is for machines in between, the text for logs; programs go by the stable code,
//! which travels as metadata.

use tonic::{Code, Status};

/// The metadata key of the stable code.
pub const CODE_KEY: &str = "liangxin-code";

/// Returns a status that carries a stable code.
#[must_use]
pub fn status(code: Code, stable: &'static str, text: impl Into<String>) -> Status {
    let mut status = Status::new(code, text);
    let stable = tonic::metadata::MetadataValue::from_static(stable);
    status.metadata_mut().insert(CODE_KEY, stable);
    status
}

/// Returns the stable code that a status carries.
#[must_use]
pub fn stable_code(status: &Status) -> Option<&str> {
    status.metadata().get(CODE_KEY)?.to_str().ok()
}
