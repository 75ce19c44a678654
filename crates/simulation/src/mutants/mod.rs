//! Wrong protocols: each leaves one step out or does it wrongly, at a port of the unmodified connector.
//!
//! A green simulation means nothing before every one of them has turned it red.

mod crm;
mod links;
mod marketing;
mod poller;

use std::sync::Arc;

use connector::environment::Environment;
use connector::ports::{ServiceError, Services, Sides};
use jiff::{SignedDuration, Timestamp};
use sync_core::config::Config;
use sync_core::ids::ProspectId;
use sync_core::key::RecordRef;

use crate::kernel::Sim;

macro_rules! mutants {
    ($($name:ident: $what:literal,)+) => {
        /// A step of the protocol that is left out or done wrongly.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $(#[doc = $what] $name,)+
            /// The whole protocol behind the wrappers of the mutants: what they do by being there breaks nothing.
            Control,
        }

        impl Mutant {
            /// All that leave something out.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What is wrong about it.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)+
                    Self::Control => "nothing",
                }
            }
        }
    };
}

mutants! {
    NoStoredIntent: "no intent is stored before the writes",
    OneBaseForBothSides: "an open intent is not classified side by side",
    IntentGivenUp: "the intent of an update is dropped when a write fails",
    IntentAfterWrite: "the intent is stored after the writes instead of before",
    SeenValuesForgotten: "the intent keeps the target and not what each side held",
    BaseNotAdvanced: "replacing an intent forgets what it had brought about",
    BaseWrittenFirst: "the base is the target already when the writes begin",
    BaseForgotten: "the commit stores no base",
    BaseOfOtherField: "what was agreed on while a field was mapped to another one still counts",
    BaseUnnormalised: "the base keeps an address in another form than addresses are compared in",
    WholeRecordLastWriterWins: "the newer record wins as a whole",
    ConflictsUnrecorded: "values that were overruled are not kept",
    NoLease: "the intent is stored without a lease",
    NoLeaseNoCondition: "no lease, and rows are stored whatever version they have",
    LeaseIgnored: "a lease that another worker holds is not respected",
    LeaseTooShort: "the lease ends before the writes can have landed",
    NoDeadline: "a lease of ninety seconds, and no deadline bounds the writes under it",
    BeginWithoutEpoch: "the intent is stored whatever version the row has",
    CommitWithoutEpoch: "the commit overwrites whatever version the row has",
    NoClaims: "records are not claimed for one pair",
    ClaimsKept: "the record of a create that was refused stays claimed",
    BlindCreateInSalesforce: "a record is created without the unique key",
    BlindCreateOfProspects: "a prospect is created without its key",
    BlindCreateWithoutLease: "both are created blindly, and without a lease",
    BlindCreateUnderShortLease: "both are created blindly, and the lease ends before they can have landed",
    NoLookUpBeforeCreate: "an open create of a prospect is repeated without looking for its result",
    UpsertOverwrites: "a create that exists already overwrites the record",
    UpsertWithoutLease: "a create that exists already overwrites the record, and there is no lease",
    CreatedForOthersIsFree: "a record that was created for another pair is taken by whoever finds its address",
    CaseSensitiveAddress: "addresses are compared with their capitals",
    NoTokenInSalesforce: "writes to Salesforce carry no sync token",
    NoTokenInAccountEngagement: "writes to Account Engagement carry no sync token",
    TokenInSecondUpdate: "the sync token of a lead is written in an update of its own",
    ProspectTokenInSecondUpdate: "the sync token of a prospect is written in an update of its own",
    ValueRanks: "what landed is told by values although there are token fields",
    LostReplyIsRefusal: "a write without reply counts as not landed",
    LostReplyIsSuccess: "a write without reply counts as landed",
    NoCondition: "updates of leads carry no condition",
    StaleRefusalIsSuccess: "an update that was refused because the lead had changed counts as landed",
    DeletedRecordRecreated: "a delete is seen after an older update, which creates the record anew",
    DeletedProspectForgotten: "an undeleted lead gets a second prospect",
    DeletesNotPolled: "rows in the recycle bins are not hinted",
    UndeletesNotPolled: "prospects that came out of the recycle bin are not hinted",
    RetirementForgotten: "the row does not keep that its record was deleted",
    ReleasedUnmarked: "a prospect that says nothing counts as released, whether or not it had been marked",
    PartedKeepsKey: "a released prospect creates its next record under the key of the last one",
    CursorFromLocalClock: "the cursor is set from a local clock, which is twenty minutes fast",
    NoOverlap: "the poll reads nothing again",
    OverlapTooShort: "the poll reads two minutes again",
    CursorBeforeEnqueue: "the cursor moves before the queue has the hints",
    RefusedEnqueueIgnored: "the cursor moves although the queue refused",
    SeenByStampAlone: "a row of the overlap is known by id and stamp, whatever its content",
    SeenTooEarly: "a row counts as known while a read of it can still be an older one",
    DedupByContent: "the queue drops a hint that it has had within five minutes",
    DedupByStamp: "a row is dropped whose id and stamp were seen within five minutes",
    EchoFilterByUser: "rows that the connector user modified last are not hinted",
    AcknowledgedFirst: "a message is gone when its worker begins",
    FailuresAcknowledged: "a message is gone although pairs of it must come again",
    DeadMessagesDropped: "a message that was delivered too often vanishes",
    ErrorsNotOpened: "error rows are not stored",
    HeldForgotten: "held pairs are not caught up",
    StaleReadsTrusted: "reads are taken for fresh, by the poller and by the worker",
    OwnWritesTakenForEdits: "a read older than our own last write is believed",
    SeenStatesForgotten: "a read older than one that a decision was stored on is believed",
    NoSlots: "a worker writes eight prospects at once",
    SendIsOnlyALook: "a lead that is sent by hand is looked at as if it had changed",
    QuotaIgnored: "a retry calls although the row says that the day's calls are used up",
}

/// How much longer than its time a worker goes on that no deadline stops.
const OVERTIME: SignedDuration = SignedDuration::from_mins(25);

impl Mutant {
    /// How much longer than its time a worker goes on.
    #[must_use]
    pub fn overtime(self) -> SignedDuration {
        if self == Self::NoDeadline {
            OVERTIME
        } else {
            SignedDuration::ZERO
        }
    }

    fn has_no_lease(self) -> bool {
        matches!(
            self,
            Self::NoLease
                | Self::NoLeaseNoCondition
                | Self::BlindCreateWithoutLease
                | Self::UpsertWithoutLease
        )
    }

    fn overwrites_on_create(self) -> bool {
        matches!(self, Self::UpsertOverwrites | Self::UpsertWithoutLease)
    }

    fn creates_leads_blindly(self) -> bool {
        matches!(
            self,
            Self::BlindCreateInSalesforce
                | Self::BlindCreateWithoutLease
                | Self::BlindCreateUnderShortLease
        )
    }

    fn creates_prospects_blindly(self) -> bool {
        matches!(
            self,
            Self::BlindCreateOfProspects
                | Self::BlindCreateWithoutLease
                | Self::BlindCreateUnderShortLease
        )
    }

    /// How many seconds the poll reads again, where that is too little.
    fn overlap(self) -> Option<i64> {
        match self {
            Self::NoOverlap => Some(0),
            Self::OverlapTooShort => Some(120),
            _ => None,
        }
    }
}

/// From where a poll reads that reads too little again: from the highest stamp that it has had.
fn read_from(mutant: Mutant, sim: &Sim, stream: &'static str, from: Timestamp) -> Timestamp {
    let (Some(overlap), Some(high)) =
        (mutant.overlap(), sim.lock().high_water.get(stream).copied())
    else {
        return from;
    };
    from.max(high - SignedDuration::from_secs(overlap))
}

fn note_stamps(sim: &Sim, stream: &'static str, stamps: impl Iterator<Item = Timestamp>) {
    let mut inner = sim.lock();
    let high = stamps.max().max(inner.high_water.get(stream).copied());
    if let Some(high) = high {
        inner.high_water.insert(stream, high);
    }
}

/// Whether a row with this stamp was seen within five minutes.
fn was_seen(sim: &Sim, row: &str, stamp: Timestamp) -> bool {
    let mut inner = sim.lock();
    let now = inner.now;
    let last = inner
        .sent
        .insert(format!("{row} {}", stamp.as_second()), now);
    last.is_some_and(|last| now - last <= 300_000)
}

/// Whether it was a user's undelete that gave a prospect this stamp.
fn was_undeleted(sim: &Sim, id: ProspectId, stamp: Timestamp) -> bool {
    let world = &sim.lock().world;
    let owner = world.owners.get(&RecordRef::Prospect(id));
    let life = owner.and_then(|person| world.lives.get(person));
    let undeleted = life.and_then(|life| life.prospect_undeleted);
    undeleted.is_some_and(|at| at.div_euclid(1_000) == stamp.as_second())
}

struct MutatedServices {
    inner: Arc<dyn Services>,
    sides: Sides,
}

#[async_trait::async_trait]
impl Services for MutatedServices {
    async fn open(&self, config: &Config) -> Result<Sides, ServiceError> {
        self.inner.open(config).await?;
        Ok(self.sides.clone())
    }
}

/// The environment of a process under a mutant.
#[must_use]
pub fn mutated(
    mutant: Mutant,
    sim: &Arc<Sim>,
    environment: Environment,
    sides: &Sides,
) -> Environment {
    let sides = Sides {
        crm: Arc::new(crm::MutatedCrm {
            mutant,
            inner: sides.crm.clone(),
            sim: sim.clone(),
        }),
        marketing: Arc::new(marketing::MutatedMarketing {
            mutant,
            inner: sides.marketing.clone(),
            sim: sim.clone(),
        }),
    };
    let buffer = Arc::default();
    Environment {
        services: Arc::new(MutatedServices {
            inner: environment.services.clone(),
            sides,
        }),
        links: Arc::new(links::MutatedLinks {
            mutant,
            inner: environment.links.clone(),
            waiting: Arc::default(),
        }),
        state: Arc::new(poller::MutatedState {
            mutant,
            inner: environment.state.clone(),
            queue: environment.queue.clone(),
            buffer: Arc::clone(&buffer),
        }),
        queue: Arc::new(poller::MutatedQueue {
            mutant,
            inner: environment.queue.clone(),
            sim: sim.clone(),
            buffer,
        }),
        ..environment
    }
}
