//! Create, update, delete and undelete of one row.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::rules::DuplicateAction;
use super::schema::{Field, FieldType, Object};
use super::table::{Row, Values, unique_key};
use super::{Caller, Org, OrgError, stamps, values, widen};

/// How many days a row stays in the recycle bin.
const BIN_DAYS: i64 = 15;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
}

impl Org {
    /// Creates a row and answers its id.
    ///
    /// # Errors
    /// Whatever the API refuses a create with.
    pub fn create(
        &mut self,
        object_name: &str,
        body: &Values,
        caller: &Caller,
    ) -> Result<String, OrgError> {
        let object = self.object(object_name)?.clone();
        let mut row = blank(&object);
        row.insert("OwnerId".to_owned(), json!(caller.user_id));
        if object.name == "Lead" {
            row.insert("Status".to_owned(), json!("Open - Not Contacted"));
        }
        let given = self.given(&object, body, Verb::Create, caller)?;
        row.extend(given);
        require(&object, &row)?;
        self.take_lock(None, caller)?;
        self.assign(&object, &mut row, caller);
        self.check(&object, None, &row, caller)?;
        let id = self.next_id(object.key_prefix);
        let stamp = json!(stamps::stamp(caller.now));
        row.insert("Id".to_owned(), json!(id));
        row.insert("CreatedDate".to_owned(), stamp);
        row.insert("CreatedById".to_owned(), json!(caller.user_id));
        touch(&mut row, caller);
        self.write(
            &object.name,
            &id,
            Row {
                values: row,
                deleted_at: None,
            },
            caller,
        );
        Ok(id)
    }

    /// Changes a row.
    ///
    /// # Errors
    /// Whatever the API refuses an update with.
    pub fn update(
        &mut self,
        object_name: &str,
        given_id: &str,
        body: &Values,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        let object = self.object(object_name)?.clone();
        let (id, mut row) = self.live(&object, given_id)?;
        let given = self.given(&object, body, Verb::Update, caller)?;
        if row.get("IsConverted") == &Value::Bool(true) && !given.is_empty() {
            let why = "cannot reference converted lead";
            return Err(OrgError::new("CANNOT_UPDATE_CONVERTED_LEAD", why));
        }
        self.take_lock(Some(&id), caller)?;
        row.values.extend(given);
        require(&object, &row.values)?;
        self.assign(&object, &mut row.values, caller);
        self.check(&object, Some(&id), &row.values, caller)?;
        touch(&mut row.values, caller);
        self.write(&object.name, &id, row, caller);
        Ok(())
    }

    /// Puts a row into the recycle bin; the contacts of an account go with it.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ENTITY_IS_DELETED` or `UNABLE_TO_LOCK_ROW`.
    pub fn delete(
        &mut self,
        object_name: &str,
        given_id: &str,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        let object = self.object(object_name)?.clone();
        let (id, row) = self.live(&object, given_id)?;
        self.take_lock(Some(&id), caller)?;
        self.bin(&object, &id, row, caller);
        if object.name == "Account" {
            let is_theirs = |row: &Row| row.text("AccountId") == id && !row.is_deleted();
            let contacts: Vec<String> = self
                .rows("Contact")
                .filter(|(_, row)| is_theirs(row))
                .map(|(contact, _)| contact.clone())
                .collect();
            for contact in contacts {
                self.delete("Contact", &contact, caller)?;
            }
        }
        Ok(())
    }

    pub(super) fn bin(&mut self, object: &Object, id: &str, mut row: Row, caller: &Caller) {
        row.values.insert("IsDeleted".to_owned(), json!(true));
        row.deleted_at = Some(caller.now);
        touch(&mut row.values, caller);
        self.write(&object.name, id, row, caller);
    }

    /// Takes a row out of the recycle bin.
    ///
    /// # Errors
    /// `UNDELETE_FAILED` when it is not in the bin, `DUPLICATE_VALUE` when its key was taken.
    pub fn undelete(
        &mut self,
        object_name: &str,
        given_id: &str,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        let object = self.object(object_name)?.clone();
        let id = widen(given_id).ok_or_else(OrgError::not_found)?;
        let row = self
            .row(&object.name, &id)
            .cloned()
            .ok_or_else(OrgError::not_found)?;
        if !row.is_deleted() || self.is_gone(&row, caller) {
            let why = "Entity is not in the recycle bin";
            return Err(OrgError::new("UNDELETE_FAILED", why));
        }
        self.take_lock(Some(&id), caller)?;
        let mut row = Row {
            deleted_at: None,
            ..row
        };
        row.values.insert("IsDeleted".to_owned(), json!(false));
        row.values.insert("MasterRecordId".to_owned(), Value::Null);
        self.check_unique(&object, Some(&id), &row.values)?;
        touch(&mut row.values, caller);
        self.write(&object.name, &id, row, caller);
        Ok(())
    }

    /// Whether a deleted row has left the recycle bin.
    #[must_use]
    pub fn is_gone(&self, row: &Row, caller: &Caller) -> bool {
        let leaves = row
            .deleted_at
            .and_then(|at| at.checked_add((BIN_DAYS * 24).hours()).ok());
        leaves.is_some_and(|leaves| leaves <= caller.now)
    }

    /// A row that can be changed, and its id in 18 characters.
    pub(super) fn live(&self, object: &Object, given_id: &str) -> Result<(String, Row), OrgError> {
        let id = widen(given_id).ok_or_else(|| {
            OrgError::new(
                "MALFORMED_ID",
                format!("{} ID: id value of incorrect type: {given_id}", object.name),
            )
            .on("Id")
        })?;
        let row = self
            .row(&object.name, &id)
            .cloned()
            .ok_or_else(OrgError::not_found)?;
        if row.is_deleted() {
            Err(OrgError::deleted())
        } else {
            Ok((id, row))
        }
    }

    /// The accepted values of a body under their proper names.
    fn given(
        &self,
        object: &Object,
        body: &Values,
        verb: Verb,
        caller: &Caller,
    ) -> Result<Values, OrgError> {
        let mut accepted = Values::new();
        for (name, value) in body.iter().filter(|(name, _)| *name != "attributes") {
            let field = self.visible_field(object, name, &caller.user_id);
            let field = field.ok_or_else(|| OrgError::no_column(name, &object.name))?;
            let is_open = match verb {
                Verb::Create => field.createable,
                Verb::Update => field.updateable,
            };
            if !is_open {
                let why = format!(
                    "Unable to create/update fields: {}. Please check the security settings of \
                     this field and verify that it is read/write for your profile or permission \
                     set.",
                    field.name
                );
                let error = OrgError::new("INVALID_FIELD_FOR_INSERT_UPDATE", why);
                return Err(error.on(&field.name));
            }
            let value = values::accept(field, value)?;
            self.check_reference(object, field, &value)?;
            accepted.insert(field.name.clone(), value);
        }
        Ok(accepted)
    }

    fn check_reference(
        &self,
        object: &Object,
        field: &Field,
        value: &Value,
    ) -> Result<(), OrgError> {
        let (Some(parent), Some(id)) = (&field.reference_to, value.as_str()) else {
            return Ok(());
        };
        let row = self.row(parent, id).filter(|row| !row.is_deleted());
        let Some(row) = row else {
            let error = OrgError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
            return Err(error.on(&field.name));
        };
        if parent == "User" && row.get("IsActive") != &Value::Bool(true) {
            let owned = object.name.to_lowercase();
            let why = format!("operation performed with inactive user [{id}] as owner of {owned}");
            return Err(OrgError::new("INACTIVE_OWNER_OR_USER", why).on(&field.name));
        }
        Ok(())
    }

    /// Runs the active assignment rule: K9, on create and on update.
    fn assign(&self, object: &Object, row: &mut Values, caller: &Caller) {
        let rule = self
            .rules
            .assignments
            .iter()
            .find(|rule| rule.object == object.name);
        if let Some(rule) = rule.filter(|_| caller.auto_assign) {
            row.insert("OwnerId".to_owned(), json!(rule.owner_id));
        }
    }

    fn check(
        &self,
        object: &Object,
        id: Option<&str>,
        row: &Values,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        if !caller.skips_rules {
            self.rules.validate(&object.name, row)?;
            self.check_duplicates(object, id, row, caller)?;
        }
        self.check_unique(object, id, row)
    }

    fn check_duplicates(
        &self,
        object: &Object,
        id: Option<&str>,
        row: &Values,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        let before = id.and_then(|id| self.row(&object.name, id));
        for rule in self
            .rules
            .duplicates
            .iter()
            .filter(|rule| rule.object == object.name)
        {
            let is_overridden = rule.action == DuplicateAction::Alert && caller.allow_save;
            let is_same = before.is_some_and(|before| {
                rule.fields
                    .iter()
                    .all(|field| Some(before.get(field)) == row.get(field))
            });
            if is_overridden || is_same {
                continue;
            }
            let others = self.rows(rule.against.as_ref().unwrap_or(&rule.object));
            let matches: Vec<String> = others
                .filter(|(other, held)| Some(other.as_str()) != id && !held.is_deleted())
                .filter(|(_, held)| rule.matches(row, &held.values))
                .map(|(other, _)| other.clone())
                .collect();
            if !matches.is_empty() {
                return Err(rule.refusal(&matches));
            }
        }
        Ok(())
    }

    fn check_unique(
        &self,
        object: &Object,
        id: Option<&str>,
        row: &Values,
    ) -> Result<(), OrgError> {
        for field in object.fields.iter().filter(|field| field.unique) {
            let value = row.get(&field.name).unwrap_or(&Value::Null);
            let Some(key) = unique_key(field, value) else {
                continue;
            };
            let holder = self.table(&object.name).holder(&field.name, &key);
            let holder = holder
                .map(String::as_str)
                .or_else(|| self.pending_holder(object, field, &key));
            if let Some(holder) = holder.filter(|holder| Some(*holder) != id) {
                let name = &field.name;
                let why = format!(
                    "duplicate value found: {name} duplicates value on record with id: {holder}"
                );
                return Err(OrgError::new("DUPLICATE_VALUE", why).on(name));
            }
        }
        Ok(())
    }
}

/// A row with no values: null, and false for flags.
fn blank(object: &Object) -> Values {
    let empty = |field: &Field| match field.kind {
        FieldType::Boolean => Value::Bool(false),
        _ => Value::Null,
    };
    object
        .fields
        .iter()
        .map(|field| (field.name.clone(), empty(field)))
        .collect()
}

fn require(object: &Object, row: &Values) -> Result<(), OrgError> {
    let is_missing =
        |field: &&Field| field.is_required() && row.get(&field.name).is_none_or(Value::is_null);
    let missing: Vec<String> = object
        .fields
        .iter()
        .filter(is_missing)
        .map(|field| field.name.clone())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!("Required fields are missing: [{}]", missing.join(", "));
    let mut error = OrgError::new("REQUIRED_FIELD_MISSING", why);
    error.fields = missing;
    Err(error)
}

/// Stamps a change and brings the derived name up to date.
pub(super) fn touch(row: &mut Values, caller: &Caller) {
    let stamp = json!(stamps::stamp(caller.now));
    row.insert("LastModifiedDate".to_owned(), stamp.clone());
    row.insert("SystemModstamp".to_owned(), stamp);
    row.insert("LastModifiedById".to_owned(), json!(caller.user_id));
    if row.contains_key("LastName") {
        let part = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}", part("FirstName"), part("LastName"));
        row.insert("Name".to_owned(), json!(name.trim()));
    }
}
