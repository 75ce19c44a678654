//! Every target as a test of its own: its corpus, then new inputs from a seed.

use fuzz::{TARGETS, drive};

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let mut named = TARGETS.iter().filter(|target| target.name == stringify!($name));
                let replayed = drive(named.next().expect("a target of this name"));
                assert!(replayed > 0, "the target has no corpus");
            }
        )*

        #[test]
        fn every_target_has_a_test() {
            let tested = [$(stringify!($name)),*];
            let listed: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(tested.as_slice(), listed);
            let guided: Vec<&str> = include_str!("../../../fuzz/Cargo.toml")
                .split("[[bin]]\nname = \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            assert_eq!(guided, listed, "fuzz/Cargo.toml names every target");
        }
    };
}

targets! {
    salesforce_query_page
    salesforce_collection
    salesforce_composite
    salesforce_error
    salesforce_describe
    salesforce_token
    engagement_page
    engagement_prospect
    engagement_objects
    engagement_error
    allowance_headers
    sqs_body
    sqs_event
    config_yaml
    admin_request
    soql
    soql_lists
    instants
    ids
    coercion
    stored_row
    stored_link
}
