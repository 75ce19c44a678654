//! Conditions of a query against rows: fields resolved once, then compared row by row.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::ast::{Condition, Literal, Operator};
use super::pattern::{Piece, is_like, pattern, unescape};
use super::schema::{Field, FieldType, Object};
use super::table::Row;
use super::{Org, OrgError, widen};

/// A field reached from a row, perhaps through its parents.
#[derive(Debug, Clone)]
pub struct Path {
    /// Reference fields with the relationship's name and the parent object.
    pub hops: Vec<Hop>,
    /// The field at the end.
    pub field: Field,
}

/// One step to a parent.
#[derive(Debug, Clone)]
pub struct Hop {
    reference: String,
    /// The name of the relationship.
    pub relationship: String,
    /// The parent object.
    pub object: String,
}

/// A value that can be compared with another of the same field.
#[derive(Debug, Clone)]
pub enum Key {
    /// No value.
    Null,
    /// A flag.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text, folded unless case matters.
    Text(String),
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(left), Self::Flag(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.total_cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl Key {
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Flag(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
        }
    }

    /// The key of a held value.
    #[must_use]
    pub fn of(field: &Field, value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => number.as_f64().map_or(Self::Null, Self::Number),
            Value::String(text) => Self::text(field, text),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Null,
        }
    }

    fn text(field: &Field, text: &str) -> Self {
        let is_folded = field.kind.is_text() && !field.case_sensitive;
        Self::Text(if is_folded {
            text.to_lowercase()
        } else {
            text.to_owned()
        })
    }
}

/// A condition whose fields are resolved.
#[derive(Debug, Clone)]
pub enum Test {
    /// All hold.
    All(Vec<Test>),
    /// One holds.
    Any(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// A value compared.
    Compare(Path, Operator, Key),
    /// A value among others.
    Among(Path, bool, BTreeSet<Key>),
    /// A text like a pattern.
    Like(Path, Vec<Piece>),
}

impl Org {
    /// Finds a field by its path.
    ///
    /// # Errors
    /// `INVALID_FIELD` when the user sees no such field or relationship.
    pub fn resolve(&self, object: &Object, path: &str, user_id: &str) -> Result<Path, OrgError> {
        let mut here = object;
        let mut hops = Vec::new();
        let mut parts: Vec<&str> = path.split('.').collect();
        if parts.len() > 1
            && parts[0].eq_ignore_ascii_case(&object.name)
            && self.relation(here, parts[0]).is_none()
        {
            parts.remove(0);
        }
        let Some((last, relations)) = parts.split_last() else {
            return Err(no_field(path, here));
        };
        for relation in relations {
            let Some((field, parent)) = self.relation(here, relation) else {
                let why = format!(
                    "Didn't understand relationship '{relation}' in field path. If you are \
                     attempting to use a custom relationship, be sure to append the '__r' after \
                     the custom relationship name."
                );
                return Err(OrgError::new("INVALID_FIELD", why));
            };
            hops.push(Hop {
                reference: field.name.clone(),
                relationship: field.relationship_name.clone().unwrap_or_default(),
                object: parent.name.clone(),
            });
            here = parent;
        }
        let field = self.visible_field(here, last, user_id);
        let field = field.ok_or_else(|| no_field(last, here))?.clone();
        Ok(Path { hops, field })
    }

    fn relation<'a>(&'a self, object: &'a Object, name: &str) -> Option<(&'a Field, &'a Object)> {
        let is_named = |field: &&Field| {
            field
                .relationship_name
                .as_ref()
                .is_some_and(|held| held.eq_ignore_ascii_case(name))
        };
        let field = object.fields.iter().find(is_named)?;
        Some((field, self.object(field.reference_to.as_ref()?).ok()?))
    }

    /// The parent row a path leads to, if there is one.
    #[must_use]
    pub fn follow<'a>(&'a self, row: &'a Row, hops: &[Hop]) -> Option<&'a Row> {
        let mut here = row;
        for hop in hops {
            here = self.row(&hop.object, here.text(&hop.reference))?;
        }
        Some(here)
    }

    fn key(&self, row: &Row, path: &Path) -> Key {
        let held = self.follow(row, &path.hops);
        held.map_or(Key::Null, |held| {
            Key::of(&path.field, held.get(&path.field.name))
        })
    }

    /// The key of a row for sorting.
    #[must_use]
    pub fn sort_key(&self, row: &Row, path: &Path) -> Key {
        self.key(row, path)
    }

    /// Resolves the fields of a condition and types its literals.
    ///
    /// # Errors
    /// `INVALID_FIELD` and `INVALID_QUERY_FILTER_OPERATOR`.
    pub fn bind(
        &self,
        object: &Object,
        condition: &Condition,
        user_id: &str,
    ) -> Result<Test, OrgError> {
        let bind_all = |terms: &[Condition]| {
            terms
                .iter()
                .map(|term| self.bind(object, term, user_id))
                .collect::<Result<Vec<_>, _>>()
        };
        match condition {
            Condition::And(terms) => Ok(Test::All(bind_all(terms)?)),
            Condition::Or(terms) => Ok(Test::Any(bind_all(terms)?)),
            Condition::Not(term) => Ok(Test::Not(Box::new(self.bind(object, term, user_id)?))),
            Condition::Compare(name, operator, values) => {
                let path = self.resolve(object, name, user_id)?;
                compare(path, *operator, values)
            }
        }
    }

    /// Whether a row passes.
    #[must_use]
    pub fn passes(&self, row: &Row, test: &Test) -> bool {
        match test {
            Test::All(tests) => tests.iter().all(|test| self.passes(row, test)),
            Test::Any(tests) => tests.iter().any(|test| self.passes(row, test)),
            Test::Not(test) => !self.passes(row, test),
            Test::Among(path, is_in, keys) => keys.contains(&self.key(row, path)) == *is_in,
            Test::Like(path, pattern) => match self.key(row, path) {
                Key::Text(text) => {
                    let folded: Vec<char> = text.to_lowercase().chars().collect();
                    is_like(&folded, pattern)
                }
                Key::Null | Key::Flag(_) | Key::Number(_) => false,
            },
            Test::Compare(path, operator, expected) => {
                let key = self.key(row, path);
                let ordering = key.cmp(expected);
                let is_ordered = key != Key::Null && *expected != Key::Null;
                match operator {
                    Operator::Equal => ordering.is_eq(),
                    Operator::NotEqual => ordering.is_ne(),
                    Operator::Less => is_ordered && ordering.is_lt(),
                    Operator::AtMost => is_ordered && ordering.is_le(),
                    Operator::Greater => is_ordered && ordering.is_gt(),
                    Operator::AtLeast => is_ordered && ordering.is_ge(),
                    Operator::Like | Operator::In | Operator::NotIn => false,
                }
            }
        }
    }
}

fn no_field(name: &str, object: &Object) -> OrgError {
    let why = format!(
        "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be \
         sure to append the '__c' after the custom field name. Please reference your WSDL or the \
         describe call for the appropriate names.",
        object.name
    );
    OrgError::new("INVALID_FIELD", why)
}

fn compare(path: Path, operator: Operator, values: &[Literal]) -> Result<Test, OrgError> {
    if path.field.kind == FieldType::Textarea && path.field.length > 255 {
        let why = format!(
            "field '{}' can not be filtered in a query call",
            path.field.name
        );
        return Err(OrgError::new("INVALID_FIELD", why));
    }
    if operator == Operator::Like {
        let [Literal::Text(raw)] = values else {
            return Err(wrong_type(&path.field));
        };
        if !path.field.kind.is_text() {
            let why = format!("invalid operator on {} field", path.field.kind.name());
            return Err(OrgError::new("INVALID_QUERY_FILTER_OPERATOR", why));
        }
        return Ok(Test::Like(path, pattern(&raw.to_lowercase())));
    }
    let keys: BTreeSet<Key> = values
        .iter()
        .map(|value| key(&path.field, value))
        .collect::<Result<_, _>>()?;
    match operator {
        Operator::In => Ok(Test::Among(path, true, keys)),
        Operator::NotIn => Ok(Test::Among(path, false, keys)),
        _ => {
            let key = keys.into_iter().next().unwrap_or(Key::Null);
            Ok(Test::Compare(path, operator, key))
        }
    }
}

/// A literal as a key of a field, when it has the right type.
fn key(field: &Field, literal: &Literal) -> Result<Key, OrgError> {
    match (field.kind, literal) {
        (_, Literal::Null) => Ok(Key::Null),
        (kind, Literal::Text(raw)) if kind.is_id() => {
            let text = unescape(raw);
            if text.is_empty() {
                return Ok(Key::Null);
            }
            widen(&text).map(Key::Text).ok_or_else(|| {
                let why = format!("invalid ID field: {text}");
                OrgError::new("INVALID_QUERY_FILTER_OPERATOR", why)
            })
        }
        (kind, Literal::Text(raw)) if kind.is_text() => match unescape(raw).trim_end() {
            "" => Ok(Key::Null),
            text => Ok(Key::text(field, text)),
        },
        (FieldType::Boolean, Literal::Flag(flag)) => Ok(Key::Flag(*flag)),
        (kind, Literal::Number(number)) if kind.is_number() => Ok(Key::Number(*number)),
        (FieldType::Date, Literal::Date(text)) | (FieldType::Datetime, Literal::Datetime(text)) => {
            Ok(Key::Text(text.clone()))
        }
        _ => Err(wrong_type(field)),
    }
}

fn wrong_type(field: &Field) -> OrgError {
    let quotes = if field.kind.is_text() || field.kind.is_id() {
        "be"
    } else {
        "not be"
    };
    let kind = if field.kind == FieldType::Datetime {
        "dateTime"
    } else {
        field.kind.name()
    };
    let name = &field.name;
    let why = format!(
        "value of filter criterion for field '{name}' must be of type {kind} and should {quotes} \
         enclosed in quotes"
    );
    OrgError::new("INVALID_FIELD", why)
}
