//! [`Crm`] on the Salesforce client.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use salesforce::{Client, Condition, Error, Record, Row, Rows, Soql, in_chunks};
use serde_json::{Value, json};
use sync_core::coerce::{Service, parse_instant, write_value};
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::{BusinessUnit, CrmId, CrmObject, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{Conversion, CrmRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;

use super::row::{field, is, text};
use super::{describe, object, read_values};
use crate::ports::{
    Changes, Crm, CrmChange, CrmUser, CrmWrite, CrmWriteTarget, ServiceError, Usage,
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

    fn id(row: &Row) -> Result<CrmId, ServiceError> {
        let id = text(row, "Id").and_then(|id| id.parse().ok());
        id.ok_or_else(|| malformed("a row has no id of a lead or contact"))
    }

    fn key(&self, config: &Config, row: &Row) -> Option<PairKey> {
        PairKey::from_field(&self.unit, text(row, &config.salesforce.key_field)?)
    }

    fn side(&self, config: &Config, row: &Row) -> Result<(CrmId, Side<CrmRecord>), ServiceError> {
        let id = Self::id(row)?;
        if is(row, "IsDeleted") {
            let merged_into = text(row, "MasterRecordId").and_then(|master| master.parse().ok());
            return Ok((id, Side::Deleted { merged_into }));
        }
        Ok((id, Side::Present(self.record(config, row)?)))
    }

    fn record(&self, config: &Config, row: &Row) -> Result<CrmRecord, ServiceError> {
        let id = Self::id(row)?;
        let crm_object = id.object();
        let placeholder = json!(config.salesforce.unknown_placeholder);
        let (values, unreadable) = read_values(config, Service::Salesforce, |entry| {
            let path = entry.crm_field(crm_object)?;
            let value = field(row, path).unwrap_or(&Value::Null);
            // What we wrote because a required field had no value is no value.
            let is_placeholder = matches!(path, "LastName" | "Company") && *value == placeholder;
            Some(if is_placeholder { &Value::Null } else { value })
        });
        let instant = |name: &str| {
            let read = text(row, name).and_then(parse_instant);
            read.ok_or_else(|| malformed(&format!("a row has no {name}")))
        };
        let user = |name: &str| text(row, name).and_then(|id| id.parse::<SalesforceId>().ok());
        let converted = is(row, "IsConverted").then(|| Conversion {
            contact: text(row, "ConvertedContactId").and_then(|id| id.parse().ok()),
        });
        Ok(CrmRecord {
            created: instant("CreatedDate")?,
            modified: instant("LastModifiedDate")?,
            last_activity: text(row, "LastActivityDate").and_then(|day| day.parse().ok()),
            created_by: user("CreatedById"),
            owner: user("OwnerId"),
            email: text(row, "Email").and_then(NormalisedEmail::new),
            converted,
            key: self.key(config, row),
            values,
            unreadable,
            id,
        })
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

/// What a decision needs of a record: the mapped fields and the ones we rely on ourselves.
fn fields_to_read(config: &Config, object: CrmObject) -> Vec<String> {
    let own = [
        "Id",
        "Email",
        "OwnerId",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastActivityDate",
        "IsDeleted",
        "MasterRecordId",
    ];
    let of_leads: &[&str] = match object {
        CrmObject::Lead => &["IsConverted", "ConvertedContactId"],
        CrmObject::Contact => &[],
    };
    let mut fields: Vec<String> = Vec::new();
    let mapped = config.fields.crm_fields(object);
    let key_field = config.salesforce.key_field.as_str();
    for name in own
        .into_iter()
        .chain(of_leads.iter().copied())
        .chain([key_field])
        .chain(mapped)
    {
        if !fields.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            fields.push(name.to_owned());
        }
    }
    fields
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
        let key_field = config.salesforce.key_field.as_str();
        let changed = self
            .client
            .changed_since(object.name(), &[key_field], from)
            .await;
        let changed = changed.map_err(|error| service_error(&error))?;
        let read_at = super::clock_at_start(self.client.server_time(), started);
        let rows = changed
            .iter()
            .map(|row| {
                let stamp = text(row, "SystemModstamp").and_then(|stamp| stamp.parse().ok());
                Ok(CrmChange {
                    id: Self::id(row)?,
                    stamp: stamp.ok_or_else(|| malformed("a row has no SystemModstamp"))?,
                    key: self.key(config, row),
                    is_deleted: is(row, "IsDeleted"),
                })
            })
            .collect::<Result<Vec<_>, ServiceError>>()?;
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
            let (id, side) = self.side(config, row)?;
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
        rows.iter().map(|row| self.record(config, row)).collect()
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
        let rows = self.select(config, conditions, Rows::Live).await?;
        rows.iter().map(|row| self.record(config, row)).collect()
    }

    async fn write(
        &self,
        config: &Config,
        writes: &[CrmWrite],
    ) -> Vec<Result<CrmId, WriteFailure>> {
        let (mut creates, mut updates) = (Vec::new(), Vec::new());
        for (index, write) in writes.iter().enumerate() {
            let record = self.to_record(config, write);
            let list = if record.id.is_some() {
                &mut updates
            } else {
                &mut creates
            };
            list.push((index, record));
        }
        let mut results: Vec<Option<Result<CrmId, WriteFailure>>> = vec![None; writes.len()];
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
                results[*index] = Some(write_result(answer));
            }
        }
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(unknown("no result for the record"))))
            .collect()
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
    fn to_record(&self, config: &Config, write: &CrmWrite) -> Record {
        let fields = &write.fields;
        let mut body = object(
            fields
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), write_value(Service::Salesforce, value))),
        );
        if let Some(key) = &fields.key {
            body.insert(
                config.salesforce.key_field.clone(),
                json!(key.field_value(&self.unit)),
            );
        }
        if let Some(owner) = &fields.owner {
            body.insert("OwnerId".to_owned(), json!(owner.as_str()));
        }
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

fn write_result(answer: Result<salesforce::RecordResult, Error>) -> Result<CrmId, WriteFailure> {
    match answer {
        Ok(Ok(id)) => CrmId::try_from(id).map_err(|error| unknown(&error.to_string())),
        Ok(Err(refused)) => Err(WriteFailure {
            service: Service::Salesforce,
            class: refused.class(),
            code: refused.code.as_str().to_owned(),
            fields: refused.fields.clone(),
            message: refused.to_string(),
            may_have_landed: false,
        }),
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
