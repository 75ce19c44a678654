//! The people whose records the services hold, and whose record is whose.

use connector::adapters::crm_record;
use sync_core::config::Mode;
use sync_core::key::{PairKey, RecordRef};

use crate::kernel::{Millis, TaskId};
use crate::lives;
use crate::world::{EMAIL, World};

/// Somebody with a record in one service or in both.
#[derive(Debug, Clone)]
pub struct Person {
    /// The addresses that they have had. Others can have had them too.
    pub addresses: Vec<String>,
    /// Where users entered them.
    pub entered: Entered,
}

/// Where users enter a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// As a lead.
    AsLead,
    /// As an assigned prospect.
    AsProspect,
    /// As both, at once or one after the other: two users did not know of each other.
    AsBoth,
}

impl World {
    /// Whether two records with one address are one person's.
    #[must_use]
    pub fn addresses_tell(&self) -> bool {
        self.config.settings.match_by_email || self.config.mode == Mode::NonAmpsea
    }

    /// Whose record it is: whoever entered it, else whose record it was created for.
    #[must_use]
    pub fn owner(&self, record: &RecordRef) -> Option<usize> {
        let known = |record: &RecordRef| self.owners.get(record).copied();
        known(record)
            .or_else(|| known(self.key_on(record)?.origin()))
            .or_else(|| self.namesake(record))
    }

    /// Whose row it is that tells of these records.
    #[must_use]
    pub fn owner_of(&self, mut records: impl Iterator<Item = RecordRef>) -> Option<usize> {
        records.find_map(|record| self.owners.get(&record).copied())
    }

    /// A process looks for records with this address on a side.
    pub fn note_asked(&mut self, task: TaskId, on_crm: bool, address: &str, now: Millis) {
        let address = address.to_ascii_lowercase();
        self.asked.insert((task, on_crm, address), now);
    }

    /// A process has created a record. Was the person entered there by a user since the process had looked for
    /// them, or less than a minute before (K4), it could not know.
    pub fn note_crossing(&mut self, task: TaskId, created: &RecordRef) {
        let Some(person) = self.owner(created) else {
            return;
        };
        let on_crm = matches!(created, RecordRef::Crm(_));
        let addresses = self.people[person].addresses.iter();
        let asked = addresses.map(|address| (task, on_crm, address.to_ascii_lowercase()));
        let Some(asked) = asked.filter_map(|key| self.asked.get(&key)).max() else {
            return;
        };
        let stale_reads = Millis::from(self.config.account_engagement.stale_reads_seconds) * 1_000;
        let unseen = if on_crm { 0 } else { stale_reads };
        let entered = lives::records(self, person, on_crm)
            .into_iter()
            .filter_map(|(record, _)| self.entered.get(&record));
        if entered.into_iter().any(|entered| entered + unseen > *asked) {
            self.crossed.insert(person);
        }
    }

    /// The pair key that a record carries.
    fn key_on(&self, record: &RecordRef) -> Option<PairKey> {
        match record {
            RecordRef::Crm(id) => {
                let unit = &self.config.business_unit;
                crm_record::key(unit, &self.config, self.lead(id)?)
            }
            RecordRef::Prospect(id) => self.key_of(&Self::as_answer(*id, self.prospect(*id)?)),
        }
    }

    /// Of a record that carries no key: who has its address, and no record on that side yet.
    fn namesake(&self, record: &RecordRef) -> Option<usize> {
        let address = self.shown(record, EMAIL);
        let on_crm = matches!(record, RecordRef::Crm(_));
        let has_it = |person: &usize| {
            let mut known = self.people[*person].addresses.iter();
            known.any(|known| known.eq_ignore_ascii_case(&address))
        };
        let has_none = |person: &usize| lives::records(self, *person, on_crm).is_empty();
        let named: Vec<usize> = (0..self.people.len()).filter(has_it).collect();
        let first = named.first().copied();
        named.into_iter().find(has_none).or(first)
    }
}
