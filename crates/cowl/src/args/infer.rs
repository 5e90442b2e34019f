//! `cowl infer …`

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cowl_domain::{OutputReceivers, OutputRule};

use super::InputArguments;
use crate::moment::parse_duration;

/// What is to be done with models and data that nobody shows.
#[derive(Debug, Subcommand)]
pub(crate) enum InferCommand {
    /// Be the dealer: draw the randomness of others' runs; sees neither model nor data
    Deal(DealArguments),
    /// Be the model owner: let others run your models and keep the weights to yourself
    Serve(ServeArguments),
    /// Be the data owner: fetch ahead of time what each run uses up
    Stock(StockArguments),
    /// Be the data owner: run somebody's model on your data
    Run(RunModelArguments),
    /// What is set up, and how many runs are left
    Status(StatusArguments),
}

/// How long to wait for others.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PatienceArguments {
    /// Give up on a party that is silent for so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub(crate) patience: Duration,
    /// Go ahead though nobody has compared the fingerprints of the others
    #[arg(long)]
    pub(crate) trust_first_use: bool,
}

/// `cowl infer deal`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cowl infer deal --listen 0.0.0.0:7100 --for modelmaker --for hospital")]
pub(crate) struct DealArguments {
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// For whom: model owners and data owners; may be repeated
    #[arg(long = "for", value_name = "HANDLE", required = true)]
    pub(crate) parties: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: PatienceArguments,
}

/// `cowl infer serve`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cowl infer serve --model lesions --listen 0.0.0.0:7101 --dealer dealer@10.0.0.5:7100"
)]
pub(crate) struct ServeArguments {
    /// A model of your own: identifier, beginning of one, or name; may be repeated
    #[arg(long = "model", value_name = "MODEL", required = true)]
    pub(crate) models: Vec<String>,
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// Who deals, and where
    #[arg(long, value_name = "HANDLE@HOST:PORT", value_parser = parse_party_at)]
    pub(crate) dealer: PartyAt,
    #[command(flatten)]
    pub(crate) patience: PatienceArguments,
}

/// `cowl infer stock`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cowl infer stock --model lesions --at 10.0.0.4:7101 --dealer dealer@10.0.0.5:7100 --runs 100"
)]
pub(crate) struct StockArguments {
    /// A model that you may run: identifier, beginning of one, or name
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: String,
    /// Where its owner listens
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: String,
    /// Who deals, and where
    #[arg(long, value_name = "HANDLE@HOST:PORT", value_parser = parse_party_at)]
    pub(crate) dealer: PartyAt,
    /// For so many runs more
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) runs: NonZeroU32,
    /// How much is told of the output: labels, top-1 or values; as much as the grant allows otherwise
    #[arg(long, value_name = "RULE")]
    pub(crate) output: Option<OutputRule>,
    /// Who gets the output: data-owner, model-owner or both; only you otherwise
    #[arg(long, value_name = "WHO", default_value = "data-owner")]
    pub(crate) receives: OutputReceivers,
    #[command(flatten)]
    pub(crate) patience: PatienceArguments,
}

/// `cowl infer run`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cowl infer run --model lesions --input scan.nii.gz --report run.html")]
pub(crate) struct RunModelArguments {
    /// The model, as its owner calls it
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: String,
    /// Whose model; only where several owners have one of this name
    #[arg(long, value_name = "HANDLE")]
    pub(crate) owner: Option<String>,
    /// Where its owner listens now; else where it did when runs were stocked
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: Option<String>,
    /// A volume or run (NIfTI, or the folder of a DICOM series), a picture (PNG, JPEG, one DICOM frame), or numbers
    /// (.npy, .pb, .csv, .txt, .f32); one file for each input of the model
    #[arg(long = "input", value_name = "FILE", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Write one self-contained page: the input, what the other side saw of it, layers, result, who learnt what
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: InputArguments,
    /// Give up on a party that is silent for so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub(crate) patience: Duration,
}

/// `cowl infer status`
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Ask the model owners, too, how many runs they have
    #[arg(long)]
    pub(crate) ask: bool,
    /// Give up on a party that is silent for so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub(crate) patience: Duration,
}

/// A party and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartyAt {
    /// Its handle, which may have an @ itself.
    pub(crate) party: String,
    /// Host and port.
    pub(crate) address: String,
}

fn parse_party_at(text: &str) -> Result<PartyAt, String> {
    match text.rsplit_once('@') {
        Some((party, address)) if !party.is_empty() && address.contains(':') => {
            Ok(PartyAt { party: party.to_owned(), address: address.to_owned() })
        }
        _ => Err("a party and where it listens are expected: HANDLE@HOST:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_may_have_an_at_of_its_own() {
        let parsed = parse_party_at("dealer@city@127.0.0.1:7100").unwrap();
        assert_eq!((parsed.party.as_str(), parsed.address.as_str()), ("dealer@city", "127.0.0.1:7100"));
        for wrong in ["dealer", "@127.0.0.1:1", "dealer@host"] {
            assert!(parse_party_at(wrong).is_err(), "{wrong}");
        }
    }
}
