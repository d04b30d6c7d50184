//! Reads columns and numbers.

use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::store::{Cursor, Page, Revision, StoreError, Stored};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

use crate::error::SqliteError;

/// Reads a column. A value of another type is damage.
pub(crate) fn get<'r, T>(row: &'r SqliteRow, name: &'static str) -> Result<T, SqliteError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(name).map_err(|_| SqliteError::Column(name))
}

/// Reads a number that is not negative.
pub(crate) fn number<T: TryFrom<i64>>(row: &SqliteRow, name: &'static str) -> Result<Option<T>, SqliteError> {
    let number = get::<Option<i64>>(row, name)?;
    number.map(|number| number.try_into().map_err(|_| SqliteError::Column(name))).transpose()
}

pub(crate) fn time(row: &SqliteRow, name: &'static str) -> Result<Option<UnixTime>, SqliteError> {
    Ok(number(row, name)?.map(UnixTime::from_millis))
}

pub(crate) fn revision(row: &SqliteRow) -> Result<Revision, SqliteError> {
    number(row, "revision")?.map(Revision::from_stored).ok_or(SqliteError::Column("revision"))
}

/// Converts a number to SQLite's signed integer. Times fit until the year 292 million.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Makes a page from up to `limit` + 1 rows.
pub(crate) fn page<T>(
    rows: &[SqliteRow],
    limit: usize,
    id: &'static str,
    read: impl Fn(&SqliteRow) -> Result<Stored<T>, SqliteError>,
) -> Result<Page<T>, StoreError> {
    let mut page = Page { items: Vec::with_capacity(rows.len()), damaged: Vec::new(), next: None };
    for row in rows.iter().take(limit) {
        match read(row) {
            Ok(stored) => page.items.push(stored),
            Err(SqliteError::Column(_)) => page.damaged.push(get(row, id)?),
            Err(error) => return Err(error.into()),
        }
    }
    let last = if rows.len() > limit { rows.iter().take(limit).next_back() } else { None };
    page.next = last.map(|row| get(row, id).map(Cursor::after)).transpose()?;
    Ok(page)
}

/// The `LIMIT` that shows whether there is another page.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1).saturating_add(1)
}

/// The consumer that owns the record.
pub(crate) fn consumer(row: &SqliteRow) -> Result<ConsumerId, SqliteError> {
    let key = get::<&str>(row, "consumer")?.parse().map_err(|_| SqliteError::Column("consumer"))?;
    Ok(ConsumerId::of_first_key(&key))
}
