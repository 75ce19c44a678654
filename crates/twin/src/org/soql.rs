//! SOQL, the part clients of this project and public clients use: a recursive descent parser.

use super::OrgError;
use super::ast::{Condition, Literal, Operator, Order, Query};
use super::lexer::{Token, malformed, tokens};

/// How deep brackets may nest.
const DEPTH: usize = 50;

/// Parses a query.
///
/// # Errors
/// `MALFORMED_QUERY`, naming the token that does not belong.
pub fn parse(text: &str) -> Result<Query, OrgError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        Some(token) => Err(unexpected(Some(token))),
    }
}

fn unexpected(token: Option<&Token>) -> OrgError {
    let shown = token.map_or_else(|| "<EOF>".to_owned(), Token::shown);
    malformed(format!("unexpected token: '{shown}'"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        let token = self.tokens.get(self.at + ahead);
        matches!(token, Some(Token::Word(held)) if held.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(0, word);
        self.at += usize::from(is_next);
        is_next
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Symbol(held)) if *held == symbol);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect_word(&mut self, word: &str) -> Result<(), OrgError> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(unexpected(self.peek()))
        }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), OrgError> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(unexpected(self.peek()))
        }
    }

    fn name(&mut self) -> Result<String, OrgError> {
        let Some(Token::Word(name)) = self.peek() else {
            return Err(unexpected(self.peek()));
        };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    fn query(&mut self) -> Result<Query, OrgError> {
        self.expect_word("SELECT")?;
        let fields = self.fields()?;
        self.expect_word("FROM")?;
        let from = self.name()?;
        let condition = if self.take_word("WHERE") {
            Some(self.condition(0)?)
        } else {
            None
        };
        let order = if self.take_word("ORDER") {
            self.order()?
        } else {
            Vec::new()
        };
        let limit = if self.take_word("LIMIT") {
            Some(self.count()?)
        } else {
            None
        };
        let offset = if self.take_word("OFFSET") {
            self.count()?
        } else {
            0
        };
        Ok(Query {
            fields,
            from,
            condition,
            order,
            limit,
            offset,
        })
    }

    fn fields(&mut self) -> Result<Option<Vec<String>>, OrgError> {
        if self.is_word(0, "COUNT") && self.tokens.get(self.at + 1) == Some(&Token::Symbol("(")) {
            self.at += 2;
            self.expect_symbol(")")?;
            return Ok(None);
        }
        let mut fields = vec![self.name()?];
        while self.take_symbol(",") {
            fields.push(self.name()?);
        }
        Ok(Some(fields))
    }

    fn count(&mut self) -> Result<usize, OrgError> {
        let Some(Token::Number(number)) = self.peek() else {
            return Err(unexpected(self.peek()));
        };
        let count = number
            .to_string()
            .parse()
            .map_err(|_| unexpected(self.peek()))?;
        self.at += 1;
        Ok(count)
    }

    fn order(&mut self) -> Result<Vec<Order>, OrgError> {
        self.expect_word("BY")?;
        let mut order = Vec::new();
        loop {
            let field = self.name()?;
            let is_descending = self.take_word("DESC");
            if !is_descending {
                self.take_word("ASC");
            }
            let mut nulls_last = false;
            if self.take_word("NULLS") {
                nulls_last = self.take_word("LAST");
                if !nulls_last {
                    self.expect_word("FIRST")?;
                }
            }
            order.push(Order {
                field,
                is_descending,
                nulls_last,
            });
            if !self.take_symbol(",") {
                return Ok(order);
            }
        }
    }

    /// Terms joined by AND or by OR; the two do not mix without brackets.
    fn condition(&mut self, depth: usize) -> Result<Condition, OrgError> {
        let mut terms = vec![self.term(depth)?];
        for word in ["AND", "OR"] {
            if !self.is_word(0, word) {
                continue;
            }
            while self.take_word(word) {
                terms.push(self.term(depth)?);
            }
            if self.is_word(0, "AND") || self.is_word(0, "OR") {
                return Err(unexpected(self.peek()));
            }
            return Ok(if word == "AND" {
                Condition::And(terms)
            } else {
                Condition::Or(terms)
            });
        }
        terms.pop().ok_or_else(|| unexpected(None))
    }

    fn term(&mut self, depth: usize) -> Result<Condition, OrgError> {
        if depth > DEPTH {
            return Err(malformed("the conditions nest too deeply"));
        }
        if self.take_word("NOT") {
            return Ok(Condition::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.take_symbol("(") {
            let inner = self.condition(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        let field = self.name()?;
        let operator = self.operator()?;
        let values = if matches!(operator, Operator::In | Operator::NotIn) {
            self.values()?
        } else {
            vec![self.literal()?]
        };
        Ok(Condition::Compare(field, operator, values))
    }

    fn operator(&mut self) -> Result<Operator, OrgError> {
        if self.is_word(0, "NOT") && self.is_word(1, "IN") {
            self.at += 2;
            return Ok(Operator::NotIn);
        }
        let operator = match self.peek() {
            Some(Token::Symbol("=")) => Operator::Equal,
            Some(Token::Symbol("!=" | "<>")) => Operator::NotEqual,
            Some(Token::Symbol("<")) => Operator::Less,
            Some(Token::Symbol("<=")) => Operator::AtMost,
            Some(Token::Symbol(">")) => Operator::Greater,
            Some(Token::Symbol(">=")) => Operator::AtLeast,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("LIKE") => Operator::Like,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("IN") => Operator::In,
            other => return Err(unexpected(other)),
        };
        self.at += 1;
        Ok(operator)
    }

    fn values(&mut self) -> Result<Vec<Literal>, OrgError> {
        self.expect_symbol("(")?;
        let mut values = vec![self.literal()?];
        while self.take_symbol(",") {
            values.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, OrgError> {
        let literal = match self.peek() {
            Some(Token::Quoted(text)) => Literal::Text(text.clone()),
            Some(Token::Number(number)) => Literal::Number(*number),
            Some(Token::Date(text)) => Literal::Date(text.clone()),
            Some(Token::Datetime(text)) => Literal::Datetime(text.clone()),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Flag(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Literal::Flag(false),
            other => return Err(unexpected(other)),
        };
        self.at += 1;
        Ok(literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Condition {
        parse(&format!("SELECT Id FROM Lead WHERE {text}"))
            .unwrap()
            .condition
            .unwrap()
    }

    #[test]
    fn every_part_of_a_query_is_read() {
        let query = parse(
            "select Id, Account.Name from Contact where Email like 'a%' order by LastName desc \
             nulls last, Id limit 5 offset 2",
        )
        .unwrap();
        assert_eq!(query.fields.unwrap(), ["Id", "Account.Name"]);
        assert_eq!(
            (query.from.as_str(), query.limit, query.offset),
            ("Contact", Some(5), 2)
        );
        assert_eq!(query.order.len(), 2);
        assert!(query.order[0].is_descending && query.order[0].nulls_last);
        assert_eq!(parse("SELECT COUNT() FROM Lead").unwrap().fields, None);
    }

    #[test]
    fn literals_keep_their_type() {
        let expected = |value| Condition::Compare("F".to_owned(), Operator::Equal, vec![value]);
        assert_eq!(
            condition("F = 'it\\'s'"),
            expected(Literal::Text("it\\'s".to_owned()))
        );
        assert_eq!(condition("F = -1.5"), expected(Literal::Number(-1.5)));
        assert_eq!(condition("F = TRUE"), expected(Literal::Flag(true)));
        assert_eq!(
            condition("F=2026-01-31"),
            expected(Literal::Date("2026-01-31".to_owned()))
        );
        let instant = Literal::Datetime("2026-01-31T10:00:00.000+0000".to_owned());
        for text in ["2026-01-31T10:00:00Z", "2026-01-31T11:00:00.000+01:00"] {
            assert_eq!(condition(&format!("F = {text}")), expected(instant.clone()));
        }
    }

    #[test]
    fn and_and_or_need_brackets_between_them() {
        assert!(matches!(
            condition("A=1 AND (B=2 OR NOT C=3)"),
            Condition::And(_)
        ));
        for text in [
            "SELECT Id FROM Lead WHERE A=1 AND B=2 OR C=3",
            "SELECT Id FROM Lead WHERE A=1 OR B=2 AND C=3",
            "SELECT Id FROM Lead WHERE A='x",
            "SELECT Id FROM Lead WHERE A IN ()",
            "SELECT Id FROM Lead LIMIT x",
            "SELECT FROM Lead",
            "SELECT Id FROM Lead WHERE",
            "SELECT Id FROM Lead GROUP BY Id",
            "UPDATE Lead",
            "",
        ] {
            assert_eq!(parse(text).unwrap_err().code, "MALFORMED_QUERY", "{text}");
        }
        let deep = format!("SELECT Id FROM Lead WHERE {}A=1", "(".repeat(10_000));
        assert_eq!(parse(&deep).unwrap_err().code, "MALFORMED_QUERY");
    }
}
