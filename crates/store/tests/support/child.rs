//! This test program started once more, to do one task in a process of its own.
//!
//! A task is a word and arguments in an environment variable; what the child has to say are lines
//! on its output, each with a mark before it, because the test harness writes there too.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

const TASK: &str = "LIANGXIN_TEST_TASK";
const MARK: &str = "@ ";

/// Longer than any line of a child may take. One that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The words of the task, in the child.
pub fn task() -> Option<Vec<String>> {
    let task = std::env::var(TASK).ok()?;
    Some(task.split('\n').map(str::to_owned).collect())
}

/// Says a line to the parent.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{MARK}{line}\n").as_bytes())
        .unwrap();
    out.flush().unwrap();
}

/// A child at work.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Worker {
    /// Starts a child that runs the test of this name.
    pub fn start(test: &str, task: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        Self::spawn(
            Command::new(program).args([test, "--exact", "--nocapture"]),
            task,
        )
    }

    /// The same in a shell that does something first; there `"$@"` is the program.
    #[cfg(unix)]
    pub fn start_after(script: &str, test: &str, task: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        let script = format!("{script}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(program);
        Self::spawn(command.args([test, "--exact", "--nocapture"]), task)
    }

    fn spawn(command: &mut Command, task: &[&str]) -> Self {
        // What the engine says while it stops is expected here, and long.
        let command = command
            .env(TASK, task.join("\n"))
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = sync_channel(1_024);
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let said = line.strip_prefix(MARK).map(str::to_owned);
                if said.is_some_and(|said| send.send(said).is_err()) {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line, or nothing when the child has ended.
    pub fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the child hangs"),
        }
    }

    /// Ends the child at once, wherever it is. What it said before can still be read.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
