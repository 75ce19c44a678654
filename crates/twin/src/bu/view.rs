//! Replies: the fields a caller asked for, with dot paths, and instants in the API user's zone.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::BusinessUnit;
use super::errors::ApiError;
use super::fields::Kind;
use super::objects::Object;
use super::records::Record;

/// How many relations a path may follow.
const HOPS: usize = 3;

/// Field paths that were checked against the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<Vec<String>>);

impl BusinessUnit {
    /// Checks a `fields` parameter; the refusal names the first unknown field only.
    pub fn parse_fields(&self, object: Object, text: &str) -> Result<Fields, ApiError> {
        let mut paths = Vec::new();
        for path in text
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
        {
            let segments: Vec<String> = path.split('.').map(str::to_owned).collect();
            if !self.is_path(object, &segments) {
                return Err(ApiError::unknown_field(path));
            }
            paths.push(segments);
        }
        if paths.is_empty() {
            return Err(ApiError::fields_missing());
        }
        Ok(Fields(paths))
    }

    fn is_path(&self, object: Object, segments: &[String]) -> bool {
        let Some((last, relations)) = segments.split_last() else {
            return false;
        };
        if relations.len() > HOPS {
            return false;
        }
        let mut current = object;
        for relation in relations {
            match current.relation(relation) {
                Some((_, target)) => current = target,
                None => return false,
            }
        }
        self.field(current, last).is_some()
    }

    /// A row as a single read answers it.
    pub fn view(&self, object: Object, row: &Record, fields: &Fields) -> Value {
        self.render(object, row, fields, false)
    }

    /// A row as a query answers it: fields with several values are left out (K7).
    pub fn view_in_query(&self, object: Object, row: &Record, fields: &Fields) -> Value {
        self.render(object, row, fields, true)
    }

    fn render(&self, object: Object, row: &Record, fields: &Fields, is_query: bool) -> Value {
        let mut reply = Map::new();
        for path in &fields.0 {
            self.render_path(object, row, path, is_query, &mut reply);
        }
        Value::Object(reply)
    }

    fn render_path(
        &self,
        object: Object,
        row: &Record,
        path: &[String],
        is_query: bool,
        reply: &mut Map<String, Value>,
    ) {
        let Some((name, rest)) = path.split_first() else {
            return;
        };
        if rest.is_empty() {
            if let Some(value) = self.render_value(object, row, name, is_query) {
                reply.insert(name.clone(), value);
            }
            return;
        }
        let related = object.relation(name).and_then(|(key, target)| {
            let id = row.get(key).as_u64()?;
            self.row(target, id).map(|found| (target, found))
        });
        let Some((target, found)) = related else {
            reply.insert(name.clone(), Value::Null);
            return;
        };
        let nested = reply.entry(name.clone()).or_insert_with(|| json!({}));
        if let Value::Object(nested) = nested {
            self.render_path(target, found, rest, is_query, nested);
        }
    }

    fn render_value(
        &self,
        object: Object,
        row: &Record,
        name: &str,
        is_query: bool,
    ) -> Option<Value> {
        let field = self.field(object, name)?;
        if is_query && field.is_omitted_by_query() {
            return None;
        }
        if object == Object::Prospects && name == "salesforceOwnerId" {
            let owner = row
                .get("userId")
                .as_u64()
                .and_then(|id| self.row(Object::Users, id));
            return Some(owner.map_or(Value::Null, |user| user.get("salesforceId").clone()));
        }
        let value = row.get(name);
        Some(match (field.kind, value) {
            (Kind::Boolean, Value::Null) => json!(false),
            (Kind::DateTime, Value::String(text)) => json!(self.local_text(text)),
            _ => value.clone(),
        })
    }

    /// An instant held in a row, as replies show it.
    pub fn local_text(&self, stored: &str) -> String {
        stored.parse::<Timestamp>().map_or_else(
            |_| stored.to_owned(),
            |instant| {
                let local = instant.to_zoned(self.settings.api_user_zone.clone());
                local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            },
        )
    }
}
