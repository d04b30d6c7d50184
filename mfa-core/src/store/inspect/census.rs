//! Counts rows by format, and collects those that cannot be used.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use super::{Flaw, Problem};
use crate::clock::UnixTime;
use crate::envelope::{Format, LegacyForm, RecordKind, Sealed};
use crate::id::ConsumerId;
use crate::rotation::RotationStage;
use crate::store::{ApiKeyRecord, ApiKeyState, Record as _, Row, TotpRecord, UnreadableField, UserRecord};
use crate::totp::MAX_FAILURES;

/// API keys by state. Each is counted once, except in `half_rotated`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub struct ApiKeyCounts {
    /// Created, without a secret.
    pub pending: u64,
    /// Active, with a hash made here.
    pub active: u64,
    /// Active with a predecessor's hash: not used here yet.
    pub active_legacy: u64,
    /// Revoked.
    pub revoked: u64,
    /// Past its expiry.
    pub expired: u64,
    /// In a state that a later version set.
    pub unknown: u64,
    /// Cannot be read.
    pub damaged: u64,
    /// Usable, with an unfinished rotation to it.
    pub half_rotated: u64,
}

/// TOTP authenticators by format.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TotpCounts {
    /// In our format.
    pub ours: u64,
    /// In the Node predecessor's format.
    pub legacy: u64,
    /// In no known format, damaged or without an owner.
    pub unusable: u64,
    /// Of all these, disabled after too many wrong codes until their consumer resets them.
    pub disabled: u64,
}

/// WebAuthn users by format.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub struct UserCounts {
    /// In our format.
    pub ours: u64,
    /// In the Go predecessor's format, with or without a U2F key.
    pub go_legacy: u64,
    /// With only a U2F key, in the Node predecessor's format.
    pub node_u2f: u64,
    /// Without a credential, usually because a registration was begun and not finished.
    pub empty: u64,
    /// In no known format, damaged or without an owner.
    pub unusable: u64,
}

/// What the API keys of a consumer can do.
#[derive(Clone, Copy, Debug, Default)]
struct Keys {
    usable: bool,
    keyring: bool,
}

/// Valid rows of an owner.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    ours: u64,
    legacy: u64,
}

/// Counts the rows of a store. Pass API keys last. They show which other rows can be opened, and without
/// snapshots, only a key read after a row is sure to have the keyring that sealed the row. Memory grows with
/// the number of consumers, not of rows.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Census {
    /// The API keys; `None` if they were not counted.
    pub api_keys: Option<ApiKeyCounts>,
    /// The TOTP authenticators.
    pub totp: Option<TotpCounts>,
    /// The WebAuthn users.
    pub users: Option<UserCounts>,
    problems: Vec<Problem>,
    #[cfg_attr(feature = "serde", serde(skip))]
    owners: Owners,
}

/// What is remembered of owners, until their rows are judged.
#[derive(Debug)]
struct Owners {
    now: UnixTime,
    consumers: HashMap<ConsumerId, Keys>,
    /// By kind and owner.
    owned: BTreeMap<(&'static str, ConsumerId), Owned>,
}

impl Census {
    pub(super) fn new(now: UnixTime) -> Self {
        Self {
            api_keys: None,
            totp: None,
            users: None,
            problems: Vec::new(),
            owners: Owners { now, consumers: HashMap::new(), owned: BTreeMap::new() },
        }
    }

    /// The rows that need attention.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Ends a kind of row. After the API keys, judges the other rows by their owners.
    pub fn end(&mut self, kind: RecordKind) {
        match kind {
            RecordKind::ApiKey => {
                self.api_keys.get_or_insert_default();
                self.judge_owners();
            }
            RecordKind::Totp => drop(self.totp.get_or_insert_default()),
            RecordKind::User => drop(self.users.get_or_insert_default()),
            RecordKind::Ceremony => {}
        }
    }

    /// Counts an API key.
    pub fn api_key(&mut self, record: &ApiKeyRecord) {
        let usable = record.may_open(self.owners.now);
        let keys = self.owners.consumers.entry(record.consumer.clone()).or_default();
        keys.usable |= usable;
        keys.keyring |= usable && record.state.keyring().is_some();

        let counts = self.api_keys.get_or_insert_default();
        *match &record.state {
            ApiKeyState::Revoked { .. } => &mut counts.revoked,
            _ if record.is_expired(self.owners.now) => &mut counts.expired,
            ApiKeyState::Pending => &mut counts.pending,
            ApiKeyState::Unknown { .. } => &mut counts.unknown,
            ApiKeyState::Active { hash, .. } if hash.is_legacy() => &mut counts.active_legacy,
            ApiKeyState::Active { .. } => &mut counts.active,
        } += 1;
        if !usable {
            return;
        }
        let half_rotated =
            record.rotation.as_ref().is_some_and(|mark| matches!(mark.stage, RotationStage::Pass(_)));
        counts.half_rotated += u64::from(half_rotated);
        let id = abbreviated(record.key.as_str());
        if half_rotated {
            self.problem(Flaw::HalfRotated, RecordKind::ApiKey, id.clone());
        }
        if record.state.hash().is_some_and(|hash| !hash.is_known()) {
            self.problem(Flaw::UnknownHash, RecordKind::ApiKey, id.clone());
        }
        match record.state.keyring().map(|keyring| keyring.format(LegacyForm::Text, true)) {
            None | Some(Format::Ours(_)) => {}
            Some(Format::UnknownVersion(version)) => {
                let example = format!("{id} (version {version})");
                self.problem(Flaw::UnknownVersion, RecordKind::ApiKey, example);
            }
            Some(_) => self.problem(Flaw::Shapeless, RecordKind::ApiKey, id),
        }
    }

    /// Counts a record. Pass `written_here` as false if the row shows that only a predecessor can have
    /// written it.
    ///
    /// # Errors
    ///
    /// [`UnreadableField`] if it is not a record of that kind. It is not counted then.
    pub fn row(&mut self, kind: RecordKind, row: &Row, written_here: bool) -> Result<(), UnreadableField> {
        match kind {
            RecordKind::Totp => self.totp(&TotpRecord::from_row(row)?, written_here),
            RecordKind::User => self.user(&UserRecord::from_row(row)?, written_here),
            // These have ports of their own.
            RecordKind::ApiKey | RecordKind::Ceremony => {}
        }
        Ok(())
    }

    /// Counts a TOTP authenticator.
    pub(super) fn totp(&mut self, record: &TotpRecord, written_here: bool) {
        let format = record.secret.format(LegacyForm::Text, written_here);
        let counts = self.totp.get_or_insert_default();
        *match format {
            Format::Ours(_) => &mut counts.ours,
            Format::Legacy => &mut counts.legacy,
            _ => &mut counts.unusable,
        } += 1;
        counts.disabled += u64::from(record.failures >= MAX_FAILURES);
        let id = abbreviated(&record.id.to_string());
        let flaw = match format {
            Format::UnknownVersion(version) => {
                return self.unknown_version(RecordKind::Totp, &id, version);
            }
            Format::Shapeless | Format::Empty => Flaw::Shapeless,
            _ => return self.owned(RecordKind::Totp, &record.consumer, format),
        };
        self.problem(flaw, RecordKind::Totp, id);
    }

    /// Counts a WebAuthn user.
    pub(super) fn user(&mut self, record: &UserRecord, written_here: bool) {
        let format = |field: &Option<Sealed<Vec<u8>>>, form| {
            field.as_ref().map_or(Format::Empty, |sealed| sealed.format(form, written_here))
        };
        let credentials = format(&record.credentials, LegacyForm::Raw);
        let u2f = [&record.u2f_app_id, &record.u2f_key_handle, &record.u2f_public_key]
            .map(|field| format(field, LegacyForm::Text));
        let [app_id, key_handle, public_key] = u2f.map(|format| format != Format::Empty);
        let all = [credentials, u2f[0], u2f[1], u2f[2]];
        let any = |wanted: fn(&Format) -> bool| all.iter().find(|format| wanted(format)).copied();

        let ours = any(|format| matches!(format, Format::Ours(_)));
        let legacy = any(|format| *format == Format::Legacy);
        let unknown = any(|format| matches!(format, Format::UnknownVersion(_)));
        let flaw = if any(|format| *format == Format::Shapeless).is_some() {
            Some(Flaw::Shapeless)
        } else if ours.is_some() && legacy.is_some() {
            Some(Flaw::MixedFormats)
        } else if key_handle != public_key || (key_handle && !app_id) {
            Some(Flaw::IncompleteU2fKey)
        } else {
            None
        };

        // An AppID alone means that a registration was begun.
        let has_credential = credentials != Format::Empty || key_handle;
        let counts = self.users.get_or_insert_default();
        *match (ours, credentials) {
            _ if flaw.is_some() || unknown.is_some() => &mut counts.unusable,
            _ if !has_credential => &mut counts.empty,
            (Some(_), _) => &mut counts.ours,
            (None, Format::Legacy) => &mut counts.go_legacy,
            (None, _) => &mut counts.node_u2f,
        } += 1;
        let id = abbreviated(&record.id.to_string());
        match (unknown, flaw, ours.or(legacy)) {
            (Some(Format::UnknownVersion(version)), ..) => {
                self.unknown_version(RecordKind::User, &id, version);
            }
            (_, Some(flaw), _) => self.problem(flaw, RecordKind::User, id),
            (_, None, Some(format)) if has_credential => {
                self.owned(RecordKind::User, &record.consumer, format);
            }
            _ => {}
        }
    }

    /// Counts a row whose `part` cannot be read. A row without an owner is reported as that, whatever else is
    /// wrong.
    pub fn unreadable(&mut self, kind: RecordKind, id: &str, part: &str, has_owner: bool) {
        self.count_unusable(kind);
        if has_owner || kind == RecordKind::ApiKey {
            self.problem(Flaw::Damaged, kind, format!("{} ({part})", abbreviated(id)));
        } else {
            self.problem(Flaw::NoOwner, kind, abbreviated(id));
        }
    }

    /// Reports a row that the store's index has lost, in addition to counting it.
    pub fn not_indexed(&mut self, kind: RecordKind, id: &str) {
        self.problem(Flaw::NotIndexed, kind, abbreviated(id));
    }

    fn count_unusable(&mut self, kind: RecordKind) {
        match kind {
            RecordKind::ApiKey => self.api_keys.get_or_insert_default().damaged += 1,
            RecordKind::Totp => self.totp.get_or_insert_default().unusable += 1,
            RecordKind::User => self.users.get_or_insert_default().unusable += 1,
            RecordKind::Ceremony => {}
        }
    }

    /// Counts a valid row.
    fn owned(&mut self, kind: RecordKind, owner: &ConsumerId, format: Format) {
        let owned = self.owners.owned.entry((kind.as_str(), owner.clone())).or_default();
        *if matches!(format, Format::Ours(_)) { &mut owned.ours } else { &mut owned.legacy } += 1;
    }

    /// Reports valid rows that their owner cannot open.
    fn judge_owners(&mut self) {
        for ((kind, owner), Owned { ours, legacy }) in mem::take(&mut self.owners.owned) {
            let (flaw, count) = match self.owners.consumers.get(&owner) {
                None => (Flaw::NoApiKey, ours + legacy),
                Some(keys) if !keys.usable => (Flaw::NoUsableKey, ours + legacy),
                Some(keys) if !keys.keyring && ours > 0 => (Flaw::NoKeyring, ours),
                Some(_) => continue,
            };
            self.problems_of(flaw, kind, count, format!("owner {}", abbreviated(owner.as_str())));
        }
    }

    fn unknown_version(&mut self, kind: RecordKind, id: &str, version: u8) {
        self.problem(Flaw::UnknownVersion, kind, format!("{id} (version {version})"));
    }

    fn problem(&mut self, flaw: Flaw, kind: RecordKind, example: String) {
        self.problems_of(flaw, kind.as_str(), 1, example);
    }

    fn problems_of(&mut self, flaw: Flaw, kind: &'static str, count: u64, example: String) {
        let known = self.problems.iter().position(|problem| problem.flaw == flaw && problem.kind == kind);
        let known = known.unwrap_or_else(|| {
            self.problems.push(Problem::new(flaw, kind));
            self.problems.len() - 1
        });
        if let Some(problem) = self.problems.get_mut(known) {
            problem.add(count, example);
        }
    }
}

/// The beginning of an id, enough to find a row. Legacy ids may hold any characters.
fn abbreviated(id: &str) -> String {
    let beginning: String = id.chars().take(8).flat_map(char::escape_debug).collect();
    format!("{beginning}…")
}
