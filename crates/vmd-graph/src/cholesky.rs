//! Dense Cholesky factorisation of small symmetric matrices.

use crate::GraphError;

/// The factor `L` of a symmetric positive definite `A = L·Lᵀ`.
///
/// ```
/// use vmd_graph::{Cholesky, DependencyGraph};
/// // Q = I + λ·L_G of two tied nodes with λ = 1: eigenvalues 1 and 3.
/// let mut q = DependencyGraph::chain(2)?.normalised_laplacian();
/// q[0] += 1.0;
/// q[3] += 1.0;
/// let cholesky = Cholesky::new(&q, 2)?;
/// assert!((cholesky.log_det() - 3.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), vmd_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises the `n × n` matrix, of which only the lower triangle is read.
    ///
    /// # Shapes
    /// `matrix` is `[n, n]`, row-major.
    ///
    /// # Errors
    /// [`GraphError::NotPositiveDefinite`] if a pivot is not positive (or not a number).
    ///
    /// # Panics
    /// If `n` is 0 or `matrix` has not `n²` entries.
    pub fn new(matrix: &[f64], n: usize) -> Result<Self, GraphError> {
        assert!(n > 0, "a matrix has at least one row");
        assert_eq!(matrix.len(), n * n, "a matrix of {n} rows and columns");
        let mut lower = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let known = dot(&lower[row * n..row * n + column], &lower[column * n..column * n + column]);
                let rest = matrix[row * n + column] - known;
                lower[row * n + column] = if column < row {
                    rest / lower[column * n + column]
                } else if rest > 0.0 && rest.is_finite() {
                    rest.sqrt()
                } else {
                    return Err(GraphError::NotPositiveDefinite { row });
                };
            }
        }
        Ok(Self { n, lower })
    }

    /// The factor `L`, with zeros above the diagonal.
    ///
    /// # Shapes
    /// `[n, n]`, row-major.
    #[must_use]
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// `log det A`, in nats.
    #[must_use]
    pub fn log_det(&self) -> f64 {
        (0..self.n).map(|i| 2.0 * self.lower[i * self.n + i].ln()).sum()
    }

    /// Solves `L·x = b`.
    ///
    /// # Panics
    /// If `b` has not `n` entries.
    #[must_use]
    pub fn solve_lower(&self, b: &[f64]) -> Vec<f64> {
        assert_eq!(b.len(), self.n, "one right-hand side entry per row");
        let mut x = Vec::with_capacity(self.n);
        for (i, row) in self.lower.chunks_exact(self.n).enumerate() {
            x.push((b[i] - dot(&row[..i], &x)) / row[i]);
        }
        x
    }

    /// Solves `Lᵀ·x = b`; with `b ~ N(0, I)` the result has the covariance `A⁻¹`.
    ///
    /// # Panics
    /// If `b` has not `n` entries.
    #[must_use]
    pub fn solve_upper(&self, b: &[f64]) -> Vec<f64> {
        assert_eq!(b.len(), self.n, "one right-hand side entry per row");
        let mut x = b.to_vec();
        for (i, row) in self.lower.chunks_exact(self.n).enumerate().rev() {
            x[i] /= row[i];
            let solved = x[i];
            for (entry, factor) in x.iter_mut().zip(&row[..i]) {
                *entry -= factor * solved;
            }
        }
        x
    }

    /// Solves `A·x = b`.
    ///
    /// # Panics
    /// If `b` has not `n` entries.
    #[must_use]
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.solve_upper(&self.solve_lower(b))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
