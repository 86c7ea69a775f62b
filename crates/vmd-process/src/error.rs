//! What can be wrong with a configured schedule.

/// A [`NoiseSchedule`](crate::NoiseSchedule) whose parameters do not make `α` fall from 1 to 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The exponent of the polynomial schedule is not a positive finite number.
    #[error("polynomial schedule: exponent {exponent} is out of range; give a finite number above 0")]
    Exponent {
        /// The offending value.
        exponent: f64,
    },
    /// The epsilon of the log-linear schedule is not inside (0, 1).
    #[error(
        "log-linear schedule: epsilon {epsilon} is out of range; give a number between 0 and 1, such as 1e-3"
    )]
    Epsilon {
        /// The offending value.
        epsilon: f64,
    },
    /// The piecewise-linear schedule lacks one of its two ends.
    #[error("piecewise-linear schedule: the {end} knot must be {expected:?}; add it to `knots`")]
    KnotEnd {
        /// `"first"` or `"last"`.
        end: &'static str,
        /// The required `(t, alpha)`.
        expected: (f64, f64),
    },
    /// Two neighbouring knots do not go forward in time and down in alpha.
    #[error(
        "piecewise-linear schedule: knot {index} is {knot:?}, which is not later in t and lower in alpha than the \
         knot before it; sort `knots` by t and make alpha strictly decrease"
    )]
    KnotOrder {
        /// Position of the offending knot in the list.
        index: usize,
        /// The offending `(t, alpha)`.
        knot: (f64, f64),
    },
}
