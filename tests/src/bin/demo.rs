//! `cargo demo`: a city and three districts in one terminal, from nothing.
//!
//! The same file is all three programs, told apart by the name it is started under.

use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    match name.to_string_lossy().as_ref() {
        "liangxin-hub" => hub::main(),
        "liangxin-node" => node::main(),
        _ => tests::demo::main(),
    }
}
