//! A Gaussian Markov random field over the tokens of a row.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, activation::softplus};
use rand::Rng;
use vmd_graph::{Cholesky, DependencyGraph, symmetric_eigenvalues};
use vmd_nn::ParameterInit;

use super::host::standard_normal;
use super::{DeviceKind, HostKind, host};
use crate::LatentDistribution;
use crate::distribution::LN_TAU;

/// `N(0, Q⁻¹)` with `Q = I + λ·L_G` for every channel, over the tokens, with the normalised Laplacian `L_G` of the
/// dependency graph: neighbours are alike, the more the larger `λ ≥ 0` is.
///
/// # Source
///
/// Rue & Held, "Gaussian Markov Random Fields", 2005, §2.2, of which `Q` is the precision matrix.
#[derive(Module, Debug)]
pub(super) struct Markov {
    /// `ρ` with `λ = softplus(ρ)`, `[1]`; absent where `λ` is fixed.
    strength: Option<Param<Tensor<1>>>,
    /// `L_G`, `[n, n]`.
    laplacian: Tensor<2>,
    /// Its eigenvalues, `[n]`.
    eigenvalues: Tensor<1>,
    #[module(skip)]
    fixed: f64,
    #[module(skip)]
    dim: usize,
}

impl Markov {
    /// Over the nodes of `graph`, for `dim` channels, with `λ = strength` at first.
    pub(super) fn new(
        graph: &DependencyGraph,
        dim: usize,
        strength: f64,
        learned: bool,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        let (n, laplacian) = (graph.n_nodes(), graph.normalised_laplacian());
        let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        // The inverse of softplus, exact for large and small ones.
        let inverse = strength + (-(-strength).exp_m1()).ln();
        Self {
            strength: learned.then(|| init.constant([1], inverse as f32)),
            eigenvalues: Tensor::from_data(
                TensorData::new(single(&symmetric_eigenvalues(&laplacian, n)), [n]),
                init.device(),
            ),
            laplacian: Tensor::from_data(TensorData::new(single(&laplacian), [n, n]), init.device()),
            fixed: strength,
            dim,
        }
    }

    /// `λ`, `[1]`.
    fn strength(&self) -> Tensor<1> {
        match &self.strength {
            Some(strength) => softplus(strength.val(), 1.0),
            None => Tensor::full([1], self.fixed, &self.eigenvalues.device()),
        }
    }

    /// `ln det Q = Σ_j ln(1 + λ e_j)`, `[1, 1]`.
    fn log_det(&self) -> Tensor<2> {
        (self.eigenvalues.clone() * self.strength() + 1.0).log().sum().unsqueeze()
    }

    /// `z_dᵀ Q z_d` for every channel `d`, `[batch, dim]`, of `z` of `[batch, n, dim]`.
    fn quadratic(&self, z: &Tensor<3>) -> Tensor<2> {
        let [batch, n, _] = z.dims();
        let laplacian = self.laplacian.clone().unsqueeze::<3>().expand([batch, n, n]);
        let neighbours = laplacian.matmul(z.clone()) * self.strength().unsqueeze::<3>();
        (z.clone() * (z.clone() + neighbours)).sum_dim(1).squeeze_dim(1)
    }
}

impl DeviceKind for Markov {
    /// `½ Σ_d [ln det Q − z_dᵀ Q z_d − n ln 2π]`.
    fn log_density(&self, z: &Tensor<3>, _: Option<&Tensor<3>>) -> Tensor<1> {
        let [_, n, _] = z.dims();
        let per_channel = (self.log_det() - self.quadratic(z) - n as f64 * LN_TAU) * 0.5;
        per_channel.sum_dim(1).squeeze_dim(1)
    }

    /// `½[tr(Q diag σ²_d) + μ_dᵀ Q μ_d − n − ln det Q − Σ_i ln σ²_id]`.
    fn divergence(&self, q: &LatentDistribution, _: &Tensor<3>, _: Option<&Tensor<3>>) -> Tensor<2> {
        let (mean, log_variance) = q.moments();
        let [_, n, _] = mean.dims();
        // A node's own entry of L_G is 1, or 0 if it has no neighbour.
        let own = self.laplacian.clone() * Tensor::eye(n, &mean.device());
        let diagonal = own.sum_dim(1).unsqueeze::<3>() * self.strength().unsqueeze::<3>() + 1.0;
        let diagonal = log_variance.clone().exp() * diagonal - log_variance - 1.0;
        (diagonal.sum_dim(1).squeeze_dim::<2>(1) + self.quadratic(&mean) - self.log_det()) * 0.5
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        let strength: f64 = host(self.strength()).iter().sum();
        let n = self.eigenvalues.dims()[0];
        let mut precision: Vec<f64> = host(self.laplacian.clone());
        precision.iter_mut().for_each(|entry| *entry *= strength);
        precision.iter_mut().step_by(n + 1).for_each(|entry| *entry += 1.0);
        let cholesky = Cholesky::new(&precision, n).expect("I + λ·L_G has no eigenvalue below 1");
        Arc::new(HostMarkov { precision, cholesky, n, dim: self.dim })
    }
}

#[derive(Debug)]
struct HostMarkov {
    /// `Q`, `[n, n]`.
    precision: Vec<f64>,
    cholesky: Cholesky,
    n: usize,
    dim: usize,
}

impl HostKind for HostMarkov {
    fn log_density(&self, z: &[f32], _: &[f64]) -> f64 {
        let of_channel = |channel: usize| -> f64 {
            let z: Vec<f64> = z.iter().skip(channel).step_by(self.dim).map(|&z| f64::from(z)).collect();
            let rows = self.precision.chunks_exact(self.n).zip(&z);
            let quadratic: f64 =
                rows.map(|(row, zi)| zi * row.iter().zip(&z).map(|(q, zj)| q * zj).sum::<f64>()).sum();
            0.5 * (self.cholesky.log_det() - quadratic - self.n as f64 * LN_TAU)
        };
        (0..self.dim).map(of_channel).sum()
    }

    fn sample_into(&self, _: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let mut channel = || {
            let noise: Vec<f64> = (0..self.n).map(|_| standard_normal(rng)).collect();
            self.cholesky.solve_upper(&noise)
        };
        let channels: Vec<Vec<f64>> = (0..self.dim).map(|_| channel()).collect();
        values.extend((0..self.n).flat_map(|node| channels.iter().map(move |z| z[node] as f32)));
    }
}
