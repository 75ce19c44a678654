//! The environment of a function, read once and typed; what is missing is named.

use connector::ports::StoreError;
use sync_core::ids::BusinessUnit;

use crate::queue::QueueUrls;

/// Why a function cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable that the function needs is not set.
    #[error("the environment variable {0} is not set; the template sets it")]
    Missing(&'static str),
    /// A variable holds something else.
    #[error("the environment variable {name} is wrong: {why}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl From<SettingsError> for StoreError {
    fn from(error: SettingsError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Where both services are and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// The org's login URL.
    pub login_url: String,
    /// Account Engagement's host.
    pub account_engagement_url: String,
    /// The consumer key of the app.
    pub client_id: String,
    /// Where the private key is.
    pub private_key_secret: String,
    /// How many Account Engagement calls this process may have in flight.
    pub slots: usize,
}

/// Reads variables through a function, so that tests need no real environment.
pub struct Variables<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn required(&self, name: &'static str) -> Result<String, SettingsError> {
        (self.0)(name)
            .filter(|value| !value.is_empty())
            .ok_or(SettingsError::Missing(name))
    }

    /// The name of a table, or another required text.
    ///
    /// # Errors
    /// [`SettingsError::Missing`]
    pub fn text(&self, name: &'static str) -> Result<String, SettingsError> {
        self.required(name)
    }

    /// `BUSINESS_UNITS`: ids separated by commas.
    ///
    /// # Errors
    /// When it is missing or holds something that is no business unit.
    pub fn business_units(&self) -> Result<Vec<BusinessUnit>, SettingsError> {
        const NAME: &str = "BUSINESS_UNITS";
        let listed = self.required(NAME)?;
        listed
            .split(',')
            .map(|id| {
                let wrong = |why: String| SettingsError::Wrong { name: NAME, why };
                id.trim().parse().map_err(|error| wrong(format!("{error}")))
            })
            .collect()
    }

    /// What the clients of both services need.
    ///
    /// # Errors
    /// When a variable is missing, or `AE_SLOTS` is no number.
    pub fn services(&self) -> Result<ServiceSettings, SettingsError> {
        let slots = self.required("AE_SLOTS")?;
        let why = "not a number of calls".to_owned();
        let slots = slots.parse().map_err(|_| SettingsError::Wrong {
            name: "AE_SLOTS",
            why,
        })?;
        Ok(ServiceSettings {
            login_url: self.required("LOGIN_URL")?,
            account_engagement_url: self.required("ACCOUNT_ENGAGEMENT_URL")?,
            client_id: self.required("CLIENT_ID")?,
            private_key_secret: self.required("PRIVATE_KEY_SECRET_ARN")?,
            slots,
        })
    }

    /// The lanes.
    ///
    /// # Errors
    /// [`SettingsError::Missing`]
    pub fn lanes(&self) -> Result<QueueUrls, SettingsError> {
        Ok(QueueUrls {
            priority: self.required("PRIORITY_QUEUE_URL")?,
            bulk: self.required("BULK_QUEUE_URL")?,
            ..QueueUrls::default()
        })
    }

    /// The lanes and their dead letters.
    ///
    /// # Errors
    /// [`SettingsError::Missing`]
    pub fn queues(&self) -> Result<QueueUrls, SettingsError> {
        Ok(QueueUrls {
            priority_dlq: self.required("PRIORITY_DLQ_URL")?,
            bulk_dlq: self.required("BULK_DLQ_URL")?,
            ..self.lanes()?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let none = |_: &str| None;
        assert_eq!(
            Variables(&none).business_units(),
            Err(SettingsError::Missing("BUSINESS_UNITS"))
        );
        assert_eq!(
            Variables(&none).lanes().err(),
            Some(SettingsError::Missing("PRIORITY_QUEUE_URL"))
        );
    }

    #[test]
    fn a_business_unit_with_a_wrong_checksum_is_told() {
        let wrong = |_: &str| Some("0Uv000000000001AAB".to_owned());
        let error = Variables(&wrong).business_units().unwrap_err();
        assert!(error.to_string().contains("wrong checksum"), "{error}");
    }
}
