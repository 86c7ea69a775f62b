//! The Laplacian and the Cholesky factorisation.

use proptest::prelude::*;
use vmd_graph::{Cholesky, DependencyGraph, GraphError, symmetric_eigenvalues};

fn any_graph() -> impl Strategy<Value = DependencyGraph> {
    (1_usize..14).prop_flat_map(|n| {
        prop::collection::vec((0..n, 0..n), 0..40).prop_map(move |mut edges| {
            edges.retain(|(a, b)| a != b);
            DependencyGraph::from_edges(n, [("t", edges)]).expect("valid edges")
        })
    })
}

/// `I + λ·L_G`.
fn precision(graph: &DependencyGraph, lambda: f64) -> Vec<f64> {
    let n = graph.n_nodes();
    let mut q: Vec<f64> = graph.normalised_laplacian().iter().map(|entry| lambda * entry).collect();
    (0..n).for_each(|i| q[i * n + i] += 1.0);
    q
}

fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks(x.len()).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
}

proptest! {
    #[test]
    fn laplacian_is_symmetric_and_kills_root_degrees(graph in any_graph()) {
        let n = graph.n_nodes();
        let laplacian = graph.normalised_laplacian();
        prop_assert!((0..n * n).all(|k| laplacian[k] == laplacian[k % n * n + k / n]));
        let roots: Vec<f64> = (0..n).map(|node| (graph.degree(node) as f64).sqrt()).collect();
        // A dozen roundings of numbers below 4.
        prop_assert!(times(&laplacian, &roots).iter().all(|entry| entry.abs() < 1e-13));
        for node in (0..n).filter(|&node| graph.degree(node) == 0) {
            prop_assert!(laplacian[node * n..(node + 1) * n].iter().all(|&entry| entry == 0.0));
        }
    }

    #[test]
    fn laplacian_has_eigenvalues_from_zero_to_two(graph in any_graph(), x in prop::collection::vec(-1.0..1.0, 14)) {
        let x: &[f64] = &x[..graph.n_nodes()];
        let norm: f64 = x.iter().map(|v| v * v).sum();
        let form: f64 = times(&graph.normalised_laplacian(), x).iter().zip(x).map(|(a, b)| a * b).sum();
        prop_assert!(form > -1e-12 && form < 2.0 * norm + 1e-12);
    }

    #[test]
    fn eigenvalues_have_the_determinant_of_the_factor(graph in any_graph(), lambda in 0.0..50.0) {
        let n = graph.n_nodes();
        let eigenvalues = symmetric_eigenvalues(&graph.normalised_laplacian(), n);
        prop_assert!(eigenvalues.is_sorted());
        let log_det: f64 = eigenvalues.iter().map(|e| f64::ln_1p(lambda * e)).sum();
        let cholesky = Cholesky::new(&precision(&graph, lambda), n).unwrap();
        // A dozen roundings of eigenvalues below 2, fifty times over.
        prop_assert!((log_det - cholesky.log_det()).abs() < 1e-11);
    }

    #[test]
    fn cholesky_reconstructs_and_solves(
        graph in any_graph(), lambda in 0.0..50.0, x in prop::collection::vec(-1.0..1.0, 14),
    ) {
        let n = graph.n_nodes();
        let q = precision(&graph, lambda);
        let cholesky = Cholesky::new(&q, n).unwrap();
        let lower = cholesky.lower();
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let entry: f64 = (0..n).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            // Entries are at most 51; a dozen roundings.
            prop_assert!((entry - q[i * n + j]).abs() < 1e-12);
            prop_assert!(j <= i || lower[i * n + j] == 0.0);
        }
        let x = &x[..n];
        // The condition number is at most 1 + 2·50.
        let close = |found: &[f64]| found.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-11);
        prop_assert!(close(&cholesky.solve(&times(&q, x))));
        prop_assert!(close(&cholesky.solve_lower(&times(lower, x))));
        let upper: Vec<f64> = (0..n * n).map(|k| lower[k % n * n + k / n]).collect();
        prop_assert!(close(&cholesky.solve_upper(&times(&upper, x))));
    }
}

#[test]
fn log_determinant_of_known_graphs() {
    let log_det = |graph: DependencyGraph, lambda: f64| {
        Cholesky::new(&precision(&graph, lambda), graph.n_nodes()).unwrap().log_det()
    };
    // Complete graph: eigenvalues of L_G are 0 once and n/(n−1) otherwise, so det Q = (1 + λ·n/(n−1))^(n−1).
    let expected = 4.0 * (1.0 + 2.0 * 5.0 / 4.0_f64).ln();
    assert!((log_det(DependencyGraph::complete(5).unwrap(), 2.0) - expected).abs() < 1e-12);
    // Path of three: eigenvalues 0, 1, 2.
    let expected = 1.5_f64.ln() + 2.0_f64.ln();
    assert!((log_det(DependencyGraph::chain(3).unwrap(), 0.5) - expected).abs() < 1e-12);
    assert_eq!(log_det(DependencyGraph::chain(7).unwrap(), 0.0), 0.0);
}

#[test]
fn no_factor_of_an_indefinite_matrix() {
    let error = |matrix: &[f64]| Cholesky::new(matrix, 2).unwrap_err();
    assert!(matches!(error(&[1.0, 2.0, 2.0, 1.0]), GraphError::NotPositiveDefinite { row: 1 }));
    assert!(matches!(error(&[f64::NAN, 0.0, 0.0, 1.0]), GraphError::NotPositiveDefinite { row: 0 }));
    assert!(matches!(error(&[f64::INFINITY, 0.0, 0.0, 1.0]), GraphError::NotPositiveDefinite { row: 0 }));
}

#[test]
fn eigenvalues_of_known_graphs() {
    let eigenvalues =
        |graph: &DependencyGraph| symmetric_eigenvalues(&graph.normalised_laplacian(), graph.n_nodes());
    // Complete: 0 once, n/(n − 1) for the rest. A path of n nodes: 1 − cos(πk/(n − 1)). Isolated nodes: 0.
    let complete = eigenvalues(&DependencyGraph::complete(7).unwrap());
    let wanted_complete: Vec<f64> = (0..7).map(|k| if k == 0 { 0.0 } else { 7.0 / 6.0 }).collect();
    let path = eigenvalues(&DependencyGraph::chain(40).unwrap());
    let wanted_path: Vec<f64> =
        (0..40).map(|k| 1.0 - (std::f64::consts::PI * f64::from(k) / 39.0).cos()).collect();
    let alone = eigenvalues(&DependencyGraph::chain(1).unwrap());
    for (found, wanted) in [(complete, wanted_complete), (path, wanted_path), (alone, vec![0.0])] {
        // Some ulps of 2 for every row.
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {wanted:?}");
    }
}
