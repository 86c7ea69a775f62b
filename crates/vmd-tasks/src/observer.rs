//! Observation of a running evaluation.

use vmd_eval::{Figure, Provenance, Record, SamplerLabel};

/// Receives records, notes and progress of an evaluation. Every method does nothing by default.
pub trait Observer {
    /// A figure was measured.
    fn on_record(&mut self, _record: &Record) {}

    /// A note for the user, such as why a figure is not exact.
    fn on_note(&mut self, _note: &str) {}

    /// `done` of `total` parts of `what` are finished.
    fn on_progress(&mut self, _what: &str, _done: u64, _total: u64) {}
}

impl Observer for () {}

/// Collects records and forwards them to an observer. Drops NaN values, which come from empty
/// samples.
pub struct Recorder<'a> {
    records: Vec<Record>,
    observer: &'a mut dyn Observer,
}

impl std::fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("records", &self.records).finish_non_exhaustive()
    }
}

impl<'a> Recorder<'a> {
    /// Creates an empty recorder.
    pub fn new(observer: &'a mut dyn Observer) -> Self {
        Self { records: Vec::new(), observer }
    }

    /// Adds a record, unless its value is NaN.
    pub fn push(&mut self, record: Record) {
        if !record.value.is_nan() {
            self.observer.on_record(&record);
            self.records.push(record);
        }
    }

    /// Adds one record per figure, measured with `sampler`.
    pub fn extend<'m>(
        &mut self,
        provenance: &Provenance,
        sampler: impl Into<SamplerLabel> + Clone,
        band: Option<&str>,
        figures: impl IntoIterator<Item = (&'m str, Figure)>,
    ) {
        for (metric, figure) in figures {
            self.push(provenance.record(metric, figure, sampler.clone(), band.map(str::to_string)));
        }
    }

    /// Forwards a note.
    pub fn note(&mut self, note: &str) {
        self.observer.on_note(note);
    }

    /// Forwards progress.
    pub fn progress(&mut self, what: &str, done: u64, total: u64) {
        self.observer.on_progress(what, done, total);
    }

    /// All records.
    #[must_use]
    pub fn finish(self) -> Vec<Record> {
        self.records
    }
}
