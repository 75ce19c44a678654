//! What a twin is started with.

use serde::{Deserialize, Serialize};

use crate::org::users::CONNECTOR;
use crate::org::{OrgError, OrgSettings};

/// The business unit every twin has unless configured otherwise.
pub const UNIT: &str = "0Uv000000000001CAA";

/// The configuration of a twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The port on loopback; 0 lets the system choose.
    pub port: u16,
    /// RSA public keys in PEM form whose assertions are taken.
    pub public_keys: Vec<String>,
    /// The consumer key of the connected app.
    pub client_id: String,
    /// The secret for the client-credentials flow.
    pub client_secret: String,
    /// The password of every user, for the password flow.
    pub password: String,
    /// The token of the refresh flow.
    pub refresh_token: String,
    /// The audiences an assertion may name.
    pub audiences: Vec<String>,
    /// The user of the client-credentials and refresh flows.
    pub run_as: String,
    /// How long a token lives.
    pub token_seconds: i64,
    /// The scopes of the app.
    pub scopes: Vec<String>,
    /// The ids of the business units.
    pub business_units: Vec<String>,
    /// Users, fields and rules of the org.
    pub org: OrgSettings,
}

impl Default for Config {
    fn default() -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            port: 0,
            public_keys: Vec::new(),
            client_id: "twin-client".to_owned(),
            client_secret: "twin-secret".to_owned(),
            password: "twin-password".to_owned(),
            refresh_token: "twin-refresh".to_owned(),
            audiences: owned(&[
                "https://login.salesforce.com",
                "https://test.salesforce.com",
            ]),
            run_as: CONNECTOR.to_owned(),
            token_seconds: 7200,
            scopes: owned(&["api", "pardot_api"]),
            business_units: owned(&[UNIT]),
            org: OrgSettings::default(),
        }
    }
}

/// Why a twin did not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A public key that is none.
    #[error("public key {0} is no RSA key in PEM form")]
    Key(usize),
    /// Settings of the org that do not fit it.
    #[error("the settings of the org do not fit")]
    Org(#[from] OrgError),
}
