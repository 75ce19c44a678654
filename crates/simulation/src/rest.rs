//! How a run comes to rest: no faults and no people any more, everything drains, and then nothing is written.

use connector::ports::State;
use sync_core::config::{ConnectorRow, ConnectorState};

use crate::errors;
use crate::kernel::{Event, Millis};
use crate::run::{Run, at_once};

/// How often the poller runs while the system drains: less often, because nobody waits.
const DRAIN_EVERY: Millis = 600_000;
/// When both sides are compared once more, as the daily comparison does.
const COMPARED_AFTER: Millis = 25 * 3_600_000;
/// How many polls the system gets to come to rest.
const DRAIN_POLLS: u32 = 60;

impl Run {
    /// Somebody puts right what stopped the connector.
    fn activate(&self) {
        let state = &self.deployment.state;
        let unit = self.deployment.unit();
        if let Some(Some(row)) = at_once(state.connector(&unit))
            && row.state != ConnectorState::Active
        {
            let active = ConnectorRow {
                state: ConnectorState::Active,
                version: row.version + 1,
                ..row
            };
            at_once(state.put_connector(&active));
        }
    }

    /// No faults and no people any more: the system comes to rest, and then nothing is written.
    pub(crate) fn drain(&mut self) {
        self.activate();
        let mut written = self.written();
        let mut quiet = 0;
        for _ in 0..DRAIN_POLLS {
            self.sim.lock().after(DRAIN_EVERY, Event::Poll);
            self.play();
            let now_written = self.written();
            let is_idle = !self.is_circuit_open() && self.sim.lock().lanes.is_empty();
            let is_quiet = is_idle && now_written == written;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            written = now_written;
            // Late transactions are visible after a quarter of an hour.
            if quiet >= 3 {
                return;
            }
        }
        self.sim
            .lock()
            .violate("the system does not come to rest".to_owned());
    }

    /// An operator syncs what the queue gave up, as the errors say.
    pub(crate) fn sync_by_hand(&mut self) {
        let commands = errors::syncs_by_hand(&self.deployment);
        if commands.is_empty() {
            return;
        }
        let by_hand = commands.len() as u64;
        {
            let count = &mut self.sim.lock().world.count;
            count.by_hand += by_hand;
            count.by_hand_without_outage += if self.outage { 0 } else { by_hand };
        }
        for command in commands {
            self.processes.admin(command);
            self.play();
        }
        self.drain();
    }

    /// The daily comparison brings into step what was not changed since a field is mapped anew, and takes away what a
    /// worker that died has left beside a row with an error.
    pub(crate) fn catch_up(&mut self) {
        self.sim.lock().after(COMPARED_AFTER, Event::Reconcile);
        self.play();
        self.drain();
    }

    /// Whether nobody calls yet, because an allowance is used up: then nothing is at rest, it waits.
    fn is_circuit_open(&self) -> bool {
        let unit = self.deployment.unit();
        let row = at_once(self.deployment.state.connector(&unit)).flatten();
        let now = self.sim.lock().timestamp();
        row.is_some_and(|row| row.used_up_at(now).is_some())
    }

    /// A day later the comparison finds nothing, and nothing is written for it.
    pub(crate) fn compare(&mut self) {
        if !self.sim.lock().violations.is_empty() {
            return;
        }
        let (written, drifted) = (self.written(), self.sim.lock().drifted);
        self.sim.lock().after(COMPARED_AFTER, Event::Reconcile);
        self.play();
        let found = self.sim.lock().drifted - drifted;
        if found > 0 || self.written() > written {
            let written = self.written() - written;
            let mut inner = self.sim.lock();
            inner.violate(format!("not at rest: {found} drifted, {written} written"));
        }
    }

    fn written(&self) -> u64 {
        let count = self.sim.lock().world.count;
        count.crm_writes + count.prospect_writes
    }
}
