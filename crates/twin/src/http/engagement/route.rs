//! Paths under `/api/v5/`: what a call addresses, and the key it is counted under.

use axum::http::Method;

use crate::bu::ApiError;
use crate::bu::objects::Object;

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `objects/{object}`
    Rows(Object),
    /// `objects/{object}/{id}`
    Row(Object, u64),
    /// `objects/prospects/do/{action}`
    Action(String),
    /// `objects/prospects/{id}/do/{action}`
    RowAction(u64, String),
    /// `objects/account`
    Account,
    /// `external-activities`
    ExternalActivities,
}

impl Route {
    /// Reads the part of a path after `/api/v5/`; slashes at the end do not matter.
    pub fn parse(rest: &str) -> Result<Self, ApiError> {
        let segments: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let object = |name: &str| Object::from_path(name).ok_or_else(ApiError::endpoint);
        let id = |text: &str| text.parse::<u64>().map_err(|_| ApiError::not_found());
        match segments[..] {
            ["external-activities"] => Ok(Self::ExternalActivities),
            ["objects", "account"] => Ok(Self::Account),
            ["objects", "prospects", "do", action] => Ok(Self::Action(action.to_owned())),
            ["objects", "prospects", row, "do", action] => {
                Ok(Self::RowAction(id(row)?, action.to_owned()))
            }
            ["objects", name] => Ok(Self::Rows(object(name)?)),
            ["objects", name, row] => Ok(Self::Row(object(name)?, id(row)?)),
            _ => Err(ApiError::endpoint()),
        }
    }

    /// The key of `World::calls`, such as `engagement GET prospects/{id}`.
    pub fn key(&self, method: &Method) -> String {
        let pattern = match self {
            Self::Rows(object) => object.path().to_owned(),
            Self::Row(object, _) => format!("{}/{{id}}", object.path()),
            Self::Action(action) => format!("prospects/do/{action}"),
            Self::RowAction(_, action) => format!("prospects/{{id}}/do/{action}"),
            Self::Account => "account".to_owned(),
            Self::ExternalActivities => "external-activities".to_owned(),
        };
        format!("engagement {method} {pattern}")
    }
}
