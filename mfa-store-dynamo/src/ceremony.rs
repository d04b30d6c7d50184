//! [`CeremonyStore`] on a table of its own. `take` is one `DeleteItem` that returns the item.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use data_encoding::HEXLOWER;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{CeremonyId, CeremonyState, CeremonyStore, StoreError};

use crate::DynamoStore;
use crate::attempts::Attempts;
use crate::error::{DynamoError, is_refused};
use crate::item::{Attributes, bytes, time};

/// The attribute that DynamoDB deletes by, in seconds. It deletes hours or days late, so `expiresAt` decides.
pub(crate) const TIME_TO_LIVE: &str = "ttl";

#[async_trait]
impl CeremonyStore for DynamoStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        let item = Attributes::default()
            .text("id", Some(&HEXLOWER.encode(&id.0)))
            .bytes("state", Some(state.as_bytes()))
            .time("expiresAt", Some(expires_at))
            .number(TIME_TO_LIVE, Some(expires_at.as_secs() + 1))
            .0;
        let attempts = Attempts::default();
        let put = self.client.put_item().table_name(&self.ceremony_table).set_item(Some(item));
        let put = put
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", "id")
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            // Challenges are random, so the ceremony that is there is this one.
            Err(error) if is_refused(&error) && attempts.repeated() => Ok(()),
            Err(error) if is_refused(&error) => Err(StoreError::AlreadyExists),
            Err(error) => Err(DynamoError::from(error).into()),
        }
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let delete = self.client.delete_item().table_name(&self.ceremony_table);
        let deleted = delete
            .key("id", AttributeValue::S(HEXLOWER.encode(&id.0)))
            // Without a condition, the emulator returns an item to several concurrent deletes.
            .condition_expression("attribute_exists(#id)")
            .expression_attribute_names("#id", "id")
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let item = match deleted {
            Ok(answer) => answer.attributes,
            Err(error) if is_refused(&error) => None,
            Err(error) => return Err(DynamoError::from(error).into()),
        };
        let Some(item) = item else { return Ok(None) };
        let expires_at = time(&item, "expiresAt")?.ok_or(DynamoError::Attribute("expiresAt"))?;
        Ok(if expires_at <= now { None } else { bytes(&item, "state")?.map(Sealed::from_stored) })
    }
}
