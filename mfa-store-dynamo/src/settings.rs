//! What the URL says: `dynamodb://REGION?endpoint=URL&api_key_table=…`.

use std::collections::BTreeMap;

use mfa_core::envelope::RecordKind;
use mfa_core::store::{SHAPES, Shape};

use crate::error::DynamoError;

/// For each kind of record: the setting that names its table, and the name without it.
const RECORD_TABLES: [(RecordKind, &str, &str); 2] =
    [(RecordKind::Totp, "totp_table", "mfa-totp"), (RecordKind::User, "webauthn_table", "mfa-webauthn")];

/// Where the tables are, and their names.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `None` leaves it to the environment, as AWS's tools do.
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) api_key_table: String,
    record_tables: BTreeMap<RecordKind, String>,
    pub(crate) ceremony_table: String,
    /// Whether to add the index on `apiKey` to tables that have none.
    pub(crate) create_index: bool,
}

impl Settings {
    pub(crate) fn parse(url: &str) -> Result<Self, DynamoError> {
        let invalid = || DynamoError::Setting("the URL is not of the form dynamodb://REGION?…".to_owned());
        let rest = url.strip_prefix("dynamodb://").ok_or_else(invalid)?;
        let (region, query) = rest.split_once('?').unwrap_or((rest, ""));
        let region = region.trim_end_matches('/');
        if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(invalid());
        }
        let mut settings = Self {
            region: Some(region.to_owned()).filter(|region| !region.is_empty()),
            endpoint: None,
            api_key_table: "mfa-api-key".to_owned(),
            record_tables: RECORD_TABLES.map(|(kind, _, name)| (kind, name.to_owned())).into(),
            ceremony_table: String::new(),
            create_index: false,
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                _ if value.is_empty() => return Err(DynamoError::Setting(format!("{name} is empty"))),
                // The seeds' set-ups give it without a scheme.
                "endpoint" if !value.contains("://") => settings.endpoint = Some(format!("http://{value}")),
                "endpoint" => settings.endpoint = Some(value),
                "api_key_table" => settings.api_key_table = value,
                "ceremony_table" => settings.ceremony_table = value,
                "index" if value == "create" => settings.create_index = true,
                _ => match RECORD_TABLES.iter().find(|(_, setting, _)| *setting == name) {
                    Some((kind, ..)) => drop(settings.record_tables.insert(*kind, value)),
                    None => return Err(DynamoError::Setting(format!("{name}={value} cannot be used"))),
                },
            }
        }
        if settings.ceremony_table.is_empty() {
            let webauthn_table = settings.record_tables.get(&RecordKind::User).map_or("", String::as_str);
            settings.ceremony_table = format!("{webauthn_table}-ceremony");
        }
        Ok(settings)
    }

    /// The kinds of record, each with the name of its table.
    pub(crate) fn record_tables(&self) -> impl Iterator<Item = (&'static Shape, &str)> {
        SHAPES.into_iter().filter_map(|shape| Some((shape, self.record_tables.get(&shape.kind)?.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_has_a_table() {
        let settings = Settings::parse("dynamodb://eu-west-1").unwrap();
        assert_eq!(settings.record_tables().count(), SHAPES.len());
    }

    #[test]
    fn a_url_names_the_region_and_the_tables() {
        let settings =
            Settings::parse("dynamodb://eu-west-1?endpoint=dynamo:8000&webauthn_table=u2f").unwrap();
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(settings.endpoint.as_deref(), Some("http://dynamo:8000"));
        let names: Vec<_> = settings.record_tables().map(|(_, name)| name).collect();
        assert_eq!((&*names, &*settings.ceremony_table), (&["mfa-totp", "u2f"][..], "u2f-ceremony"));
        assert_eq!(settings.api_key_table, "mfa-api-key");
        assert_eq!(Settings::parse("dynamodb://").unwrap().region, None);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (url, complaint) in [
            ("dynamodb://x?totp_table=", "totp_table is empty"),
            ("dynamodb://x?totp=1", "totp=1 cannot be used"),
            ("dynamodb://x/y", "the URL is not of the form dynamodb://REGION?…"),
            ("sqlite://x", "the URL is not of the form dynamodb://REGION?…"),
        ] {
            assert_eq!(Settings::parse(url).unwrap_err().to_string(), complaint);
        }
    }
}
