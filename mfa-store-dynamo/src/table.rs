//! One table of whole items, read with strong consistency and put or deleted under a condition.
//!
//! `UpdateItem` is not used, because the roles of the predecessors' deployments lack it. So a write must
//! carry over foreign attributes. An item that holds only our attributes is replaced by its revision, in one
//! call. Any other item (a predecessor's, or one with names in another case) is read again and replaced if it
//! is unchanged. The highest bit of its revision marks it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use mfa_core::random::OsRandom;
use mfa_core::store::{Expect, Revision, StoreError};

use crate::attempts::Attempts;
use crate::error::{DynamoError, is_refused};
use crate::item::{Item, attribute, number};

const READ_AGAIN: u64 = 1 << 63;

/// A table and its properties.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    /// Its hash key.
    pub(crate) key: &'static str,
    /// The attributes that we replace and remove. All others stay as they are.
    pub(crate) ours: Vec<String>,
    /// The index on `apiKey`, if the table has one.
    pub(crate) index: Option<String>,
}

/// A write of one item.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) id: &'a str,
    /// The required owner of the stored item; `None` if the owner may change.
    pub(crate) owner: Option<&'a str>,
    pub(crate) attributes: Item,
    /// A foreign attribute to remove.
    pub(crate) removed: Option<&'static str>,
}

impl Table {
    pub(crate) fn new(client: &Client, name: &str, key: &'static str) -> Self {
        Self { client: client.clone(), name: name.to_owned(), key, ours: Vec::new(), index: None }
    }

    /// The item, read with strong consistency.
    pub(crate) async fn get(&self, id: &str) -> Result<Option<Item>, DynamoError> {
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        Ok(get.key(self.key, AttributeValue::S(id.to_owned())).send().await?.item)
    }

    /// The revision that a write of this item must expect.
    pub(crate) fn revision(&self, item: &Item) -> Result<Revision, DynamoError> {
        let number: Option<u64> = number(item, "revision")?;
        let only_ours = item.keys().all(|name| self.ours.contains(name));
        match number {
            Some(number) if only_ours => Ok(Revision::from_stored(number & !READ_AGAIN)),
            _ => Ok(Revision::from_stored(digest(item) | READ_AGAIN)),
        }
    }

    /// Writes an item if the stored one is as expected.
    pub(crate) async fn save(&self, mut write: Write<'_>, expect: Expect) -> Result<Revision, StoreError> {
        // Each write has its own revision, so that one repeated by the SDK after a lost answer is recognised.
        let fresh = Revision::random(&OsRandom).map_err(DynamoError::Random)?;
        let number = AttributeValue::N(fresh.number().to_string());
        write.attributes.insert("revision".to_owned(), number);
        let mut put = self.client.put_item().table_name(&self.name);
        put = match expect {
            Expect::Absent => put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", self.key),
            Expect::At(revision) if revision.number() & READ_AGAIN == 0 => {
                at_revision(put, revision, write.owner)
            }
            Expect::At(revision) => {
                let found = self.get(write.id).await?.ok_or(StoreError::Conflict)?;
                if self.revision(&found)? != revision || !is_owned(&found, write.owner) {
                    return Err(StoreError::Conflict);
                }
                let put = unchanged(put, &found);
                self.carry_over(found, &mut write);
                put
            }
        };
        let revision = self.revision(&write.attributes)?;
        match put.set_item(Some(write.attributes)).send().await {
            Ok(_) => Ok(revision),
            Err(error) if is_refused(&error) => self.lost(write.id, fresh, revision, expect).await,
            Err(error) => Err(DynamoError::from(error).into()),
        }
    }

    /// Handles a condition that did not hold. Our own write may have changed the item, if its first answer
    /// was lost and the SDK sent it again.
    async fn lost(
        &self,
        id: &str,
        fresh: Revision,
        revision: Revision,
        expect: Expect,
    ) -> Result<Revision, StoreError> {
        let stored = self.get(id).await?;
        let stored = stored.map(|item| number::<u64>(&item, "revision")).transpose()?.flatten();
        match expect {
            _ if stored == Some(fresh.number()) => Ok(revision),
            Expect::Absent => Err(StoreError::AlreadyExists),
            Expect::At(_) => Err(StoreError::Conflict),
        }
    }

    /// Deletes an item if the owner matches, and returns whether there was one.
    pub(crate) async fn delete(&self, id: &str, owner: &str) -> Result<bool, StoreError> {
        if self.delete_where(id, "apiKey", owner).await? {
            return Ok(true);
        }
        // The owner's attribute may be spelt in another case.
        let Some(found) = self.get(id).await? else { return Ok(false) };
        let spelt = found.keys().find(|name| *name != "apiKey" && name.eq_ignore_ascii_case("apiKey"));
        match spelt {
            Some(name) if is_owned(&found, Some(owner)) => self.delete_where(id, name, owner).await,
            _ => Ok(false),
        }
    }

    async fn delete_where(&self, id: &str, name: &str, owner: &str) -> Result<bool, StoreError> {
        let attempts = Attempts::default();
        let delete = self.client.delete_item().table_name(&self.name);
        let deleted = delete
            .key(self.key, AttributeValue::S(id.to_owned()))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", name)
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            // An earlier attempt deleted it, and its answer was lost.
            Err(error) if is_refused(&error) && attempts.repeated() => Ok(self.get(id).await?.is_none()),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(DynamoError::from(error).into()),
        }
    }

    /// Copies foreign attributes into the write.
    fn carry_over(&self, found: Item, write: &mut Write<'_>) {
        for (name, value) in found {
            let is = |other: &str| other.eq_ignore_ascii_case(&name);
            if !self.ours.iter().any(|ours| is(ours)) && !write.removed.is_some_and(is) {
                write.attributes.insert(name, value);
            }
        }
    }
}

fn at_revision(put: PutItemFluentBuilder, revision: Revision, owner: Option<&str>) -> PutItemFluentBuilder {
    let put = put
        .expression_attribute_names("#revision", "revision")
        .expression_attribute_values(":revision", AttributeValue::N(revision.number().to_string()));
    match owner {
        None => put.condition_expression("#revision = :revision"),
        Some(owner) => put
            .condition_expression("#revision = :revision AND #owner = :owner")
            .expression_attribute_names("#owner", "apiKey")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned())),
    }
}

/// Requires every attribute to be as it was read. Legacy ciphertexts have random IVs, so no two legacy writes
/// are equal.
fn unchanged(mut put: PutItemFluentBuilder, found: &Item) -> PutItemFluentBuilder {
    let mut conditions = vec!["attribute_not_exists(#no_revision)".to_owned()];
    if found.contains_key("revision") {
        conditions.clear();
    } else {
        put = put.expression_attribute_names("#no_revision", "revision");
    }
    for (n, (name, value)) in found.iter().enumerate() {
        conditions.push(format!("#n{n} = :v{n}"));
        put = put
            .expression_attribute_names(format!("#n{n}"), name)
            .expression_attribute_values(format!(":v{n}"), value.clone());
    }
    put.condition_expression(conditions.join(" AND "))
}

fn is_owned(item: &Item, owner: Option<&str>) -> bool {
    let stored = attribute(item, "apiKey").and_then(|value| value.as_s().ok());
    owner.is_none_or(|owner| stored.is_some_and(|stored| stored == owner))
}

/// Detects that an item changed between its reading and its writing. The condition of the write decides,
/// since it compares the attributes themselves.
fn digest(item: &Item) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_members(item, &mut hasher);
    hasher.finish()
}

/// Hashes members in the order of their names, because a map has no order.
fn hash_members(members: &Item, hasher: &mut DefaultHasher) {
    let mut names: Vec<_> = members.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    for (name, value) in names {
        name.hash(hasher);
        hash_value(value, hasher);
    }
}

fn hash_value(value: &AttributeValue, hasher: &mut DefaultHasher) {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.hash(hasher),
        AttributeValue::B(bytes) => bytes.as_ref().hash(hasher),
        AttributeValue::M(members) => hash_members(members, hasher),
        AttributeValue::L(values) => values.iter().for_each(|value| hash_value(value, hasher)),
        other => format!("{other:?}").hash(hasher),
    }
}
