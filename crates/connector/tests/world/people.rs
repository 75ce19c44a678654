//! What people do in both services, and what they see there.

use serde_json::{Value, json};
use twin::bu::objects::Object;
use twin::org::users::ADMIN;
use twin::org::{Caller, Org};
use twin::world::lock;

use super::{Fields, UNIT, World};

impl World {
    /// What a person does in Salesforce.
    pub fn edit_org<T>(&self, user: &str, edit: impl FnOnce(&mut Org, &Caller) -> T) -> T {
        let now = self.twin.world.clock.now();
        let mut org = lock(&self.twin.world.org);
        org.begin(now);
        let user = org.user_id(user).expect("a user of the org");
        let caller = Caller {
            auto_assign: false,
            allow_save: true,
            ..Caller::new(user, now)
        };
        edit(&mut org, &caller)
    }

    /// Creates a record in the name of the admin, who is no user of Account Engagement.
    pub fn create(&self, object: &str, fields: Value) -> String {
        self.create_as(ADMIN, object, fields)
    }

    pub fn create_as(&self, user: &str, object: &str, fields: Value) -> String {
        let fields = into_fields(fields);
        self.edit_org(user, |org, caller| org.create(object, &fields, caller))
            .expect("a record that fits")
    }

    /// A lead with an address and a name.
    pub fn lead(&self, email: &str) -> String {
        self.create("Lead", person(email))
    }

    pub fn update(&self, object: &str, id: &str, fields: Value) {
        let fields = into_fields(fields);
        self.edit_org(ADMIN, |org, caller| org.update(object, id, &fields, caller))
            .expect("an edit that fits");
    }

    pub fn delete(&self, object: &str, id: &str) {
        self.edit_org(ADMIN, |org, caller| org.delete(object, id, caller))
            .expect("a record that is there");
    }

    pub fn undelete(&self, object: &str, id: &str) {
        self.edit_org(ADMIN, |org, caller| org.undelete(object, id, caller))
            .expect("a record in the recycle bin");
    }

    pub fn delete_prospect(&self, id: u64) {
        self.edit_unit(json!({ "id": id, "delete": true }));
    }

    pub fn undelete_prospect(&self, id: u64) {
        self.edit_unit(json!({ "id": id, "undelete": true }));
    }

    /// What a person does in Account Engagement; answers the id of the prospect.
    pub fn edit_unit(&self, edit: Value) -> u64 {
        let world = &self.twin.world;
        let org_users = lock(&world.org).user_names();
        let mut units = lock(&world.units);
        let unit = units.get_mut(UNIT).expect("the unit");
        unit.link_users(&org_users);
        let row = unit.human_edit(edit, world.clock.now());
        row.expect("an edit that fits")["id"]
            .as_u64()
            .expect("an id")
    }

    #[expect(clippy::needless_pass_by_value, reason = "calls stay short")]
    pub fn prospect(&self, fields: Value) -> u64 {
        self.edit_unit(json!({ "fields": fields }))
    }

    #[expect(clippy::needless_pass_by_value, reason = "calls stay short")]
    pub fn update_prospect(&self, id: u64, fields: Value) {
        self.edit_unit(json!({ "id": id, "fields": fields }));
    }

    /// Changes switches of the org.
    pub fn configure_org(&self, settings: Value) {
        let settings = serde_json::from_value(settings).expect("settings of the org");
        let now = self.twin.world.clock.now();
        lock(&self.twin.world.org)
            .configure(settings, now)
            .expect("settings that fit");
    }

    /// Changes switches of the business unit.
    pub fn configure_unit(&self, settings: Value) {
        let mut units = lock(&self.twin.world.units);
        let unit = units.get_mut(UNIT).expect("the unit");
        unit.configure(settings).expect("settings that fit");
    }

    /// Plans something to go wrong.
    pub fn plan(&self, fault: Value) {
        let plan = serde_json::from_value(fault).expect("a plan");
        lock(&self.twin.world.faults).add(plan);
    }

    /// The live rows of an object of the org.
    pub fn rows(&self, object: &str) -> Vec<Fields> {
        let org = lock(&self.twin.world.org);
        org.rows(object)
            .filter(|(_, row)| !row.is_deleted())
            .map(|(_, row)| row.values.clone())
            .collect()
    }

    pub fn row(&self, object: &str, id: &str) -> Fields {
        let org = lock(&self.twin.world.org);
        org.row(object, id).expect("a row").values.clone()
    }

    /// The live prospects.
    pub fn prospects(&self) -> Vec<Fields> {
        let units = lock(&self.twin.world.units);
        let rows = units[UNIT].table(Object::Prospects).rows.values();
        rows.filter(|row| !row.is_deleted())
            .map(|row| row.values.clone())
            .collect()
    }

    pub fn prospect_row(&self, id: u64) -> Fields {
        let units = lock(&self.twin.world.units);
        units[UNIT]
            .row(Object::Prospects, id)
            .expect("a prospect")
            .values
            .clone()
    }

    /// The prospects with an address.
    pub fn prospects_of(&self, email: &str) -> Vec<Fields> {
        let mut found = self.prospects();
        found.retain(|prospect| prospect["email"] == email);
        found
    }

    /// The rows of an object with an address.
    pub fn rows_of(&self, object: &str, email: &str) -> Vec<Fields> {
        let mut found = self.rows(object);
        found.retain(|row| row["Email"] == email);
        found
    }
}

/// A person in Salesforce.
pub fn person(email: &str) -> Value {
    let name = email.split('@').next().unwrap_or_default();
    json!({ "Email": email, "FirstName": "Ann", "LastName": name, "Company": "Example" })
}

fn into_fields(fields: Value) -> Fields {
    match fields {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}
