//! Scripts, each one command on one key to the server. They are called by their digest: a server that was told the text once
//! knows it, until it restarts or another takes its place.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, ServerErrorKind, cmd};

use crate::RedisStore;
use crate::error::RedisError;

/// A script's text and its digest, SHA-1 in hex as `EVALSHA` wants it.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    digest: String,
}

pub(crate) static CREATE: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/create.lua")));
pub(crate) static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::of(include_str!("scripts/replace.lua")));
pub(crate) static DELETE: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/delete.lua")));

impl Script {
    fn of(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    fn on(&self, key: &str, by_text: bool, arguments: impl Fn(&mut Cmd)) -> Cmd {
        let mut command = if by_text { cmd("EVAL") } else { cmd("EVALSHA") };
        command.arg(if by_text { self.text } else { &self.digest }).arg(1).arg(key);
        arguments(&mut command);
        command
    }
}

impl RedisStore {
    /// Runs a script that writes, with what `arguments` adds.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: impl Fn(&mut Cmd) + Send + Sync,
    ) -> Result<T, RedisError> {
        // With replicas to wait for, a refusal would come in the middle of two commands.
        if self.replicas > 0 {
            return self.connection.write(script.on(key, true, arguments), self.replicas).await;
        }
        match self.connection.call(&script.on(key, false, &arguments)).await {
            // It has not run, so it can be sent again.
            Err(RedisError::Call(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.connection.call(&script.on(key, true, &arguments)).await
            }
            outcome => outcome,
        }
    }
}
