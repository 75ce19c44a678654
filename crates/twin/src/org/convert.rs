//! Lead conversion and merge, as people do them in the user interface.

use serde_json::{Map, Value, json};

use super::records::touch;
use super::table::Values;
use super::{Caller, Org, OrgError, stamps};

/// Lead fields and the contact fields that take their values.
const CARRIED: [(&str, &str); 15] = [
    ("Street", "MailingStreet"),
    ("City", "MailingCity"),
    ("State", "MailingState"),
    ("PostalCode", "MailingPostalCode"),
    ("Country", "MailingCountry"),
    ("Salutation", "Salutation"),
    ("FirstName", "FirstName"),
    ("LastName", "LastName"),
    ("Title", "Title"),
    ("Email", "Email"),
    ("Phone", "Phone"),
    ("MobilePhone", "MobilePhone"),
    ("Fax", "Fax"),
    ("LeadSource", "LeadSource"),
    ("HasOptedOutOfEmail", "HasOptedOutOfEmail"),
];

impl Org {
    /// Converts a lead into a contact of an account of the same name; answers the contact.
    ///
    /// Custom fields travel, except unique ones.
    ///
    /// # Errors
    /// `CANNOT_UPDATE_CONVERTED_LEAD` the second time, and what creates are refused with.
    pub fn convert_lead(&mut self, given_id: &str, caller: &Caller) -> Result<String, OrgError> {
        let object = self.object("Lead")?.clone();
        let (id, mut lead) = self.live(&object, given_id)?;
        if lead.get("IsConverted") == &Value::Bool(true) {
            let why = "cannot reference converted lead";
            return Err(OrgError::new("CANNOT_UPDATE_CONVERTED_LEAD", why));
        }
        self.take_lock(Some(&id), caller)?;
        let company = lead.text("Company").to_owned();
        let known = self
            .rows("Account")
            .find(|(_, row)| !row.is_deleted() && row.text("Name").eq_ignore_ascii_case(&company));
        let account = match known.map(|(id, _)| id.clone()) {
            Some(id) => id,
            None => self.create("Account", &fields(json!({ "Name": company })), caller)?,
        };
        let mut body = fields(json!({ "AccountId": account, "OwnerId": lead.get("OwnerId") }));
        for (from, to) in CARRIED {
            body.insert(to.to_owned(), lead.get(from).clone());
        }
        for field in object
            .fields
            .iter()
            .filter(|field| field.is_custom() && !field.unique)
        {
            body.insert(field.name.clone(), lead.get(&field.name).clone());
        }
        let contact = self.create("Contact", &body, caller)?;
        let today = &stamps::show(caller.now)[..10];
        lead.values.extend(fields(json!({
            "IsConverted": true, "ConvertedDate": today, "ConvertedAccountId": account,
            "ConvertedContactId": contact, "Status": "Closed - Converted",
        })));
        touch(&mut lead.values, caller);
        self.write("Lead", &id, lead, caller);
        Ok(contact)
    }

    /// Merges a row into another: the loser goes to the bin and names its winner.
    ///
    /// # Errors
    /// Rows that are gone, or a row merged with itself.
    pub fn merge(
        &mut self,
        object_name: &str,
        loser_id: &str,
        winner_id: &str,
        caller: &Caller,
    ) -> Result<(), OrgError> {
        let object = self.object(object_name)?.clone();
        let (loser_id, mut loser) = self.live(&object, loser_id)?;
        let (winner_id, mut winner) = self.live(&object, winner_id)?;
        if loser_id == winner_id {
            let why = "the master record cannot be merged with itself";
            return Err(OrgError::new("INVALID_ID_FIELD", why));
        }
        self.take_lock(Some(&loser_id), caller)?;
        self.take_lock(Some(&winner_id), caller)?;
        loser
            .values
            .insert("MasterRecordId".to_owned(), json!(winner_id));
        self.bin(&object, &loser_id, loser, caller);
        touch(&mut winner.values, caller);
        self.write(&object.name, &winner_id, winner, caller);
        Ok(())
    }
}

fn fields(value: Value) -> Values {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
