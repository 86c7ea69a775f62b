//! Distance of random grids from uniform: the figures in the documentation of
//! [`random_grid`](super::random_grid).
//!
//! Given the diagonal boxes, the search returns a grid with probability `Π 1/b` over its choices,
//! where `b` is the number of digits that lead to a solution. So `Π b` is the importance weight for
//! the uniform distribution. Its mean is the number of grids per filled diagonal, which is known
//! for 6×6 and 9×9.

use vmd_core::{Purpose, index_below, keyed_rng};

use super::random::{fill_diagonal, nth_bit};
use super::solve::{Move, Search};
use super::{Grid, Layout};

/// `Π b` of one random grid before the permutations, which can only reduce the distance from
/// uniform.
fn weight(layout: Layout, index: u64) -> f64 {
    let mut rng = keyed_rng(7, index, Purpose::Data);
    let mut cells = Grid::blank(layout).cells().to_vec();
    fill_diagonal(layout, &mut cells, &mut rng);
    let mut search = Search::new(&Grid::from_cells(layout, cells)).expect("diagonal boxes share no unit");
    let mut weight = 1.0;
    loop {
        let (index, candidates) = match search.next_move() {
            Move::Done => return weight,
            Move::Dead => return 0.0,
            Move::Try(index, candidates) => (index, candidates),
        };
        let cell = search.blank.swap_remove(index);
        let digits = (0..layout.size() as u32).filter(|digit| candidates & (1 << digit) != 0);
        let leads_on = |&digit: &u32| {
            search.cells[cell] = digit as u8;
            super::solve(&Grid::from_cells(layout, search.cells.clone()), 1).count == 1
        };
        let live = digits.filter(leads_on).fold(0_u32, |bits, digit| bits | 1 << digit);
        if live == 0 {
            return 0.0;
        }
        weight *= f64::from(live.count_ones());
        let digit = nth_bit(live, index_below(&mut rng, live.count_ones() as usize));
        search.cells[cell] = digit as u8;
        search.toggle(cell, 1 << digit);
    }
}

/// Mean weight, total variation distance from uniform, and effective share of the samples.
fn distance(layout: Layout, n: u64) -> [f64; 3] {
    let weights: Vec<f64> = (0..n).map(|index| weight(layout, index)).collect();
    let mean = weights.iter().sum::<f64>() / n as f64;
    let variation = weights.iter().map(|w| (w / mean - 1.0).abs()).sum::<f64>() / (2.0 * n as f64);
    let square = weights.iter().map(|w| (w / mean).powi(2)).sum::<f64>() / n as f64;
    [mean, variation, 1.0 / square]
}

#[test]
fn the_mean_weight_is_the_known_number_of_grids() {
    // There are 28 200 960 grids of 6×6, and 6! ways to fill each of the two boxes on the diagonal.
    let [mean, variation, effective] = distance(Layout::new(2, 3).unwrap(), 2_000);
    let expected = 28_200_960.0 / 720_f64.powi(2);
    assert!((mean / expected - 1.0).abs() < 0.05, "{mean} instead of {expected}");
    assert!(variation < 0.25 && effective > 0.7, "{variation} {effective}");
}

#[test]
#[ignore = "a measurement"]
fn measure() {
    for (rows, columns, n, expected) in [
        (2, 3, 100_000, 28_200_960.0 / 720_f64.powi(2)),
        (3, 3, 50_000, 6_670_903_752_021_072_936_960.0 / 362_880_f64.powi(3)),
    ] {
        let [mean, variation, effective] = distance(Layout::new(rows, columns).unwrap(), n);
        println!(
            "{rows}x{columns}: mean {mean:.1} (known {expected:.1}), TV {variation:.4}, effective {effective:.4}"
        );
    }
}
