//! Places for stores under test.

use std::env;

use cowl_crypto::id::{encode_id, random_bytes};
use cowl_store::{DatabaseConfig, PartsConfig, S3Config, StoreConfig};
use cowl_testkit::store::Stores;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// SQLite and a folder, gone when this is dropped.
pub(crate) struct Embedded {
    folder: tempfile::TempDir,
}

pub(crate) fn embedded() -> Embedded {
    Embedded { folder: tempfile::tempdir().unwrap() }
}

impl Embedded {
    pub(crate) async fn stores(&self) -> Stores {
        Stores::open(StoreConfig::embedded(self.folder.path())).await.unwrap()
    }
}

/// A database of its own on a PostgreSQL server, and a prefix of its own in a bucket.
pub(crate) struct GrownUp {
    server: String,
    database: String,
    config: StoreConfig,
}

/// `None`, and says why, where there are no servers to test with.
pub(crate) async fn grown_up() -> Option<GrownUp> {
    let [Ok(server), Ok(s3)] = ["COWL_TEST_POSTGRES", "COWL_TEST_S3"].map(env::var) else {
        println!("skipped: COWL_TEST_POSTGRES and COWL_TEST_S3 are not both set");
        return None;
    };
    let name = format!("cowl_{}", encode_id(&random_bytes()));
    let mut connection = PgConnection::connect(&server).await.expect("COWL_TEST_POSTGRES answers");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let config = StoreConfig {
        database: DatabaseConfig::Postgres { url: with_database(&server, &name) },
        parts: PartsConfig::S3(bucket(&s3, &name)),
    };
    Some(GrownUp { server, database: name, config })
}

impl GrownUp {
    pub(crate) async fn stores(&self) -> Stores {
        Stores::open(self.config.clone()).await.unwrap()
    }

    /// Sets the isolation of all transactions to come.
    pub(crate) async fn isolate(&self, level: &str) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        let statement =
            format!("ALTER DATABASE {} SET default_transaction_isolation = '{level}'", self.database);
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }

    pub(crate) async fn remove(self) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

/// The URL with another database: what stands between the last slash and the parameters.
fn with_database(url: &str, name: &str) -> String {
    let (base, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = base.rsplit_once('/').expect("postgres://host/database");
    format!("{server}/{name}?{parameters}")
}

/// The bucket of `docs/testing.md`, under a prefix of the test's own.
fn bucket(endpoint: &str, prefix: &str) -> S3Config {
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    S3Config {
        endpoint: Some(endpoint.to_owned()),
        bucket: setting("COWL_TEST_S3_BUCKET", "cowl-test"),
        region: setting("COWL_TEST_S3_REGION", "us-east-1"),
        prefix: prefix.to_owned(),
        access_key: setting("COWL_TEST_S3_ACCESS_KEY", "cowl"),
        secret_key: setting("COWL_TEST_S3_SECRET_KEY", "cowl-secret"),
    }
}
