//! The one writer. It commits all waiting writes in one transaction, and returns a result for each.
//!
//! SQLite gains nothing from concurrent writers, and each commit costs a flush, however many writes it holds.
//! While one transaction is flushed, the next writes gather and share the next flush.

use std::fmt;
use std::sync::Arc;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Execute as _, SqlStr, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::error::SqliteError;

/// The most writes in one transaction, so that none waits long.
const BATCH: usize = 128;
/// The most waiting writes. Beyond it, callers wait to queue.
const QUEUE: usize = 1024;

type Outcome = Result<Option<SqliteRow>, Arc<sqlx::Error>>;

/// One statement that returns a row if it changed one, and the caller that waits for it.
struct Write {
    sql: SqlStr,
    arguments: SqliteArguments,
    reply: oneshot::Sender<Outcome>,
}

impl Write {
    fn answer(self, outcome: Outcome) {
        if self.reply.send(outcome).is_err() {
            tracing::debug!("a write was committed or refused after its caller had gone");
        }
    }
}

/// Hands writes to the task that owns the writing connection. The task ends with the last clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Write>,
}

impl Writer {
    pub(crate) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let mut file = File { options, connection: Some(connection) };
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                file.commit(&mut batch).await;
            }
            file.disconnect().await;
        });
        Self { queue }
    }

    /// The writes that wait for the connection.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity().saturating_sub(self.queue.capacity())
    }

    /// Runs one statement. Its effect is durable when this returns. The row comes from `RETURNING`; `None`
    /// means that the statement's condition did not hold.
    pub(crate) async fn write(
        &self,
        mut query: Query<'static, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>, SqliteError> {
        let (reply, outcome) = oneshot::channel();
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let write = Write { sql: query.sql(), arguments, reply };
        self.queue.send(write).await.map_err(|_| SqliteError::WriterStopped)?;
        Ok(outcome.await.map_err(|_| SqliteError::WriterStopped)??)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer(..)")
    }
}

/// Why nothing of a transaction was written.
enum Failure {
    /// The transaction could not begin or end: the file is locked, or the disk is full.
    Transaction(sqlx::Error),
    /// One of its statements failed.
    Statement(sqlx::Error),
}

/// The file, and the connection that writes to it.
struct File {
    options: SqliteConnectOptions,
    /// Absent after a failure. The state after a failed transaction, such as on a full disk, is unknown. So
    /// the next one starts on a new connection.
    connection: Option<SqliteConnection>,
}

impl File {
    /// Commits the batch. If a statement fails, nothing of the batch was written. Then each statement is
    /// tried alone, so that a failing one does not fail the others.
    async fn commit(&mut self, batch: &mut Vec<Write>) {
        match self.transaction(batch).await {
            Ok(rows) => {
                for (write, row) in batch.drain(..).zip(rows) {
                    write.answer(Ok(row));
                }
            }
            Err(Failure::Statement(_)) if batch.len() > 1 => {
                for write in batch.drain(..) {
                    let outcome = match self.transaction(std::slice::from_ref(&write)).await {
                        Ok(rows) => Ok(rows.into_iter().next().flatten()),
                        Err(Failure::Statement(error) | Failure::Transaction(error)) => Err(Arc::new(error)),
                    };
                    write.answer(outcome);
                }
            }
            Err(Failure::Statement(error) | Failure::Transaction(error)) => {
                let error = Arc::new(error);
                for write in batch.drain(..) {
                    write.answer(Err(Arc::clone(&error)));
                }
            }
        }
    }

    async fn transaction(&mut self, writes: &[Write]) -> Result<Vec<Option<SqliteRow>>, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(Failure::Transaction)?,
        };
        let outcome = run(&mut connection, writes).await;
        self.connection = Some(connection);
        if outcome.is_err() {
            self.disconnect().await;
        }
        outcome
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            // The file is as the last commit left it. The next connection replays the log.
            tracing::debug!(error = &error as &dyn std::error::Error, "closing the writer's connection");
        }
    }
}

async fn run(connection: &mut SqliteConnection, writes: &[Write]) -> Result<Vec<Option<SqliteRow>>, Failure> {
    // IMMEDIATE waits for other processes' writes now, instead of after the first statement has read.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(Failure::Transaction)?;
    let mut rows = Vec::with_capacity(writes.len());
    for write in writes {
        let query = sqlx::query_with(write.sql.clone(), write.arguments.clone());
        rows.push(query.fetch_optional(&mut *transaction).await.map_err(Failure::Statement)?);
    }
    transaction.commit().await.map_err(Failure::Transaction)?;
    Ok(rows)
}
