//! A record belongs to one pair, whoever looks at it first (step 1 of docs/reliability.md).

mod world;

use std::sync::Arc;

use connector::ports::{Begin, Commit, Links};
use connector::work::{parse_body, work};
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::json;
use sync_core::decision::SkipReason;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::AdminCommand;
use twin::world::lock;
use world::{Fuse, INES, Message, World, example_config};

const ANN: &str = "ann@example.com";
const KEY: &str = "Prospect_Sync_Key__c";

/// A pair at rest that began with its lead or with its prospect.
async fn pair_that_began_with(is_lead: bool) -> (World, String, u64) {
    let world = World::active().await;
    if is_lead {
        world.lead(ANN);
    } else {
        let fields = json!({ "email": ANN, "lastName": "Ann" });
        world.edit_unit(json!({ "fields": fields, "assign": INES }));
    }
    world.settle().await;
    world.assert_in_step();
    let lead = world.rows("Lead")[0]["Id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let prospect = world.prospects()[0]["id"].as_u64().expect("an id");
    (world, lead, prospect)
}

fn crm(lead: &str) -> RecordRef {
    RecordRef::Crm(lead.parse::<CrmId>().expect("an id"))
}

fn prospect_id(prospect: u64) -> ProspectId {
    ProspectId::try_from(prospect).expect("an id")
}

#[tokio::test]
async fn p1_a_poll_tells_of_both_records_under_the_key_of_their_pair() {
    for is_lead in [true, false] {
        let (world, lead, prospect) = pair_that_began_with(is_lead).await;
        let key = world.all_links().await.remove(0).key;
        world.update("Lead", &lead, json!({ "City": "Paris" }));
        world.update_prospect(prospect, json!({ "jobTitle": "Pilot" }));
        assert_eq!(world.poll_once().await.enqueued, 2);
        for message in world.waiting() {
            for hint in parse_body(&message.body).expect("a batch").hints {
                assert_eq!(hint.pair_key(), key, "{}", hint.record);
            }
        }
    }
}

/// The claim of the partner that was created leads to its pair when nothing in the record does any more.
#[tokio::test]
async fn p1_a_partner_whose_key_somebody_emptied_stays_with_its_pair() {
    for is_lead in [true, false] {
        let (world, lead, prospect) = pair_that_began_with(is_lead).await;
        if is_lead {
            world.update_prospect(prospect, json!({ KEY: "", "city": "Lyon" }));
        } else {
            world.update("Lead", &lead, json!({ KEY: null, "City": "Lyon" }));
        }
        world.sync().await;
        let links = world.all_links().await;
        assert_eq!(links.len(), 1, "{links:?}");
        assert_eq!(world.row("Lead", &lead)["City"], "Lyon");
        assert_eq!(world.prospect_row(prospect)["city"], "Lyon");
    }
}

async fn assert_one_linked_pair(world: &World) {
    world.assert_in_step();
    let links = world.all_links().await;
    assert_eq!(
        (links.len(), &links[0].state),
        (1, &LinkState::Linked),
        "{links:?}"
    );
}

/// Two workers look at the two records of one person, each under the key of its own.
#[tokio::test]
async fn p1_who_finds_a_record_claimed_writes_nothing() {
    let world = World::active().await;
    let lead = world.lead(ANN);
    let fields = json!({ "email": ANN, "lastName": "Ann", "city": "Lyon" });
    let prospect = world.prospect(fields);
    world.advance(5);
    assert_eq!(world.poll_once().await.problem, None);
    let mut link = Link::new(world.unit(), PairKey::of(crm(&lead)));
    link.lease_until = Some(world.now() + SignedDuration::from_secs(100));
    let claims = vec![crm(&lead), RecordRef::Prospect(prospect_id(prospect))];
    let links = Arc::clone(&world.links);
    let other = move || {
        let begun = links.begin(vec![Begin { link, claims }]).now_or_never();
        assert!(begun.expect("memory")[0].is_ok());
    };
    let fuse = Fuse::meddling("links.begin", other);
    let batch = world.waiting();
    *lock(&world.fuse) = Some(Arc::clone(&fuse));
    let delivered = world.deliver(world.environment(), &batch).await;
    *lock(&world.fuse) = None;
    let (failed, _) = delivered.expect("the worker lives");
    assert_eq!(fuse.count("links.begin"), 1);
    assert_eq!(fuse.count("crm.write") + fuse.count("marketing.write"), 0);
    assert!(!failed.is_empty(), "the pair is under a lease");
    world.put_back(&batch, &failed);
    world.advance(200);
    world.drain().await;
    assert_one_linked_pair(&world).await;
}

/// Between a worker's first look at the rows and its look-up another one links its record.
#[tokio::test]
async fn p1_who_finds_its_record_claimed_meanwhile_says_nothing_of_it() {
    let mut config = example_config().non_ampsea();
    config.settings.match_by_email = false;
    let world = World::with(config).await;
    world.configure_unit(json!({ "ampsea": false }));
    let lead = world.lead(ANN);
    let prospect = world.prospect(json!({ "email": ANN, "lastName": "Ann" }));
    world.advance(5);
    let (crm_id, prospect_id) = (lead.parse().expect("an id"), prospect_id(prospect));
    let link = Link {
        crm_id: Some(crm_id),
        prospect_id: Some(prospect_id),
        state: LinkState::Linked,
        ..Link::new(world.unit(), PairKey::of(RecordRef::Prospect(prospect_id)))
    };
    let linked = Commit {
        claims: vec![crm(&lead), RecordRef::Prospect(prospect_id)],
        ..Commit::of(link, world.now())
    };
    let links = Arc::clone(&world.links);
    let other = move || {
        let stored = links.commit(vec![linked]).now_or_never();
        assert!(stored.expect("memory")[0].is_ok());
    };
    let fuse = Fuse::meddling("marketing.find_by_email", other);
    let message = world.message("slow", &[crm(&lead)], 1);
    let deadline = world.now() + SignedDuration::from_secs(300);
    let environment = fuse.wrap(world.environment());
    let (failed, _) = work(&environment, vec![message], "slow", deadline).await;
    assert_eq!(fuse.count("marketing.find_by_email"), 1);
    assert_eq!(failed, [""; 0]);
    assert_one_linked_pair(&world).await;
}

/// A worker creates what is missing and dies before it commits; answers its messages.
async fn die_before_commit(world: &World) -> Vec<Message> {
    assert_eq!(world.poll_once().await.problem, None);
    let batch = world.waiting();
    world.die_before("links.commit", &batch).await;
    world.services.forget();
    batch
}

/// Another worker goes first; then the messages of the dead one come again.
async fn work_on_what_came_since(world: &World, batch: &[Message]) {
    world.advance(5);
    assert_eq!(world.poll_once().await.problem, None);
    let later = world.waiting_besides(batch);
    let delivered = world.deliver(world.environment(), &later).await;
    let (failed, _) = delivered.expect("the worker lives");
    world.put_back(&later, &failed);
    world.advance(3_600);
    world.drain().await;
    world.settle().await;
}

/// A worker created the prospect and died. Somebody sends the prospect by hand, without its key.
#[tokio::test]
async fn p1_a_record_that_carries_the_key_of_another_pair_is_decided_there() {
    let world = World::active().await;
    world.lead(ANN);
    let batch = die_before_commit(&world).await;
    let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
    world.advance(120);
    let prospect = prospect_id(prospect);
    world.admin(AdminCommand::Sync { prospect }).await;
    let by_hand = world.waiting_besides(&batch);
    assert_eq!(by_hand.len(), 1);
    let delivered = world.deliver(world.environment(), &by_hand).await;
    let (failed, _) = delivered.expect("the worker lives");
    assert_eq!(failed.len(), 1, "its pair is under a lease");
    let links = world.all_links().await;
    assert_eq!(links.len(), 1, "{links:?}");
    world.advance(3_600);
    world.drain().await;
    assert_one_linked_pair(&world).await;
}

/// A worker created a partner and died; somebody else with the same address must not get it.
#[tokio::test]
async fn p1_a_lead_that_was_created_for_one_prospect_is_no_partner_of_another() {
    let world = World::active().await;
    let assigned = |name: &str, city: &str| {
        let fields = json!({ "email": ANN, "lastName": name, "city": city });
        world.edit_unit(json!({ "fields": fields, "assign": INES }))
    };
    let ann = assigned("Ann", "Lyon");
    let batch = die_before_commit(&world).await;
    let created = world.rows("Lead")[0]["Id"].clone();

    let bea = assigned("Bea", "Paris");
    work_on_what_came_since(&world, &batch).await;

    for (prospect, name, city) in [(ann, "Ann", "Lyon"), (bea, "Bea", "Paris")] {
        let row = world.prospect_row(prospect);
        assert_eq!(
            (&row["lastName"], &row["city"]),
            (&json!(name), &json!(city))
        );
    }
    assert_eq!(world.rows("Lead").len(), 2);
    let links = world.all_links().await;
    let of_ann = links
        .iter()
        .find(|link| link.prospect_id == Some(prospect_id(ann)));
    let lead = of_ann
        .and_then(|link| link.crm_id.as_ref())
        .expect("a lead");
    assert_eq!(json!(lead.to_string()), created);
    assert!(
        links.iter().all(|link| link.state == LinkState::Linked),
        "{links:?}"
    );
    assert!(
        links.iter().all(|link| link.conflicts.is_empty()),
        "{links:?}"
    );
}

/// A worker created the lead and died, the prospect was deleted, and whoever brings it back dies too: from the
/// first move on both records are the pair's, and nobody else's partner.
#[tokio::test]
async fn p1_a_pair_that_is_moved_before_it_is_linked_claims_both_records() {
    let world = World::active().await;
    let fields = json!({ "email": ANN, "lastName": "Ann" });
    let ann = world.edit_unit(json!({ "fields": fields, "assign": INES }));
    let batch = die_before_commit(&world).await;
    let rows = world.rows("Lead");
    let lead = rows[0]["Id"].as_str().expect("an id");
    let record = crm(lead);
    world.delete_prospect(ann);
    world.advance(3_600);
    let send = AdminCommand::Send {
        record: lead.parse().expect("an id"),
    };
    world.admin(send).await;
    let sent = world.waiting_besides(&batch);
    world.die_before("marketing.write", &sent).await;
    let (unit, key) = (
        world.unit(),
        PairKey::of(RecordRef::Prospect(prospect_id(ann))),
    );
    let loaded = world.links.load(&unit, std::slice::from_ref(&record), &[]);
    let claims = loaded.await.expect("memory").claims;
    assert_eq!(claims.get(&record), Some(&key));
}

/// The mirror: without AMPSEA an address has one prospect, and it belongs to the lead that it was created for.
#[tokio::test]
async fn p1_a_prospect_that_was_created_for_one_lead_is_no_partner_of_another() {
    let mut config = example_config().non_ampsea();
    config.settings.match_by_email = false;
    let world = World::with(config).await;
    world.configure_unit(json!({ "ampsea": false }));
    let named = |name: &str| json!({ "LastName": name, "Company": name, "Email": ANN });
    let ann = world.create("Lead", named("Ann"));
    let batch = die_before_commit(&world).await;

    let bea = world.create("Lead", named("Bea"));
    work_on_what_came_since(&world, &batch).await;

    assert_eq!(world.prospects().len(), 1);
    assert_eq!(world.prospects()[0]["lastName"], "Ann");
    assert_eq!(world.row("Lead", &bea)["LastName"], "Bea");
    let links = world.all_links().await;
    let state_of = |lead: &str| {
        let of_lead = |link: &&Link| link.crm_id == lead.parse().ok();
        links.iter().find(of_lead).map(|link| &link.state)
    };
    assert_eq!(state_of(&ann), Some(&LinkState::Linked));
    let taken = LinkState::Skipped(SkipReason::ProspectTaken);
    assert_eq!(state_of(&bea), Some(&taken));
}
