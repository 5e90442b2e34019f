//! kill -9 at random moments: what was acknowledged is there, what was not is there wholly or not at all.
#![allow(clippy::unwrap_used)]

mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cowl_api::Client;
use cowl_api::types::NewGrants;
use cowl_crypto::id::random_bytes;
use cowl_crypto::log::open_checkpoint;
use cowl_crypto::merkle::verify_consistency;
use cowl_crypto::sign::VerifyingKey;
use cowl_domain::{CheckpointRef, GrantId, ItemsRoot, Power, RecordHead, Scope, Signed};
use world::{OwnedRecord, Person, SealedItem, fresh, grant_of, revocation_of, shared_stores, spawn};

/// How often the server is killed.
const KILLS: usize = 8;

/// What the server has acknowledged so far.
struct Acknowledged {
    owner: Person,
    reader: Person,
    record: OwnedRecord,
    items: Vec<SealedItem>,
    grants: Vec<GrantId>,
    revoked: Vec<GrantId>,
}

impl Acknowledged {
    async fn begin(client: &Client) -> Self {
        let owner = Person::register(client, &fresh("patient")).await;
        let reader = Person::register(client, &fresh("reader")).await;
        let record = OwnedRecord::create(&owner).await;
        Self { owner, reader, record, items: Vec::new(), grants: Vec::new(), revoked: Vec::new() }
    }

    /// Works until the server is gone; returns an item whose commit nobody acknowledged.
    async fn work_until_killed(&mut self) -> Option<SealedItem> {
        loop {
            if let Some(doubtful) = self.add_item().await {
                return Some(doubtful);
            }
            if !self.grant_and_revoke().await {
                return None;
            }
        }
    }

    async fn add_item(&mut self) -> Option<SealedItem> {
        let (owner, record) = (&self.owner, &mut self.record);
        let item = SealedItem::new(record.id, &[10, 20_000]);
        if owner.client.upload_parts(&record.id, item.parts.clone()).await.is_err() {
            return Some(item);
        }
        let before = (record.sequence, record.items.clone());
        let commit = record.adding(owner, &[&item]);
        if owner.client.commit(&record.id, &commit).await.is_err() {
            (record.sequence, record.items) = before;
            return Some(item);
        }
        self.items.push(item);
        None
    }

    async fn grant_and_revoke(&mut self) -> bool {
        let (owner, record) = (&self.owner, &self.record);
        let (id, grant) = grant_of(owner, record, Scope::Record, &self.reader, &[Power::Read], None);
        if owner.client.make_grants(&NewGrants { grants: vec![grant] }).await.is_err() {
            return false;
        }
        self.grants.push(id);
        if owner.client.revoke(&id, &revocation_of(owner, record, id)).await.is_err() {
            return false;
        }
        self.revoked.push(id);
        true
    }

    /// The owner's view follows the server where it got further than it could say.
    async fn catch_up(&mut self, doubtful: Option<&SealedItem>) {
        let (owner, record) = (&self.owner, &mut self.record);
        let stored = owner.client.record(&record.id).await.unwrap();
        let head =
            Signed::<RecordHead>::from_bytes(&stored.head.0).unwrap().verify(&owner.binding.keys).unwrap();
        if head.sequence == record.sequence + 1 {
            let doubtful = doubtful.expect("only a commit without an answer can be ahead");
            record.sequence += 1;
            record.items.insert(doubtful.id, doubtful.digest(owner));
        }
        assert_eq!(head.sequence, record.sequence);
        let tree = ItemsRoot::new(record.items.iter().map(|(item, digest)| (*item, *digest)));
        assert_eq!(head.items_root, tree.root());
    }

    async fn check_all(&self) {
        let listed = self.owner.client.items(&self.record.id, None, 1000).await.unwrap();
        assert_eq!(listed.items.len(), self.record.items.len());
        for item in &self.items {
            self.read_back(item).await;
        }
        let grants = self.owner.client.grants().await.unwrap();
        for id in &self.grants {
            let grant = grants.iter().find(|grant| grant.grant_id == id.to_string()).unwrap();
            assert!(grant.revocation.is_some() || !self.revoked.contains(id));
        }
    }

    /// Byte for byte.
    async fn read_back(&self, item: &SealedItem) {
        let client = &self.owner.client;
        let ticket = client.read_items(&self.record.id, &[item.id]).await.unwrap().ticket.0;
        let names: Vec<_> = item.parts.iter().map(|(name, _, _)| *name).collect();
        let parts = client.fetch_parts(&ticket, &names).await.unwrap().collect().await.unwrap();
        let expected: Vec<_> = item.parts.iter().map(|(name, _, bytes)| (*name, bytes.clone())).collect();
        assert_eq!(parts, expected);
    }
}

async fn checkpoint(client: &Client) -> CheckpointRef {
    let server = client.server().await.unwrap();
    let key = VerifyingKey::from_bytes(server.log_key.0.try_into().unwrap());
    let checkpoint = open_checkpoint(&client.checkpoint().await.unwrap(), &server.origin, &key).unwrap();
    CheckpointRef { size: checkpoint.size, root: checkpoint.root }
}

async fn check_log(client: &Client, seen: CheckpointRef) {
    let now = checkpoint(client).await;
    let proof = client.consistency(seen.size, now.size).await.unwrap();
    verify_consistency(seen.size, seen.root, now.size, now.root, &proof).unwrap();
}

async fn survive(arguments: &[PathBuf]) {
    let (mut process, mut client) = spawn(arguments);
    let mut acknowledged = Acknowledged::begin(&client).await;
    let token = acknowledged.owner.log_in().await.unwrap().token.0;
    for _ in 0..KILLS {
        let seen = checkpoint(&client).await;
        let [random] = random_bytes::<1>();
        let killer = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50 + u64::from(random))).await;
            drop(process);
        });
        let doubtful = acknowledged.work_until_killed().await;
        killer.await.unwrap();
        (process, client) = spawn(arguments);
        acknowledged.owner.client = client.with_token(&token);
        acknowledged.catch_up(doubtful.as_ref()).await;
        check_log(&client, seen).await;
    }
    assert!(!acknowledged.items.is_empty());
    acknowledged.check_all().await;
    drop(process);
}

fn arguments(option: &str, path: &Path) -> [PathBuf; 2] {
    [option.into(), path.into()]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_embedded_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    survive(&arguments("--data", folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_on_postgresql_and_s3_when_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(config) = shared_stores(folder.path()) {
        survive(&arguments("--config", &config)).await;
    }
}
