//! A service that does not answer: a write ends within its time all the same, however patient the client.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use connector::adapters::{EngagementMarketing, SalesforceCrm, SalesforceTokens};
use connector::ports::{
    CRM_WRITE_TIMEOUT, Crm, CrmWrite, CrmWriteTarget, Marketing, PROSPECT_WRITE_TIMEOUT,
    ProspectWrite, ProspectWriteTarget,
};
use salesforce::{ClientSecret, Credentials};
use sync_core::decision::{CrmFields, ProspectFields};
use sync_core::ids::CrmObject;
use sync_core::testing::{business_unit, config, lead_id, prospect_id};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// Both ports on a socket that takes connections and never answers.
fn silent() -> (TcpListener, SalesforceCrm, EngagementMarketing) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let secret = ClientSecret::new("secret");
    let mut settings =
        salesforce::Settings::new(&url, "app", Credentials::ClientCredentials { secret });
    (settings.call_timeout, settings.connect_timeout) = (PATIENCE, PATIENCE);
    let crm = Arc::new(salesforce::Client::new(settings).expect("a client"));
    let mut settings = account_engagement::Settings::new(&url, business_unit());
    (settings.call_timeout, settings.connect_timeout) = (PATIENCE, PATIENCE);
    let tokens = Arc::new(SalesforceTokens::new(Arc::clone(&crm)));
    let marketing = account_engagement::Client::new(settings, tokens).expect("a client");
    let marketing = EngagementMarketing::new(Arc::new(marketing), business_unit());
    (
        listener,
        SalesforceCrm::new(crm, business_unit()),
        marketing,
    )
}

#[tokio::test(start_paused = true)]
async fn p3_a_write_to_salesforce_ends_within_its_time() {
    let (_listener, crm, _) = silent();
    let targets = [
        CrmWriteTarget::Create(CrmObject::Lead),
        CrmWriteTarget::Update(lead_id(1)),
    ];
    let writes = targets.map(|target| CrmWrite {
        target,
        fields: CrmFields::default(),
        token: "token".to_owned(),
        seen: None,
    });
    let start = Instant::now();
    let results = crm.write(&config(), &writes).await;
    assert!(start.elapsed() <= CRM_WRITE_TIMEOUT + Duration::from_secs(1));
    assert_eq!(results.len(), 2);
    for result in results {
        let failure = result.expect_err("nobody answered");
        assert_eq!(failure.code, "OUTCOME_UNKNOWN", "{}", failure.message);
        assert!(failure.may_have_landed);
    }
}

/// Each write has its own time, so that those that wait for a slot are not given up unsent.
#[tokio::test(start_paused = true)]
async fn p3_a_write_to_account_engagement_ends_within_its_time() {
    let (_listener, _, marketing) = silent();
    let targets = [
        ProspectWriteTarget::Create,
        ProspectWriteTarget::Update(prospect_id(1)),
        ProspectWriteTarget::Mark(prospect_id(2)),
        ProspectWriteTarget::Recycle(prospect_id(3)),
        ProspectWriteTarget::Restore(prospect_id(4)),
    ];
    for target in targets {
        let write = ProspectWrite {
            target,
            fields: ProspectFields::default(),
            token: "token".to_owned(),
        };
        let start = Instant::now();
        let mut results = marketing.write(&config(), &[write]).await;
        assert!(start.elapsed() <= PROSPECT_WRITE_TIMEOUT + Duration::from_secs(1));
        let result = results.pop().expect("one result");
        let failure = result.expect_err("nobody answered");
        assert_eq!(failure.code, "OUTCOME_UNKNOWN");
        assert!(failure.may_have_landed);
    }
}
