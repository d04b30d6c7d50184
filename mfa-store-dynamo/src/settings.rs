//! Settings from the URL: `dynamodb://REGION?endpoint=URL&api_key_table=…`.

use mfa_core::envelope::RecordKind;
use mfa_core::store::{ByKind, UserRecord};
use mfa_url::Query;

use crate::error::DynamoError;

const KNOWN: &[&str] =
    &["api_key_table", "ceremony_table", "endpoint", "index", "totp_table", "webauthn_table"];

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
        let invalid = DynamoError::Setting("the URL is not of the form dynamodb://REGION?…");
        let Some(rest) = url.strip_prefix("dynamodb://") else { return Err(invalid) };
        let (region, query) = Query::split(rest);
        let region = region.trim_end_matches('/');
        if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(invalid);
        }
        let query = Query::parse(query, KNOWN).map_err(DynamoError::Query)?;
        let record_tables = ByKind::new(|shape| {
            let word = word(shape.kind);
            query.get(&format!("{word}_table")).map_or_else(|| format!("mfa-{word}"), str::to_owned)
        });
        let ceremony_table = query.get("ceremony_table").map(str::to_owned);
        let create_index = match query.get("index") {
            None => false,
            Some("create") => true,
            Some(_) => return Err(DynamoError::Setting("index must be create, if it is set")),
        };
        Ok(Self {
            region: Some(region.to_owned()).filter(|region| !region.is_empty()),
            // The predecessors' set-ups omit the scheme.
            endpoint: query.get("endpoint").map(|endpoint| match endpoint.contains("://") {
                true => endpoint.to_owned(),
                false => format!("http://{endpoint}"),
            }),
            api_key_table: query.get("api_key_table").unwrap_or("mfa-api-key").to_owned(),
            ceremony_table: ceremony_table
                .unwrap_or_else(|| format!("{}-ceremony", record_tables.of::<UserRecord>())),
            record_tables,
            create_index,
        })
    }
}

#[cfg(test)]
mod tests {
    use mfa_core::store::SHAPES;

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

    /// A new kind of record brings its setting.
    #[test]
    fn every_table_has_a_setting() {
        for shape in SHAPES {
            let setting = format!("{}_table", word(shape.kind));
            assert!(KNOWN.contains(&&*setting), "{setting}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let known = "Known: api_key_table, ceremony_table, endpoint, index, totp_table, webauthn_table";
        let totp = format!("unknown setting totp_tabel, did you mean totp_table? {known}");
        let region = format!("unknown setting region. {known}");
        for (url, complaint) in [
            ("dynamodb://x?totp_table=", "totp_table has no value"),
            ("dynamodb://x?index=s3cret", "index must be create, if it is set"),
            ("dynamodb://x?endpoint=a&endpoint=b", "endpoint is set twice"),
            ("dynamodb://x?totp_tabel=s3cret", &totp),
            ("dynamodb://x?endpoint=a:8000&region=s3cret", &region),
            ("dynamodb://x/s3cret", "the URL is not of the form dynamodb://REGION?…"),
            ("dynamodb://AKIA:s3cret@x", "the URL is not of the form dynamodb://REGION?…"),
            ("sqlite://s3cret", "the URL is not of the form dynamodb://REGION?…"),
        ] {
            assert_eq!(Settings::parse(url).unwrap_err().to_string(), complaint);
        }
    }
}
