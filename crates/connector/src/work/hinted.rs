//! Which pair a hint is about, and the rows that tell.

use jiff::Timestamp;
use sync_core::hint::ChangeHint;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;

use crate::environment::Environment;
use crate::ports::{Loaded, StoreError};

/// The rows that the hints can be about: those that claim the records, and those of the keys.
pub(crate) async fn load_rows(
    environment: &Environment,
    unit: &BusinessUnit,
    hints: &[ChangeHint],
) -> Result<Loaded, StoreError> {
    let records: Vec<RecordRef> = hints.iter().map(|hint| hint.record.clone()).collect();
    let mut keys: Vec<PairKey> = hints.iter().map(ChangeHint::pair_key).collect();
    keys.extend(records.iter().cloned().map(PairKey::of));
    keys.sort();
    keys.dedup();
    let mut loaded = environment.links.load(unit, &records, &keys).await?;
    let own = own_keys_of_unsettled(&loaded);
    let origins = origins_without_row(&loaded, hints);
    if !own.is_empty() || !origins.is_empty() {
        let more = environment.links.load(unit, &origins, &own).await?;
        loaded.links.extend(more.links);
        loaded.claims.extend(more.claims);
    }
    Ok(loaded)
}

/// The records that pairs without row would have begun with: they may belong to another pair by now.
fn origins_without_row(loaded: &Loaded, hints: &[ChangeHint]) -> Vec<RecordRef> {
    let unclaimed = hints
        .iter()
        .filter(|hint| !loaded.claims.contains_key(&hint.record));
    let carried = unclaimed.filter_map(|hint| hint.pair.as_ref());
    let without_row = carried.filter(|key| !loaded.links.contains_key(&key.row()));
    without_row.map(|key| key.origin().clone()).collect()
}

/// The rows that the records of a pair may have on their own, where it was begun and not committed: whoever
/// linked them did not live to take those rows away.
fn own_keys_of_unsettled(loaded: &Loaded) -> Vec<PairKey> {
    let links = loaded.links.values();
    let unsettled = links.filter(|link| link.intent.is_some() && link.is_complete());
    let own = unsettled.flat_map(|link| link.records().map(PairKey::of));
    own.filter(|key| !loaded.links.contains_key(key)).collect()
}

/// The pair of a hint: whoever claims the record, else the key it carries, else its own. A claim is read before the
/// row that it names: one that the row does not confirm was released in between.
///
/// A carried key is not believed when that pair has a different record already: a copy of a lead
/// may carry the key of the original. Nor is one from before the record was parted from its partner (R54): that pair
/// has another key by now, or the record itself has, or the record that it began with another partner. A record that
/// carries such a key begins again under one that nobody can carry.
pub(crate) fn pair_of(hint: &ChangeHint, loaded: &Loaded, now: Timestamp) -> PairKey {
    if let Some(pair) = loaded.claims.get(&hint.record)
        && let Some(row) = loaded.links.get(pair)
        && row.records().any(|record| record == hint.record)
    {
        return pair.clone();
    }
    let own = PairKey::of(hint.record.clone());
    let Some(carried) = &hint.pair else {
        return own;
    };
    let was_parted = |own: &Link| own.key.is_parted();
    if loaded.links.get(&own).is_some_and(was_parted) {
        return own;
    }
    match loaded.links.get(&carried.row()) {
        Some(link) if link.key != *carried => own.parted_at(now),
        Some(link) if has_another(link, &hint.record) => own,
        None if loaded.claims.contains_key(carried.origin()) => own.parted_at(now),
        Some(_) | None => carried.clone(),
    }
}

/// Whether the pair has another record than this on its side.
fn has_another(link: &Link, record: &RecordRef) -> bool {
    match record {
        RecordRef::Crm(id) => link.crm_id.as_ref().is_some_and(|linked| linked != id),
        RecordRef::Prospect(id) => link.prospect_id.is_some_and(|linked| linked != *id),
    }
}

#[cfg(test)]
mod tests {
    use sync_core::hint::Cause;

    use super::*;

    const LEAD: &str = "c:00Q000000000001EAA";
    const OTHER_LEAD: &str = "c:00Q000000000002EAA";
    const PROSPECT: &str = "p:1";
    const OTHER_PROSPECT: &str = "p:2";
    const PARTED: &str = "p:1:1790000000";

    fn key(text: &str) -> PairKey {
        text.parse().expect("a key")
    }

    /// The row with this record on its side.
    fn naming(mut link: Link, record: &RecordRef) -> Link {
        match record.clone() {
            RecordRef::Crm(id) => link.crm_id = Some(id),
            RecordRef::Prospect(id) => link.prospect_id = Some(id),
        }
        link
    }

    /// The pair of a record: who claims it, what key it carries, and the partner that this key's pair has.
    fn pair(
        record: &str,
        claim: Option<&str>,
        carried: Option<&str>,
        linked: Option<&str>,
    ) -> String {
        let record = key(record).origin().clone();
        let unit: BusinessUnit = "0Uv000000000001CAA".parse().expect("an id");
        let mut loaded = Loaded::default();
        if let Some(claim) = claim {
            loaded.claims.insert(record.clone(), key(claim));
            let row = naming(Link::new(unit.clone(), key(claim)), &record);
            loaded.links.insert(key(claim), row);
        }
        if let (Some(carried), Some(linked)) = (carried, linked) {
            let link = naming(Link::new(unit, key(carried)), key(linked).origin());
            loaded.links.insert(key(carried), link);
        }
        let hint = ChangeHint {
            record,
            pair: carried.map(key),
            cause: Cause::Poll,
        };
        pair_of(&hint, &loaded, Timestamp::UNIX_EPOCH).to_string()
    }

    #[test]
    fn p1_a_claim_decides_the_pair_of_a_record_whatever_key_it_carries() {
        assert_eq!(pair(PROSPECT, Some(LEAD), None, None), LEAD);
        assert_eq!(pair(PROSPECT, Some(LEAD), Some(OTHER_LEAD), None), LEAD);
        assert_eq!(
            pair(LEAD, Some(PROSPECT), Some(OTHER_PROSPECT), None),
            PROSPECT
        );
    }

    #[test]
    fn p1_a_record_that_nobody_claims_belongs_to_the_pair_whose_key_it_carries() {
        assert_eq!(pair(PROSPECT, None, Some(LEAD), None), LEAD);
        assert_eq!(pair(PROSPECT, None, Some(LEAD), Some(PROSPECT)), LEAD);
        assert_eq!(pair(LEAD, None, Some(PROSPECT), Some(LEAD)), PROSPECT);
        assert_eq!(pair(PROSPECT, None, None, None), PROSPECT);
    }

    /// The pair of a record that carries a key, where these rows are stored.
    fn pair_among(
        record: &str,
        carried: &str,
        rows: &[&str],
        claim: Option<(&str, &str)>,
    ) -> String {
        let unit: BusinessUnit = "0Uv000000000001CAA".parse().expect("an id");
        let mut loaded = Loaded::default();
        for row in rows {
            let link = Link::new(unit.clone(), key(row));
            loaded.links.insert(link.key.row(), link);
        }
        if let Some((record, pair)) = claim {
            loaded
                .claims
                .insert(key(record).origin().clone(), key(pair));
        }
        let hint = ChangeHint {
            record: key(record).origin().clone(),
            pair: Some(key(carried)),
            cause: Cause::Poll,
        };
        pair_of(&hint, &loaded, Timestamp::UNIX_EPOCH).to_string()
    }

    /// Both go on carrying it: one in a recycle bin, the other because nobody has written it since.
    #[test]
    fn r54_a_key_from_before_two_records_were_parted_is_not_believed() {
        let rows = [PARTED];
        let (new_lead, new_prospect) = (format!("{LEAD}:0"), format!("{PROSPECT}:0"));
        assert_eq!(pair_among(LEAD, PROSPECT, &rows, None), new_lead);
        assert_eq!(pair_among(OTHER_LEAD, PARTED, &rows, None), PARTED);
        let parted_lead = format!("{LEAD}:1790000000");
        let of_lead = pair_among(PROSPECT, LEAD, &[&parted_lead], None);
        assert_eq!(of_lead, new_prospect);
        // The row that the lead had is gone: it joined another pair, and was parted from that one.
        assert_eq!(pair_among(PROSPECT, LEAD, &rows, None), PROSPECT);
    }

    /// Another worker has parted the two between the read of the claim and that of the row.
    #[test]
    fn r54_a_claim_that_its_row_does_not_confirm_is_not_believed() {
        let parted_lead = format!("{LEAD}:1790000000");
        let claim = Some((PROSPECT, LEAD));
        let of_prospect = pair_among(PROSPECT, LEAD, &[&parted_lead], claim);
        assert_eq!(of_prospect, format!("{PROSPECT}:0"));
    }

    /// The row of the pair is gone, because its record joined another one.
    #[test]
    fn p1_a_key_of_a_record_that_belongs_elsewhere_is_not_believed() {
        let claim = Some((PROSPECT, OTHER_LEAD));
        assert_eq!(pair_among(LEAD, PROSPECT, &[], claim), format!("{LEAD}:0"));
        assert_eq!(pair_among(LEAD, PROSPECT, &[], None), PROSPECT);
    }

    /// A copy of a record carries the key of the original.
    #[test]
    fn p1_a_copied_key_is_not_believed() {
        assert_eq!(
            pair(PROSPECT, None, Some(LEAD), Some(OTHER_PROSPECT)),
            PROSPECT
        );
        assert_eq!(pair(LEAD, None, Some(PROSPECT), Some(OTHER_LEAD)), LEAD);
    }
}
