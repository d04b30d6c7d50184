//! The pass over a consumer's records. One conditional save re-seals each under the newest data key.

use futures_util::StreamExt as _;
use futures_util::stream;

use super::plan::Presented;
use super::stage::{Kind, Position};
use super::{Progress, RotationError, RotationOptions, RotationReport, user};
use crate::envelope::{DataKeyId, Reencrypted};
use crate::store::{Cursor, Listing, Page, Record as _, Stored, TotpRecord, UserRecord};
use crate::totp::TotpError;
use crate::{Consumer, Mfa};

/// Records that are saved concurrently, so that a store can commit them together.
const LANES: usize = 64;
/// Ids of unreadable records that are reported. Any more are only counted.
const TOLD: usize = 1_000;

/// Pages to count when time is up.
const COUNTED: usize = 40;

/// A record to work on.
enum Work {
    Totp(Stored<TotpRecord>),
    User(Stored<UserRecord>),
}

/// A page of them.
struct Batch {
    work: Vec<Work>,
    damaged: Vec<String>,
    next: Option<Cursor>,
}

impl Batch {
    fn of<R>(page: Page<R>, work: fn(Stored<R>) -> Work) -> Self {
        Self { work: page.items.into_iter().map(work).collect(), damaged: page.damaged, next: page.next }
    }
}

/// What happened to a record.
pub(super) enum Outcome {
    Readable(Reencrypted),
    Unreadable,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// Time was up.
    Stopped,
    /// It reached the end, and some records cannot be read.
    Unreadable,
    /// Everything is under the newest data key.
    Clean,
}

/// A pass that is under way.
pub(super) struct Pass<'a> {
    pub(super) mfa: &'a Mfa,
    pub(super) consumer: Consumer,
    pub(super) key: &'a mut Presented,
    pub(super) goal: DataKeyId,
    pub(super) options: &'a RotationOptions<'a>,
    pub(super) report: RotationReport,
}

impl Pass<'_> {
    /// Continues from the position in the mark.
    pub(super) async fn run(&mut self) -> Result<End, RotationError> {
        let clock = &self.mfa.parts.clock;
        let until = self.options.patience.map(|patience| clock.now().after(patience));
        let mut position = self.key.position();
        loop {
            let Batch { work, damaged, next } = self.page(&position, Listing::Thorough).await?;
            let consumer = &self.consumer;
            let outcomes: Vec<_> = stream::iter(work)
                .map(|work| async move { (id(&work), reencrypt(consumer, work).await) })
                .buffer_unordered(LANES)
                .collect()
                .await;
            let mut unreadable = damaged;
            for (id, outcome) in outcomes {
                match outcome? {
                    Outcome::Readable(how) => {
                        *self.complete(position.kind) += u64::from(how == Reencrypted::ByUs);
                    }
                    Outcome::Unreadable => unreadable.push(id),
                }
            }
            position.unreadable |= !unreadable.is_empty();
            *self.incomplete(position.kind) += unreadable.len() as u64;
            let room = TOLD.saturating_sub(self.report.unreadable.len());
            self.report.unreadable.extend(unreadable.into_iter().take(room));
            self.tell();

            let met_unreadable = position.unreadable;
            let Some(following) = position.next(next) else {
                return Ok(if met_unreadable { End::Unreadable } else { End::Clean });
            };
            position = following;
            self.mfa.note_position(self.key, self.goal, position.clone()).await?;
            if until.is_some_and(|until| until <= self.mfa.parts.clock.now()) {
                self.count_rest(position).await?;
                return Ok(End::Stopped);
            }
        }
    }

    async fn page(&self, position: &Position, listing: Listing) -> Result<Batch, RotationError> {
        let (stores, owner, after) = (&self.mfa.parts.stores, self.consumer.id(), position.after.as_ref());
        // An empty page would look like the end.
        let limit = self.options.batch.max(1);
        Ok(match position.kind {
            Kind::Totp => {
                let page = stores.totp.page_by_consumer(owner, after, limit, listing).await?;
                Batch::of(page, Work::Totp)
            }
            Kind::User => {
                let page = stores.users.page_by_consumer(owner, after, limit, listing).await?;
                Batch::of(page, Work::User)
            }
        })
    }

    /// Counts the records that remain after the pass stopped. It counts a limited number of pages, so there
    /// may be more.
    async fn count_rest(&mut self, from: Position) -> Result<(), RotationError> {
        let mut rest = Some(from);
        for _ in 0..COUNTED {
            let Some(position) = rest else { break };
            let Batch { work, damaged, next } = self.page(&position, Listing::Exact).await?;
            let left = work.iter().filter(|work| !is_under(work, self.goal)).count() + damaged.len();
            *self.incomplete(position.kind) += left as u64;
            rest = position.next(next);
        }
        Ok(())
    }

    const fn complete(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Totp => &mut self.report.totp_complete,
            Kind::User => &mut self.report.webauthn_complete,
        }
    }

    const fn incomplete(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Totp => &mut self.report.totp_incomplete,
            Kind::User => &mut self.report.webauthn_incomplete,
        }
    }

    fn tell(&self) {
        let Some(progress) = self.options.progress else { return };
        let RotationReport { totp_complete, totp_incomplete, webauthn_complete, webauthn_incomplete, .. } =
            self.report;
        progress(Progress {
            complete: totp_complete + webauthn_complete,
            unreadable: totp_incomplete + webauthn_incomplete,
        });
    }
}

async fn reencrypt(consumer: &Consumer, work: Work) -> Result<Outcome, RotationError> {
    let how = match work {
        Work::Totp(stored) => match consumer.totp().reencrypt(stored).await {
            Ok(how) => how,
            Err(TotpError::DoesNotOpen(_)) => return Ok(Outcome::Unreadable),
            Err(TotpError::ApiKey(error)) => return Err(RotationError::New(error)),
            Err(TotpError::Random(error)) => return Err(error.into()),
            Err(TotpError::Store(error)) => return Err(error.into()),
            // Any other error means that the record exists and cannot be read.
            Err(_) => return Ok(Outcome::Unreadable),
        },
        Work::User(stored) => return user::reencrypt(consumer, stored).await,
    };
    Ok(Outcome::Readable(how))
}

fn id(work: &Work) -> String {
    match work {
        Work::Totp(stored) => stored.record.id.to_string(),
        Work::User(stored) => stored.record.id.to_string(),
    }
}

fn is_under(work: &Work, goal: DataKeyId) -> bool {
    match work {
        Work::Totp(stored) => stored.record.to_row().is_under(goal),
        Work::User(stored) => stored.record.to_row().is_under(goal),
    }
}
