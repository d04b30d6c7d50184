//! Opens and seals user records.

use zeroize::Zeroizing;

use super::options::LegacyKey;
use super::{Credentials, WebauthnError, decode_any_base64};
use crate::Consumer;
use crate::envelope::{Context, DataKeyId, DoesNotOpen, Keyring, RecordKind, Reencrypted, Sealed};
use crate::random::RandomError;
use crate::store::retry::until_saved;
use crate::store::{Expect, Record as _, Revision, Stored, UserId, UserRecord};
use crate::u2f::LegacyU2fKey;

type Plaintext = Zeroizing<Vec<u8>>;

/// A user as this consumer's keys open it.
#[derive(Clone, Debug)]
pub(crate) struct OpenUser {
    pub(crate) id: UserId,
    /// Where the record was read; `None` for a new one.
    revision: Option<Revision>,
    /// The data keys that sealed it.
    found: Vec<DataKeyId>,
    /// Whether the record may be a predecessor's.
    may_be_legacy: bool,
    pub(crate) credentials: Credentials,
    /// The credentials as they are stored, if they do not open. They are saved as they are.
    spoilt_credentials: Option<Sealed<Vec<u8>>>,
    u2f: U2fParts,
    pub(crate) u2f_sign_count: Option<u32>,
    /// The legacy key, if its three parts are present and sound.
    pub(crate) legacy: Option<LegacyU2fKey>,
}

/// The AppID, key handle and public key of a legacy key.
#[derive(Clone, Debug)]
enum U2fParts {
    Open([Option<Plaintext>; 3]),
    /// The parts as stored, because one does not open. They are saved unchanged, and the rest of the user works.
    Spoilt([Option<Sealed<Vec<u8>>>; 3]),
}

impl OpenUser {
    pub(crate) fn new(id: UserId) -> Self {
        Self {
            id,
            revision: None,
            found: Vec::new(),
            may_be_legacy: false,
            credentials: Credentials::default(),
            spoilt_credentials: None,
            u2f: U2fParts::Open([None, None, None]),
            u2f_sign_count: None,
            legacy: None,
        }
    }

    /// Refuses a user whose credentials do not open: nothing can be added to them or taken away.
    pub(super) const fn require_credentials(&self) -> Result<(), DoesNotOpen> {
        if self.spoilt_credentials.is_some() { Err(DoesNotOpen) } else { Ok(()) }
    }

    /// How many parts of the record do not open: the credentials, the legacy key.
    pub(super) const fn spoilt(&self) -> usize {
        self.spoilt_credentials.is_some() as usize + matches!(self.u2f, U2fParts::Spoilt(_)) as usize
    }

    /// The condition for saving this user.
    pub(crate) fn expect(&self) -> Expect {
        self.revision.map_or(Expect::Absent, Expect::At)
    }

    /// The AppID of the legacy key, or of the one that is being registered.
    pub(crate) fn app_id(&self) -> Result<Option<&str>, DoesNotOpen> {
        match &self.u2f {
            U2fParts::Open([app_id, ..]) => {
                Ok(app_id.as_ref().and_then(|app_id| std::str::from_utf8(app_id).ok()))
            }
            U2fParts::Spoilt(_) => Err(DoesNotOpen),
        }
    }

    /// Replaces the legacy key's parts, each in the Node predecessor's spelling.
    pub(crate) fn set_legacy(
        &mut self,
        app_id: Option<&str>,
        key_handle: Option<&[u8]>,
        public_key: Option<&[u8]>,
    ) {
        let text = |bytes: &[u8]| Zeroizing::new(data_encoding::BASE64URL_NOPAD.encode(bytes).into_bytes());
        let app_id = app_id.map(|app_id| Zeroizing::new(app_id.as_bytes().to_vec()));
        self.u2f = U2fParts::Open([app_id, key_handle.map(text), public_key.map(text)]);
    }

    pub(super) fn legacy_for_options(&self) -> Option<LegacyKey<'_>> {
        let legacy = self.legacy.as_ref()?;
        Some(LegacyKey { app_id: &legacy.app_id, key_handle: &legacy.key_handle })
    }
}

impl Consumer {
    /// Reads and opens a user's record.
    pub(crate) async fn open_user(&self, id: UserId) -> Result<Option<OpenUser>, WebauthnError> {
        let Some(stored) = self.mfa.parts.stores.users.get(&self.id, id).await? else { return Ok(None) };
        self.open_stored_user(stored).await.map(Some)
    }

    /// Opens a user's record.
    pub(crate) async fn open_stored_user(
        &self,
        stored: Stored<UserRecord>,
    ) -> Result<OpenUser, WebauthnError> {
        let Stored { record, revision } = stored;
        let id = record.id;
        let UserRecord { credentials, u2f_app_id, u2f_key_handle, u2f_public_key, .. } = &record;
        let fields = [credentials, u2f_app_id, u2f_key_handle, u2f_public_key];
        let named = || fields.iter().filter_map(|field| field.as_ref()?.data_key_id());
        let unknown = named().find(|id| !self.keyring().has(*id));
        let keyring = self.keyring_with(unknown).await?;
        // Our writes seal every field, so somebody else put a legacy ciphertext among ours. A raw legacy
        // ciphertext begins with random bytes, so the version byte alone proves nothing.
        let may_be_legacy = !named().any(|id| keyring.has(id)) && record.u2f_sign_count.is_none();
        let open = |name, field: &Option<Sealed<Vec<u8>>>| {
            self.open_field(&keyring, id, name, field.as_ref(), may_be_legacy)
        };
        let found = named().filter(|id| keyring.has(*id)).collect();

        let opened = open("credentials", credentials).and_then(|json| match json {
            Some(json) => Credentials::parse(&json),
            None => Ok(Credentials::default()),
        });
        let u2f = || {
            Ok([
                open("u2f_app_id", u2f_app_id)?,
                open("u2f_key_handle", u2f_key_handle)?,
                open("u2f_public_key", u2f_public_key)?,
            ])
        };
        let u2f = u2f().map_or_else(
            |DoesNotOpen| {
                U2fParts::Spoilt([u2f_app_id.clone(), u2f_key_handle.clone(), u2f_public_key.clone()])
            },
            U2fParts::Open,
        );
        let legacy = match &u2f {
            U2fParts::Open([Some(app_id), Some(key_handle), Some(public_key)]) => {
                LegacyU2fKey::parse(app_id, key_handle, public_key)
            }
            _ => None,
        };
        Ok(OpenUser {
            id,
            revision: Some(revision),
            found,
            may_be_legacy,
            spoilt_credentials: opened.is_err().then(|| credentials.clone()).flatten(),
            credentials: opened.unwrap_or_default(),
            u2f,
            u2f_sign_count: record.u2f_sign_count,
            legacy,
        })
    }

    /// Seals every field of the user under the newest data key. What did not open stays as it was.
    pub(crate) fn seal_user(&self, user: &OpenUser) -> Result<UserRecord, RandomError> {
        let (random, keyring) = (&*self.mfa.parts.random, self.keyring());
        let under = keyring.sealing_id_of(&user.found);
        let record_id = user.id.to_string();
        let seal = |field, plaintext: Option<&Plaintext>| {
            let place = Context { consumer: &self.id, kind: RecordKind::User, record_id: &record_id, field };
            let seal = |plaintext: &Plaintext| keyring.seal_again(Some(under), &place, plaintext, random);
            plaintext.map(seal).transpose()
        };
        let credentials = match &user.spoilt_credentials {
            Some(spoilt) => Some(spoilt.clone()),
            None if user.credentials.len() == 0 => None,
            None => seal("credentials", Some(&Zeroizing::new(user.credentials.to_json())))?,
        };
        let [u2f_app_id, u2f_key_handle, u2f_public_key] = match &user.u2f {
            U2fParts::Spoilt(parts) => parts.clone(),
            U2fParts::Open([app_id, key_handle, public_key]) => [
                seal("u2f_app_id", app_id.as_ref())?,
                seal("u2f_key_handle", key_handle.as_ref())?,
                seal("u2f_public_key", public_key.as_ref())?,
            ],
        };
        Ok(UserRecord {
            id: user.id,
            consumer: self.id.clone(),
            credentials,
            u2f_app_id,
            u2f_key_handle,
            u2f_public_key,
            u2f_sign_count: user.u2f_sign_count,
        })
    }

    /// Saves the user if nobody wrote it since it was opened.
    pub(crate) async fn save_user(&self, open: &OpenUser) -> Result<(), WebauthnError> {
        let made = self.write_user(open).await?;
        if open.expect() == Expect::Absent
            && let Err(error) = self.settle_user(made).await
        {
            // Nobody knows of it, and it might not open. Remove it.
            let _ = self.mfa.parts.stores.users.delete(&self.id, open.id).await;
            return Err(error);
        }
        Ok(())
    }

    async fn write_user(&self, open: &OpenUser) -> Result<Stored<UserRecord>, WebauthnError> {
        let record = self.seal_user(open)?;
        let revision = self.mfa.parts.stores.users.save(&record, open.expect()).await?;
        Ok(Stored { record, revision })
    }

    /// Re-seals a new record under the newest data key if a rotation took place meanwhile. The rotation's
    /// pass may have missed it.
    async fn settle_user(&self, made: Stored<UserRecord>) -> Result<(), WebauthnError> {
        if made.record.to_row().is_under(self.read_keyring().await?.newest_id()) {
            return Ok(());
        }
        self.reencrypt_user(made).await.map(drop)
    }

    /// Re-seals every field under the newest data key.
    pub(crate) async fn reencrypt_user(
        &self,
        stored: Stored<UserRecord>,
    ) -> Result<Reencrypted, WebauthnError> {
        let (id, mut read) = (stored.record.id, Some(stored));
        until_saved(|| {
            let read = read.take();
            async move {
                let current = match read {
                    Some(stored) => Some(stored),
                    None => self.mfa.parts.stores.users.get(&self.id, id).await?,
                };
                let Some(current) = current else { return Ok(Reencrypted::Gone) };
                let open = self.open_stored_user(current).await?;
                let is_newest = !open.may_be_legacy && self.keyring().are_newest(&open.found);
                if open.spoilt() > 0 {
                    // It is reported, and no data key is dropped that its other parts need.
                    return Err(DoesNotOpen.into());
                }
                if is_newest {
                    return Ok(Reencrypted::BeforeUs);
                }
                self.write_user(&open).await?;
                Ok(Reencrypted::ByUs)
            }
        })
        .await
    }

    fn open_field(
        &self,
        keyring: &Keyring,
        user: UserId,
        field: &str,
        sealed: Option<&Sealed<Vec<u8>>>,
        may_be_legacy: bool,
    ) -> Result<Option<Plaintext>, DoesNotOpen> {
        // An empty field has three encodings: absent, empty, and the ciphertext of nothing.
        let Some(sealed) = sealed.filter(|sealed| !sealed.as_bytes().is_empty()) else { return Ok(None) };
        let plaintext = if sealed.data_key_id().is_some_and(|id| keyring.has(id)) {
            let record_id = user.to_string();
            let place = Context { consumer: &self.id, kind: RecordKind::User, record_id: &record_id, field };
            keyring.open(&place, sealed)?
        } else if may_be_legacy {
            // The legacy cipher opens with any key. Garbage must not be taken for data and re-sealed as ours.
            let plaintext = keyring.open_legacy(sealed)?;
            if !is_well_formed(field, &plaintext) {
                return Err(DoesNotOpen);
            }
            plaintext
        } else {
            return Err(DoesNotOpen);
        };
        Ok(Some(plaintext).filter(|plaintext| !plaintext.is_empty()))
    }
}

/// Whether a legacy plaintext has the field's form: a URL, base64 or JSON. The reader of the JSON checks the
/// rest.
fn is_well_formed(field: &str, plaintext: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(plaintext) else { return false };
    match field {
        "credentials" => true,
        "u2f_app_id" => text.bytes().all(|byte| byte.is_ascii_graphic()),
        _ => decode_any_base64(text).is_some(),
    }
}
