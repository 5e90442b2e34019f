//! A person with one device.

use cowl_crypto::sign::SigningKey;
use cowl_domain::{ItemId, PartyId, Power, Powers, Purpose, RecordId, Role, Signed, Statement};
use cowl_seal::{XWingIdentity, XWingRecipient};
use cowl_vault::view::{AddReport, Added, GrantInfo};
use cowl_vault::{
    AddOptions, GrantSpec, NewAccount, Password, Profile, RecoveryKit, Result, Silent, Source, Vault, account,
};
use tempfile::TempDir;

use super::{Cloud, Mallory};

/// Somebody with a profile, an unlocked vault, and a proxy between it and the cloud.
pub struct Party {
    pub handle: &'static str,
    pub device: TempDir,
    pub vault: Vault,
    pub mallory: Mallory,
}

/// Everybody's password; the server never learns that they are equal.
pub const PASSWORD: &str = "correct horse battery staple";

pub fn password() -> Password {
    Password::new(PASSWORD.into())
}

/// Registers on a fresh device.
pub async fn register(
    folder: &TempDir,
    url: &str,
    handle: &str,
    role: Role,
    password: &Password,
) -> Result<(Vault, RecoveryKit)> {
    let mut profile = Profile::create(folder.path(), url, None)?;
    let new = NewAccount { handle: handle.parse().unwrap(), email: None, role };
    account::register(&mut profile, new, password).await
}

/// What a grant says unless a test cares.
pub fn grant_spec(record: RecordId, items: &[ItemId], grantee: &str) -> GrantSpec {
    GrantSpec {
        record,
        items: items.to_vec(),
        grantee: grantee.to_owned(),
        powers: Powers::of([Power::Read]),
        compute: None,
        purpose: Purpose::Treatment,
        expires_at: None,
        note: None,
    }
}

impl Party {
    /// The next command on the same device: nothing is in memory, the local state is on disk.
    #[must_use]
    pub fn reopen(self) -> Self {
        let vault =
            Vault::resume(Profile::open(self.device.path()).unwrap(), &self.vault.to_keeper()).unwrap();
        Self { vault, ..self }
    }

    /// Another device of the same party, behind another proxy, that has seen nothing yet.
    pub async fn new_device(&self, cloud: &Cloud) -> Self {
        let device = tempfile::tempdir().unwrap();
        let mallory = Mallory::before(cloud).await;
        let secret = std::fs::read(self.device.path().join("device.secret")).unwrap();
        let settings = std::fs::read_to_string(self.device.path().join("profile.toml")).unwrap();
        std::fs::write(device.path().join("device.secret"), secret).unwrap();
        std::fs::write(
            device.path().join("profile.toml"),
            settings.replace(&self.mallory.url(), &mallory.url()),
        )
        .unwrap();
        let vault = Vault::resume(Profile::open(device.path()).unwrap(), &self.vault.to_keeper()).unwrap();
        Self { handle: self.handle, device, vault, mallory }
    }

    pub fn id(&self) -> PartyId {
        self.vault.party_id()
    }

    /// The key that this party signs with; read out of what the vault gives to its session keeper.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seeds().0)
    }

    /// The key to which others seal for this party.
    pub fn recipient(&self) -> XWingRecipient {
        XWingIdentity::from_seed(&self.seeds().1).recipient().clone()
    }

    /// The seeds of both keys.
    pub fn seeds(&self) -> ([u8; 32], [u8; 32]) {
        let keeper = self.vault.to_keeper();
        let mut form = minicbor::Decoder::new(&keeper);
        form.array().unwrap();
        form.bytes().unwrap();
        let signing = form.bytes().unwrap().try_into().unwrap();
        (signing, form.bytes().unwrap().try_into().unwrap())
    }

    /// A statement with this party's signature, whatever it says.
    pub fn sign<T: Statement>(&self, statement: &T) -> Vec<u8> {
        Signed::sign(statement, self.id(), 0, &self.signing_key()).to_bytes()
    }

    pub async fn add_bytes(&self, record: RecordId, name: &str, content: &[u8]) -> ItemId {
        self.add_with(record, name, content, &AddOptions::default()).await
    }

    pub async fn add_with(
        &self,
        record: RecordId,
        name: &str,
        content: &[u8],
        options: &AddOptions,
    ) -> ItemId {
        let report = self.try_add(record, name, content, options).await.unwrap();
        match &report.files[0].1 {
            Added::Sealed(item) | Added::Unchanged(item) | Added::Replaced { new: item, .. } => *item,
            Added::Refused(reason) => panic!("{name} was not taken in: {reason}"),
        }
    }

    pub async fn try_add(
        &self,
        record: RecordId,
        name: &str,
        content: &[u8],
        options: &AddOptions,
    ) -> Result<AddReport> {
        self.vault.add(record, vec![Source::bytes(name, content.to_vec())], options, &Silent).await
    }

    pub async fn get(&self, record: RecordId, item: ItemId) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        self.vault.get(record, item, &mut content, &Silent).await?;
        Ok(content)
    }

    pub async fn share(&self, record: RecordId, items: &[ItemId], grantee: &Self) -> Vec<GrantInfo> {
        self.vault.grant(&grant_spec(record, items, grantee.handle)).await.unwrap()
    }

    /// The names of what can be seen in a record.
    pub async fn names(&self, record: RecordId) -> Result<Vec<String>> {
        Ok(self.vault.items(record).await?.into_iter().map(|info| info.label.name).collect())
    }
}
