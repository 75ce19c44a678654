//! The read cache: a prospect read less than a minute ago may be answered as it was then (K4).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::records::Record;

/// Prospects as they were last read from the live table. Off while `seconds` is 0.
#[derive(Debug, Clone, Default)]
pub struct ReadCache {
    /// How long a read row is answered again unchanged.
    pub seconds: i64,
    rows: BTreeMap<u64, (Timestamp, Record)>,
}

impl ReadCache {
    /// The row a reader sees: the cached one while it is young, else the live one.
    pub fn seen<'a>(&'a self, live: &'a Record, now: Timestamp) -> &'a Record {
        self.rows
            .get(&live.id)
            .filter(|(read_at, _)| self.is_young(*read_at, now))
            .map_or(live, |(_, row)| row)
    }

    /// Remembers a live row that was just answered; a young row keeps its place.
    pub fn remember(&mut self, live: &Record, now: Timestamp) {
        if self.seconds == 0 {
            return;
        }
        let is_young = self
            .rows
            .get(&live.id)
            .is_some_and(|(read_at, _)| self.is_young(*read_at, now));
        if !is_young {
            self.rows.insert(live.id, (now, live.clone()));
        }
    }

    fn is_young(&self, read_at: Timestamp, now: Timestamp) -> bool {
        now.as_second() - read_at.as_second() < self.seconds
    }
}
