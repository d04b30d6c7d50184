//! The table of a kind of record: its statements, and how its rows are read.

use std::sync::Arc;

use mfa_core::envelope::RecordKind;
use mfa_core::store::{Holds, Open, Row, SHAPES, Shape, Stored};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::column::{at, consumer, count, revision, time};
use crate::error::PostgresError;

/// A kind's table. Its columns are `id`, `consumer`, the kind's fields, and `revision`, in this order in each answer.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shape: &'static Shape,
    /// Selects every row.
    pub(crate) every: String,
    pub(crate) get: SqlStr,
    /// The first page of a listing, and one behind an id.
    pub(crate) first: SqlStr,
    pub(crate) behind: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) update: SqlStr,
    pub(crate) delete: SqlStr,
}

impl Table {
    /// One for each kind.
    pub(crate) fn every() -> Vec<Self> {
        SHAPES.into_iter().map(Self::of).collect()
    }

    fn of(shape: &'static Shape) -> Self {
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
        let mut row = Row::new(at(found, 0, "id")?, consumer(found)?);
        for (name, place) in self.shape.sealed.iter().zip(2..) {
            row.sealed.extend(at::<Option<Vec<u8>>>(found, place, name)?.map(|bytes| (*name, bytes)));
        }
        for ((name, holds), place) in self.shape.open.iter().zip(2 + self.shape.sealed.len()..) {
            let value = match holds {
                Holds::Integer if is_time(name) => time(found, place, name)?.map(|time| time.as_millis()),
                Holds::Integer => count(found, place, name)?,
                Holds::Bytes => {
                    row.open.extend(
                        at::<Option<Vec<u8>>>(found, place, name)?.map(|bytes| (*name, Open::Bytes(bytes))),
                    );
                    continue;
                }
            };
            row.open.extend(value.map(|number| (*name, Open::Integer(number))));
        }
        Ok(Stored { record: row, revision: revision(found)? })
    }
}

/// Whether a column is of type `timestamptz`: the migrations name those alike.
pub(crate) fn is_time(field: &str) -> bool {
    field.ends_with("_at")
}

/// The name of a kind's table, and the beginning of that of its index.
pub(crate) fn table_name(kind: RecordKind) -> String {
    format!("mfa_{}", kind.as_str().replace('-', "_"))
}

/// Only names that stand in this program go into it.
pub(crate) fn sql(text: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}
