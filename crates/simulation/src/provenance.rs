//! Where every value came from: which edit of a user each record shows, and which edits were replaced,
//! merged, agreed on or overwritten unread.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::key::RecordRef;

use crate::kernel::{Inner, Millis, TaskId};
use crate::remap::{are_related, held_in, related};
use crate::world::{Edit, EditId, FIELDS, NAMES, Origins, World};

/// So much later than its stamp an edit can show without having been committed late.
const SETTLED: Millis = 1_000;

impl World {
    /// A user enters a value on one side; it replaces what that side showed.
    pub fn note_edit(&mut self, record: &RecordRef, mut edit: Edit) {
        let field = edit.field;
        let mapped = self.city_field.entered_in(field, edit.on_crm);
        let known = [&self.agreed, &self.planned].map(|values| values.get(&(edit.person, mapped)));
        let seen = self.seen.get(&(edit.person, mapped, edit.on_crm));
        edit.is_unlinked = self.entered.contains_key(record) && !self.linked.contains_key(record);
        edit.restores_agreed = known.contains(&Some(&edit.value)) || seen == Some(&edit.value);
        self.owners.insert(record.clone(), edit.person);
        self.edits.push(edit);
        self.count.edits += 1;
        let id = self.edits.len() - 1;
        let origins = self.origins.entry(record.clone()).or_default();
        let Some(before) = origins[field].replace(id) else {
            return;
        };
        let is_mapped = matches!(record, RecordRef::Prospect(_)) || self.city_field.has(field);
        let is_held = self
            .origins
            .values()
            .any(|held| held.contains(&Some(before)));
        if is_mapped || !is_held {
            self.edits[before].is_replaced = true;
        } else {
            self.edits[before].is_replaced_beside = true;
        }
    }

    /// A process stores that both sides of a person have the same value. When each side had entered it by
    /// itself, and the process has seen so, the two edits become one.
    pub fn note_equal(&mut self, task: TaskId, person: usize, field: usize, value: &str) {
        let of_person = self.owners.iter().filter(|(_, owner)| **owner == person);
        let records: Vec<RecordRef> = of_person.map(|(record, _)| record.clone()).collect();
        // Whoever has entered this very value agrees, whether or not the process has seen it.
        let held: Vec<EditId> = records
            .iter()
            .filter_map(|record| self.origins_of(record)[held_in(record, field)])
            .collect();
        for held in held {
            self.edits[held].was_agreed |= self.edits[held].value == value;
        }
        let read = |record: &RecordRef| {
            Some(self.read.get(&(task, record.clone()))?[held_in(record, field)])
        };
        let was_read: Vec<Option<EditId>> = records.iter().filter_map(read).collect();
        // What was not read is known when it came from what was: a record that the process has created.
        let known = |record: &RecordRef| {
            let held = self.origins_of(record)[held_in(record, field)];
            read(record).or_else(|| was_read.contains(&held).then_some(held))
        };
        let known: Option<Vec<Option<EditId>>> = records.iter().map(known).collect();
        let Some(known) = known else { return };
        let entered: Vec<EditId> = known.iter().copied().flatten().collect();
        for id in &entered {
            self.edits[*id].was_agreed |= self.edits[*id].value == value;
        }
        let is_equal = entered.len() == records.len()
            && entered.iter().all(|id| self.edits[*id].value == value);
        let standing = entered.iter().filter(|id| !self.edits[**id].is_replaced);
        let (true, Some(first)) = (is_equal, standing.min().or(entered.iter().min()).copied())
        else {
            return;
        };
        for other in entered.into_iter().filter(|id| *id != first) {
            self.edits[other].is_merged = true;
        }
        for (record, known) in records.into_iter().zip(known) {
            let field = held_in(&record, field);
            let held = &mut self.origins.entry(record).or_default()[field];
            if *held == known {
                *held = Some(first);
            }
        }
    }

    /// A process stores a decision on a person's records, as it has read them.
    pub fn note_decided(&mut self, task: TaskId, person: usize) {
        let of_person = self.owners.iter().filter(|(_, owner)| **owner == person);
        let read = of_person.filter_map(|(record, _)| self.read.get(&(task, record.clone())));
        for id in read.flatten().flatten() {
            self.edits[*id].is_decided = true;
        }
    }

    /// A write of a process lands on a record: its values come from what the process had read of the
    /// other side. Answers what must not be: a value that nobody ever entered, or an entry that the
    /// condition of the write should have kept.
    pub fn note_write(
        &mut self,
        task: TaskId,
        record: &RecordRef,
        person: usize,
        written: &[Option<String>; FIELDS],
        (condition, now): (Option<Timestamp>, Millis),
    ) -> Option<String> {
        self.owners.insert(record.clone(), person);
        let held = self.origins_of(record);
        let was_read = self.read.get(&(task, record.clone())).copied();
        let others: Vec<Origins> = self
            .read
            .iter()
            .filter(|((reader, other), _)| {
                *reader == task && other != record && self.owners.get(other) == Some(&person)
            })
            .map(|(_, origins)| *origins)
            .collect();
        let mut origins = held;
        let mut broken = None;
        for (field, value) in written.iter().enumerate() {
            let Some(value) = value else { continue };
            if let Some(overwritten) = held[field] {
                let is_read = |read: &Origins| {
                    // It may have become one with an equal entry since.
                    let known = read[field].map(|id| &self.edits[id]);
                    read[field] == Some(overwritten)
                        || known.is_some_and(|known| {
                            known.is_merged && known.value == self.edits[overwritten].value
                        })
                };
                let is_unread = !was_read.as_ref().is_some_and(is_read);
                if is_unread && self.edits[overwritten].value != *value {
                    let is_hidden = is_hidden(&self.edits[overwritten], condition);
                    self.overwrite_unread(record, overwritten, is_hidden, now);
                    let edit = &self.edits[overwritten];
                    let is_kept = matches!(record, RecordRef::Crm(_)) && !is_hidden;
                    if is_kept || (edit.is_decided && !edit.is_replaced && !edit.restores_agreed) {
                        broken = Some(format!("lost edit: {record} overwritten unread"));
                    }
                }
            }
            if held[field].is_some_and(|id| self.edits[id].value == *value) {
                continue;
            }
            let is_source = |id: &EditId| self.edits[*id].value == *value;
            let of_others = others
                .iter()
                .flat_map(|read| related(field).map(|one| read[one]));
            let from_other = of_others.flatten().find(is_source);
            let source = from_other.or_else(|| self.latest(person, field, value));
            if source.is_none() && !value.is_empty() {
                let name = NAMES[field].0;
                broken = Some(format!("invented: {name} of {record}"));
            }
            origins[field] = source;
        }
        self.origins.insert(record.clone(), origins);
        // What it has written it knows.
        if let Some(known) = self.read.get_mut(&(task, record.clone())) {
            for field in (0..FIELDS).filter(|field| written[*field].is_some()) {
                known[field] = origins[field];
            }
        }
        broken
    }

    fn overwrite_unread(&mut self, record: &RecordRef, edit: EditId, is_hidden: bool, now: Millis) {
        let edit = &mut self.edits[edit];
        if edit.is_replaced || edit.is_overwritten_unread {
            return;
        }
        edit.is_overwritten_unread = true;
        match record {
            RecordRef::Crm(_) if is_hidden => self.count.hidden_on_crm += 1,
            RecordRef::Crm(_) => self.count.unread_on_crm += 1,
            RecordRef::Prospect(_) => {
                self.count.unread_on_prospect += 1;
                self.count.oldest_unread = self.count.oldest_unread.max(now - edit.at);
            }
        }
    }

    fn latest(&self, person: usize, field: usize, value: &str) -> Option<EditId> {
        self.edits.iter().rposition(|edit| {
            edit.person == person && are_related(edit.field, field) && edit.value == value
        })
    }
}

/// Whether an entry became visible long after its stamp, and shares the second of that with the stamp that
/// was read. An open transaction holds its record, so no later second can have been read meanwhile.
fn is_hidden(edit: &Edit, condition: Option<Timestamp>) -> bool {
    let is_late = edit.at - edit.stamped > SETTLED;
    is_late && condition.is_some_and(|seen| edit.stamped.div_euclid(1_000) == seen.as_second())
}

/// A write of a process has landed on a record: these fields, under this condition.
pub(crate) fn note(
    inner: &mut Inner,
    task: TaskId,
    record: &RecordRef,
    (body, condition): (&Map<String, Value>, Option<Timestamp>),
) {
    let world = &mut inner.world;
    let Some(person) = world.owner(record) else {
        inner.violate(format!("{record} belongs to nobody"));
        return;
    };
    let written = std::array::from_fn(|field| {
        let name = match record {
            RecordRef::Crm(_) => NAMES[field].1,
            RecordRef::Prospect(_) => NAMES[field].0,
        };
        let is_written = body.contains_key(name) && held_in(record, field) == field;
        is_written.then(|| World::value(body, field, name))
    });
    let about = (condition, inner.now);
    let broken = world.note_write(task, record, person, &written, about);
    if let Some(broken) = broken.filter(|_| !world.crossed.contains(&person)) {
        inner.violate(broken);
    }
}
