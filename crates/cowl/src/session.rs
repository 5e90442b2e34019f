//! How commands come by an unlocked vault.

use cowl_vault::{Password, Profile, Progress, Vault, account};

use crate::commands::{Context, Rekeyed};
use crate::failure::{Failure, Result};
use crate::{keeper, secret_input};

/// The vault of the profile: from the session keeper, or with the password for this one command.
///
/// # Errors
/// When there is no profile, nobody to ask for the password, or the password is wrong.
pub(crate) async fn unlock(context: &Context) -> Result<Vault> {
    let profile = Profile::open(&context.settings.profile)?;
    if let Some(session) = keeper::fetch(&context.settings.profile) {
        return Ok(Vault::resume(profile, &session)?);
    }
    let password = ask(context, &profile)?;
    unlock_with(profile, &password).await
}

/// The vault, after its owner's pending work: a re-keying of an earlier command that was cut or detached, and
/// items that others have appended.
///
/// # Errors
/// Those of [`unlock`], and those of the work.
pub(crate) async fn unlock_and_resume(context: &Context) -> Result<Vault> {
    let vault = unlock(context).await?;
    if vault.pending().await? > 0 {
        context.output.note("doing what waits: re-keying, and taking in what others have appended");
        work(context, &vault, &*context.output.progress()).await?;
    }
    Ok(vault)
}

/// Does an owner's pending work; what had to be removed is named on stderr.
///
/// # Errors
/// Those of the work; what was done until then stays done.
pub(crate) async fn work(context: &Context, vault: &Vault, progress: &dyn Progress) -> Result<Rekeyed> {
    let done = Rekeyed::from(vault.rekey_pending(progress).await?);
    done.warn(context.output);
    Ok(done)
}

/// Hands keys that this command has added to the account to the session keeper, so that the next command
/// has them too. On a device that stays locked the next log-in brings them.
pub(crate) fn keep_renewed(context: &Context, vault: &Vault) {
    let profile = &context.settings.profile;
    if vault.has_renewed_keys() && !keeper::replace(profile, &vault.to_keeper()) {
        // What it holds is out of date.
        keeper::lock(profile);
    }
}

/// The password of this profile's party.
///
/// # Errors
/// When there is nobody to ask.
pub(crate) fn ask(context: &Context, profile: &Profile) -> Result<Password> {
    let prompt = match profile.handle() {
        Some(handle) => format!("Password of {handle}: "),
        None => "Password: ".to_owned(),
    };
    secret_input::password(context.settings.password_file.as_deref(), &prompt)
}

/// The vault of a profile that has a party, with its password.
///
/// # Errors
/// When nobody has registered here, or the password is wrong.
pub(crate) async fn unlock_with(mut profile: Profile, password: &Password) -> Result<Vault> {
    let handle = profile.handle().ok_or_else(|| {
        Failure::no("nobody has registered or logged in on this profile yet")
            .with_hint("begin with: cowl party register HANDLE --server URL")
    })?;
    Ok(account::login(&mut profile, &handle, password, None).await?)
}
