//! The findings.

use super::Census;
use crate::clock::UnixTime;

/// What an adapter inspects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store holds everything, or ceremonies alone")]
pub enum Scope {
    /// A store for everything.
    Everything,
    /// A store that holds open ceremonies only.
    Ceremonies,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
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

/// The outcome of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[expect(clippy::exhaustive_enums, reason = "good, bad, and neither")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing, or unknown.
    Note,
    /// The operator must act.
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

/// One thing that was checked.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Check {
    /// The subject of the check.
    pub area: Area,
    /// The outcome.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub advice: Option<String>,
}

/// The state of a store.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// What the checks found.
    pub checks: Vec<Check>,
    /// The rows.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub census: Census,
}

impl Report {
    /// An empty report. Keys that have expired at `now` count as expired.
    pub fn new(now: UnixTime) -> Self {
        Self { checks: Vec::new(), census: Census::new(now) }
    }

    /// Adds a check that passed.
    pub fn ok(&mut self, area: Area, found: impl Into<String>) {
        self.check(area, Verdict::Ok, found.into(), None);
    }

    /// Adds something worth knowing.
    pub fn note(&mut self, area: Area, found: impl Into<String>) {
        self.check(area, Verdict::Note, found.into(), None);
    }

    /// Adds something that needs attention.
    pub fn attention(&mut self, area: Area, found: impl Into<String>, advice: impl Into<String>) {
        self.check(area, Verdict::Attention, found.into(), Some(advice.into()));
    }

    /// The number of things that need attention.
    pub fn needing_attention(&self) -> usize {
        let checks = self.checks.iter().filter(|check| check.verdict == Verdict::Attention).count();
        checks.saturating_add(self.census.problems().len())
    }

    fn check(&mut self, area: Area, verdict: Verdict, found: String, advice: Option<String>) {
        self.checks.push(Check { area, verdict, found, advice });
    }
}
