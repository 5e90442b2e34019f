//! What a run of somebody's model may tell, and to whom.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::party::{UnknownWord, coded};

/// The most that `top-K` may ask for.
pub const MOST_RANKS: u32 = 1000;

/// What is told of a model's output. Everything else of it stays hidden inside the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum OutputRule {
    /// Every number.
    #[n(0)]
    Values,
    /// Which class is largest, place by place: a segmentation, or one class.
    #[n(1)]
    Labels,
    /// The largest so many classes, with their values.
    #[n(2)]
    Top(#[n(0)] u32),
}

impl OutputRule {
    /// Whether it tells anything at all.
    pub fn is_sound(self) -> bool {
        !matches!(self, Self::Top(ranks) if !(1..=MOST_RANKS).contains(&ranks))
    }

    /// Whether a run under this rule tells no more than one under `allowed`. Fewer ranks tell less than more; values
    /// tell everything; labels have no values, so that ranks are not among them.
    pub fn is_within(self, allowed: Self) -> bool {
        match (self, allowed) {
            (_, Self::Values) => true,
            (Self::Labels, Self::Labels | Self::Top(_)) => true,
            (Self::Top(asked), Self::Top(most)) => asked <= most,
            _ => false,
        }
    }
}

impl fmt::Display for OutputRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values => f.pad("values"),
            Self::Labels => f.pad("labels"),
            Self::Top(ranks) => f.pad(&format!("top-{ranks}")),
        }
    }
}

impl FromStr for OutputRule {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let ranks = text.strip_prefix("top-").and_then(|ranks| ranks.parse().ok());
        let rule = match (text, ranks) {
            ("values", _) => Some(Self::Values),
            ("labels", _) => Some(Self::Labels),
            (_, Some(ranks)) => Some(Self::Top(ranks)),
            _ => None,
        };
        rule.filter(|rule| rule.is_sound()).ok_or_else(|| UnknownWord {
            what: "rule for outputs",
            text: text.chars().take(40).collect(),
            known: format!("labels, top-K with K of 1 to {MOST_RANKS}, values"),
        })
    }
}

coded! {
    /// Who gets the output of a run.
    OutputReceivers ("receiver of outputs") {
        /// Whoever brings the input.
        DataOwner = 0, "data-owner";
        /// Whoever brings the weights.
        ModelOwner = 1, "model-owner";
        /// Both.
        Both = 2, "both";
    }
}

impl OutputReceivers {
    /// Whether the data owner gets it.
    pub const fn has_data_owner(self) -> bool {
        matches!(self, Self::DataOwner | Self::Both)
    }

    /// Whether the model owner gets it.
    pub const fn has_model_owner(self) -> bool {
        matches!(self, Self::ModelOwner | Self::Both)
    }
}

/// What a grant to compute says of runs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct InferenceTerms {
    /// The most that is told of an output.
    #[n(0)]
    pub output: OutputRule,
    /// To whom.
    #[n(1)]
    pub receivers: OutputReceivers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_back_from_their_words() {
        for rule in [OutputRule::Values, OutputRule::Labels, OutputRule::Top(1), OutputRule::Top(MOST_RANKS)]
        {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for wrong in ["top-0", "top-1001", "top-", "top--1", "label", ""] {
            assert!(wrong.parse::<OutputRule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_is_within_those_that_tell_at_least_as_much() {
        use OutputRule::{Labels, Top, Values};
        assert!([Labels, Top(3), Values].iter().all(|rule| rule.is_within(Values)));
        assert!(Top(2).is_within(Top(3)) && !Top(4).is_within(Top(3)) && !Values.is_within(Top(1000)));
        assert!(Labels.is_within(Top(1)) && Labels.is_within(Labels));
        assert!(!Top(1).is_within(Labels) && !Values.is_within(Labels));
    }
}
