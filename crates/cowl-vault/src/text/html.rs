//! Text of HTML pages.

use super::entities;
use super::gathered::Gathered;
use super::markup::{Scanner, Token};

/// The page's text: one line for each block, white space collapsed, scripts and styles left out.
pub(super) fn extract(page: &str) -> String {
    let mut text = Gathered::new();
    let mut tokens = Scanner::new(page);
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(piece) => entities::decode(piece).for_each(|character| text.push_running(character)),
            Token::Literal(piece) => piece.chars().for_each(|character| text.push_running(character)),
            Token::Open { name, .. } if is_unseen(name) => tokens.skip_past_close(name),
            Token::Open { name, .. } | Token::Close(name) => separate(&mut text, name),
        }
        if text.is_full() {
            break;
        }
    }
    text.finish()
}

fn is_unseen(name: &str) -> bool {
    ["script", "style"].iter().any(|unseen| name.eq_ignore_ascii_case(unseen))
}

/// Words in different blocks or cells are different words; inline markup separates nothing.
fn separate(text: &mut Gathered, name: &str) {
    const CELLS: [&str; 2] = ["td", "th"];
    const INLINE: [&str; 27] = [
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i",
        "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u",
    ];
    let is_among = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_among(&CELLS) {
        text.push_running(' ');
    } else if !is_among(&INLINE) && !name.eq_ignore_ascii_case("wbr") {
        text.break_line();
    }
}
