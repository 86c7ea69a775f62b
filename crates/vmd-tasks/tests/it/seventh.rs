//! A custom task: every implementation of `Task` can be trained and evaluated.

use burn::tensor::Device;
use rand::Rng;
use vmd_core::{DataSource, Purpose, Validate, keyed_rng};
use vmd_eval::{Record, wilson_interval};
use vmd_model::{ModelConfig, VmdModel};
use vmd_sampler::{Checker, Request};
use vmd_tasks::{
    Evaluation, Observer, Options, Recorder, Sizes, Sources, Subject, Task, TaskError, sequence_sampler,
};

/// Palindromes of bits.
#[derive(Debug, Clone, Copy)]
struct Palindromes {
    len: usize,
}

/// Draws of one seed.
struct Draws {
    task: Palindromes,
    seed: u64,
}

impl DataSource for Draws {
    fn seq_len(&self) -> usize {
        self.task.len
    }

    fn vocab(&self) -> usize {
        2
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        let mut rng = keyed_rng(self.seed, index, Purpose::Data);
        let len = tokens.len();
        for place in 0..len.div_ceil(2) {
            tokens[place] = rng.next_u32() % 2;
            tokens[len - 1 - place] = tokens[place];
        }
    }
}

impl Task for Palindromes {
    fn name(&self) -> &'static str {
        "palindromes"
    }

    fn dataset(&self) -> String {
        format!("palindromes-{}", self.len)
    }

    fn sizes(&self) -> Sizes {
        Sizes { vocab: 2, seq_len: self.len, examples: None }
    }

    fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        let draws = |seed| Box::new(Draws { task: *self, seed });
        Ok(Sources { training: draws(seed), validation: draws(seed ^ 1) })
    }

    fn checker(&self) -> Option<Box<dyn Checker + '_>> {
        Some(Box::new(|_: usize, tokens: &[u32]| tokens.iter().eq(tokens.iter().rev())))
    }

    fn options(&self) -> &'static [&'static str] {
        &["samples"]
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        evaluation.check(self.name(), self.options(), subject.judge.is_some())
    }

    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError> {
        self.check(subject, evaluation)?;
        let (model, seed) = (subject.model, evaluation.seed);
        let n = evaluation.options.samples.unwrap_or(100);
        let rules = self.checker().expect("a task with rules");
        let mut recorder = Recorder::new(observer);
        for config in evaluation.samplers(&self.defaults()) {
            let sampler = sequence_sampler(model, &config)?;
            let blank = vec![model.config().mask_token(); n * self.len];
            let output = sampler.run(model, &Request::new(&blank, seed).checked(rules.as_ref()), &mut ());
            let kept = output.tokens.chunks_exact(self.len).filter(|row| row.iter().eq(row.iter().rev()));
            let provenance = subject.provenance(self.name(), &self.dataset(), "samples", seed);
            let figures = [("kept", wilson_interval(kept.count(), n)), ("empty", wilson_interval(0, 0))];
            recorder.extend(&provenance, &config, None, figures);
        }
        Ok(recorder.finish())
    }
}

/// Counts the calls.
#[derive(Default)]
struct Counter(usize);

impl Observer for Counter {
    fn on_record(&mut self, _record: &Record) {
        self.0 += 1;
    }
}

fn model(task: &Palindromes) -> VmdModel {
    let text =
        format!("vocab = 2\nseq_len = {}\n[denoiser.trunk]\nwidth = 8\nlayers = 1\nheads = 2\n", task.len);
    let config: ModelConfig = toml::from_str(&text).expect("a valid configuration");
    VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).expect("a valid configuration")
}

#[test]
fn a_seventh_task_is_evaluated_like_the_others() {
    let task: &dyn Task = &Palindromes { len: 5 };
    let model = model(&Palindromes { len: 5 });
    let (subject, mut seen) = (Subject::new(&model), Counter::default());
    let evaluation =
        Evaluation { options: Options { samples: Some(400), ..Options::default() }, ..Evaluation::default() };
    let records = task.evaluate(&subject, &evaluation, &mut seen).unwrap();
    // One figure per number of steps; empty samples give none.
    assert_eq!(records.iter().map(|record| record.nfe).collect::<Vec<_>>(), [Some(1), Some(2), Some(4)]);
    assert_eq!(seen.0, 3);
    // An untrained network draws random bits, of which a quarter are palindromes.
    for record in &records {
        assert_eq!((record.task.as_str(), record.metric.as_str(), record.n), ("palindromes", "kept", 400));
        assert!((record.value - 0.25).abs() < 0.1, "{record:?}");
    }
    let foreign = Options { puzzles: Some("p.csv".into()), ..Options::default() };
    let refused = task.evaluate(&subject, &Evaluation { options: foreign, ..Evaluation::default() }, &mut ());
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("puzzles is for sudoku") && message.contains("palindromes"), "{message}");
}

#[cfg(feature = "train")]
#[test]
fn a_seventh_task_has_a_recipe() {
    for len in [3, 16, 200] {
        let task = Palindromes { len };
        let recipe = task.recipe();
        assert!(recipe.model.check(()).is_ok(), "{:?}", recipe.model.problems(()));
        assert!(recipe.train.check(()).is_ok() && recipe.objective.check(()).is_ok());
        let mut tokens = vec![0; len];
        task.sources(1).unwrap().training.fill(3, &mut tokens);
        assert!(tokens.iter().eq(tokens.iter().rev()));
    }
}
