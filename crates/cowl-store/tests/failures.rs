//! Disks that are gone, read-only or full; servers that do not answer; databases of another age.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::fs;
use std::path::Path;

use bytes::Bytes;
use cowl_crypto::id::random_bytes;
use cowl_store::{
    DatabaseConfig, Ledger, PackKey, PartStore, PartsConfig, S3Config, StoreConfig, StoreError,
};
use cowl_testkit::disk::SmallDisk;
use cowl_testkit::store::{Stores, noise};
use sqlx::Executor;

fn key() -> PackKey {
    PackKey::from_bytes(random_bytes())
}

#[tokio::test]
async fn a_missing_folder_is_reported_and_its_return_heals() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("parts");
    let parts = PartStore::open(&PartsConfig::Folder { path: path.clone() }).await.unwrap();
    let pack = key();
    parts.put_pack(pack, vec![noise(10)]).await.unwrap();
    let aside = place.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    // An empty mount point is as bad as none.
    for prepare in [|_: &Path| {}, |path: &Path| fs::create_dir(path).unwrap()] {
        prepare(&path);
        let outcomes = [
            parts.put_pack(key(), vec![noise(10)]).await.map(drop),
            parts.range(pack, 0..1).await.map(drop),
            parts.ping().await,
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
        }
    }
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    parts.ping().await.unwrap();
    parts.range(pack, 0..10).await.unwrap();
    parts.put_pack(key(), vec![noise(10)]).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_something_else_is_not_taken() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("thesis.txt"), "mine").unwrap();
    let opened = PartStore::open(&PartsConfig::Folder { path: place.path().to_owned() }).await;
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn what_a_broken_off_write_left_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let parts = PartStore::open(&PartsConfig::Folder { path: place.path().to_owned() }).await.unwrap();
    parts.put_pack(key(), vec![noise(10)]).await.unwrap();
    let shard = place.path().join("packs/00");
    fs::create_dir_all(&shard).unwrap();
    let left = shard.join(format!("{}#1", key()));
    fs::write(&left, "half").unwrap();
    let now = cowl_domain::Timestamp::from_millis(0);
    assert_eq!(parts.list_older_than(now).await.unwrap(), []);
    assert!(left.exists(), "it may be under way");
    let end_of_time = cowl_domain::Timestamp::from_millis(10_000_000_000_000);
    assert_eq!(parts.list_older_than(end_of_time).await.unwrap().len(), 1);
    assert!(!left.exists());
}

#[tokio::test]
async fn a_full_part_store_says_so_and_recovers() {
    let Some(disk) = SmallDisk::mount(2) else { return };
    let parts = PartStore::open(&PartsConfig::Folder { path: disk.path().to_owned() }).await.unwrap();
    let (first, second) = (key(), key());
    parts.put_pack(first, vec![noise(1_500_000)]).await.unwrap();
    let full = Err(StoreError::Full { what: "part store" });
    assert_eq!(parts.put_pack(second, vec![noise(1_500_000)]).await, full);
    let stream = futures_util::stream::iter([Ok::<Bytes, StoreError>(noise(1_500_000))]);
    assert_eq!(parts.put_pack_stream(second, stream).await, full);
    assert_eq!(parts.range(second, 0..1).await, Err(StoreError::NotFound));
    parts.delete(first).await.unwrap();
    parts.put_pack(second, vec![noise(1_500_000)]).await.unwrap();
}

#[tokio::test]
async fn a_read_only_part_store_says_so_and_recovers() {
    let Some(disk) = SmallDisk::mount(2) else { return };
    let parts = PartStore::open(&PartsConfig::Folder { path: disk.path().to_owned() }).await.unwrap();
    let pack = key();
    parts.put_pack(pack, vec![noise(10)]).await.unwrap();
    assert!(disk.remount("ro"));
    let refused = parts.put_pack(key(), vec![noise(10)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    parts.range(pack, 0..10).await.unwrap();
    assert!(disk.remount("rw"));
    parts.put_pack(key(), vec![noise(10)]).await.unwrap();
}

#[tokio::test]
async fn a_full_database_says_so_and_recovers() {
    let Some(disk) = SmallDisk::mount(2) else { return };
    let parts = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        database: DatabaseConfig::Sqlite { path: disk.path().join("ledger.sqlite") },
        parts: PartsConfig::Folder { path: parts.path().to_owned() },
    };
    let stores = Stores::open(config).await.unwrap();
    let owner = stores.register("owner").await;
    disk.fill();
    let mut refused = Ok(());
    for _ in 0..100 {
        refused = stores.ledger.login_refused(&owner.id(), &stores.act()).await;
        if refused.is_err() {
            break;
        }
    }
    assert_eq!(refused, Err(StoreError::Full { what: "database" }));
    let size = stores.ledger.log_size().await.unwrap();
    assert_eq!(stores.ledger.leaves(0, u64::MAX).await.unwrap().len() as u64, size);
    disk.give_room();
    stores.ledger.login_refused(&owner.id(), &stores.act()).await.unwrap();
}

#[tokio::test]
async fn an_s3_server_that_is_not_there_is_reported() {
    let s3 = S3Config {
        endpoint: Some("http://127.0.0.1:1".into()),
        bucket: "bucket".into(),
        region: "us-east-1".into(),
        prefix: String::new(),
        access_key: "test".into(),
        secret_key: "test".into(),
    };
    let parts = PartStore::open(&PartsConfig::S3(s3)).await.unwrap();
    let refused = parts.put_pack(key(), vec![noise(10)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_postgres_server_that_is_not_there_is_reported_without_its_password() {
    let database = DatabaseConfig::Postgres { url: "postgres://u:hush@127.0.0.1:1/d".into() };
    let refused = Ledger::connect(&database).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("hush"));
}

#[tokio::test]
async fn a_database_of_another_age_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a ledger, 100% full?#.sqlite");
    let ledger = Ledger::connect(&DatabaseConfig::Sqlite { path: path.clone() }).await.unwrap();
    assert_eq!(ledger.check_schema().await, Err(StoreError::NotMigrated { found: 0, known: 3 }));
    ledger.migrate().await.unwrap();
    ledger.check_schema().await.unwrap();
    ledger.migrate().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    connection.execute("UPDATE cowl_schema SET version = 99").await.unwrap();
    let newer = Err(StoreError::NewerSchema { found: 99, known: 3 });
    assert_eq!(ledger.check_schema().await, newer);
    assert_eq!(ledger.migrate().await, newer);
}
