//! Words: those that mean "missing", and those that mean yes and no.

use super::Cell;

/// Words that always mean "missing", in lower case.
const ALWAYS: [&str; 9] = ["", "na", "n/a", "nan", "null", "none", ".", "?", "#n/a"];

/// The words that mean "missing" in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingWords(Vec<String>);

impl MissingWords {
    /// The usual ones and these, written exactly so.
    pub fn with(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }

    pub(super) fn read<'a>(&self, text: &'a str) -> Cell<'a> {
        let usual = || ALWAYS.iter().any(|word| word.eq_ignore_ascii_case(text));
        if usual() || self.0.iter().any(|word| word == text) { Cell::Missing(text) } else { Cell::Text(text) }
    }
}

/// How many ways there are to write no and yes.
pub(super) const BINARY_PAIRS: usize = 5;
const PAIRS: [[&str; 2]; BINARY_PAIRS] =
    [["0", "1"], ["no", "yes"], ["false", "true"], ["n", "y"], ["f", "t"]];

/// 0 or 1, whichever way it is written.
pub(crate) fn binary_value(text: &str) -> Option<i64> {
    let is = |word: &str| word.eq_ignore_ascii_case(text);
    PAIRS.iter().find_map(|[no, yes]| if is(no) { Some(0) } else { is(yes).then_some(1) })
}

/// In which of the ways a text says no or yes.
pub(super) fn binary_pair(text: &str) -> Option<usize> {
    PAIRS.iter().position(|pair| pair.iter().any(|word| word.eq_ignore_ascii_case(text)))
}
