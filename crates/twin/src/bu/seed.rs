//! Prospects from a CSV file: `email,firstName,lastName,company,jobTitle,phone,score,...`.

use jiff::Timestamp;
use serde_json::json;

use super::BusinessUnit;
use super::objects::Object;
use super::prospects::{Body, Writer};

/// Columns that are prospect fields of the same name.
const PLAIN: [&str; 8] = [
    "email",
    "firstName",
    "lastName",
    "company",
    "jobTitle",
    "phone",
    "score",
    "optedOut",
];

/// Why a seed file was refused. Nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file is no CSV.
    #[error("the prospect file cannot be read")]
    Csv(#[from] csv::Error),
    /// A column nobody knows.
    #[error("unknown column `{0}`")]
    Column(String),
    /// A name that is no campaign or user.
    #[error("line {line}: no {what} is called `{name}`")]
    Name {
        /// The line in the file.
        line: u64,
        /// `campaign` or `user`.
        what: &'static str,
        /// The name as given.
        name: String,
    },
    /// The prospect was refused.
    #[error("line {line}: {error}")]
    Prospect {
        /// The line in the file.
        line: u64,
        /// Why.
        error: super::ApiError,
    },
}

/// Adds the prospects of a CSV text and answers how many. All or nothing.
pub fn seed_csv(
    unit: &mut BusinessUnit,
    csv_text: &str,
    now: Timestamp,
) -> Result<usize, SeedError> {
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let columns = reader.headers()?.clone();
    let is_known =
        |column: &str| PLAIN.contains(&column) || ["campaign", "assignedTo"].contains(&column);
    if let Some(column) = columns.iter().find(|column| !is_known(column)) {
        return Err(SeedError::Column(column.to_owned()));
    }
    let mut seeded = unit.clone();
    let writer = Writer {
        user_id: super::API_USER,
        is_person: true,
    };
    let mut count = 0;
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let body = prospect(&seeded, &columns, &record, line)?;
        seeded
            .create_prospect(&body, writer, now)
            .map_err(|error| SeedError::Prospect { line, error })?;
        count += 1;
    }
    *unit = seeded;
    Ok(count)
}

fn prospect(
    unit: &BusinessUnit,
    columns: &csv::StringRecord,
    record: &csv::StringRecord,
    line: u64,
) -> Result<Body, SeedError> {
    let mut body = Body::new();
    for (column, cell) in columns
        .iter()
        .zip(record)
        .filter(|(_, cell)| !cell.is_empty())
    {
        let unknown = |what| SeedError::Name {
            line,
            what,
            name: cell.to_owned(),
        };
        match column {
            "campaign" => {
                let mut campaigns = unit.table(Object::Campaigns).rows.values();
                let found = campaigns.find(|campaign| campaign.text("name") == cell);
                let id = found.ok_or_else(|| unknown("campaign"))?.id;
                body.insert("campaignId".to_owned(), json!(id));
            }
            "assignedTo" => {
                let id = unit.user_by_name(cell).ok_or_else(|| unknown("user"))?.id;
                body.insert("userId".to_owned(), json!(id));
            }
            _ => {
                body.insert(column.to_owned(), json!(cell));
            }
        }
    }
    Ok(body)
}
