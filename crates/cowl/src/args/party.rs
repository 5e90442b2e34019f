//! `cowl party …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cowl_domain::{Handle, Role};

use crate::moment::parse_duration;

/// What is to be done with parties.
#[derive(Debug, Subcommand)]
pub(crate) enum PartyCommand {
    /// Make an account at a cloud, with keys that only this device has
    #[command(after_help = REGISTER_EXAMPLES)]
    Register(RegisterArguments),
    /// Unlock this device, and stay unlocked for a while
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(LoginArguments),
    /// End the session at the cloud and lock this device
    Logout,
    /// Lock this device; the session at the cloud stays
    Lock,
    /// Change the password
    Passwd(PasswdArguments),
    /// List the parties of the directory
    List {
        /// Only handles that begin like this
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Show a party and its fingerprint; yourself, without a name
    Show {
        /// Handle or identifier
        party: Option<String>,
    },
    /// Compare a fingerprint that you got over another channel
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Destroy the account and its keys; what was sealed can never be opened again
    Delete,
    /// Print the recovery kit: with it and the password you log in on a new device
    Kit(KitArguments),
}

/// Where the cloud is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArguments {
    /// Address of the cloud
    #[arg(long, value_name = "URL", env = "COWL_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// Certificate (PEM) to trust for it, where it is not a public one
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// `cowl party register`
#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// The name by which others know you, e.g. alice or radiologist@city-hospital
    pub(crate) handle: Handle,
    /// patient, physician, hospital, insurer, researcher, laboratory …
    #[arg(long, default_value = "patient")]
    pub(crate) role: Role,
    /// Optional, and in clear at the cloud
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// Write the recovery kit to a file, to print and to put away
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) stay: StayArguments,
}

/// `cowl party login`
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Whom to log in; needed on a new device only
    pub(crate) handle: Option<Handle>,
    /// The recovery kit, on a new device: its words or the printed sheet ('-' is stdin)
    #[arg(long, value_name = "FILE|-")]
    pub(crate) kit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(flatten)]
    pub(crate) stay: StayArguments,
}

/// How long a device stays unlocked.
#[derive(Debug, Clone, Args)]
pub(crate) struct StayArguments {
    /// Lock after this long without use, e.g. 30m or 8h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) lock_after: Option<Duration>,
    /// Do not stay unlocked: later commands ask for the password
    #[arg(long, conflicts_with = "lock_after")]
    pub(crate) no_keeper: bool,
}

/// `cowl party passwd`
#[derive(Debug, Args)]
pub(crate) struct PasswdArguments {
    /// Read the new password from a file, or from a line of stdin ('-')
    #[arg(long, value_name = "FILE|-")]
    pub(crate) new_password_file: Option<PathBuf>,
}

/// `cowl party verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Handle or identifier
    pub(crate) party: String,
    /// The 60 digits; spaces and hyphens do not matter. Without them you are asked
    pub(crate) fingerprint: Vec<String>,
}

/// `cowl party kit`
#[derive(Debug, Args)]
pub(crate) struct KitArguments {
    /// Write a sheet to print instead of the bare words
    #[arg(long, value_name = "FILE")]
    pub(crate) print: Option<PathBuf>,
}

const REGISTER_EXAMPLES: &str = "\
Examples:
  cowl party register alice --server https://cloud.example --kit kit.txt
  cowl --profile work party register radiologist@city --role physician --server https://cloud.example";

const LOGIN_EXAMPLES: &str = "\
Examples:
  cowl party login --lock-after 8h
  cowl party login alice --server https://cloud.example --kit kit.txt     (a new device)";

const VERIFY_EXAMPLES: &str = "\
Example:
  cowl party verify radiologist@city 36659 07666 80945 02876 48803 33635 11260 73099 96707 42412 42567 02534";
