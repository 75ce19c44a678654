//! Sets when a message that was not finished comes again. By itself it would stay away for the queue's
//! whole visibility time-out, and its group with it.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use jiff::SignedDuration;
use sync_core::hint::retry_delay;
use sync_core::ids::BusinessUnit;

use crate::messages::Receipt;
use crate::queue::QueueUrls;

/// Changes the visibility of messages in the worker's own lanes.
pub struct PutBack {
    client: Client,
    urls: QueueUrls,
}

impl PutBack {
    /// For these lanes.
    #[must_use]
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    /// Puts the failed messages of an event back. A message of a business unit in `at_least` waits that
    /// long, because its day's allowance is used up. A refusal is only logged: then the message comes again
    /// later, after the visibility time-out.
    pub async fn put_back(
        &self,
        failed: &[String],
        receipts: &BTreeMap<String, Receipt>,
        at_least: &BTreeMap<BusinessUnit, SignedDuration>,
    ) {
        for message_id in failed {
            let Some(receipt) = receipts.get(message_id) else {
                continue;
            };
            let delay = retry_delay(receipt.deliveries);
            let delay = delay.max(least_wait(&receipt.group, at_least)).as_secs();
            let changed = self
                .client
                .change_message_visibility()
                .queue_url(self.url_of(&receipt.queue))
                .receipt_handle(&receipt.handle)
                .visibility_timeout(i32::try_from(delay).unwrap_or(i32::MAX))
                .send()
                .await;
            if let Err(error) = changed {
                let code = error.code().unwrap_or("no answer").to_owned();
                tracing::warn!(
                    message_id,
                    code,
                    "The message comes again later than planned."
                );
            }
        }
    }

    /// The lane with this ARN: both end in the queue's name.
    fn url_of(&self, arn: &str) -> &str {
        let name = arn.rsplit(':').next().unwrap_or(arn);
        let is_priority = self.urls.priority.rsplit('/').next() == Some(name);
        if is_priority {
            &self.urls.priority
        } else {
            &self.urls.bulk
        }
    }
}

/// How long a message of this group stays away at least.
fn least_wait(group: &str, waits: &BTreeMap<BusinessUnit, SignedDuration>) -> SignedDuration {
    let of_group = |unit: &BusinessUnit| {
        let shard = group.strip_prefix(unit.as_str());
        shard.is_some_and(|shard| shard.starts_with('-'))
    };
    let wait = waits.iter().find(|(unit, _)| of_group(unit));
    wait.map_or(SignedDuration::ZERO, |(_, wait)| *wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_for_the_calls_of_its_own_business_unit_only() {
        let unit = |id: &str| id.parse::<BusinessUnit>().unwrap();
        let (first, second) = (unit("0Uv000000000001CAA"), unit("0Uv000000000002CAA"));
        let hours = SignedDuration::from_hours(6);
        let waits = BTreeMap::from([(first.clone(), hours)]);
        assert_eq!(least_wait(&format!("{first}-1"), &waits), hours);
        assert!(least_wait(&format!("{second}-1"), &waits).is_zero());
    }

    #[test]
    fn a_message_goes_back_to_the_lane_it_came_from() {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .build();
        let url = |name: &str| format!("https://sqs.eu-central-1.amazonaws.com/1/{name}");
        let urls = QueueUrls {
            priority: url("s-changes-priority.fifo"),
            bulk: url("s-changes-bulk.fifo"),
            ..QueueUrls::default()
        };
        let put_back = PutBack::new(Client::from_conf(config), urls.clone());
        let arn = |name: &str| format!("arn:aws:sqs:eu-central-1:1:{name}");
        assert_eq!(
            put_back.url_of(&arn("s-changes-priority.fifo")),
            urls.priority
        );
        assert_eq!(put_back.url_of(&arn("s-changes-bulk.fifo")), urls.bulk);
    }
}
