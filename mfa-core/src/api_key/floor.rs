//! The floor of API keys: time steps and ceremonies from before it are refused. It is raised after a store went
//! back in time, because it then holds steps and ceremonies as unused that were used.

use super::{ApiKey, ApiKeyError};
use crate::Mfa;
use crate::clock::UnixTime;
use crate::store::retry::until_saved;
use crate::store::{ApiKeyRecord, ApiKeyState, Cursor, Expect, Page, StoreError, Stored};

/// What [`Mfa::raise_floor`] did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RaisedFloor {
    /// The new floor.
    pub not_before: UnixTime,
    /// Keys whose floor was raised.
    pub raised: u64,
    /// Keys that are revoked. They need none.
    pub revoked: u64,
    /// Keys that cannot be read, and so cannot be used.
    pub damaged: Vec<String>,
}

impl Mfa {
    /// Raises the floor of every API key to now. It holds for a key from its next call. A floor that is
    /// later already stays. If this fails or is interrupted, call it again.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Store`] if the store failed. Some keys may have been raised.
    pub async fn raise_floor(&self) -> Result<RaisedFloor, ApiKeyError> {
        let not_before = self.parts.clock.now();
        let first = self.raise_each(not_before).await?;
        // A key that was created meanwhile may have joined a consumer before that one's floor was raised.
        let second = self.raise_each(not_before).await?;
        Ok(RaisedFloor { raised: first.raised + second.raised, ..second })
    }

    /// Raises the keys that the store has now.
    async fn raise_each(&self, not_before: UnixTime) -> Result<RaisedFloor, ApiKeyError> {
        let mut report = RaisedFloor { not_before, raised: 0, revoked: 0, damaged: Vec::new() };
        let mut after: Option<Cursor> = None;
        loop {
            let page = self.parts.stores.api_keys.page(after.as_ref(), Page::<ApiKeyRecord>::LIMIT).await?;
            report.damaged.extend(page.damaged);
            for stored in page.items {
                let key = stored.record.key.clone();
                match self.raise(&key, stored, not_before).await {
                    Ok(Outcome::Raised) => report.raised += 1,
                    Ok(Outcome::Nothing) => {}
                    Ok(Outcome::Revoked) => report.revoked += 1,
                    Err(StoreError::Damaged { .. }) => report.damaged.push(key.as_str().to_owned()),
                    Err(error) => return Err(error.into()),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(report);
            }
        }
    }

    async fn raise(
        &self,
        key: &ApiKey,
        listed: Stored<ApiKeyRecord>,
        not_before: UnixTime,
    ) -> Result<Outcome, StoreError> {
        let store = &self.parts.stores.api_keys;
        let mut listed = Some(listed);
        until_saved(|| {
            let listed = listed.take();
            async move {
                let stored = match listed {
                    None => store.get(key).await?,
                    listed => listed,
                };
                let Some(Stored { record, revision }) = stored else { return Ok(Outcome::Nothing) };
                if matches!(record.state, ApiKeyState::Revoked { .. }) {
                    return Ok(Outcome::Revoked);
                }
                if record.not_before >= Some(not_before) {
                    return Ok(Outcome::Nothing);
                }
                let raised = ApiKeyRecord { not_before: Some(not_before), ..record };
                store.save(&raised, Expect::At(revision)).await?;
                Ok(Outcome::Raised)
            }
        })
        .await
    }
}

/// What became of a key.
enum Outcome {
    Raised,
    /// Its floor is not earlier, or the key is gone.
    Nothing,
    Revoked,
}
