//! `cowl key …`

use std::fmt;

use cowl_seal::age::{Identity, X25519Identity, read_identities};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;
use super::party::write_secret;
use crate::args::{ExportKeyArguments, MakeKeyArguments, RecipientArguments};
use crate::failure::{Failure, Result};
use crate::secret_input::{self, is_stdin};
use crate::session;

pub(super) fn make(context: &Context, arguments: &MakeKeyArguments) -> Result<()> {
    let identity =
        if arguments.classic { Identity::X25519(X25519Identity::make()) } else { Identity::make() };
    let recipient = recipient_of(&identity)?;
    let secret =
        identity.expose_string().ok_or_else(|| Failure::usage("a passphrase has no written form"))?;
    let created = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    // Comment lines as other age programs write them.
    let text = Zeroizing::new(format!("# created: {created}\n# public key: {recipient}\n{}\n", *secret));
    let to_stdout = is_stdin(&arguments.output);
    if !to_stdout && arguments.output.exists() {
        return Err(Failure::usage(format!(
            "{}: there is a file already; a key in it would be lost",
            arguments.output.display()
        )));
    }
    write_secret(Some(&arguments.output), text.as_bytes())?;
    if to_stdout { Ok(()) } else { context.output.data(&Recipients { recipients: vec![recipient] }) }
}

pub(super) async fn export(context: &Context, arguments: &ExportKeyArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let text = Zeroizing::new(format!(
        "# public key: {}\n{}\n",
        vault.export_recipient(),
        *vault.export_identity()?
    ));
    write_secret(Some(&arguments.output), text.as_bytes())
}

pub(super) async fn recipient(context: &Context, arguments: &RecipientArguments) -> Result<()> {
    let recipients = match &arguments.identity {
        None => vec![session::unlock(context).await?.export_recipient()],
        Some(path) => {
            let text = secret_input::file_text(path)?;
            let identities = read_identities(&text)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            identities.iter().map(recipient_of).collect::<Result<Vec<_>>>()?
        }
    };
    context.output.data(&Recipients { recipients })
}

fn recipient_of(identity: &Identity) -> Result<String> {
    let recipient = identity.recipient().ok_or_else(|| Failure::usage("a passphrase has no recipient"))?;
    Ok(recipient.to_string())
}

/// `cowl key make -o` and `cowl key recipient`
#[derive(Debug, Serialize)]
struct Recipients {
    recipients: Vec<String>,
}

impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.recipients.join("\n"))
    }
}
