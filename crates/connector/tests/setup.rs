//! The connector's own fields: created once where they are missing, named where nobody can create them.

mod world;

use connector::ports::State;
use serde_json::json;
use sync_core::config::lint::{Finding, Severity};
use sync_core::protocol::OwnFieldState::{Created, Found, Missing};
use sync_core::protocol::{AdminCommand, AdminReply, OwnFieldState};
use twin::bu::objects::Object;
use twin::world::lock;
use world::{UNIT, World, example_config};

const KEY: &str = "Prospect_Sync_Key__c";
const TOKEN: &str = "Prospect_Sync_Token__c";
const SHOWN: &str = "SF_Record_Id__c";

/// A business unit in which somebody has deleted these custom fields.
async fn world_without(fields: &[&str]) -> World {
    let world = World::bare(example_config()).await;
    let now = world.twin.world.clock.now();
    let mut units = lock(&world.twin.world.units);
    let unit = units.get_mut(UNIT).expect("the unit");
    let rows = unit.table(Object::CustomFields).rows.values();
    let missing = rows.filter(|row| fields.contains(&row.text("apiFieldId")));
    let missing: Vec<u64> = missing.map(|row| row.id).collect();
    assert_eq!(missing.len(), fields.len());
    for id in missing {
        let deleted = unit.delete_plain(Object::CustomFields, id, now);
        deleted.expect("a custom field");
    }
    drop(units);
    world
}

/// Connector user without sight of these fields of Lead.
fn hide(world: &World, fields: &[&str]) {
    let hidden: Vec<String> = fields.iter().map(|name| format!("Lead.{name}")).collect();
    world.configure_org(json!({ "hidden_fields": { "connector@prospect-sync.example": hidden } }));
}

type States = Vec<(String, String, OwnFieldState)>;

async fn set_up(world: &World) -> (States, Vec<Finding>) {
    let config = Some(Box::new(world.config.clone()));
    match world.admin(AdminCommand::Setup { config }).await {
        AdminReply::SetUp { fields, findings } => {
            let states = fields
                .into_iter()
                .map(|field| (field.object, field.name, field.state));
            (states.collect(), findings)
        }
        reply => panic!("{reply:?}"),
    }
}

fn states(given: [(&str, &str, OwnFieldState); 7]) -> States {
    let owned = given.map(|(object, name, state)| (object.to_owned(), name.to_owned(), state));
    owned.into()
}

async fn errors_of_a_check(world: &World) -> Vec<Finding> {
    let config = Box::new(world.config.clone());
    match world.admin(AdminCommand::ConfigCheck { config }).await {
        AdminReply::Findings { mut findings } => {
            findings.retain(|finding| finding.severity == Severity::Error);
            findings
        }
        reply => panic!("{reply:?}"),
    }
}

#[tokio::test]
async fn what_is_missing_is_created_and_a_second_run_creates_nothing() {
    let world = world_without(&[KEY, TOKEN, SHOWN]).await;
    let refused = errors_of_a_check(&world).await;
    let paths: Vec<&str> = refused.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "account_engagement.crm_id_field",
            "account_engagement.key_field",
            "account_engagement.token_field"
        ]
    );
    for error in &refused {
        let says = &error.message;
        assert!(
            says.contains("on the prospect") && says.contains("`prospect-sync setup FILE`"),
            "{says}"
        );
    }
    let of_salesforce = [
        ("Lead", KEY, Found),
        ("Lead", TOKEN, Found),
        ("Contact", KEY, Found),
        ("Contact", TOKEN, Found),
    ];
    let [lead_key, lead_token, contact_key, contact_token] = of_salesforce;
    for (state, created_calls) in [(Created, 3), (Found, 0)] {
        world.forget_calls();
        let (fields, findings) = set_up(&world).await;
        assert_eq!(
            fields,
            states([
                ("Prospect", KEY, state),
                ("Prospect", TOKEN, state),
                ("Prospect", SHOWN, state),
                lead_key,
                lead_token,
                contact_key,
                contact_token,
            ])
        );
        assert_eq!(findings, []);
        let calls = world.calls();
        let creates = calls.get("engagement POST custom-fields").copied();
        assert_eq!(creates.unwrap_or(0), created_calls, "{calls:?}");
    }
    assert_eq!(errors_of_a_check(&world).await, []);
    // They are what the connector needs: the first sync writes key, token and shown id into them.
    world.apply().await;
    world.activate().await;
    let lead = world.lead("ann@example.com");
    world.sync().await;
    let prospect = &world.prospects()[0];
    assert_eq!(prospect[SHOWN], json!(lead));
    assert!(prospect[KEY].is_string() && prospect[TOKEN].is_string());
}

#[tokio::test]
async fn a_field_that_salesforce_lacks_is_named_with_its_object_and_the_fix() {
    let world = world_without(&[]).await;
    hide(&world, &[KEY, TOKEN]);
    let (fields, findings) = set_up(&world).await;
    assert_eq!(
        fields,
        states([
            ("Prospect", KEY, Found),
            ("Prospect", TOKEN, Found),
            ("Prospect", SHOWN, Found),
            ("Lead", KEY, Missing),
            ("Lead", TOKEN, Missing),
            ("Contact", KEY, Found),
            ("Contact", TOKEN, Found),
        ])
    );
    for found in [findings, errors_of_a_check(&world).await] {
        let said: Vec<(&str, &str)> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.message.as_str()))
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        for ((path, message), (setting, name)) in said.into_iter().zip([
            ("salesforce.key_field", KEY),
            ("salesforce.token_field", TOKEN),
        ]) {
            assert_eq!(path, setting);
            assert!(message.contains(&format!("`{name}` on Lead")), "{message}");
            assert!(message.contains("deploy infra/salesforce"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_created_says_why_and_the_others_are_created() {
    let world = world_without(&[KEY, TOKEN]).await;
    let fault = json!({ "side": "engagement", "fault": { "status": 503 }, "path": "custom-fields", "every": 2 });
    world.plan(fault);
    let (fields, findings) = set_up(&world).await;
    let states: Vec<OwnFieldState> = fields.into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states[..3], [Missing, Created, Found]);
    assert_eq!(findings.len(), 2, "{findings:?}");
    for finding in &findings {
        assert_eq!(finding.path, "account_engagement.key_field");
    }
    assert_eq!(findings[0].rule, "outcome-unknown");
    let (_, findings) = set_up(&world).await;
    assert_eq!(findings, []);
}

#[tokio::test]
async fn a_name_that_no_custom_field_can_have_is_not_created() {
    let mut world = world_without(&[]).await;
    world.config.account_engagement.key_field = "prospectSyncKey".to_owned();
    let (fields, findings) = set_up(&world).await;
    assert_eq!(fields[0].2, Missing);
    assert_eq!(findings[0].rule, "FIELD_NAME");
    assert!(
        findings[0].message.contains("`__c`"),
        "{}",
        findings[0].message
    );
}

#[tokio::test]
async fn without_a_file_the_configuration_in_force_is_meant() {
    let world = world_without(&[]).await;
    let none = || AdminCommand::Setup { config: None };
    let reply = world.admin(none()).await;
    let AdminReply::Refused { message } = reply else {
        panic!("{reply:?}")
    };
    assert!(message.contains("prospect-sync setup FILE"), "{message}");
    world.apply().await;
    let reply = world.admin(none()).await;
    let AdminReply::SetUp { fields, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(fields.len(), 7);
}

/// A file of another deployment must not change anything here.
#[tokio::test]
async fn the_business_unit_must_be_of_this_deployment() {
    let mut world = world_without(&[KEY]).await;
    let other = "0Uv000000000009".parse().expect("an id");
    let environment = world.environment();
    world.config.business_unit = other;
    let config = Some(Box::new(world.config.clone()));
    let request = sync_core::protocol::AdminRequest {
        business_unit: None,
        actor: "test".to_owned(),
        command: AdminCommand::Setup { config },
    };
    let reply = connector::admin::handle(&environment, request, "run").await;
    assert!(matches!(reply, AdminReply::Refused { .. }), "{reply:?}");
    assert_eq!(world.calls(), [].into());
    assert_eq!(world.state.connector(&world.unit()).await, Ok(None));
}
