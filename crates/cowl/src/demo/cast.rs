//! Who plays: three parties, each with a device of its own.

use std::io::Write;
use std::path::Path;

use cowl_domain::{Handle, Role};
use cowl_vault::{NewAccount, Password, Profile, Vault, account};

use super::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::sink::{Readers, Sink};

pub(super) const PATIENT: &str = "patient";
pub(crate) const RADIOLOGIST: &str = "radiologist";
pub(super) const INSURER: &str = "insurer";
/// In each party's folder.
pub(super) const PASSWORD_FILE: &str = "password";

/// The parties, registered and unlocked.
pub(crate) struct Cast {
    pub(crate) patient: Vault,
    pub(crate) radiologist: Vault,
    pub(crate) insurer: Vault,
}

impl Cast {
    /// Registers all three.
    pub(crate) async fn register(cloud: &Cloud) -> Result<Self> {
        Ok(Self {
            patient: register(cloud, PATIENT, Role::Patient).await?,
            radiologist: register(cloud, RADIOLOGIST, Role::Physician).await?,
            insurer: register(cloud, INSURER, Role::Insurer).await?,
        })
    }
}

/// Registers somebody, whose password is kept beside the profile.
pub(super) async fn register(cloud: &Cloud, name: &str, role: Role) -> Result<Vault> {
    let folder = cloud.place().join(name);
    let mut profile = Profile::create(&folder, cloud.url(), None)?;
    let handle: Handle = name.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let password = cowl_crypto::id::encode_id(&cowl_crypto::id::random_bytes());
    let account = NewAccount { handle, email: None, role };
    let (vault, _kit) =
        account::register(&mut profile, account, &Password::new(password.clone().into_bytes())).await?;
    keep_password(&folder, &password)?;
    Ok(vault)
}

/// So that who keeps the folder can play on.
fn keep_password(folder: &Path, password: &str) -> Result<()> {
    let path = folder.join(PASSWORD_FILE);
    let mut sink = Sink::open(Some(&path), Readers::Owner)?;
    writeln!(sink, "{password}").map_err(|error| Failure::file(&path, error))?;
    sink.commit()
}
