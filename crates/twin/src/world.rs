//! Everything that exists: the org, the business units, the clock and what is planned to go wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::bu::{ApiError, BusinessUnit};
use crate::config::{Config, ConfigError};
use crate::http::engagement::{Planned, Shell, invalid_token};
use crate::http::faults::{Asked, Fault, Faults, Side};
use crate::http::oauth::{Login, Tokens};
use crate::org::Org;

/// The clock of the world: the real one, moved.
#[derive(Debug, Default)]
pub struct Clock {
    offset: Mutex<SignedDuration>,
}

impl Clock {
    /// The time in the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let offset = *lock(&self.offset);
        Timestamp::now()
            .saturating_add(offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock, backwards when negative.
    pub fn advance(&self, by: SignedDuration) {
        let mut offset = lock(&self.offset);
        *offset = offset.saturating_add(by);
    }
}

/// The world. Locks are taken in the order of the fields and never held across an await.
#[derive(Debug)]
pub struct World {
    /// The clock.
    pub clock: Clock,
    /// Who may log in, and how.
    pub login: Login,
    /// The org.
    pub org: Mutex<Org>,
    /// The business units by id.
    pub units: Mutex<BTreeMap<String, BusinessUnit>>,
    /// The tokens handed out.
    pub tokens: Mutex<Tokens>,
    /// What is planned to go wrong.
    pub faults: Mutex<Faults>,
    /// How often each operation was called.
    pub calls: Mutex<BTreeMap<String, u64>>,
}

impl World {
    /// A world as configured.
    ///
    /// # Errors
    /// A key that is no key, or settings that name what does not exist.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let clock = Clock::default();
        let mut org = Org::new();
        org.configure(config.org.clone(), clock.now())?;
        let units = config
            .business_units
            .iter()
            .map(|id| (id.clone(), BusinessUnit::new(id.clone())))
            .collect();
        Ok(Self {
            clock,
            login: Login::new(config)?,
            org: Mutex::new(org),
            units: Mutex::new(units),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
        })
    }

    /// Counts a call.
    pub fn count(&self, key: String) {
        *lock(&self.calls).entry(key).or_insert(0) += 1;
    }
}

/// Locks, also after a panic elsewhere: the twin answers on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell for World {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn units(&self) -> &Mutex<BTreeMap<String, BusinessUnit>> {
        &self.units
    }

    fn calls(&self) -> &Mutex<BTreeMap<String, u64>> {
        &self.calls
    }

    fn scopes(&self, token: &str) -> Option<Vec<String>> {
        let now = self.clock.now();
        lock(&self.tokens)
            .admit(token, now)
            .map(|session| session.scopes)
    }

    fn org_users(&self) -> Vec<(String, String)> {
        lock(&self.org).user_names()
    }

    fn take_fault(&self, asked: Asked<'_>, token: &str) -> Planned {
        let Some(fault) = lock(&self.faults).take(Side::Engagement, asked) else {
            return Planned::Nothing;
        };
        let planned = match fault {
            Fault::LockRow { .. } => Planned::Nothing,
            Fault::Status(status) => Planned::Html(status),
            Fault::Unauthorised => Planned::Refuse(invalid_token()),
            Fault::SessionEnds { after } => {
                if lock(&self.tokens).end_used(token, after) {
                    Planned::Refuse(invalid_token())
                } else {
                    Planned::Nothing
                }
            }
            Fault::Concurrency => Planned::Refuse(ApiError::too_many_in_flight()),
            Fault::DailyLimit => Planned::Refuse(ApiError::daily_limit()),
            Fault::CutBefore => Planned::CutBefore,
            Fault::CutAfterCommit => Planned::CutAfterCommit,
            Fault::Delay { ms } => Planned::Delay(Duration::from_millis(ms)),
        };
        if !matches!(planned, Planned::Nothing | Planned::CutAfterCommit) {
            lock(&self.faults).strike(Side::Engagement, &fault, 1);
        }
        planned
    }

    fn note_cut_after_commit(&self) {
        lock(&self.faults).strike(Side::Engagement, &Fault::CutAfterCommit, 1);
    }
}
