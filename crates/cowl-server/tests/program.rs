//! The program as an operator meets it.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cowl_api::{Client, ClientConfig, ClientError};
use world::{OwnedRecord, Person, client_of};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cowl-server"));
    command.current_dir(folder).env_remove("COWL_SERVER_CONFIG");
    command
}

fn spawn(folder: &Path, arguments: &[&str]) -> (Child, String) {
    let mut child = program(folder)
        .arg("run")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    (child, ready["listening"].as_str().unwrap().to_owned())
}

/// Ends the program as an operator would, and returns what it logged.
fn terminate(mut child: Child) -> (bool, String) {
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let success = child.wait().unwrap().success();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    (success, log)
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_in_an_empty_folder_says_where_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (child, url) = spawn(folder.path(), &["--data", "cloud", "--listen", "127.0.0.1:0"]);
    client_of(&url).ready().await.unwrap();
    let (success, log) = terminate(child);
    assert!(success, "{log}");
    assert!(log.contains("stopped"));
    assert!(folder.path().join("cloud/secrets/opaque").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_log_holds_no_names_identifiers_tokens_or_queries() {
    let folder = tempfile::tempdir().unwrap();
    let (child, url) = spawn(folder.path(), &["--data", "cloud", "--listen", "127.0.0.1:0"]);
    let owner = Person::register(&client_of(&url), "planted-handle").await;
    let token = owner.log_in().await.unwrap().token;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    owner.client.read_items(&record.id, &[item.id]).await.unwrap();
    owner.client.parties("planted-prefix", None, 10).await.unwrap();
    owner.client.party("planted-handle").await.unwrap();
    owner.client.party("planted-nobody").await.unwrap_err();
    Person::unregistered(&client_of(&url), "planted-handle").enroll().await.unwrap_err();
    assert!(owner.begin_login(b"planted-password").await.unwrap().is_none());
    let garbage = format!("{url}/planted-path?planted-query=1");
    reqwest::Client::new().post(garbage).body("planted-body").send().await.unwrap();

    let (_, log) = terminate(child);
    assert!(log.contains("/v1/records/{record}/commits"), "{log}");
    assert!(!log.contains("planted"), "{log}");
    let token = serde_json::to_value(token).unwrap();
    let secrets = [
        token.as_str().unwrap().to_owned(),
        owner.party().to_string(),
        record.id.to_string(),
        item.id.to_string(),
        item.parts[0].0.to_string(),
    ];
    assert!(secrets.iter().all(|secret| !log.contains(secret.as_str())), "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a log line is a JSON object");
    }
}

#[test]
fn it_does_not_serve_plain_http_to_others_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let refused = output(folder.path(), &["run", "--data", "cloud", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("allow_plain_http"));
}

#[test]
fn it_names_what_is_wrong_with_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "lissten = 1").unwrap();
    let refused = output(folder.path(), &["check-config", "--config", "bad.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("lissten"));
    let missing = output(folder.path(), &["check-config", "--config", "nowhere.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("nowhere.toml"));
    let good = output(folder.path(), &["check-config", "--data", "cloud"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_the_metrics_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = |metrics: &str| format!("listen = '127.0.0.1:0'\n[metrics]\nlisten = '{metrics}'");
    std::fs::write(folder.path().join("c.toml"), config("127.0.0.1:0")).unwrap();
    let mut command = program(folder.path());
    command.args(["run", "--config", "c.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let answer = reqwest::get(ready["metrics"].as_str().unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(terminate(child).0);
    let same = "listen = '127.0.0.1:7750'\n[metrics]\nlisten = '127.0.0.1:7750'";
    std::fs::write(folder.path().join("c.toml"), same).unwrap();
    let refused = output(folder.path(), &["check-config", "--config", "c.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("metrics.listen"), "{}", text(&refused.stderr));
}

#[test]
fn it_migrates_on_its_own_and_does_not_run_without_where_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), "listen = '127.0.0.1:0'\nmigrate_on_start = false").unwrap();
    let refused = output(folder.path(), &["run", "--config", "c.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("migration"), "{}", text(&refused.stderr));
    assert!(output(folder.path(), &["migrate", "--config", "c.toml"]).status.success());
    let (child, _) = spawn(folder.path(), &["--config", "c.toml"]);
    assert!(terminate(child).0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_tls_to_those_who_trust_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let config = "listen = '127.0.0.1:0'\n[tls]\ncertificate = 'tls.crt'\nkey = 'tls.key'";
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let (child, url) = spawn(folder.path(), &["--config", "c.toml"]);
    assert!(url.starts_with("https://"));

    let trusting = Client::new(&ClientConfig::new(&url).trusting(made.cert.pem().into_bytes())).unwrap();
    let owner = Person::register(&trusting, "patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    record.add(&owner, &[100_000]).await;
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut doubting = ClientConfig::new(&url).trusting(other.cert.pem().into_bytes());
    doubting.attempts = 1;
    let refused = Client::new(&doubting).unwrap().ready().await;
    assert!(matches!(refused, Err(ClientError::Unreachable { .. })), "{refused:?}");
    assert!(terminate(child).0);
}
