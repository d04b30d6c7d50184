//! Rotation: a consumer moves to another API key, and everything it has to a fresh data key, while both keys work.
//!
//! ```text
//! join       the new key becomes the consumer's, with a keyring that opens everything; it works from here on
//! distribute a fresh data key goes into both keyrings, in pre-activation: it opens, and seals nothing new
//! activate   it seals, first by one key's callers, then by both's; whoever lacks it reads its keyring again
//! re-encrypt record by record, each one conditional save; may stop anywhere and go on later
//! drop       nothing is left under an older data key: both keyrings keep the fresh one alone
//! ```
//!
//! Both keys carry a mark that names the data key they go to. It is written together with every change of a keyring, and a
//! rotation changes nothing whose mark is not its own: the one that began last prevails.
//!
//! Nothing is ever sealed under an older data key than it was found under, so live traffic cannot undo the work.
//!
//! ```
//! # use mfa_core::{Mfa, rotation::{RotationError, RotationOptions}, store::memory::MemoryStore};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mfa = Mfa::builder(MemoryStore::default()).build();
//! # let old = mfa.create_api_key("dev@example.com").await?;
//! # let old_secret = mfa.activate_api_key(&old, "dev@example.com").await?;
//! # let new = mfa.create_api_key("dev@example.com").await?;
//! # let new_secret = mfa.activate_api_key(&new, "dev@example.com").await?;
//! let options = RotationOptions { revoke_old: true, ..RotationOptions::default() };
//! let report = mfa.rotate((&old, &old_secret), (&new, &new_secret), &options).await?;
//! assert!(report.done);
//!
//! let again = mfa.rotate((&old, &old_secret), (&new, &new_secret), &options).await;
//! assert!(matches!(again, Err(RotationError::Old(_)))); // it is revoked
//! # Ok(())
//! # }
//! ```

mod error;
mod plan;
mod reencrypt;
mod service;
mod stage;

pub use error::RotationError;
pub use service::{Credentials, Progress, RotationOptions, RotationReport};
pub use stage::{InvalidStage, Position, RotationStage};
