//! Prints records, remarks and progress.

use indicatif::{ProgressBar, ProgressStyle};
use vmd::eval::Record;
use vmd::tasks::Observer;

use crate::output::print_json;

/// Prints records as JSON when they are available, if requested; prints remarks and progress to
/// standard error.
#[derive(Debug)]
pub(in crate::commands) struct Console {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Console {
    pub(in crate::commands) fn new(json: bool) -> Self {
        Self { json, bar: None }
    }
}

impl Observer for Console {
    fn on_record(&mut self, record: &Record) {
        if self.json {
            print_json(std::slice::from_ref(record));
        }
    }

    fn on_note(&mut self, note: &str) {
        eprintln!("{note}");
    }

    fn on_progress(&mut self, what: &str, done: u64, total: u64) {
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}  {wide_bar} {pos}/{len}");
            ProgressBar::new(total).with_style(style.expect("the template is well-formed"))
        });
        bar.set_message(what.to_string());
        bar.set_position(done);
        if done == total {
            bar.finish_and_clear();
            self.bar = None;
        }
    }
}
