//! Records as hashes: fields by name, numbers in decimal, absent fields omitted.

use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::random::OsRandom;
use mfa_core::store::{Expect, Revision, StoreError};
use redis::{Cmd, cmd};

use crate::RedisStore;
use crate::error::RedisError;
use crate::script::{CREATE, REPLACE};

/// The fields of a record as they were read. We request them by name, because an answer without names is half
/// as long. Reading answers is most of our cost on Redis.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    names: &'a [&'static str],
    values: Vec<Option<Vec<u8>>>,
}

impl Fields<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<&Vec<u8>> {
        let place = self.names.iter().position(|other| *other == name)?;
        self.values.get(place)?.as_ref()
    }
}

/// Fields to write. `None` removes a field.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    set: Vec<(&'static str, Vec<u8>)>,
    removed: Vec<&'static str>,
}

impl Changes {
    pub(crate) fn bytes(mut self, name: &'static str, value: Option<impl Into<Vec<u8>>>) -> Self {
        match value {
            Some(value) => self.set.push((name, value.into())),
            None => self.removed.push(name),
        }
        self
    }

    pub(crate) fn number(self, name: &'static str, value: Option<u64>) -> Self {
        self.bytes(name, value.map(|number| number.to_string()))
    }

    pub(crate) fn time(self, name: &'static str, value: Option<UnixTime>) -> Self {
        self.number(name, value.map(UnixTime::as_millis))
    }
}

impl RedisStore {
    /// A revision for the next write. Each write has its own, so that one repeated after a lost answer is
    /// recognised.
    pub(crate) fn fresh_revision() -> Result<Revision, RedisError> {
        Ok(Revision::random(&OsRandom)?)
    }

    /// Reads a record; `None` if it has none of the fields.
    pub(crate) async fn fields<'a>(
        &self,
        key: &str,
        names: &'a [&'static str],
    ) -> Result<Option<Fields<'a>>, RedisError> {
        let values: Vec<Option<Vec<u8>>> = self.connection.call(cmd("HMGET").arg(key).arg(names)).await?;
        Ok(values.iter().any(Option::is_some).then_some(Fields { names, values }))
    }

    /// Writes a record if the stored one is as expected and `owner`, unless `None`, owns it.
    pub(crate) async fn save_fields(
        &self,
        key: &str,
        fresh: Revision,
        expect: Expect,
        owner: Option<&ConsumerId>,
        changes: &Changes,
    ) -> Result<Revision, StoreError> {
        let add_fields = |command: &mut Cmd| {
            for (name, value) in &changes.set {
                command.arg(*name).arg(value);
            }
        };
        let saved = match expect {
            Expect::Absent => {
                self.run(&CREATE, &[key], |command| {
                    command.arg(fresh.number());
                    add_fields(command);
                })
                .await
            }
            Expect::At(revision) => {
                self.run(&REPLACE, &[key], |command| {
                    command.arg(revision.number()).arg(fresh.number());
                    command.arg(owner.map_or("", ConsumerId::as_str));
                    command.arg(changes.removed.len()).arg(&changes.removed);
                    add_fields(command);
                })
                .await
            }
        };
        match (saved?, expect) {
            (true, _) => Ok(fresh),
            (false, Expect::Absent) => Err(StoreError::AlreadyExists),
            (false, Expect::At(_)) => Err(StoreError::Conflict),
        }
    }
}

pub(crate) fn optional_text<'a>(
    fields: &'a Fields<'_>,
    name: &'static str,
) -> Result<Option<&'a str>, RedisError> {
    let text = fields.get(name).map(|bytes| std::str::from_utf8(bytes));
    text.transpose().map_err(|_| RedisError::Field(name))
}

pub(crate) fn text<'a>(fields: &'a Fields<'_>, name: &'static str) -> Result<&'a str, RedisError> {
    optional_text(fields, name)?.ok_or(RedisError::Field(name))
}

pub(crate) fn number<T: TryFrom<u64>>(
    fields: &Fields<'_>,
    name: &'static str,
) -> Result<Option<T>, RedisError> {
    let Some(text) = optional_text(fields, name)? else { return Ok(None) };
    let number = text.parse::<u64>().ok().and_then(|number| number.try_into().ok());
    number.map(Some).ok_or(RedisError::Field(name))
}

pub(crate) fn time(fields: &Fields<'_>, name: &'static str) -> Result<Option<UnixTime>, RedisError> {
    Ok(number(fields, name)?.map(UnixTime::from_millis))
}

pub(crate) fn revision(fields: &Fields<'_>) -> Result<Revision, RedisError> {
    let number = number(fields, "revision")?.ok_or(RedisError::Field("revision"))?;
    Ok(Revision::from_stored(number))
}

/// The consumer that owns the record.
pub(crate) fn consumer(fields: &Fields<'_>) -> Result<ConsumerId, RedisError> {
    let key = text(fields, "consumer")?.parse().map_err(|_| RedisError::Field("consumer"))?;
    Ok(ConsumerId::of_first_key(&key))
}
