//! What the queue delivers in vain: given up pair by pair, in the errors table.

mod world;

use connector::ports::{Commit, Links};
use jiff::SignedDuration;
use serde_json::json;
use sync_core::link::Link;
use sync_core::protocol::AdminCommand;
use world::World;

/// A message that dies whole would mark every pair in it.
#[tokio::test]
async fn what_is_left_of_a_message_is_given_up_alone() {
    let world = World::active().await;
    let email = |number: usize| format!("person{number}@example.com");
    let leads: Vec<String> = (0..8).map(|number| world.lead(&email(number))).collect();
    world.settle().await;
    for number in 0..8 {
        let prospect = world.prospects_of(&email(number))[0]["id"].as_u64();
        world.update_prospect(prospect.expect("an id"), json!({ "country": "France" }));
    }
    let mut links = world.all_links().await.into_iter();
    let link = links.find(|link| {
        link.crm_id
            .as_ref()
            .is_some_and(|id| id.as_str() == leads[0])
    });
    let leased = Commit {
        link: Link {
            lease_until: Some(world.now() + SignedDuration::from_hours(24)),
            ..link.expect("a row")
        },
        claims: Vec::new(),
        supersedes: Vec::new(),
    };
    assert!(world.links.commit(vec![leased]).await[0].is_ok());
    let drained = world.sync().await;
    assert_eq!(drained.dead, 0);
    assert_eq!(drained.sum(|report| report.errors_new), 1);
    let errors = world.open_errors().await;
    let marked = errors
        .iter()
        .map(|row| (&row.code[..], row.crm_id.as_ref()));
    let marked: Vec<_> = marked
        .map(|(code, id)| (code, id.map(ToString::to_string)))
        .collect();
    assert_eq!(marked, [("UNDELIVERABLE", Some(leads[0].clone()))]);
    world.advance(24 * 3_600);
    world
        .admin(AdminCommand::Send {
            record: leads[0].parse().expect("an id"),
        })
        .await;
    let drained = world.drain().await;
    assert_eq!(drained.dead, 0);
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
}
