//! The table of a kind of record: its statements, and the reader of its rows.

use mfa_core::envelope::RecordKind;
use mfa_core::id::canonical_uuid;
use mfa_core::store::{Holds, Open, Row, Shape, Stored};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::column::{consumer, get, number, revision};
use crate::error::SqliteError;

/// A kind's table. Its columns are `id`, `consumer`, the kind's fields, and `revision`.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shape: &'static Shape,
    pub(crate) get: SqlStr,
    pub(crate) page: SqlStr,
    pub(crate) all: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) update: SqlStr,
    pub(crate) delete: SqlStr,
}

impl Table {
    pub(crate) fn of(shape: &'static Shape) -> Self {
        let name = table_name(shape.kind);
        let fields: Vec<_> = shape.fields().collect();
        let columns = format!("id, consumer, {}", fields.join(", "));
        let values: Vec<_> = (1..=fields.len() + 2).map(|place| format!("?{place}")).collect();
        let changes: Vec<_> =
            fields.iter().zip(3..).map(|(field, place)| format!("{field} = ?{place}")).collect();
        let select = format!("SELECT {columns}, revision FROM {name} WHERE");
        let own = "id = ?1 AND consumer = ?2";
        Self {
            get: sql(format!("{select} {own}")),
            page: sql(format!("{select} consumer = ?1 AND id > ?2 ORDER BY id LIMIT ?3")),
            all: sql(format!("{select} id > ?1 ORDER BY id LIMIT ?2")),
            insert: sql(format!(
                "INSERT INTO {name} ({columns}, revision) VALUES ({}, random() & 0x3fffffffffffffff) \
                 ON CONFLICT DO NOTHING RETURNING revision",
                values.join(", ")
            )),
            update: sql(format!(
                "UPDATE {name} SET {}, revision = revision + 1 WHERE {own} AND revision = ?{} RETURNING revision",
                changes.join(", "),
                fields.len() + 3
            )),
            delete: sql(format!("DELETE FROM {name} WHERE {own} RETURNING revision")),
            shape,
        }
    }

    pub(crate) fn read(&self, found: &SqliteRow) -> Result<Stored<Row>, SqliteError> {
        let id = canonical_uuid(get(found, "id")?).map_err(|_| SqliteError::Column("id"))?;
        let mut row = Row::new(id, consumer(found)?);
        let bytes = |name| get::<Option<Vec<u8>>>(found, name);
        for name in self.shape.sealed {
            row.sealed.extend(bytes(name)?.map(|bytes| (*name, bytes)));
        }
        for (name, holds) in self.shape.open {
            let value = match holds {
                Holds::Integer => number(found, name)?.map(Open::Integer),
                Holds::Bytes => bytes(name)?.map(Open::Bytes),
            };
            row.open.extend(value.map(|value| (*name, value)));
        }
        Ok(Stored { record: row, revision: revision(found)? })
    }
}

/// The name of a kind's table. The name of its index begins with it.
pub(crate) fn table_name(kind: RecordKind) -> String {
    kind.as_str().replace('-', "_")
}

/// The text holds only names that are constants in this program.
fn sql(text: String) -> SqlStr {
    AssertSqlSafe(std::sync::Arc::<str>::from(text)).into_sql_str()
}
