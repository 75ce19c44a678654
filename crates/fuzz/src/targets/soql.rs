//! Queries: whatever goes in, the twin's own parser reads back exactly what was meant.

use salesforce::{Condition, Literal, MAX_CONDITION_LENGTH, NameError, Soql, in_chunks};
use sync_core::testing::{business_unit, lead_id, prospect_id};
use twin::org::ast::{self, Operator};
use twin::org::pattern::unescape;
use twin::org::{soql, stamps};

use crate::entropy::Entropy;

/// Names as configurations hold them, and what must never pass for one.
const NAMES: [&str; 14] = [
    "Id",
    "Email",
    "SystemModstamp",
    "Prospect_Sync_Key__c",
    "Account.Name",
    "pi__score__c",
    "X1",
    "",
    "1Id",
    "Id FROM User",
    "Name--",
    "Account.",
    "a'b",
    "Id,Name",
];

/// One query: refused for a name that is none, or read back as what it was made of.
pub(super) fn query(input: &[u8]) {
    let mut entropy = Entropy::new(input);
    let object = name(&mut entropy);
    let fields: Vec<String> = (0..=entropy.below(4)).map(|_| name(&mut entropy)).collect();
    let order: Vec<String> = (0..entropy.below(3)).map(|_| name(&mut entropy)).collect();
    let limit = entropy.flag().then(|| entropy.below(200) * 10 + 1);
    let meant = condition(&mut entropy, 0);
    let names = fields.iter().chain(&order).chain([&object]);
    let mut names: Vec<String> = names.cloned().collect();
    collect_names(&meant, &mut names);
    let fields_given = fields.iter().map(String::as_str);
    let order_given: Vec<&str> = order.iter().map(String::as_str).collect();
    let built = Soql::select(&object, fields_given, &meant, &order_given, limit);
    let is_sound = names.iter().all(|name| is_name(name));
    let query = match built {
        Ok(query) => query,
        Err(NameError(refused)) => return assert!(!is_sound, "`{refused}` is a name"),
    };
    assert!(is_sound, "a name that is none went into {}", query.as_str());
    let shown = format!("{query:?}");
    assert!(shown.starts_with("a query of "), "{shown}");
    let parsed = soql::parse(query.as_str());
    let parsed = parsed.unwrap_or_else(|error| panic!("{error:?}: {}", query.as_str()));
    let expected = ast::Query {
        fields: Some(fields),
        from: object,
        condition: Some(read(&meant)),
        order: order.into_iter().map(ascending).collect(),
        limit,
        offset: 0,
    };
    assert_eq!(unescaped(parsed), expected, "{}", query.as_str());
}

fn ascending(field: String) -> ast::Order {
    ast::Order {
        field,
        is_descending: false,
        nulls_last: false,
    }
}

/// A name, or now and then a text that is none.
fn name(entropy: &mut Entropy<'_>) -> String {
    match entropy.below(24) {
        0 => entropy.text(),
        1 => entropy.one_of(&NAMES).to_owned(),
        _ => entropy.one_of(&NAMES[..7]).to_owned(),
    }
}

/// The rule of API names, in other words than the builder's.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            let mut characters = part.bytes();
            matches!(characters.next(), Some(b'a'..=b'z' | b'A'..=b'Z'))
                && characters.all(|c| matches!(c, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_'))
        })
}

fn literal(entropy: &mut Entropy<'_>) -> Literal {
    match entropy.below(6) {
        0 => Literal::Boolean(entropy.flag()),
        1 => Literal::Instant(entropy.instant()),
        2 => Literal::Text(lead_id(entropy.number() % 1_000_000_000_000).to_string()),
        3 => {
            let id = prospect_id(entropy.number().max(1));
            let key = sync_core::key::PairKey::of(sync_core::key::RecordRef::Prospect(id));
            Literal::Text(key.field_value(&business_unit()))
        }
        _ => Literal::Text(entropy.text()),
    }
}

fn condition(entropy: &mut Entropy<'_>, depth: usize) -> Condition {
    let kind = entropy.below(if depth < 4 { 9 } else { 6 });
    if kind >= 6 {
        let inner = (0..=entropy.below(3)).map(|_| condition(entropy, depth + 1));
        let inner: Vec<Condition> = inner.collect();
        return if entropy.flag() {
            Condition::And(inner)
        } else {
            Condition::Or(inner)
        };
    }
    let field = name(entropy);
    match kind {
        0 => Condition::Equal(field, literal(entropy)),
        1 => Condition::Greater(field, literal(entropy)),
        2 => Condition::Less(field, literal(entropy)),
        3 => Condition::AtLeast(field, literal(entropy)),
        _ => {
            let literals = (0..=entropy.below(5)).map(|_| literal(entropy));
            Condition::In(field, literals.collect())
        }
    }
}

fn collect_names(condition: &Condition, names: &mut Vec<String>) {
    match condition {
        Condition::Equal(field, _)
        | Condition::Greater(field, _)
        | Condition::Less(field, _)
        | Condition::AtLeast(field, _)
        | Condition::In(field, _) => names.push(field.clone()),
        Condition::And(inner) | Condition::Or(inner) => {
            inner
                .iter()
                .for_each(|condition| collect_names(condition, names));
        }
    }
}

/// What the parser has to read: brackets around one condition are gone, instants have milliseconds.
fn read(condition: &Condition) -> ast::Condition {
    let compare = |field: &String, operator, literals: &[Literal]| {
        let values = literals.iter().map(|literal| match literal {
            Literal::Text(text) => ast::Literal::Text(text.clone()),
            Literal::Boolean(flag) => ast::Literal::Flag(*flag),
            Literal::Instant(instant) => ast::Literal::Datetime(stamps::show(*instant)),
        });
        ast::Condition::Compare(field.clone(), operator, values.collect())
    };
    match condition {
        Condition::Equal(field, value) => {
            compare(field, Operator::Equal, std::slice::from_ref(value))
        }
        Condition::Greater(field, value) => {
            compare(field, Operator::Greater, std::slice::from_ref(value))
        }
        Condition::Less(field, value) => {
            compare(field, Operator::Less, std::slice::from_ref(value))
        }
        Condition::AtLeast(field, value) => {
            compare(field, Operator::AtLeast, std::slice::from_ref(value))
        }
        Condition::In(field, values) => compare(field, Operator::In, values),
        Condition::And(inner) | Condition::Or(inner) if inner.len() == 1 => read(&inner[0]),
        Condition::And(inner) => ast::Condition::And(inner.iter().map(read).collect()),
        Condition::Or(inner) => ast::Condition::Or(inner.iter().map(read).collect()),
    }
}

/// The query with the escapes of its texts resolved, as the service resolves them.
fn unescaped(mut query: ast::Query) -> ast::Query {
    query.condition = query.condition.map(unescaped_condition);
    query
}

fn unescaped_condition(condition: ast::Condition) -> ast::Condition {
    let all = |inner: Vec<ast::Condition>| inner.into_iter().map(unescaped_condition).collect();
    match condition {
        ast::Condition::And(inner) => ast::Condition::And(all(inner)),
        ast::Condition::Or(inner) => ast::Condition::Or(all(inner)),
        ast::Condition::Not(inner) => ast::Condition::Not(Box::new(unescaped_condition(*inner))),
        ast::Condition::Compare(field, operator, values) => {
            let values = values.into_iter().map(|value| match value {
                ast::Literal::Text(raw) => ast::Literal::Text(unescape(&raw)),
                other => other,
            });
            ast::Condition::Compare(field, operator, values.collect())
        }
    }
}

/// A list cut into conditions: every value once, in order, and each condition fits into a query.
pub(super) fn lists(input: &[u8]) {
    let mut entropy = Entropy::new(input);
    let repeats = 1 + entropy.below(60);
    let mut values: Vec<String> = (0..entropy.below(12)).map(|_| entropy.text()).collect();
    values.push(entropy.rest());
    let values = vec![values; repeats].concat();
    let mut found = Vec::new();
    for chunk in in_chunks("Email", &values) {
        let length = chunk.to_string().chars().count();
        let query = Soql::select("Lead", ["Id"], &chunk, &[], None).expect("sound names");
        let parsed = soql::parse(query.as_str()).expect("the twin reads it");
        let Some(ast::Condition::Compare(field, Operator::In, read)) = unescaped(parsed).condition
        else {
            panic!("something else than a list: {}", query.as_str());
        };
        assert_eq!(field, "Email");
        assert!(
            read.len() == 1 || length <= MAX_CONDITION_LENGTH,
            "{length} characters"
        );
        found.extend(read);
    }
    let meant: Vec<ast::Literal> = values.into_iter().map(ast::Literal::Text).collect();
    assert!(found == meant, "the lists hold something else");
}
