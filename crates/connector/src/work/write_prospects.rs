//! Move 3, second half: writes prospects, a few at a time, each soon after it was read.
//!
//! Account Engagement has no condition on a write: an entry that is made between our read and our write is
//! overwritten (K4 and reliability 2.3, 12). Of many writes the last would come minutes after the read, so
//! prospects are read again, in bulk, before they are written late; one that has changed is decided again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sync_core::coerce::Service;
use sync_core::decision::{Outcome, ProspectFields};
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;
use sync_core::record::{ProspectRecord, Side, Values};
use sync_core::settle::{WriteFailure, WriteResult};

use super::job::Job;
use super::write::{PROSPECT_WRITE_MARGIN, into_result};
use super::{Round, Seen};
use crate::ports::{ProspectWrite, ProspectWriteTarget, ServiceError, Sides};

/// A prospect that was read longer ago is read again before it is written.
pub const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// How many are read again in one call: about as many as one slot writes within that time.
const READ_AGAIN: usize = 30;

/// The code of an update that was not sent because of that.
pub(super) const CHANGED_SINCE_READ: &str = "CHANGED_SINCE_READ";

/// The writes that were read last, and when.
struct LastRead {
    at: Timestamp,
    /// The writes before this one.
    until: usize,
}

impl Job<'_> {
    /// Writes the prospects of all pairs whose write to Salesforce was not refused.
    pub(super) async fn write_prospects(&mut self, round: &mut Round<'_>, sides: &Sides) {
        let waiting = self.waiting_prospects();
        let mut read = LastRead {
            at: first_read(round, &waiting),
            until: waiting.len(),
        };
        let mut next = 0;
        while next < waiting.len() {
            let end = waiting
                .len()
                .min(next + sides.marketing.calls_at_once().max(1));
            let chunk = &waiting[next..end];
            let now = round.environment.clock.now();
            let is_late = end > read.until || now.duration_since(read.at) > READ_AGAIN_AFTER;
            if is_late && round.may_call(Service::AccountEngagement, PROSPECT_WRITE_MARGIN) {
                read = LastRead {
                    at: now,
                    until: waiting.len().min(next + READ_AGAIN.max(chunk.len())),
                };
                self.read_again(round, sides, &waiting[next..read.until])
                    .await;
            }
            let margin = PROSPECT_WRITE_MARGIN;
            if let Some(unsent) = round.unsent(Service::AccountEngagement, margin, chunk.len()) {
                for (index, _) in chunk {
                    self.results[*index].prospect = WriteResult::Failed(unsent.clone());
                }
                next = end;
                continue;
            }
            let chunk: Vec<&(usize, ProspectWrite)> = chunk
                .iter()
                .filter(|(index, _)| self.results[*index].prospect == WriteResult::NotNeeded)
                .collect();
            self.write_prospects_at_once(round, sides, &chunk).await;
            next = end;
        }
    }

    fn waiting_prospects(&mut self) -> Vec<(usize, ProspectWrite)> {
        let mut waiting = Vec::new();
        for index in self.open_pairs() {
            let Some(write) = prospect_write(&self.decisions[index].outcome, self.token(index))
            else {
                continue;
            };
            if matches!(self.results[index].crm, WriteResult::Failed(_)) {
                self.results[index].prospect = WriteResult::NotTried;
            } else {
                waiting.push((index, write));
            }
        }
        waiting
    }

    /// Takes out the updates of prospects that are not any more what the decision knew. New prospects and
    /// moves overwrite no entry.
    async fn read_again(
        &mut self,
        round: &mut Round<'_>,
        sides: &Sides,
        writes: &[(usize, ProspectWrite)],
    ) {
        let updates = writes
            .iter()
            .filter_map(|(index, write)| match write.target {
                ProspectWriteTarget::Update(id) => Some((*index, id)),
                _ => None,
            });
        let updates: BTreeMap<usize, ProspectId> = updates.collect();
        if updates.is_empty() {
            return;
        }
        let ids: Vec<ProspectId> = updates.values().copied().collect();
        let mut read = sides.marketing.read(&round.configured.config, &ids).await;
        for (index, id) in updates {
            let failure = match &mut read {
                Ok(read) => self.changed_since_read(index, read.remove(&id)),
                Err(error) => Some(unread(error)),
            };
            if let Some(failure) = failure {
                round.note_refusal(&failure);
                self.results[index].prospect = WriteResult::Failed(failure);
            }
        }
    }

    /// Why the prospect is not written on the decision that was made, if it has changed.
    fn changed_since_read(
        &mut self,
        index: usize,
        read: Option<Side<ProspectRecord>>,
    ) -> Option<WriteFailure> {
        let known = self.pairs.pairs[index].prospect_of(&self.decisions[index]);
        if let Some(Side::Present(read)) = read {
            if known.is_some_and(|known| shows_the_same(known, &read)) {
                return None;
            }
            self.changed.insert(index, read);
        }
        Some(changed_since_read())
    }

    async fn write_prospects_at_once(
        &mut self,
        round: &mut Round<'_>,
        sides: &Sides,
        chunk: &[&(usize, ProspectWrite)],
    ) {
        if chunk.is_empty() {
            return;
        }
        let writes: Vec<ProspectWrite> = chunk.iter().map(|(_, write)| write.clone()).collect();
        let now = round.environment.clock.now();
        let answers = sides
            .marketing
            .write(&round.configured.config, &writes)
            .await;
        for (position, (index, _)) in chunk.iter().enumerate() {
            let answer = answers.get(position).cloned().map(|answer| {
                answer.map(|written| {
                    let pair = &self.pairs.pairs[*index];
                    let read = pair.prospect_of(&self.decisions[*index]);
                    let is_stale = shows_unread_values(read, &written.unwritten);
                    round.report.stale_overwrite_risk += u64::from(is_stale);
                    let seen = written.record.map(|record| Seen { record, at: now });
                    round.seen.extend(seen.map(|seen| (written.id, seen)));
                    self.results[*index].is_marked = written.is_marked;
                    written.id
                })
            });
            if let Some(Err(failure)) = &answer {
                round.note_refusal(failure);
            }
            self.results[*index].prospect = into_result(answer, Service::AccountEngagement);
        }
    }
}

/// When the first of these prospects was read: some are known from a reply of the round before.
fn first_read(round: &Round<'_>, waiting: &[(usize, ProspectWrite)]) -> Timestamp {
    let known_since = waiting.iter().filter_map(|(_, write)| match write.target {
        ProspectWriteTarget::Update(id) => round.created.get(&id),
        _ => None,
    });
    known_since.fold(round.read_at, |first, at| first.min(*at))
}

/// Whether the answer to an update shows a value that the decision did not know: somebody edited the
/// prospect meanwhile, or the read was older than the edit (K4).
fn shows_unread_values(read: Option<&ProspectRecord>, unwritten: &Values) -> bool {
    let Some(read) = read else { return false };
    unwritten
        .iter()
        .any(|(field, value)| read.values.get(field).is_some_and(|seen| seen != value))
}

fn prospect_write(outcome: &Outcome, token: String) -> Option<ProspectWrite> {
    match outcome {
        Outcome::Update {
            prospect,
            to_prospect,
            ..
        } if !to_prospect.is_empty() => Some(ProspectWrite {
            target: ProspectWriteTarget::Update(*prospect),
            fields: to_prospect.clone(),
            token,
        }),
        Outcome::CreateProspect { fields } => Some(ProspectWrite {
            target: ProspectWriteTarget::Create,
            fields: fields.clone(),
            token,
        }),
        Outcome::Retire {
            prospect,
            marks,
            recycles,
            ..
        } => Some(ProspectWrite {
            target: if *recycles {
                ProspectWriteTarget::Recycle(*prospect)
            } else {
                ProspectWriteTarget::Mark(*prospect)
            },
            fields: ProspectFields {
                marks_crm_deleted: marks.is_some(),
                ..ProspectFields::default()
            },
            token,
        }),
        Outcome::Restore { prospect, .. } => Some(ProspectWrite {
            target: ProspectWriteTarget::Restore(*prospect),
            fields: ProspectFields::default(),
            token,
        }),
        _ => None,
    }
}

/// Whether the read shows what was known, whatever else has touched the prospect.
fn shows_the_same(known: &ProspectRecord, read: &ProspectRecord) -> bool {
    let touched = ProspectRecord {
        updated: read.updated,
        ..known.clone()
    };
    touched == *read
}

/// It is decided again at once, like an update that Salesforce refused for the same reason.
fn changed_since_read() -> WriteFailure {
    WriteFailure {
        service: Service::AccountEngagement,
        class: ErrorClass::Stale,
        code: CHANGED_SINCE_READ.to_owned(),
        fields: Vec::new(),
        message: "not sent, because the prospect has changed since it was read".to_owned(),
        may_have_landed: false,
    }
}

fn unread(error: &ServiceError) -> WriteFailure {
    WriteFailure {
        service: error.service,
        class: error.class,
        code: error.code.clone(),
        fields: Vec::new(),
        message: format!(
            "not sent, because it could not be read again: {}",
            error.message
        ),
        may_have_landed: false,
    }
}
