//! One seed, one run: people and faults for a while, then everything drains, then the checker looks.

use std::sync::Arc;

use connector::memory::{MemoryErrors, MemoryLinks, MemoryState};
use connector::ports::State;
use futures::FutureExt;
use sync_core::config::{ConnectorRow, ConnectorState, SyncBehaviour};
use sync_core::protocol::AdminCommand;

use crate::check;
use crate::count::Count;
use crate::errors;
use crate::faults::{Faults, Kinds};
use crate::kernel::{Event, Inner, Millis, START, Sim};
use crate::mutants::Mutant;
use crate::processes::{Deployment, Processes};
use crate::remap;
use crate::setting::{Matching, RENEWED_AFTER, config, configure, engines};
use crate::users::{self, Domain};
use crate::world::{NAMES, World};

/// How often the poller runs (template.yaml).
const POLL_EVERY: Millis = 120_000;

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether reads of prospects may be stale (K4), where the seed is not to say so.
    pub with_cache: Option<bool>,
    /// Whether the token fields are configured.
    pub with_tokens: bool,
    /// The step of the protocol that is left out.
    pub mutant: Option<Mutant>,
    /// Whether the story is kept.
    pub tells: bool,
    /// Kinds of faults that do not happen; for shrinking.
    pub without: Kinds,
    /// At most so many actions of users; for shrinking.
    pub most_actions: u32,
    /// At most so many people; for shrinking.
    pub most_people: usize,
}

impl Options {
    /// The full protocol, everything that can go wrong.
    #[must_use]
    pub fn full() -> Self {
        Self {
            with_cache: None,
            with_tokens: true,
            mutant: None,
            tells: false,
            without: Kinds::default(),
            most_actions: u32::MAX,
            most_people: usize::MAX,
        }
    }

    /// The protocol without a step, in the same world.
    #[must_use]
    pub fn of_mutant(mutant: Mutant) -> Self {
        Self {
            mutant: Some(mutant),
            ..Self::full()
        }
    }
}

/// What a run came to.
pub struct Outcome {
    /// Invariants that broke.
    pub violations: Vec<String>,
    /// A number that two runs of one seed share.
    pub fingerprint: u64,
    /// Whether reads of prospects could be stale.
    pub with_cache: bool,
    /// What was counted.
    pub count: Count,
    /// The story, when it was kept.
    pub story: Vec<String>,
}

/// A run that goes on.
pub(crate) struct Run {
    pub(crate) sim: Arc<Sim>,
    pub(crate) processes: Processes,
    pub(crate) deployment: Deployment,
    domain: Domain,
    most_people: usize,
    pub(crate) outage: bool,
    crowd: bool,
    remaps: bool,
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    // Half of the runs have the setting of production, half leave nothing to stale reads.
    let is_drawn = rng.bool();
    let with_cache = options.with_cache.unwrap_or(is_drawn);
    let faults = Faults::draw(&mut rng, with_cache).without(options.without);
    let matching = Matching::draw(&mut rng);
    let (org, unit) = engines(matching);
    let with_mirror = rng.bool();
    let config = config(options.with_tokens, with_cache, with_mirror, matching);
    let world = World::new(org, unit, config);
    let sim = Sim::new(seed, faults, world, options.tells);
    let errors = Arc::new(MemoryErrors::default());
    let deployment = Deployment {
        sim: sim.clone(),
        links: Arc::new(MemoryLinks::new(&errors)),
        errors,
        state: Arc::new(MemoryState::default()),
        mutant: options.mutant,
    };
    {
        let allowances = &mut sim.lock().world.allowances;
        allowances.account_engagement.left = faults.calls_left;
        allowances.account_engagement.renewed_at = START + RENEWED_AFTER;
        allowances.salesforce.left = faults.crm_calls_left;
        // Calls of the last 24 hours are counted: nobody can say when the first is free again.
        allowances.salesforce.renewed_at = START + rng.i64(600_000..3 * RENEWED_AFTER);
    }
    configure(&deployment);
    mutate(&sim, options.mutant);
    let domain = match rng.u32(0..4) {
        0 => Domain::Of(2),
        1 => Domain::Of(3),
        2 => Domain::Of(10),
        _ => Domain::Unique,
    };
    let mut run = Run {
        processes: Processes::new(deployment.clone()),
        most_people: rng
            .usize(if faults.crowd { 6..=12 } else { 1..=3 })
            .min(options.most_people),
        outage: faults.outage,
        crowd: faults.crowd,
        remaps: faults.remaps,
        sim,
        deployment,
        domain,
    };
    run.plan(&mut rng, options.most_actions);
    run.play();
    run.drain();
    run.sync_by_hand();
    let is_remapped = run.sim.lock().world.city_field.is_changed();
    if is_remapped || errors::has_row_beside_error(&run.deployment) {
        check::check(&run.deployment, false);
        run.catch_up();
    }
    check::check(&run.deployment, true);
    run.compare();
    let mut inner = run.sim.lock();
    let writes = (
        inner.world.count.crm_writes,
        inner.world.count.prospect_writes,
    );
    inner.mix(writes);
    Outcome {
        violations: std::mem::take(&mut inner.violations),
        fingerprint: inner.fingerprint(),
        with_cache,
        count: inner.world.count,
        story: inner.take_story(),
    }
}

/// Mutants of the queue and the tables themselves.
fn mutate(sim: &Sim, mutant: Option<Mutant>) {
    let mut inner = sim.lock();
    match mutant {
        Some(Mutant::CommitWithoutEpoch | Mutant::NoLeaseNoCondition) => {
            inner.commits_overwrite = true;
        }
        Some(Mutant::AcknowledgedFirst) => inner.lanes.acknowledges_first = true,
        Some(Mutant::FailuresAcknowledged) => inner.lanes.acknowledges_failures = true,
        Some(Mutant::SendIsOnlyALook) => inner.lanes.forgets_sends = true,
        Some(Mutant::DeadMessagesDropped) => inner.lanes.drops_dead = true,
        _ => {}
    }
}

/// The stores in memory answer at once.
pub fn at_once<T, E>(call: impl Future<Output = Result<T, E>>) -> Option<T> {
    call.now_or_never()?.ok()
}

impl Run {
    /// What people and operators will do, and when the poller runs.
    fn plan(&self, rng: &mut fastrand::Rng, most_actions: u32) {
        let period = if self.outage {
            5 * POLL_EVERY
        } else {
            POLL_EVERY
        };
        let horizon = rng.i64(4..=16) * period;
        let actions = rng.u32(if self.crowd { 15..=40 } else { 2..=10 });
        let actions = actions.min(most_actions);
        let mut inner = self.sim.lock();
        for _ in 0..actions {
            // People like to work at the same time.
            let at = if rng.bool() {
                rng.i64(0..horizon)
            } else {
                (rng.i64(0..horizon) / POLL_EVERY) * POLL_EVERY + rng.i64(0..6_000)
            };
            inner.after(at, Event::User);
        }
        let mut at = rng.i64(0..POLL_EVERY);
        while at < horizon {
            inner.after(at, Event::Poll);
            at += period + rng.i64(-2_000..=2_000);
        }
        if self.remaps || rng.u32(0..5) == 0 {
            let at = rng.i64(0..horizon);
            inner.after(at, Event::Operator);
            inner.after(at + 600_000, Event::Operator);
        }
        if rng.u32(0..4) == 0 {
            for _ in 0..rng.u32(1..=3) {
                inner.after(rng.i64(0..horizon), Event::Reconcile);
            }
        }
        inner.after(horizon, Event::Effect(Box::new(calm)));
    }

    /// Until nothing is left to happen.
    pub(crate) fn play(&mut self) {
        loop {
            let event = self.sim.lock().pop();
            let Some(event) = event else { return };
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(id) => self.processes.wake(id),
            Event::Timeout(id) => self.processes.kill(id, "runs out of time"),
            Event::Effect(effect) => effect(&mut self.sim.lock()),
            Event::Poll => self.processes.poll(),
            Event::Reconcile => self.processes.reconcile(),
            Event::User => {
                let asked = users::act(&mut self.sim.lock(), self.domain, self.most_people);
                if let Some(command) = asked {
                    self.processes.admin(command);
                }
            }
            Event::Operator => self.operate(),
            Event::Deliver => self.processes.deliver(),
        }
    }

    /// An operator pauses the connector and starts it again later, or puts another configuration in
    /// force.
    fn operate(&mut self) {
        let state = &self.deployment.state;
        let unit = self.deployment.unit();
        let Some(Some(row)) = at_once(state.connector(&unit)) else {
            return;
        };
        let pauses = self.sim.lock().rng.bool();
        match row.state {
            ConnectorState::Active if pauses => self.processes.admin(AdminCommand::Pause),
            ConnectorState::Active => self.reconfigure(row),
            ConnectorState::Paused | ConnectorState::AuthFailed(_) => {
                self.processes.admin(AdminCommand::Activate);
            }
        }
    }

    /// From now on Account Engagement wins every field, or the city is mapped to another field of the lead.
    fn reconfigure(&self, row: ConnectorRow) {
        let state = &self.deployment.state;
        let in_force = at_once(state.config(&row.business_unit, row.config_version));
        let Some(mut config) = in_force.flatten() else {
            return;
        };
        let mut inner = self.sim.lock();
        let mut row = row;
        if self.remaps && inner.rng.u32(0..4) > 0 {
            (row, config) = remap::remapped(&inner.world, &row, &config);
        } else {
            for entry in &mut config.fields.0 {
                entry.behaviour = SyncBehaviour::UseAccountEngagement;
            }
        }
        let changed = ConnectorRow {
            version: row.version + 1,
            config_version: row.config_version + 1,
            changed_at: inner.timestamp(),
            ..row
        };
        at_once(state.put_config(changed.config_version, &config));
        at_once(state.put_connector(&changed));
        inner.world.note_city_field(changed.config_version, &config);
        let city = NAMES[inner.world.city_field.field].1;
        inner.tell(
            "operator",
            format_args!("another configuration, city in {city}"),
        );
    }
}

fn calm(inner: &mut Inner) {
    inner.faults.on = false;
    inner.tell("calm", "");
}
