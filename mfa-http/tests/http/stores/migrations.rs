//! `mfa-http migrate --dry-run` on each store.

use super::{Place, on_each_store};
use crate::program::output;

on_each_store!(dry_run: sqlite, postgres, redis, dynamodb);

/// It prints what would run, and changes nothing: the second time it prints the same.
async fn dry_run(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let migrate = |arguments: &[&str]| {
        output(folder.path(), &[&["--store", place.url.as_str(), "migrate"], arguments].concat())
    };
    let first = migrate(&["--dry-run"]);
    assert_eq!(migrate(&["--dry-run"]), first);
    let has_migrations = ["sqlite", "postgres"].contains(&store);
    assert_eq!(first.contains("ADD COLUMN not_before"), has_migrations, "{first}");
    assert_eq!(first.contains("no migrations"), !has_migrations, "{first}");

    assert_eq!(migrate(&[]), "the store is up to date");
    assert_eq!(migrate(&["--dry-run"]).contains("up to date"), has_migrations);
}
