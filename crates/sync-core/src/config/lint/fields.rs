//! The field map by itself: completeness, repetitions, and entries that cannot work in any org.

use super::Report;
use crate::config::{BlankRule, Config, Direction, FieldEntry, SyncBehaviour};
use crate::ids::CrmObject;
use crate::value::FieldType;

/// More mapped fields than this could make a link row larger than a table item.
const MOST_FIELDS: usize = 200;

/// The name of the setting that maps an object.
pub(super) fn side(object: CrmObject) -> &'static str {
    match object {
        CrmObject::Lead => "lead",
        CrmObject::Contact => "contact",
    }
}

/// The map as a whole.
pub(super) fn check_map(config: &Config, report: &mut Report) {
    let entries = &config.fields.0;
    if entries.is_empty() {
        report.error("fields", "R94", "no field is mapped; begin with `email`");
        return;
    }
    if entries.len() > MOST_FIELDS {
        report.error(
            "fields",
            "fields",
            format!(
                "{} fields are mapped and {MOST_FIELDS} are possible: the link row keeps a value \
                 of each",
                entries.len()
            ),
        );
    }
    check_email(entries, report);
}

/// Without an address on both sides there is no match and no creation (R22, R41, C4).
fn check_email(entries: &[FieldEntry], report: &mut Report) {
    let mapped = entries
        .iter()
        .enumerate()
        .find(|(_, entry)| entry.prospect.0.eq_ignore_ascii_case("email"));
    let Some((index, entry)) = mapped else {
        report.error(
            "fields",
            "R22",
            "`email` is not mapped, so nothing could be matched or created; add \
             `{ prospect: email, lead: Email, contact: Email, type: email }`",
        );
        return;
    };
    if entry.field_type != FieldType::Email {
        report.error(
            format!("fields[{index}].type"),
            "K17",
            "`email` is looked up in lower case, and would not be found as it was entered; expected `type: email`",
        );
    }
    for object in CrmObject::ALL {
        if entry.crm_field(object).is_none() {
            report.error(
                format!("fields[{index}].{}", side(object)),
                "R22",
                format!("`email` is not mapped on {object}; expected `Email`"),
            );
        }
    }
}

/// A field belongs to one entry; names compare without regard to case (R94).
pub(super) fn check_repetitions(config: &Config, report: &mut Report) {
    let entries = &config.fields.0;
    let prospect_names = entries.iter().map(|entry| Some(entry.prospect.0.as_str()));
    repetitions("prospect", &prospect_names.collect::<Vec<_>>(), report);
    for object in CrmObject::ALL {
        let names = entries.iter().map(|entry| entry.crm_field(object));
        repetitions(side(object), &names.collect::<Vec<_>>(), report);
    }
}

fn repetitions(key: &str, names: &[Option<&str>], report: &mut Report) {
    for (index, name) in names.iter().enumerate() {
        let Some(name) = name else { continue };
        let is_same =
            |earlier: &&Option<&str>| earlier.is_some_and(|other| other.eq_ignore_ascii_case(name));
        let first = names[..index].iter().position(|earlier| is_same(&earlier));
        if let Some(first) = first {
            report.error(
                format!("fields[{index}].{key}"),
                "R94",
                format!(
                    "`{name}` is already mapped by fields[{first}]; names compare without regard \
                     to case"
                ),
            );
        }
    }
}

/// Each entry by itself.
pub(super) fn check_entries(config: &Config, report: &mut Report) {
    for (index, entry) in config.fields.0.iter().enumerate() {
        let path = format!("fields[{index}]");
        check_entry(&path, entry, report);
        check_reserved(&path, entry, config, report);
        check_parents(&path, entry, report);
    }
}

fn check_entry(path: &str, entry: &FieldEntry, report: &mut Report) {
    let name = &entry.prospect;
    if entry.lead.is_none() && entry.contact.is_none() {
        report.error(
            path,
            "R94",
            format!("`{name}` is mapped to nothing; name a field under `lead`, `contact` or both"),
        );
    }
    if let (Some(lead), Some(contact)) = (&entry.lead, &entry.contact) {
        let is_custom = [lead, contact]
            .iter()
            .any(|field| field.ends_with("__c") && !field.contains('.'));
        if is_custom && !lead.eq_ignore_ascii_case(contact) {
            report.warning(
                format!("{path}.contact"),
                "R28",
                format!(
                    "`{lead}` on Lead and `{contact}` on Contact have different API names: \
                     Salesforce does not carry the value over, and `{name}` stops syncing after \
                     the lead is converted"
                ),
            );
        }
    }
    let is_flagged = entry.blanks == BlankRule::SalesforceBlankWins;
    if is_flagged && entry.behaviour != SyncBehaviour::UseSalesforce {
        report.warning(
            format!("{path}.blanks"),
            "R84",
            format!(
                "`salesforce_blank_wins` works with `behaviour: use_salesforce` only; for `{name}` it \
                 changes nothing"
            ),
        );
    }
    if entry.opt_out && entry.field_type != FieldType::Boolean {
        report.error(
            format!("{path}.opt_out"),
            "R91",
            format!("`{name}` is not of `type: boolean`, so it cannot be an opt-out"),
        );
    }
    if entry.opt_out && entry.behaviour == SyncBehaviour::MostRecentRecord {
        report.warning(
            format!("{path}.behaviour"),
            "R89",
            format!(
                "the product decides conflicts in `{name}` by the most recently updated *field*, \
                 which is not offered here: `most_recent_record` compares whole records, so any \
                 other edit counts; consider `use_account_engagement`"
            ),
        );
    }
}

/// Fields that are not for mapping: the package's link back (R29), and the connector's own.
fn check_reserved(path: &str, entry: &FieldEntry, config: &Config, report: &mut Report) {
    for object in CrmObject::ALL {
        let Some(field) = entry.crm_field(object) else {
            continue;
        };
        let place = format!("{path}.{}", side(object));
        if field.eq_ignore_ascii_case("pi__url__c") {
            report.error(
                &place,
                "R29",
                "`pi__url__c` leads from a lead to its prospect; mapped, it creates duplicate \
                 prospects after conversion; remove the entry",
            );
        }
        let own = &config.salesforce;
        let settings = [
            ("key_field", Some(&own.key_field)),
            ("token_field", own.token_field.as_ref()),
        ];
        for setting in settings_naming(field, settings) {
            report.error(
                &place,
                setting,
                format!("`{field}` is salesforce.{setting} and belongs to the connector"),
            );
        }
    }
    let own = &config.account_engagement;
    let name = entry.prospect.0.as_str();
    let settings = [
        ("key_field", Some(&own.key_field)),
        ("token_field", own.token_field.as_ref()),
        ("crm_id_field", own.crm_id_field.as_ref()),
    ];
    for setting in settings_naming(name, settings) {
        report.error(
            format!("{path}.prospect"),
            setting,
            format!("`{name}` is account_engagement.{setting} and belongs to the connector"),
        );
    }
}

/// Reliability 2.2: the fallback without token fields works, and says what it risks.
pub(super) fn check_tokens(config: &Config, report: &mut Report) {
    let fields = [
        ("salesforce", &config.salesforce.token_field),
        ("account_engagement", &config.account_engagement.token_field),
    ];
    for (side, _) in fields.into_iter().filter(|(_, field)| field.is_none()) {
        report.warning(
            format!("{side}.token_field"),
            "token_field",
            "no token field: a user who puts back an old value while a write is being recovered after a \
             crash can lose that edit; name the text field of 40 characters that tells our writes apart \
             (docs/reliability.md)",
        );
    }
}

/// The settings that name this field.
fn settings_naming<'a, const N: usize>(
    field: &str,
    settings: [(&'a str, Option<&String>); N],
) -> impl Iterator<Item = &'a str> {
    let naming = settings.map(|(setting, name)| {
        name.is_some_and(|name| name.eq_ignore_ascii_case(field))
            .then_some(setting)
    });
    naming.into_iter().flatten()
}

/// A parent's field is read-only (7.2, company): it cannot be the place values go to.
fn check_parents(path: &str, entry: &FieldEntry, report: &mut Report) {
    if entry.direction != Direction::ToSalesforce {
        return;
    }
    for object in CrmObject::ALL {
        if let Some(field) = entry.crm_field(object).filter(|field| field.contains('.')) {
            report.error(
                format!("{path}.{}", side(object)),
                "R96",
                format!(
                    "`{field}` belongs to another record and is read-only; `direction: \
                     to_salesforce` cannot write it"
                ),
            );
        }
    }
}
