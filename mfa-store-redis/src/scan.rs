//! All keys with a prefix, on every primary, with `SCAN`. It shows each key that exists throughout at least
//! once, as long as no server is replaced and no slot moves meanwhile.

use redis::cmd;

use crate::connection::{Connection, Node};
use crate::error::RedisError;

/// How many slots of a server's table of keys one call looks at.
const COUNT: u32 = 1_000;

#[derive(Debug)]
pub(crate) struct Scan<'a> {
    connection: &'a Connection,
    nodes: &'a [Node],
    pattern: String,
    /// The node and its cursor; `None` after the last.
    pub(crate) place: Option<(usize, u64)>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(connection: &'a Connection, nodes: &'a [Node], prefix: &str) -> Self {
        Self { connection, nodes, pattern: format!("{}*", literally(prefix)), place: Some((0, 0)) }
    }

    /// The keys that the next call finds, perhaps none; `None` after the last call.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<String>>, RedisError> {
        let Some((number, cursor)) = self.place else { return Ok(None) };
        let Some(node) = self.nodes.get(number) else { return Ok(None) };
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(COUNT);
        let (cursor, keys): (u64, Vec<Vec<u8>>) = self.connection.on_node(node, scan).await?;
        self.place = match cursor {
            0 if number + 1 < self.nodes.len() => Some((number + 1, 0)),
            0 => None,
            cursor => Some((number, cursor)),
        };
        Ok(Some(keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()))
    }
}

/// A pattern that matches only this text.
fn literally(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, character| {
        if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::literally;

    #[test]
    fn a_prefix_matches_itself_alone() {
        assert_eq!(literally("mfa:totp:"), "mfa:totp:");
        assert_eq!(literally("a*[b]?\\"), "a\\*\\[b\\]\\?\\\\");
    }
}
