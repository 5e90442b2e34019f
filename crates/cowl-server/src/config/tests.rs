use super::*;

fn refusal(text: &str) -> String {
    ServerConfig::parse(text).unwrap_err()
}

#[test]
fn an_empty_file_is_the_embedded_default() {
    let config = ServerConfig::parse("").unwrap();
    assert!(config.listen.ip().is_loopback());
    assert_eq!(config.database, Database::Sqlite { path: None });
    assert_eq!(config.parts, Parts::Folder { path: None });
    config.check().unwrap();
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    assert!(refusal("lisen = '127.0.0.1:1'").contains("lisen"));
    assert!(refusal("[limits]\nmax_uplod = 1").contains("max_uplod"));
    assert!(refusal("[tls]\ncertificate = 'c'\nkey = 'k'\nextra = 1").contains("extra"));
    assert!(refusal("[database]\nkind = 'sqlite'\nurl = 'x'").contains("url"));
    assert!(refusal("[log]\nlevel = 'info'").contains("level"));
}

#[test]
fn plain_http_beyond_this_machine_needs_a_word() {
    let open = ServerConfig::parse("listen = '0.0.0.0:80'").unwrap();
    assert!(matches!(open.check(), Err(ConfigError::Unsound(_))));
    let allowed = ServerConfig::parse("listen = '0.0.0.0:80'\nallow_plain_http = true").unwrap();
    allowed.check().unwrap();
    let tls = ServerConfig::parse("listen = '0.0.0.0:443'\n[tls]\ncertificate = 'c'\nkey = 'k'").unwrap();
    tls.check().unwrap();
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let same = "listen = '127.0.0.1:7750'\n[metrics]\nlisten = '127.0.0.1:7750'";
    assert!(matches!(ServerConfig::parse(same).unwrap().check(), Err(ConfigError::Unsound(_))));
    let apart = "listen = '127.0.0.1:7750'\n[metrics]\nlisten = '127.0.0.1:7751'";
    ServerConfig::parse(apart).unwrap().check().unwrap();
    assert!(refusal("[metrics]\nlisten = '127.0.0.1:1'\ntoken = 'x'").contains("token"));
}

#[test]
fn an_upload_must_fit_in_the_memory_for_uploads() {
    let config = ServerConfig::parse("[limits]\nmax_upload = 10\nupload_memory = 9").unwrap();
    assert!(matches!(config.check(), Err(ConfigError::Unsound(_))));
}

#[test]
fn secrets_are_named_and_not_written() {
    let config =
        ServerConfig::parse("[database]\nkind = 'postgres'\nurl = { env = 'COWL_NO_SUCH_VARIABLE' }")
            .unwrap();
    let error = config.store().unwrap_err();
    assert!(error.to_string().contains("COWL_NO_SUCH_VARIABLE"));
    assert!(refusal("[database]\nkind = 'postgres'\nurl = 'postgres://u:p@h/d'").contains("database"));
}

#[test]
fn a_secret_file_is_read_without_its_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "word\n").unwrap();
    assert_eq!(SecretSource::File(path.clone()).read("a test").unwrap(), "word");
    std::fs::write(&path, "\n").unwrap();
    assert!(SecretSource::File(path).read("a test").is_err());
}

#[test]
fn the_sample_files_of_the_documents_can_be_used() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for name in ["cowl-server.toml", "cowl-server-postgres-s3.toml"] {
        ServerConfig::read(&docs.join(name)).unwrap();
    }
}

#[test]
fn the_embedded_sample_file_shows_the_defaults() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let sample = ServerConfig::read(&docs.join("cowl-server.toml")).unwrap();
    let shown = ServerConfig { origin: None, ..sample };
    assert_eq!(format!("{shown:?}"), format!("{:?}", ServerConfig::default()));
}
