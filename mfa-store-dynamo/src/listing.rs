//! Pages of items. A fast listing reads the index on `apiKey` if the table has one. Otherwise pages come from
//! a scan.

use aws_sdk_dynamodb::types::AttributeValue;
use mfa_core::store::{Cursor, Listing, Page, StoreError, Stored};

use crate::error::DynamoError;
use crate::item::{Item, owner, text};
use crate::table::Table;

/// The wanted items of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    All,
    /// Items whose `apiKey` names the owner.
    OwnedBy(&'a str, Listing),
}

impl Table {
    /// A page of items, from one call. It may hold fewer than `limit`, or none, and still not be the last.
    pub(crate) async fn page<T>(
        &self,
        wanted: Wanted<'_>,
        after: Option<&Cursor>,
        limit: usize,
        read: impl Fn(&Item) -> Result<Option<Stored<T>>, DynamoError>,
    ) -> Result<Page<T>, StoreError> {
        let (mut items, mut last) = match (wanted, &self.index) {
            (Wanted::OwnedBy(owner, Listing::Fast), Some(index)) => {
                self.query(index, owner, after, limit).await?
            }
            _ => self.scan(wanted, after).await?,
        };
        if let Wanted::OwnedBy(name, _) = wanted {
            items.retain(|item| owner(item).is_some_and(|owner| owner.as_str() == name));
        }
        if items.len() > limit {
            items.truncate(limit);
            last = items.last().map(|item| self.id(item)).transpose()?;
        }
        let mut page = Page { items: Vec::new(), damaged: Vec::new(), next: last.map(Cursor::after) };
        for item in &items {
            match read(item) {
                Ok(stored) => page.items.extend(stored),
                Err(DynamoError::Attribute(_)) => page.damaged.push(self.id(item)?),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(page)
    }

    /// Reads at most a megabyte of the table, the limit of one call.
    async fn scan(
        &self,
        wanted: Wanted<'_>,
        after: Option<&Cursor>,
    ) -> Result<(Vec<Item>, Option<String>), DynamoError> {
        let start = after.map(|after| Item::from([self.key_of(after.as_str())]));
        let mut scan = self.client.scan().table_name(&self.name).consistent_read(true);
        if let Wanted::OwnedBy(owner, _) = wanted {
            // DynamoDB does not see an attribute spelt in another case, so we filter those rows here.
            scan = scan
                .filter_expression("#owner = :owner OR attribute_not_exists(#owner)")
                .expression_attribute_names("#owner", "apiKey")
                .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()));
        }
        let answer = scan.set_exclusive_start_key(start).send().await?;
        let last = answer.last_evaluated_key.as_ref().map(|key| self.id(key)).transpose()?;
        Ok((answer.items.unwrap_or_default(), last))
    }

    /// Reads a part of the index, which may lag behind the table. A later write has its own condition.
    async fn query(
        &self,
        index: &str,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<String>), DynamoError> {
        let owner = AttributeValue::S(owner.to_owned());
        let start = after
            .map(|after| Item::from([self.key_of(after.as_str()), ("apiKey".to_owned(), owner.clone())]));
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(index)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "apiKey")
            .expression_attribute_values(":owner", owner)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let last = answer.last_evaluated_key.as_ref().map(|key| self.id(key)).transpose()?;
        Ok((answer.items.unwrap_or_default(), last))
    }

    fn key_of(&self, id: &str) -> (String, AttributeValue) {
        (self.key.to_owned(), AttributeValue::S(id.to_owned()))
    }

    fn id(&self, item: &Item) -> Result<String, DynamoError> {
        text(item, self.key)?.map(str::to_owned).ok_or(DynamoError::Attribute("the hash key"))
    }
}
