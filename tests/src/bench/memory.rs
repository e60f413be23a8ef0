//! Memory and opening time of a store, in a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use program::dir::Role;

use super::{Report, say};
use crate::rig::{Medium, fresh_replica, open};

/// Opens a store, prints milliseconds and resident kibibytes, and ends.
pub(crate) fn child(path: &Path, role: Role) -> ExitCode {
    let start = Instant::now();
    let opened = open(role, fresh_replica(), "410305", &Medium::Disk(path));
    let Ok(writer) = opened else {
        return ExitCode::FAILURE;
    };
    let opened_ms = start.elapsed().as_secs_f64() * 1_000.0;
    say(&format!(
        "{opened_ms:.1} {} {}",
        resident_kib(),
        writer.handle().reader().count()
    ));
    match writer.stop() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_failed) => ExitCode::FAILURE,
    }
}

/// Resident memory of this process, KiB.
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Opens a store in a new process and reports what it took. One whose own writes are sealed opens as a
/// hub's only.
///
/// # Panics
/// When the process cannot be started.
pub(crate) fn measure(path: &Path, role: Role, who: &str, report: &mut Report) {
    let program = std::env::current_exe().expect("a program has a path");
    let mut child = Command::new(program)
        .arg("--open")
        .arg(path)
        .args((role == Role::Hub).then_some("--hub"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts");
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out)
            .read_line(&mut line)
            .expect("the process prints");
    }
    child.wait().expect("the process ends");
    let mut numbers = line
        .split_whitespace()
        .map(|n| n.parse::<f64>().unwrap_or(f64::NAN));
    let (opened_ms, kib) = (numbers.next(), numbers.next());
    report.add(&format!("open, {who}"), opened_ms.unwrap_or(f64::NAN), "ms");
    report.add(
        &format!("memory after open, {who}"),
        kib.unwrap_or(f64::NAN) / 1_024.0,
        "MiB",
    );
}
