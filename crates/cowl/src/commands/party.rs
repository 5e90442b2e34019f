//! `cowl party …`

use std::fmt;

use cowl_api::ProblemCode;
use cowl_domain::Handle;
use cowl_vault::view::{PartyCard, Trust};
use cowl_vault::{NewAccount, Profile, RecoveryKit, Vault, VaultError, account};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Context, profile};
use crate::args::{
    KitArguments, LoginArguments, PartyCommand, PasswdArguments, RegisterArguments, StayArguments,
    VerifyArguments,
};
use crate::columns::Columns;
use crate::failure::{Failure, Result};
use crate::sink::{Readers, Sink};
use crate::style::{COMMAND, GOOD, QUIET};
use crate::{keeper, secret_input, session};

pub(super) async fn run(context: &Context, command: PartyCommand) -> Result<()> {
    match command {
        PartyCommand::Register(arguments) => register(context, &arguments).await,
        PartyCommand::Login(arguments) => login(context, &arguments).await,
        PartyCommand::Logout => logout(context).await,
        PartyCommand::Lock => lock(context),
        PartyCommand::Passwd(arguments) => passwd(context, &arguments).await,
        PartyCommand::List { prefix } => list(context, &prefix).await,
        PartyCommand::Show { party } => show(context, party.as_deref()).await,
        PartyCommand::Verify(arguments) => verify(context, &arguments).await,
        PartyCommand::Delete => delete(context).await,
        PartyCommand::Kit(arguments) => kit(context, &arguments).await,
    }
}

async fn register(context: &Context, arguments: &RegisterArguments) -> Result<()> {
    let mut profile = profile::unused(context, &arguments.server)?;
    let prompt = format!("New password of {}: ", arguments.handle);
    let file = context.settings.password_file.as_deref();
    let password = secret_input::new_password(file, &prompt, "--password-file")?;
    let account =
        NewAccount { handle: arguments.handle.clone(), email: arguments.email.clone(), role: arguments.role };
    let registered = account::register(&mut profile, account, &password).await;
    let (vault, kit) = registered.map_err(|error| taken(error, &arguments.handle))?;
    if let Some(path) = &arguments.kit {
        write_secret(Some(path), kit.printable(&arguments.handle, &profile.server_url()).as_bytes())?;
    }
    let unlocked = stay_unlocked(context, &vault, &arguments.stay);
    context.output.data(&Entered { party: PartyRow::from(vault.me()), unlocked })?;
    if arguments.kit.is_none() {
        let advice = "without its recovery kit, this device is the only one that can ever open your records";
        context
            .output
            .note(format_args!("{QUIET}{advice}:{QUIET:#} {COMMAND}cowl party kit --print FILE{COMMAND:#}"));
    }
    Ok(())
}

/// The only thing that registration can come too late for.
fn taken(error: VaultError, handle: &Handle) -> Failure {
    match error {
        VaultError::Refused(problem) if problem.code == ProblemCode::Conflict => {
            Failure::no(format!("the handle {handle} is taken")).with_hint("choose another one")
        }
        other => other.into(),
    }
}

async fn login(context: &Context, arguments: &LoginArguments) -> Result<()> {
    let mut profile = profile::open_or_create(context, &arguments.server)?;
    let handle = whom(&profile, arguments.handle.clone())?;
    let kit = arguments.kit.as_deref().map(secret_input::file_text).transpose()?;
    let kit = kit.map(|text| find_kit(&text)).transpose()?;
    let password = {
        let file = context.settings.password_file.as_deref();
        secret_input::password(file, &format!("Password of {handle}: "))?
    };
    let vault = account::login(&mut profile, &handle, &password, kit.as_ref()).await?;
    let unlocked = stay_unlocked(context, &vault, &arguments.stay);
    context.output.data(&Entered { party: PartyRow::from(vault.me()), unlocked })
}

async fn logout(context: &Context) -> Result<()> {
    let profile = Profile::open(&context.settings.profile)?;
    let Some(session) = keeper::fetch(&context.settings.profile) else {
        return context.output.data(&Done { done: "nobody was logged in on this device" });
    };
    let ended = Vault::resume(profile, &session)?.logout().await;
    // The device is locked whatever the cloud says.
    keeper::lock(&context.settings.profile);
    if ended.is_err() {
        context.output.note("this device is locked, but the session lives on at the cloud until it expires");
    }
    ended?;
    context.output.data(&Done { done: "logged out" })
}

fn lock(context: &Context) -> Result<()> {
    let was_unlocked = keeper::lock(&context.settings.profile);
    context.output.data(&Done { done: if was_unlocked { "locked" } else { "it was locked already" } })
}

async fn passwd(context: &Context, arguments: &PasswdArguments) -> Result<()> {
    let profile = Profile::open(&context.settings.profile)?;
    let old = session::ask(context, &profile)?;
    let vault = session::unlock_with(profile, &old).await?;
    let file = arguments.new_password_file.as_deref();
    let new = secret_input::new_password(file, "New password: ", "--new-password-file")?;
    vault.change_password(&old, &new).await?;
    // All sessions have ended with the old password.
    keeper::lock(&context.settings.profile);
    context.output.data(&Done { done: "the password was changed; all devices must log in again" })
}

async fn list(context: &Context, prefix: &str) -> Result<()> {
    let cards = session::unlock(context).await?.parties(prefix).await?;
    context.output.data(&PartyList { parties: cards.into_iter().map(PartyRow::from).collect() })
}

async fn show(context: &Context, party: Option<&str>) -> Result<()> {
    let vault = session::unlock(context).await?;
    let card = match party {
        Some(party) => vault.party(party).await?,
        None => vault.me(),
    };
    context.output.data(&PartyRow::from(card))
}

async fn verify(context: &Context, arguments: &VerifyArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let text = match arguments.fingerprint.join(" ") {
        typed if typed.is_empty() => ask_for_fingerprint(&arguments.party)?,
        typed => typed,
    };
    let fingerprint = text.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    match vault.verify_party(&arguments.party, &fingerprint).await? {
        Some(card) => context.output.data(&PartyRow::from(card)),
        None => Err(Failure::no(format!(
            "this is not the fingerprint of the keys that the cloud shows for {}",
            arguments.party
        ))
        .with_hint(
            "do not share anything with this party; compare once more, over a channel that you trust",
        )),
    }
}

async fn delete(context: &Context) -> Result<()> {
    let profile = Profile::open(&context.settings.profile)?;
    let whose = profile.handle().map_or_else(|| "this account".to_owned(), |handle| handle.to_string());
    let question = format!("Destroy {whose} and its keys? What was sealed can never be opened again.");
    if !context.settings.yes {
        match secret_input::confirm(&question) {
            Some(true) => {}
            Some(false) => return Err(Failure::no("nothing was deleted")),
            None => {
                return Err(Failure::no(
                    "nothing was deleted: there is no terminal to ask whether it is meant",
                )
                .with_hint("if it is: --yes"));
            }
        }
    }
    let password = session::ask(context, &profile)?;
    let vault = session::unlock_with(profile, &password).await?;
    vault.delete_account(&password).await?;
    keeper::lock(&context.settings.profile);
    context.output.data(&Done { done: "the account and its keys are destroyed" })
}

async fn kit(context: &Context, arguments: &KitArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let kit = vault.recovery_kit()?;
    match &arguments.print {
        Some(path) => {
            let server = vault.profile().server_url();
            write_secret(Some(path), kit.printable(&vault.me().handle, &server).as_bytes())
        }
        None => {
            let line = Zeroizing::new(format!("{}\n", *kit.words()));
            write_secret(None, line.as_bytes())
        }
    }
}

/// Writes what only its owner may read.
pub(super) fn write_secret(path: Option<&std::path::Path>, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut sink = Sink::open(path, Readers::Owner)?;
    sink.write_all(bytes)?;
    sink.commit()
}

/// Leaves the session with a keeper, unless that was not wanted. A keeper that does not start is no failure
/// of the log-in.
fn stay_unlocked(context: &Context, vault: &Vault, stay: &StayArguments) -> bool {
    if stay.no_keeper {
        return false;
    }
    let lock_after = stay.lock_after.unwrap_or(context.settings.lock_after);
    match keeper::start(&context.settings.profile, &vault.to_keeper(), lock_after) {
        Ok(()) => true,
        Err(failure) => {
            context.output.note(failure);
            false
        }
    }
}

fn whom(profile: &Profile, named: Option<Handle>) -> Result<Handle> {
    match (profile.handle(), named) {
        (Some(known), Some(named)) if known != named => {
            Err(Failure::usage(format!("this profile belongs to {known}"))
                .with_hint(format!("name another one: cowl --profile NAME party login {named}")))
        }
        (Some(handle), _) | (None, Some(handle)) => Ok(handle),
        (None, None) => Err(Failure::usage("who logs in? name a handle: cowl party login HANDLE --kit FILE")),
    }
}

/// The kit from its bare words, or from the printed sheet, where they stand among other text.
fn find_kit(text: &str) -> Result<RecoveryKit> {
    let words: Vec<&str> =
        text.split_whitespace().filter(|it| it.bytes().all(|byte| byte.is_ascii_alphabetic())).collect();
    let runs = words.windows(KIT_WORDS).map(|run| Zeroizing::new(run.join(" ")));
    let mut kits = runs.filter_map(|run| RecoveryKit::from_words(&run).ok());
    match kits.next() {
        Some(kit) => Ok(kit),
        // Says which word is wrong.
        None if words.len() == KIT_WORDS => Ok(RecoveryKit::from_words(&words.join(" "))?),
        None => {
            Err(Failure::usage(format!("the file has no recovery kit in it, which is {KIT_WORDS} words")))
        }
    }
}

fn ask_for_fingerprint(party: &str) -> Result<String> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("which fingerprint?").with_hint("give its 60 digits as arguments"));
    }
    eprint_prompt(&format!("The 60 digits that {party} reads out to you: "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}

fn eprint_prompt(text: &str) {
    use std::io::Write;
    let _ = write!(anstream::stderr(), "{text}");
}

/// A party as it is printed.
#[derive(Debug, Serialize)]
struct PartyRow {
    party: String,
    handle: String,
    role: &'static str,
    fingerprint: String,
    key_version: u32,
    /// `own`, `verified` or `first-use`.
    trust: &'static str,
    deleted: bool,
}

impl From<PartyCard> for PartyRow {
    fn from(card: PartyCard) -> Self {
        let trust = match card.trust {
            Trust::Own => "own",
            Trust::Verified => "verified",
            Trust::FirstUse => "first-use",
        };
        Self {
            party: card.party.to_string(),
            handle: card.handle.to_string(),
            role: card.role.as_str(),
            fingerprint: card.fingerprint.to_string(),
            key_version: card.key_version,
            trust,
            deleted: card.deleted,
        }
    }
}

impl PartyRow {
    fn trust_in_words(&self) -> &'static str {
        match (self.deleted, self.trust) {
            (true, _) => "deleted",
            (_, "own") => "yourself",
            (_, "verified") => "verified",
            _ => "seen, not compared",
        }
    }
}

impl fmt::Display for PartyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "handle       {}", self.handle)?;
        writeln!(f, "role         {}", self.role)?;
        writeln!(f, "identifier   {}", self.party)?;
        writeln!(f, "keys         version {}, {}", self.key_version, self.trust_in_words())?;
        let (first, second) = self.fingerprint.split_at(self.fingerprint.len().div_ceil(2));
        write!(f, "fingerprint  {}\n             {}", first.trim(), second.trim())
    }
}

/// `cowl party list`
#[derive(Debug, Serialize)]
struct PartyList {
    parties: Vec<PartyRow>,
}

impl fmt::Display for PartyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parties.is_empty() {
            return f.write_str("nobody's handle begins like this");
        }
        let mut table = Columns::new(["handle", "role", "keys", "identifier"]);
        for row in &self.parties {
            let cells = [&row.handle, row.role, row.trust_in_words(), &row.party];
            table.row(cells.map(str::to_owned));
        }
        table.fmt(f)
    }
}

/// `cowl party register` and `cowl party login`
#[derive(Debug, Serialize)]
struct Entered {
    party: PartyRow,
    /// Whether later commands need no password for a while.
    unlocked: bool,
}

impl fmt::Display for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state =
            if self.unlocked { "unlocked" } else { "locked again; commands will ask for the password" };
        write!(f, "{GOOD}✓{GOOD:#} {}, {}\n\n{}", self.party.handle, state, self.party)
    }
}

/// Verbs that only say what they did.
#[derive(Debug, Serialize)]
struct Done {
    done: &'static str,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.done)
    }
}

const KIT_WORDS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn words_of(text: &str) -> Option<String> {
        find_kit(text).ok().map(|kit| kit.words().to_string())
    }

    #[test]
    fn a_kit_is_read_from_its_words_and_from_the_sheet() {
        let kit = RecoveryKit::from_words(WORDS).unwrap();
        let sheet = kit.printable(&"legal".parse().unwrap(), "https://winner.example");
        assert_eq!(words_of(WORDS).as_deref(), Some(WORDS));
        assert_eq!(words_of(&sheet).as_deref(), Some(WORDS));
        assert_eq!(words_of("legal winner thank"), None);
        assert_eq!(words_of(""), None);
    }
}
