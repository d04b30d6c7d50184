//! Checks the tables when the store is opened, and creates missing ones.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification,
};

use crate::ceremony::TIME_TO_LIVE;
use crate::error::DynamoError;
use crate::table::Table;

const OWNER: &str = "apiKey";
/// The index that `index=create` makes, with the name from the Go predecessor's comments. Only programs that
/// list with `Listing::Fast` read it, so nobody else pays for its writes.
const INDEX: &str = "apiKey-index";

/// The required form of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: &'static str,
    pub(crate) owned: bool,
    pub(crate) expires: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn of(table: &'a Table, owned: bool) -> Self {
        Self { name: &table.name, key: table.key, owned, expires: false }
    }
}

/// The changes that are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permission {
    pub(crate) create_table: bool,
    pub(crate) create_index: bool,
}

/// Checks a table, and creates it if allowed. Returns its index on `apiKey`, if it has a usable one.
pub(crate) async fn prepare(
    client: &Client,
    plan: Plan<'_>,
    permission: Permission,
) -> Result<Option<String>, DynamoError> {
    let table = match client.describe_table().table_name(plan.name).send().await {
        Ok(answer) => answer.table,
        // The predecessors' roles may not describe tables. Theirs exist, without an index.
        Err(error) if error.code() == Some("AccessDeniedException") => {
            tracing::info!("no permission to describe table {}: taken to be there, without index", plan.name);
            return Ok(None);
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => None,
        Err(error) => return Err(error.into()),
    };
    let table = match table {
        Some(table) => table,
        None if permission.create_table => create(client, plan, permission.create_index).await?,
        None => return Err(DynamoError::NoTable(plan.name.to_owned())),
    };
    let keys = table.key_schema();
    if !matches!(keys, [only] if only.attribute_name() == plan.key) {
        return Err(DynamoError::OtherKey(plan.name.to_owned(), plan.key));
    }
    if !plan.owned {
        return Ok(None);
    }
    let index = usable_index(&table);
    let without = index.is_none() && table.global_secondary_indexes().is_empty();
    if permission.create_index && permission.create_table && without {
        create_index(client, plan).await?;
        tracing::info!(
            "table {} is getting an index on apiKey, for programs that list with Listing::Fast: from their next \
             start, and if their role allows Query on it",
            plan.name
        );
    }
    Ok(index)
}

pub(crate) fn usable_index(table: &TableDescription) -> Option<String> {
    let by_owner = |keys: &[KeySchemaElement]| matches!(keys, [only] if only.attribute_name() == OWNER);
    let whole = |projection: Option<&Projection>| {
        projection.is_some_and(|p| p.projection_type() == Some(&ProjectionType::All))
    };
    let usable = table.global_secondary_indexes().iter().find(|index| {
        by_owner(index.key_schema())
            && whole(index.projection())
            && index.index_status() == Some(&IndexStatus::Active)
    });
    usable.and_then(|index| index.index_name().map(str::to_owned))
}

async fn create(client: &Client, plan: Plan<'_>, with_index: bool) -> Result<TableDescription, DynamoError> {
    let mut create = client
        .create_table()
        .table_name(plan.name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(text_attribute(plan.key)?)
        .key_schema(hash_key(plan.key)?);
    if plan.owned && with_index {
        let index = GlobalSecondaryIndex::builder()
            .index_name(INDEX)
            .key_schema(hash_key(OWNER)?)
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()?;
        create = create.attribute_definitions(text_attribute(OWNER)?).global_secondary_indexes(index);
    }
    match create.send().await {
        Ok(_) => {}
        // Another server that starts at the same time was first.
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {}
        Err(error) => return Err(error.into()),
    }
    let table = ready(client, plan.name).await?;
    if plan.expires {
        let sweep = TimeToLiveSpecification::builder().enabled(true).attribute_name(TIME_TO_LIVE).build()?;
        let enabled =
            client.update_time_to_live().table_name(plan.name).time_to_live_specification(sweep).send().await;
        if let Err(error) = enabled {
            // This costs space but not safety: expired ceremonies are refused even if they were not deleted.
            tracing::warn!(error = &error as &dyn std::error::Error, "TTL of {} is not enabled", plan.name);
        }
    }
    Ok(table)
}

async fn ready(client: &Client, name: &str) -> Result<TableDescription, DynamoError> {
    for _ in 0..240 {
        let answer = client.describe_table().table_name(name).send().await?;
        if let Some(table) = answer.table.filter(|table| table.table_status() == Some(&TableStatus::Active)) {
            return Ok(table);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(DynamoError::NotReady(name.to_owned()))
}

async fn create_index(client: &Client, plan: Plan<'_>) -> Result<(), DynamoError> {
    let action = CreateGlobalSecondaryIndexAction::builder()
        .index_name(INDEX)
        .key_schema(hash_key(OWNER)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()?;
    client
        .update_table()
        .table_name(plan.name)
        .attribute_definitions(text_attribute(plan.key)?)
        .attribute_definitions(text_attribute(OWNER)?)
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(action).build())
        .send()
        .await?;
    Ok(())
}

fn text_attribute(name: &str) -> Result<AttributeDefinition, DynamoError> {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    Ok(attribute.attribute_type(ScalarAttributeType::S).build()?)
}

fn hash_key(name: &str) -> Result<KeySchemaElement, DynamoError> {
    Ok(KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build()?)
}
