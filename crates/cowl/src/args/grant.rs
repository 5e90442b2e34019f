//! `cowl grant …`

use clap::{Args, Subcommand};
use cowl_domain::{ComputeTerms, InferenceTerms, OutputReceivers, OutputRule, Power, Powers, Purpose};
use cowl_query::SCORES;

use crate::moment::Until;
use crate::{models, tables};

/// What is to be done with grants and requests. Both go by identifier or the beginning of one.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Let somebody open items, a study or a whole record
    #[command(after_help = MAKE_EXAMPLES)]
    Make(MakeArguments),
    /// List grants, given and received
    #[command(visible_alias = "ls")]
    List(ListGrantsArguments),
    /// Show all about one grant
    Show {
        /// The grant
        grant: String,
    },
    /// Take grants back: the cloud refuses at once, then what they opened gets new keys
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(RevokeArguments),
    /// Ask an owner for access
    #[command(after_help = REQUEST_EXAMPLES)]
    Request(RequestArguments),
    /// List requests, yours and those to you
    Requests,
    /// Grant what a request asks for
    Approve(ApproveArguments),
    /// Refuse a request
    Deny {
        /// The request
        request: String,
    },
}

/// What a grant is about.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Contents {
    /// An item: identifier, beginning of one, or name; may be repeated
    #[arg(long, value_name = "ITEM")]
    pub(crate) item: Vec<String>,
    /// Every item of a study
    #[arg(long, value_name = "UID", conflicts_with = "item")]
    pub(crate) study: Option<String>,
    /// The whole record, and what is added to it later
    #[arg(long, conflicts_with_all = ["item", "study"])]
    pub(crate) all: bool,
    /// In this record; your own default one otherwise
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// What a grant, and a request for one, says of the use that may be made of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Terms {
    /// read, append, compute, or several: read+append
    #[arg(long, default_value = "read")]
    pub(crate) power: Powers,
    /// treatment, second-opinion, diagnosis, billing, research, quality, emergency, family, teaching, other
    #[arg(long)]
    pub(crate) purpose: Purpose,
    /// When it ends by itself: a day (2026-11-30), or a time from now (7d)
    #[arg(long, value_name = "DAY|TIME")]
    pub(crate) until: Option<Until>,
}

/// On what terms programs may work on what is granted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "With power 'compute'")]
pub(crate) struct ComputingTerms {
    /// The only technique that is allowed: mpc for a model; for a table additive-he for figures of groups, additive-score
    /// for scores of single rows, the former otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) technique: Option<String>,
    /// Of a table: no figure may be about fewer rows; 10 otherwise, and 1 for scores
    #[arg(long, value_name = "ROWS")]
    pub(crate) minimum_cohort: Option<u32>,
    /// The most jobs; any number otherwise
    #[arg(long, value_name = "N")]
    pub(crate) runs: Option<u32>,
    /// Of a model: what of its output may be told, 'labels', 'top-K' or 'values'; labels otherwise
    #[arg(long, value_name = "RULE")]
    pub(crate) output: Option<OutputRule>,
    /// Of a model: who gets the output, 'data-owner', 'model-owner' or 'both'; the data owner otherwise
    #[arg(long, value_name = "WHO")]
    pub(crate) receives: Option<OutputReceivers>,
}

impl ComputingTerms {
    /// The terms that go with these powers.
    ///
    /// # Errors
    /// When there are terms and no power to compute, or terms of another technique.
    pub(crate) fn resolve(&self, powers: Powers) -> Result<Option<ComputeTerms>, String> {
        let for_a_model = self.output.is_some() || self.receives.is_some();
        if !powers.contains(Power::Compute) {
            let any = self.technique.is_some() || self.minimum_cohort.is_some() || self.runs.is_some();
            return match any || for_a_model {
                true => Err(
                    "--technique, --minimum-cohort, --runs, --output and --receives are for power 'compute'"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        let usual = if for_a_model { models::TECHNIQUE } else { tables::TECHNIQUE };
        let technique = self.technique.clone().unwrap_or_else(|| usual.to_owned());
        let is_model = technique == models::TECHNIQUE;
        if is_model && self.minimum_cohort.is_some() {
            return Err("--minimum-cohort is for tables; a model is run on one input".to_owned());
        }
        if technique == SCORES && self.minimum_cohort.is_some_and(|rows| rows != 1) {
            let why = "a score is of one row: leave out --minimum-cohort, or do not grant scores";
            return Err(why.to_owned());
        }
        if !is_model && for_a_model {
            return Err(format!("--output and --receives are for models, not for technique {technique}"));
        }
        let inference = is_model.then(|| InferenceTerms {
            output: self.output.unwrap_or(OutputRule::Labels),
            receivers: self.receives.unwrap_or(OutputReceivers::DataOwner),
        });
        let of_one = is_model || technique == SCORES;
        let minimum_cohort = self.minimum_cohort.unwrap_or(if of_one { 1 } else { MINIMUM_COHORT });
        Ok(Some(ComputeTerms { technique, minimum_cohort, runs: self.runs, inference }))
    }
}

/// `cowl grant make`
#[derive(Debug, Args)]
pub(crate) struct MakeArguments {
    /// Who gets it: handle or identifier
    #[arg(long, value_name = "PARTY")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) contents: Contents,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Words that only the two of you can read
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Accept keys whose fingerprint nobody has compared yet
    #[arg(long)]
    pub(crate) trust_first_use: bool,
    #[command(flatten)]
    pub(crate) computing: ComputingTerms,
}

/// `cowl grant list`
#[derive(Debug, Args)]
pub(crate) struct ListGrantsArguments {
    /// Only those that you gave
    #[arg(long)]
    pub(crate) given: bool,
    /// Only those that you received
    #[arg(long, conflicts_with = "given")]
    pub(crate) received: bool,
    /// Only those in force
    #[arg(long)]
    pub(crate) active: bool,
}

/// `cowl grant revoke`
#[derive(Debug, Args)]
pub(crate) struct RevokeArguments {
    /// The grants
    #[arg(required_unless_present = "from")]
    pub(crate) grants: Vec<String>,
    /// All that this party has from you
    #[arg(long, value_name = "PARTY", conflicts_with = "grants")]
    pub(crate) from: Option<String>,
    /// Leave the re-keying to 'cowl agent run'
    #[arg(long)]
    pub(crate) detach: bool,
}

/// `cowl grant request`
#[derive(Debug, Args)]
pub(crate) struct RequestArguments {
    /// Whom to ask: handle or identifier
    pub(crate) owner: String,
    /// For this item, if you know its identifier
    #[arg(long, value_name = "ITEM")]
    pub(crate) item: Option<cowl_domain::ItemId>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// What you need and why; only the owner can read it
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
    /// Accept keys whose fingerprint nobody has compared yet
    #[arg(long)]
    pub(crate) trust_first_use: bool,
}

/// `cowl grant approve`
#[derive(Debug, Args)]
pub(crate) struct ApproveArguments {
    /// The request
    pub(crate) request: String,
    #[command(flatten)]
    pub(crate) contents: Contents,
    /// When it ends, if not when the request says
    #[arg(long, value_name = "DAY|TIME")]
    pub(crate) until: Option<Until>,
    /// Accept keys whose fingerprint nobody has compared yet
    #[arg(long)]
    pub(crate) trust_first_use: bool,
    #[command(flatten)]
    pub(crate) computing: ComputingTerms,
}

const MINIMUM_COHORT: u32 = 10;

const MAKE_EXAMPLES: &str = "\
Examples:
  cowl grant make --to radiologist@city --study 1.2.840.113619.2.55 --purpose second-opinion --until 7d
  cowl grant make --to insurer --item invoice.pdf --purpose billing
  cowl grant make --to hospital@city --all --power read+append --purpose treatment --until 2026-12-31
  cowl grant make --to lab@university --item stays --power compute --minimum-cohort 20 --purpose research
  cowl grant make --to hospital --item tissue --power compute --output labels --runs 100 --purpose diagnosis";

const REVOKE_EXAMPLES: &str = "\
Examples:
  cowl grant revoke k3q7
  cowl grant revoke --from insurer

It cannot recall what was read already, nor what a dishonest cloud has kept a copy of.";

const REQUEST_EXAMPLES: &str = "\
Example:
  cowl grant request alice --purpose diagnosis --until 14d --note 'the chest CT of March, please'";
