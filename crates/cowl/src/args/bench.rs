//! `cowl bench …`

use clap::{Args, Subcommand, ValueEnum};

/// `cowl bench …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum BenchCommand {
    /// Print the tables of the published framework (IJCNIS 11(6), 2019) anew, beside its figures
    Paper,
    /// Seal, store, share and find, against the goals
    #[command(after_help = ENVIRONMENT)]
    Vault(VaultBenchArguments),
}

/// `cowl bench vault`
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct VaultBenchArguments {
    /// Measure one group of rows only
    #[arg(long, value_name = "GROUP")]
    pub(crate) only: Option<BenchGroup>,
}

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchGroup {
    /// Sealing and opening in memory
    Memory,
    /// The published record of 8.32 MB
    Record,
    /// Pixel codecs
    Codecs,
    /// Fuzzy search
    Search,
    /// Through a server of this machine
    Cloud,
}

const ENVIRONMENT: &str = "\
Environment:
  COWL_BENCH_CT, COWL_BENCH_MR   folders of DICOM or NIfTI files for the codecs; else the samples
  COWL_BENCH_NOTES               folder of notes: txt, md, FHIR bundles (json); else the samples
  TMPDIR                         where the server keeps its data: the disk to be measured

A row a line with --json. Exit status: 0 all goals met, 1 not all, 2 a fault.";
