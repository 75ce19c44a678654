//! Ids: the 18-character form, its checksum, key prefixes and pair keys.

use proptest::prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq, proptest};
use sync_core::ids::{BusinessUnit, CrmId, IdError, ProspectId, SalesforceId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::testing::{business_unit, contact_id, lead_id, prospect_id};

fn fifteen() -> impl Strategy<Value = String> {
    "[0-9A-Za-z]{15}"
}

/// The checksum as the vendor explains it: five characters, one bit each, read backwards.
fn vendor_checksum(id: &str) -> String {
    let letters: Vec<char> = ('A'..='Z').chain('0'..='5').collect();
    let characters: Vec<char> = id.chars().collect();
    characters
        .chunks(5)
        .map(|block| {
            let bits: String = block
                .iter()
                .rev()
                .map(|c| if c.is_ascii_uppercase() { '1' } else { '0' })
                .collect();
            letters[usize::from_str_radix(&bits, 2).unwrap()]
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fifteen_characters_are_widened_and_eighteen_stay(id in fifteen()) {
        let widened: SalesforceId = id.parse().unwrap();
        prop_assert_eq!(widened.as_str(), format!("{id}{}", vendor_checksum(&id)));
        let again: SalesforceId = widened.as_str().parse().unwrap();
        prop_assert_eq!(again, widened);
    }

    #[test]
    fn two_ids_that_differ_in_case_only_stay_two(id in fifteen(), position in 0..15_usize) {
        let mut flipped: Vec<u8> = id.clone().into_bytes();
        flipped[position] ^= 0x20;
        let flipped = String::from_utf8(flipped).unwrap();
        if flipped.eq_ignore_ascii_case(&id) {
            let (a, b): (SalesforceId, SalesforceId) = (id.parse().unwrap(), flipped.parse().unwrap());
            prop_assert!(!a.as_str().eq_ignore_ascii_case(b.as_str()));
        }
    }

    #[test]
    fn a_wrong_checksum_is_refused(id in fifteen(), suffix in "[A-Z0-5]{3}") {
        let given = format!("{id}{suffix}");
        let expected = vendor_checksum(&id);
        let parsed = given.parse::<SalesforceId>();
        if suffix == expected {
            prop_assert!(parsed.is_ok());
        } else {
            prop_assert_eq!(parsed, Err(IdError::Checksum { given, expected }));
        }
    }

    #[test]
    fn any_text_is_an_id_or_an_error_and_never_a_panic(text in ".{0,20}") {
        let _ = text.parse::<SalesforceId>();
        let _ = text.parse::<CrmId>();
        let _ = text.parse::<BusinessUnit>();
        let _ = text.parse::<ProspectId>();
        let _ = text.parse::<PairKey>();
        let _ = PairKey::from_field(&business_unit(), &text);
    }
}

#[test]
fn a_lower_case_checksum_is_accepted_and_corrected() {
    let id: SalesforceId = "0015000000Gv7qJaar".parse().unwrap();
    assert_eq!(id.as_str(), "0015000000Gv7qJAAR");
}

#[test]
fn a_pair_key_comes_back_from_its_field() {
    let unit = business_unit();
    let records = [
        RecordRef::Crm(lead_id(1)),
        RecordRef::Crm(contact_id(2)),
        RecordRef::Prospect(prospect_id(3)),
    ];
    for record in records {
        let key = PairKey::of(record);
        assert_eq!(
            PairKey::from_field(&unit, &key.field_value(&unit)),
            Some(key.clone())
        );
        assert_eq!(key.to_string().parse::<PairKey>(), Ok(key));
    }
}

#[test]
fn a_foreign_key_field_is_no_key() {
    let unit = business_unit();
    let other: BusinessUnit = "0Uv000000000002".parse().unwrap();
    let key = PairKey::of(RecordRef::Prospect(prospect_id(3)));
    assert_eq!(PairKey::from_field(&unit, &key.field_value(&other)), None);
    for text in ["", "p:3", "hello", unit.as_str()] {
        assert_eq!(PairKey::from_field(&unit, text), None, "{text}");
    }
}
