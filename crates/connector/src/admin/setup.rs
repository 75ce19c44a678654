//! The fields that the connector keeps for itself: looked for on both sides, and created in Account
//! Engagement where they are missing. Salesforce's come as metadata, which the CRM's admin deploys.

use sync_core::config::Config;
use sync_core::config::lint::{Finding, Severity, lint_own_fields};
use sync_core::ids::CrmObject;
use sync_core::protocol::{AdminReply, OwnField, OwnFieldState};
use sync_core::schema::Schema;

use super::{AdminError, Desk};
use crate::ports::{Marketing, ServiceError};

/// Looks for the fields and creates what Account Engagement lacks. A second run finds everything there.
///
/// What was created is not read again: a read may be a minute old (K4).
pub(super) async fn set_up(
    desk: &Desk<'_>,
    given: Option<&Config>,
) -> Result<AdminReply, AdminError> {
    let in_force;
    let config = match given {
        Some(config) => config,
        None => {
            in_force = in_force_now(desk).await?;
            &in_force
        }
    };
    let sides = desk.environment.services.open(config).await?;
    let mut schema = Schema {
        crm: sides.crm.describe().await?,
        prospect: sides.marketing.describe().await?,
    };
    let mut fields = Vec::new();
    let mut findings = Vec::new();
    for (setting, name) in on_the_prospect(config) {
        let state = if schema.prospect_field(name).is_some() {
            OwnFieldState::Found
        } else {
            let created = create(desk, sides.marketing.as_ref(), name, &mut schema).await?;
            findings.extend(created.err().map(|error| problem(setting, &error)));
            schema
                .prospect_field(name)
                .map_or(OwnFieldState::Missing, |_| OwnFieldState::Created)
        };
        fields.push(own_field("Prospect", name, state));
    }
    for object in CrmObject::ALL {
        for name in on_the_crm_record(config) {
            let state = schema
                .crm_field(object, name)
                .map_or(OwnFieldState::Missing, |_| OwnFieldState::Found);
            fields.push(own_field(object.name(), name, state));
        }
    }
    findings.extend(lint_own_fields(config, &schema));
    Ok(AdminReply::SetUp { fields, findings })
}

async fn in_force_now(desk: &Desk<'_>) -> Result<Config, AdminError> {
    let configured = desk.environment.configured(&desk.unit).await?;
    let configured = configured.map(|configured| configured.config);
    configured.ok_or_else(|| {
        AdminError::Refused(format!(
            "business unit {} has no configuration yet; name the file: `prospect-sync setup FILE`",
            desk.unit
        ))
    })
}

/// Creates one field. It is in the audit trail before (R133), and in the schema afterwards.
async fn create(
    desk: &Desk<'_>,
    marketing: &dyn Marketing,
    name: &str,
    schema: &mut Schema,
) -> Result<Result<(), ServiceError>, AdminError> {
    desk.audit(format!("setup, custom field {name}")).await?;
    let created = marketing.create_text_field(name).await;
    Ok(created.map(|field| schema.prospect.push(field)))
}

/// The settings that name a field of the prospect, and the fields.
fn on_the_prospect(config: &Config) -> impl Iterator<Item = (&'static str, &str)> {
    let own = &config.account_engagement;
    let named = [
        ("key_field", Some(&own.key_field)),
        ("token_field", own.token_field.as_ref()),
        ("crm_id_field", own.crm_id_field.as_ref()),
    ];
    named
        .into_iter()
        .filter_map(|(setting, name)| Some((setting, name?.as_str())))
}

/// The fields that both Lead and Contact must have.
fn on_the_crm_record(config: &Config) -> impl Iterator<Item = &str> {
    let own = &config.salesforce;
    [own.key_field.as_str()]
        .into_iter()
        .chain(own.token_field.as_deref())
}

fn own_field(object: &str, name: &str, state: OwnFieldState) -> OwnField {
    OwnField {
        object: object.to_owned(),
        name: name.to_owned(),
        state,
    }
}

fn problem(setting: &str, error: &ServiceError) -> Finding {
    Finding {
        severity: Severity::Error,
        path: format!("account_engagement.{setting}"),
        rule: error.code.clone(),
        message: error.to_string(),
    }
}
