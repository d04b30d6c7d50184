//! Why a query cannot be used.

use std::fmt;

/// The longest name of a setting that an error repeats.
const NAME: usize = 40;

/// Why a query cannot be used. No error holds a value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum QueryError {
    /// The store does not know the setting.
    Unknown {
        /// Its name; `None` if what stands there does not look like a name and may be a secret.
        name: Option<String>,
        /// The known setting that the name resembles.
        meant: Option<&'static str>,
        /// The settings that the store knows.
        known: &'static [&'static str],
    },
    /// The setting has no value.
    Empty(&'static str),
    /// The setting has two values.
    Repeated(&'static str),
    /// There is an at sign after the question mark.
    AtSign,
}

impl QueryError {
    pub(crate) fn unknown(name: &str, known: &'static [&'static str]) -> Self {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let name = Some(name).filter(|name| (1..=NAME).contains(&name.len()) && name.bytes().all(letter));
        let meant = name.and_then(|name| nearest(&name.to_ascii_lowercase(), known));
        Self::Unknown { name: name.map(str::to_owned), meant, known }
    }
}

/// The known name that becomes `name` by the fewest slips of the keyboard: at most one in three letters.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let distances = known.iter().map(|known| (strsim::osa_distance(name, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= nearest.len() / 3).then_some(nearest)
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, meant, known } => {
                f.write_str("unknown setting")?;
                if let Some(name) = name {
                    write!(f, " {name}")?;
                }
                match (meant, known) {
                    (_, []) => f.write_str("; this store has none"),
                    (Some(meant), _) => write!(f, ", did you mean {meant}? Known: {}", known.join(", ")),
                    (None, _) => write!(f, ". Known: {}", known.join(", ")),
                }
            }
            Self::Empty(name) => write!(f, "{name} has no value"),
            Self::Repeated(name) => write!(f, "{name} is set twice"),
            Self::AtSign => f.write_str(
                "there is an @ after the ?. Write %40 for @ in a setting, and %3F for ? in a password",
            ),
        }
    }
}
