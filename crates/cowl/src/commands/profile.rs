//! New profiles: which server, trusted how.

use cowl_api::client::{Client, ClientConfig};
use cowl_vault::Profile;

use super::Context;
use crate::args::ServerArguments;
use crate::failure::{Failure, Result};

/// A server as it was named, and found to be an address at least.
struct Named {
    url: String,
    ca_pem: Option<Vec<u8>>,
}

/// The profile of a device that is known, or a new one. A profile without a party goes to the server that is
/// named now: the one before may have been a slip.
///
/// # Errors
/// When a profile cannot be read or made, no server was named for a new one, or what was named is no address
/// or no certificate.
pub(super) fn open_or_create(context: &Context, server: &ServerArguments) -> Result<Profile> {
    match Profile::open(&context.settings.profile) {
        Ok(profile) if profile.handle().is_some() => Ok(profile),
        Ok(mut profile) => {
            if let Some(Named { url, ca_pem }) = named(context, server)? {
                profile.choose_server(&url, ca_pem.as_deref())?;
            }
            Ok(profile)
        }
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

fn create(context: &Context, server: &ServerArguments) -> Result<Profile> {
    let Named { url, ca_pem } = named(context, server)?.ok_or_else(|| {
        Failure::usage("which cloud? no server was named")
            .with_hint("add --server URL, set COWL_SERVER, or write it into the settings file")
    })?;
    Ok(Profile::create(&context.settings.profile, &url, ca_pem.as_deref())?)
}

fn named(context: &Context, server: &ServerArguments) -> Result<Option<Named>> {
    let Some(url) = server.server.clone().or_else(|| context.settings.server.clone()) else {
        return Ok(None);
    };
    let ca = server.ca.as_ref().or(context.settings.ca.as_ref());
    let ca_pem =
        ca.map(|path| std::fs::read(path).map_err(|error| Failure::file(path, error))).transpose()?;
    let mut config = ClientConfig::new(url.clone());
    if let Some(pem) = &ca_pem {
        config = config.trusting(pem.clone());
    }
    Client::new(&config).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(Named { url, ca_pem }))
}

fn has_something(context: &Context) -> bool {
    std::fs::read_dir(&context.settings.profile).is_ok_and(|mut entries| entries.next().is_some())
}
