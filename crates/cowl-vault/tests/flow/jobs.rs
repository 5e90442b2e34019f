//! Jobs over real records: the technique `read`, from plan to evidence, with a vault at each seat.

use std::sync::Arc;

use cowl_domain::{ItemId, JobId, Power, RecordId, Timestamp};
use cowl_job::{
    Clock, Consent, ConsentStatement, ConsentTerms, Driver, Evidence, Failure, JobSpec, Planned, PortError,
    Ports, ReadTechnique, Refusal, Registry, Roster, Seat, Settled, SystemSalts, Technique, Unsettled,
};
use cowl_vault::job::RecordSink;
use cowl_vault::{AddOptions, CodecChoice, Silent, Vault, VaultError};

use crate::assert_matches;
use crate::support::files::noise;
use crate::support::{Party, World};

/// A job of the patient's items for the radiologist, and everybody's view of it.
struct Table {
    spec: JobSpec,
    roster: Roster,
    registry: Registry,
}

impl Table {
    async fn lay(world: &World, record: RecordId, items: &[ItemId]) -> Self {
        let grant = world.patient.share(record, &[], &world.radiologist).await[0].grant;
        let mut named = Vec::new();
        for item in items {
            named.push(world.patient.vault.job_item(record, *item).await.unwrap());
        }
        let registry = Registry::new([Arc::new(ReadTechnique) as Arc<dyn Technique>]);
        let spec = JobSpec {
            job: JobId::from_bytes(cowl_crypto::id::random_bytes()),
            technique: "read".parse().unwrap(),
            program: ReadTechnique::program(),
            power: Power::Read,
            items: named,
            grants: vec![grant],
            receivers: vec![world.radiologist.id()],
        };
        // Each side takes the other's keys from the directory.
        let owner = world.radiologist.vault.party_keys("patient").await.unwrap();
        let receiver = world.patient.vault.party_keys(world.radiologist.handle).await.unwrap();
        let roster = Roster::new([(Seat::DataOwner, owner), (Seat::Receiver, receiver)]).unwrap();
        Self { spec, roster, registry }
    }

    fn planned(&self) -> Planned {
        self.registry.plan(self.spec.clone(), self.roster.clone()).unwrap()
    }

    async fn consent(&self, vault: &Vault, seat: Seat) -> Result<Consent, VaultError> {
        let check = vault.check_job(&self.spec).await?;
        let made_at = vault.now();
        let nonce = cowl_crypto::id::random_bytes();
        let terms = ConsentTerms { made_at, expires_at: made_at.plus_seconds(60), nonce };
        Ok(check.consent(&self.planned(), &vault.participant(seat), terms)?)
    }

    /// One seat's part, its results in `record`.
    async fn run(
        &self,
        vault: &Arc<Vault>,
        record: RecordId,
        own: Consent,
        other: &cowl_domain::Signed<ConsentStatement>,
    ) -> Result<Settled, Unsettled> {
        let participant = vault.participant(own.statement().seat);
        let consented = self.planned().consented(own, std::slice::from_ref(other), vault.now())?;
        let sink = RecordSink::new(Arc::clone(vault), record);
        let ports = Ports { source: &**vault, sink: &sink, clock: &**vault, salts: &SystemSalts };
        let driver = Driver { registry: &self.registry, ledger: &**vault, ports };
        driver.run(consented, &participant).await
    }
}

async fn shared(party: &Party, contents: &[(&str, Vec<u8>)]) -> (RecordId, Vec<ItemId>) {
    let record = party.vault.create_record("shared").await.unwrap();
    let mut items = Vec::new();
    for (name, content) in contents {
        items.push(party.add_bytes(record, name, content).await);
    }
    (record, items)
}

/// The receiver's vault as a sink shares it, and a record for results.
async fn receiver(world: &World) -> (Arc<Vault>, RecordId) {
    let device = world.radiologist.new_device(&world.cloud).await;
    let record = device.vault.create_record("results").await.unwrap();
    // The folder outlives the test's look at the party.
    std::mem::forget(device.device);
    (Arc::new(device.vault), record)
}

async fn content(vault: &Vault, record: RecordId, item: ItemId) -> Vec<u8> {
    let mut bytes = Vec::new();
    vault.get(record, item, &mut bytes, &Silent).await.unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_job_puts_what_was_granted_into_the_receivers_record_and_proves_it() {
    let world = World::start().await;
    let contents =
        [("note.txt", b"no finding".to_vec()), ("empty.txt", Vec::new()), ("n.bin", noise(5, 200_000))];
    let (record, items) = shared(&world.patient, &contents).await;
    let table = Table::lay(&world, record, &items).await;
    let (vault, results) = receiver(&world).await;
    let owner = world.patient.new_device(&world.cloud).await;
    let owner_vault = Arc::new(owner.vault);

    let owners = table.consent(&owner_vault, Seat::DataOwner).await.unwrap();
    let receivers = table.consent(&vault, Seat::Receiver).await.unwrap();
    let (to_receiver, to_owner) = (owners.signed().clone(), receivers.signed().clone());
    let one = table.run(&owner_vault, record, owners, &to_owner).await.unwrap();
    assert!(one.outcome.outputs.is_empty(), "the owner's machine gives nothing away");
    let settled = table.run(&vault, results, receivers, &to_receiver).await.unwrap();

    let stored = vault.items(results).await.unwrap();
    assert_eq!(stored.len(), items.len());
    for (item, (name, bytes)) in items.iter().zip(&contents) {
        let result = stored.iter().find(|info| info.label.derived_from == Some(*item)).unwrap();
        assert!(content(&vault, results, result.item).await == *bytes, "{name}");
        assert!(settled.outcome.outputs.iter().any(|output| output.digest == result.content), "{name}");
    }
    // The owner checks the receiver's evidence against the job that both consented to.
    let keys = table.roster.keys(Seat::Receiver, world.radiologist.id()).unwrap();
    let evidence: cowl_domain::Verified<Evidence> = settled.evidence.verify(keys).unwrap();
    assert_eq!(ReadTechnique.verify(&evidence, &table.spec).unwrap(), settled.attested);
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_count_once_also_after_the_program_was_started_anew() {
    let world = World::start().await;
    let (record, items) = shared(&world.patient, &[("note.txt", b"note".to_vec())]).await;
    let table = Table::lay(&world, record, &items).await;
    let results = world.radiologist.vault.create_record("results").await.unwrap();
    let owners = table.consent(&world.patient.vault, Seat::DataOwner).await.unwrap().signed().clone();
    let device = world.radiologist.device.path().to_owned();
    for round in 0..2 {
        let profile = cowl_vault::Profile::open(&device).unwrap();
        let vault = Arc::new(Vault::resume(profile, &world.radiologist.vault.to_keeper()).unwrap());
        let own = table.consent(&vault, Seat::Receiver).await.unwrap();
        let ended = table.run(&vault, results, own, &owners).await;
        match round {
            0 => drop(ended.unwrap()),
            _ => assert_matches!(ended, Err(Unsettled::Refused(Refusal::ConsentUsed { .. }))),
        }
        assert_eq!(vault.items(results).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_has_other_keys_now_is_not_the_one_that_was_consented_to() {
    let world = World::start().await;
    let (record, items) = shared(&world.patient, &[("note.txt", b"note".to_vec())]).await;
    let table = Table::lay(&world, record, &items).await;
    let (vault, results) = receiver(&world).await;
    let owners = table.consent(&world.patient.vault, Seat::DataOwner).await.unwrap().signed().clone();
    let own = table.consent(&vault, Seat::Receiver).await.unwrap();
    let other = world.patient.share(record, &[], &world.insurer).await[0].grant;
    world.patient.vault.revoke(&[other]).await.unwrap();
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    let failed = table.run(&vault, results, own, &owners).await.unwrap_err();
    let item = items[0];
    assert_matches!(
        failed,
        Unsettled::Failed(cowl_job::Failed { cause: Failure::Port(PortError::Changed { item: it }), .. }) if it == item
    );
    assert!(vault.items(results).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_under_a_grant_that_was_taken_back_gets_no_consent_and_no_bytes() {
    let world = World::start().await;
    let (record, items) = shared(&world.patient, &[("note.txt", b"note".to_vec())]).await;
    let table = Table::lay(&world, record, &items).await;
    let (vault, results) = receiver(&world).await;
    let owners = table.consent(&world.patient.vault, Seat::DataOwner).await.unwrap().signed().clone();
    let own = table.consent(&vault, Seat::Receiver).await.unwrap();
    world.patient.vault.revoke(&table.spec.grants).await.unwrap();
    assert_matches!(
        table.consent(&world.patient.vault, Seat::DataOwner).await,
        Err(VaultError::Job(Refusal::GrantRevoked { .. }))
    );
    let failed = table.run(&vault, results, own, &owners).await.unwrap_err();
    assert_matches!(
        failed,
        Unsettled::Failed(cowl_job::Failed { cause: Failure::Port(PortError::Missing { .. }), .. })
    );
    assert!(vault.items(results).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_does_not_fit_into_memory_passes_as_a_stream() {
    let world = World::start().await;
    let large = noise(9, (32 << 20) + 4321);
    let record = world.patient.vault.create_record("shared").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.bin");
    std::fs::write(&path, &large).unwrap();
    let options = AddOptions { codec: CodecChoice::None, ..AddOptions::default() };
    let sources = cowl_vault::Source::gather(&[path]).unwrap();
    world.patient.vault.add(record, sources, &options, &Silent).await.unwrap();
    let item = world.patient.vault.items(record).await.unwrap()[0].item;
    let table = Table::lay(&world, record, &[item]).await;
    let (vault, results) = receiver(&world).await;
    let owners = table.consent(&world.patient.vault, Seat::DataOwner).await.unwrap().signed().clone();
    let own = table.consent(&vault, Seat::Receiver).await.unwrap();
    let settled = table.run(&vault, results, own, &owners).await.unwrap();
    let stored = &vault.items(results).await.unwrap()[0];
    assert_eq!((stored.size, stored.content), (large.len() as u64, settled.outcome.outputs[0].digest));
    assert!(content(&vault, results, stored.item).await == large);
    assert!(Timestamp::from_millis(0) < stored.sealed_at);
}
