//! The benchmarks: what the federation does a second, beside the raw limits of the same run.
//!
//! `cargo run --profile bench -p tests --bin bench -- [--records N] [--only NAME] [--json FILE]`.
//! With `--only demo --repeat 1 [--organisations N]` it fills one store with the large demo instead: records, bytes,
//! memory.
//! Everything runs over TLS on loopback with every ack durable on disk. Memory is measured in
//! processes of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::bench::main()
}
