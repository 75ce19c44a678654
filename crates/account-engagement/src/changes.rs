//! What changed since an instant, however much that is (apis K6).
//!
//! No page token is used here: tokens expire, chains stop at 100,000 rows, and nobody documents
//! whether a token survives rows that change under it. Every page is a query of its own that
//! starts where the rows of the page before ended. Stamps have whole seconds in filters, so the
//! last second of a page is read again. A second with more rows than a page holds is read by id.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sync_core::ids::ProspectId;

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::prospect::Prospect;
use crate::prospects::{PROSPECTS, prospects};
use crate::query::{DeletedFilter, Order, ProspectFilters, ProspectQuery};

/// Where reading the changes stands. Opaque; may be kept and continued at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeWindow {
    second: Timestamp,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Everything from the second on, by stamp.
    From,
    /// Inside the second, by id: what is above this id, or all of it.
    Inside(Option<ProspectId>),
}

impl ChangeWindow {
    /// Everything that changed in the second of this instant or later.
    #[must_use]
    pub fn since(from: Timestamp) -> Self {
        Self {
            second: whole_second(from),
            place: Place::From,
        }
    }

    /// Everything before this instant has been read.
    #[must_use]
    pub fn read_up_to(&self) -> Timestamp {
        self.second
    }

    fn query(self, fields: &Fields, deleted: DeletedFilter) -> Result<ProspectQuery, Error> {
        let (order_by, updated_at_before, id_greater_than) = match self.place {
            Place::From => (Order::UpdatedAtAscending, None, None),
            Place::Inside(id) => (Order::IdAscending, Some(next_second(self.second)?), id),
        };
        Ok(ProspectQuery {
            fields: fields.clone().with("id").with("updatedAt"),
            filters: ProspectFilters {
                updated_at_after_or_equal: Some(self.second),
                updated_at_before,
                id_greater_than,
                ..ProspectFilters::default()
            },
            order_by,
            deleted,
            limit: None,
        })
    }

    /// The window behind a page of this one.
    fn after(self, rows: &[Prospect], has_more: bool) -> Result<Option<Self>, Error> {
        match self.place {
            Place::Inside(_) if has_more => {
                let last = rows.iter().map(|row| row.id).max();
                Ok(Some(Self {
                    place: Place::Inside(last),
                    ..self
                }))
            }
            Place::Inside(_) => Ok(Some(Self::since(next_second(self.second)?))),
            Place::From if has_more => {
                let mut latest = Timestamp::MIN;
                for row in rows {
                    latest = latest.max(whole_second(row.updated_at()?));
                }
                if latest < self.second {
                    let problem = "rows are older than what was asked for";
                    return Err(ProtocolError::new(CallKind::Query, problem).into());
                }
                if latest == self.second {
                    return Ok(Some(Self {
                        place: Place::Inside(None),
                        ..self
                    }));
                }
                Ok(Some(Self::since(latest)))
            }
            Place::From => Ok(None),
        }
    }
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePage {
    /// The rows; a row may come again on the next page.
    pub prospects: Vec<Prospect>,
    /// Where to go on; `None` when everything has been read.
    pub next: Option<ChangeWindow>,
}

impl Client {
    /// One page of changes, for callers that have to stop in time.
    pub async fn changes(
        &self,
        window: ChangeWindow,
        fields: &Fields,
        deleted: DeletedFilter,
    ) -> Result<ChangePage, Error> {
        let query = window.query(fields, deleted)?;
        let parameters = query.parameters()?;
        let mut page = self
            .first_page(PROSPECTS, &query.fields, &parameters)
            .await?;
        // A page may be empty and still have a successor: nothing to start the next query from.
        while page.rows.is_empty() {
            match page.next_token.take() {
                Some(token) => page = self.next_page(PROSPECTS, &query.fields, token).await?,
                None => break,
            }
        }
        let has_more = page.has_more() && !page.rows.is_empty();
        let rows = prospects(page.rows)?;
        let next = window.after(&rows, has_more)?;
        Ok(ChangePage {
            prospects: rows,
            next,
        })
    }

    /// Every prospect that changed in the second of `from` or later, each once in its latest
    /// version, oldest change first. Prospects that change while this reads may be missed or come in
    /// an older version: the next reading has to begin no later than this one began.
    pub async fn changed_since(
        &self,
        from: Timestamp,
        fields: &Fields,
        deleted: DeletedFilter,
    ) -> Result<Vec<Prospect>, Error> {
        let mut latest: BTreeMap<ProspectId, (Timestamp, Prospect)> = BTreeMap::new();
        let mut window = Some(ChangeWindow::since(from));
        while let Some(current) = window {
            let page = self.changes(current, fields, deleted).await?;
            for prospect in page.prospects {
                let stamp = prospect.updated_at()?;
                match latest.get(&prospect.id) {
                    Some((seen, _)) if *seen > stamp => {}
                    _ => {
                        latest.insert(prospect.id, (stamp, prospect));
                    }
                }
            }
            window = page.next;
        }
        let mut changed: Vec<(Timestamp, Prospect)> = latest.into_values().collect();
        changed.sort_by_key(|(stamp, prospect)| (*stamp, prospect.id));
        Ok(changed.into_iter().map(|(_, prospect)| prospect).collect())
    }
}

fn whole_second(instant: Timestamp) -> Timestamp {
    let fraction = i64::from(instant.subsec_nanosecond()).rem_euclid(1_000_000_000);
    instant
        .checked_sub(SignedDuration::from_nanos(fraction))
        .unwrap_or(Timestamp::MIN)
}

fn next_second(second: Timestamp) -> Result<Timestamp, Error> {
    second
        .checked_add(SignedDuration::from_secs(1))
        .map_err(|_| ProtocolError::new(CallKind::Query, "the end of time is reached").into())
}
