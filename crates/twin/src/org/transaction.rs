//! What makes writes atomic and lets them commit late.

use jiff::{Timestamp, ToSpan};

use super::schema::{Field, Object};
use super::table::{Row, unique_key};
use super::{Caller, Org, OrgError};

/// A row before a write, to put back.
#[derive(Debug, Clone)]
pub struct Undo {
    object: String,
    id: String,
    before: Option<Row>,
    pending_before: Option<usize>,
}

/// A write that is stamped and not yet committed.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The object.
    pub object: String,
    /// The id of the row.
    pub id: String,
    row: Row,
    visible_at: Timestamp,
}

/// A point to go back to.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Savepoint(usize);

impl Org {
    /// Begins a request: commits what is due and forgets how to undo earlier requests.
    pub fn begin(&mut self, now: Timestamp) {
        self.settle(now);
        self.journal.clear();
        self.writes = 0;
        self.planned_locks = 0;
    }

    /// Whether this request has written a row.
    #[must_use]
    pub fn has_written(&self) -> bool {
        !self.journal.is_empty()
    }

    /// How many rows of this request were locked by plan.
    #[must_use]
    pub fn planned_locks(&self) -> u32 {
        self.planned_locks
    }

    /// Commits the writes that are due.
    pub fn settle(&mut self, now: Timestamp) {
        if self.pending.is_empty() {
            return;
        }
        let (due, open) = self
            .pending
            .drain(..)
            .partition(|pending| pending.visible_at <= now);
        self.pending = open;
        let due: Vec<Pending> = due;
        for pending in due {
            self.replace(&pending.object, &pending.id, Some(pending.row));
        }
    }

    /// A point to go back to within this request.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.journal.len())
    }

    /// Takes back every write since a savepoint.
    pub fn roll_back(&mut self, savepoint: Savepoint) {
        while self.journal.len() > savepoint.0 {
            let Some(undo) = self.journal.pop() else {
                return;
            };
            if let Some(length) = undo.pending_before {
                self.pending.truncate(length);
            } else {
                self.replace(&undo.object, &undo.id, undo.before);
            }
        }
    }

    /// Writes a row: at once, or when its transaction commits.
    pub(super) fn write(&mut self, object: &str, id: &str, row: Row, caller: &Caller) {
        let delay = caller.visible_after.or_else(|| self.next_late_commit());
        let mut undo = Undo {
            object: object.to_owned(),
            id: id.to_owned(),
            before: None,
            pending_before: None,
        };
        let visible_at = delay.and_then(|seconds| caller.now.checked_add(seconds.seconds()).ok());
        if let Some(visible_at) = visible_at {
            undo.pending_before = Some(self.pending.len());
            let (object, id) = (object.to_owned(), id.to_owned());
            self.pending.push(Pending {
                object,
                id,
                row,
                visible_at,
            });
        } else {
            undo.before = self.replace(object, id, Some(row));
        }
        self.journal.push(undo);
    }

    fn next_late_commit(&mut self) -> Option<i64> {
        let late = self.late_commits.as_mut()?;
        late.count = late.count.checked_sub(1)?;
        Some(late.seconds)
    }

    /// Puts a committed row, or takes it away, and answers what was there.
    pub(super) fn replace(&mut self, object: &str, id: &str, row: Option<Row>) -> Option<Row> {
        let schema = self.schema.get(object)?;
        self.tables.get_mut(object)?.put(schema, id, row)
    }

    /// Refuses to write a row that another transaction holds.
    pub(super) fn take_lock(&mut self, id: Option<&str>, caller: &Caller) -> Result<(), OrgError> {
        self.writes += 1;
        let is_planned = caller
            .lock_every
            .is_some_and(|every| self.writes.is_multiple_of(every.max(1)));
        self.planned_locks += u32::from(is_planned);
        let is_held = id.is_some_and(|id| self.pending.iter().any(|pending| pending.id == id));
        if is_planned || is_held {
            Err(OrgError::locked())
        } else {
            Ok(())
        }
    }

    /// The row of an open transaction that will hold a value of a unique field.
    pub(super) fn pending_holder(&self, object: &Object, field: &Field, key: &str) -> Option<&str> {
        let holds = |pending: &&Pending| {
            pending.object == object.name
                && !pending.row.is_deleted()
                && unique_key(field, pending.row.get(&field.name)).as_deref() == Some(key)
        };
        self.pending
            .iter()
            .find(holds)
            .map(|pending| pending.id.as_str())
    }
}
