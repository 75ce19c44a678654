//! Builders of what is decided about: a world, and pairs in it.

use jiff::Timestamp;

use super::{at, business_unit, text, user};
use crate::config::{Config, ConnectorRow, ConnectorState, MappedSince};
use crate::decision::{Decision, Outcome};
use crate::hint::Cause;
use crate::ids::{CrmObject, SalesforceId};
use crate::key::{PairKey, RecordRef};
use crate::link::{Intent, IntentKind, Link, LinkState};
use crate::pair::{
    Belongs, Candidate, Candidates, Context, Created, MappedUser, Native, Pair, UserMap,
};
use crate::record::{CrmRecord, ProspectRecord, Side};
use crate::settle::{WriteResult, WriteResults};
use crate::value::{FieldName, FieldValue};

/// Everything besides the pair: an active connector, and user 1 mapped to Salesforce user 1.
#[derive(Debug, Clone)]
pub struct World {
    /// The configuration.
    pub config: Config,
    /// The connector.
    pub connector: ConnectorRow,
    /// Mapped users.
    pub users: UserMap,
    /// The connector user.
    pub connector_user: SalesforceId,
    /// The moment of every decision.
    pub now: Timestamp,
}

impl World {
    /// A world with this configuration, at [`at`]`(60)`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let connector = ConnectorRow {
            business_unit: business_unit(),
            name: "test".to_owned(),
            state: ConnectorState::Active,
            config_version: 1,
            mapped_since: MappedSince::new(),
            created_at: at(-1_000),
            create_prospects_since: Some(at(-1_000)),
            used_up: None,
            changed_by: "test".to_owned(),
            changed_at: at(-1_000),
            version: 1,
        };
        let users = UserMap(vec![MappedUser {
            user_id: 1,
            salesforce_id: user(1),
        }]);
        Self {
            config,
            connector,
            users,
            connector_user: user(99),
            now: at(60),
        }
    }

    /// With the connector in this state.
    #[must_use]
    pub fn state(mut self, state: ConnectorState) -> Self {
        self.connector.state = state;
        self
    }

    /// Creating prospects since then.
    #[must_use]
    pub fn creating_since(mut self, since: Option<Timestamp>) -> Self {
        self.connector.create_prospects_since = since;
        self
    }

    /// Decides a pair.
    pub fn decide(&self, pair: &Pair) -> Decision {
        crate::decide(pair, self.context())
    }

    /// The context of a decision.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            config: &self.config,
            connector: &self.connector,
            users: &self.users,
            connector_user: &self.connector_user,
            read_at: self.now,
        }
    }

    /// The pair after everything that the decision wants was written, settled and read again.
    #[must_use]
    pub fn written(&self, pair: &Pair, decision: &Decision) -> Pair {
        let mut next = pair.clone();
        let mut results = WriteResults::default();
        match &decision.outcome {
            Outcome::Update {
                crm,
                prospect,
                to_crm,
                to_prospect,
            } => {
                let object = crm.object();
                if let Side::Present(record) = &mut next.crm {
                    for (name, value) in &to_crm.fields {
                        record
                            .values
                            .insert(self.mapped(object, name), self.read_back(value));
                    }
                    record.key = to_crm.key.clone().or(record.key.take());
                }
                if let Side::Present(record) = &mut next.prospect {
                    for (name, value) in &to_prospect.fields {
                        record.values.insert(FieldName(name.clone()), value.clone());
                    }
                    record.key = to_prospect.key.clone().or(record.key.take());
                    record.assigned_to = to_prospect.assigned_to.or(record.assigned_to);
                }
                results.crm = WriteResult::Written(crm.clone());
                results.prospect = WriteResult::Written(*prospect);
            }
            _ => return next,
        }
        let token = crate::intent::sync_token("run", &pair.link);
        let begun = crate::intend(pair, decision, token.clone(), (self.now, self.now));
        if let (Side::Present(crm), false) = (&mut next.crm, results.crm == WriteResult::NotNeeded)
        {
            crm.token = Some(token.clone());
        }
        if let (Side::Present(prospect), false) = (
            &mut next.prospect,
            results.prospect == WriteResult::NotNeeded,
        ) {
            prospect.token = Some(token);
        }
        let link = begun.as_ref().unwrap_or(&pair.link);
        next.link = crate::settle(link, decision, &results, self.now).link;
        next
    }

    fn mapped(&self, object: CrmObject, crm_field: &str) -> FieldName {
        let mut entries = self.config.fields.0.iter();
        entries
            .find(|entry| entry.crm_field(object) == Some(crm_field))
            .map_or_else(
                || FieldName::from(crm_field),
                |entry| entry.prospect.clone(),
            )
    }

    fn read_back(&self, written: &FieldValue) -> FieldValue {
        let is_placeholder = *written == text(&self.config.salesforce.unknown_placeholder);
        if is_placeholder {
            FieldValue::Blank
        } else {
            written.clone()
        }
    }
}

fn new_pair(key: PairKey) -> Pair {
    Pair {
        cause: Cause::Poll,
        is_prospect_hinted: true,
        link: Link::new(business_unit(), key),
        crm: Side::Unlinked,
        prospect: Side::Unlinked,
        crm_by_email: Candidates::NotRead,
        crm_by_key: Candidates::NotRead,
        prospects_by_email: Candidates::NotRead,
        created: Created::NotRead,
        native: Native::NotRead,
    }
}

/// A pair that begins with a prospect.
#[must_use]
pub fn prospect_pair(record: ProspectRecord) -> Pair {
    let key = PairKey::of(RecordRef::Prospect(record.id));
    Pair {
        prospect: Side::Present(record),
        ..new_pair(key)
    }
}

/// A pair that begins with a lead or contact.
#[must_use]
pub fn crm_pair(record: CrmRecord) -> Pair {
    let key = PairKey::of(RecordRef::Crm(record.id.clone()));
    Pair {
        crm: Side::Present(record),
        ..new_pair(key)
    }
}

/// A linked pair that began with the lead or contact; the prospect carries its key.
#[must_use]
pub fn linked(crm: CrmRecord, prospect: ProspectRecord) -> Pair {
    let mut pair = crm_pair(crm);
    pair.link.prospect_id = Some(prospect.id);
    pair.link.state = LinkState::Linked;
    pair.link.version = 1;
    pair.prospect = Side::Present(prospect.carrying(pair.link.key.clone()));
    pair
}

/// The first `taken` of them belong to somebody.
fn candidates<R>(
    records: impl IntoIterator<Item = R>,
    (taken, belongs): (usize, Belongs),
) -> Candidates<R> {
    let belongs = |index| {
        if index < taken {
            belongs
        } else {
            Belongs::ToNobody
        }
    };
    let records = records.into_iter().enumerate();
    let candidates = records.map(|(index, record)| Candidate {
        record,
        belongs: belongs(index),
    });
    Candidates::Found(candidates.collect())
}

impl Pair {
    /// Looked at for this reason.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// With these leads and contacts under the prospect's address, none of them taken.
    #[must_use]
    pub fn crm_hits(self, records: impl IntoIterator<Item = CrmRecord>) -> Self {
        self.crm_hits_taken(0, records)
    }

    /// With these leads and contacts under the prospect's address, the first `taken` of them taken.
    #[must_use]
    pub fn crm_hits_taken(
        mut self,
        taken: usize,
        records: impl IntoIterator<Item = CrmRecord>,
    ) -> Self {
        self.crm_by_email = candidates(records, (taken, Belongs::ToAnotherPair));
        self
    }

    /// With this lead or contact under the prospect's address, whose own create is open.
    #[must_use]
    pub fn crm_hit_at_work(mut self, record: CrmRecord) -> Self {
        self.crm_by_email = candidates([record], (1, Belongs::ToPairAtWork));
        self
    }

    /// With this prospect under the record's address, whose own create is open.
    #[must_use]
    pub fn prospect_hit_at_work(mut self, record: ProspectRecord) -> Self {
        self.prospects_by_email = candidates([record], (1, Belongs::ToPairAtWork));
        self
    }

    /// With these leads and contacts that carry the pair's key.
    #[must_use]
    pub fn crm_with_key(mut self, records: impl IntoIterator<Item = CrmRecord>) -> Self {
        self.crm_by_key = candidates(records, (0, Belongs::ToNobody));
        self
    }

    /// With these prospects under the record's address, none of them taken.
    #[must_use]
    pub fn prospect_hits(self, records: impl IntoIterator<Item = ProspectRecord>) -> Self {
        self.prospect_hits_taken(0, records)
    }

    /// With these prospects under the record's address, the first `taken` of them taken.
    #[must_use]
    pub fn prospect_hits_taken(
        mut self,
        taken: usize,
        records: impl IntoIterator<Item = ProspectRecord>,
    ) -> Self {
        self.prospects_by_email = candidates(records, (taken, Belongs::ToAnotherPair));
        self
    }

    /// With this as what came of the open create.
    #[must_use]
    pub fn with_created(mut self, created: Created) -> Self {
        self.created = created;
        self
    }

    /// With this behind the CRM ID that the prospect shows.
    #[must_use]
    pub fn native(mut self, side: Side<CrmRecord>, belongs: Belongs) -> Self {
        self.native = Native::Read {
            side: Box::new(side),
            belongs,
        };
        self
    }

    /// With this as the value both sides last agreed on.
    #[must_use]
    pub fn base(mut self, field: &str, value: FieldValue) -> Self {
        self.link.base.insert(FieldName::from(field), value);
        self
    }

    /// With this intent open.
    #[must_use]
    pub fn intending(mut self, kind: IntentKind) -> Self {
        self.link.intent = Some(Intent {
            id: "run/1".to_owned(),
            kind,
            lifecycle: None,
            at: at(0),
            writes_prospect: kind != IntentKind::CreateCrm,
            config_version: 0,
            plan: None,
        });
        self
    }

    /// Leased until then.
    #[must_use]
    pub fn leased_until(mut self, until: Timestamp) -> Self {
        self.link.lease_until = Some(until);
        self
    }

    /// In this state.
    #[must_use]
    pub fn in_state(mut self, state: LinkState) -> Self {
        self.link.state = state;
        self.link.version = 1;
        self
    }
}
