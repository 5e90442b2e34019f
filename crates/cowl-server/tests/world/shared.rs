//! PostgreSQL and S3, where the environment names them; `cargo xtask test` does.

use std::env;
use std::path::{Path, PathBuf};

use cowl_crypto::id::{encode_id, random_bytes};

/// A configuration file in `folder` for a server on PostgreSQL and S3; `None`, said aloud, where there are none.
pub(crate) fn shared_stores(folder: &Path) -> Option<PathBuf> {
    let (Ok(_), Ok(endpoint)) = (env::var("COWL_TEST_POSTGRES"), env::var("COWL_TEST_S3")) else {
        println!("skipped: COWL_TEST_POSTGRES and COWL_TEST_S3 are not both set");
        return None;
    };
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.into());
    let key = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, setting(name, "test")).unwrap();
        path
    };
    let text = format!(
        r#"
            listen = "127.0.0.1:0"
            data = {folder:?}
            [database]
            kind = "postgres"
            url = {{ env = "COWL_TEST_POSTGRES" }}
            [parts]
            kind = "s3"
            endpoint = "{endpoint}"
            bucket = "{bucket}"
            region = "{region}"
            prefix = "{prefix}"
            access_key = {{ file = {access_key:?} }}
            secret_key = {{ file = {secret_key:?} }}
        "#,
        bucket = setting("COWL_TEST_S3_BUCKET", "cowl-test"),
        region = setting("COWL_TEST_S3_REGION", "us-east-1"),
        prefix = fresh("server"),
        access_key = key("COWL_TEST_S3_ACCESS_KEY"),
        secret_key = key("COWL_TEST_S3_SECRET_KEY"),
    );
    let path = folder.join("cowl-server.toml");
    std::fs::write(&path, text).unwrap();
    Some(path)
}

/// A name that no earlier run on the same database has taken.
pub(crate) fn fresh(name: &str) -> String {
    format!("{name}-{}", &encode_id(&random_bytes())[..8])
}
