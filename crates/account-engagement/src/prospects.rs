//! Prospects: query, read, create, update, delete, undelete, upsert (apis B3).

use std::collections::BTreeSet;

use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Map, Value, json};
use sync_core::ids::ProspectId;

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::page::{Collection, Rows};
use crate::prospect::Prospect;
use crate::query::{DeletedFilter, ProspectFilters, ProspectQuery};
use crate::wire::{Answer, Call};

/// How many ids travel in one `idList`: 500 ids of ten digits make a URL of 6 kB, and 8 kB is
/// where servers usually stop (INF; the limit is unpublished).
pub const ID_LIST_CHUNK: usize = 500;

const PATH: &str = "objects/prospects";

/// The prospects, as pages count them.
pub(crate) const PROSPECTS: Collection = Collection {
    kind: CallKind::Query,
    path: PATH,
};

/// What `do/upsertLatestByEmail` is to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Upsert {
    /// The address to match; the prospect's own when `None`. Case-sensitive (apis K17).
    pub match_email: Option<String>,
    /// The values to write.
    pub prospect: Map<String, Value>,
    /// Whether a match in the recycle bin is taken out of it instead of creating a new prospect.
    pub is_reviving: bool,
    /// The fields to answer; `id` is always added.
    pub fields: Fields,
}

impl Client {
    /// All rows of a query, page by page.
    pub async fn query(&self, query: &ProspectQuery) -> Result<Rows<Prospect>, Error> {
        let fields = query.fields.clone().with("id");
        let parameters = query.parameters()?;
        let answer = self
            .all_pages(PROSPECTS, &fields, &parameters, query.limit)
            .await?;
        let rows = prospects(answer.rows)?;
        Ok(Rows {
            rows,
            is_truncated: answer.is_truncated,
        })
    }

    /// Prospects by id, [`ID_LIST_CHUNK`] a call. Ids that are not there are missing from the
    /// answer; the order is the service's.
    pub async fn read_by_ids(
        &self,
        ids: &[ProspectId],
        fields: &Fields,
        deleted: DeletedFilter,
    ) -> Result<Vec<Prospect>, Error> {
        let unique: Vec<ProspectId> = ids
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let queries: Vec<ProspectQuery> = unique
            .chunks(ID_LIST_CHUNK)
            .map(|chunk| ProspectQuery {
                fields: fields.clone(),
                filters: ProspectFilters {
                    id_list: chunk.to_vec(),
                    ..ProspectFilters::default()
                },
                deleted,
                ..ProspectQuery::default()
            })
            .collect();
        let chunks = try_join_all(queries.iter().map(|query| self.query(query))).await?;
        Ok(chunks.into_iter().flat_map(|chunk| chunk.rows).collect())
    }

    /// One prospect, with the multi-value fields that a query leaves out (apis K7). A prospect in
    /// the recycle bin is answered like one that is missing.
    pub async fn read(&self, id: ProspectId, fields: &Fields) -> Result<Prospect, Error> {
        let query = vec![fields.clone().with("id").parameter()];
        let answer = self
            .call(&Call::get(CallKind::Read, format!("{PATH}/{id}"), query))
            .await?;
        one_prospect(CallKind::Read, Some(id), answer)
    }

    /// Creates a prospect. No idempotency key exists: after [`Error::may_have_landed`] look for it
    /// before creating it again (apis B2).
    pub async fn create(
        &self,
        prospect: &Map<String, Value>,
        fields: &Fields,
    ) -> Result<Prospect, Error> {
        let body = Value::Object(prospect.clone());
        let call = Call {
            kind: CallKind::Create,
            method: Method::POST,
            path: PATH.to_owned(),
            query: vec![fields.clone().with("id").parameter()],
            body: Some(&body),
        };
        let answer = self.call(&call).await?;
        one_prospect(CallKind::Create, None, answer)
    }

    /// Changes a prospect, by id only. The answer holds no more than the id when the caller may
    /// not read the prospect.
    pub async fn update(
        &self,
        id: ProspectId,
        changes: &Map<String, Value>,
        fields: &Fields,
    ) -> Result<Prospect, Error> {
        let body = Value::Object(changes.clone());
        let call = Call {
            kind: CallKind::Update,
            method: Method::PATCH,
            path: format!("{PATH}/{id}"),
            query: vec![fields.clone().with("id").parameter()],
            body: Some(&body),
        };
        let answer = self.call(&call).await?;
        one_prospect(CallKind::Update, Some(id), answer)
    }

    /// Moves a prospect into the recycle bin.
    pub async fn delete(&self, id: ProspectId) -> Result<(), Error> {
        let call = Call {
            kind: CallKind::Delete,
            method: Method::DELETE,
            path: format!("{PATH}/{id}"),
            query: Vec::new(),
            body: None,
        };
        self.call(&call).await.map(|_| ())
    }

    /// Takes the deleted prospect with this address and the latest activity out of the recycle
    /// bin; the service takes no id here (the body's property name is unverified).
    pub async fn undelete(&self, email: &str, fields: &Fields) -> Result<Prospect, Error> {
        let fields = fields.clone().with("id");
        let body = json!({ "matchEmail": email, "fields": fields.names() });
        let answer = self.action(CallKind::Undelete, "undelete", &body).await?;
        one_prospect(CallKind::Undelete, None, answer)
    }

    /// Changes the prospect with this address and the latest activity, or creates one.
    pub async fn upsert_latest_by_email(&self, upsert: &Upsert) -> Result<Prospect, Error> {
        let fields = upsert.fields.clone().with("id");
        let mut body = json!({
            "prospect": upsert.prospect,
            "secondaryDeletedSearch": upsert.is_reviving,
            "fields": fields.names(),
        });
        if let Some(email) = &upsert.match_email {
            body["matchEmail"] = Value::String(email.clone());
        }
        let answer = self
            .action(CallKind::Upsert, "upsertLatestByEmail", &body)
            .await?;
        one_prospect(CallKind::Upsert, None, answer)
    }

    async fn action(&self, kind: CallKind, name: &str, body: &Value) -> Result<Answer, Error> {
        let call = Call {
            kind,
            method: Method::POST,
            path: format!("{PATH}/do/{name}"),
            query: Vec::new(),
            body: Some(body),
        };
        self.call(&call).await
    }
}

/// The prospect of an answer. Its id comes from the body, is `known`, or stands in `Location`. The
/// values of another prospect are nobody's: taken for those of `known`, they would go to its partner.
pub(crate) fn one_prospect(
    kind: CallKind,
    known: Option<ProspectId>,
    answer: Answer,
) -> Result<Prospect, Error> {
    let mut row = match answer.body {
        Value::Object(row) => row,
        Value::Null => Map::new(),
        _ => return Err(ProtocolError::new(kind, "the answer is not an object").into()),
    };
    let id = known.map(ProspectId::get).or(answer.location_id);
    if let (false, Some(id)) = (row.contains_key("id"), id) {
        row.insert("id".to_owned(), id.into());
    }
    let prospect = Prospect::from_row(kind, row)?;
    if known.is_some_and(|known| known != prospect.id) {
        return Err(ProtocolError::new(kind, "another prospect was answered").into());
    }
    Ok(prospect)
}

/// Rows as prospects.
pub(crate) fn prospects(rows: Vec<Map<String, Value>>) -> Result<Vec<Prospect>, Error> {
    rows.into_iter()
        .map(|row| Prospect::from_row(CallKind::Query, row).map_err(Error::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_another_prospect_is_refused() {
        let known = ProspectId::try_from(7).ok();
        let answer = |id: u64| Answer {
            body: json!({ "id": id }),
            warnings: Vec::new(),
            location_id: None,
        };
        let read = one_prospect(CallKind::Update, known, answer(7)).map(|prospect| prospect.id);
        assert_eq!(read.ok(), known);
        let error = one_prospect(CallKind::Update, known, answer(8)).unwrap_err();
        assert!(matches!(error, Error::Protocol(_)) && error.may_have_landed());
        assert!(one_prospect(CallKind::Create, None, answer(8)).is_ok());
    }
}
