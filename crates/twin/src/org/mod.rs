//! Engine of one Salesforce org: records, users, rules, recycle bin, stamps and limits, no HTTP.
//!
//! Nothing here reads a clock: every operation takes its caller, and the caller carries `now`. A
//! write is stamped when its statement runs and seen when its transaction commits; usually that is
//! the same moment, but `visible_after` keeps them apart as a long transaction would. Until then
//! the row is locked.

pub mod ast;
pub mod changes;
pub mod configure;
pub mod convert;
pub mod cursors;
pub mod describe;
pub mod error;
pub mod evaluate;
pub mod lexer;
pub mod limits;
pub mod pattern;
pub mod query;
pub mod records;
pub mod rules;
pub mod schema;
pub mod soql;
pub mod stamps;
pub mod standard;
pub mod table;
pub mod transaction;
pub mod upsert;
pub mod users;
pub mod values;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::SalesforceId;

pub use configure::OrgSettings;
pub use error::OrgError;
pub use rules::Rules;
use schema::{Field, Object};
use table::{Row, Table};
use transaction::{Pending, Undo};

/// The id of the org.
pub const ORG_ID: &str = "00D000000000001EAA";

/// Who calls, when, and under which headers.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The id of the user.
    pub user_id: String,
    /// The time of the statement.
    pub now: Timestamp,
    /// Whether assignment rules run.
    pub auto_assign: bool,
    /// Whether alerts of duplicate rules are overridden.
    pub allow_save: bool,
    /// Whether validation and duplicate rules are skipped, as when seeding.
    pub skips_rules: bool,
    /// After how many seconds the write commits.
    pub visible_after: Option<i64>,
    /// Every how many records the row is locked by somebody else.
    pub lock_every: Option<u32>,
}

impl Caller {
    /// A user who writes as the API does without special headers.
    #[must_use]
    pub fn new(user_id: impl Into<String>, now: Timestamp) -> Self {
        Self {
            user_id: user_id.into(),
            now,
            auto_assign: true,
            allow_save: false,
            skips_rules: false,
            visible_after: None,
            lock_every: None,
        }
    }
}

/// An org with everything in it.
#[derive(Debug, Clone)]
pub struct Org {
    /// What an admin set up.
    pub rules: Rules,
    /// The daily calls.
    pub limits: limits::Limits,
    /// Open query cursors.
    pub cursors: cursors::Cursors,
    /// The largest page of a query.
    pub page_size: Option<usize>,
    /// Whether a body that names an unknown field fails only its record of a collection.
    pub unknown_field_fails_record_only: bool,
    schema: BTreeMap<String, Object>,
    tables: BTreeMap<String, Table>,
    numbers: BTreeMap<&'static str, u64>,
    pending: Vec<Pending>,
    journal: Vec<Undo>,
    late_commits: Option<configure::LateCommits>,
    writes: u32,
    planned_locks: u32,
}

impl Default for Org {
    fn default() -> Self {
        Self::new()
    }
}

impl Org {
    /// An org with the standard objects and the default users.
    #[must_use]
    pub fn new() -> Self {
        let schema: BTreeMap<String, Object> = standard::objects()
            .into_iter()
            .map(|object| (object.name.clone(), object))
            .collect();
        let tables = schema
            .keys()
            .map(|name| (name.clone(), Table::default()))
            .collect();
        let mut org = Self {
            rules: Rules::default(),
            limits: limits::Limits::default(),
            cursors: cursors::Cursors::default(),
            page_size: None,
            unknown_field_fails_record_only: false,
            schema,
            tables,
            numbers: BTreeMap::new(),
            pending: Vec::new(),
            journal: Vec::new(),
            late_commits: None,
            writes: 0,
            planned_locks: 0,
        };
        org.put_default_users();
        org
    }

    /// The objects by name.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.schema.values()
    }

    /// An object by name, in any spelling.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none.
    pub fn object(&self, name: &str) -> Result<&Object, OrgError> {
        let found = self
            .schema
            .values()
            .find(|object| object.name.eq_ignore_ascii_case(name));
        found.ok_or_else(OrgError::not_found)
    }

    /// A field as a user sees it: not at all when it is hidden.
    #[must_use]
    pub fn visible_field(&self, object: &Object, name: &str, user_id: &str) -> Option<&Field> {
        let field = self.schema.get(&object.name)?.field(name)?;
        let is_hidden = self
            .hidden(user_id)
            .is_some_and(|hidden| hidden.contains(&format!("{}.{}", object.name, field.name)));
        (!is_hidden).then_some(field)
    }

    fn hidden(&self, user_id: &str) -> Option<&BTreeSet<String>> {
        if self.rules.hidden_fields.is_empty() {
            return None;
        }
        self.rules
            .hidden_fields
            .get(self.table("User").get(user_id)?.text("Username"))
    }

    fn table(&self, object: &str) -> &Table {
        self.tables
            .get(object)
            .expect("`new` puts a table for every object of the schema")
    }

    /// A committed row, deleted or not.
    #[must_use]
    pub fn row(&self, object: &str, id: &str) -> Option<&Row> {
        self.tables.get(object)?.get(id)
    }

    /// The committed rows of an object, deleted ones included.
    pub fn rows(&self, object: &str) -> impl Iterator<Item = (&String, &Row)> {
        self.tables.get(object).into_iter().flat_map(Table::rows)
    }

    /// The next id of an object.
    fn next_id(&mut self, key_prefix: &'static str) -> String {
        let number = self.numbers.entry(key_prefix).or_insert(0);
        *number += 1;
        let fifteen = format!("{key_prefix}{:0>12}", base62(*number));
        let id: SalesforceId = fifteen
            .parse()
            .expect("a prefix and base-62 digits are an id");
        id.as_str().to_owned()
    }

    /// Everything in the org, for tests and people.
    #[must_use]
    pub fn dump(&self) -> Value {
        let mut all = Map::new();
        for (name, table) in &self.tables {
            let rows: Vec<Value> = table
                .rows()
                .map(|(_, row)| Value::Object(row.values.clone()))
                .collect();
            all.insert(name.clone(), Value::Array(rows));
        }
        json!({
            "objects": all,
            "rules": self.rules,
            "limits": { "max": self.limits.max, "used": self.limits.used },
            "uncommitted": self.pending.len(),
        })
    }
}

fn base62(mut number: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    while number > 0 {
        let digit = usize::try_from(number % 62).expect("a remainder of 62 fits");
        digits.push(char::from(DIGITS[digit]));
        number /= 62;
    }
    digits.iter().rev().collect()
}

/// A given id in 18 characters, whatever its spelling.
#[must_use]
pub fn widen(given: &str) -> Option<String> {
    given
        .parse::<SalesforceId>()
        .ok()
        .map(|id| id.as_str().to_owned())
}
