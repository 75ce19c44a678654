//! Everything but the field map: who the connector is, and settings that exclude each other.

use jiff::tz::TimeZone;

use super::{Deployment, Report};
use crate::config::{Config, ConnectorUserKind, Mode};

/// One connector per business unit (R1), and never an integration user without Marketing Data
/// Sharing where several business units share an org (R14).
pub(super) fn check_identity(config: &Config, deployment: &Deployment, report: &mut Report) {
    if let Some(existing) = &deployment.existing_connector
        && *existing != config.name
    {
        report.error(
            "name",
            "R1",
            format!(
                "business unit {} already has the connector `{existing}`, and a business unit has \
                 one only; keep that name",
                config.business_unit
            ),
        );
    }
    for (path, text) in [
        ("name", &config.name),
        ("connector_user.username", &config.connector_user.username),
    ] {
        if text.trim().is_empty() {
            report.error(path, "R11", format!("`{path}` is empty"));
        }
    }
    let deployed = &deployment.business_units;
    if !deployed.is_empty() && !deployed.contains(&config.business_unit) {
        report.error(
            "business_unit",
            "R1",
            format!(
                "{} is not part of this deployment, which has {deployed:?}; correct the id, or add \
                 it to the stack's parameter BusinessUnits",
                config.business_unit
            ),
        );
    }
    let sees_everything = config.connector_user.kind == ConnectorUserKind::IntegrationUser;
    if deployed.len() > 1 && sees_everything {
        report.error(
            "connector_user.kind",
            "R14",
            format!(
                "{} business units are deployed, and an integration user would bring every record \
                 to each of them: that needs Marketing Data Sharing, which this version does not \
                 have; use `own_user` with the permissions of this business unit",
                deployed.len()
            ),
        );
    }
}

/// Settings that make no sense by themselves or together.
pub(super) fn check_values(config: &Config, report: &mut Report) {
    let zone = &config.account_engagement.time_zone;
    if TimeZone::get(zone).is_err() {
        report.error(
            "account_engagement.time_zone",
            "R88",
            format!("`{zone}` is not an IANA time zone; expected a name like `Europe/Paris`"),
        );
    }
    if config.salesforce.unknown_placeholder.trim().is_empty() {
        report.error(
            "salesforce.unknown_placeholder",
            "R96",
            "a blank placeholder does not fill the required Last Name and Company; the usual one \
             is `[[Unknown]]`",
        );
    }
    if !config.salesforce.conditional_updates {
        report.warning(
            "salesforce.conditional_updates",
            "conditional_updates",
            "updates without condition: what a user enters between our read and our write of a record is \
             overwritten unseen; leave the setting out, unless the calls of the day do not suffice \
             (docs/operating/cost-and-quotas.md)",
        );
    }
    let own = &config.account_engagement;
    let is_same = |mirror: &String| mirror.eq_ignore_ascii_case(&own.key_field);
    if own.crm_id_field.as_ref().is_some_and(is_same) {
        report.error(
            "account_engagement.crm_id_field",
            "crm_id_field",
            "the CRM ID would overwrite the pair key; use a field of its own, or leave it out",
        );
    }
    check_stale_reads(config, report);
    if config.settings.default_campaign_id == 0 {
        report.error(
            "settings.default_campaign_id",
            "R45",
            "0 is no campaign, and a prospect that the connector creates needs one; take the id \
             from the campaign's address in Account Engagement",
        );
    }
    if !config.settings.merge_delete && config.mode == Mode::Ampsea {
        report.error(
            "settings.merge_delete",
            "R52",
            "with `mode: ampsea` a deleted record always takes its prospect to the recycle bin; leave \
             the setting out, or set it to true",
        );
    }
    if config.settings.match_by_email && config.mode == Mode::NonAmpsea {
        report.error(
            "settings.match_by_email",
            "R24",
            "the setting exists for `mode: ampsea` only; without AMPSEA prospects are always \
             matched by e-mail address, so leave it out",
        );
    }
}

/// K4: the wait that keeps a prospect from being created twice after a crash.
fn check_stale_reads(config: &Config, report: &mut Report) {
    const CACHE_SECONDS: u32 = 60;
    const MOST_SECONDS: u32 = 900;
    let seconds = config.account_engagement.stale_reads_seconds;
    let path = "account_engagement.stale_reads_seconds";
    if seconds > MOST_SECONDS {
        report.error(
            path,
            "K4",
            format!("{seconds} seconds would hold a pair that long after each crash; at most {MOST_SECONDS}"),
        );
    } else if seconds < CACHE_SECONDS {
        report.warning(
            path,
            "K4",
            format!(
                "a read may be {CACHE_SECONDS} seconds old, and a worker that waits for {seconds} \
                 can create a prospect twice after a crash; less than {CACHE_SECONDS} is for a \
                 sandbox without cache"
            ),
        );
    }
}
