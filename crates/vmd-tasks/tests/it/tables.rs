//! Dependencies between table columns.

use vmd_tasks::table::TableJudge;

/// Towns 0..4 in countries 4..6 with currencies 6..8; sizes 8..10 are independent.
fn rows() -> Vec<Vec<u32>> {
    let row = |town: u32, size: u32| vec![town, 4 + town / 2, 6 + town / 2, 8 + size];
    (0..40).map(|i| row(i % 4, i / 4 % 2)).collect()
}

fn judge(rows: &[Vec<u32>]) -> TableJudge {
    TableJudge::of(rows.iter().map(Vec::as_slice), vec![0..4, 4..6, 6..8, 8..10])
}

#[test]
fn dependencies_are_found_and_kept() {
    let judge = judge(&rows());
    let mut found: Vec<(Vec<usize>, usize)> =
        judge.rules().iter().map(|rule| (rule.from.clone(), rule.to)).collect();
    found.sort();
    // Town determines country and currency, which determine each other; nothing determines the town
    // or the size.
    assert_eq!(found, [(vec![0], 1), (vec![0], 2), (vec![1], 2), (vec![2], 1)]);
    assert!(judge.is_valid(&[3, 5, 7, 8]));
    assert!(!judge.is_valid(&[3, 4, 7, 8]) && judge.is_in_domain(&[3, 4, 7, 8]));
    assert!(!judge.is_in_domain(&[4, 4, 7, 8]) && !judge.is_in_domain(&[3, 5, 7]));
}

#[test]
fn two_columns_may_decide_a_third() {
    // A parity that neither of the two columns determines alone.
    let rows: Vec<Vec<u32>> = (0..40).map(|i| vec![i % 2, 2 + i / 2 % 2, 4 + (i + i / 2) % 2]).collect();
    let judge = TableJudge::of(rows.iter().map(Vec::as_slice), vec![0..2, 2..4, 4..6]);
    assert_eq!(judge.rules().len(), 3);
    assert!(judge.is_valid(&[1, 3, 4]) && !judge.is_valid(&[1, 3, 5]));
}

#[test]
fn few_rows_prove_nothing() {
    assert!(judge(&rows()[..8]).rules().is_empty());
}
