//! The city program, here so that cargo builds what the tests start.

fn main() -> std::process::ExitCode {
    hub::main()
}
