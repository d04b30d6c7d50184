//! Inspects the tables for an operator. It calls `DescribeTable`, `DescribeTimeToLive`,
//! `DescribeContinuousBackups` and `Scan`. A call that the role denies becomes a line in the report.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, TableDescription, TimeToLiveStatus};
use mfa_core::clock::UnixTime;
use mfa_core::envelope::RecordKind;
use mfa_core::store::ByKind;
use mfa_core::store::inspect::{Area, Census, Report, Scope};

use crate::ceremony::TIME_TO_LIVE;
use crate::error::DynamoError;
use crate::item::{Item, attribute, text};
use crate::record::RecordTable;
use crate::settings::Settings;
use crate::table::Table;
use crate::{api_key, connect, migration};

const MIGRATE: &str =
    "run `mfa-http migrate` as a role that may create tables, or name the tables in the store's URL";

/// Reads the tables that `url` names and reports their state. Writes nothing.
pub async fn inspect(url: &str, scope: Scope, now: UnixTime) -> Report {
    let mut report = Report::new(now);
    let settings = match Settings::parse(url) {
        Ok(settings) => settings,
        Err(error) => {
            report.attention(Area::Reachable, error.to_string(), "correct the store's URL");
            return report;
        }
    };
    let client = connect(&settings).await;
    let ceremonies = Table::new(&client, &settings.ceremony_table, "id");
    let mut visit = Visit { report: &mut report, answered: false };
    let keys = api_key::table(&client, &settings.api_key_table);
    let records = settings.record_tables.map(|shape, name| RecordTable::new(&client, shape, name));
    let mut sound = true;
    if scope == Scope::Everything {
        sound &= visit.table(&keys, false).await;
        for (_, RecordTable { table, .. }) in records.iter() {
            sound &= visit.table(table, true).await;
        }
    }
    visit.table(&ceremonies, false).await;
    if scope == Scope::Everything && visit.answered && sound {
        visit.every_row(&records, &keys).await;
    }
    visit.time_to_live(&ceremonies).await;
    if visit.answered {
        let place = settings.region.as_deref().unwrap_or("the region of the environment");
        report.ok(Area::Reachable, format!("DynamoDB answers in {place}"));
    } else {
        report.attention(
            Area::Reachable,
            "DynamoDB does not answer",
            "look at region, endpoint, credentials and network",
        );
    }
    report
}

struct Visit<'a> {
    report: &'a mut Report,
    /// Whether any call was answered, even with a refusal.
    answered: bool,
}

impl Visit<'_> {
    /// Checks a table, and returns whether it may exist.
    async fn table(&mut self, table: &Table, owned: bool) -> bool {
        let name = &table.name;
        let described = match table.client.describe_table().table_name(name).send().await {
            Ok(answer) => answer.table,
            Err(error) if is_denied(&error) => {
                self.answered = true;
                let found = format!("the role may not describe table {name}: it is taken to be there");
                self.report.note(Area::Permissions, found);
                return true;
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                self.answered = true;
                self.report.attention(Area::Tables, format!("there is no table {name}"), MIGRATE);
                return false;
            }
            Err(error) => {
                self.failed(Area::Tables, &format!("describing table {name}"), error);
                return false;
            }
        };
        self.answered = true;
        let Some(described) = described else { return true };
        let sound = self.keys(table, &described, owned);
        if table.key != "id" {
            self.backups(table).await;
        }
        sound
    }

    fn keys(&mut self, table: &Table, described: &TableDescription, owned: bool) -> bool {
        let (name, key) = (&table.name, table.key);
        if !matches!(described.key_schema(), [only] if only.attribute_name() == key) {
            let found = format!("table {name} was not created with the hash key {key}");
            self.report.attention(Area::Tables, found, "name the right table in the store's URL");
            return false;
        }
        let index = migration::usable_index(described).filter(|_| owned);
        let index = index.map(|index| format!(" and {index} on apiKey")).unwrap_or_default();
        self.report.ok(Area::Tables, format!("{name} has the hash key {key}{index}"));
        true
    }

    async fn backups(&mut self, table: &Table) {
        let name = &table.name;
        let answer = table.client.describe_continuous_backups().table_name(name).send().await;
        let status = match &answer {
            Ok(answer) => answer
                .continuous_backups_description()
                .and_then(|backups| backups.point_in_time_recovery_description())
                .and_then(|recovery| recovery.point_in_time_recovery_status()),
            // A role may deny it, and emulators do not support it.
            Err(_) => None,
        };
        let found = match status {
            Some(PointInTimeRecoveryStatus::Enabled) => {
                return self.report.ok(Area::Durability, format!("{name} has point-in-time recovery"));
            }
            Some(_) => format!("{name} has no point-in-time recovery: what is deleted by mistake is gone"),
            None => {
                format!("cannot tell whether {name} has point-in-time recovery (DescribeContinuousBackups)")
            }
        };
        self.report.note(Area::Durability, found);
    }

    async fn time_to_live(&mut self, table: &Table) {
        let name = &table.name;
        let answer = match table.client.describe_time_to_live().table_name(name).send().await {
            Ok(answer) => answer,
            // The missing table was reported already.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return;
            }
            Err(_) => {
                let found = format!("cannot tell whether {name} is swept (DescribeTimeToLive)");
                return self.report.note(Area::Tables, found);
            }
        };
        let sweep = answer.time_to_live_description();
        let enabled = sweep.and_then(|sweep| sweep.time_to_live_status()) == Some(&TimeToLiveStatus::Enabled);
        if enabled && sweep.and_then(|sweep| sweep.attribute_name()) == Some(TIME_TO_LIVE) {
            self.report.ok(Area::Tables, format!("{name} is swept by its TTL"));
        } else {
            let found =
                format!("{name} has no TTL on the attribute {TIME_TO_LIVE}, so abandoned ceremonies stay");
            self.report.attention(Area::Tables, found, format!("enable TTL of {name} on {TIME_TO_LIVE}"));
        }
    }

    async fn every_row(&mut self, records: &ByKind<RecordTable>, keys: &Table) {
        for (shape, records) in records.iter() {
            let kind = shape.kind;
            self.rows(
                &records.table,
                kind,
                |census, item| {
                    // Our writes leave a revision, and a predecessor's do not.
                    let written_here = attribute(item, "revision").is_some();
                    let row = records.read(item)?.record;
                    census.row(kind, &row, written_here).map_err(DynamoError::unreadable)
                },
                |field| records.name_of(field),
            )
            .await;
        }
        self.rows(
            keys,
            RecordKind::ApiKey,
            |census, item| {
                census.api_key(&api_key::read(keys, item)?.record);
                Ok(())
            },
            |name| name,
        )
        .await;
    }

    /// Reads whole items. We match names in any case, which a projection does not, and DynamoDB charges for
    /// whole items anyway.
    async fn rows<'n>(
        &mut self,
        table: &Table,
        kind: RecordKind,
        count: impl Fn(&mut Census, &Item) -> Result<(), DynamoError>,
        name_of: impl Fn(&'static str) -> &'n str,
    ) {
        let mut start = None;
        loop {
            let scan = table.client.scan().table_name(&table.name).consistent_read(true);
            let answer = match scan.set_exclusive_start_key(start).send().await {
                Ok(answer) => answer,
                Err(error) if is_denied(&error) => {
                    let found = format!("the role may not scan {}, which rotations and lists do", table.name);
                    return self.report.attention(Area::Permissions, found, "allow dynamodb:Scan on it");
                }
                Err(error) => return self.failed(Area::Rows, &format!("scanning {}", table.name), error),
            };
            for item in answer.items() {
                let id = text(item, table.key).ok().flatten().unwrap_or_default();
                let census = &mut self.report.census;
                match count(census, item) {
                    Ok(()) => {}
                    Err(error) => {
                        let part = match error {
                            DynamoError::Attribute(field) => name_of(field),
                            _ => "an attribute",
                        };
                        census.unreadable(kind, id, part, attribute(item, "apiKey").is_some());
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        self.report.census.end(kind);
        self.report.ok(Area::Rows, format!("all of {} were read", table.name));
    }

    fn failed<E>(&mut self, area: Area, what: &str, error: SdkError<E>)
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.answered |= error.as_service_error().is_some();
        let found = match error.code() {
            Some(code) => format!("{what} failed: {code}"),
            None => format!("{what} failed: {}", DisplayErrorContext(&error)),
        };
        self.report.attention(area, found, "run this again; if it says the same, look at the cause");
    }
}

fn is_denied(error: &impl ProvideErrorMetadata) -> bool {
    error.code() == Some("AccessDeniedException")
}
