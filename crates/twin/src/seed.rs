//! Rows from sObject-tree files, as they are: validation and duplicate rules do not run.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bu::{self, BusinessUnit};
use crate::org::users::ADMIN;
use crate::org::{Caller, Org, OrgError};
use crate::world::{World, lock};

/// Why a seed was refused. Nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A file that is missing or cannot be read.
    #[error("`{0}` cannot be read")]
    File(String, #[source] std::io::Error),
    /// A text that is no JSON, or JSON of another form.
    #[error("it is neither a tree of records nor a plan with files")]
    Form(#[from] serde_json::Error),
    /// A file the plan names and nobody gave.
    #[error("the plan names `{0}`, which is not among the files")]
    Missing(String),
    /// A reference to a record that was not loaded before.
    #[error("record {at}: nothing is called `{name}`")]
    Reference {
        /// The position in its file.
        at: usize,
        /// The name.
        name: String,
    },
    /// A record the org refused.
    #[error("record {at}")]
    Record {
        /// The position in its file.
        at: usize,
        /// Why.
        #[source]
        error: OrgError,
    },
    /// The admin, in whose name rows are made, is gone.
    #[error("there is no user `{ADMIN}`")]
    Admin,
    /// A prospect file.
    #[error("the prospects were refused")]
    Prospects(#[from] bu::SeedError),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Plan {
        plan: Vec<Step>,
        files: BTreeMap<String, Tree>,
    },
    Tree(Tree),
}

#[derive(Deserialize)]
struct Step {
    files: Vec<String>,
}

#[derive(Deserialize)]
struct Tree {
    records: Vec<Map<String, Value>>,
}

/// Loads one tree, or a plan with its files: `{"plan": [..], "files": {"accounts.json": {..}}}`.
///
/// # Errors
/// What is wrong with the first record that does not fit; nothing is loaded then.
pub fn salesforce(org: &mut Org, body: &Value, now: Timestamp) -> Result<usize, SeedError> {
    let trees = match Input::deserialize(body)? {
        Input::Tree(tree) => vec![tree],
        Input::Plan { plan, mut files } => plan
            .into_iter()
            .flat_map(|step| step.files)
            .map(|name| files.remove(&name).ok_or(SeedError::Missing(name)))
            .collect::<Result<_, _>>()?,
    };
    org.begin(now);
    let admin = org.user_id(ADMIN).ok_or(SeedError::Admin)?;
    let caller = Caller {
        auto_assign: false,
        skips_rules: true,
        ..Caller::new(admin, now)
    };
    let savepoint = org.savepoint();
    let loaded = load(org, trees, &caller);
    if loaded.is_err() {
        org.roll_back(savepoint);
    }
    loaded
}

fn load(org: &mut Org, trees: Vec<Tree>, caller: &Caller) -> Result<usize, SeedError> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut count = 0;
    for tree in trees {
        for (at, mut record) in tree.records.into_iter().enumerate() {
            let attributes = record.remove("attributes").unwrap_or_default();
            let object = attributes["type"].as_str().unwrap_or_default();
            for value in record.values_mut() {
                let Some(name) = value.as_str().and_then(|text| text.strip_prefix('@')) else {
                    continue;
                };
                let id = known.get(name);
                let id = id.ok_or_else(|| SeedError::Reference {
                    at,
                    name: name.to_owned(),
                })?;
                *value = json!(id);
            }
            let id = org.create(object, &record, caller);
            let id = id.map_err(|error| SeedError::Record { at, error })?;
            if let Some(name) = attributes["referenceId"].as_str() {
                known.insert(name.to_owned(), id);
            }
            count += 1;
        }
    }
    Ok(count)
}

/// Loads a folder: `plan.json` with its files into the org, `prospects.csv` into a business unit.
///
/// # Errors
/// A file that is missing, or whose rows do not fit.
pub fn folder(world: &World, folder: &Path, unit_id: &str) -> Result<(usize, usize), SeedError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| SeedError::File(path.display().to_string(), error))
    };
    let plan: Value = serde_json::from_str(&read("plan.json")?)?;
    let mut files = Map::new();
    let names = plan
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|step| step["files"].as_array());
    for name in names.flatten().filter_map(Value::as_str) {
        files.insert(name.to_owned(), serde_json::from_str(&read(name)?)?);
    }
    let prospects = read("prospects.csv")?;
    let now = world.clock.now();
    let body = json!({ "plan": plan, "files": files });
    let (rows, org_users) = {
        let mut org = lock(&world.org);
        (salesforce(&mut org, &body, now)?, org.user_names())
    };
    let mut units = lock(&world.units);
    let unit = units
        .entry(unit_id.to_owned())
        .or_insert_with(|| BusinessUnit::new(unit_id.to_owned()));
    unit.link_users(&org_users);
    let prospects = bu::seed_csv(unit, &prospects, now)?;
    Ok((rows, prospects))
}
