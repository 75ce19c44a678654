//! The real clients of both services, logged in at the twin.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::adapters::{EngagementMarketing, SalesforceCrm, SalesforceTokens};
use connector::ports::{ServiceError, Services, Sides};
use jiff::{SignedDuration, Timestamp};
use salesforce::{ClientSecret, Credentials};
use sync_core::config::Config;
use twin::world::lock;

thread_local! {
    /// How far the world of this test's thread is ahead of the machine.
    static AHEAD: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
}

/// The clock that the Salesforce client compares with the twin's when it logs in.
fn shifted_clock() -> Timestamp {
    Timestamp::now() + AHEAD.get()
}

/// Moves the clients' clock along with the twin's; zero for a new world.
pub fn set_ahead(by: SignedDuration) {
    AHEAD.set(by);
}

pub fn ahead() -> SignedDuration {
    AHEAD.get()
}

/// Clients that are opened once and kept, as a process does.
pub struct Opened {
    base_url: String,
    /// How many Account Engagement calls at once; as many as the client takes when nothing was said.
    slots: Mutex<Option<usize>>,
    sides: Mutex<Option<Sides>>,
}

impl Opened {
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            slots: Mutex::default(),
            sides: Mutex::default(),
        }
    }

    /// From now on so many Account Engagement calls at once (template.yaml, `AE_SLOTS`).
    pub fn set_slots(&self, slots: usize) {
        *lock(&self.slots) = Some(slots);
        self.forget();
    }

    /// What a new process begins with.
    pub fn forget(&self) {
        *lock(&self.sides) = None;
    }

    fn connect(&self, config: &Config) -> Sides {
        let secret = ClientSecret::new("twin-secret");
        let credentials = Credentials::ClientCredentials { secret };
        let mut settings = salesforce::Settings::new(&self.base_url, "twin-client", credentials);
        settings.clock = shifted_clock;
        let crm = Arc::new(salesforce::Client::new(settings).expect("a client"));
        let unit = config.business_unit.clone();
        let mut settings = account_engagement::Settings::new(&self.base_url, unit.clone());
        settings.slots = lock(&self.slots).unwrap_or(settings.slots);
        let tokens = Arc::new(SalesforceTokens::new(crm.clone()));
        let marketing = account_engagement::Client::new(settings, tokens).expect("a client");
        Sides {
            crm: Arc::new(SalesforceCrm::new(crm, unit.clone())),
            marketing: Arc::new(EngagementMarketing::new(Arc::new(marketing), unit)),
        }
    }
}

#[async_trait]
impl Services for Opened {
    async fn open(&self, config: &Config) -> Result<Sides, ServiceError> {
        let mut sides = lock(&self.sides);
        Ok(sides.get_or_insert_with(|| self.connect(config)).clone())
    }
}
