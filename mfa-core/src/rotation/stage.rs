//! The role of an API key in a rotation, and its progress. Stores keep it as text.

use std::fmt;
use std::str::FromStr;

use crate::store::Cursor;

/// The role of an API key in a rotation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a key is left, or gone to, or that is over")]
pub enum RotationStage {
    /// Another key takes over from this one.
    Source,
    /// This key takes over. Records before this position are under the new data key.
    Pass(Position),
    /// This key has taken over.
    Done,
}

/// The text is not a stage of a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a stage of a rotation")]
pub struct InvalidStage;

/// The kinds of records, in the order of the pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Totp,
    User,
}

/// The next page of a pass over the records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Position {
    pub(super) kind: Kind,
    /// The page begins after this record; `None` for the first page.
    pub(super) after: Option<Cursor>,
    /// Whether an earlier page held an unreadable record.
    pub(super) unreadable: bool,
}

impl Position {
    pub(super) const START: Self = Self { kind: Kind::Totp, after: None, unreadable: false };

    /// The page after this one, which ended at `next`; `None` if it was the last.
    pub(super) fn next(self, next: Option<Cursor>) -> Option<Self> {
        match (self.kind, next) {
            (_, Some(next)) => Some(Self { after: Some(next), ..self }),
            (Kind::Totp, None) => Some(Self { kind: Kind::User, after: None, ..self }),
            (Kind::User, None) => None,
        }
    }
}

/// ```
/// # use mfa_core::rotation::{InvalidStage, RotationStage};
/// assert_eq!("done".parse(), Ok(RotationStage::Done));
/// let position = "user/6f1d2c9e-43ab-4f0e-9c39-6b1de1a8c001";
/// assert_eq!(position.parse::<RotationStage>().map(|stage| stage.to_string()).as_deref(), Ok(position));
/// assert_eq!("almost".parse::<RotationStage>(), Err(InvalidStage));
/// ```
impl FromStr for RotationStage {
    type Err = InvalidStage;

    fn from_str(text: &str) -> Result<Self, InvalidStage> {
        match text {
            "source" => return Ok(Self::Source),
            "done" => return Ok(Self::Done),
            _ => {}
        }
        let (position, unreadable) = text.strip_prefix('!').map_or((text, false), |rest| (rest, true));
        let (kind, after) = position.split_once('/').ok_or(InvalidStage)?;
        let kind = match kind {
            "totp" => Kind::Totp,
            "user" => Kind::User,
            _ => return Err(InvalidStage),
        };
        let after = (!after.is_empty()).then(|| Cursor::after(after.to_owned()));
        Ok(Self::Pass(Position { kind, after, unreadable }))
    }
}

impl fmt::Display for RotationStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { kind, after, unreadable } = match self {
            Self::Source => return f.write_str("source"),
            Self::Done => return f.write_str("done"),
            Self::Pass(position) => position,
        };
        let kind = match kind {
            Kind::Totp => "totp",
            Kind::User => "user",
        };
        let after = after.as_ref().map_or("", Cursor::as_str);
        write!(f, "{}{kind}/{after}", if *unreadable { "!" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let after = Some(Cursor::after("a/b!c:1".to_owned()));
        let mut stages = vec![RotationStage::Source, RotationStage::Done];
        for unreadable in [false, true] {
            for kind in [Kind::Totp, Kind::User] {
                for after in [None, after.clone()] {
                    stages.push(RotationStage::Pass(Position { kind, after, unreadable }));
                }
            }
        }
        for stage in stages {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        assert_eq!("key/1".parse::<RotationStage>(), Err(InvalidStage));
    }
}
