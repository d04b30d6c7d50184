//! The pass over a consumer's records: each goes under the newest data key with one conditional save.

use futures_util::StreamExt as _;
use futures_util::stream;

use super::plan::Presented;
use super::{Progress, RotationError, RotationOptions, RotationReport};
use crate::envelope::DataKeyId;
use crate::store::{Cursor, Listing, RotationMark, Stored, TotpRecord, UserRecord};
use crate::totp::TotpError;
use crate::webauthn::WebauthnError;
use crate::{Consumer, Mfa};

/// Records that are saved at a time: a store that commits what waits together gains from it.
const LANES: usize = 64;
/// Ids of unreadable records that are told; beyond that they are counted.
const TOLD: usize = 1_000;

/// Pages that are counted when time is up.
const COUNTED: usize = 40;
/// Begins the cursor of a pass that has met unreadable records.
const UNREADABLE: &str = "!";

/// The kinds of records, in the order of the pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Totp,
    User,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::User => "user",
        }
    }
}

/// A record to work on.
enum Work {
    Totp(Stored<TotpRecord>),
    User(Stored<UserRecord>),
}

/// What became of it.
enum Outcome {
    /// It was put under the newest data key, or was there, or is gone.
    Readable {
        changed: bool,
    },
    Unreadable,
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
    /// Goes on from where the mark says; says whether it came to the end.
    pub(super) async fn run(&mut self) -> Result<bool, RotationError> {
        let clock = &self.mfa.parts.clock;
        let until = self.options.patience.map(|patience| clock.now().after(patience));
        let (mut kind, mut after) = self.start();
        loop {
            let (work, damaged, next) = self.page(kind, after.as_ref(), Listing::Exact).await?;
            let consumer = &self.consumer;
            let outcomes: Vec<_> = stream::iter(work)
                .map(|work| async move { (id(&work), reencrypt(consumer, work).await) })
                .buffer_unordered(LANES)
                .collect()
                .await;
            for (id, outcome) in outcomes {
                match outcome? {
                    Outcome::Readable { changed } => self.count(kind, u64::from(changed)),
                    Outcome::Unreadable => self.tell(kind, id),
                }
            }
            for id in damaged {
                self.tell(kind, id);
            }
            if let Some(progress) = self.options.progress {
                let report = &self.report;
                let complete = report.totp_complete + report.webauthn_complete;
                progress(Progress {
                    complete,
                    unreadable: report.totp_incomplete + report.webauthn_incomplete,
                });
            }
            (kind, after) = match (kind, next) {
                (kind, Some(next)) => (kind, Some(next)),
                (Kind::Totp, None) => (Kind::User, None),
                (Kind::User, None) => return Ok(true),
            };
            self.remember(kind, after.as_ref()).await?;
            if until.is_some_and(|until| until <= self.mfa.parts.clock.now()) {
                self.count_rest(kind, after).await?;
                return Ok(false);
            }
        }
    }

    /// Where the mark says that the pass had come to, and whether there was anything unreadable before.
    fn start(&mut self) -> (Kind, Option<Cursor>) {
        let mark = self.key.record.rotation.as_ref().and_then(|mark| mark.cursor.as_deref());
        self.report.any_unreadable = mark.is_some_and(|cursor| cursor.starts_with(UNREADABLE));
        let mark = mark.map(|cursor| cursor.trim_start_matches(UNREADABLE));
        let after = |id: &str| Some(id).filter(|id| !id.is_empty()).map(|id| Cursor::after(id.to_owned()));
        match mark.and_then(|cursor| cursor.split_once('/')) {
            Some(("totp", id)) => (Kind::Totp, after(id)),
            Some(("user", id)) => (Kind::User, after(id)),
            _ => (Kind::Totp, None),
        }
    }

    async fn remember(&mut self, kind: Kind, after: Option<&Cursor>) -> Result<(), RotationError> {
        let sign = if self.report.any_unreadable { UNREADABLE } else { "" };
        let cursor = format!("{sign}{}/{}", kind.as_str(), after.map_or("", Cursor::as_str));
        let mark = self.key.record.rotation.clone();
        let mark = mark.map(|mark| RotationMark { cursor: Some(cursor), ..mark });
        self.mfa.note_progress(self.key, mark.as_ref()).await
    }

    async fn page(
        &self,
        kind: Kind,
        after: Option<&Cursor>,
        listing: Listing,
    ) -> Result<(Vec<Work>, Vec<String>, Option<Cursor>), RotationError> {
        let (stores, owner, limit) = (&self.mfa.parts.stores, self.consumer.id(), self.options.batch.max(1));
        Ok(match kind {
            Kind::Totp => {
                let page = stores.totp.page_by_consumer(owner, after, limit, listing).await?;
                (page.items.into_iter().map(Work::Totp).collect(), page.damaged, page.next)
            }
            Kind::User => {
                let page = stores.users.page_by_consumer(owner, after, limit, listing).await?;
                (page.items.into_iter().map(Work::User).collect(), page.damaged, page.next)
            }
        })
    }

    /// Counts what is still to be done behind where the pass stopped: at least, as it does not count for ever.
    async fn count_rest(&mut self, mut kind: Kind, mut after: Option<Cursor>) -> Result<(), RotationError> {
        for _ in 0..COUNTED {
            let (work, damaged, next) = self.page(kind, after.as_ref(), Listing::Exact).await?;
            let rest = work.iter().filter(|work| !is_under(work, self.goal)).count() + damaged.len();
            match kind {
                Kind::Totp => self.report.totp_incomplete += rest as u64,
                Kind::User => self.report.webauthn_incomplete += rest as u64,
            }
            (kind, after) = match (kind, next) {
                (kind, Some(next)) => (kind, Some(next)),
                (Kind::Totp, None) => (Kind::User, None),
                (Kind::User, None) => return Ok(()),
            };
        }
        Ok(())
    }

    fn count(&mut self, kind: Kind, complete: u64) {
        match kind {
            Kind::Totp => self.report.totp_complete += complete,
            Kind::User => self.report.webauthn_complete += complete,
        }
    }

    fn tell(&mut self, kind: Kind, id: String) {
        match kind {
            Kind::Totp => self.report.totp_incomplete += 1,
            Kind::User => self.report.webauthn_incomplete += 1,
        }
        self.report.any_unreadable = true;
        if self.report.unreadable.len() < TOLD {
            self.report.unreadable.push(id);
        }
    }
}

async fn reencrypt(consumer: &Consumer, work: Work) -> Result<Outcome, RotationError> {
    let changed = match work {
        Work::Totp(stored) => match consumer.totp().reencrypt(stored).await {
            Ok(changed) => changed,
            Err(TotpError::DoesNotOpen(_)) => return Ok(Outcome::Unreadable),
            Err(TotpError::ApiKey(error)) => return Err(RotationError::New(error)),
            Err(TotpError::Random(error)) => return Err(error.into()),
            Err(TotpError::Store(error)) => return Err(error.into()),
            // No other is told of a record that is there.
            Err(_) => return Ok(Outcome::Unreadable),
        },
        Work::User(stored) => match consumer.reencrypt_user(stored).await {
            Ok(changed) => changed,
            Err(WebauthnError::ApiKey(error)) => return Err(RotationError::New(error)),
            Err(WebauthnError::Random(error)) => return Err(error.into()),
            Err(WebauthnError::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(Outcome::Unreadable),
        },
    };
    Ok(Outcome::Readable { changed: changed == Some(true) })
}

fn id(work: &Work) -> String {
    match work {
        Work::Totp(stored) => stored.record.id.to_string(),
        Work::User(stored) => stored.record.id.to_string(),
    }
}

fn is_under(work: &Work, goal: DataKeyId) -> bool {
    match work {
        Work::Totp(stored) => stored.record.secret.data_key_id() == Some(goal),
        Work::User(stored) => {
            let UserRecord { credentials, u2f_app_id, u2f_key_handle, u2f_public_key, .. } = &stored.record;
            let mut fields = [credentials, u2f_app_id, u2f_key_handle, u2f_public_key].into_iter().flatten();
            fields.all(|sealed| sealed.data_key_id() == Some(goal))
        }
    }
}
