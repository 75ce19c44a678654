//! Objects and fields as data.

use serde::{Deserialize, Serialize};

/// The type of a field, named as describe names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A record id.
    Id,
    /// One line of text.
    String,
    /// Several lines of text.
    Textarea,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
    /// One of several values.
    Picklist,
    /// Several of several values, separated by `;`.
    Multipicklist,
    /// True or false, never null.
    Boolean,
    /// A whole number.
    Int,
    /// A decimal number.
    Double,
    /// An amount of money.
    Currency,
    /// A calendar day.
    Date,
    /// An instant.
    Datetime,
    /// The id of another record.
    Reference,
}

impl FieldType {
    /// Whether values are held as text without a form of their own.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::Textarea
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::Picklist
                | Self::Multipicklist
        )
    }

    /// Whether values are ids.
    #[must_use]
    pub fn is_id(self) -> bool {
        matches!(self, Self::Id | Self::Reference)
    }

    /// Whether values are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Currency)
    }

    /// The name in describe and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::String => "string",
            Self::Textarea => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Picklist => "picklist",
            Self::Multipicklist => "multipicklist",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Reference => "reference",
        }
    }
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Field {
    /// The API name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The longest text.
    pub length: usize,
    /// Digits before and after the decimal point together.
    pub precision: u32,
    /// Digits after the decimal point.
    pub scale: u32,
    /// Whether it may be empty.
    pub nillable: bool,
    /// Whether a create may set it.
    pub createable: bool,
    /// Whether an update may set it.
    pub updateable: bool,
    /// Whether upserts may name it.
    pub external_id: bool,
    /// Whether two live records may not share a value.
    pub unique: bool,
    /// Whether spelling in upper and lower case makes a difference to uniqueness.
    pub case_sensitive: bool,
    /// Whether lookups by it work.
    pub id_lookup: bool,
    /// The values of a picklist.
    pub values: Vec<String>,
    /// Whether only these values are taken.
    pub restricted: bool,
    /// The object a reference points to.
    pub reference_to: Option<String>,
    /// The name of the parent in queries.
    pub relationship_name: Option<String>,
}

impl Default for Field {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: FieldType::String,
            length: 255,
            precision: 18,
            scale: 0,
            nillable: true,
            createable: true,
            updateable: true,
            external_id: false,
            unique: false,
            case_sensitive: false,
            id_lookup: false,
            values: Vec::new(),
            restricted: false,
            reference_to: None,
            relationship_name: None,
        }
    }
}

impl Field {
    /// The label people see: the name in words.
    #[must_use]
    pub fn label(&self) -> String {
        let name = self.name.strip_suffix("__c").unwrap_or(&self.name);
        let name = name.strip_prefix("pi__").unwrap_or(name);
        let mut label = String::new();
        for character in name.chars() {
            let starts_word = character.is_ascii_uppercase() && !label.is_empty();
            if starts_word && !label.ends_with(' ') {
                label.push(' ');
            }
            label.push(if character == '_' { ' ' } else { character });
        }
        label
    }

    /// Whether it was added by the customer or a package.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether a create must bring a value.
    #[must_use]
    pub fn is_required(&self) -> bool {
        !self.nillable
            && self.createable
            && self.kind != FieldType::Boolean
            && self.name != "OwnerId"
    }
}

/// One object with its fields in describe order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The API name.
    pub name: String,
    /// The first three characters of its ids.
    pub key_prefix: &'static str,
    /// The fields.
    pub fields: Vec<Field>,
}

impl Object {
    /// A field by name, in any spelling.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Adds a field, or replaces the one of the same name.
    pub fn put_field(&mut self, field: Field) {
        self.fields
            .retain(|held| !held.name.eq_ignore_ascii_case(&field.name));
        self.fields.push(field);
    }
}
