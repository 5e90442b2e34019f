//! A table with everybody seated: parties, items, grants, and a machine for each seat.

use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_crypto::sign::SigningKey;
use cowl_domain::party::SEALING_KEY_LENGTH;
use cowl_domain::{
    CheckpointRef, ComputeTerms, Grant, GrantId, ItemId, JobId, PartyId, PartyKeys, Power, Powers, Purpose,
    RecordId, Scope, SealingKey, Signed, Timestamp, Verified,
};
use cowl_job::{
    Consent, ConsentStatement, ConsentTerms, Driver, JobItem, JobSpec, Participant, Planned, Ports, Registry,
    Roster, Seat, Settled, TechniqueId, Unsettled, check_grants,
};

use super::Subject;
use super::memory::{CountingSalts, FixedClock, MemoryLedger, MemorySink, MemorySource};

/// The time on every stage.
pub const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Contents of the items: none, one byte, several pieces.
const SIZES: [usize; 3] = [0, 1, 5432];

/// A party at its seat, with its machine.
pub struct Player {
    /// The seat.
    pub seat: Seat,
    /// Its public keys. The sealing key is no real one; jobs do not seal.
    pub keys: PartyKeys,
    /// Its signing key.
    pub signing: SigningKey,
    /// The items that it could open.
    pub source: MemorySource,
    /// The consents that it has seen used.
    pub ledger: MemoryLedger,
}

impl Player {
    /// The player number `number`: equal numbers give equal keys.
    pub fn new(seat: Seat, number: u8) -> Self {
        let signing = SigningKey::from_seed(&[number; 32]);
        let sealing = SealingKey::from_slice(&[number; SEALING_KEY_LENGTH]).expect("the length is right");
        let verifying = signing.verifying_key();
        let party = PartyKeys::first_id(&verifying, &sealing);
        let keys = PartyKeys { party, version: 0, signing: verifying, sealing, rsa: None };
        Self { seat, keys, signing, source: MemorySource::default(), ledger: MemoryLedger::default() }
    }

    /// The party.
    pub fn party(&self) -> PartyId {
        self.keys.party
    }

    /// The player as a participant of a job.
    pub fn participant(&self) -> Participant<'_> {
        Participant {
            seat: self.seat,
            party: self.party(),
            key_version: self.keys.version,
            signing: &self.signing,
        }
    }
}

/// Everything that a job of a [`Subject`] needs: two owners, three items, two receivers, further seats.
pub struct Stage {
    subject: Subject,
    /// Who sits there.
    pub players: Vec<Player>,
    /// The job.
    pub spec: JobSpec,
    /// The owners' grants to the receivers.
    pub grants: Vec<Verified<Grant>>,
    /// Where all results go.
    pub sink: MemorySink,
    contents: Vec<Vec<u8>>,
}

impl Stage {
    /// A stage for `subject`; equal subjects get equal stages.
    pub fn new(subject: &Subject) -> Self {
        let mut seats = vec![Seat::DataOwner, Seat::DataOwner, Seat::Receiver, Seat::Receiver];
        seats.extend(&subject.further_seats);
        let mut players: Vec<_> = (1..).zip(seats).map(|(number, seat)| Player::new(seat, number)).collect();
        let contents: Vec<Vec<u8>> =
            SIZES.iter().map(|size| (0..*size).map(|place| (place % 251) as u8).collect()).collect();
        let items: Vec<_> =
            (0..).zip(&contents).map(|(number, content)| job_item(&players, number, content)).collect();
        let grants = grants_of(&players, &items, subject.power, &subject.technique.id());
        for player in &mut players {
            player.source = MemorySource::new(items.iter().cloned().zip(contents.iter().cloned()));
        }
        let spec = JobSpec {
            job: JobId::from_bytes([0x10; 16]),
            technique: subject.technique.id(),
            program: subject.program,
            power: subject.power,
            items,
            grants: grants.iter().map(|grant| grant.grant).collect(),
            receivers: of_seat(&players, Seat::Receiver).map(Player::party).collect(),
        };
        Self { subject: subject.clone(), players, spec, grants, sink: MemorySink::default(), contents }
    }

    /// The items' contents.
    pub fn contents(&self) -> Vec<Vec<u8>> {
        self.contents.clone()
    }

    /// A registry with the subject's technique.
    pub fn registry(&self) -> Registry {
        Registry::new([Arc::clone(&self.subject.technique)])
    }

    /// Everybody.
    pub fn roster(&self) -> Roster {
        roster(self.players.iter().map(seated))
    }

    /// Everybody but one.
    pub fn roster_without(&self, absent: usize) -> Roster {
        let present = self.players.iter().enumerate().filter(|(place, _)| *place != absent);
        roster(present.map(|(_, player)| seated(player)))
    }

    /// Everybody, and a dealer whom nobody called.
    pub fn roster_with_a_stranger(&self) -> Roster {
        let stranger = Player::new(Seat::Dealer, 0xfe);
        roster(self.players.iter().map(seated).chain([seated(&stranger)]))
    }

    /// The job, planned.
    pub fn planned(&self) -> Planned {
        let planned = self.registry().plan(self.spec.clone(), self.roster());
        planned.unwrap_or_else(|refusal| panic!("the technique refuses its own subject: {refusal}"))
    }

    /// The consent of one player, good for a minute.
    pub fn consent(&self, player: &Player, planned: &Planned) -> Consent {
        let check =
            check_grants(&self.spec, &self.grants, &[], NOW).expect("the stage's grants cover its job");
        let terms = ConsentTerms { made_at: NOW, expires_at: NOW.plus_seconds(60), nonce: [7; 16] };
        check.consent(planned, &player.participant(), terms).expect("the stage's players sit in its job")
    }

    /// The consents of everybody but `player`.
    pub fn consents_of_others(&self, player: &Player, planned: &Planned) -> Vec<Signed<ConsentStatement>> {
        let others =
            self.players.iter().filter(|other| (other.seat, other.party()) != (player.seat, player.party()));
        others.map(|other| self.consent(other, planned).signed().clone()).collect()
    }

    /// Runs one seat's part, with everybody's consent.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn run(&self, player: &Player, planned: Planned) -> Result<Settled, Unsettled> {
        let (own, others) = (self.consent(player, &planned), self.consents_of_others(player, &planned));
        let consented = planned.consented(own, &others, NOW)?;
        let (clock, salts) = (FixedClock(NOW), CountingSalts::default());
        let ports = Ports { source: &player.source, sink: &self.sink, clock: &clock, salts: &salts };
        let registry = self.registry();
        let driver = Driver { registry: &registry, ledger: &player.ledger, ports };
        driver.run(consented, &player.participant()).await
    }
}

fn roster(seated: impl Iterator<Item = (Seat, PartyKeys)>) -> Roster {
    Roster::new(seated).expect("nobody sits twice on a stage")
}

fn seated(player: &Player) -> (Seat, PartyKeys) {
    (player.seat, player.keys.clone())
}

fn of_seat(players: &[Player], seat: Seat) -> impl Iterator<Item = &Player> {
    players.iter().filter(move |player| player.seat == seat)
}

/// Item `number`; its owner is the first player for the first item, and the second for the others.
fn job_item(players: &[Player], number: u8, content: &[u8]) -> JobItem {
    let owner = usize::from(number != 0);
    JobItem {
        record: RecordId::from_bytes([0x20 + u8::from(number != 0); 16]),
        owner: players[owner].party(),
        item: ItemId::from_bytes([0x30 + number; 16]),
        version: 0,
        placement: Digest::of(&[number]),
        size: content.len() as u64,
    }
}

/// A grant on a whole record, from each owner to each receiver.
pub fn grants_of(
    players: &[Player],
    items: &[JobItem],
    power: Power,
    technique: &TechniqueId,
) -> Vec<Verified<Grant>> {
    let mut records: Vec<_> = items.iter().map(|item| (item.record, item.owner)).collect();
    records.dedup();
    let mut grants = Vec::new();
    for (record, owner) in records {
        let owner = players.iter().find(|player| player.party() == owner).expect("every owner plays");
        for receiver in of_seat(players, Seat::Receiver) {
            let number = 0x40 + grants.len() as u8;
            let mut grant = grant_to(receiver, record, Powers::of([power]));
            grant.grant = GrantId::from_bytes([number; 16]);
            grant.compute = (power == Power::Compute).then(|| any_group(technique));
            let signed = Signed::sign(&grant, owner.party(), owner.keys.version, &owner.signing);
            grants.push(signed.verify(&owner.keys).expect("the owner signed"));
        }
    }
    grants
}

fn any_group(technique: &TechniqueId) -> ComputeTerms {
    ComputeTerms { technique: technique.as_str().to_owned(), minimum_cohort: 1, runs: None, inference: None }
}

/// A grant on a whole record without an end, not yet signed; terms to compute are for the caller to add.
pub fn grant_to(receiver: &Player, record: RecordId, powers: Powers) -> Grant {
    Grant {
        grant: GrantId::from_bytes([0x40; 16]),
        record,
        scope: Scope::Record,
        grantee: receiver.party(),
        grantee_keys: receiver.keys.digest(),
        powers,
        purpose: Purpose::Treatment,
        note: None,
        made_at: NOW,
        expires_at: None,
        checkpoint: CheckpointRef { size: 0, root: Hash::EMPTY },
        compute: None,
    }
}
