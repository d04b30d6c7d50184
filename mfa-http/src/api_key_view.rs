//! An API key in lists.

use std::fmt;

use mfa_core::rotation::RotationStage;
use mfa_core::store::ApiKeyRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// An API key for administrators. Times are in milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyView {
    value: String,
    email: String,
    created_at: u64,
    #[schema(required = true)]
    activated_at: Option<u64>,
    #[schema(required = true)]
    revoked_at: Option<u64>,
    /// The name of a state that a later version set and this one does not know. The key cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    state: Option<String>,
    consumer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    expires_at: Option<u64>,
    /// Accurate to an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    last_used_at: Option<u64>,
    /// When an unfinished rotation to this key began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    rotating_since: Option<u64>,
}

impl ApiKeyView {
    /// The view of `record`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mfa_core::{Mfa, store::memory::MemoryStore};
    /// use mfa_http::ApiKeyView;
    ///
    /// let mfa = Mfa::builder(MemoryStore::default()).build();
    /// mfa.create_api_key("dev@example.com").await?;
    /// let page = mfa.api_keys(None).await?;
    /// let line = ApiKeyView::of(&page.items[0].record).to_string();
    /// assert!(line.ends_with("pending  dev@example.com"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn of(record: &ApiKeyRecord) -> Self {
        let under_way = record.rotation.as_ref().filter(|mark| matches!(mark.stage, RotationStage::Pass(_)));
        Self {
            value: record.key.as_str().to_owned(),
            email: record.email.clone(),
            created_at: record.created_at.as_millis(),
            activated_at: record.state.activated_at().map(|time| time.as_millis()),
            revoked_at: record.state.revoked_at().map(|time| time.as_millis()),
            state: record.state.unknown().map(str::to_owned),
            consumer: record.consumer.as_str().to_owned(),
            expires_at: record.expires_at.map(|time| time.as_millis()),
            last_used_at: record.last_used_at.map(|time| time.as_millis()),
            rotating_since: under_way.map(|mark| mark.started_at.as_millis()),
        }
    }
}

impl fmt::Display for ApiKeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (&self.state, self.activated_at, self.revoked_at) {
            (Some(_), _, _) => "unusable",
            (None, _, Some(_)) => "revoked",
            (None, Some(_), None) => "active",
            (None, None, None) => "pending",
        };
        // An address may hold any characters, but each key must be one line.
        write!(f, "{:40} {state:8} {}", self.value, self.email.escape_debug())?;
        if let Some(unknown) = &self.state {
            write!(f, " (in the state {unknown:?}, which a later version set)")?;
        }
        if self.rotating_since.is_some() {
            f.write_str(" (a rotation to this key is half done: call it again, or `api-key upgrade`)")?;
        }
        if let Some(expires_at) = self.expires_at {
            write!(f, " (expires at {expires_at} ms)")?;
        }
        Ok(())
    }
}
