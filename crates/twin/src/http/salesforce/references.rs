//! References between subrequests: `@{name.id}`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::org::OrgError;

/// Replaces the references in every text of a body.
///
/// # Errors
/// `PROCESSING_HALTED` when one leads nowhere, as after a failed subrequest.
pub fn fill(body: &Value, bodies: &BTreeMap<String, Value>) -> Result<Value, OrgError> {
    match body {
        Value::String(text) => match whole(text) {
            Some(path) => follow(path, bodies).cloned(),
            None => fill_text(text, bodies).map(Value::String),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, bodies)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(name, value)| Ok((name.clone(), fill(value, bodies)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(body.clone()),
    }
}

/// The path of a text that is one reference and nothing else.
fn whole(text: &str) -> Option<&str> {
    let path = text.strip_prefix("@{")?.strip_suffix('}')?;
    (!path.contains('}')).then_some(path)
}

/// Replaces the references within a text.
///
/// # Errors
/// `PROCESSING_HALTED` when one leads nowhere.
pub fn fill_text(text: &str, bodies: &BTreeMap<String, Value>) -> Result<String, OrgError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((path, after)) = after.split_once('}') else {
            break;
        };
        let value = follow(path, bodies)?;
        filled.push_str(before);
        filled.push_str(
            &value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        );
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn follow<'a>(path: &str, bodies: &'a BTreeMap<String, Value>) -> Result<&'a Value, OrgError> {
    let mut steps = path
        .split(['.', '['])
        .map(|step| step.trim_end_matches(']'));
    let name = steps.next().unwrap_or_default();
    let mut here = bodies.get(name);
    for step in steps {
        here = here.and_then(|value| match step.parse::<usize>() {
            Ok(at) => value.get(at),
            Err(_) => value.get(step),
        });
    }
    here.ok_or_else(|| {
        let why = format!("Invalid reference specified. No value for {path} found in {name}");
        OrgError::new("PROCESSING_HALTED", why)
    })
}
