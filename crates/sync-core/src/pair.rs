//! A pair as it stands before the decision: its link, what was read on both sides, and candidates.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, ConnectorRow};
use crate::decision::{Decision, Outcome, ReadMore};
use crate::hint::Cause;
use crate::ids::{CrmId, ProspectId, SalesforceId};
use crate::key::PairKey;
use crate::link::{IntentKind, Link};
use crate::record::{CrmRecord, ProspectRecord, Side};
use crate::value::{FieldName, FieldValue, Spelling};

/// How far our clock and Account Engagement's stamps may be apart when a prospect is looked for by when it
/// was made. More costs a longer read, and nothing else.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(300);

/// Records that might be the partner, each with whether another pair has it already (R17).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Candidates<R> {
    /// Nobody looked.
    #[default]
    NotRead,
    /// What the look-up found.
    Found(Vec<Candidate<R>>),
}

impl<R> Candidates<R> {
    /// The records that were found.
    pub fn records(&self) -> impl Iterator<Item = &R> + Clone {
        let found = match self {
            Self::NotRead => &[],
            Self::Found(found) => found.as_slice(),
        };
        found.iter().map(|candidate| &candidate.record)
    }
}

/// One record that might be the partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<R> {
    /// The record.
    pub record: R,
    /// Which other pair has it.
    pub belongs: Belongs,
}

/// Which other pair has a record that might be the partner (R17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Belongs {
    /// None: it is free.
    #[default]
    ToNobody,
    /// The pair that began with it, whose create is open: did it not land, the record is free again.
    ToPairAtWork,
    /// One that has its partner.
    ToAnotherPair,
}

/// One pair, ready to be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Why the pair is looked at; the most insistent cause when there are several.
    pub cause: Cause,
    /// Whether the prospect itself is to be looked at: whoever asked for that asks again until it is done.
    pub is_prospect_hinted: bool,
    /// The link row, new when none is stored.
    pub link: Link,
    /// The lead or contact.
    pub crm: Side<CrmRecord>,
    /// The prospect.
    pub prospect: Side<ProspectRecord>,
    /// Leads and contacts with the prospect's address.
    pub crm_by_email: Candidates<CrmRecord>,
    /// Leads and contacts that carry this pair's key.
    pub crm_by_key: Candidates<CrmRecord>,
    /// Prospects with the record's address.
    pub prospects_by_email: Candidates<ProspectRecord>,
    /// What came of a create whose answer was lost.
    pub created: Created,
    /// The record behind the CRM ID that the prospect itself shows.
    pub native: Native,
}

impl Pair {
    /// The key of another pair that a record of this one carries: its create is not committed there yet,
    /// and whoever sent the record by hand did not know. A pair at work of its own keeps its records.
    #[must_use]
    pub fn foreign_key(&self) -> Option<&PairKey> {
        if self.link.is_complete() || self.link.intent.is_some() {
            return None;
        }
        let of_crm = self.crm.present().and_then(|record| record.key.as_ref());
        let of_prospect = self
            .prospect
            .present()
            .and_then(|record| record.key.as_ref());
        of_crm.or(of_prospect).filter(|key| **key != self.link.key)
    }
}

/// What is known about the CRM ID that a prospect shows by itself (M3).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Native {
    /// Nobody looked.
    #[default]
    NotRead,
    /// What was found under the id, and whether another pair has it.
    Read {
        /// The record.
        side: Box<Side<CrmRecord>>,
        /// Which other pair has it.
        belongs: Belongs,
    },
}

/// The prospect that carries the pair's key, whatever its address is by now.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Created {
    /// Nobody looked.
    #[default]
    NotRead,
    /// There is none.
    Nothing,
    /// It is in the recycle bin.
    Recycled(ProspectId),
    /// It is there.
    Present(Box<ProspectRecord>),
}

/// A prospect that carries the pair's key, and so was created for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carrier<'a> {
    /// It is there.
    Present(&'a ProspectRecord),
    /// It is in the recycle bin.
    Recycled(ProspectId),
}

/// Users of both services that are the same person (R98-R100).
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct UserMap(pub Vec<MappedUser>);

/// An Account Engagement user and its Salesforce user.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MappedUser {
    /// Account Engagement's id.
    pub user_id: u64,
    /// Salesforce's id.
    pub salesforce_id: SalesforceId,
}

impl UserMap {
    /// The Salesforce user of an Account Engagement user.
    #[must_use]
    pub fn salesforce_user(&self, user_id: u64) -> Option<&SalesforceId> {
        self.0
            .iter()
            .find(|user| user.user_id == user_id)
            .map(|user| &user.salesforce_id)
    }

    /// The Account Engagement user of a Salesforce user.
    #[must_use]
    pub fn account_engagement_user(&self, salesforce_id: &SalesforceId) -> Option<u64> {
        self.0
            .iter()
            .find(|user| &user.salesforce_id == salesforce_id)
            .map(|user| user.user_id)
    }
}

/// Everything besides the pair that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The configuration version the batch is processed under.
    pub config: &'a Config,
    /// State and dates of the connector.
    pub connector: &'a ConnectorRow,
    /// Mapped users.
    pub users: &'a UserMap,
    /// The connector user's id in Salesforce (N9).
    pub connector_user: &'a SalesforceId,
    /// When the reading of the records began: what they show may be as old as that.
    pub read_at: Timestamp,
}

impl Pair {
    /// The lead or contact that a decision is about: the pair's own, or the one it was matched with.
    #[must_use]
    pub fn crm_of(&self, decision: &Decision) -> Option<&CrmRecord> {
        let Outcome::Update { crm: id, .. } = &decision.outcome else {
            return self.crm.present();
        };
        let candidates = [&self.crm_by_email, &self.crm_by_key].into_iter();
        let candidates = candidates.flat_map(Candidates::records);
        let native = match &self.native {
            Native::Read { side, .. } => side.present(),
            Native::NotRead => None,
        };
        let mut known = self
            .crm
            .present()
            .into_iter()
            .chain(native)
            .chain(candidates);
        known.find(|record| record.id == *id)
    }

    /// The prospect that a decision is about: the pair's own, or the one it was matched with.
    #[must_use]
    pub fn prospect_of(&self, decision: &Decision) -> Option<&ProspectRecord> {
        let Outcome::Update { prospect: id, .. } = &decision.outcome else {
            return self.prospect.present();
        };
        let candidates = self.prospects_by_email.records();
        let created = match &self.created {
            Created::Present(record) => Some(&**record),
            Created::NotRead | Created::Nothing | Created::Recycled(_) => None,
        };
        let own = self.prospect.present().into_iter();
        let mut known = own.chain(created).chain(candidates);
        known.find(|record| record.id == *id)
    }

    /// Whether to wait until it is known which pair the record will belong to. Who has an open create itself
    /// does not: two pairs would wait for each other.
    #[must_use]
    pub fn waits_for(&self, belongs: Belongs) -> bool {
        belongs == Belongs::ToPairAtWork && self.link.intent.is_none()
    }

    /// The addresses under which this pair's prospect can be looked for: the record's, and, while its
    /// create is open, the one it was to be created with. The record may have another one by now, or
    /// may have been deleted. Each in lower case and as it was given, because a look-up may mind
    /// capitals (K17).
    #[must_use]
    pub fn spellings(&self) -> BTreeSet<Spelling> {
        let of_record = self.crm.present().and_then(|crm| crm.spelling.clone());
        let given = of_record.into_iter().chain(self.address_of_create());
        given
            .flat_map(|address| [address.in_lower_case(), address])
            .collect()
    }

    /// N9: the prospect that carries the pair's key, found under one of its addresses or by the key itself.
    #[must_use]
    pub fn carrier(&self) -> Option<Carrier<'_>> {
        let mut found = self.prospects_by_email.records();
        let by_address = found.find(|record| record.key.as_ref() == Some(&self.link.key));
        match (by_address, &self.created) {
            (Some(record), _) if record.is_deleted => Some(Carrier::Recycled(record.id)),
            (Some(record), _) => Some(Carrier::Present(record)),
            (None, Created::Recycled(id)) => Some(Carrier::Recycled(*id)),
            (None, Created::Present(record)) => Some(Carrier::Present(record)),
            (None, Created::NotRead | Created::Nothing) => None,
        }
    }

    /// How the prospect of an open create is looked for when it is under none of its addresses.
    #[must_use]
    pub fn look_for_created(&self) -> Option<ReadMore> {
        let intent = self.link.intent.as_ref();
        let open = intent.filter(|intent| intent.kind == IntentKind::CreateProspect)?;
        Some(ReadMore::CreatedProspect {
            key: self.link.key.clone(),
            since: open.at - CLOCKS_APART,
        })
    }

    fn address_of_create(&self) -> Option<Spelling> {
        let intent = self.link.intent.as_ref()?;
        let plan = intent.plan.as_ref()?;
        match plan.target.get(&FieldName::from("email"))? {
            FieldValue::Text(email) if intent.kind == IntentKind::CreateProspect => {
                Spelling::new(email)
            }
            _ => None,
        }
    }

    /// The lead or contact the pair is linked to.
    #[must_use]
    pub fn crm_id(&self) -> Option<&CrmId> {
        self.link.crm_id.as_ref()
    }

    /// The prospect the pair is linked to.
    #[must_use]
    pub fn prospect_id(&self) -> Option<ProspectId> {
        self.link.prospect_id
    }
}
