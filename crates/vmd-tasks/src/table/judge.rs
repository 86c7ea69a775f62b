//! Consistency of table rows: column domains and functional dependencies.

use std::collections::BTreeMap;
use std::ops::Range;

/// Minimum mean number of rows per value of the determining columns. With fewer rows, dependencies
/// arise by chance.
const SUPPORT: usize = 5;

/// A functional dependency: columns that determine another one in every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRule {
    /// One or two columns.
    pub from: Vec<usize>,
    /// The determined column.
    pub to: usize,
    values: BTreeMap<Vec<u32>, u32>,
}

/// Checks rows against the domains of the columns and the functional dependencies of the training
/// rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableJudge {
    domains: Vec<Range<u32>>,
    rules: Vec<ColumnRule>,
}

impl TableJudge {
    /// Finds all dependencies of one column on one or two others that hold in all `rows` and have
    /// at least 5 rows per value on average. Dependencies on two columns are listed only if neither
    /// column suffices alone.
    ///
    /// # Panics
    ///
    /// If the length of a row differs from `domains`.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a [u32]>, domains: Vec<Range<u32>>) -> Self {
        let rows: Vec<&[u32]> = rows.into_iter().collect();
        assert!(rows.iter().all(|row| row.len() == domains.len()), "a value for every column");
        let n = domains.len();
        let mut rules: Vec<ColumnRule> = Vec::new();
        for to in 0..n {
            let others: Vec<usize> = (0..n).filter(|&column| column != to).collect();
            let alone: Vec<ColumnRule> =
                others.iter().filter_map(|&from| rule(&rows, vec![from], to)).collect();
            let is_alone = |column: usize| alone.iter().any(|rule| rule.from == [column]);
            let pairs =
                others.iter().enumerate().flat_map(|(i, &a)| others[i + 1..].iter().map(move |&b| (a, b)));
            let together: Vec<ColumnRule> = pairs
                .filter(|&(a, b)| !is_alone(a) && !is_alone(b))
                .filter_map(|(a, b)| rule(&rows, vec![a, b], to))
                .collect();
            rules.extend(alone.into_iter().chain(together));
        }
        Self { domains, rules }
    }

    /// The dependencies.
    pub fn rules(&self) -> &[ColumnRule] {
        &self.rules
    }

    /// Whether every value belongs to its column.
    pub fn is_in_domain(&self, row: &[u32]) -> bool {
        row.len() == self.domains.len()
            && row.iter().zip(&self.domains).all(|(value, domain)| domain.contains(value))
    }

    /// Whether every value belongs to its column and the row obeys every dependency. Unseen values
    /// violate none.
    pub fn is_valid(&self, row: &[u32]) -> bool {
        self.is_in_domain(row) && self.rules.iter().all(|rule| rule.allows(row))
    }
}

impl ColumnRule {
    fn allows(&self, row: &[u32]) -> bool {
        self.values.get(&key(&self.from, row)).is_none_or(|value| *value == row[self.to])
    }
}

fn key(columns: &[usize], row: &[u32]) -> Vec<u32> {
    columns.iter().map(|&column| row[column]).collect()
}

/// The dependency, if all rows obey it. A column with a single value has none.
fn rule(rows: &[&[u32]], from: Vec<usize>, to: usize) -> Option<ColumnRule> {
    let mut values = BTreeMap::new();
    for row in rows {
        if *values.entry(key(&from, row)).or_insert(row[to]) != row[to] {
            return None;
        }
    }
    let says_something = values.values().any(|value| Some(value) != values.values().next());
    (says_something && rows.len() >= SUPPORT * values.len()).then_some(ColumnRule { from, to, values })
}
