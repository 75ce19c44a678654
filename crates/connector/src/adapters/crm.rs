//! [`Crm`] on the Salesforce client.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use salesforce::{
    Client, Condition, ConditionalChange, Error, Keyset, ROWS_PER_PAGE, Record, RecordError, Row,
    Rows, Soql, in_chunks,
};
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::{BusinessUnit, CrmId, CrmObject, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{CrmRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;

use super::crm_record::{self, fields_to_read};
use super::{describe, in_time};
use crate::ports::{
    CRM_WRITE_TIMEOUT, Changes, Crm, CrmChange, CrmUser, CrmWrite, CrmWriteTarget, ServiceError,
    Usage,
};

/// Salesforce through our own client, as one business unit sees it.
pub struct SalesforceCrm {
    client: Arc<Client>,
    unit: BusinessUnit,
}

impl SalesforceCrm {
    /// The port of one business unit.
    #[must_use]
    pub fn new(client: Arc<Client>, unit: BusinessUnit) -> Self {
        Self { client, unit }
    }

    async fn select(
        &self,
        config: &Config,
        conditions: Vec<(CrmObject, Condition)>,
        rows: Rows,
    ) -> Result<Vec<Row>, ServiceError> {
        let mut queries = Vec::with_capacity(conditions.len());
        for (object, condition) in &conditions {
            let fields = fields_to_read(config, *object);
            let fields = fields.iter().map(String::as_str);
            let query = Soql::select(object.name(), fields, condition, &[], None);
            queries.push(query.map_err(|error| malformed(&error.to_string()))?);
        }
        let answers = self.client.query_many(&queries, rows).await;
        let answers = answers.map_err(|error| service_error(&error))?;
        Ok(answers.into_iter().flatten().collect())
    }
}

#[async_trait]
impl Crm for SalesforceCrm {
    async fn connector_user(&self) -> Result<SalesforceId, ServiceError> {
        self.client
            .user_id()
            .await
            .map_err(|error| service_error(&error))
    }

    async fn changes(
        &self,
        config: &Config,
        object: CrmObject,
        from: Timestamp,
    ) -> Result<Changes<CrmChange>, ServiceError> {
        let started = tokio::time::Instant::now();
        let fields = fields_to_read(config, object);
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        let mut next = Some(Keyset::starting(from));
        while let Some(keyset) = next {
            let page = self
                .client
                .poll_changes(object.name(), &fields, &keyset, ROWS_PER_PAGE);
            let page = page.await.map_err(|error| service_error(&error))?;
            for row in &page.rows {
                rows.push(crm_record::change(&self.unit, config, row)?);
            }
            next = page.next;
        }
        let read_at = super::clock_at_start(self.client.server_time(), started);
        Ok(Changes { rows, read_at })
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[CrmId],
    ) -> Result<BTreeMap<CrmId, Side<CrmRecord>>, ServiceError> {
        let mut conditions = Vec::new();
        for object in CrmObject::ALL {
            let of_object: Vec<String> = ids
                .iter()
                .filter(|id| id.object() == object)
                .map(ToString::to_string)
                .collect();
            let chunks = in_chunks("Id", &of_object);
            conditions.extend(chunks.into_iter().map(|condition| (object, condition)));
        }
        let rows = self.select(config, conditions, Rows::All).await?;
        let mut sides: BTreeMap<CrmId, Side<CrmRecord>> =
            ids.iter().map(|id| (id.clone(), Side::Missing)).collect();
        for row in &rows {
            let (id, side) = crm_record::side(&self.unit, config, row)?;
            sides.insert(id, side);
        }
        Ok(sides)
    }

    async fn find_by_email(
        &self,
        config: &Config,
        emails: &[NormalisedEmail],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        let emails: Vec<String> = emails
            .iter()
            .map(|email| email.as_str().to_owned())
            .collect();
        let mut conditions = Vec::new();
        // R22: contacts first.
        for object in [CrmObject::Contact, CrmObject::Lead] {
            let chunks = in_chunks("Email", &emails);
            conditions.extend(chunks.into_iter().map(|condition| (object, condition)));
        }
        let rows = self.select(config, conditions, Rows::Live).await?;
        rows.iter()
            .map(|row| crm_record::record(&self.unit, config, row))
            .collect()
    }

    async fn find_by_key(
        &self,
        config: &Config,
        keys: &[PairKey],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        let keys: Vec<String> = keys.iter().map(|key| key.field_value(&self.unit)).collect();
        let mut conditions = Vec::new();
        for object in CrmObject::ALL {
            let chunks = in_chunks(&config.salesforce.key_field, &keys);
            conditions.extend(chunks.into_iter().map(|condition| (object, condition)));
        }
        let rows = self.select(config, conditions, Rows::All).await?;
        rows.iter()
            .map(|row| crm_record::record(&self.unit, config, row))
            .collect()
    }

    async fn write(
        &self,
        config: &Config,
        writes: &[CrmWrite],
    ) -> Vec<Result<CrmId, WriteFailure>> {
        let written = self.write_all(config, writes);
        in_time(Service::Salesforce, CRM_WRITE_TIMEOUT, written)
            .await
            .unwrap_or_else(|late| writes.iter().map(|_| Err(late.clone())).collect())
    }

    async fn describe(&self) -> Result<BTreeMap<String, Vec<FieldDescription>>, ServiceError> {
        let mut described = BTreeMap::new();
        for object in CrmObject::ALL {
            let fields = self.client.describe(object.name()).await;
            let fields = fields.map_err(|error| service_error(&error))?;
            let fields = fields.iter().map(describe::crm_field).collect();
            described.insert(object.name().to_owned(), fields);
        }
        Ok(described)
    }

    async fn users(&self) -> Result<Vec<CrmUser>, ServiceError> {
        super::crm_users::users(&self.client).await
    }

    fn take_usage(&self) -> Usage {
        let calls = self.client.take_calls();
        Usage {
            calls: calls
                .into_iter()
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect(),
            of_the_day: self.client.usage().map(|usage| (usage.used, usage.max)),
        }
    }
}

impl SalesforceCrm {
    async fn write_all(
        &self,
        config: &Config,
        writes: &[CrmWrite],
    ) -> Vec<Result<CrmId, WriteFailure>> {
        let (mut creates, mut updates) = (Vec::new(), Vec::new());
        let (mut conditional, mut changes) = (Vec::new(), Vec::new());
        for (index, write) in writes.iter().enumerate() {
            let record = self.to_record(config, write);
            match (&write.target, write.seen) {
                (CrmWriteTarget::Create(_), _) => creates.push((index, record)),
                (CrmWriteTarget::Update(_), None) => updates.push((index, record)),
                (CrmWriteTarget::Update(_), Some(unmodified_since)) => {
                    conditional.push(index);
                    changes.push(ConditionalChange {
                        record,
                        unmodified_since,
                    });
                }
            }
        }
        let mut results: Vec<Option<Result<CrmId, WriteFailure>>> = vec![None; writes.len()];
        let answers = self.client.update_unmodified(&changes).await;
        for (index, answer) in conditional.into_iter().zip(answers) {
            results[index] = Some(write_result(answer, config));
        }
        for (list, is_create) in [(updates, false), (creates, true)] {
            // Records of one object go together: fewer runs in a collection.
            let mut list = list;
            list.sort_by_key(|(_, record)| record.object);
            let records: Vec<Record> = list.iter().map(|(_, record)| record.clone()).collect();
            let answers = match (is_create, records.is_empty()) {
                (_, true) => Vec::new(),
                (true, false) => self.client.create(&records).await,
                (false, false) => self.client.update(&records).await,
            };
            for ((index, _), answer) in list.iter().zip(answers) {
                results[*index] = Some(write_result(answer, config));
            }
        }
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(unknown("no result for the record"))))
            .collect()
    }

    fn to_record(&self, config: &Config, write: &CrmWrite) -> Record {
        let body = crm_record::body(&self.unit, config, write);
        let (crm_object, id) = match &write.target {
            CrmWriteTarget::Update(id) => (id.object(), id.as_str().parse().ok()),
            CrmWriteTarget::Create(crm_object) => (*crm_object, None),
        };
        Record {
            object: crm_object.name(),
            id,
            fields: body,
        }
    }
}

fn write_result(
    answer: Result<salesforce::RecordResult, Error>,
    config: &Config,
) -> Result<CrmId, WriteFailure> {
    match answer {
        Ok(Ok(id)) => CrmId::try_from(id).map_err(|error| unknown(&error.to_string())),
        Ok(Err(refused)) => Err(refusal(&refused, config)),
        Err(error) => Err(WriteFailure {
            service: Service::Salesforce,
            class: error.class(),
            code: error.code(),
            fields: match &error {
                Error::Service(service) => service.fields.clone(),
                _ => Vec::new(),
            },
            message: super::full_message(&error),
            may_have_landed: error.may_have_landed(),
        }),
    }
}

/// A key that is there already is our own record, to be looked for by it. Any other unique field is in
/// the way until a person changes a value (connector-behaviour 10, UNIQUE).
fn refusal(refused: &RecordError, config: &Config) -> WriteFailure {
    let key_field = &config.salesforce.key_field;
    let foreign = refused
        .duplicate_field()
        .filter(|field| !field.eq_ignore_ascii_case(key_field));
    let mut fields = refused.fields.clone();
    fields.extend(foreign.map(str::to_owned));
    fields.dedup();
    WriteFailure {
        service: Service::Salesforce,
        class: foreign.map_or_else(|| refused.class(), |_| ErrorClass::Record),
        code: refused.code.as_str().to_owned(),
        fields,
        message: refused.to_string(),
        may_have_landed: false,
    }
}

fn unknown(problem: &str) -> WriteFailure {
    WriteFailure {
        service: Service::Salesforce,
        class: ErrorClass::Unclassified,
        code: "PROTOCOL".to_owned(),
        fields: Vec::new(),
        message: problem.to_owned(),
        may_have_landed: true,
    }
}

pub(super) fn service_error(error: &Error) -> ServiceError {
    ServiceError {
        service: Service::Salesforce,
        class: error.class(),
        code: error.code(),
        message: super::full_message(error),
    }
}

pub(super) fn malformed(problem: &str) -> ServiceError {
    ServiceError {
        service: Service::Salesforce,
        class: ErrorClass::Unclassified,
        code: "PROTOCOL".to_owned(),
        message: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The id in it is none of a lead or contact, or there is none at all.
    #[test]
    fn p3_an_answer_that_says_nothing_of_the_record_leaves_the_outcome_unknown() {
        let config = include_str!("../../../../config/connector.example.yaml");
        let config: Config = serde_saphyr::from_str(config).expect("a configuration");
        let account: SalesforceId = "001000000000001AAA".parse().expect("an id");
        let answered = write_result(Ok(Ok(account)), &config).expect_err("no lead");
        assert!(answered.may_have_landed);
        assert!(unknown("no result for the record").may_have_landed);
    }
}
