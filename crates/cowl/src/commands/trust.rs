//! Before the first grant to a party: are these its keys?

use cowl_vault::Vault;
use cowl_vault::view::{PartyCard, Trust};

use super::Context;
use crate::columns::printable;
use crate::failure::{Failure, Result};
use crate::secret_input;

/// Makes sure that somebody compared the party's fingerprint, has dealt with it before, or wants to go
/// ahead without.
///
/// # Errors
/// When the person says no, or there is nobody to ask.
pub(super) async fn confirm(
    context: &Context,
    vault: &Vault,
    party: &str,
    trust_first_use: bool,
) -> Result<PartyCard> {
    let card = vault.party(party).await?;
    if card.trust != Trust::FirstUse
        || trust_first_use
        || context.settings.yes
        || has_grant(vault, &card).await?
    {
        return Ok(card);
    }
    let (first, second) = halves(&card.fingerprint.to_string());
    let question = format!(
        "This is the first grant to {}. Its fingerprint is\n\n    {first}\n    {second}\n\n\
         Ask {} over another channel. Are these the digits?",
        printable(card.handle.as_str()),
        printable(card.handle.as_str()),
    );
    match secret_input::confirm(&question) {
        Some(true) => {
            let verified = vault.verify_party(party, &card.fingerprint).await?;
            verified.ok_or_else(|| Failure::no("the keys have changed in the meantime"))
        }
        Some(false) => Err(Failure::no("nothing was shared")),
        None => Err(Failure::no(format!("nobody has compared the fingerprint of {} yet", card.handle))
            .with_hint(format!(
                "compare it: cowl party verify {} FINGERPRINT; or go without: --trust-first-use",
                card.handle
            ))),
    }
}

async fn has_grant(vault: &Vault, card: &PartyCard) -> Result<bool> {
    let me = vault.me().handle;
    Ok(vault.grants().await?.iter().any(|grant| grant.owner == me && grant.grantee == card.handle))
}

fn halves(fingerprint: &str) -> (String, String) {
    let (first, second) = fingerprint.split_at(fingerprint.len().div_ceil(2));
    (first.trim().to_owned(), second.trim().to_owned())
}
