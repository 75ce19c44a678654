//! The types of connector-behaviour 7.3: what is read from and written to both services.

use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sync_core::coerce::{CoercionError, Service, parse_instant, read_value, write_value};
use sync_core::testing::at;
use sync_core::value::{FieldName, FieldType, FieldValue, NormalisedEmail, Spelling};

use FieldType::{Boolean, Date, DateTime, Email, MultiSelect, Number, Picklist, Text};

const SERVICES: [Service; 2] = [Service::Salesforce, Service::AccountEngagement];
const TYPES: [FieldType; 8] = [
    Text,
    Email,
    Number,
    Boolean,
    Date,
    DateTime,
    Picklist,
    MultiSelect,
];

fn read_in(zone: &str, field_type: FieldType, json: &Value) -> Result<FieldValue, CoercionError> {
    let zone = TimeZone::get(zone).unwrap();
    let field = FieldName::from("field");
    let of_crm = read_value(Service::Salesforce, &field, field_type, json, &zone);
    let of_prospect = read_value(Service::AccountEngagement, &field, field_type, json, &zone);
    assert_eq!(
        of_crm.clone().ok(),
        of_prospect.ok(),
        "both services read alike"
    );
    of_crm
}

fn read(field_type: FieldType, json: &Value) -> FieldValue {
    read_in("UTC", field_type, json).unwrap()
}

fn refused(field_type: FieldType, json: &Value) -> CoercionError {
    match read_in("UTC", field_type, json) {
        Err(error) => error,
        Ok(value) => panic!("{json} was read as {value}"),
    }
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

fn number(digits: &str) -> FieldValue {
    FieldValue::Number(digits.parse().unwrap())
}

fn set(values: &[&str]) -> FieldValue {
    FieldValue::Set(values.iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn null_empty_and_whitespace_are_blank_in_every_type() {
    for field_type in TYPES
        .into_iter()
        .filter(|field_type| *field_type != Boolean)
    {
        for blank in [
            json!(null),
            json!(""),
            json!("  "),
            json!("\t\n"),
            json!([]),
            json!([""]),
        ] {
            assert_eq!(
                read(field_type, &blank),
                FieldValue::Blank,
                "{field_type:?} {blank}"
            );
        }
    }
}

#[test]
fn r85_a_boolean_has_no_blank() {
    for blank in [json!(null), json!(""), json!(" ")] {
        assert_eq!(read(Boolean, &blank), FieldValue::Boolean(false));
    }
}

#[test]
fn r85_a_radio_field_holds_exactly_true_or_false() {
    assert_eq!(read(Boolean, &json!(true)), FieldValue::Boolean(true));
    assert_eq!(read(Boolean, &json!("true")), FieldValue::Boolean(true));
    assert_eq!(read(Boolean, &json!("false")), FieldValue::Boolean(false));
    for wrong in [
        json!("True"),
        json!("FALSE"),
        json!("yes"),
        json!("1"),
        json!(1),
        json!(["true"]),
    ] {
        refused(Boolean, &wrong);
    }
}

#[test]
fn text_is_trimmed_and_keeps_its_case() {
    assert_eq!(read(Text, &json!("  Ann Lee ")), text("Ann Lee"));
    assert_eq!(read(Text, &json!(42)), text("42"));
    refused(Text, &json!({"street": "Main"}));
    refused(Text, &json!(["a"]));
}

#[test]
fn e_mail_addresses_are_compared_without_case() {
    assert_eq!(read(Email, &json!(" Ann@X.Test ")), text("ann@x.test"));
    let normalised = NormalisedEmail::new(" Ann@X.Test ").unwrap();
    assert_eq!(normalised.as_str(), "ann@x.test");
    assert!(NormalisedEmail::new("  ").is_none());
}

#[test]
fn r96_a_picklist_value_is_exact_with_case_and_spaces() {
    assert_eq!(read(Picklist, &json!(" Hot")), text(" Hot"));
    assert_ne!(read(Picklist, &json!("hot")), read(Picklist, &json!("Hot")));
}

#[test]
fn numbers_are_equal_whatever_their_form() {
    for same in [
        json!(1.5),
        json!("1.5"),
        json!("1.50"),
        json!(" 1.5 "),
        json!("15e-1"),
    ] {
        assert_eq!(read(Number, &same), number("1.5"), "{same}");
    }
    for thousand in [
        json!(1000),
        json!(1000.0),
        json!("1e3"),
        json!("1E+3"),
        json!("1000.00"),
    ] {
        assert_eq!(read(Number, &thousand), number("1000"), "{thousand}");
    }
    assert_eq!(read(Number, &json!("-0")), number("0"));
    assert_eq!(read(Number, &json!("-0")).to_string(), "0");
}

#[test]
fn numbers_are_free_of_locale_and_never_guessed() {
    let wrong = [
        "1,5", "1.000,00", "1 000", "1_000", "1'000", "12%", "$5", "0x10", "one", "1.2.3", "NaN",
        "1e-+8",
    ];
    for wrong in wrong {
        refused(Number, &json!(wrong));
    }
    refused(Number, &json!(true));
    refused(Number, &json!("0.12345678901234567890123456789012"));
    refused(Number, &json!("0.12345678901234567890123456789012e0"));
    refused(Number, &json!("99999999999999999999999999999999"));
}

#[test]
fn a_day_before_the_calendar_is_refused() {
    for wrong in ["-000001-01-01T00:00:00Z", "0000-01-01"] {
        refused(FieldType::Date, &json!(wrong));
    }
}

#[test]
fn numbers_keep_every_digit_when_written() {
    for service in SERVICES {
        for digits in [
            "0.1",
            "1234567890123456.78",
            "123456789012345678",
            "-7",
            "0",
        ] {
            let value = number(digits);
            assert_eq!(
                read(Number, &write_value(service, &value)),
                value,
                "{digits}"
            );
        }
        assert_eq!(write_value(service, &number("2.5")), json!(2.5));
        assert_eq!(
            write_value(service, &number("1234567890123456.78")),
            json!("1234567890123456.78")
        );
    }
}

#[test]
fn instants_have_any_offset_with_or_without_colon() {
    let forms = [
        "2026-11-23T10:00:00Z",
        "2026-11-23T10:00:00.000+0000",
        "2026-11-23T10:00:00.999+00:00",
        "2026-11-23T11:00:00+01:00",
        "2026-11-23T05:00:00-0500",
        "2026-11-23T15:30:00+05:30",
    ];
    for form in forms {
        assert_eq!(
            read(DateTime, &json!(form)),
            FieldValue::DateTime(at(0)),
            "{form}"
        );
        assert_eq!(parse_instant(form), Some(at(0)), "{form}");
    }
}

#[test]
fn an_instant_without_offset_is_ambiguous() {
    for wrong in [
        "2026-11-23T10:00:00",
        "2026-11-23",
        "23/11/2026 10:00",
        "now",
    ] {
        refused(DateTime, &json!(wrong));
    }
    refused(DateTime, &json!(1_795_428_000));
}

#[test]
fn days_are_iso_only() {
    let day = FieldValue::Date(date(2026, 11, 23));
    assert_eq!(read(Date, &json!("2026-11-23")), day);
    for wrong in [
        "23/11/2026",
        "11-23-2026",
        "2026-13-01",
        "2026-02-30",
        "20261123",
        "2026-11-23T10:00:00",
    ] {
        refused(Date, &json!(wrong));
    }
}

#[test]
fn an_instant_becomes_a_day_in_the_business_units_time_zone() {
    let late = json!("2026-11-23T23:30:00.000+0000");
    let day = |zone| read_in(zone, Date, &late).unwrap();
    assert_eq!(day("UTC"), FieldValue::Date(date(2026, 11, 23)));
    assert_eq!(day("Europe/Paris"), FieldValue::Date(date(2026, 11, 24)));
    assert_eq!(
        day("America/New_York"),
        FieldValue::Date(date(2026, 11, 23))
    );
    let plain = read_in("Pacific/Auckland", Date, &json!("2026-11-23")).unwrap();
    assert_eq!(
        plain,
        FieldValue::Date(date(2026, 11, 23)),
        "a day has no time zone"
    );
}

#[test]
fn a_multi_select_is_a_set() {
    assert_eq!(read(MultiSelect, &json!("b; a;b;")), set(&["a", "b"]));
    assert_eq!(read(MultiSelect, &json!(["b", " a "])), set(&["a", "b"]));
    assert_eq!(
        read(MultiSelect, &json!(";")),
        FieldValue::Blank,
        "nothing is chosen"
    );
    assert_eq!(read(MultiSelect, &json!([" ", ""])), FieldValue::Blank);
    refused(MultiSelect, &json!(["a", 1]));
    refused(MultiSelect, &json!(3));
}

#[test]
fn a_choice_with_a_semicolon_cannot_travel() {
    refused(MultiSelect, &json!(["a;b"]));
}

#[test]
fn each_service_gets_its_own_form() {
    let both = set(&["a", "b"]);
    assert_eq!(write_value(Service::Salesforce, &both), json!("a;b"));
    assert_eq!(
        write_value(Service::AccountEngagement, &both),
        json!(["a", "b"])
    );
    for service in SERVICES {
        assert_eq!(write_value(service, &FieldValue::Blank), json!(null));
        assert_eq!(
            write_value(service, &FieldValue::Boolean(true)),
            json!(true)
        );
        assert_eq!(
            write_value(service, &FieldValue::Date(date(2026, 1, 2))),
            json!("2026-01-02")
        );
        let instant = write_value(service, &FieldValue::DateTime(at(0)));
        assert_eq!(instant, json!("2026-11-23T10:00:00Z"));
    }
}

#[test]
fn an_error_names_field_and_shape_and_never_the_value() {
    let secret = "4111-1111";
    let field = FieldName::from("cardNumber");
    let zone = TimeZone::UTC;
    for service in SERVICES {
        for field_type in [Number, Boolean, Date, DateTime] {
            let error = read_value(service, &field, field_type, &json!(secret), &zone).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("cardNumber"), "{said}");
            assert!(said.contains("text of 9 characters"), "{said}");
            assert!(said.contains(&service.to_string()), "{said}");
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn debug_output_never_shows_a_value() {
    let values = [
        text("secret"),
        set(&["secret"]),
        number("4111"),
        FieldValue::DateTime(at(0)),
    ];
    for value in values {
        let shown = format!("{value:?}");
        assert!(!shown.contains("secret") && !shown.contains("4111") && !shown.contains("2026"));
    }
    let address = NormalisedEmail::new("ann@x.test").unwrap();
    assert!(!format!("{address:?}").contains("ann"));
    assert!(!format!("{:?}", Spelling::from(&address)).contains("ann"));
}
