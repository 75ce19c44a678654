//! SOQL text into tokens.

use super::{OrgError, stamps};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A name or a keyword, dots included.
    Word(String),
    /// A quoted text, escapes still in it.
    Quoted(String),
    /// A number.
    Number(f64),
    /// A calendar day.
    Date(String),
    /// An instant, in the form the org holds.
    Datetime(String),
    /// A bracket, a comma or an operator.
    Symbol(&'static str),
}

impl Token {
    /// The token as a message shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Date(text) | Self::Datetime(text) => text.clone(),
            Self::Quoted(text) => format!("'{text}'"),
            Self::Number(number) => number.to_string(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
        }
    }
}

/// The refusal of a text that is no SOQL.
#[must_use]
pub fn malformed(why: impl Into<String>) -> OrgError {
    OrgError::new("MALFORMED_QUERY", why)
}

const SYMBOLS: [&str; 10] = ["!=", "<>", "<=", ">=", "(", ")", ",", "=", "<", ">"];

/// Splits a text.
///
/// # Errors
/// `MALFORMED_QUERY` at the first character that cannot begin a token.
pub fn tokens(text: &str) -> Result<Vec<Token>, OrgError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '\'' {
            quoted(rest)?
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else if first.is_ascii_alphabetic() || first == '_' {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else if first.is_ascii_digit() || "+-.".contains(first) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (literal(&rest[..length])?, length)
        } else {
            return Err(malformed(format!(
                "line 1: unexpected character: '{first}'"
            )));
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn quoted(rest: &str) -> Result<(Token, usize), OrgError> {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == '\'' {
            return Ok((Token::Quoted(rest[1..at].to_owned()), at + 1));
        }
    }
    Err(malformed("unexpected end of string literal"))
}

fn literal(text: &str) -> Result<Token, OrgError> {
    if let Some(day) = stamps::read_date(text) {
        return Ok(Token::Date(day.to_string()));
    }
    if let Some(instant) = stamps::read(text) {
        return Ok(Token::Datetime(stamps::show(instant)));
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number
        .map(Token::Number)
        .ok_or_else(|| malformed(format!("unexpected token: '{text}'")))
}
