//! Both services as the twin's engines, the people in them, and where every value came from.

use std::collections::{BTreeMap, BTreeSet};

use connector::adapters::prospect;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::config::Config;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use twin::bu::BusinessUnit;
use twin::bu::objects::Object;
use twin::org::Org;

use crate::allowance::Allowances;
use crate::count::Count;
use crate::kernel::{Millis, TaskId};
use crate::lives::Life;
use crate::people::Person;
use crate::remap::CityField;

/// How many fields are followed in a simulated world.
pub const FIELDS: usize = 5;

/// The field among them that is an address. Users enter what they like in those before it.
pub const EMAIL: usize = 3;

/// The fields: name on the prospect, name on the lead.
pub const NAMES: [(&str, &str); FIELDS] = [
    ("firstName", "FirstName"),
    ("jobTitle", "Title"),
    ("city", "City"),
    ("email", "Email"),
    ("city", "State"),
];

/// The edit that a value came from.
pub type EditId = usize;

/// Where the values of a record came from, field by field.
pub type Origins = [Option<EditId>; FIELDS];

/// A value that a user entered.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Whose record.
    pub person: usize,
    /// Which field.
    pub field: usize,
    /// The value; empty for a blank.
    pub value: String,
    /// When.
    pub at: Millis,
    /// Whether no row had told of its record yet: linking never erases a value (R83), so a blank is no entry then.
    pub is_unlinked: bool,
    /// On which side.
    pub on_crm: bool,
    /// When Salesforce stamped it: a transaction commits later.
    pub stamped: Millis,
    /// Whether it puts back what both sides had agreed on, or what was last seen of its side: to a
    /// comparison of states it is no edit.
    pub restores_agreed: bool,
    /// Whether a user saw it and entered something else.
    pub is_replaced: bool,
    /// Whether that was in a field of the lead that was not mapped: the mapped one goes on holding it.
    pub is_replaced_beside: bool,
    /// Whether both sides were known to hold it: the next edit of either side may replace it.
    pub was_agreed: bool,
    /// Whether the other side had entered the same value, and both became one.
    pub is_merged: bool,
    /// Whether a decision that had read it was stored: no later one may go by an older read.
    pub is_decided: bool,
    /// Whether a write of ours overwrote it that was decided without having seen it.
    pub is_overwritten_unread: bool,
}

/// A prospect as it was until a moment; without fields before it was there.
struct Earlier {
    until: Millis,
    fields: Option<Map<String, Value>>,
    origins: Origins,
}

/// A conflict that a row keeps: person, field, the value that lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The row that keeps it.
    pub pair: PairKey,
    /// Whose record.
    pub person: usize,
    /// Which field.
    pub field: usize,
    /// The value that lost.
    pub loser: String,
    /// When it was decided, as the row says.
    pub told: Timestamp,
    /// When it was first stored.
    pub at: Millis,
}

impl Conflict {
    /// Whether the row told of it before.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.field, &self.loser, self.told) == (other.field, &other.loser, other.told)
    }
}

/// Everything outside the connector.
pub struct World {
    /// Salesforce.
    pub org: Org,
    /// Account Engagement.
    pub unit: BusinessUnit,
    /// The connector's configuration at the start.
    pub config: Config,
    /// The connector user's id in Salesforce.
    pub connector_user: String,
    /// A user's id in Salesforce.
    pub user: String,
    /// The people.
    pub people: Vec<Person>,
    /// All edits.
    pub edits: Vec<Edit>,
    /// The conflicts that the rows keep.
    pub conflicts: Vec<Conflict>,
    /// Which field of a lead the city is mapped to.
    pub city_field: CityField,
    /// When a row first held a base of the city as it is mapped now, by person.
    pub based: BTreeMap<usize, Millis>,
    /// What the connector holds as agreed, by person and field.
    pub agreed: BTreeMap<(usize, usize), String>,
    /// What an intent wants both sides to agree on, by person and field.
    pub planned: BTreeMap<(usize, usize), String>,
    /// What an intent says was seen of each side, by person, field and side.
    pub seen: BTreeMap<(usize, usize, bool), String>,
    /// What was written.
    pub count: Count,
    /// The day's calls.
    pub allowances: Allowances,
    /// Calls under way in Account Engagement, by process.
    pub calls: BTreeMap<TaskId, u32>,
    /// What people did to the records of each person.
    pub lives: BTreeMap<usize, Life>,
    /// Prospects that the service named when it was asked what is in the recycle bin, or took out of it for us.
    pub in_bin: BTreeSet<ProspectId>,
    /// Whose record is whose.
    pub owners: BTreeMap<RecordRef, usize>,
    /// When users entered the records that are not ours.
    pub entered: BTreeMap<RecordRef, Millis>,
    /// When a process last looked for leads, or prospects, with an address.
    pub asked: BTreeMap<(TaskId, bool, String), Millis>,
    /// Records of which a row knows the fields, and which pair's it is.
    pub linked: BTreeMap<RecordRef, PairKey>,
    /// People of whom a second record was entered when nobody could find it any more.
    pub crossed: BTreeSet<usize>,
    pub(crate) origins: BTreeMap<RecordRef, Origins>,
    pub(crate) read: BTreeMap<(TaskId, RecordRef), Origins>,
    /// When a process last read a prospect.
    pub(crate) looked: BTreeMap<(TaskId, ProspectId), Millis>,
    earlier: BTreeMap<ProspectId, Vec<Earlier>>,
}

impl World {
    /// Empty services for this configuration, from engines that were prepared once.
    #[must_use]
    pub fn new(org: Org, unit: BusinessUnit, config: Config) -> Self {
        let connector_user = org.user_id(twin::org::users::CONNECTOR).unwrap_or_default();
        let user = org.user_id("tom.becker@example.com").unwrap_or_default();
        Self {
            org,
            unit,
            config,
            connector_user,
            user,
            people: Vec::new(),
            edits: Vec::new(),
            conflicts: Vec::new(),
            city_field: CityField::default(),
            based: BTreeMap::new(),
            agreed: BTreeMap::new(),
            planned: BTreeMap::new(),
            seen: BTreeMap::new(),
            count: Count::default(),
            allowances: Allowances::default(),
            calls: BTreeMap::new(),
            lives: BTreeMap::new(),
            in_bin: BTreeSet::new(),
            owners: BTreeMap::new(),
            entered: BTreeMap::new(),
            asked: BTreeMap::new(),
            linked: BTreeMap::new(),
            crossed: BTreeSet::new(),
            origins: BTreeMap::new(),
            read: BTreeMap::new(),
            looked: BTreeMap::new(),
            earlier: BTreeMap::new(),
        }
    }

    /// A row of a lead as Salesforce answers it now.
    #[must_use]
    pub fn lead(&self, id: &CrmId) -> Option<&Map<String, Value>> {
        self.org.row("Lead", id.as_str()).map(|row| &row.values)
    }

    /// The fields of a prospect as Account Engagement answers them now.
    #[must_use]
    pub fn prospect(&self, id: ProspectId) -> Option<Map<String, Value>> {
        let row = self.unit.row(Object::Prospects, id.get())?;
        let mut fields = row.values.clone();
        let user = fields.get("userId").cloned().unwrap_or_default();
        fields.insert("assignedToId".to_owned(), user);
        Some(fields)
    }

    /// The fields of a prospect as a read may answer them: as they are, or as they were within the
    /// last minute. `pick` chooses among what is possible.
    pub fn prospect_seen(
        &self,
        id: ProspectId,
        now: Millis,
        mut pick: impl FnMut(usize) -> Option<usize>,
    ) -> Option<(Map<String, Value>, Origins)> {
        let record = RecordRef::Prospect(id);
        let possible: Vec<&Earlier> = self
            .earlier
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|earlier| now - earlier.until < 60_000)
            .collect();
        if let Some(index) = pick(possible.len()) {
            let earlier = possible[index];
            return Some((earlier.fields.clone()?, earlier.origins));
        }
        Some((self.prospect(id)?, self.origins_of(&record)))
    }

    /// Keeps what a prospect is before it changes.
    pub fn keep_earlier(&mut self, id: ProspectId, now: Millis) {
        if let Some(fields) = self.prospect(id) {
            self.keep(id, now, Some(fields));
        }
    }

    /// Keeps that a prospect was not there before it was created: a look-up may not find it yet (K4).
    pub fn keep_absence(&mut self, id: ProspectId, now: Millis) {
        self.keep(id, now, None);
    }

    fn keep(&mut self, id: ProspectId, now: Millis, fields: Option<Map<String, Value>>) {
        let origins = self.origins_of(&RecordRef::Prospect(id));
        let kept = self.earlier.entry(id).or_default();
        kept.retain(|earlier| now - earlier.until < 60_000);
        kept.push(Earlier {
            until: now,
            fields,
            origins,
        });
    }

    /// What people did to the records of a person.
    pub fn life(&mut self, person: usize) -> &mut Life {
        self.lives.entry(person).or_default()
    }

    /// Where the values of a record came from.
    #[must_use]
    pub fn origins_of(&self, record: &RecordRef) -> Origins {
        self.origins.get(record).copied().unwrap_or_default()
    }

    /// Notes what a process has found under an address. What it has read before to decide on goes before that: as
    /// another pair's candidate it is no news to the decision on its own.
    pub fn note_found(&mut self, task: TaskId, record: RecordRef, origins: Origins) {
        self.read.entry((task, record)).or_insert(origins);
    }

    /// Notes what a process has read. An older read that shows the same value takes nothing away from what it knows.
    pub fn note_read(&mut self, task: TaskId, record: RecordRef, mut origins: Origins) {
        let known = self.read.entry((task, record)).or_default();
        for (read, known) in origins.iter_mut().zip(*known) {
            let values = [*read, known].map(|id| id.map(|id| &self.edits[id].value));
            if values[0] == values[1] {
                *read = known.max(*read);
            }
        }
        *known = origins;
    }

    /// What a record shows in a field, as values are compared; nothing when it is not there.
    #[must_use]
    pub fn shown(&self, record: &RecordRef, field: usize) -> String {
        let (on_prospect, on_crm) = NAMES[field];
        let shown = match record {
            RecordRef::Crm(id) => self.lead(id).map(|row| Self::value(row, field, on_crm)),
            RecordRef::Prospect(id) => {
                let row = self.prospect(*id);
                row.map(|row| Self::value(&row, field, on_prospect))
            }
        };
        shown.unwrap_or_default()
    }

    /// The value of a field on a row, as values are compared: addresses without their capitals.
    #[must_use]
    pub fn value(row: &Map<String, Value>, field: usize, name: &str) -> String {
        Self::compared(field, Self::text(row, name))
    }

    /// A value as it is compared.
    #[must_use]
    pub fn compared(field: usize, text: &str) -> String {
        if field == EMAIL {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    }

    /// The ids of all leads, deleted ones included.
    pub fn lead_ids(&self) -> impl Iterator<Item = CrmId> {
        self.org
            .rows("Lead")
            .filter_map(|(id, _)| id.parse::<CrmId>().ok())
    }

    /// The ids of all prospects, recycled ones included.
    pub fn prospect_ids(&self) -> impl Iterator<Item = ProspectId> {
        let rows = self.unit.table(Object::Prospects).rows.keys();
        rows.filter_map(|id| ProspectId::try_from(*id).ok())
    }

    /// A prospect of the client's type.
    #[must_use]
    pub fn as_answer(id: ProspectId, fields: Map<String, Value>) -> account_engagement::Prospect {
        account_engagement::Prospect { id, fields }
    }

    /// The value of a mapped field on a prospect's or a lead's row.
    #[must_use]
    pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
        fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Commits transactions of users that are due.
    pub fn commit_due(&mut self, now: Timestamp) {
        self.org.begin(now);
    }

    /// The pair key that a prospect carries.
    #[must_use]
    pub fn key_of(&self, answer: &account_engagement::Prospect) -> Option<PairKey> {
        prospect::key(&self.config.business_unit, &self.config, answer)
    }
}
