//! What happens to a call between a process and a service.

use sync_core::coerce::Service;
use sync_core::error::ErrorClass;
use sync_core::settle::WriteFailure;

use connector::ports::ServiceError;

use crate::allowance::Charge;
use crate::kernel::{Inner, Millis, Sim};

/// How long after its sender gave up a write may land at the latest.
const LATEST_LANDING: Millis = 60_000;

/// What becomes of a write.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// It lands, and the reply arrives.
    Answered {
        /// When it lands.
        lands_after: Millis,
        /// When the reply arrives.
        waits: Millis,
    },
    /// It is refused; nothing lands.
    Refused {
        /// Why.
        class: ErrorClass,
        /// When the refusal arrives.
        waits: Millis,
    },
    /// It lands some time, and its sender never learns.
    Unknown {
        /// When it lands; it may be never.
        lands_after: Option<Millis>,
        /// How long the sender waits.
        waits: Millis,
    },
}

impl Fate {
    /// When it lands, if it does.
    #[must_use]
    pub fn lands_after(&self) -> Option<Millis> {
        match self {
            Self::Answered { lands_after, .. } => Some(*lands_after),
            Self::Refused { .. } => None,
            Self::Unknown { lands_after, .. } => *lands_after,
        }
    }

    /// How long its sender waits.
    #[must_use]
    pub fn waits(&self) -> Millis {
        match self {
            Self::Answered { waits, .. }
            | Self::Refused { waits, .. }
            | Self::Unknown { waits, .. } => *waits,
        }
    }
}

/// How long the clients of each service wait for an answer.
#[must_use]
pub fn timeout(service: Service) -> Millis {
    match service {
        Service::Salesforce => 60_000,
        Service::AccountEngagement => 25_000,
    }
}

/// Draws the fate of a write whose sender waits for so long at most.
pub fn fate(inner: &mut Inner, service: Service, timeout: Millis) -> Fate {
    let faults = inner.faults;
    let quick = inner.rng.i64(20..=400);
    if let Some(class) = refused(inner, service) {
        return Fate::Refused {
            class,
            waits: quick,
        };
    }
    if inner.happens(faults.lose_reply) {
        // The connection is cut: sometimes before the request arrived.
        let lands_after = inner.rng.bool().then_some(quick);
        return Fate::Unknown {
            lands_after,
            waits: quick + 50,
        };
    }
    if inner.happens(faults.late) {
        let lands_after = inner.rng.i64(1_000..=timeout + LATEST_LANDING);
        let waits = timeout.min(lands_after + 5);
        return if lands_after < waits {
            Fate::Answered { lands_after, waits }
        } else {
            Fate::Unknown {
                lands_after: Some(lands_after),
                waits,
            }
        };
    }
    Fate::Answered {
        lands_after: quick,
        waits: quick + inner.rng.i64(1..=100),
    }
}

/// Why a service takes no write, if it does not: an outage, a lock, a log-in that is not valid any more.
fn refused(inner: &mut Inner, service: Service) -> Option<ErrorClass> {
    let faults = inner.faults;
    let is_out = faults.on && faults.outage && service == Service::Salesforce;
    if is_out || inner.happens(faults.refuse) {
        Some(match service {
            Service::Salesforce => ErrorClass::Transient,
            Service::AccountEngagement => ErrorClass::Throttled,
        })
    } else if inner.happens(faults.auth) {
        Some(ErrorClass::Auth)
    } else {
        None
    }
}

/// Charges a call; answers whether it is one too many. Its sender must not have known.
pub fn is_used_up(inner: &mut Inner, service: Service) -> bool {
    let (task, now) = (inner.current, inner.now);
    let charge = inner.world.allowances.of(service).charge(task, now);
    if charge == Charge::Known {
        inner.violate(format!(
            "over quota: a call to {service} that its sender knew to be one too many"
        ));
    }
    charge != Charge::Taken
}

/// The sender of a call that was one too many is told so.
pub fn refuse(sim: &Sim, service: Service) {
    let mut inner = sim.lock();
    let task = inner.current;
    inner.world.allowances.of(service).note_refusal(task);
}

/// The way to a service; answers why it did not get there.
pub async fn ask(sim: &Sim, service: Service) -> Option<ServiceError> {
    let (millis, class) = {
        let mut inner = sim.lock();
        let faults = inner.faults;
        let class = if inner.happens(faults.auth) {
            Some(ErrorClass::Auth)
        } else if inner.happens(faults.refuse) {
            Some(ErrorClass::Transient)
        } else {
            None
        };
        (inner.rng.i64(5..=200), class)
    };
    sim.sleep(millis).await;
    class.map(|class| failed(service, class))
}

/// The way back.
pub async fn answer(sim: &Sim, service: Service) {
    let millis = {
        let mut inner = sim.lock();
        let faults = inner.faults;
        let longest = if faults.slow {
            timeout(service)
        } else {
            20_000
        };
        if inner.happens(faults.late) {
            inner.rng.i64(1_000..longest)
        } else {
            inner.rng.i64(5..=200)
        }
    };
    sim.sleep(millis).await;
}

/// A call that failed.
#[must_use]
pub fn failed(service: Service, class: ErrorClass) -> ServiceError {
    ServiceError {
        service,
        class,
        code: format!("{class:?}"),
        message: "simulated".to_owned(),
    }
}

/// A write that failed.
#[must_use]
pub fn write_failure(
    service: Service,
    class: ErrorClass,
    code: &str,
    may_have_landed: bool,
) -> WriteFailure {
    WriteFailure {
        service,
        class,
        code: code.to_owned(),
        fields: Vec::new(),
        message: "simulated".to_owned(),
        may_have_landed,
    }
}
