//! Rows that other writers left or changed in the tables.

use aws_sdk_dynamodb::primitives::Blob;
use mfa_core::store::{Expect, Listing, StoreError, TotpRecord, UserRecord};
use mfa_store_conformance::kit::later::{Later, runs_beside_a_later_version};
use mfa_store_conformance::kit::sample;

use super::*;

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A legacy row is replaced only if it is what was read, although it has no revision.
#[tokio::test]
async fn a_predecessor_that_writes_in_between_is_a_conflict() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    let stores = Stores::from(tables.open().await);
    let id = sample::uuid(1).to_string();
    let row = |ciphertext: &str| {
        item([("uuid", text(&id)), ("apiKey", text("ann")), ("encryptedTotpKey", text(ciphertext))])
    };
    tables.put("t", row("iv:first")).await;
    let record = sample::totp(1, "ann");
    let read = stores.totp.get(&record.consumer, record.id).await.unwrap().unwrap();
    assert_eq!(read.record.secret.as_bytes(), b"iv:first");

    tables.put("t", row("iv:second")).await;
    let refused = stores.totp.save(&record, Expect::At(read.revision)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(tables.item("t", &id).await, row("iv:second"));

    let read = stores.totp.get(&record.consumer, record.id).await.unwrap().unwrap();
    let revision = stores.totp.save(&record, Expect::At(read.revision)).await.unwrap();
    // The Go predecessor rewrites the row without our attributes, so our revision is gone.
    tables.put("t", row("iv:third")).await;
    let refused = stores.totp.save(&record, Expect::At(revision)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

#[async_trait::async_trait]
impl Later for Tables {
    async fn add_field(&self, key: &str, totp: &str, text_of_field: &str) {
        self.set("k", key, "later", Some(text_of_field)).await;
        self.set("t", totp, "later", Some(text_of_field)).await;
    }

    async fn field(&self, key: &str, totp: &str) -> [String; 2] {
        [self.item("k", key).await, self.item("t", totp).await]
            .map(|item| item["later"].as_s().unwrap().clone())
    }

    async fn set_state(&self, key: &str, name: Option<&str>) {
        self.set("k", key, "state", name).await;
    }
}

impl Tables {
    async fn set(&self, suffix: &str, id: &str, name: &str, value: Option<&str>) {
        let mut item = self.item(suffix, id).await;
        item.remove(name);
        item.extend(value.map(|value| (name.to_owned(), text(value))));
        self.put(suffix, item).await;
    }
}

/// Every attribute is optional, so the tables need no version.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_version_may_use_the_tables_too() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    let stores = Stores::from(tables.open().await);
    runs_beside_a_later_version(&stores, &tables).await;
}

/// Foreign attributes survive our writes, whatever their type.
#[tokio::test]
async fn what_is_not_ours_stays() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    let stores = Stores::from(tables.open().await);
    let (record, owner) = (sample::user(1, "ann"), text("ann"));
    let foreign = item([
        ("EncryptedSessionData", AttributeValue::B(Blob::new([1, 2, 3]))),
        ("encryptedRegistrationRequest", AttributeValue::Null(true)),
        ("tags", AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()])),
        ("map", AttributeValue::M(item(["x", "y", "z", "a"].map(|name| (name, AttributeValue::Bool(true)))))),
    ]);
    let mut row = item([("uuid", text(&record.id.to_string())), ("APIKEY", owner)]);
    row.extend(foreign.clone());
    tables.put("w", row).await;

    let mut revision = stores.users.get(&record.consumer, record.id).await.unwrap().unwrap().revision;
    for n in 0..3 {
        let changed = UserRecord { u2f_sign_count: Some(n), ..record.clone() };
        revision = stores.users.save(&changed, Expect::At(revision)).await.unwrap();
        let stored = tables.item("w", &record.id.to_string()).await;
        assert!(foreign.iter().all(|(name, value)| stored.get(name) == Some(value)), "{stored:?}");
        assert_eq!(stored.keys().filter(|name| name.eq_ignore_ascii_case("apiKey")).count(), 1);
    }
    assert!(stores.users.delete(&record.consumer, record.id).await.unwrap());
}

/// An owner attribute in another case counts for deletes and listings.
#[tokio::test]
async fn an_owner_in_another_case_is_the_owner() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    tables.create_as_the_predecessors_did().await;
    let stores = Stores::from(tables.open().await);
    let record = sample::totp(1, "ann");
    let row = item([
        ("uuid", text(&record.id.to_string())),
        ("ApiKey", text("ann")),
        ("encryptedTotpKey", text("iv:x")),
    ]);
    tables.put("t", row).await;
    let page = stores.totp.page_by_consumer(&record.consumer, None, 10, Listing::Fast).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(!stores.totp.delete(&sample::consumer("bob"), record.id).await.unwrap());
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());
}

/// A row that cannot be read does not hide the others of its page.
#[tokio::test]
async fn a_damaged_row_is_reported_and_hides_nothing() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    let stores = Stores::from(tables.open_with_index().await);
    let record: TotpRecord = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    tables.put("t", item([("uuid", text("no-uuid")), ("apiKey", text("ann"))])).await;
    let page = stores.totp.page_by_consumer(&record.consumer, None, 10, Listing::Fast).await.unwrap();
    assert_eq!((page.items.len(), page.damaged), (1, vec!["no-uuid".to_owned()]));
}

/// The index is made only on request, and then used.
#[tokio::test]
async fn an_index_is_made_on_request() {
    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    tables.create_as_the_predecessors_did().await;
    let indexes = async || {
        let described =
            tables.client().await.describe_table().table_name(format!("{}-t", tables.name)).send();
        described.await.unwrap().table.unwrap().global_secondary_indexes().len()
    };
    tables.open().await;
    assert_eq!(indexes().await, 0);
    DynamoStore::open_existing(&format!("{}&index=create", tables.url())).await.unwrap();
    assert_eq!(indexes().await, 0);
    tables.open_with_index().await;
    assert_eq!(indexes().await, 1);
}

/// Our tables have the index only on request: the server does not read it, and it costs writes.
#[tokio::test]
async fn a_new_table_has_no_index_that_nobody_asked_for() {
    for (wanted, expected) in [(false, 0), (true, 1)] {
        let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
        if wanted {
            tables.open_with_index().await
        } else {
            tables.open().await
        };
        for suffix in ["t", "w"] {
            let describe =
                tables.client().await.describe_table().table_name(format!("{}-{suffix}", tables.name));
            let table = describe.send().await.unwrap().table.unwrap();
            assert_eq!(table.global_secondary_indexes().len(), expected, "{suffix}");
        }
    }
}

#[tokio::test]
async fn missing_tables_and_other_tables_are_refused() {
    use std::error::Error as _;

    let Some(tables) = Tables::new("MFA_TEST_DYNAMODB") else { return };
    let refused = DynamoStore::open_existing(&tables.url()).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert!(
        cause.starts_with(&format!("there is no table {}-k; run `mfa-http migrate`", tables.name)),
        "{cause}"
    );
    tables.open().await;
    DynamoStore::open_existing(&tables.url()).await.unwrap();
    // The keys' table named as the TOTP table.
    let swapped = tables.url().replace(&format!("{}-t", tables.name), &format!("{}-k", tables.name));
    let refused = DynamoStore::open(&swapped).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert_eq!(cause, format!("table {}-k was not created with the hash key uuid", tables.name));
}
