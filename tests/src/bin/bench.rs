//! The benchmarks: what the federation does a second, beside the raw limits of the same run.
//!
//! `cargo run --profile bench -p tests --bin bench -- [--records N] [--only NAME] [--json FILE]`.
//! Everything runs over TLS on loopback with every ack durable on disk. Memory is measured in
//! processes of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::bench::main()
}
