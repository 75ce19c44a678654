//! What the use cases rest on: optimistic versions, one owner per record, all or nothing per row.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use sync_core::PutBacks;
use sync_core::conflict::Conflict;
use sync_core::decision::{HoldReason, SkipReason};
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::link::{Intent, IntentKind, Lifecycle, Link, LinkState};
use sync_core::record::Values;
use sync_core::testing::text;
use sync_core::trace::{FieldTrace, RuleId, Winner};
use sync_core::value::FieldName;

use super::{after, fresh_unit, lead, prospect};
use crate::ports::{Begin, Commit, Links, Loaded, StoreError};

fn pair(number: usize) -> PairKey {
    PairKey::of(lead(number))
}

fn link(unit: &BusinessUnit, number: usize) -> Link {
    Link::new(unit.clone(), pair(number))
}

async fn begin(links: &impl Links, link: Link, claimed: &[usize]) -> Result<Link, StoreError> {
    let claims = claimed.iter().map(|number| prospect(*number)).collect();
    let mut answers = links.begin(vec![Begin { link, claims }]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn commit(links: &impl Links, link: Link, supersedes: Vec<Link>) -> Result<Link, StoreError> {
    let commit = Commit {
        supersedes,
        ..Commit::of(link, after(0))
    };
    let mut answers = links.commit(vec![commit]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn load(links: &impl Links, unit: &BusinessUnit, claimed: usize, of: usize) -> Loaded {
    let loaded = links.load(unit, &[prospect(claimed)], &[pair(of)]).await;
    loaded.expect("the store answers")
}

/// Every field of a row, also after it went through every state.
pub async fn a_row_is_read_back_as_it_was_stored(links: &impl Links) {
    let unit = fresh_unit();
    let states = [
        LinkState::Pending,
        LinkState::Linked,
        LinkState::Skipped(SkipReason::UnassignedNoMatch),
        LinkState::Held(HoldReason::Paused),
    ];
    let mut stored = link(&unit, 1);
    for state in states {
        stored.state = state;
        stored.base = Values::from([
            (FieldName::from("city"), text("Zürich")),
            (FieldName::from("phone"), text("")),
        ]);
        stored.intent = Some(Intent {
            id: "run:1".to_owned(),
            kind: IntentKind::CreateProspect,
            lifecycle: Some(Lifecycle::Retire),
            at: after(1),
            writes_prospect: true,
            config_version: 5,
            plan: None,
        });
        stored.base_version = 4;
        stored.lease_until = Some(after(300_000));
        stored.synced_at = Some(after(2));
        stored.is_crm_deleted = true;
        stored.marked_in = Some("SF_Record_Id__c".to_owned());
        stored.moved_at = Some(after(3));
        stored.conflicts = vec![conflict()];
        stored.put_backs = Some(PutBacks {
            times: 2,
            last: after(4),
        });
        stored.has_open_error = true;
        let version = stored.version;
        stored = begin(links, stored, &[1])
            .await
            .expect("nobody else writes");
        assert_eq!(stored.version, version + 1);
        let loaded = load(links, &unit, 1, 7).await;
        assert_eq!(loaded.claims, BTreeMap::from([(prospect(1), pair(1))]));
        assert_eq!(loaded.links, BTreeMap::from([(pair(1), stored.clone())]));
    }
}

fn conflict() -> Conflict {
    Conflict {
        at: after(5),
        field: FieldTrace {
            field: FieldName::from("city"),
            rule: RuleId::new("F2"),
            account_engagement: text("Köln"),
            salesforce: text("Bonn"),
            base: None,
            winner: Winner::Salesforce,
            conflict: true,
        },
    }
}

/// Optimistic locking: a version that is older, newer or new loses.
pub async fn a_row_is_stored_by_who_read_its_last_version(links: &impl Links) {
    let unit = fresh_unit();
    let first = begin(links, link(&unit, 1), &[]).await.expect("a new row");
    let second = commit(links, first.clone(), Vec::new())
        .await
        .expect("the last version");
    assert_eq!((first.version, second.version), (1, 2));
    let newer = Link {
        version: 3,
        ..second.clone()
    };
    for wrong in [link(&unit, 1), first, newer] {
        let version = wrong.version;
        let answer = begin(links, wrong.clone(), &[]).await;
        assert_eq!(answer, Err(StoreError::Conflict), "version {version}");
        let answer = commit(links, wrong, Vec::new()).await;
        assert_eq!(answer, Err(StoreError::Conflict), "version {version}");
    }
    let never = Link {
        version: 1,
        ..link(&unit, 2)
    };
    assert_eq!(begin(links, never, &[]).await, Err(StoreError::Conflict));
    assert_eq!(load(links, &unit, 1, 1).await.links[&pair(1)], second);
}

/// Two pairs never own one record.
pub async fn a_record_belongs_to_one_pair(links: &impl Links) {
    let unit = fresh_unit();
    begin(links, link(&unit, 1), &[1, 2])
        .await
        .expect("nobody claims it");
    let answer = begin(links, link(&unit, 2), &[3, 2]).await;
    assert_eq!(answer, Err(StoreError::Conflict));
    let late = Commit {
        claims: vec![prospect(1)],
        ..Commit::of(link(&unit, 2), after(0))
    };
    assert_eq!(links.commit(vec![late]).await, [Err(StoreError::Conflict)]);
}

/// A delivery that comes again claims again.
pub async fn a_pair_may_claim_its_own_record_again(links: &impl Links) {
    let unit = fresh_unit();
    let first = begin(links, link(&unit, 1), &[1])
        .await
        .expect("nobody claims it");
    let second = begin(links, first, &[1, 2]).await.expect("its own");
    assert_eq!(second.version, 2);
    assert_eq!(load(links, &unit, 2, 1).await.claims[&prospect(2)], pair(1));
}

/// The answers are per row and in order.
pub async fn a_refused_row_leaves_nothing_and_stops_no_other(links: &impl Links) {
    let unit = fresh_unit();
    begin(links, link(&unit, 9), &[2])
        .await
        .expect("nobody claims it");
    let claims = [
        vec![prospect(1)],
        vec![prospect(5), prospect(2)],
        vec![prospect(3)],
    ];
    let begins = claims.into_iter().enumerate();
    let begins = begins.map(|(number, claims)| Begin {
        link: link(&unit, number),
        claims,
    });
    let answers = links.begin(begins.collect()).await;
    let versions: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map(|row| (row.key.clone(), row.version)))
        .collect();
    assert_eq!(
        versions,
        [
            Ok((pair(0), 1)),
            Err(&StoreError::Conflict),
            Ok((pair(2), 1))
        ]
    );
    let refused = load(links, &unit, 5, 1).await;
    assert_eq!(
        refused,
        Loaded::default(),
        "neither its row nor its other claim"
    );
}

/// A skip of a record alone ends when the record is linked.
pub async fn a_commit_removes_the_rows_it_supersedes(links: &impl Links) {
    let unit = fresh_unit();
    let alone = Link::new(unit.clone(), PairKey::of(prospect(1)));
    let alone = begin(links, alone, &[]).await.expect("a new row");
    let row = begin(links, link(&unit, 1), &[1]).await.expect("a new row");
    commit(links, row, vec![alone.clone()])
        .await
        .expect("the last version");
    let loaded = links.load(&unit, &[], &[alone.key, pair(1)]).await;
    let rows = loaded.expect("the store answers").links;
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), [pair(1)]);
}

/// What somebody stored since the row was read must be read before it goes.
pub async fn a_row_that_changed_since_it_was_read_does_not_go(links: &impl Links) {
    let unit = fresh_unit();
    let alone = Link::new(unit.clone(), PairKey::of(prospect(1)));
    let read = begin(links, alone, &[]).await.expect("a new row");
    let changed = begin(links, read.clone(), &[]).await.expect("as read");
    let row = begin(links, link(&unit, 1), &[1]).await.expect("a new row");
    let answer = commit(links, row.clone(), vec![read]).await;
    assert_eq!(answer, Err(StoreError::Conflict));
    assert_eq!(load(links, &unit, 1, 1).await.links[&pair(1)], row);
    let answer = commit(links, row, vec![changed.clone()]).await;
    assert!(answer.is_ok(), "{answer:?}");
    let loaded = links.load(&unit, &[], &[changed.key]).await;
    assert_eq!(loaded.expect("the store answers").links, BTreeMap::new());
}

/// The record of a create that did not land is anybody's again.
pub async fn a_record_that_was_released_is_free(links: &impl Links) {
    let unit = fresh_unit();
    let begun = begin(links, link(&unit, 1), &[1, 2]).await;
    let gave_up = Commit {
        releases: vec![prospect(1)],
        ..Commit::of(begun.expect("nobody claims it"), after(0))
    };
    let stored = links.commit(vec![gave_up]).await;
    assert!(matches!(stored[..], [Ok(_)]), "{stored:?}");
    let claims = load(links, &unit, 1, 1).await.claims;
    assert_eq!(claims, BTreeMap::new());
    let other = begin(links, link(&unit, 2), &[1]).await;
    assert!(other.is_ok(), "{other:?}");
    let kept = begin(links, link(&unit, 3), &[2]).await;
    assert_eq!(kept, Err(StoreError::Conflict));
}

/// R54: the row of a parted pair is found where it was, under its new key, and its records are anybody's.
pub async fn a_parted_pair_keeps_its_row_and_releases_its_records(links: &impl Links) {
    let unit = fresh_unit();
    let begun = begin(links, link(&unit, 1), &[1]).await;
    let begun = begun.expect("nobody claims it");
    let alone = Link {
        key: begun.key.parted_at(after(0)),
        ..begun
    };
    let parted = Commit {
        releases: vec![prospect(1)],
        ..Commit::of(alone, after(0))
    };
    let stored = links.commit(vec![parted]).await;
    let [Ok(stored)] = &stored[..] else {
        panic!("{stored:?}");
    };
    assert_eq!(
        (&stored.key, stored.version),
        (&pair(1).parted_at(after(0)), 2)
    );
    for asked in [pair(1), stored.key.clone()] {
        let loaded = links.load(&unit, &[prospect(1)], &[asked]).await;
        let loaded = loaded.expect("the store answers");
        assert_eq!(loaded.links, BTreeMap::from([(pair(1), stored.clone())]));
        assert_eq!(loaded.claims, BTreeMap::new());
    }
    let listed = every_page(links, &unit, None).await;
    assert_eq!(listed, std::slice::from_ref(&stored.key));
    // Its claims are those of the row.
    let again = begin(links, stored.clone(), &[2]).await.expect("as read");
    assert_eq!(load(links, &unit, 2, 1).await.claims[&prospect(2)], pair(1));
    let released = Commit {
        releases: vec![prospect(2)],
        ..Commit::of(again, after(1))
    };
    assert!(matches!(links.commit(vec![released]).await[..], [Ok(_)]));
}

/// The lease of a pair goes to one worker.
pub async fn of_many_writers_one_wins(links: &impl Links) {
    let unit = fresh_unit();
    let row = begin(links, link(&unit, 1), &[1]).await.expect("a new row");
    for claimed in [&[][..], &[1][..]] {
        let current = load(links, &unit, 1, 1).await.links[&pair(1)].clone();
        let answers = join_all((0..8).map(|_| begin(links, current.clone(), claimed))).await;
        let winners = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(winners, 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|answer| !matches!(answer, Err(StoreError::Unavailable(_))))
        );
    }
    assert_eq!(
        load(links, &unit, 1, 1).await.links[&pair(1)].version,
        row.version + 2
    );
}

/// More than one request of the store holds, with repetitions.
pub async fn any_number_of_records_is_loaded_at_once(links: &impl Links) {
    const COUNT: usize = 230;
    let unit = fresh_unit();
    let begins = (0..COUNT).map(|number| Begin {
        link: link(&unit, number),
        claims: vec![prospect(number)],
    });
    let answers = links.begin(begins.collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let records: Vec<_> = (0..COUNT + 20).chain(0..20).map(prospect).collect();
    let pairs: Vec<_> = (0..COUNT + 20).chain(0..20).map(pair).collect();
    let loaded = links
        .load(&unit, &records, &pairs)
        .await
        .expect("the store answers");
    assert_eq!((loaded.claims.len(), loaded.links.len()), (COUNT, COUNT));
    assert!((0..COUNT).all(|number| loaded.claims[&prospect(number)] == pair(number)));
    let nothing = links.load(&unit, &[], &[]).await;
    assert_eq!(nothing, Ok(Loaded::default()));
}

/// Also when their ids are equal.
pub async fn business_units_do_not_see_each_other(links: &impl Links) {
    let (ours, theirs) = (fresh_unit(), fresh_unit());
    begin(links, link(&theirs, 1), &[1])
        .await
        .expect("a new row");
    assert_eq!(load(links, &ours, 1, 1).await, Loaded::default());
    assert_eq!(links.count(&ours).await, Ok(BTreeMap::new()));
    begin(links, link(&ours, 1), &[1])
        .await
        .expect("ours, not theirs");
}

/// A listing has every row once, whatever the page; a state lists its own in the order of keys.
pub async fn every_row_is_on_one_page_and_counted(links: &impl Links) {
    let unit = fresh_unit();
    let state = |number: usize| match number {
        0..120 => LinkState::Linked,
        120..230 => LinkState::Skipped(SkipReason::NoEmail),
        _ => LinkState::Held(HoldReason::Paused),
    };
    let begins = (0..235).map(|number| {
        let link = Link {
            state: state(number),
            ..link(&unit, number)
        };
        Begin {
            link,
            claims: Vec::new(),
        }
    });
    let answers = links.begin(begins.collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let counts = links.count(&unit).await.expect("the store answers");
    let expected = [("held", 5), ("linked", 120), ("skipped", 110)];
    assert_eq!(
        counts,
        expected
            .map(|(state, count)| (state.to_owned(), count))
            .into()
    );
    let all = every_page(links, &unit, None).await;
    assert_eq!(all.len(), 235);
    assert_eq!(
        all.into_iter().collect::<BTreeSet<_>>(),
        (0..235).map(pair).collect()
    );
    let linked = every_page(links, &unit, Some("linked")).await;
    assert_eq!(linked, (0..120).map(pair).collect::<Vec<_>>());
    assert_eq!(every_page(links, &unit, Some("pending")).await, []);
}

async fn every_page(links: &impl Links, unit: &BusinessUnit, state: Option<&str>) -> Vec<PairKey> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let page = links
            .list(unit, state, next)
            .await
            .expect("the store answers");
        keys.extend(page.rows.into_iter().map(|row| row.key));
        next = page.next;
        if next.is_none() {
            return keys;
        }
    }
}
