//! [`RecordStore`] in Redis: a hash for each record, and an index of each consumer's records.

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::id::canonical_uuid;
use mfa_core::store::{
    Cursor, Expect, Holds, Listing, Open, Page, Record, RecordStore, Revision, Row, Shape, StoreError, Stored,
};
use redis::Cmd;

use crate::RedisStore;
use crate::error::RedisError;
use crate::hash::{Changes, Fields, consumer, number, revision, text};
use crate::index::{Index, entry, id_and_incarnation};
use crate::script::DELETE;
use crate::thorough::Place;

/// How long a call may be repeated after a lost answer, in milliseconds.
const REPETITION: u64 = 60_000;

#[async_trait]
impl<R: Record> RecordStore<R> for RedisStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let (key, names) = (self.keys.record(R::SHAPE.kind, &id.to_string()), names(R::SHAPE));
        let Some(fields) = self.fields(&key, &names).await? else { return Ok(None) };
        if text(&fields, "consumer")? != consumer.as_str() {
            return Ok(None);
        }
        Ok(Some(read(&fields)?))
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        let row = record.to_row();
        let changes = changes(R::SHAPE, &row);
        let (id, consumer) = (row.id.to_string(), Some(&row.consumer));
        let (key, fresh) = (self.keys.record(R::SHAPE.kind, &id), Self::fresh_revision()?);
        if expect != Expect::Absent {
            return self.save_fields(&key, fresh, expect, consumer, &changes).await;
        }
        // A new record first gets its entry in the consumer's index.
        let index = Index::new(&self.keys, R::SHAPE.kind, row.consumer.as_str());
        let entry = entry(&id, &fresh.number().to_string());
        self.add_entry(&index, &entry).await?;
        let saved = self.save_fields(&key, fresh, expect, consumer, &changes).await;
        if matches!(saved, Err(StoreError::AlreadyExists)) {
            self.drop_entry(&index, &entry).await;
        }
        saved
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        let key = self.keys.record(R::SHAPE.kind, &id.to_string());
        let call = Self::fresh_revision()?;
        let arguments = |command: &mut Cmd| {
            command.arg(consumer.as_str()).arg(call.number()).arg(REPETITION);
        };
        let deleted: Option<String> = self.run(&DELETE, &[&key, &self.keys.deleted(&key)], arguments).await?;
        let Some(incarnation) = deleted else { return Ok(false) };
        let index = Index::new(&self.keys, R::SHAPE.kind, consumer.as_str());
        self.drop_entry(&index, &entry(&id.to_string(), &incarnation)).await;
        Ok(true)
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let after = after.map_or("", Cursor::as_str);
        match (Place::of_cursor(after), listing) {
            (Some(place), Listing::Thorough) => return self.page_of_lost(consumer, place).await,
            // Only a thorough listing goes on behind the index.
            (Some(_), Listing::Fast | Listing::Exact) => {
                return Ok(Page { items: Vec::new(), damaged: Vec::new(), next: None });
            }
            (None, _) => {}
        }
        let index = Index::new(&self.keys, R::SHAPE.kind, consumer.as_str());
        let entries = self.entries(&index, after, limit).await?;
        let key = |id: &str| self.keys.record(R::SHAPE.kind, id);
        let mut page = self
            .page_of(entries, limit, &names(R::SHAPE), key, |entry, fields| {
                let (_, incarnation) = id_and_incarnation(entry);
                let named = text(fields, "incarnation")? == incarnation
                    && text(fields, "consumer")? == consumer.as_str();
                if named { read(fields).map(Some) } else { Ok(None) }
            })
            .await?;
        if page.next.is_none() && listing == Listing::Thorough {
            page.next = Some(Place::START.cursor());
        }
        Ok(page)
    }
}

impl RedisStore {
    /// Removes an entry that names nothing. If this fails, the entry stays and readers skip it.
    async fn drop_entry(&self, index: &Index<'_>, entry: &str) {
        if let Err(error) = self.remove_entry(index, entry).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "an index entry was left behind");
        }
    }
}

/// The fields of the hash that holds a record.
pub(crate) fn names(shape: &Shape) -> Vec<&'static str> {
    let own = ["id", "consumer"].into_iter();
    own.chain(shape.fields()).chain(["revision", "incarnation"]).collect()
}

fn changes(shape: &Shape, row: &Row) -> Changes {
    let mut changes = Changes::default()
        .bytes("id", Some(row.id.to_string()))
        .bytes("consumer", Some(row.consumer.as_str()));
    for name in shape.sealed {
        changes = changes.bytes(name, row.sealed(name));
    }
    for (name, _) in shape.open {
        changes = match row.open(name) {
            Some(Open::Bytes(bytes)) => changes.bytes(name, Some(bytes.as_slice())),
            Some(Open::Integer(number)) => changes.number(name, Some(*number)),
            None => changes.number(name, None),
        };
    }
    changes
}

pub(crate) fn read<R: Record>(fields: &Fields<'_>) -> Result<Stored<R>, RedisError> {
    Ok(read_row(R::SHAPE, fields)?.to_record()?)
}

pub(crate) fn read_row(shape: &Shape, fields: &Fields<'_>) -> Result<Stored<Row>, RedisError> {
    let id = canonical_uuid(text(fields, "id")?).map_err(|_| RedisError::Field("id"))?;
    let mut row = Row::new(id, consumer(fields)?);
    let bytes = |name| fields.get(name).cloned();
    row.sealed.extend(shape.sealed.iter().filter_map(|name| Some((*name, bytes(name)?))));
    for (name, holds) in shape.open {
        let value = match holds {
            Holds::Integer => number(fields, name)?.map(Open::Integer),
            Holds::Bytes => bytes(name).map(Open::Bytes),
        };
        row.open.extend(value.map(|value| (*name, value)));
    }
    Ok(Stored { record: row, revision: revision(fields)? })
}
