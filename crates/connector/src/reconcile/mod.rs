//! The daily comparison: pages through the links, reads both records, and has drift repaired by the worker.
//!
//! It writes to neither service. A pair that is out of step becomes a change hint like any other, and
//! the order is the poller's: the progress moves only after the queue has accepted every message.
//! A pass may take many runs; each goes on where the last one stopped.

mod compare;
mod pass;
mod report;

use jiff::{SignedDuration, Timestamp};
use sync_core::config::ConnectorState;
use sync_core::hint::Lane;
use sync_core::ids::BusinessUnit;

pub use pass::{BATCH, PASS_EVERY, REPAIRS_PER_PASS};
pub use report::{ReconcileReport, ReconcileRun};

use crate::circuit;
use crate::environment::{Configured, Environment};
use crate::poll::{PollError, into_batches, stop_on_refused_login};
use crate::ports::{Holder, ReconcileProgress, Sides};
use crate::turn;

/// No batch is begun with less time left: two queries of 25 seconds, and what is stored around them.
pub const BATCH_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Compares for every connector of the deployment as far as the time allows. One that fails does not
/// stop the others.
pub async fn reconcile_all(
    environment: &Environment,
    run: &str,
    deadline: Timestamp,
) -> Vec<ReconcileReport> {
    let mut reports = Vec::with_capacity(environment.business_units.len());
    for unit in &environment.business_units {
        let mut report = ReconcileReport::of(unit);
        let compared = reconcile_unit(environment, unit, (run, deadline), &mut report).await;
        if let Err(problem) = compared {
            report.problem = Some(problem);
        }
        reports.push(report);
    }
    reports
}

/// A connector that is paused or stopped owes no comparison: nothing is read, as nothing is polled.
async fn reconcile_unit(
    environment: &Environment,
    unit: &BusinessUnit,
    (run, deadline): (&str, Timestamp),
    report: &mut ReconcileReport,
) -> Result<(), PollError> {
    let configured = environment.configured(unit).await?;
    let state = configured.as_ref().map(|configured| &configured.row.state);
    let name = state.map_or("not configured", ConnectorState::name);
    name.clone_into(&mut report.state);
    let Some(configured) = configured.filter(|c| c.row.state == ConnectorState::Active) else {
        report.is_owed = false;
        return Ok(());
    };
    report.is_active = true;
    let stored = environment.state.reconcile_progress(unit).await?;
    let now = environment.clock.now();
    let Some(progress) = pass::under_way(stored, now) else {
        report.is_owed = false;
        return Ok(());
    };
    report.used_up = configured.row.used_up_at(now);
    if report.used_up.is_some() || !has_time(environment, deadline) {
        return Ok(());
    }
    if !turn::take(environment, unit, Holder::Reconciler, deadline).await? {
        report.waits_for_turn = true;
        return Ok(());
    }
    let slice = Slice {
        environment,
        configured: &configured,
        run,
        deadline,
        progress,
        report: &mut *report,
    };
    let compared = slice.run().await;
    let problem = compared.as_ref().err();
    stop_on_refused_login(environment, &configured.row, problem).await;
    report.used_up = circuit::open_if_refused(environment, &configured, problem, now).await;
    turn::give_back(environment, unit, Holder::Reconciler).await;
    compared
}

fn has_time(environment: &Environment, deadline: Timestamp) -> bool {
    deadline.duration_since(environment.clock.now()) >= BATCH_MARGIN
}

/// As much of a pass as fits into one run.
struct Slice<'a> {
    environment: &'a Environment,
    configured: &'a Configured,
    run: &'a str,
    deadline: Timestamp,
    progress: ReconcileProgress,
    report: &'a mut ReconcileReport,
}

impl Slice<'_> {
    async fn run(mut self) -> Result<(), PollError> {
        let sides = self
            .environment
            .services
            .open(&self.configured.config)
            .await?;
        let compared = self.compare(&sides).await;
        self.report.salesforce = sides.crm.take_usage();
        self.report.account_engagement = sides.marketing.take_usage();
        compared
    }

    async fn compare(&mut self, sides: &Sides) -> Result<(), PollError> {
        while let Some(page) = self.progress.next.clone() {
            if !has_time(self.environment, self.deadline) {
                return Ok(());
            }
            let unit = &self.configured.row.business_unit;
            let (links, next) = pass::read_batch(self.environment, unit, page).await?;
            let findings =
                compare::compare(self.environment, self.configured, sides, links).await?;
            let hints = self.report.note(&findings, &mut self.progress.hinted);
            let now = self.environment.clock.now();
            let run = format!("{}-reconcile-{}", self.run, self.progress.version);
            let batches = into_batches(unit, &run, now, hints);
            self.environment.queue.send(Lane::Bulk, batches).await?;
            self.progress.next = next;
            self.store().await?;
        }
        self.report.is_owed = false;
        self.report.is_complete = true;
        Ok(())
    }

    async fn store(&mut self) -> Result<(), PollError> {
        self.progress.version += 1;
        let unit = &self.configured.row.business_unit;
        let state = &self.environment.state;
        state.put_reconcile_progress(unit, &self.progress).await?;
        Ok(())
    }
}
