//! The table of a kind of record: its statements, and the reader of its rows.

use std::sync::Arc;

use mfa_core::envelope::RecordKind;
use mfa_core::store::{Holds, Open, Row, Shape, Stored};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::column::{consumer, get, number, revision, time};
use crate::error::PostgresError;

/// A kind's table. Its columns are `id`, `consumer`, the kind's fields, and `revision`.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shape: &'static Shape,
    /// Selects every row.
    pub(crate) every: String,
    pub(crate) get: SqlStr,
    /// Selects the first page of a listing.
    pub(crate) first: SqlStr,
    pub(crate) behind: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) update: SqlStr,
    pub(crate) delete: SqlStr,
}

impl Table {
    pub(crate) fn of(shape: &'static Shape) -> Self {
        let name = table_name(shape.kind);
        let fields: Vec<_> = shape.fields().collect();
        let columns = format!("id, consumer, {}", fields.join(", "));
        let values: Vec<_> = (1..=fields.len() + 2).map(|place| format!("${place}")).collect();
        let changes: Vec<_> =
            fields.iter().zip(3..).map(|(field, place)| format!("{field} = ${place}")).collect();
        let select = format!("SELECT {columns}, revision FROM {name}");
        let own = "id = $1 AND consumer = $2";
        Self {
            get: sql(format!("{select} WHERE {own}")),
            first: sql(format!("{select} WHERE consumer = $1 ORDER BY id LIMIT $2")),
            behind: sql(format!("{select} WHERE consumer = $1 AND id > $3 ORDER BY id LIMIT $2")),
            insert: sql(format!(
                "INSERT INTO {name} ({columns}, revision) VALUES ({}, (random() * 4e18)::bigint) \
                 ON CONFLICT DO NOTHING RETURNING revision",
                values.join(", ")
            )),
            update: sql(format!(
                "UPDATE {name} SET {}, revision = revision + 1 WHERE {own} AND revision = ${} RETURNING revision",
                changes.join(", "),
                fields.len() + 3
            )),
            delete: sql(format!("DELETE FROM {name} WHERE {own} RETURNING revision")),
            every: select,
            shape,
        }
    }

    pub(crate) fn read(&self, found: &PgRow) -> Result<Stored<Row>, PostgresError> {
        let mut row = Row::new(get(found, "id")?, consumer(found)?);
        let bytes = |name| get::<Option<Vec<u8>>>(found, name);
        for name in self.shape.sealed {
            row.sealed.extend(bytes(name)?.map(|bytes| (*name, bytes)));
        }
        for (name, holds) in self.shape.open {
            let value = match holds {
                Holds::Integer if is_time(name) => {
                    time(found, name)?.map(|time| Open::Integer(time.as_millis()))
                }
                Holds::Integer => number(found, name)?.map(Open::Integer),
                Holds::Bytes => bytes(name)?.map(Open::Bytes),
            };
            row.open.extend(value.map(|value| (*name, value)));
        }
        Ok(Stored { record: row, revision: revision(found)? })
    }
}

/// Whether a column has the type `timestamptz`. The migrations give these names one ending.
pub(crate) fn is_time(field: &str) -> bool {
    field.ends_with("_at")
}

/// The name of a kind's table. The name of its index begins with it.
pub(crate) fn table_name(kind: RecordKind) -> String {
    format!("mfa_{}", kind.as_str().replace('-', "_"))
}

/// The text holds only names that are constants in this program.
pub(crate) fn sql(text: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}
