//! Eigenvalues of small symmetric matrices.

/// After these an interval is narrower than the rounding of its ends.
const BISECTIONS: usize = 60;

/// The eigenvalues of a symmetric `n × n` matrix, in ascending order.
///
/// Householder reflections make the matrix tridiagonal, Sturm sequences then count how many of its eigenvalues lie below a
/// number, and bisection does the rest: about `4/3·n³` operations, and nothing that might not converge. They are exact
/// to a few ulps of the largest.
///
/// # Shapes
/// `matrix` is `[n, n]`, row-major.
///
/// # Panics
/// If `n` is 0 or `matrix` has not `n²` entries.
///
/// # Source
/// Golub & Van Loan, "Matrix Computations", 4th ed., algorithms 8.3.1 and §8.4.1.
///
/// ```
/// use vmd_graph::{DependencyGraph, symmetric_eigenvalues};
/// let laplacian = DependencyGraph::chain(2)?.normalised_laplacian();
/// let eigenvalues = symmetric_eigenvalues(&laplacian, 2);
/// assert!(eigenvalues[0].abs() < 1e-12 && (eigenvalues[1] - 2.0).abs() < 1e-12);
/// # Ok::<(), vmd_graph::GraphError>(())
/// ```
#[must_use]
pub fn symmetric_eigenvalues(matrix: &[f64], n: usize) -> Vec<f64> {
    assert!(n > 0, "a matrix has at least one row");
    assert_eq!(matrix.len(), n * n, "a matrix of {n} rows and columns");
    let (diagonal, beside) = tridiagonal(matrix.to_vec(), n);
    // Gershgorin: no eigenvalue is farther out.
    let reach = |i: usize| {
        let left = if i == 0 { 0.0 } else { beside[i - 1].abs() };
        left + beside.get(i).map_or(0.0, |entry| entry.abs())
    };
    let low = (0..n).map(|i| diagonal[i] - reach(i)).fold(f64::INFINITY, f64::min);
    let high = (0..n).map(|i| diagonal[i] + reach(i)).fold(f64::NEG_INFINITY, f64::max);
    (0..n)
        .map(|index| {
            let (mut low, mut high) = (low, high);
            for _ in 0..BISECTIONS {
                let middle = 0.5 * (low + high);
                if count_below(&diagonal, &beside, middle) > index { high = middle } else { low = middle }
            }
            0.5 * (low + high)
        })
        .collect()
}

/// Diagonal and first off-diagonal of a tridiagonal matrix with the same eigenvalues.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = Vec::with_capacity(n);
    for k in 0..n.saturating_sub(1) {
        let mut v: Vec<f64> = (k + 1..n).map(|row| a[row * n + k]).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let kept = if v[0] > 0.0 { -length } else { length };
        beside.push(kept);
        v[0] -= kept;
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        // A − v·wᵀ − w·vᵀ on the rest of the matrix.
        let product = |i: usize| -> f64 {
            let row = &a[(k + 1 + i) * n + k + 1..(k + 2 + i) * n];
            row.iter().zip(&v).map(|(a, v)| a * v).sum::<f64>() * 2.0 / square
        };
        let p: Vec<f64> = (0..v.len()).map(product).collect();
        let along = p.iter().zip(&v).map(|(p, v)| p * v).sum::<f64>() / square;
        let w: Vec<f64> = p.iter().zip(&v).map(|(p, v)| p - along * v).collect();
        for i in 0..v.len() {
            let row = &mut a[(k + 1 + i) * n + k + 1..(k + 2 + i) * n];
            for (entry, (wj, vj)) in row.iter_mut().zip(w.iter().zip(&v)) {
                *entry -= v[i] * wj + w[i] * vj;
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), beside)
}

/// Number of eigenvalues below `x`: negative pivots of `T − x·I`.
fn count_below(diagonal: &[f64], beside: &[f64], x: f64) -> usize {
    let mut pivot = 1.0;
    let mut count = 0;
    for (i, entry) in diagonal.iter().enumerate() {
        let square = if i == 0 { 0.0 } else { beside[i - 1] * beside[i - 1] };
        pivot = entry - x - square / pivot;
        if pivot == 0.0 {
            pivot = -f64::MIN_POSITIVE.sqrt();
        }
        count += usize::from(pivot < 0.0);
    }
    count
}
