//! A word of a text, with a slip of the finger in it.

/// The longest word of the text that is worth searching for, with one letter wrong; `None` when there is
/// none.
pub(super) fn misspelt_word(text: &str) -> Option<String> {
    // What looks like mark-up or a name of a file would be no word to a reader.
    let words = text.split(|it: char| it.is_whitespace() || "<>/.,;:()\"'".contains(it));
    let plain = words.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let fitting = plain.filter(|word| (SHORTEST..=LONGEST).contains(&word.len()));
    // Of equally long ones the first.
    let word = fitting.fold(None, |best: Option<&str>, word| match best {
        Some(best) if best.len() >= word.len() => Some(best),
        _ => Some(word),
    })?;
    Some(misspell(&word.to_ascii_lowercase()))
}

/// Another letter after the middle, where eyes do not rest.
fn misspell(word: &str) -> String {
    let place = word.len() * 2 / 3;
    let slip = |letter: char| if letter == 'z' { 'y' } else { char::from(letter as u8 + 1) };
    word.chars().enumerate().map(|(at, letter)| if at == place { slip(letter) } else { letter }).collect()
}

const SHORTEST: usize = 6;
const LONGEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_plain_word_is_taken_and_one_letter_of_it_changed() {
        let text = "<p>No evidence of metastasis, see notes/2026-03.txt.</p>";
        assert_eq!(misspelt_word(text).as_deref(), Some("metastbsis"));
    }

    #[test]
    fn a_text_without_such_a_word_yields_none() {
        for text in ["", "a b c", "12345678", "größtenteils", "averyveryverylongwordindeed"] {
            assert_eq!(misspelt_word(text), None, "{text}");
        }
    }
}
