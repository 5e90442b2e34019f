//! `cowl doctor`: what keeps this device from working, if anything.

use std::fmt;
use std::os::unix::fs::PermissionsExt;

use cowl_api::client::{Client, ClientConfig};
use cowl_vault::{Profile, Vault, VaultError};
use serde::Serialize;

use super::Context;
use crate::columns::printable;
use crate::failure::{self, Failure};
use crate::keeper;
use crate::moment::Moment;
use crate::size::Size;
use crate::style::{BAD, GOOD, QUIET};

pub(super) async fn run(context: &Context) -> failure::Result<()> {
    let mut findings = Findings::default();
    match Profile::open(&context.settings.profile) {
        Err(error) => findings.bad("profile", error),
        Ok(profile) => look_at(context, profile, &mut findings).await,
    }
    context.output.data(&findings)?;
    match findings.checks.iter().filter(|check| !check.good).count() {
        0 => Ok(()),
        1 => Err(Failure::no("one thing is not as it should be")),
        faults => Err(Failure::no(format!("{faults} things are not as they should be"))),
    }
}

async fn look_at(context: &Context, profile: Profile, findings: &mut Findings) {
    let whose =
        profile.handle().map_or_else(|| "nobody has logged in here yet".to_owned(), |it| it.to_string());
    findings.good("profile", format!("{}, {whose}", profile.dir().display()));
    findings.add("privacy", privacy(&profile));
    let cloud = cloud(&profile).await;
    let answers = cloud.is_ok();
    findings.add("cloud", cloud);
    match keeper::fetch(&context.settings.profile) {
        None => findings.good("session", "locked; commands ask for the password"),
        Some(session) => match Vault::resume(profile, &session) {
            Err(error) => findings.bad("session", error),
            Ok(_) if !answers => findings.good("session", "unlocked on this device"),
            Ok(vault) => {
                let session = session_of(&vault).await;
                let lives = session.is_ok();
                findings.add("session", session);
                if lives {
                    findings.add("clock", clock(&vault).await);
                }
            }
        },
    }
}

/// Only the owner may look into the folder.
fn privacy(profile: &Profile) -> Result<String, String> {
    let metadata = std::fs::metadata(profile.dir()).map_err(|error| error.to_string())?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok("only you can read the profile".to_owned()),
        _ => Err(format!("others can look into {0}; run: chmod 700 {0}", profile.dir().display())),
    }
}

/// It answers, and is the one that the account was made at.
async fn cloud(profile: &Profile) -> Result<String, String> {
    let mut config = ClientConfig::new(profile.server_url());
    if let Some(pem) = profile.ca_pem() {
        config = config.trusting(pem);
    }
    let client = Client::new(&config).map_err(|error| error.to_string())?;
    let info = client.server().await.map_err(|error| error.to_string())?;
    match profile.known_server() {
        Some(known) if known.origin != info.origin => {
            Err(format!("{} is not the server that the account was made at", profile.server_url()))
        }
        _ => Ok(format!("{} answers as {}", profile.server_url(), info.origin)),
    }
}

async fn session_of(vault: &Vault) -> Result<String, String> {
    let account = vault.account().await.map_err(|error: VaultError| error.to_string())?;
    Ok(format!("unlocked; {} of {} used", Size(account.used), Size(account.quota)))
}

/// A clock that is behind makes grants that have ended look alive, and the other way round.
async fn clock(vault: &Vault) -> Result<String, String> {
    let events = vault.audit_events().await.map_err(|error| error.to_string())?;
    let newest = events.iter().map(|event| event.at).max();
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    match newest {
        Some(newest) if newest.as_millis() > now + TOLERANCE_MILLIS => Err(format!(
            "this device's clock is behind: the cloud logged something at {}",
            Moment::from(newest)
        )),
        _ => Ok("not behind the cloud's".to_owned()),
    }
}

/// `cowl doctor`
#[derive(Debug, Default, Serialize)]
struct Findings {
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    good: bool,
    text: String,
}

impl Findings {
    fn good(&mut self, name: &'static str, text: impl fmt::Display) {
        self.add(name, Ok(text.to_string()));
    }

    fn bad(&mut self, name: &'static str, text: impl fmt::Display) {
        self.add(name, Err(text.to_string()));
    }

    fn add(&mut self, name: &'static str, outcome: Result<String, String>) {
        let good = outcome.is_ok();
        let (Ok(text) | Err(text)) = outcome;
        self.checks.push(Check { name, good, text });
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, check) in self.checks.iter().enumerate() {
            let (sign, style) = if check.good { ("✓", GOOD) } else { ("✗", BAD) };
            let newline = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{newline}{style}{sign}{style:#} {:<8} {QUIET}{}{QUIET:#}",
                check.name,
                printable(&check.text)
            )?;
        }
        Ok(())
    }
}

/// Clocks that are set by the network differ by less.
const TOLERANCE_MILLIS: u64 = 60_000;
