//! A cloud with its people, fresh for each test.

use std::sync::LazyLock;

use cowl_domain::Role;
use cowl_vault::{Profile, Vault};
use zeroize::Zeroizing;

use super::files::Files;
use super::party::{Party, password, register};
use super::{Cloud, Mallory};

/// A patient, a radiologist and an insurer; and somebody with an account and bad intentions.
pub struct World {
    pub cloud: Cloud,
    pub patient: Party,
    pub radiologist: Party,
    pub insurer: Party,
    pub attacker: Party,
}

impl World {
    pub async fn start() -> Self {
        let template = tokio::task::spawn_blocking(|| LazyLock::force(&TEMPLATE)).await.unwrap();
        let cloud = Cloud::from_files(&template.cloud).await;
        let [patient, radiologist, insurer, attacker] = &template.people;
        Self {
            patient: patient.enter(&cloud, &template.url).await,
            radiologist: radiologist.enter(&cloud, &template.url).await,
            insurer: insurer.enter(&cloud, &template.url).await,
            attacker: attacker.enter(&cloud, &template.url).await,
            cloud,
        }
    }
}

/// A cloud at which everybody has registered, kept in memory.
struct Template {
    url: String,
    cloud: Files,
    people: [Registered; 4],
}

struct Registered {
    handle: &'static str,
    device: Files,
    keeper: Zeroizing<Vec<u8>>,
}

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let making = || tokio::runtime::Runtime::new().unwrap().block_on(Template::make());
    std::thread::spawn(making).join().unwrap()
});

impl Template {
    async fn make() -> Self {
        let cloud = Cloud::start().await;
        let url = cloud.url();
        let people = [
            Registered::make(&url, "patient", Role::Patient).await,
            Registered::make(&url, "radiologist@city-hospital", Role::Physician).await,
            Registered::make(&url, "insurer", Role::Insurer).await,
            Registered::make(&url, "attacker", Role::Service).await,
        ];
        let folder = cloud.stop().await;
        Self { url, cloud: Files::read_from(folder.path()), people }
    }
}

impl Registered {
    async fn make(url: &str, handle: &'static str, role: Role) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (vault, _) = register(&folder, url, handle, role, &password()).await.unwrap();
        Self { handle, device: Files::read_from(folder.path()), keeper: vault.to_keeper() }
    }

    async fn enter(&self, cloud: &Cloud, old_url: &str) -> Party {
        let (device, mallory) = (tempfile::tempdir().unwrap(), Mallory::before(cloud).await);
        self.device.write_to(device.path());
        let settings = device.path().join("profile.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(&settings, text.replace(old_url, &mallory.url())).unwrap();
        let vault = Vault::resume(Profile::open(device.path()).unwrap(), &self.keeper).unwrap();
        Party { handle: self.handle, device, vault, mallory }
    }
}
