//! Settings from the URL: `dynamodb://REGION?endpoint=URL&api_key_table=…`.

use mfa_core::envelope::RecordKind;
use mfa_core::store::{ByKind, UserRecord};

use crate::error::DynamoError;

/// The word for a kind of record in the setting for its table, and in the table's default name.
const fn word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::User => "webauthn",
        other => other.as_str(),
    }
}

/// Where the tables are, and their names.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `None` takes it from the environment, as AWS's tools do.
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) api_key_table: String,
    pub(crate) record_tables: ByKind<String>,
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
            record_tables: ByKind::new(|shape| format!("mfa-{}", word(shape.kind))),
            ceremony_table: String::new(),
            create_index: false,
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                _ if value.is_empty() => return Err(DynamoError::Setting(format!("{name} is empty"))),
                // The predecessors' set-ups omit the scheme.
                "endpoint" if !value.contains("://") => settings.endpoint = Some(format!("http://{value}")),
                "endpoint" => settings.endpoint = Some(value),
                "api_key_table" => settings.api_key_table = value,
                "ceremony_table" => settings.ceremony_table = value,
                "index" if value == "create" => settings.create_index = true,
                _ => {
                    let mut tables = settings.record_tables.iter_mut();
                    match tables.find(|(shape, _)| name == format!("{}_table", word(shape.kind))) {
                        Some((_, table)) => *table = value,
                        None => return Err(DynamoError::Setting(format!("{name}={value} cannot be used"))),
                    }
                }
            }
        }
        if settings.ceremony_table.is_empty() {
            settings.ceremony_table = format!("{}-ceremony", settings.record_tables.of::<UserRecord>());
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_region_and_the_tables() {
        let settings =
            Settings::parse("dynamodb://eu-west-1?endpoint=dynamo:8000&webauthn_table=u2f").unwrap();
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(settings.endpoint.as_deref(), Some("http://dynamo:8000"));
        let names: Vec<_> = settings.record_tables.iter().map(|(_, name)| name.as_str()).collect();
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
