//! The harness: a hub and nodes in one process, over real TLS on loopback, and the bodies of the
//! programs that tests and people start.

pub mod bench;
pub mod demo;
pub mod programs;
pub mod proxy;
pub mod rig;
pub mod sample;
pub mod small;
