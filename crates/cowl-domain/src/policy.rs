//! Policies: how an owner wants the items of a record sealed and coded where nothing else is said.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::item::{Kind, SuiteId};
use crate::party::coded;

coded! {
    /// The codec of DICOM and gray images.
    #[derive(Default)]
    GrayCodec ("codec of a policy") {
        /// Fast.
        #[default]
        Live = 0, "live";
        /// Small.
        Archive = 1, "archive";
    }
}

/// How items of a record are sealed and coded unless whoever adds them says otherwise.
///
/// As text: `standard`; `published`, the suites of the published scheme (`text=hybrid-rsa,image=chaotic-image`);
/// or a list of `KIND=SUITE` and `codec=live|archive`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct SealingPolicy {
    /// Suites by kind; `standard` for all others.
    #[n(0)]
    suites: BTreeMap<Kind, SuiteId>,
    #[n(1)]
    codec: GrayCodec,
}

impl SealingPolicy {
    /// The suites of the published scheme: text under AES and RSA, display images under the chaotic maps.
    pub fn published() -> Self {
        let suites = [(Kind::Text, SuiteId::HybridRsa), (Kind::Image, SuiteId::ChaoticImage)];
        Self { suites: suites.into(), codec: GrayCodec::Live }
    }

    /// The suite of items of this kind.
    pub fn suite_for(&self, kind: Kind) -> SuiteId {
        self.suites.get(&kind).copied().unwrap_or(SuiteId::Standard)
    }

    /// The codec of DICOM and gray images.
    pub fn codec(&self) -> GrayCodec {
        self.codec
    }

    /// Whether items of some kind get this suite by rule.
    pub fn names(&self, suite: SuiteId) -> bool {
        self.suites.values().any(|named| *named == suite)
    }

    /// Whether this is what holds without a policy.
    pub fn is_standard(&self) -> bool {
        *self == Self::default()
    }

    fn set(&mut self, rule: &str) -> Result<(), PolicyError> {
        let wrong = || PolicyError(rule.chars().take(40).collect());
        let (name, value) = rule.split_once('=').ok_or_else(wrong)?;
        if name == "codec" {
            self.codec = value.parse().map_err(|_| wrong())?;
            return Ok(());
        }
        let kind: Kind = name.parse().map_err(|_| wrong())?;
        // Search segments are not the owner's to seal otherwise, and `standard` is what holds without a rule.
        match value.parse().map_err(|_| wrong())? {
            _ if kind == Kind::Index => return Err(wrong()),
            // A table is sealed column by column as its owner says, never by rule.
            SuiteId::Additive => return Err(wrong()),
            SuiteId::Standard => self.suites.remove(&kind),
            suite => self.suites.insert(kind, suite),
        };
        Ok(())
    }
}

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no policy: say standard, published, or rules like text=hybrid-rsa,image=chaotic-image,codec=archive"
)]
pub struct PolicyError(String);

impl FromStr for SealingPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "standard" => Ok(Self::default()),
            "published" => Ok(Self::published()),
            rules => {
                let mut policy = Self::default();
                rules.split(',').try_for_each(|rule| policy.set(rule))?;
                Ok(policy)
            }
        }
    }
}

impl fmt::Display for SealingPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules: Vec<String> =
            self.suites.iter().map(|(kind, suite)| format!("{kind}={suite}")).collect();
        if self.codec != GrayCodec::Live {
            rules.push(format!("codec={}", self.codec));
        }
        f.pad(&if rules.is_empty() { "standard".to_owned() } else { rules.join(",") })
    }
}

/// What a record's head says to those who may read all of it. A record without a policy says its name only, as
/// bare text.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordCard {
    /// What the owner calls the record.
    #[n(0)]
    pub name: String,
    /// How its items are sealed.
    #[n(1)]
    pub policy: SealingPolicy,
}
