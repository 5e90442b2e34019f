//! SPDX licence expressions, with the `/` that old packages write for OR.

/// `AND` binds closer than `OR`; `WITH` belongs to its licence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// `MIT`, or `Apache-2.0 WITH LLVM-exception` as one name.
    Licence(String),
    Any(Vec<Expression>),
    All(Vec<Expression>),
}

impl Expression {
    /// None if the text is not an expression.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut parser = Parser { words: &words };
        let expression = parser.any()?;
        parser.words.is_empty().then_some(expression)
    }

    /// Whether the terms can be met with licences that `allowed` accepts.
    pub(crate) fn allows(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Licence(name) => allowed(name),
            Self::Any(choices) => choices.iter().any(|choice| choice.allows(allowed)),
            Self::All(terms) => terms.iter().all(|term| term.allows(allowed)),
        }
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<Expression> {
        let mut choices = vec![self.all()?];
        while self.takes("OR") {
            choices.push(self.all()?);
        }
        Some(if choices.len() == 1 { choices.remove(0) } else { Expression::Any(choices) })
    }

    fn all(&mut self) -> Option<Expression> {
        let mut terms = vec![self.term()?];
        while self.takes("AND") {
            terms.push(self.term()?);
        }
        Some(if terms.len() == 1 { terms.remove(0) } else { Expression::All(terms) })
    }

    fn term(&mut self) -> Option<Expression> {
        if self.takes("(") {
            let inner = self.any()?;
            return self.takes(")").then_some(inner);
        }
        let name = self.name()?;
        if self.takes("WITH") {
            return Some(Expression::Licence(format!("{name} WITH {}", self.name()?)));
        }
        Some(Expression::Licence(name.into()))
    }

    fn name(&mut self) -> Option<&'a str> {
        let (&word, rest) = self.words.split_first()?;
        if matches!(word, "AND" | "OR" | "WITH" | "(" | ")") {
            return None;
        }
        self.words = rest;
        Some(word)
    }

    fn takes(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, allowed: &[&str]) -> bool {
        Expression::parse(text).unwrap().allows(&|name| allowed.contains(&name))
    }

    #[test]
    fn one_choice_of_or_is_enough_and_a_slash_is_or() {
        assert!(allows("GPL-3.0 OR MIT", &["MIT"]));
        assert!(allows("Unlicense / MIT", &["MIT"]));
        assert!(allows("Unlicense/MIT", &["MIT"]));
        assert!(!allows("GPL-3.0 OR LGPL-2.1", &["MIT"]));
    }

    #[test]
    fn and_needs_every_term_and_binds_closer_than_or() {
        assert!(!allows("MIT AND ISC", &["MIT"]));
        assert!(allows("MIT AND ISC", &["MIT", "ISC"]));
        assert!(allows("MIT OR ISC AND Zlib", &["MIT"]));
        assert!(!allows("(MIT OR ISC) AND Zlib", &["MIT"]));
    }

    #[test]
    fn an_exception_is_part_of_the_name() {
        assert!(!allows("Apache-2.0 WITH LLVM-exception", &["Apache-2.0"]));
        assert!(allows("Apache-2.0 WITH LLVM-exception", &["Apache-2.0 WITH LLVM-exception"]));
    }

    #[test]
    fn broken_expressions_are_refused() {
        for text in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()"] {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }
}
