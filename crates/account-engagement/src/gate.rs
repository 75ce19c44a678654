//! At most so many calls at once: the service refuses the sixth call of a business unit (apis K5).

use tokio::sync::{Semaphore, SemaphorePermit};

/// The most calls we make at once. The service allows five; we leave one for humans.
pub const MAX_SLOTS: usize = 4;

/// Lets a call in when one of its slots is free, first come first served.
#[derive(Debug)]
pub(crate) struct Gate {
    width: usize,
    slots: Semaphore,
}

impl Gate {
    /// A gate with this many slots, at least one and at most [`MAX_SLOTS`].
    pub(crate) fn new(slots: usize) -> Self {
        let width = slots.clamp(1, MAX_SLOTS);
        Self {
            width,
            slots: Semaphore::new(width),
        }
    }

    /// How many slots there are.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Waits for a slot; it is free again when the permit is dropped.
    pub(crate) async fn enter(&self) -> SemaphorePermit<'_> {
        self.slots
            .acquire()
            .await
            .expect("nobody closes the semaphore of a gate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_slots_is_clamped() {
        assert_eq!(Gate::new(0).slots.available_permits(), 1);
        assert_eq!(Gate::new(3).slots.available_permits(), 3);
        assert_eq!(Gate::new(50).slots.available_permits(), MAX_SLOTS);
    }
}
