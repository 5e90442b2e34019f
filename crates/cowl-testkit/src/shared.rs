//! PostgreSQL and S3 for whole servers, where the environment names them; `cargo xtask test` does.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests, if not marked as such")]

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cowl_crypto::id::{encode_id, random_bytes};

/// Where the two are. All tests share them, so that names must be [`fresh`].
#[derive(Debug, Clone)]
pub struct SharedStores {
    postgres: String,
    s3: String,
}

impl SharedStores {
    /// `None`, said aloud, where there are none.
    pub fn of_environment() -> Option<Self> {
        let (Ok(postgres), Ok(s3)) = (env::var("COWL_TEST_POSTGRES"), env::var("COWL_TEST_S3")) else {
            println!("skipped: COWL_TEST_POSTGRES and COWL_TEST_S3 are not both set");
            return None;
        };
        Some(Self { postgres, s3 })
    }

    /// Where PostgreSQL listens.
    pub fn postgres_address(&self) -> SocketAddr {
        socket(authority(&self.postgres))
    }

    /// Where the S3 server listens.
    pub fn s3_address(&self) -> SocketAddr {
        socket(authority(&self.s3))
    }

    /// The same with PostgreSQL at another address.
    #[must_use]
    pub fn with_postgres_at(&self, address: SocketAddr) -> Self {
        let postgres = self.postgres.replacen(authority(&self.postgres), &address.to_string(), 1);
        Self { postgres, s3: self.s3.clone() }
    }

    /// The same with S3 at another address.
    #[must_use]
    pub fn with_s3_at(&self, address: SocketAddr) -> Self {
        let s3 = self.s3.replacen(authority(&self.s3), &address.to_string(), 1);
        Self { postgres: self.postgres.clone(), s3 }
    }

    /// Writes a configuration of `cowl-server` into `folder`, with a prefix of its own in the bucket.
    pub fn configure(&self, folder: &Path) -> PathBuf {
        let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.into());
        let secret = |name: &str, value: &str| {
            let path = folder.join(name);
            std::fs::write(&path, value).unwrap();
            path
        };
        let text = format!(
            r#"
                listen = "127.0.0.1:0"
                data = {folder:?}
                [database]
                kind = "postgres"
                url = {{ file = {url:?} }}
                [parts]
                kind = "s3"
                endpoint = "{endpoint}"
                bucket = "{bucket}"
                region = "{region}"
                prefix = "{prefix}"
                access_key = {{ file = {access_key:?} }}
                secret_key = {{ file = {secret_key:?} }}
            "#,
            url = secret("database-url", &self.postgres),
            endpoint = self.s3,
            bucket = setting("COWL_TEST_S3_BUCKET", "cowl-test"),
            region = setting("COWL_TEST_S3_REGION", "us-east-1"),
            prefix = fresh("server"),
            access_key = secret("s3-access-key", &setting("COWL_TEST_S3_ACCESS_KEY", "cowl")),
            secret_key = secret("s3-secret-key", &setting("COWL_TEST_S3_SECRET_KEY", "cowl-secret")),
        );
        secret("cowl-server.toml", &text)
    }
}

/// A name that no earlier run on the same database has taken.
pub fn fresh(name: &str) -> String {
    format!("{name}-{}", &encode_id(&random_bytes())[..8])
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    rest.rsplit_once('@').map_or(rest, |(_, authority)| authority)
}

fn socket(authority: &str) -> SocketAddr {
    std::net::ToSocketAddrs::to_socket_addrs(authority).unwrap().next().unwrap()
}
