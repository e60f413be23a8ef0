//! The network as nodes and attackers meet it: real sockets on loopback, real TLS, a real server.
//!
//! Every refusal is checked for its reason, and that no handler was reached.

mod authority;
mod certificates;
mod dialling;
mod enrolment;
mod files;
mod reloading;
mod serving;
mod world;
