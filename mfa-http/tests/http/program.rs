//! The program, started and stopped as an operator does.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mfa-http");

/// A server process; killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Process {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::spawn(&mut program(folder))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .env("MFA_ADMIN_KEY", "an-admin-key-for-tests")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("mfa-http listens on ").unwrap().to_owned();
        Self { child, url }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn program(folder: &Path) -> Command {
    in_folder(Command::new(PROGRAM), folder)
}

pub(crate) fn in_folder(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_remove("MFA_STORE").env_remove("MFA_LISTEN").env_remove("MFA_ADMIN_KEY");
    command
}

/// Runs the program to its end. Another process may have the default port.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).env("MFA_LISTEN", "127.0.0.1:0").args(arguments).output().unwrap()
}

/// The standard output of a successful run.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The errors of a failed run.
pub(crate) fn complaint(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(folder, arguments);
    let lines = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), lines.lines().last().unwrap_or_default().to_owned())
}
