//! Rotation moves a consumer to another API key, and its records to a fresh data key, while both API keys work.
//!
//! ```text
//! join       the new key joins the consumer, with a keyring that opens everything; both keys work from here on
//! distribute a fresh data key enters both keyrings in pre-activation: it opens, and seals nothing new
//! activate   it seals, first for one key's callers, then for both's; a caller who lacks it reads its keyring again
//! re-encrypt each record is re-sealed with one conditional save; this may stop anywhere and continue later
//! drop       no record is left under an older data key, and both keyrings keep only the fresh one
//! ```
//!
//! Both keys carry a mark that names the fresh data key. Every change of a keyring also writes the mark. A rotation
//! changes no key with another rotation's mark, so the one that began last wins.
//!
//! Nothing is ever sealed under an older data key than before, so live traffic cannot undo the work.
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
#[cfg_attr(not(feature = "webauthn"), path = "user_off.rs")]
mod user;

pub use error::RotationError;
pub use service::{Credentials, Progress, RotationOptions, RotationReport};
pub use stage::{InvalidStage, Position, RotationStage};
