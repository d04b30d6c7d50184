//! Reads the settings in a store's URL, such as `prefix` in `redis://db?prefix=acme`. A setting that the store does not
//! know is an error: ignored, a misspelt `sslmode` would mean a connection without TLS.
//!
//! ```
//! use mfa_url::Query;
//!
//! let query = Query::parse("prefix=acme&replicas=1", &["prefix", "replicas"])?;
//! assert_eq!(query.get("prefix"), Some("acme"));
//!
//! let refused = Query::parse("replica=1", &["prefix", "replicas"]).unwrap_err();
//! assert_eq!(refused.to_string(), "unknown setting replica, did you mean replicas? Known: prefix, replicas");
//! # Ok::<(), mfa_url::QueryError>(())
//! ```

mod error;

use std::borrow::Cow;
use std::fmt;

pub use error::QueryError;

/// The settings in a URL's query. Each is known, set once and not empty.
pub struct Query<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Splits `url` at its question mark. What follows is for [`parse`](Self::parse).
    pub fn split(url: &str) -> (&str, &str) {
        url.split_once('?').unwrap_or((url, ""))
    }

    /// Reads what follows a URL's question mark. `known` lists the store's settings.
    ///
    /// # Errors
    ///
    /// [`QueryError`]. It holds no value, because a value may be a password.
    pub fn parse(query: &'a str, known: &'static [&'static str]) -> Result<Self, QueryError> {
        // A password with a question mark in it ends in the query, and an at sign follows it there.
        if query.contains('@') {
            return Err(QueryError::AtSign);
        }
        let mut settings = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
            let Some(&name) = known.iter().find(|known| **known == name) else {
                // Without an equals sign, what looks like a name may be a value.
                let name = if pair.contains('=') { &name } else { "" };
                return Err(QueryError::unknown(name, known));
            };
            if value.is_empty() {
                return Err(QueryError::Empty(name));
            }
            if settings.iter().any(|(set, _)| *set == name) {
                return Err(QueryError::Repeated(name));
            }
            settings.push((name, value));
        }
        Ok(Self(settings))
    }

    /// The value of a setting, decoded.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(set, _)| *set == name).map(|(_, value)| &**value)
    }
}

/// Shows the names only.
impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests;
