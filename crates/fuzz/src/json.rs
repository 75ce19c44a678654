//! Mutations of JSON: a document stays a document, and one of its values is not what it was.

use serde_json::{Map, Value, json};

use crate::canary;

/// Values that readers stumble over.
fn interesting(rng: &mut fastrand::Rng) -> Value {
    let texts = [
        "",
        " ",
        "0",
        "-1",
        "null",
        "true",
        "2026-11-23T10:00:00.000+0000",
        "2026-11-23",
        "-009999-01-02T01:59:59Z",
        "9999-12-30T22:00:00Z",
        "9999-99-99T99:99:99Z",
        "00Q000000000001EAA",
        "003000000000002AAA",
        "00Q000000000001",
        "00Q000000000001EAB",
        "005000000000009AAA",
        "0Uv000000000001CAA",
        "CanaryKeptSecretAA",
        "c:00Q000000000001EAA",
        "p:1",
        "p:+1",
        "0Uv000000000001CAA:p:1",
        "[[crm_deleted]]",
        "/services/data/../../secur",
        "/services/data/v67.0/query/01g-2000",
        "https://x.my.salesforce.com",
        "1e5",
        "1_000",
        "0.1234567890123456789012345678901",
        "a;b",
        ";",
        "\u{0}",
        "\u{feff}x",
        canary::TEXT,
    ];
    match rng.u8(0..16) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(1e300),
        7 => json!(1.5),
        8 => json!([]),
        9 => json!({}),
        10 => json!(canary::NUMBER),
        11 => json!([canary::TEXT, canary::NUMBER]),
        12 => json!({ "value": canary::TEXT }),
        13 => json!("x".repeat(rng.usize(0..5_000))),
        14 => nested(rng.usize(0..140)),
        _ => json!(texts[rng.usize(0..texts.len())]),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(canary::TEXT), |inner, _| json!([inner]))
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

/// The node with this number, counted depth first.
fn node(value: &mut Value, number: usize) -> Option<&mut Value> {
    if number == 0 {
        return Some(value);
    }
    let mut left = number - 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(values) => values.iter_mut().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    for child in children {
        let size = count(child);
        if left < size {
            return node(child, left);
        }
        left -= size;
    }
    None
}

/// Changes one to three places of a document.
pub(crate) fn mutate(document: &mut Value, rng: &mut fastrand::Rng) {
    for _ in 0..rng.usize(1..4) {
        let number = rng.usize(0..count(document));
        let other = rng.usize(0..count(document));
        let copied = node(document, other).cloned().unwrap_or_default();
        let Some(place) = node(document, number) else {
            continue;
        };
        match (rng.u8(0..4), place) {
            (0, Value::Object(fields)) => change_fields(fields, copied, rng),
            (0, Value::Array(values)) => change_list(values, rng),
            (1, place) => *place = copied,
            (_, place) => *place = interesting(rng),
        }
    }
}

fn change_fields(fields: &mut Map<String, Value>, copied: Value, rng: &mut fastrand::Rng) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let Some(name) = names.get(rng.usize(0..names.len().max(1))) else {
        fields.insert(canary::TEXT.to_owned(), copied);
        return;
    };
    match rng.u8(0..3) {
        0 => {
            fields.remove(name);
        }
        1 => {
            let value = fields.remove(name).unwrap_or_default();
            fields.insert(canary::TEXT.to_owned(), value);
        }
        _ => {
            fields.insert(name.clone(), copied);
        }
    }
}

fn change_list(values: &mut Vec<Value>, rng: &mut fastrand::Rng) {
    let Some(value) = values.get(rng.usize(0..values.len().max(1))).cloned() else {
        values.push(interesting(rng));
        return;
    };
    match rng.u8(0..3) {
        0 => values.truncate(values.len() / 2),
        1 => values.extend(std::iter::repeat_n(value, rng.usize(1..300))),
        _ => values.reverse(),
    }
}
