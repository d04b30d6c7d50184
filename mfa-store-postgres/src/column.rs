//! Reads columns, numbers and times.

use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::store::{Cursor, Page, Revision, StoreError, Stored};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row as _, Type};
use time::OffsetDateTime;

use crate::error::PostgresError;

/// Reads a column. A value of another type is damage.
pub(crate) fn get<'r, T>(row: &'r PgRow, name: &'static str) -> Result<T, PostgresError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(name).map_err(|_| PostgresError::Column(name))
}

/// Reads a number that is not negative.
pub(crate) fn number<T: TryFrom<i64>>(row: &PgRow, name: &'static str) -> Result<Option<T>, PostgresError> {
    let number = get::<Option<i64>>(row, name)?;
    number.map(|number| number.try_into().map_err(|_| PostgresError::Column(name))).transpose()
}

pub(crate) fn time(row: &PgRow, name: &'static str) -> Result<Option<UnixTime>, PostgresError> {
    let Some(time) = get::<Option<OffsetDateTime>>(row, name)? else { return Ok(None) };
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Ok(Some(UnixTime::from_millis(millis.try_into().map_err(|_| PostgresError::Column(name))?)))
}

/// Converts a time to store. Times end with the year 9999.
pub(crate) fn stamp(time: UnixTime) -> Result<OffsetDateTime, PostgresError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.as_millis()) * 1_000_000)
        .map_err(|_| PostgresError::Value("a time"))
}

/// Converts a number to PostgreSQL's signed integer.
pub(crate) fn signed(number: u64) -> Result<i64, PostgresError> {
    i64::try_from(number).map_err(|_| PostgresError::Value("a number"))
}

pub(crate) fn revision(row: &PgRow) -> Result<Revision, PostgresError> {
    number(row, "revision")?.map(Revision::from_stored).ok_or(PostgresError::Column("revision"))
}

/// The consumer that owns the record.
pub(crate) fn consumer(row: &PgRow) -> Result<ConsumerId, PostgresError> {
    let key = get::<&str>(row, "consumer")?.parse().map_err(|_| PostgresError::Column("consumer"))?;
    Ok(ConsumerId::of_first_key(&key))
}

/// Makes a page from up to `limit` + 1 rows.
pub(crate) fn page<T>(
    rows: &[PgRow],
    limit: usize,
    id: impl Fn(&PgRow) -> Result<String, PostgresError>,
    read: impl Fn(&PgRow) -> Result<Stored<T>, PostgresError>,
) -> Result<Page<T>, StoreError> {
    let mut page = Page { items: Vec::with_capacity(rows.len()), damaged: Vec::new(), next: None };
    for row in rows.iter().take(limit) {
        match read(row) {
            Ok(stored) => page.items.push(stored),
            Err(PostgresError::Column(_)) => page.damaged.push(id(row)?),
            Err(error) => return Err(error.into()),
        }
    }
    let last = if rows.len() > limit { rows.iter().take(limit).next_back() } else { None };
    page.next = last.map(|row| id(row).map(Cursor::after)).transpose()?;
    Ok(page)
}

/// The `LIMIT` that shows whether there is another page.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1).saturating_add(1)
}
