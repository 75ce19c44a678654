//! The five-calls-at-once gate of a business unit, with the counters tests assert on.

use serde::Serialize;

use super::errors::ApiError;

/// Calls in flight; the HTTP half enters and leaves.
#[derive(Debug, Clone, Serialize)]
pub struct Gate {
    /// How many calls may be in flight at once.
    pub limit: usize,
    /// How many are in flight now.
    pub in_flight: usize,
    /// The most ever seen in flight, refused calls not counted.
    pub most_in_flight: usize,
    /// How many calls were refused with code 66.
    pub refused: u64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            limit: 5,
            in_flight: 0,
            most_in_flight: 0,
            refused: 0,
        }
    }
}

impl Gate {
    /// Lets a call in, or refuses it with code 66.
    pub fn enter(&mut self) -> Result<(), ApiError> {
        if self.in_flight >= self.limit {
            self.refused += 1;
            return Err(ApiError::too_many_in_flight());
        }
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        Ok(())
    }

    /// A call that was let in has ended.
    pub fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn the_sixth_call_is_refused_and_counted() {
        let mut gate = Gate::default();
        for _ in 0..5 {
            gate.enter().unwrap();
        }
        assert_eq!(gate.enter().unwrap_err().code, 66);
        gate.leave();
        gate.enter().unwrap();
        assert_eq!((gate.most_in_flight, gate.refused), (5, 1));
    }
}
