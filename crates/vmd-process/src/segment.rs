//! Straight pieces of a schedule.

use crate::ScheduleError;

/// One straight piece of a schedule between two knots `(t, alpha)`.
pub(crate) struct Segment {
    pub(crate) start: (f64, f64),
    pub(crate) end: (f64, f64),
}

impl Segment {
    pub(crate) fn slope(&self) -> f64 {
        (self.end.1 - self.start.1) / (self.end.0 - self.start.0)
    }

    pub(crate) fn alpha(&self, t: f64) -> f64 {
        self.mix(t, self.start.1, self.end.1)
    }

    pub(crate) fn mask_ratio(&self, t: f64) -> f64 {
        self.mix(t, 1.0 - self.start.1, 1.0 - self.end.1)
    }

    /// A weighted mean instead of start plus slope, because it is exact at both knots.
    fn mix(&self, t: f64, at_start: f64, at_end: f64) -> f64 {
        let share = (t - self.start.0) / (self.end.0 - self.start.0);
        (1.0 - share) * at_start + share * at_end
    }

    pub(crate) fn time(&self, alpha: f64) -> f64 {
        self.end.0 + (alpha - self.end.1) / self.slope()
    }
}

/// Checks that knots lead from `(0, 1)` to `(1, 0)`, forward in `t` and down in alpha.
pub(crate) fn validate_knots(knots: &[(f64, f64)]) -> Result<(), ScheduleError> {
    for (end, knot, expected) in [("first", knots.first(), (0.0, 1.0)), ("last", knots.last(), (1.0, 0.0))] {
        if knot != Some(&expected) {
            return Err(ScheduleError::KnotEnd { end, expected });
        }
    }
    for (index, pair) in knots.windows(2).enumerate() {
        // Written positively: a NaN fails the comparison.
        let ordered = pair[1].0 > pair[0].0 && pair[1].1 < pair[0].1;
        if !ordered {
            return Err(ScheduleError::KnotOrder { index: index + 1, knot: pair[1] });
        }
    }
    Ok(())
}
