//! Virtual time, one seeded source of chance, and the events that wait for their moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use jiff::Timestamp;

use crate::faults::Faults;
use crate::lanes::Lanes;
use crate::world::World;

/// Milliseconds of virtual time since 1970.
pub type Millis = i64;

/// A process: a run of a Lambda function.
pub type TaskId = u64;

/// Something that changes the world at its moment, whoever wanted it.
pub type Effect = Box<dyn FnOnce(&mut Inner) + Send>;

/// What happens at a moment.
pub enum Event {
    /// A process goes on.
    Wake(TaskId),
    /// A process has run out of time.
    Timeout(TaskId),
    /// The world changes.
    Effect(Effect),
    /// The schedule polls.
    Poll,
    /// The schedule compares.
    Reconcile,
    /// A user does something.
    User,
    /// An operator does something.
    Operator,
    /// A message may be due.
    Deliver,
}

/// What all simulated ports share.
pub struct Sim(Mutex<Inner>);

/// The state of a run.
pub struct Inner {
    /// The time.
    pub now: Millis,
    /// The one source of chance.
    pub rng: fastrand::Rng,
    /// Which faults happen, and how often.
    pub faults: Faults,
    /// Both services, and what is known about every value in them.
    pub world: World,
    /// The queue.
    pub lanes: Lanes,
    /// What the queue was last sent, for the mutant that drops what it knows.
    pub sent: BTreeMap<String, Millis>,
    /// The process that is running.
    pub current: TaskId,
    /// The process that was begun last.
    pub newest: TaskId,
    /// The processes that poll.
    pub polls: BTreeSet<TaskId>,
    /// The highest stamp that a stream has answered, for the mutants that read too little again.
    pub high_water: BTreeMap<&'static str, Timestamp>,
    /// Whether a commit overwrites whatever version the row has, for the mutants that go without.
    pub commits_overwrite: bool,
    /// Pairs that comparisons found out of step.
    pub drifted: u64,
    /// What went wrong for good, in the order of discovery.
    pub violations: Vec<String>,
    events: BTreeMap<(Millis, i64), Event>,
    next: i64,
    hash: DefaultHasher,
    story: Option<Vec<String>>,
}

impl Sim {
    /// A world at its beginning.
    #[must_use]
    pub fn new(seed: u64, faults: Faults, world: World, tells: bool) -> Arc<Self> {
        let inner = Inner {
            now: START,
            rng: fastrand::Rng::with_seed(seed),
            faults,
            world,
            lanes: Lanes::default(),
            sent: BTreeMap::new(),
            current: 0,
            newest: 0,
            polls: BTreeSet::new(),
            high_water: BTreeMap::new(),
            commits_overwrite: false,
            drifted: 0,
            violations: Vec::new(),
            events: BTreeMap::new(),
            next: 0,
            hash: DefaultHasher::new(),
            story: tells.then(Vec::new),
        };
        Arc::new(Self(Mutex::new(inner)))
    }

    /// The state. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for so many milliseconds; the process may die meanwhile.
    pub fn sleep(&self, millis: Millis) -> Sleep<'_> {
        Sleep {
            sim: self,
            millis,
            due: None,
        }
    }

    /// A call to a store of ours: a while before it takes effect, and a while after.
    pub async fn step(&self) {
        let millis = self.lock().rng.i64(1..=20);
        self.sleep(millis).await;
    }
}

/// How long a write to a row of ours is under way at most.
const LONGEST_ROW: Millis = 60_000;

/// 2026-11-23T10:00:00Z.
pub const START: Millis = 1_795_428_000_000;

impl Inner {
    /// The time as both services and our clocks show it.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Puts an event after so many milliseconds.
    pub fn after(&mut self, millis: Millis, event: Event) {
        self.next += 1;
        self.events.insert((self.now + millis, self.next), event);
    }

    /// The same, before everything else of that millisecond.
    pub fn first_after(&mut self, millis: Millis, effect: Effect) {
        self.next += 1;
        let key = (self.now + millis, self.next - i64::MAX / 2);
        self.events.insert(key, Event::Effect(effect));
    }

    /// Takes the next event and moves the time to it.
    pub fn pop(&mut self) -> Option<Event> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }

    /// Whether something happens with this probability, given in thousandths, while there are faults.
    pub fn happens(&mut self, per_mille: u32) -> bool {
        self.faults.on && per_mille > 0 && self.rng.u32(0..1_000) < per_mille
    }

    /// After how long a write to a row lands, when it is long under way, and whether its sender waits for it.
    pub fn late_row(&mut self) -> Option<(Millis, bool)> {
        let often = self.faults.late_rows;
        self.happens(often)
            .then(|| (self.rng.i64(100..=LONGEST_ROW), self.rng.bool()))
    }

    /// Notes an event for the hash of the run, and for its story when somebody listens.
    pub fn tell<T: Display>(&mut self, what: &'static str, about: T) {
        (self.now, what).hash(&mut self.hash);
        if let Some(story) = &mut self.story {
            let clock = Timestamp::from_millisecond(self.now).unwrap_or(Timestamp::UNIX_EPOCH);
            let line = format!(
                "{} [{}] {what} {about}",
                clock.strftime("%T%.3f"),
                self.current
            );
            story.push(line);
        }
    }

    /// Notes numbers for the hash of the run.
    pub fn mix(&mut self, value: impl Hash) {
        value.hash(&mut self.hash);
    }

    /// Whether somebody listens to the story.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.story.is_some()
    }

    /// Notes that an invariant broke.
    pub fn violate(&mut self, what: String) {
        self.tell("VIOLATION", &what);
        self.violations.push(what);
    }

    /// The hash of everything that happened.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.hash.finish()
    }

    /// The story.
    pub fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }
}

/// A process waits.
pub struct Sleep<'a> {
    sim: &'a Sim,
    millis: Millis,
    due: Option<Millis>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.sim.lock();
        match self.due {
            Some(due) if inner.now >= due => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                let (millis, task) = (self.millis, inner.current);
                inner.after(millis, Event::Wake(task));
                let due = inner.now + millis;
                drop(inner);
                self.due = Some(due);
                Poll::Pending
            }
        }
    }
}
