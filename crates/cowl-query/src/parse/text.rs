//! The text of a query, bounded before anything is built of it.

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::limits::{LONGEST_TEXT, MOST_TOKENS};
use crate::refusal::{QueryRefusal, not_allowed};

/// How deep the parser may call itself. An allowed query needs fewer for each of its levels.
const DEEPEST_RECURSION: usize = 40;
/// The longest piece of a query, or of the parser's words about it, that goes into a message.
const LONGEST_QUOTE: usize = 120;

/// Names of letters, digits and underscores, or in double quotes; values in single quotes. Nothing of any one product.
#[derive(Debug)]
struct Plain;

impl Dialect for Plain {
    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        letter == '"'
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        letter.is_alphabetic() || letter == '_'
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        letter.is_alphanumeric() || letter == '_'
    }

    /// FILTER is read, so that it can be refused by its name.
    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
}

/// The one query of a text.
pub(super) fn read(sql: &str) -> Result<Query, QueryRefusal> {
    if sql.len() > LONGEST_TEXT {
        return Err(QueryRefusal::TooLarge { what: "bytes of text", most: LONGEST_TEXT });
    }
    let syntax = |detail: String| QueryRefusal::Syntax { detail: quote(&detail) };
    let mut tokens = Tokenizer::new(&Plain, sql).tokenize().map_err(|e| syntax(e.to_string()))?;
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    while tokens.last() == Some(&Token::SemiColon) {
        tokens.pop();
    }
    expect_one_select(&tokens)?;
    match parse(tokens).map_err(|e| explain(&e))?.pop() {
        Some(Statement::Query(query)) => Ok(*query),
        _ => Err(syntax("no SELECT was found".to_owned())),
    }
}

fn parse(tokens: Vec<Token>) -> Result<Vec<Statement>, ParserError> {
    Parser::new(&Plain).with_recursion_limit(DEEPEST_RECURSION).with_tokens(tokens).parse_statements()
}

fn expect_one_select(tokens: &[Token]) -> Result<(), QueryRefusal> {
    if tokens.len() > MOST_TOKENS {
        return Err(QueryRefusal::TooLarge { what: "words, numbers and signs", most: MOST_TOKENS });
    }
    match tokens.first() {
        Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("select") => {}
        Some(Token::Word(word)) => {
            return Err(QueryRefusal::Statement { statement: quote(&word.value.to_uppercase()) });
        }
        Some(Token::LParen) => return not_allowed("a SELECT in parentheses", "a query is one SELECT"),
        _ => return Err(QueryRefusal::Syntax { detail: "it does not begin with SELECT".to_owned() }),
    }
    if tokens.contains(&Token::SemiColon) {
        return not_allowed("a second statement", "a query is one SELECT");
    }
    Ok(())
}

fn explain(error: &ParserError) -> QueryRefusal {
    match error {
        ParserError::RecursionLimitExceeded => {
            QueryRefusal::TooLarge { what: "levels of conditions", most: crate::limits::DEEPEST_NESTING }
        }
        ParserError::TokenizerError(detail) | ParserError::ParserError(detail) => {
            QueryRefusal::Syntax { detail: quote(detail) }
        }
    }
}

/// The beginning of a text, without what could disturb a terminal.
pub(super) fn quote(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_QUOTE).collect()
}
