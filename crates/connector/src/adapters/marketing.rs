//! [`Marketing`] on the Account Engagement client.

use std::collections::BTreeMap;
use std::sync::Arc;

use account_engagement::{
    Client, DeletedFilter, Error, Fields, Prospect, ProspectFilters, ProspectQuery,
};
use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::{BusinessUnit, ProspectId};
use sync_core::record::{ProspectRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::{NormalisedEmail, Spelling};

use super::prospect::{self, fields_to_read, service_error};
use super::recycle_bin::{self, ClientBin};
use super::{describe, in_time};
use crate::ports::{
    Changes, Marketing, PROSPECT_WRITE_TIMEOUT, ProspectChange, ProspectWrite, ProspectWriteTarget,
    ProspectWritten, ServiceError, ServiceUser, Usage,
};

/// Calls in flight that we ask for; the client's own gate lets fewer through.
const CONCURRENT_CALLS: usize = 4;

/// Account Engagement through our own client.
pub struct EngagementMarketing {
    client: Arc<Client>,
    unit: BusinessUnit,
}

impl EngagementMarketing {
    /// The port of one business unit.
    #[must_use]
    pub fn new(client: Arc<Client>, unit: BusinessUnit) -> Self {
        Self { client, unit }
    }

    /// K7: multi-value fields come with single reads only; one call per prospect.
    async fn add_single_reads(
        &self,
        config: &Config,
        prospects: Vec<Prospect>,
    ) -> Result<Vec<Prospect>, ServiceError> {
        let left_out: Vec<String> = config
            .fields
            .single_read_fields()
            .into_iter()
            .map(|name| name.0.clone())
            .collect();
        if left_out.is_empty() {
            return Ok(prospects);
        }
        let fields = Fields::of(left_out);
        let calls: Vec<_> = prospects
            .into_iter()
            .map(|prospect| self.add_single_read(&fields, prospect))
            .collect();
        stream::iter(calls)
            .buffered(CONCURRENT_CALLS)
            .try_collect()
            .await
    }

    async fn add_single_read(
        &self,
        fields: &Fields,
        mut prospect: Prospect,
    ) -> Result<Prospect, ServiceError> {
        if !prospect.is_deleted() {
            let single = self.client.read(prospect.id, fields).await;
            prospect
                .fields
                .extend(single.map_err(|error| service_error(&error))?.fields);
        }
        Ok(prospect)
    }

    async fn write_one(
        &self,
        config: &Config,
        write: &ProspectWrite,
    ) -> Result<ProspectWritten, WriteFailure> {
        let body = prospect::body(&self.unit, config, write);
        let bin = ClientBin {
            client: &self.client,
            fields: fields_to_read(config),
        };
        match write.target {
            ProspectWriteTarget::Update(id) | ProspectWriteTarget::Mark(id) => {
                let fields = prospect::fields_left_alone(config, &body);
                let updated = self.client.update(id, &body, &fields).await;
                let answer = updated.map_err(|error| write_failure(&error))?;
                Ok(ProspectWritten {
                    unwritten: prospect::values_left_alone(config, &body, &answer),
                    is_marked: matches!(write.target, ProspectWriteTarget::Mark(_)),
                    ..ProspectWritten::of(answer.id)
                })
            }
            ProspectWriteTarget::Create => {
                let created = self.client.create(&body, &bin.fields).await;
                let prospect = created.map_err(|error| write_failure(&error))?;
                Ok(self.written(config, &prospect))
            }
            ProspectWriteTarget::Recycle(id) => {
                let is_marked = recycle_bin::recycle(&bin, id, &body).await?;
                Ok(ProspectWritten {
                    is_marked,
                    ..ProspectWritten::of(id)
                })
            }
            ProspectWriteTarget::Restore(id) => {
                let prospect = recycle_bin::restore(&bin, id).await?;
                Ok(self.written(config, &prospect))
            }
        }
    }

    fn written(&self, config: &Config, prospect: &Prospect) -> ProspectWritten {
        ProspectWritten {
            record: self.whole_record(config, prospect),
            ..ProspectWritten::of(prospect.id)
        }
    }

    /// The record of an answer to a write; `None` when the answer lacks fields of the field map. The
    /// next poll reads it then.
    fn whole_record(&self, config: &Config, prospect: &Prospect) -> Option<ProspectRecord> {
        let is_whole = config.fields.single_read_fields().is_empty();
        is_whole
            .then(|| prospect::record(&self.unit, config, prospect).ok())
            .flatten()
    }
}

#[async_trait]
impl Marketing for EngagementMarketing {
    async fn changes(
        &self,
        config: &Config,
        from: Timestamp,
    ) -> Result<Changes<ProspectChange>, ServiceError> {
        let fields = Fields::of([
            "id",
            "updatedAt",
            "isDeleted",
            &config.account_engagement.key_field,
        ]);
        let started = tokio::time::Instant::now();
        let changed = self
            .client
            .changed_since(from, &fields, DeletedFilter::All)
            .await;
        let changed = changed.map_err(|error| service_error(&error))?;
        let read_at = super::clock_at_start(self.client.server_time(), started);
        let rows = changed
            .iter()
            .map(|prospect| {
                let stamp = prospect
                    .updated_at()
                    .map_err(|e| service_error(&e.into()))?;
                Ok(ProspectChange {
                    id: prospect.id,
                    stamp,
                    key: prospect::key(&self.unit, config, prospect),
                    is_deleted: prospect.is_deleted(),
                })
            })
            .collect::<Result<Vec<_>, ServiceError>>()?;
        Ok(Changes { rows, read_at })
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[ProspectId],
    ) -> Result<BTreeMap<ProspectId, Side<ProspectRecord>>, ServiceError> {
        let fields = fields_to_read(config);
        let found = self
            .client
            .read_by_ids(ids, &fields, DeletedFilter::All)
            .await;
        let found = found.map_err(|error| service_error(&error))?;
        let found = self.add_single_reads(config, found).await?;
        let mut sides: BTreeMap<ProspectId, Side<ProspectRecord>> =
            ids.iter().map(|id| (*id, Side::Missing)).collect();
        for prospect in &found {
            let side = if prospect.is_deleted() {
                Side::Deleted { merged_into: None }
            } else {
                Side::Present(prospect::record(&self.unit, config, prospect)?)
            };
            sides.insert(prospect.id, side);
        }
        Ok(sides)
    }

    async fn find_by_email(
        &self,
        config: &Config,
        spellings: &[Spelling],
    ) -> Result<Vec<ProspectRecord>, ServiceError> {
        let fields = fields_to_read(config);
        let queries: Vec<ProspectQuery> = spellings
            .iter()
            .map(|spelling| ProspectQuery {
                fields: fields.clone(),
                filters: ProspectFilters {
                    email: Some(spelling.as_str().to_owned()),
                    ..ProspectFilters::default()
                },
                deleted: DeletedFilter::All,
                ..ProspectQuery::default()
            })
            .collect();
        let calls: Vec<_> = queries
            .iter()
            .map(|query| self.client.query(query))
            .collect();
        let found: Vec<account_engagement::Rows<Prospect>> = stream::iter(calls)
            .buffered(CONCURRENT_CALLS)
            .try_collect()
            .await
            .map_err(|error| service_error(&error))?;
        // Where the filter ignores case, both spellings of an address find the same prospect.
        let rows = found.into_iter().flat_map(|rows| rows.rows);
        let found: BTreeMap<ProspectId, Prospect> = rows.map(|row| (row.id, row)).collect();
        let found = found.into_values().collect();
        let found = self.add_single_reads(config, found).await?;
        found
            .iter()
            .map(|prospect| prospect::record(&self.unit, config, prospect))
            .collect()
    }

    fn calls_at_once(&self) -> usize {
        self.client.slots().min(CONCURRENT_CALLS)
    }

    async fn write(
        &self,
        config: &Config,
        writes: &[ProspectWrite],
    ) -> Vec<Result<ProspectWritten, WriteFailure>> {
        let calls: Vec<_> = writes
            .iter()
            .map(|write| async {
                let written = self.write_one(config, write);
                in_time(Service::AccountEngagement, PROSPECT_WRITE_TIMEOUT, written).await?
            })
            .collect();
        stream::iter(calls)
            .buffered(CONCURRENT_CALLS)
            .collect()
            .await
    }

    async fn users(&self) -> Result<Vec<ServiceUser>, ServiceError> {
        let users = self
            .client
            .users()
            .await
            .map_err(|error| service_error(&error))?;
        let live = users.into_iter().filter(|user| !user.is_deleted);
        Ok(live
            .map(|user| ServiceUser {
                id: user.id,
                email: user.email.as_deref().and_then(NormalisedEmail::new),
                salesforce_id: user.salesforce_id.and_then(|id| id.parse().ok()),
            })
            .collect())
    }

    async fn describe(&self) -> Result<Vec<FieldDescription>, ServiceError> {
        let custom = self
            .client
            .custom_fields()
            .await
            .map_err(|error| service_error(&error))?;
        let default = account_engagement::DEFAULT_FIELDS
            .iter()
            .map(describe::default_field);
        Ok(default
            .chain(custom.iter().map(describe::custom_field))
            .collect())
    }

    async fn create_text_field(&self, name: &str) -> Result<FieldDescription, ServiceError> {
        let wrong_name = |message: String| ServiceError {
            service: Service::AccountEngagement,
            class: ErrorClass::Config,
            code: "FIELD_NAME".to_owned(),
            message,
        };
        let field_id = name.strip_suffix("__c").ok_or_else(|| {
            wrong_name(format!(
                "`{name}` cannot be created: custom fields end in `__c`"
            ))
        })?;
        let label = field_id.replace('_', " ");
        let created = self.client.create_text_field(&label, field_id).await;
        let created = created.map_err(|error| service_error(&error))?;
        if created.api_field_id != name {
            return Err(wrong_name(format!(
                "the new field for `{name}` is called `{}`; put that name into the setting",
                created.api_field_id
            )));
        }
        Ok(describe::custom_field(&created))
    }

    fn take_usage(&self) -> Usage {
        let calls = self.client.take_calls();
        Usage {
            calls: calls
                .into_iter()
                .map(|(kind, count)| (kind.name().to_owned(), count))
                .collect(),
            of_the_day: self
                .client
                .usage()
                .map(|usage| (usage.used, usage.allowance)),
        }
    }
}

pub(super) fn write_failure(error: &Error) -> WriteFailure {
    let fields = match error {
        Error::Service(error) => error.field().map(str::to_owned).into_iter().collect(),
        _ => Vec::new(),
    };
    WriteFailure {
        service: Service::AccountEngagement,
        class: error.class(),
        code: error.code(),
        fields,
        message: super::full_message(error),
        may_have_landed: error.may_have_landed(),
    }
}
