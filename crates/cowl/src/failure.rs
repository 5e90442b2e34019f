//! Why a command did not end with "yes", and the exit status that says so.

use std::io;
use std::path::{Path, PathBuf};

use cowl_vault::VaultError;

/// The outcome of a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The vault's reason.
    #[error(transparent)]
    Vault(VaultError),
    /// A plain no: not verified, not opened, not confirmed.
    #[error("{text}")]
    No {
        /// What is not.
        text: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The command cannot be meant like this.
    #[error("{text}")]
    Usage {
        /// What is wrong.
        text: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file of this machine.
    #[error("{}: {}", path.display(), in_words(source))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard streams and the like.
    #[error("{0}")]
    Stream(#[from] io::Error),
    /// Ctrl-C, where something catches the signal that ends the process otherwise.
    #[error("interrupted; nothing was changed")]
    Interrupted,
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::File { path, source } => Self::File { path, source },
            other => Self::Vault(other),
        }
    }
}

/// The system's words without its number, and without the temporary file that was meant to become this one.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.as_str(), |(words, _)| words).to_owned()
}

/// Where what was not found can be seen, if it is there.
fn where_to_look(what: &str) -> Option<String> {
    let command = match what {
        "item" => "cowl record list",
        "record" => "cowl record records",
        "grant" => "cowl grant list",
        "request" => "cowl grant requests",
        "party" => "cowl party list",
        _ => return None,
    };
    Some(format!("see what there is: {command}"))
}

impl Failure {
    /// A plain no.
    pub(crate) fn no(text: impl Into<String>) -> Self {
        Self::No { text: text.into(), hint: None }
    }

    /// Wrong usage.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage { text: text.into(), hint: None }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_path_buf(), source }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub(crate) fn with_hint(mut self, advice: impl Into<String>) -> Self {
        if let Self::No { hint, .. } | Self::Usage { hint, .. } = &mut self {
            *hint = Some(advice.into());
        }
        self
    }

    /// What to do about it, where there is something.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Vault(VaultError::Refused(problem))
                if problem.code == cowl_api::ProblemCode::Unauthenticated =>
            {
                Some("unlock this device anew: cowl party login".to_owned())
            }
            Self::Vault(VaultError::NotFound { what, .. }) => where_to_look(what),
            Self::Vault(error) => error.hint(),
            Self::No { hint, .. } | Self::Usage { hint, .. } => hint.clone(),
            Self::File { .. } | Self::Stream(_) | Self::Interrupted => None,
        }
    }

    /// Whether the same may succeed in a while, with nothing done by anybody here: the cloud may be well again, and
    /// another device of the party may have been faster this time.
    pub(crate) fn may_pass(&self) -> bool {
        use cowl_api::ProblemCode::{Conflict, Internal, TooManyRequests, Unavailable};
        match self {
            Self::Vault(VaultError::Unreachable(_) | VaultError::Senseless(_)) => true,
            Self::Vault(VaultError::Refused(problem)) => {
                matches!(problem.code, Conflict | Internal | TooManyRequests | Unavailable)
            }
            _ => false,
        }
    }

    /// 1 for a no, 2 for wrong usage or a fault; after Ctrl-C what a shell would say.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Vault(error) if error.is_refusal() => 1,
            Self::No { .. } => 1,
            Self::Interrupted => 130,
            _ => 2,
        }
    }

    /// Whether the reader of stdout went away, which is its good right.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let source = match self {
            Self::Stream(source) | Self::File { source, .. } | Self::Vault(VaultError::Stream(source)) => {
                source
            }
            _ => return false,
        };
        source.kind() == io::ErrorKind::BrokenPipe
    }
}

#[cfg(test)]
mod tests {
    use cowl_vault::error::Tampering;

    use super::*;

    #[test]
    fn a_refusal_is_a_no_and_a_fault_is_not() {
        let tampered = Failure::from(VaultError::Tampered(Tampering::OwnKeys));
        let unreachable = Failure::from(VaultError::Unreachable("timeout".to_owned()));
        assert_eq!([tampered.exit_status(), unreachable.exit_status()], [1, 2]);
        assert_eq!([Failure::no("x").exit_status(), Failure::usage("x").exit_status()], [1, 2]);
    }

    #[test]
    fn a_file_is_named_with_the_systems_words_and_without_its_numbers() {
        let missing = std::fs::read("no/such/file").unwrap_err();
        let failure = Failure::file(Path::new("no/such/file"), missing);
        assert_eq!(failure.to_string(), "no/such/file: No such file or directory");
        let temporary = tempfile::NamedTempFile::new_in("no/such/folder").unwrap_err();
        let failure = Failure::from(VaultError::File { path: "out".into(), source: temporary });
        assert_eq!(failure.to_string(), "out: No such file or directory");
    }

    #[test]
    fn hints_stand_apart_from_the_text() {
        let failure = Failure::usage("nothing to do").with_hint("name a file");
        assert_eq!(failure.to_string(), "nothing to do");
        assert_eq!(failure.hint().as_deref(), Some("name a file"));
    }
}
