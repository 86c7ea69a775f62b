//! Rows in memory.

use std::collections::BTreeSet;

use vmd_core::DataSource;
use vmd_data::{RowSource, RowsError};

fn rows(n: u32) -> Vec<Vec<u32>> {
    (0..n).map(|i| vec![i, i + 1]).collect()
}

fn first_tokens(source: &RowSource, indices: std::ops::Range<u64>) -> Vec<u32> {
    let mut tokens = [0; 2];
    let first = |index| {
        source.fill(index, &mut tokens);
        assert_eq!(tokens[1], tokens[0] + 1);
        tokens[0]
    };
    indices.map(first).collect()
}

#[test]
fn a_tenth_is_held_out_and_an_epoch_visits_the_rest_once() {
    let (training, validation) = RowSource::split(&rows(25), 26, 3).unwrap();
    assert_eq!((training.len(), validation.len()), (23, 2));
    assert_eq!(first_tokens(&validation, 0..4), [9, 19, 9, 19]);
    let epochs = [0..23, 23..46].map(|epoch| first_tokens(&training, epoch));
    assert_ne!(epochs[0], epochs[1]);
    let expected: BTreeSet<u32> = (0..25).filter(|i| i % 10 != 9).collect();
    epochs.iter().for_each(|epoch| assert_eq!(BTreeSet::from_iter(epoch.iter().copied()), expected));
    assert_eq!(first_tokens(&RowSource::split(&rows(25), 26, 3).unwrap().0, 0..23), epochs[0]);
    assert_ne!(first_tokens(&RowSource::split(&rows(25), 26, 4).unwrap().0, 0..23), epochs[0]);
}

#[test]
fn the_last_of_a_few_rows_is_held_out() {
    for n in 2..=10 {
        let (training, validation) = RowSource::split(&rows(n), 11, 3).unwrap();
        assert_eq!((training.len(), validation.len()), (n as usize - 1, 1));
        assert_eq!(first_tokens(&validation, 0..1), [n - 1]);
    }
}

#[test]
fn rows_with_problems_are_refused() {
    let problem = |rows: &[Vec<u32>]| RowSource::split(rows, 3, 1).unwrap_err();
    assert_eq!(problem(&rows(1)), RowsError::TooFew { rows: 1 });
    assert_eq!(problem(&[vec![], vec![]]), RowsError::Empty);
    assert_eq!(problem(&[vec![0, 1], vec![2]]), RowsError::Length { row: 1, len: 1, seq_len: 2 });
    assert_eq!(problem(&[vec![0, 1], vec![2, 3]]), RowsError::Token { row: 1, token: 3, vocab: 3 });
}
