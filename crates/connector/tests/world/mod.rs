//! A connector in front of a twin: real use cases, real HTTP clients, stores in memory, a clock that
//! moves only when told.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(missing_docs, reason = "support of tests")]
#![allow(unused_imports, reason = "each test file uses a part")]

mod compare;
mod faulty;
mod fuse;
mod people;
mod queue;
mod services;
mod slow;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use connector::Environment;
use connector::admin;
use connector::memory::{FakeClock, MemoryErrors, MemoryLinks, MemoryQueue, MemoryState};
use connector::poll::{PollReport, poll_all};
use connector::ports::{Clock, Errors, Links, State};
use connector::reconcile::{ReconcileReport, reconcile_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sync_core::config::Config;
use sync_core::ids::BusinessUnit;
use sync_core::link::Link;
use sync_core::protocol::{AdminCommand, AdminReply, AdminRequest};
use sync_core::settle::ErrorRow;
use twin::Running;
use twin::world::lock;

pub use compare::{Snapshot, calls_of, reads, writes};
pub use fuse::{Failure, Fuse};
pub use people::person;
pub use queue::{Drained, Message, WORKER_SECONDS};
pub use services::Opened;

/// The business unit of every test.
pub const UNIT: &str = "0Uv000000000001CAA";
/// How long one run of the comparison may take (template.yaml, `Timeout` of the reconciler).
pub const RECONCILER_SECONDS: i64 = 120;
/// Users that both services know.
pub const INES: &str = "ines.moreau@example.com";
pub const TOM: &str = "tom.becker@example.com";

/// Fields of a row by name.
pub type Fields = Map<String, Value>;

/// Every world begins at nine in the morning, far from a midnight at which allowances are renewed.
fn to_nine_o_clock(now: Timestamp) -> SignedDuration {
    let into_the_day = now.as_second().rem_euclid(24 * 3_600);
    SignedDuration::from_secs((9 * 3_600 - into_the_day).rem_euclid(24 * 3_600))
}

/// Twin, stores and clock; processes come and go in front of them.
pub struct World {
    pub twin: Running,
    pub clock: Arc<FakeClock>,
    pub links: Arc<MemoryLinks>,
    pub errors: Arc<MemoryErrors>,
    pub state: Arc<MemoryState>,
    pub queue: Arc<MemoryQueue>,
    pub services: Arc<Opened>,
    pub config: Config,
    /// Through which the worker reaches its ports.
    pub fuse: Mutex<Option<Arc<Fuse>>>,
    waiting: Mutex<Vec<Message>>,
    runs: AtomicU64,
}

/// The example configuration, without its comments about the file.
pub fn example_config() -> Config {
    let text = include_str!("../../../../config/connector.example.yaml");
    serde_saphyr::from_str(text).expect("the example is a configuration")
}

impl World {
    /// A configured, active connector in front of empty services.
    pub async fn active() -> Self {
        Self::with(example_config()).await
    }

    /// The same with a configuration of its own.
    pub async fn with(config: Config) -> Self {
        let world = Self::paused(config).await;
        world.activate().await;
        world
    }

    /// The same with records matched by address, with AMPSEA or without.
    pub async fn matching_by_address(is_ampsea: bool) -> Self {
        let mut config = example_config();
        if !is_ampsea {
            config = config.non_ampsea();
        }
        config.settings.match_by_email = is_ampsea;
        let world = Self::with(config).await;
        world.configure_unit(serde_json::json!({ "ampsea": is_ampsea }));
        world
    }

    /// A configured connector as it begins: paused (R3).
    pub async fn paused(config: Config) -> Self {
        let world = Self::bare(config).await;
        world.apply().await;
        world
    }

    /// Twin and stores, no connector yet.
    pub async fn bare(config: Config) -> Self {
        let twin = twin::serve(twin::Config::default()).await.expect("a twin");
        let to_nine = to_nine_o_clock(twin.world.clock.now());
        twin.world.clock.advance(to_nine);
        services::set_ahead(to_nine);
        let errors = Arc::default();
        Self {
            clock: Arc::new(FakeClock::new(twin.world.clock.now())),
            links: Arc::new(MemoryLinks::new(&errors)),
            errors,
            state: Arc::default(),
            queue: Arc::default(),
            services: Arc::new(Opened::new(&twin.base_url)),
            twin,
            config,
            fuse: Mutex::default(),
            waiting: Mutex::default(),
            runs: AtomicU64::new(0),
        }
    }

    pub fn unit(&self) -> BusinessUnit {
        self.config.business_unit.clone()
    }

    /// What a new process is given.
    pub fn environment(&self) -> Environment {
        Environment {
            services: self.services.clone(),
            links: self.links.clone(),
            errors: self.errors.clone(),
            state: self.state.clone(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            business_units: vec![self.unit()],
        }
    }

    pub fn next_run(&self) -> String {
        format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves our clock and that of both services.
    pub fn advance(&self, seconds: i64) {
        let by = SignedDuration::from_secs(seconds);
        self.twin.world.clock.advance(by);
        services::set_ahead(services::ahead() + by);
        self.clock.set(self.now() + by);
    }

    /// One request of an operator.
    pub async fn admin(&self, command: AdminCommand) -> AdminReply {
        let request = AdminRequest {
            business_unit: None,
            actor: "test".to_owned(),
            command,
        };
        admin::handle(&self.environment(), request, &self.next_run()).await
    }

    pub async fn apply(&self) {
        let config = Box::new(self.config.clone());
        let reply = self.admin(AdminCommand::ConfigApply { config }).await;
        assert!(matches!(reply, AdminReply::Applied { .. }), "{reply:?}");
    }

    pub async fn activate(&self) -> u64 {
        match self.admin(AdminCommand::Activate).await {
            AdminReply::Connector { caught_up, .. } => caught_up,
            reply => panic!("{reply:?}"),
        }
    }

    pub async fn pause(&self) {
        let reply = self.admin(AdminCommand::Pause).await;
        assert!(matches!(reply, AdminReply::Connector { .. }), "{reply:?}");
    }

    /// One tick of the poller.
    pub async fn poll_once(&self) -> PollReport {
        let mut reports = poll_all(&self.environment(), &self.next_run()).await;
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    /// One tick of the reconciler, by a process that reaches its ports through this environment.
    pub async fn reconcile_through(&self, environment: &Environment) -> ReconcileReport {
        let deadline = self.now() + SignedDuration::from_secs(RECONCILER_SECONDS);
        let mut reports = reconcile_all(environment, &self.next_run(), deadline).await;
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    /// One tick of the reconciler.
    pub async fn reconcile(&self) -> ReconcileReport {
        self.reconcile_through(&self.environment()).await
    }

    /// One tick that must succeed, and everything that follows from it.
    pub async fn sync(&self) -> Drained {
        let polled = self.poll_once().await;
        assert_eq!(polled.problem, None);
        self.drain().await
    }

    /// Ticks a minute apart until a tick finds nothing any more.
    pub async fn settle(&self) {
        for _ in 0..6 {
            self.advance(60);
            let drained = self.sync().await;
            if drained.delivered == 0 {
                return;
            }
        }
        panic!("the connector does not come to rest");
    }

    /// A lead with this address and its prospect, in step.
    pub async fn linked_pair(&self, email: &str) -> (String, u64) {
        let lead = self.lead(email);
        self.settle().await;
        self.assert_in_step();
        let prospect = self.prospects_of(email)[0]["id"].as_u64().expect("an id");
        (lead, prospect)
    }

    /// Calls that the services have seen, by kind.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.twin.world.calls).clone()
    }

    pub fn forget_calls(&self) {
        lock(&self.twin.world.calls).clear();
    }

    pub async fn open_errors(&self) -> Vec<ErrorRow> {
        self.errors.list(&self.unit(), false).await.expect("memory")
    }

    /// The error rows, closed ones too.
    pub async fn errors_with_closed(&self) -> Vec<ErrorRow> {
        self.errors.list(&self.unit(), true).await.expect("memory")
    }

    /// Every link there is.
    pub async fn all_links(&self) -> Vec<Link> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let page = self
                .links
                .list(&self.unit(), None, next)
                .await
                .expect("memory");
            all.extend(page.rows);
            next = page.next;
            if next.is_none() {
                return all;
            }
        }
    }

    /// The cursor of every stream, without the time of the poll.
    pub async fn cursors(&self) -> Vec<Option<Timestamp>> {
        let mut cursors = Vec::new();
        for stream in connector::ports::Stream::ALL {
            let cursor = self
                .state
                .cursor(&self.unit(), stream)
                .await
                .expect("memory");
            cursors.push(cursor.map(|cursor| cursor.read_to));
        }
        cursors
    }
}
