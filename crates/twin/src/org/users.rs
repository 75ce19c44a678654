//! The people of the org, and the user the connector calls as.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::table::{Row, Values};
use super::{Org, stamps};

/// The user name the connector logs in with unless configured otherwise.
pub const CONNECTOR: &str = "connector@prospect-sync.example";
/// The admin, in whose name the org is seeded.
pub const ADMIN: &str = "admin@example.com";

/// A user as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name.
    pub username: String,
    /// Whether the user may log in and own records.
    #[serde(default = "yes")]
    pub is_active: bool,
}

fn yes() -> bool {
    true
}

impl Org {
    /// The id of a user by user name, in any spelling.
    #[must_use]
    pub fn user_id(&self, username: &str) -> Option<String> {
        let named = |row: &Row| row.text("Username").eq_ignore_ascii_case(username);
        self.rows("User")
            .find(|(_, row)| named(row))
            .map(|(id, _)| id.clone())
    }

    /// Whether a user exists and is active.
    #[must_use]
    pub fn is_active(&self, user_id: &str) -> bool {
        let user = self.row("User", user_id);
        user.is_some_and(|row| row.get("IsActive") == &Value::Bool(true))
    }

    /// User names and ids.
    #[must_use]
    pub fn user_names(&self) -> Vec<(String, String)> {
        self.rows("User")
            .map(|(id, row)| (row.text("Username").to_owned(), id.clone()))
            .collect()
    }

    /// Adds a user, or switches the one of that name on or off. Answers the id.
    pub fn put_user(&mut self, user: &User, now: Timestamp) -> String {
        let id = self
            .user_id(&user.username)
            .unwrap_or_else(|| self.next_id("005"));
        let stamp = stamps::stamp(now);
        let local = user.username.split('@').next().unwrap_or_default();
        let (first, last) = local.split_once('.').unwrap_or(("", local));
        let values = json!({
            "Id": id, "Username": user.username, "Email": user.username,
            "FirstName": capital(first), "LastName": capital(last),
            "Name": format!("{} {}", capital(first), capital(last)).trim(),
            "IsActive": user.is_active, "UserType": "Standard", "IsDeleted": false,
            "CreatedDate": stamp, "LastModifiedDate": stamp, "SystemModstamp": stamp,
            "CreatedById": id, "LastModifiedById": id,
        });
        let values: Values = values.as_object().cloned().unwrap_or_default();
        let row = Row {
            values,
            deleted_at: None,
        };
        self.replace("User", &id, Some(row));
        id
    }

    pub(super) fn put_default_users(&mut self) {
        for username in [
            CONNECTOR,
            "ines.moreau@example.com",
            "tom.becker@example.com",
            ADMIN,
        ] {
            let user = User {
                username: username.to_owned(),
                is_active: true,
            };
            self.put_user(&user, Timestamp::UNIX_EPOCH);
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
