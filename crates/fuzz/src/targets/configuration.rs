//! Configurations: the file as `prospect-sync config` reads it, the request as the admin function does.

use sync_core::config::Config;
use sync_core::config::lint::{Deployment, lint};
use sync_core::protocol::{AdminReply, AdminRequest};
use sync_core::schema::Schema;

use crate::configuration::parse;

/// A file: a finding with a message, or a configuration that can be checked, sent and stored.
pub(super) fn yaml(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match parse(&text) {
        Ok(config) => check(&config),
        Err(finding) => assert!(!finding.message.is_empty()),
    }
}

fn check(config: &Config) {
    let deployment = Deployment {
        business_units: vec![sync_core::testing::business_unit()],
        existing_connector: Some("sample".to_owned()),
    };
    for schema in [None, Some(&Schema::default())] {
        let findings = lint(config, &deployment, schema);
        assert!(findings.iter().all(|finding| !finding.message.is_empty()));
        assert!(
            findings.is_sorted_by_key(|finding| finding.severity),
            "errors come first"
        );
    }
    let written = serde_json::to_string(config).expect("a configuration is JSON");
    let again: Config = serde_json::from_str(&written).expect("what we write is what we read");
    assert_eq!(again, *config);
}

/// A request or a reply: what is read is written and read as the same.
pub(super) fn admin_request(input: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<AdminRequest>(input) {
        let written = serde_json::to_string(&request).expect("a request is JSON");
        let again: AdminRequest = serde_json::from_str(&written).expect("read before");
        assert_eq!(again, request);
    }
    if let Ok(reply) = serde_json::from_slice::<AdminReply>(input) {
        let written = serde_json::to_string(&reply).expect("a reply is JSON");
        let again: AdminReply = serde_json::from_str(&written).expect("read before");
        assert_eq!(again, reply);
    }
}
