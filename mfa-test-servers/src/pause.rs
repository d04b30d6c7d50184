//! Servers that stand still.

use std::process::Command;

use crate::OwnServer;

impl OwnServer {
    /// Stops the process without ending it. Its connections stay open, and nobody answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }
}
