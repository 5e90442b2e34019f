//! New profiles: which server, trusted how.

use cowl_vault::Profile;

use super::Context;
use crate::args::ServerArguments;
use crate::failure::{Failure, Result};

/// Makes the profile's folder.
///
/// # Errors
/// When no server was named, its certificate cannot be read, or there is a profile already.
pub(super) fn create(context: &Context, server: &ServerArguments) -> Result<Profile> {
    let url = server.server.as_deref().or(context.settings.server.as_deref()).ok_or_else(|| {
        Failure::usage("which cloud? no server was named")
            .with_hint("add --server URL, set COWL_SERVER, or write it into the settings file")
    })?;
    let ca = server.ca.as_ref().or(context.settings.ca.as_ref());
    let pem = ca.map(|path| std::fs::read(path).map_err(|error| Failure::file(path, error))).transpose()?;
    Ok(Profile::create(&context.settings.profile, url, pem.as_deref())?)
}

/// The profile of a device that is known, or a new one.
///
/// # Errors
/// Those of [`create`], and a profile that cannot be read.
pub(super) fn open_or_create(context: &Context, server: &ServerArguments) -> Result<Profile> {
    match Profile::open(&context.settings.profile) {
        Ok(profile) => Ok(profile),
        Err(_) if !has_something(context) => create(context, server),
        Err(error) => Err(error.into()),
    }
}

/// For registration: a profile that nobody uses yet.
///
/// # Errors
/// Those of [`open_or_create`]; a profile that has a party.
pub(super) fn unused(context: &Context, server: &ServerArguments) -> Result<Profile> {
    let profile = open_or_create(context, server)?;
    match profile.handle() {
        None => Ok(profile),
        Some(handle) => Err(Failure::usage(format!("this profile belongs to {handle} already"))
            .with_hint("name another one: cowl --profile NAME party register …")),
    }
}

fn has_something(context: &Context) -> bool {
    std::fs::read_dir(&context.settings.profile).is_ok_and(|mut entries| entries.next().is_some())
}
