//! Tests of log-probability arithmetic.

use proptest::prelude::*;
use vmd_core::{log_mean_exp, log_softmax, log_sum_exp};

proptest! {
    #[test]
    fn probabilities_sum_to_one(logits in prop::collection::vec(-700.0..700.0_f64, 1..20)) {
        let mut log_p = logits.clone();
        log_softmax(&mut log_p);
        // Tolerance: rounding errors of logits of order 700 and of a sum of up to 20 terms.
        prop_assert!((log_p.iter().map(|log_p| log_p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
        let shift = logits[0] - log_p[0];
        prop_assert!((shift - log_sum_exp(&logits)).abs() < 1e-12);
        let mean = log_mean_exp(&logits) + (logits.len() as f64).ln();
        prop_assert!((mean - log_sum_exp(&logits)).abs() < 1e-12);
    }
}

#[test]
fn extremes_do_not_overflow() {
    assert_eq!(log_sum_exp(&[1000.0, 1000.0]), 1000.0 + 2f64.ln());
    assert_eq!(log_mean_exp(&[-1e300, -1e300]), -1e300);
}
