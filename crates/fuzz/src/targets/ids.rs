//! Ids of both services and the pair keys made of them, against a second opinion on the checksum.

use sync_core::ids::{BusinessUnit, CrmId, CrmObject, IdError, ProspectId, SalesforceId};
use sync_core::key::{PairKey, RecordRef};

use crate::entropy::Entropy;

/// The text, the text cut to the lengths of ids, and ids made of the bytes.
pub(super) fn ids(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    check_text(&text);
    for length in [15, 18] {
        let cut: String = text.chars().take(length).collect();
        check_text(&cut);
    }
    let mut entropy = Entropy::new(input);
    let alphabet: Vec<u8> = (b'0'..=b'9')
        .chain(b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .collect();
    let prefix = entropy.one_of(&["00Q", "003", "0Uv", "005", "00q"]);
    let rest: String = (0..12)
        .map(|_| char::from(entropy.one_of(&alphabet)))
        .collect();
    let fifteen = format!("{prefix}{rest}");
    let eighteen = format!("{fifteen}{}", suffix(&fifteen));
    check_text(&fifteen);
    check_text(&eighteen);
    check_text(&eighteen.to_ascii_lowercase());
    let id: SalesforceId = fifteen.parse().expect("fifteen letters and digits");
    assert_eq!(id.as_str(), eighteen);
    let one_off = format!("{fifteen}{}", entropy.one_of(&["AAA", "AAB", "555", "ZZZ"]));
    assert_eq!(one_off.parse::<SalesforceId>().is_ok(), one_off == eighteen);
    let number = entropy.number();
    assert_eq!(ProspectId::try_from(number).is_ok(), number > 0);
}

/// The three characters behind fifteen, from Salesforce's description of them: in each block of five
/// the upper-case letters, read from right to left, are the bits of an index into `A-Z0-5`.
fn suffix(fifteen: &str) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('0'..='5').collect();
    let letters: Vec<char> = fifteen.chars().collect();
    letters
        .chunks(5)
        .map(|block| {
            let bits: String = block
                .iter()
                .rev()
                .map(|c| if c.is_uppercase() { '1' } else { '0' })
                .collect();
            alphabet[usize::from_str_radix(&bits, 2).unwrap_or(0)]
        })
        .collect()
}

fn check_text(text: &str) {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric());
    let is_whole = is_plain && text.len() == 18 && {
        let (first, last) = text.split_at(15);
        last.eq_ignore_ascii_case(&suffix(first))
    };
    let is_id = is_whole || (is_plain && text.len() == 15);
    let parsed = text.parse::<SalesforceId>();
    assert_eq!(parsed.is_ok(), is_id, "{text}");
    match &parsed {
        Ok(id) => {
            assert_eq!(id.as_str().len(), 18);
            assert_eq!(id.as_str().parse().as_ref(), Ok(id));
            assert_eq!(id.as_str()[..15].parse().as_ref(), Ok(id));
            check_json(id);
        }
        // Nothing but an id of the right length is ever shown.
        Err(error) => assert!(
            is_plain && text.len() == 18
                || matches!(error, IdError::Character(_) | IdError::Length(_)),
            "{error:?}"
        ),
    }
    let crm = text.parse::<CrmId>();
    let is_crm = is_id && (text.starts_with("00Q") || text.starts_with("003"));
    assert_eq!(crm.is_ok(), is_crm, "{text}");
    if let Ok(id) = crm {
        assert_eq!(id.object() == CrmObject::Lead, text.starts_with("00Q"));
        check_key(&PairKey::of(RecordRef::Crm(id)));
    }
    let unit = text.parse::<BusinessUnit>();
    assert_eq!(unit.is_ok(), is_id && text.starts_with("0Uv"), "{text}");
    if let Ok(id) = text.parse::<ProspectId>() {
        assert_ne!(id.get(), 0);
        check_key(&PairKey::of(RecordRef::Prospect(id)));
    }
    if let Ok(key) = text.parse::<PairKey>() {
        check_key(&key);
    }
}

fn check_json(id: &SalesforceId) {
    let written = serde_json::to_string(id).expect("an id is JSON");
    assert_eq!(
        serde_json::from_str::<SalesforceId>(&written).ok().as_ref(),
        Some(id)
    );
}

/// A key is read as it was written, in its own business unit and in no other.
fn check_key(key: &PairKey) {
    assert_eq!(key.to_string().parse().as_ref(), Ok(key));
    let unit = sync_core::testing::business_unit();
    let other: BusinessUnit = "0Uv000000000002".parse().expect("another unit");
    let text = key.field_value(&unit);
    assert_eq!(PairKey::from_field(&unit, &text).as_ref(), Some(key));
    assert_eq!(PairKey::from_field(&other, &text), None);
}
