//! The objects every twin has, with the fields the connector's package would add.

use super::schema::{Field, FieldType as T, Object};

const SOURCES: &[&str] = &[
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Trade Show",
    "Other",
];
const INDUSTRIES: &[&str] = &[
    "Agriculture",
    "Banking",
    "Biotechnology",
    "Chemicals",
    "Construction",
    "Consulting",
    "Education",
    "Electronics",
    "Energy",
    "Finance",
    "Government",
    "Healthcare",
    "Hospitality",
    "Insurance",
    "Manufacturing",
    "Media",
    "Retail",
    "Technology",
    "Telecommunications",
    "Transportation",
    "Utilities",
    "Other",
];
const SALUTATIONS: &[&str] = &["Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."];
const STATUSES: &[&str] = &[
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];
const REGIONS: &[&str] = &["Europe", "Americas", "Asia Pacific"];
const INTERESTS: &[&str] = &[
    "Product A",
    "Product B",
    "Product C",
    "Events",
    "Newsletter",
];

fn plain(name: &str, kind: T, length: usize) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        length,
        ..Field::default()
    }
}

fn text(name: &str, length: usize) -> Field {
    plain(name, T::String, length)
}

fn required(name: &str, length: usize) -> Field {
    Field {
        nillable: false,
        ..text(name, length)
    }
}

fn flag(name: &str) -> Field {
    Field {
        nillable: false,
        ..plain(name, T::Boolean, 0)
    }
}

fn pick(name: &str, values: &[&str]) -> Field {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Field {
        values,
        ..plain(name, T::Picklist, 255)
    }
}

fn number(name: &str, kind: T, precision: u32, scale: u32) -> Field {
    Field {
        precision,
        scale,
        ..plain(name, kind, 0)
    }
}

fn read_only(field: Field) -> Field {
    Field {
        createable: false,
        updateable: false,
        ..field
    }
}

fn reference(name: &str, relationship: &str, object: &str) -> Field {
    Field {
        reference_to: Some(object.to_owned()),
        relationship_name: Some(relationship.to_owned()),
        ..plain(name, T::Reference, 18)
    }
}

fn person(prefix: &str) -> Vec<Field> {
    let address = |name: &str| format!("{prefix}{name}");
    vec![
        required("LastName", 80),
        text("FirstName", 40),
        pick("Salutation", SALUTATIONS),
        read_only(text("Name", 121)),
        text("Title", 128),
        plain("Email", T::Email, 80),
        plain("Phone", T::Phone, 40),
        plain("Fax", T::Phone, 40),
        plain("MobilePhone", T::Phone, 40),
        plain(&address("Street"), T::Textarea, 255),
        text(&address("City"), 40),
        text(&address("State"), 80),
        text(&address("PostalCode"), 20),
        text(&address("Country"), 80),
        plain("Description", T::Textarea, 32_000),
        pick("LeadSource", SOURCES),
        flag("DoNotCall"),
        flag("HasOptedOutOfEmail"),
        flag("HasOptedOutOfFax"),
        read_only(plain("LastActivityDate", T::Date, 0)),
        Field {
            nillable: false,
            ..reference("OwnerId", "Owner", "User")
        },
    ]
}

/// The custom fields both `Lead` and `Contact` have.
fn custom() -> Vec<Field> {
    let key = Field {
        unique: true,
        external_id: true,
        case_sensitive: true,
        id_lookup: true,
        ..text("Prospect_Sync_Key__c", 80)
    };
    vec![
        number("pi__score__c", T::Double, 18, 0),
        text("pi__grade__c", 255),
        text("pi__campaign__c", 255),
        plain("pi__url__c", T::Url, 255),
        plain("pi__last_activity__c", T::Datetime, 0),
        key,
        text("Prospect_Sync_Token__c", 40),
        Field {
            kind: T::Multipicklist,
            length: 4099,
            ..pick("Interests__c", INTERESTS)
        },
        Field {
            restricted: true,
            ..pick("Region__c", REGIONS)
        },
        plain("Renewal_Date__c", T::Date, 0),
        plain("First_Contact__c", T::Datetime, 0),
    ]
}

fn system() -> Vec<Field> {
    let fields = vec![
        Field {
            nillable: false,
            id_lookup: true,
            ..plain("Id", T::Id, 18)
        },
        flag("IsDeleted"),
        plain("CreatedDate", T::Datetime, 0),
        reference("CreatedById", "CreatedBy", "User"),
        plain("LastModifiedDate", T::Datetime, 0),
        reference("LastModifiedById", "LastModifiedBy", "User"),
        plain("SystemModstamp", T::Datetime, 0),
    ];
    fields
        .into_iter()
        .map(|field| Field {
            nillable: false,
            ..read_only(field)
        })
        .collect()
}

fn object(name: &str, key_prefix: &'static str, parts: Vec<Vec<Field>>) -> Object {
    let fields = std::iter::once(system()).chain(parts).flatten().collect();
    Object {
        name: name.to_owned(),
        key_prefix,
        fields,
    }
}

fn merged_into(name: &str) -> Field {
    read_only(reference("MasterRecordId", "MasterRecord", name))
}

/// `Account`, `Contact`, `Lead` and `User`.
#[must_use]
pub fn objects() -> Vec<Object> {
    let account = vec![
        required("Name", 255),
        pick("Industry", INDUSTRIES),
        pick("Type", &["Prospect", "Customer", "Partner", "Other"]),
        plain("Phone", T::Phone, 40),
        plain("Fax", T::Phone, 40),
        plain("Website", T::Url, 255),
        plain("BillingStreet", T::Textarea, 255),
        text("BillingCity", 40),
        text("BillingState", 80),
        text("BillingPostalCode", 20),
        text("BillingCountry", 80),
        number("NumberOfEmployees", T::Int, 8, 0),
        number("AnnualRevenue", T::Currency, 18, 2),
        plain("Description", T::Textarea, 32_000),
        Field {
            nillable: false,
            ..reference("OwnerId", "Owner", "User")
        },
        merged_into("Account"),
    ];
    let contact = vec![
        reference("AccountId", "Account", "Account"),
        reference("ReportsToId", "ReportsTo", "Contact"),
        text("Department", 80),
        plain("HomePhone", T::Phone, 40),
        plain("Birthdate", T::Date, 0),
        merged_into("Contact"),
    ];
    let lead = vec![
        required("Company", 255),
        plain("Website", T::Url, 255),
        pick("Industry", INDUSTRIES),
        pick("Status", STATUSES),
        pick("Rating", &["Hot", "Warm", "Cold"]),
        number("NumberOfEmployees", T::Int, 8, 0),
        number("AnnualRevenue", T::Currency, 18, 2),
        read_only(flag("IsConverted")),
        read_only(plain("ConvertedDate", T::Date, 0)),
        read_only(reference(
            "ConvertedAccountId",
            "ConvertedAccount",
            "Account",
        )),
        read_only(reference(
            "ConvertedContactId",
            "ConvertedContact",
            "Contact",
        )),
        read_only(text("ConvertedOpportunityId", 18)),
        merged_into("Lead"),
    ];
    let user = vec![
        required("Username", 80),
        required("LastName", 80),
        text("FirstName", 40),
        read_only(text("Name", 121)),
        plain("Email", T::Email, 128),
        flag("IsActive"),
        text("UserType", 40),
    ];
    vec![
        object("Account", "001", vec![account]),
        object("Contact", "003", vec![person("Mailing"), contact, custom()]),
        object("Lead", "00Q", vec![person(""), lead, custom()]),
        object("User", "005", vec![user]),
    ]
}
