//! The fifth Account Engagement call of a business unit: the poller and the reconciler use it in turns.
//!
//! Four workers and one more may call at once (docs/decisions/0010). Each of the two runs at most once
//! at a time, so a turn that is taken again is one that a dead process left behind.

use jiff::{SignedDuration, Timestamp};
use sync_core::ids::BusinessUnit;

use crate::environment::Environment;
use crate::ports::{Holder, StoreError, Turn};

/// How long a poll may take (template.yaml, `Timeout` of the poller): a dead one keeps its turn this long.
pub const POLL_TURN: SignedDuration = SignedDuration::from_secs(600);

/// Takes the turn; whether it was free. Nothing of the business unit may be called without it.
pub(crate) async fn take(
    environment: &Environment,
    unit: &BusinessUnit,
    holder: Holder,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let turn = Turn { holder, until };
    let taken = environment
        .state
        .put_turn(unit, &turn, environment.clock.now());
    match taken.await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives the turn back. When that fails it ends by itself.
pub(crate) async fn give_back(environment: &Environment, unit: &BusinessUnit, holder: Holder) {
    let now = environment.clock.now();
    let over = Turn { holder, until: now };
    if let Err(error) = environment.state.put_turn(unit, &over, now).await {
        tracing::warn!(%unit, %error, "A turn was not given back, it ends by itself.");
    }
}
