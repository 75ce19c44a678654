//! The Lambda functions of a run: started, killed at an await point, timed out, or finished.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use connector::environment::Environment;
use connector::memory::{MemoryErrors, MemoryLinks, MemoryState};
use connector::ports::{Links, ServiceError, Services, Sides};
use connector::reconcile::{ReconcileReport, reconcile_all};
use connector::work::{Delivery, work};
use connector::{admin, dlq, poll};
use jiff::SignedDuration;
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::ids::BusinessUnit;
use sync_core::link::Link;
use sync_core::protocol::{AdminCommand, AdminRequest};

use crate::crm::SimCrm;
use crate::kernel::{Event, Millis, Sim, TaskId};
use crate::lanes::SimQueue;
use crate::marketing::SimMarketing;
use crate::mutants::{Mutant, mutated};
use crate::run::at_once;
use crate::stores::{SimClock, Slow};
use crate::wire;

/// How long a worker may run (template.yaml, WorkerTimeoutSeconds).
const WORKER: Millis = 300_000;
/// How long a poller may run (template.yaml).
const POLLER: Millis = 600_000;
/// How long a comparison may run (template.yaml).
const RECONCILER: Millis = 120_000;
/// How long the admin function may run (template.yaml).
const ADMIN: Millis = 60_000;

/// Which function a process is a run of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Poller,
    Worker,
    Drain,
    Reconciler,
    Admin,
}

impl Kind {
    fn time(self) -> Millis {
        match self {
            Self::Poller => POLLER,
            Self::Worker | Self::Drain => WORKER,
            Self::Reconciler => RECONCILER,
            Self::Admin => ADMIN,
        }
    }
}

type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

/// How a process ended by itself.
pub enum Done {
    /// A poll.
    Poll,
    /// A delivery, with the messages that must come again, and how long they stay away at least.
    Work(Vec<String>, SignedDuration),
    /// A drain of dead messages, with those that stay.
    Bury(Vec<String>),
    /// A part of a comparison.
    Reconcile(Vec<ReconcileReport>),
    /// An operator's request.
    Admin,
}

/// Everything that outlives a process.
#[derive(Clone)]
pub struct Deployment {
    /// The world.
    pub sim: Arc<Sim>,
    /// The link table.
    pub links: Arc<MemoryLinks>,
    /// The errors table.
    pub errors: Arc<MemoryErrors>,
    /// The connector table.
    pub state: Arc<MemoryState>,
    /// Which step of the protocol is left out, if any.
    pub mutant: Option<Mutant>,
}

/// Both services as one process opens them: it logs in once.
struct SimServices {
    sim: Arc<Sim>,
    sides: Sides,
    is_logged_in: AtomicBool,
}

#[async_trait::async_trait]
impl Services for SimServices {
    async fn open(&self, _: &Config) -> Result<Sides, ServiceError> {
        if !self.is_logged_in.load(Ordering::Relaxed) {
            let refused = wire::ask(&self.sim, Service::Salesforce).await;
            refused.map_or(Ok(()), Err)?;
            self.is_logged_in.store(true, Ordering::Relaxed);
        }
        Ok(self.sides.clone())
    }
}

impl Deployment {
    /// The only business unit.
    #[must_use]
    pub fn unit(&self) -> BusinessUnit {
        self.sim.lock().world.config.business_unit.clone()
    }

    /// Every row of the link table.
    #[must_use]
    pub fn all_links(&self) -> Vec<Link> {
        let listed = at_once(self.links.list(&self.unit(), None, None));
        listed.map_or_else(Vec::new, |page| page.rows)
    }

    fn overtime(&self) -> SignedDuration {
        self.mutant.map_or(SignedDuration::ZERO, Mutant::overtime)
    }

    /// What a new process is given.
    #[must_use]
    pub fn environment(&self) -> Environment {
        let sim = &self.sim;
        let skew = sim.lock().rng.i64(-1_000..=1_000);
        let sides = Sides {
            crm: Arc::new(SimCrm(sim.clone())),
            marketing: Arc::new(SimMarketing(sim.clone())),
        };
        let environment = Environment {
            services: Arc::new(SimServices {
                sim: sim.clone(),
                sides: sides.clone(),
                is_logged_in: AtomicBool::new(false),
            }),
            links: Arc::new(Slow::new(sim, &self.links)),
            errors: Arc::new(Slow::new(sim, &self.errors)),
            state: Arc::new(Slow::new(sim, &self.state)),
            queue: Arc::new(SimQueue(sim.clone())),
            clock: Arc::new(SimClock {
                sim: sim.clone(),
                skew: SignedDuration::from_millis(skew),
            }),
            business_units: vec![self.unit()],
        };
        match self.mutant {
            Some(mutant) => mutated(mutant, sim, environment, &sides),
            None => environment,
        }
    }
}

/// The processes that run.
pub struct Processes {
    deployment: Deployment,
    running: BTreeMap<TaskId, (Kind, Running)>,
    next: TaskId,
}

impl Processes {
    /// None yet.
    #[must_use]
    pub fn new(deployment: Deployment) -> Self {
        Self {
            deployment,
            running: BTreeMap::new(),
            next: 0,
        }
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    fn next_id(&mut self) -> TaskId {
        self.next += 1;
        self.deployment.sim.lock().newest = self.next;
        self.next
    }

    fn start(&mut self, id: TaskId, kind: Kind, process: Running) {
        let sim = self.deployment.sim.clone();
        let overtime = match kind {
            Kind::Worker => self.deployment.overtime().as_millis(),
            _ => 0,
        };
        let overtime = Millis::try_from(overtime).expect("minutes");
        sim.lock().after(kind.time() + overtime, Event::Timeout(id));
        self.running.insert(id, (kind, process));
        self.go_on(id);
    }

    /// Reserved concurrency of one (template.yaml): a tick that meets a running process is dropped.
    fn runs(&self, kind: Kind) -> bool {
        self.running.values().any(|(running, _)| *running == kind)
    }

    /// Starts a poller.
    pub fn poll(&mut self) {
        if self.runs(Kind::Poller) && !self.deployment.sim.lock().faults.polls_overlap {
            return;
        }
        let id = self.next_id();
        self.deployment.sim.lock().polls.insert(id);
        let environment = self.deployment.environment();
        let run = format!("poll{id}");
        let process = async move {
            poll::poll_all(&environment, &run).await;
            Done::Poll
        };
        self.start(id, Kind::Poller, Box::pin(process));
    }

    /// Starts a comparison.
    pub fn reconcile(&mut self) {
        if self.runs(Kind::Reconciler) {
            return;
        }
        let id = self.next_id();
        let environment = self.deployment.environment();
        let deadline = environment.clock.now() + SignedDuration::from_millis(RECONCILER);
        let run = format!("reconcile{id}");
        let process =
            async move { Done::Reconcile(reconcile_all(&environment, &run, deadline).await) };
        self.start(id, Kind::Reconciler, Box::pin(process));
    }

    /// An operator asks for something.
    pub fn admin(&mut self, command: AdminCommand) {
        let id = self.next_id();
        let environment = self.deployment.environment();
        self.deployment
            .sim
            .lock()
            .tell("operator", format_args!("{command:?}"));
        let run = format!("admin{id}");
        let process = async move {
            let request = AdminRequest {
                business_unit: None,
                actor: "operator".to_owned(),
                command,
            };
            admin::handle(&environment, request, &run).await;
            Done::Admin
        };
        self.start(id, Kind::Admin, Box::pin(process));
    }

    /// Starts workers for messages that are due, and the drain for dead ones.
    pub fn deliver(&mut self) {
        loop {
            let id = self.next_id();
            let sim = self.deployment.sim.clone();
            let now = sim.lock().now;
            let dead = sim.lock().lanes.bury(now, id);
            if let Some(deliveries) = dead {
                self.bury(id, deliveries);
                continue;
            }
            let deliveries = sim.lock().lanes.deliver(now, id);
            let Some(deliveries) = deliveries else { return };
            self.work(id, deliveries);
        }
    }

    fn work(&mut self, id: TaskId, deliveries: Vec<Delivery>) {
        let environment = self.deployment.environment();
        let deadline = environment.clock.now()
            + SignedDuration::from_millis(WORKER)
            + self.deployment.overtime();
        let run = format!("work{id}");
        let process = async move {
            let (failed, reports) = work(&environment, deliveries, &run, deadline).await;
            let waits = reports.iter().filter_map(|report| report.quota_wait);
            Done::Work(failed, waits.max().unwrap_or_default())
        };
        self.start(id, Kind::Worker, Box::pin(process));
    }

    fn bury(&mut self, id: TaskId, deliveries: Vec<Delivery>) {
        let environment = self.deployment.environment();
        let process = async move { Done::Bury(dlq::drain(&environment, deliveries, "dead").await) };
        self.start(id, Kind::Drain, Box::pin(process));
    }

    /// A process goes on, unless it dies here.
    pub fn wake(&mut self, id: TaskId) {
        if !self.running.contains_key(&id) {
            return;
        }
        let dies = {
            let mut inner = self.deployment.sim.lock();
            let often = inner.faults.crash;
            inner.happens(often)
        };
        if dies {
            self.kill(id, "dies");
        } else {
            self.go_on(id);
        }
    }

    /// A process ends here and now; what it has sent is still on its way.
    pub fn kill(&mut self, id: TaskId, how: &'static str) {
        if self.running.remove(&id).is_none() {
            return;
        }
        let mut inner = self.deployment.sim.lock();
        inner.tell(how, id);
        inner.world.calls.remove(&id);
        inner.lanes.abandon(id);
        inner.after(1_800_001, Event::Deliver);
    }

    fn go_on(&mut self, id: TaskId) {
        let Some((_, process)) = self.running.get_mut(&id) else {
            return;
        };
        self.deployment.sim.lock().current = id;
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(done) = process.as_mut().poll(&mut context) else {
            return;
        };
        self.running.remove(&id);
        self.finish(id, &done);
    }

    fn finish(&self, id: TaskId, done: &Done) {
        let mut inner = self.deployment.sim.lock();
        let now = inner.now;
        match done {
            Done::Poll => inner.tell("polled", id),
            Done::Admin => inner.tell("answered", id),
            Done::Reconcile(reports) => {
                let drifted = reports.iter().map(|report| report.found("drifted"));
                inner.drifted += drifted.sum::<u64>();
                inner.tell("compared", id);
            }
            Done::Work(failed, wait) => {
                inner.tell("worked", format_args!("{id}, {} come again", failed.len()));
                let often = inner.faults.duplicate;
                let keeps = inner.happens(often);
                for due in inner.lanes.finish(now, id, (failed, *wait), keeps) {
                    inner.after(due + 1, Event::Deliver);
                }
                inner.after(0, Event::Deliver);
            }
            Done::Bury(kept) => {
                inner.tell("buried", id);
                inner.lanes.buried(id, kept);
                if !kept.is_empty() {
                    inner.after(60_000, Event::Deliver);
                }
            }
        }
    }
}
