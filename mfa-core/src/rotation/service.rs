//! Rotation from one key to another, and upgrades without another key.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::RotationError;
use super::plan::Presented;
use super::reencrypt::{End, Pass};
use super::stage::{Position, RotationStage};
use crate::api_key::{ApiKey, ApiKeyError, ApiSecret};
use crate::envelope::DataKeyId;
use crate::event::{Action, Event};
use crate::store::{Page, TotpRecord};
use crate::{Consumer, Mfa};

/// An API key and its secret.
pub type Credentials<'a> = (&'a ApiKey, &'a ApiSecret);

/// Options of a rotation.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers write it, with `..RotationOptions::default()`")]
pub struct RotationOptions<'a> {
    /// The caller's address. Failures are counted against it.
    pub source: IpAddr,
    /// Whether to revoke the old key when the pass over the records is finished.
    pub revoke_old: bool,
    /// How long to work before stopping, to be called again; `None` to work until the end.
    pub patience: Option<Duration>,
    /// Records to hold in memory at once.
    pub batch: usize,
    /// Called after each batch.
    pub progress: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
}

impl Default for RotationOptions<'_> {
    fn default() -> Self {
        Self {
            source: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            revoke_old: false,
            patience: None,
            batch: Page::<TotpRecord>::LIMIT,
            progress: None,
        }
    }
}

impl fmt::Debug for RotationOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revoke_old, patience, batch, .. } = self;
        write!(f, "RotationOptions {{ revoke_old: {revoke_old}, patience: {patience:?}, batch: {batch} }}")
    }
}

/// The progress of a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Records that this call re-sealed under the fresh data key.
    pub complete: u64,
    /// Records that cannot be read.
    pub unreadable: u64,
}

/// What a call has done and what remains.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RotationReport {
    /// TOTP records that this call re-sealed under the fresh data key.
    pub totp_complete: u64,
    /// TOTP records that are not: unreadable, or not reached in time.
    pub totp_incomplete: u64,
    /// The same for users.
    pub webauthn_complete: u64,
    /// The same for users.
    pub webauthn_incomplete: u64,
    /// Ids of the records that cannot be read, a thousand at most.
    pub unreadable: Vec<String>,
    /// Whether everything is under the fresh data key and the older ones are gone from the keyrings.
    pub done: bool,
    /// Whether the old key is revoked.
    pub old_revoked: bool,
}

impl Mfa {
    /// Moves a consumer from one API key to another. Both keys work throughout, until the old one is revoked.
    /// Call it again with the same keys at any time to continue.
    ///
    /// # Errors
    ///
    /// [`RotationError`] says what to do. Keys or secrets that are not accepted change nothing.
    pub async fn rotate(
        &self,
        old: Credentials<'_>,
        new: Credentials<'_>,
        options: &RotationOptions<'_>,
    ) -> Result<RotationReport, RotationError> {
        let new_secret = new.1;
        // A predecessor's key gets its keyring here.
        let mut old = self.present(options.source, old).await.map_err(RotationError::Old)?;
        let mut new = self.present(options.source, new).await.map_err(RotationError::New)?;
        if old.record.key == new.record.key {
            return Err(RotationError::SameKey);
        }
        let (end, mut report) = if new.is_done_with(&old) {
            (End::Clean, RotationReport { done: true, ..RotationReport::default() })
        } else {
            let goal = self.distribute(&mut old, &mut new).await?;
            let (end, mut report) = self.pass(&mut new, goal, options).await?;
            if end == End::Clean {
                let pair = [old.record.key.clone(), new.record.key.clone()];
                self.refuse_third_keys(&new.record.consumer, &pair).await?;
                match self.drop_older(&mut old, goal, None).await {
                    // The key was revoked meanwhile, and has no keyring.
                    Ok(()) | Err(RotationError::New(ApiKeyError::Unauthorized)) => {}
                    Err(error) => return Err(error),
                }
                self.finish(&mut new, goal, &mut report).await?;
            }
            (end, report)
        };
        if end != End::Stopped && options.revoke_old {
            // Do not revoke the last working key: the new one may have expired meanwhile.
            self.present_again((&new.record.key, new_secret)).await.map_err(RotationError::New)?;
            self.revoke_api_key(&old.record.key).await.map_err(RotationError::Old)?;
            report.old_revoked = true;
        }
        Ok(report)
    }

    /// Re-seals all records of a key's consumer under its newest data key, and drops the older ones. This is
    /// a rotation's pass without another key. Use it to finish a rotation whose old key is revoked.
    ///
    /// # Errors
    ///
    /// Those of [`Mfa::rotate`], where the key counts as the [`New`](RotationError::New) one.
    pub async fn upgrade_api_key(
        &self,
        credentials: Credentials<'_>,
        options: &RotationOptions<'_>,
    ) -> Result<RotationReport, RotationError> {
        let mut key = self.present(options.source, credentials).await.map_err(RotationError::New)?;
        let goal = match &key.record.rotation {
            Some(mark) if mark.stage != RotationStage::Done => {
                // The other keys of the consumer may lack this data key.
                let goal = DataKeyId::from_stored(mark.data_key);
                let own = std::slice::from_ref(&key.record.key);
                self.refuse_third_keys(&key.record.consumer, own).await?;
                self.activate_data_key(&mut key, goal).await?;
                goal
            }
            _ => self.begin_upgrade(&mut key).await?,
        };
        let (end, mut report) = self.pass(&mut key, goal, options).await?;
        if end == End::Clean {
            self.finish(&mut key, goal, &mut report).await?;
        }
        Ok(report)
    }

    async fn pass(
        &self,
        key: &mut Presented,
        goal: DataKeyId,
        options: &RotationOptions<'_>,
    ) -> Result<(End, RotationReport), RotationError> {
        let kek = key.key_encryption_key();
        let consumer = Consumer::new(self.clone(), &key.record, kek, key.keyring.copy());
        let report = RotationReport::default();
        let mut pass = Pass { mfa: self, consumer, key, goal, options, report };
        let end = pass.run().await?;
        if end == End::Unreadable {
            // The next call starts from the beginning.
            self.note_position(pass.key, goal, Position::START).await?;
        }
        Ok((end, pass.report))
    }

    /// Drops the older data keys, when no record is left under them.
    async fn finish(
        &self,
        key: &mut Presented,
        goal: DataKeyId,
        report: &mut RotationReport,
    ) -> Result<(), RotationError> {
        self.drop_older(key, goal, Some(RotationStage::Done)).await?;
        let now = self.parts.clock.now();
        self.parts.events.record(&Event::of_key(now, Action::ApiKeyRotated, key.record.key.clone()));
        report.done = true;
        Ok(())
    }
}
