//! The field of the lead that the prospect's city is mapped to, and what no longer counts once that changes.

use sync_core::config::{Config, ConnectorRow, SyncBehaviour};
use sync_core::key::RecordRef;

use crate::kernel::{Millis, TaskId};
use crate::world::{EditId, FIELDS, NAMES, World};

/// The city, which a prospect has alone. On a lead it is the field that it is mapped to first.
pub const CITY: usize = 2;

/// The other field of a lead that it can be mapped to.
pub const STATE: usize = 4;

/// Whether two fields hold the values of one field of the prospect, at one time or another.
#[must_use]
pub fn are_related(field: usize, other: usize) -> bool {
    field == other
        || [field, other]
            .iter()
            .all(|one| matches!(*one, CITY | STATE))
}

/// The fields that are related to one.
pub(crate) fn related(field: usize) -> impl Iterator<Item = usize> {
    (0..FIELDS).filter(move |other| are_related(field, *other))
}

/// Where a record holds a field.
#[must_use]
pub(crate) fn held_in(record: &RecordRef, field: usize) -> usize {
    match record {
        RecordRef::Prospect(_) if field == STATE => CITY,
        _ => field,
    }
}

/// The field of the lead that the city is mapped to now.
#[derive(Debug, Clone, Copy)]
pub struct CityField {
    /// The field of the lead.
    pub field: usize,
    /// The version of the configuration that mapped it there.
    since: u64,
}

impl Default for CityField {
    fn default() -> Self {
        Self {
            field: CITY,
            since: 0,
        }
    }
}

impl CityField {
    /// Whether it was changed at all.
    #[must_use]
    pub fn is_changed(self) -> bool {
        self.since > 0
    }

    /// Whether the field is mapped.
    #[must_use]
    pub fn has(self, field: usize) -> bool {
        !are_related(field, CITY) || field == self.field
    }

    /// Whether what was stored under this version of the configuration says something of the field.
    pub(crate) fn covers(self, field: usize, version: u64) -> bool {
        !are_related(field, CITY) || (field == self.field && version >= self.since)
    }

    /// The mapped field in which a value was entered.
    pub(crate) fn entered_in(self, field: usize, on_crm: bool) -> usize {
        if field == CITY && !on_crm {
            self.field
        } else {
            field
        }
    }
}

/// The next configuration: the city is mapped to the other field of the lead.
pub(crate) fn remapped(
    world: &World,
    row: &ConnectorRow,
    before: &Config,
) -> (ConnectorRow, Config) {
    // Where both sides differ after it, one wins the one time and the other the next.
    let (to, behaviour) = if world.city_field.field == CITY {
        (STATE, SyncBehaviour::UseSalesforce)
    } else {
        (CITY, SyncBehaviour::UseAccountEngagement)
    };
    let mut config = before.clone();
    let mut entries = config.fields.0.iter_mut();
    let city = entries.find(|entry| entry.prospect.0 == NAMES[CITY].0);
    let city = city.expect("it is mapped");
    city.lead = Some(NAMES[to].1.to_owned());
    city.behaviour = behaviour;
    let version = row.config_version + 1;
    let since = config
        .fields
        .mapped_since(Some(&before.fields), &row.mapped_since, version);
    let row = ConnectorRow {
        mapped_since: since,
        ..row.clone()
    };
    (row, config)
}

impl World {
    /// A configuration comes into force: what both sides had agreed on in another field does not count any more.
    pub(crate) fn note_city_field(&mut self, version: u64, config: &Config) {
        let mut entries = config.fields.0.iter();
        let city = entries.find(|entry| entry.prospect.0 == NAMES[CITY].0);
        let is_state = city.is_some_and(|city| city.lead.as_deref() == Some(NAMES[STATE].1));
        let to = if is_state { STATE } else { CITY };
        if self.city_field.field == to {
            return;
        }
        self.city_field = CityField {
            field: to,
            since: version,
        };
        // What a record does not show any more was decided while that counted; so was what an intent replaces.
        let is_open = |id: &EditId| {
            let edit = &self.edits[*id];
            let planned = self.planned.get(&(edit.person, edit.field));
            !(edit.is_decided && planned.is_some_and(|planned| *planned != edit.value))
        };
        let shown: Vec<EditId> = self.shown_as_city().filter(is_open).collect();
        self.based.clear();
        self.agreed
            .retain(|(_, field), _| !are_related(*field, CITY));
        self.planned
            .retain(|(_, field), _| !are_related(*field, CITY));
        self.seen
            .retain(|(_, field, _), _| !are_related(*field, CITY));
        for edit in shown {
            self.edits[edit].was_agreed = false;
            self.edits[edit].restores_agreed = false;
        }
    }

    /// The entries that records show in the fields that the city is mapped to, or was.
    fn shown_as_city(&self) -> impl Iterator<Item = EditId> {
        let origins = self.origins.values();
        origins.flat_map(|origins| related(CITY).filter_map(|field| origins[field]))
    }

    /// A worker that began before a remap still decides as before it: what its plan replaces of what it has read, it may
    /// know as agreed on.
    pub(crate) fn note_outrun(&mut self, task: TaskId, person: usize, planned: &str, version: u64) {
        if version >= self.city_field.since {
            return;
        }
        let read = self.read.iter().filter(|((reader, _), _)| *reader == task);
        let of_city =
            read.flat_map(|(_, origins)| related(CITY).filter_map(|field| origins[field]));
        for id in of_city.collect::<Vec<_>>() {
            let edit = &mut self.edits[id];
            edit.restores_agreed |= edit.person == person && edit.value != planned;
        }
    }

    /// Until when an entry of a person can have been compared without a base: then the behaviour decides, also
    /// against a value that a user had replaced.
    #[must_use]
    pub(crate) fn baseless_until(&self, person: usize, field: usize) -> Millis {
        if !self.city_field.is_changed() || !are_related(field, CITY) {
            return Millis::MIN;
        }
        self.based.get(&person).copied().unwrap_or(Millis::MAX)
    }
}
