//! `cowl bench …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `cowl bench …`
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BenchCommand {
    /// Print the tables of the published framework (IJCNIS 11(6), 2019) anew, beside its figures
    Paper,
    /// Seal, store, share and find, against the goals
    #[command(after_help = ENVIRONMENT)]
    Vault(VaultBenchArguments),
    /// The published experiment on sealed tables, and what sums over ciphertexts cost
    #[command(after_help = TABLES_ENVIRONMENT)]
    Tables(TablesBenchArguments),
    /// Models run between two parties and a dealer, against the goals
    #[command(after_help = INFER_ENVIRONMENT)]
    Infer(InferBenchArguments),
}

/// `cowl bench infer`
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct InferBenchArguments {
    /// Measure one group of rows only
    #[arg(long, value_name = "GROUP")]
    pub(crate) only: Option<InferGroup>,
}

/// Rows that are measured together: those of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InferGroup {
    /// A perceptron for 28×28 images
    Mlp,
    /// LeNet-5 for 28×28 images
    Lenet,
    /// The published classifier of resting-state networks
    Fmri,
    /// A convolutional network for 32×32 colour images
    Cifar,
    /// A trained network that labels tissue, on 32³ voxels
    #[value(name = "meshnet-32")]
    Meshnet32,
    /// The same on 64³: takes about 20 GB of disk for a while
    #[value(name = "meshnet-64")]
    Meshnet64,
    /// Comparisons and keys a second, without a network
    Rates,
}

/// `cowl bench tables`
#[derive(Debug, Clone, Args)]
pub(crate) struct TablesBenchArguments {
    /// Measure one group of rows only
    #[arg(long, value_name = "GROUP")]
    pub(crate) only: Option<TablesGroup>,
    /// Write the regressions as a page with tables and plots; each plot beside it as PNG and SVG
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
}

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TablesGroup {
    /// A few rows of a real table, their ciphertexts, what these open as
    Sample,
    /// A table cell by cell, as published
    Cells,
    /// Regressions of real tables, with and without encryption
    Regressions,
    /// 5,734 patients and 325 moments
    Moments,
    /// A million rows
    Million,
    /// Images
    Images,
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

const INFER_ENVIRONMENT: &str = "\
Environment:
  TMPDIR   where the parties keep what is dealt to them: the disk that keys are streamed from

A row a line with --json. Exit status: 0 all goals met, 1 not all, 2 a fault.";

const TABLES_ENVIRONMENT: &str = "\
Environment:
  COWL_BENCH_TABLES   folder of whas500.csv, rhc.csv, medpar.csv, azpro.csv; without it the sample alone

A row a line with --json. Exit status: 0 all goals met, 1 not all, 2 a fault.";
