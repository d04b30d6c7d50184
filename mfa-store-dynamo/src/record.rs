//! [`RecordStore`] for every kind of record, on the predecessors' tables of TOTPs and users.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use mfa_core::ConsumerId;
use mfa_core::id::canonical_uuid;
use mfa_core::store::{
    Cursor, Expect, Holds, Listing, Open, Page, Record, RecordStore, Revision, Row, Shape, StoreError, Stored,
};

use crate::DynamoStore;
use crate::attribute::{Attribute, Form, attributes};
use crate::error::DynamoError;
use crate::item::{Attributes, Item, bytes, number, owner, sealed_text, text};
use crate::listing::Wanted;
use crate::table::{Table, Write};

/// The table of a kind of record. `uuid` and `apiKey`, the owner, are the predecessors' names.
#[derive(Clone, Debug)]
pub(crate) struct RecordTable {
    pub(crate) shape: &'static Shape,
    attributes: Vec<Attribute>,
    pub(crate) table: Table,
}

#[async_trait]
impl<R: Record> RecordStore<R> for DynamoStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let records = self.records.of::<R>();
        match records.table.get(&id.to_string()).await? {
            Some(item) if owner(&item).as_ref() == Some(consumer) => Ok(Some(records.record(&item)?)),
            _ => Ok(None),
        }
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        let (records, row) = (self.records.of::<R>(), record.to_row());
        let (id, owner) = (row.id.to_string(), Some(row.consumer.as_str()));
        let write = Write { id: &id, owner, attributes: records.item(&row), removed: None };
        records.table.save(write, expect).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        self.records.of::<R>().table.delete(&id.to_string(), consumer.as_str()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let (records, wanted) = (self.records.of::<R>(), Wanted::OwnedBy(consumer.as_str(), listing));
        records.table.page(wanted, after, limit, |item| records.record(item).map(Some)).await
    }
}

impl RecordTable {
    pub(crate) fn new(client: &Client, shape: &'static Shape, name: &str) -> Self {
        let (attributes, mut table) = (attributes(shape), Table::new(client, name, "uuid"));
        let names = attributes.iter().map(|attribute| attribute.name.clone());
        table.ours = ["uuid", "apiKey", "revision"].map(str::to_owned).into_iter().chain(names).collect();
        Self { shape, attributes, table }
    }

    /// The name of the attribute that holds a field.
    pub(crate) fn name_of(&self, field: &'static str) -> &str {
        let attribute = self.attributes.iter().find(|attribute| attribute.field == field);
        attribute.map_or(field, |attribute| attribute.name.as_str())
    }

    fn item(&self, row: &Row) -> Item {
        let mut item = Attributes::default()
            .text("uuid", Some(&row.id.to_string()))
            .text("apiKey", Some(row.consumer.as_str()));
        for Attribute { field, name, form } in &self.attributes {
            item = match (row.sealed(field), row.open(field), form) {
                (Some(sealed), _, Form::Text) => item.sealed_text(name, sealed),
                (Some(sealed), _, Form::Binary) => item.bytes(name, Some(sealed)),
                (_, Some(Open::Bytes(bytes)), _) => item.bytes(name, Some(bytes)),
                (_, Some(Open::Integer(number)), _) => item.number(name, Some(*number)),
                (None, None, _) => item,
            };
        }
        item.0
    }

    fn record<R: Record>(&self, item: &Item) -> Result<Stored<R>, DynamoError> {
        self.read(item)?.to_record().map_err(DynamoError::unreadable)
    }

    pub(crate) fn read(&self, item: &Item) -> Result<Stored<Row>, DynamoError> {
        let id = text(item, "uuid")?.and_then(|id| canonical_uuid(id).ok());
        let consumer = owner(item).ok_or(DynamoError::Attribute("apiKey"))?;
        let mut row = Row::new(id.ok_or(DynamoError::Attribute("uuid"))?, consumer);
        let (sealed, open) = self.attributes.split_at(self.shape.sealed.len());
        for Attribute { field, name, form } in sealed {
            let value = match form {
                Form::Text => sealed_text(item, (name.as_str(), *field))?,
                Form::Binary => bytes(item, (name.as_str(), *field))?,
            };
            row.sealed.extend(value.map(|value| (*field, value)));
        }
        for (Attribute { field, name, .. }, (_, holds)) in open.iter().zip(self.shape.open) {
            let value = match holds {
                Holds::Integer => number(item, (name.as_str(), *field))?.map(Open::Integer),
                Holds::Bytes => bytes(item, (name.as_str(), *field))?.map(Open::Bytes),
            };
            row.open.extend(value.map(|value| (*field, value)));
        }
        Ok(Stored { record: row, revision: self.table.revision(item)? })
    }
}
