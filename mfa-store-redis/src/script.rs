//! Scripts. To the server, each is one command on the keys of one slot. We call them by digest: a server keeps a script's
//! text after its first use, until it restarts or is replaced.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, ServerErrorKind, cmd};

use crate::RedisStore;
use crate::error::RedisError;

/// A script's text and its digest for `EVALSHA`, SHA-1 in hex.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    digest: String,
}

pub(crate) static CREATE: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/create.lua")));
pub(crate) static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::of(include_str!("scripts/replace.lua")));
pub(crate) static DELETE: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/delete.lua")));
pub(crate) static ADD_ENTRY: LazyLock<Script> =
    LazyLock::new(|| Script::of(include_str!("scripts/index.lua")));

impl Script {
    fn of(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    fn on(&self, keys: &[&str], by_text: bool, arguments: impl Fn(&mut Cmd)) -> Cmd {
        let mut command = if by_text { cmd("EVAL") } else { cmd("EVALSHA") };
        command.arg(if by_text { self.text } else { &self.digest }).arg(keys.len()).arg(keys);
        arguments(&mut command);
        command
    }
}

impl RedisStore {
    /// Runs a writing script on keys of one slot, with the arguments that `arguments` adds.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: impl Fn(&mut Cmd) + Send + Sync,
    ) -> Result<T, RedisError> {
        // When we wait for replicas, a refusal would come between two commands.
        if self.connection.waits() {
            return self.connection.write(script.on(keys, true, arguments)).await;
        }
        match self.connection.call(&script.on(keys, false, &arguments)).await {
            // It has not run, so send it again.
            Err(RedisError::Call(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.connection.call(&script.on(keys, true, &arguments)).await
            }
            outcome => outcome,
        }
    }
}
