//! The clients of both services: opened on first use, kept per connector user.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use connector::adapters::{EngagementMarketing, SalesforceCrm, SalesforceTokens};
use connector::ports::{ServiceError, Services, Sides};
use salesforce::{Credentials, PrivateKey};
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::BusinessUnit;
use tokio::sync::Mutex;

use crate::settings::ServiceSettings;

/// Which clients are the same: one business unit as one user.
type ClientKey = (BusinessUnit, String);

/// Clients that are really connected.
pub struct ConnectedServices {
    settings: ServiceSettings,
    secrets: aws_sdk_secretsmanager::Client,
    opened: Mutex<HashMap<ClientKey, Sides>>,
}

fn config_error(code: &str, message: String) -> ServiceError {
    let service = Service::Salesforce;
    ServiceError {
        service,
        class: ErrorClass::Auth,
        code: code.to_owned(),
        message,
    }
}

impl ConnectedServices {
    /// Clients for these addresses; nothing is read or opened yet.
    #[must_use]
    pub fn new(settings: ServiceSettings, secrets: aws_sdk_secretsmanager::Client) -> Self {
        Self {
            settings,
            secrets,
            opened: Mutex::new(HashMap::new()),
        }
    }

    /// The key that signs our log-ins. The message names the secret and never its content.
    async fn private_key(&self) -> Result<PrivateKey, ServiceError> {
        let arn = &self.settings.private_key_secret;
        let answer = self.secrets.get_secret_value().secret_id(arn).send().await;
        let answer = answer.map_err(|error| {
            let code = error.code().unwrap_or("no answer");
            if code == "ResourceNotFoundException" {
                let message =
                    format!("the secret {arn} has no value yet; put the private key there");
                return config_error("PRIVATE_KEY", message);
            }
            ServiceError {
                class: ErrorClass::Transient,
                ..config_error(
                    "SECRET",
                    format!("the secret {arn} cannot be read ({code})"),
                )
            }
        })?;
        PrivateKey::from_pem(answer.secret_string().unwrap_or_default())
            .map_err(|error| config_error("PRIVATE_KEY", format!("the secret {arn}: {error}")))
    }

    async fn connect(&self, config: &Config) -> Result<Sides, ServiceError> {
        let unit = &config.business_unit;
        let credentials = Credentials::JwtBearer {
            username: config.connector_user.username.clone(),
            key: self.private_key().await?,
        };
        let settings = salesforce::Settings::new(
            self.settings.login_url.clone(),
            self.settings.client_id.clone(),
            credentials,
        );
        let crm = salesforce::Client::new(settings)
            .map_err(|error| config_error("LOGIN_URL", error.to_string()))?;
        let crm = Arc::new(crm);
        let mut settings = account_engagement::Settings::new(
            self.settings.account_engagement_url.clone(),
            unit.clone(),
        );
        settings.slots = self.settings.slots;
        let tokens = Arc::new(SalesforceTokens::new(Arc::clone(&crm)));
        let marketing = account_engagement::Client::new(settings, tokens)
            .map_err(|error| config_error("ACCOUNT_ENGAGEMENT_URL", error.to_string()))?;
        Ok(Sides {
            crm: Arc::new(SalesforceCrm::new(crm, unit.clone())),
            marketing: Arc::new(EngagementMarketing::new(Arc::new(marketing), unit.clone())),
        })
    }
}

#[async_trait]
impl Services for ConnectedServices {
    /// A refused log-in does not stay: the key may have been put right, so it is read again.
    async fn open(&self, config: &Config) -> Result<Sides, ServiceError> {
        let key = (
            config.business_unit.clone(),
            config.connector_user.username.clone(),
        );
        let mut opened = self.opened.lock().await;
        if let Some(sides) = opened.get(&key)
            && sides.crm.connector_user().await.is_ok()
        {
            return Ok(sides.clone());
        }
        let sides = self.connect(config).await?;
        opened.insert(key, sides.clone());
        Ok(sides)
    }
}
