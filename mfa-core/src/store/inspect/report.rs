//! What was found.

use serde::Serialize;

use super::Census;
use crate::clock::UnixTime;

/// What an adapter is asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store holds everything, or ceremonies alone")]
pub enum Scope {
    /// A store for everything.
    Everything,
    /// A store that holds open ceremonies only.
    Ceremonies,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Area {
    /// Whether the store answers.
    Reachable,
    /// What the role may do.
    Permissions,
    /// Tables, keys and indexes.
    Tables,
    /// What survives a power cut or a disaster.
    Durability,
    /// Whether all rows could be read.
    Rows,
}

impl Area {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Permissions => "permissions",
            Self::Tables => "tables",
            Self::Durability => "durability",
            Self::Rows => "rows",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "good, bad, and neither")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing, or could not be found out.
    Note,
    /// Somebody must do something.
    Attention,
}

impl Verdict {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Attention => "attention",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub area: Area,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a store is.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How the place was found.
    pub checks: Vec<Check>,
    /// The rows.
    #[serde(flatten)]
    pub census: Census,
}

impl Report {
    /// An empty report; keys that have expired at `now` count as such.
    pub fn new(now: UnixTime) -> Self {
        Self { checks: Vec::new(), census: Census::new(now) }
    }

    /// Something is as it should be.
    pub fn ok(&mut self, area: Area, found: impl Into<String>) {
        self.check(area, Verdict::Ok, found.into(), None);
    }

    /// Something is worth knowing.
    pub fn note(&mut self, area: Area, found: impl Into<String>) {
        self.check(area, Verdict::Note, found.into(), None);
    }

    /// Somebody must do something.
    pub fn attention(&mut self, area: Area, found: impl Into<String>, advice: impl Into<String>) {
        self.check(area, Verdict::Attention, found.into(), Some(advice.into()));
    }

    /// How many things need attention.
    pub fn needing_attention(&self) -> usize {
        let checks = self.checks.iter().filter(|check| check.verdict == Verdict::Attention).count();
        checks.saturating_add(self.census.problems().len())
    }

    fn check(&mut self, area: Area, verdict: Verdict, found: String, advice: Option<String>) {
        self.checks.push(Check { area, verdict, found, advice });
    }
}
