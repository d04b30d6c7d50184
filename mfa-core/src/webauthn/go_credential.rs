//! The credential list in the Go predecessor's format: JSON in five shapes over the years. We write the
//! newest shape with members of our own, so that one reader serves both.
//!
//! Reading never fails as a whole: an unreadable credential is kept unchanged, so that no write drops it.

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::{CredentialId, CredentialRecord};
use crate::clock::UnixTime;
use crate::envelope::DoesNotOpen;

/// A user's credentials, readable or not, in stored order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Credentials(Vec<Entry>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Entry {
    Readable(Box<CredentialRecord>),
    Unreadable(Value),
}

impl Credentials {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, DoesNotOpen> {
        // One version of the predecessor left NUL bytes after the JSON.
        let end = json.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let values: Option<Vec<Value>> = serde_json::from_slice(&json[..end]).map_err(|_| DoesNotOpen)?;
        let entry = |value: Value| {
            read(&value).map_or(Entry::Unreadable(value), |record| Entry::Readable(Box::new(record)))
        };
        Ok(Self(values.unwrap_or_default().into_iter().map(entry).collect()))
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let values = self.0.iter().map(|entry| match entry {
            Entry::Readable(record) => write(record),
            Entry::Unreadable(value) => value.clone(),
        });
        Value::Array(values.collect()).to_string().into_bytes()
    }

    /// The readable credentials.
    pub(crate) fn records(&self) -> impl Iterator<Item = &CredentialRecord> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Readable(record) => Some(&**record),
            Entry::Unreadable(_) => None,
        })
    }

    pub(crate) fn records_mut(&mut self) -> impl Iterator<Item = &mut CredentialRecord> {
        self.0.iter_mut().filter_map(|entry| match entry {
            Entry::Readable(record) => Some(&mut **record),
            Entry::Unreadable(_) => None,
        })
    }

    pub(crate) fn unreadable(&self) -> usize {
        self.0.len() - self.records().count()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, record: CredentialRecord) {
        self.0.push(Entry::Readable(Box::new(record)));
    }

    /// Removes the credential, and returns whether it existed.
    pub(crate) fn remove(&mut self, wanted: impl Fn(&CredentialRecord) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| !matches!(entry, Entry::Readable(record) if wanted(record)));
        self.0.len() < before
    }
}

/// Finds a member in any letter case, as Go does; an exact match wins.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| {
        object.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    });
    found.filter(|value| !value.is_null())
}

fn bytes(object: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    BASE64.decode(member(object, name)?.as_str()?.as_bytes()).ok()
}

fn flag(object: Option<&Map<String, Value>>, name: &str) -> bool {
    object.and_then(|object| member(object, name)).and_then(Value::as_bool).unwrap_or(false)
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    member(object, name).and_then(Value::as_str).map(str::to_owned)
}

fn time(object: &Map<String, Value>, name: &str) -> Option<UnixTime> {
    member(object, name).and_then(Value::as_u64).map(UnixTime::from_millis)
}

fn read(value: &Value) -> Option<CredentialRecord> {
    let object = value.as_object()?;
    let id = bytes(object, "id").filter(|id| !id.is_empty() && id.len() <= 1023)?;
    let public_key = bytes(object, "publicKey").filter(|key| !key.is_empty())?;
    let authenticator = member(object, "authenticator").and_then(Value::as_object);
    let flags = member(object, "flags").and_then(Value::as_object);
    let sign_count = authenticator.and_then(|object| member(object, "signCount")).and_then(Value::as_u64);
    let aaguid = authenticator.and_then(|object| bytes(object, "AAGUID"));
    let transports = member(object, "transport").and_then(Value::as_array);
    let transports = transports.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    // Registration requires presence, so flags without it were never recorded.
    let recorded = flag(flags, "userPresent");
    Some(CredentialRecord {
        id: CredentialId(id),
        public_key,
        sign_count: sign_count.unwrap_or(0).try_into().ok()?,
        transports: transports.unwrap_or_default(),
        user_verified: flag(flags, "userVerified"),
        backup_eligible: recorded.then(|| flag(flags, "backupEligible")),
        backup_state: flag(flags, "backupState"),
        aaguid: aaguid.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        attestation_format: text(object, "attestationType").unwrap_or_default(),
        rp_id: text(object, "rpId"),
        label: text(object, "label"),
        created_at: time(object, "createdAt"),
        last_used_at: time(object, "lastUsedAt"),
        attachment: authenticator.and_then(|object| text(object, "attachment")).unwrap_or_default(),
        attestation: member(object, "attestation").cloned(),
    })
}

fn write(record: &CredentialRecord) -> Value {
    let mut value = json!({
        "id": BASE64.encode(&record.id.0),
        "publicKey": BASE64.encode(&record.public_key),
        "attestationType": record.attestation_format,
        "transport": record.transports,
        "flags": {
            "userPresent": record.backup_eligible.is_some(),
            "userVerified": record.user_verified,
            "backupEligible": record.backup_eligible.unwrap_or(false),
            "backupState": record.backup_state,
        },
        "authenticator": {
            "AAGUID": BASE64.encode(&record.aaguid),
            "signCount": record.sign_count,
            "cloneWarning": false,
            "attachment": record.attachment,
        },
    });
    let optional = [
        ("attestation", record.attestation.clone()),
        ("rpId", record.rp_id.clone().map(Value::from)),
        ("label", record.label.clone().map(Value::from)),
        ("createdAt", record.created_at.map(|time| time.as_millis().into())),
        ("lastUsedAt", record.last_used_at.map(|time| time.as_millis().into())),
    ];
    for (name, given) in optional {
        if let Some(given) = given {
            value[name] = given;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_any_spelling_is_an_empty_list() {
        for json in ["[]", "null", "[]\0\0"] {
            assert_eq!(Credentials::parse(json.as_bytes()), Ok(Credentials::default()), "{json}");
        }
        assert_eq!(Credentials::parse(b"garbage"), Err(DoesNotOpen));
        assert_eq!(Credentials::parse(b""), Err(DoesNotOpen));
    }

    #[test]
    fn one_bad_credential_is_skipped_and_survives_a_write() {
        let json = br#"[{"ID":"QzEw","PublicKey":null},{"id":"QzEx","publicKey":"AQ==","mystery":1},7]"#;
        let credentials = Credentials::parse(json).unwrap();
        assert_eq!((credentials.records().count(), credentials.unreadable()), (1, 2));

        let rewritten: Value = serde_json::from_slice(&credentials.to_json()).unwrap();
        assert_eq!(rewritten[0], json!({"ID": "QzEw", "PublicKey": null}));
        assert_eq!(rewritten[2], json!(7));
        assert_eq!(Credentials::parse(&credentials.to_json()).unwrap(), credentials);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut credentials = Credentials::parse(br#"[{"id":"QzEx","publicKey":"AQ=="}]"#).unwrap();
        for record in credentials.records_mut() {
            assert_eq!(record.backup_eligible, None);
            record.backup_eligible = Some(true);
            record.label = Some("Jö's key".to_owned());
            record.created_at = Some(UnixTime::from_millis(5));
            record.sign_count = u32::MAX;
            record.rp_id = Some("example.com".to_owned());
        }
        assert_eq!(Credentials::parse(&credentials.to_json()).unwrap(), credentials);
    }
}
