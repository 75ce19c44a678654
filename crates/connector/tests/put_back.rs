//! An automation that changes what we write, each time we write it: no loop, and somebody is told.

mod world;

use serde_json::json;
use sync_core::MAX_PUT_BACKS;
use sync_core::config::{Config, Direction};
use sync_core::protocol::AdminCommand;
use world::{World, calls_of, writes};

/// The example, where the country goes to the prospect and never back.
fn one_way() -> Config {
    let mut config = world::example_config();
    let fields = &mut config.fields.0;
    let country = fields
        .iter_mut()
        .find(|entry| entry.prospect.0 == "country");
    country.expect("it is mapped").direction = Direction::ToProspect;
    config
}

#[tokio::test]
async fn r129_an_automation_that_undoes_our_writes_is_answered_five_times() {
    let world = World::with(one_way()).await;
    let lead = world.lead("ann@example.com");
    world.update("Lead", &lead, json!({ "Country": "France" }));
    world.settle().await;
    let prospect = world.prospects_of("ann@example.com")[0]["id"].as_u64();
    let prospect = prospect.expect("an id");
    let country = || world.prospects_of("ann@example.com")[0]["country"].clone();
    assert_eq!(country(), "France");
    let mut put_back = 0;
    for _ in 0..20 {
        if country() == "France" {
            world.update_prospect(prospect, json!({ "country": "FR" }));
        }
        world.advance(120);
        let drained = world.sync().await;
        assert_eq!(drained.dead, 0);
        put_back += writes(&calls_of(None, &drained), "");
    }
    assert_eq!(put_back, u64::from(MAX_PUT_BACKS));
    assert_eq!(country(), "FR");
    let errors = world.open_errors().await;
    assert_eq!(errors.len(), 1);
    let row = &errors[0];
    assert_eq!(row.code, "NOT_KEPT");
    assert_eq!(row.fields, ["country"]);
    assert_eq!(row.owner, "marketing operations");
    // The automation is switched off, and somebody sends the record.
    world
        .admin(AdminCommand::Send {
            record: lead.parse().expect("an id"),
        })
        .await;
    world.drain().await;
    assert_eq!(country(), "France");
    assert_eq!(world.open_errors().await, []);
    world.assert_in_step();
}
