//! Why an inference, or what prepares it, did not come to its end.

use std::io;
use std::path::{Path, PathBuf};

use cowl_domain::StatementError;
use cowl_job::Refusal;
use cowl_mpc::bundle::BundleId;
use cowl_vault::VaultError;

use super::peer::PeerError;
use super::recipe::RecipeError;
use super::store::SetUpId;
use crate::failure::Failure;
use crate::size::Size;

/// Why not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InferError {
    /// The other side, or the way to it.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A bundle that was run before, or that was begun to be.
    #[error("bundle {} was used before; no bundle is run twice", name_of(bundle))]
    Used {
        /// Which.
        bundle: BundleId,
    },
    /// No bundle is left.
    #[error("nothing is stocked for this model any more")]
    Empty,
    /// A set-up that is not here.
    #[error("set-up {0} is not known here")]
    NoSetUp(SetUpId),
    /// A model that is not offered.
    #[error("this model is not served here")]
    NoModel,
    /// What no grant allows.
    #[error("{0}")]
    NotGranted(String),
    /// A file that is not what was written.
    #[error("{} is damaged, or belongs to another account", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A file of this machine.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A disk that is too full.
    #[error("the disk has {} free, and {} are needed beside what it keeps free", Size(*free), Size(*bytes))]
    Room {
        /// What is needed.
        bytes: u64,
        /// What there is.
        free: u64,
    },
    /// What is to be computed cannot be.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A bundle, or what is dealt.
    #[error(transparent)]
    Engine(#[from] cowl_mpc::Error),
    /// Weights under their mask.
    #[error(transparent)]
    SetUp(#[from] cowl_mpc::setup::SetupError),
    /// The run itself.
    #[error(transparent)]
    Run(#[from] cowl_mpc::RunError),
    /// A statement that does not hold.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// What the job may not do, or lacks.
    #[error(transparent)]
    Job(#[from] Refusal),
    /// A job that was begun and came to no end.
    #[error("{0}")]
    Unsettled(String),
    /// What the two say of a run does not prove it.
    #[error("the run is not proven: {0}")]
    Evidence(String),
    /// A run that was computed to its end, and nothing to prove it by.
    #[error("there is no evidence of run {}: {why}", name_of(bundle))]
    Unproven {
        /// Which.
        bundle: BundleId,
        /// Why not.
        why: Box<InferError>,
    },
    /// Another party than was agreed on has had its hand in it, or it says something else than was agreed on.
    #[error("{0}")]
    Disagreement(String),
    /// Input that the model does not take.
    #[error("{0}")]
    Input(String),
    /// The account.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl InferError {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// What the other side may know of it; `None` where it cannot hear it any more.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Peer(PeerError::Unexpected { .. }) => Some("that was not what comes next".to_owned()),
            Self::Peer(PeerError::Silent { .. }) => Some("nothing came for too long".to_owned()),
            Self::Peer(error @ (PeerError::Unreachable { .. } | PeerError::Refused { .. })) => {
                Some(error.to_string())
            }
            Self::Peer(_) => None,
            Self::Unproven { why, .. } => {
                why.told().map(|why| format!("it has no evidence of the run: {why}"))
            }
            Self::File { .. } | Self::Damaged { .. } | Self::Vault(_) => {
                Some("its own machine is at fault; its owner has been told".to_owned())
            }
            other => Some(other.to_string()),
        }
    }

    /// What a stream has failed with: an error of the connection where it was one, else one of this file.
    pub(crate) fn stream(path: &Path, error: io::Error) -> Self {
        match error.downcast::<PeerError>() {
            Ok(peer) => Self::Peer(peer),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Damaged { path: path.to_owned() }
            }
            Err(source) => Self::file(path, source),
        }
    }
}

/// A bundle's name as people see it.
pub(crate) fn name_of(bundle: &BundleId) -> String {
    cowl_crypto::id::encode_id(&bundle.0)
}

impl From<InferError> for Failure {
    fn from(error: InferError) -> Self {
        let text = error.to_string();
        let hint = match error {
            InferError::Vault(error) => return error.into(),
            InferError::File { path, source } => return Self::file(&path, source),
            InferError::Job(
                Refusal::GrantRevoked { .. } | Refusal::GrantExpired { .. } | Refusal::ConsentExpired { .. },
            ) => "what was stocked under it is good for nothing more; stock anew: cowl infer stock",
            InferError::Empty => "fetch more: cowl infer stock",
            InferError::NoSetUp(_) => "make it anew: cowl infer stock",
            InferError::Peer(PeerError::NotWelcome { .. }) => "it has to name you: --for HANDLE",
            InferError::Peer(PeerError::Stranger { .. }) => {
                "is the address right? see: cowl party show HANDLE"
            }
            _ => return Self::no(text),
        };
        Self::no(text).with_hint(hint)
    }
}
