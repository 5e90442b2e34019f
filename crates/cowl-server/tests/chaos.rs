//! kill -9 at random moments: what was acknowledged is there, what was not is there wholly or not at all.

mod world;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cowl_api::Client;
use cowl_crypto::id::random_bytes;
use cowl_crypto::merkle::verify_consistency;
use cowl_domain::{CheckpointRef, ItemsRoot, RecordHead, Signed};
use world::{OwnedRecord, Person, SealedItem, client_of};

/// How often the server is killed.
const KILLS: usize = 8;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(folder: &Path) -> (Process, Client) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cowl-server"))
        .args(["run", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    (Process(child), client_of(ready["listening"].as_str().unwrap()))
}

/// Uploads and commits until the server is gone; returns the item whose commit nobody acknowledged.
async fn work_until_killed(
    owner: &Person,
    record: &mut OwnedRecord,
    acknowledged: &mut Vec<SealedItem>,
) -> SealedItem {
    loop {
        let item = SealedItem::new(record.id, &[10, 20_000]);
        if owner.client.upload_parts(&record.id, item.parts.clone()).await.is_err() {
            return item;
        }
        let before = (record.sequence, record.items.clone());
        let commit = record.adding(owner, &[&item]);
        if owner.client.commit(&record.id, &commit).await.is_err() {
            (record.sequence, record.items) = before;
            return item;
        }
        acknowledged.push(item);
    }
}

/// The owner's view follows the server where it got further than it could say.
async fn catch_up(owner: &Person, record: &mut OwnedRecord, doubtful: &SealedItem) {
    let head =
        Signed::<RecordHead>::from_bytes(&owner.client.record(&record.id).await.unwrap().head.0).unwrap();
    let head = head.verify(&owner.binding.keys).unwrap();
    if head.sequence == record.sequence + 1 {
        record.sequence += 1;
        record.items.insert(doubtful.id, doubtful.digest(owner));
    }
    assert_eq!(head.sequence, record.sequence);
    let tree = ItemsRoot::new(record.items.iter().map(|(item, digest)| (*item, *digest)));
    assert_eq!(head.items_root, tree.root());
}

/// All that was acknowledged, byte for byte.
async fn read_back(owner: &Person, record: &OwnedRecord, items: &[SealedItem]) {
    let listed = owner.client.items(&record.id, None, 1000).await.unwrap();
    assert_eq!(listed.items.len(), record.items.len());
    for item in items {
        let ticket = owner.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
        let names: Vec<_> = item.parts.iter().map(|(name, _, _)| *name).collect();
        let parts = owner.client.fetch_parts(&ticket, &names).await.unwrap().collect().await.unwrap();
        let expected: Vec<_> = item.parts.iter().map(|(name, _, bytes)| (*name, bytes.clone())).collect();
        assert_eq!(parts, expected);
    }
}

async fn checkpoint(client: &Client) -> CheckpointRef {
    let server = client.server().await.unwrap();
    let key = cowl_crypto::sign::VerifyingKey::from_bytes(server.log_key.0.try_into().unwrap());
    let note = client.checkpoint().await.unwrap();
    let checkpoint = cowl_crypto::log::open_checkpoint(&note, &server.origin, &key).unwrap();
    CheckpointRef { size: checkpoint.size, root: checkpoint.root }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, mut client) = spawn(folder.path());
    let mut owner = Person::register(&client, "patient").await;
    let token = owner.log_in().await.unwrap().token.0;
    let mut record = OwnedRecord::create(&owner).await;
    let mut acknowledged = Vec::new();
    for _ in 0..KILLS {
        let seen = checkpoint(&client).await;
        let [random] = random_bytes::<1>();
        let killer = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50 + u64::from(random))).await;
            drop(process);
        });
        let doubtful = work_until_killed(&owner, &mut record, &mut acknowledged).await;
        killer.await.unwrap();

        (process, client) = spawn(folder.path());
        owner.client = client.with_token(&token);
        catch_up(&owner, &mut record, &doubtful).await;
        let now = checkpoint(&client).await;
        let proof = client.consistency(seen.size, now.size).await.unwrap();
        verify_consistency(seen.size, seen.root, now.size, now.root, &proof).unwrap();
    }
    assert!(!acknowledged.is_empty());
    read_back(&owner, &record, &acknowledged).await;
    drop(process);
}
