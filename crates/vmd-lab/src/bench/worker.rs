//! The timed processes: this program, or PyTorch.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use vmd::Device;
use vmd::core::{DataSource, Purpose, index_below, keyed_rng, uniform};
use vmd::denoiser::ParentsConfig;
use vmd::graph::{GraphSpec, ParentOrder};
use vmd::model::{VmdModel, Writing};
use vmd::sampler::{Predictor, Query, RevealRule, Sampler, SamplerConfig};
use vmd::train::{Trainer, TrainerParts};

use super::case::{Case, Mode};
use crate::presets;
use vmd::run::RunConfig;

const PEER: &str = include_str!("peer.py");

/// A worker's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) seconds: Vec<f64>,
    pub(super) peak_mib: f64,
}

/// A running worker.
pub(super) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    what: String,
}

impl Worker {
    /// Starts this program on `device`.
    pub(super) fn own(case: &Case, device: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("this program's own path")?);
        command.args(["bench", "--device", device, "--worker"]).arg(serde_json::to_string(case)?);
        Self::start(command, case, "vmd".into())
    }

    /// Starts PyTorch in the interpreter `python`.
    pub(super) fn peer(case: &Case, python: &Path, compile: bool) -> anyhow::Result<Self> {
        let mut request = serde_json::to_value(case)?;
        request["compile"] = compile.into();
        let mut command = Command::new(python);
        command.args(["-c", PEER]).arg(request.to_string());
        Self::start(command, case, python.display().to_string())
    }

    fn start(mut command: Command, case: &Case, what: String) -> anyhow::Result<Self> {
        if let Some(threads) = case.threads {
            command.env("RAYON_NUM_THREADS", threads.to_string()).env("OMP_NUM_THREADS", threads.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        let requests = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Ok(Self { child, requests, answers, what })
    }

    /// Times `n` runs.
    pub(super) fn time(&mut self, n: usize) -> anyhow::Result<Answer> {
        let failed = || format!("{} stopped; check that `import torch` works there", self.what);
        writeln!(self.requests, "{n}").with_context(failed)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).with_context(failed)?;
        serde_json::from_str(&line).with_context(failed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers requests on standard input until it is closed.
pub(super) fn serve(case: &Case, device: &Device) -> anyhow::Result<()> {
    let config = config(case)?;
    match case.mode {
        Mode::Train => {
            let source = RandomTokens { seq: case.seq, vocab: case.vocab };
            let mut trainer = Trainer::new(TrainerParts {
                model: &config.model,
                objective: &config.objective,
                train: &config.train,
                seed: 1,
                device,
            })?;
            answer(|| trainer.train_step(&source).map(|_| ()).map_err(Into::into))
        }
        Mode::Infer => {
            let model = VmdModel::new(&config.model, keyed_rng(1, 0, Purpose::Init), device)?;
            let mut rng = keyed_rng(1, 0, Purpose::Mask);
            let mut token = || {
                let value = index_below(&mut rng, case.vocab);
                if uniform(&mut rng) < 0.5 { case.vocab as u32 } else { value as u32 }
            };
            let xt: Vec<u32> = (0..case.batch * case.seq).map(|_| token()).collect();
            let t = vec![0.5; case.batch];
            answer(|| {
                std::hint::black_box(model.predict(Query { xt: &xt, t: &t, z: &[], budget: 1, rows: &[] }));
                Ok(())
            })
        }
        Mode::Sample => {
            let model = VmdModel::new(&config.model, keyed_rng(1, 0, Purpose::Init), device)?;
            let rules = SamplerConfig { nfe: case.nfe, reveal: RevealRule::RandomK, ..Default::default() };
            let sampler = Sampler::new(rules);
            let nothing = vec![case.vocab as u32; case.batch * case.seq];
            answer(|| {
                std::hint::black_box(sampler.sample(&model, &nothing, 1));
                Ok(())
            })
        }
        Mode::Write | Mode::Rewrite => {
            let model = VmdModel::new(&config.model, keyed_rng(1, 0, Purpose::Init), device)?;
            let cached = case.mode == Mode::Write;
            let nfe = if cached { case.nfe } else { case.nfe * case.blocks };
            let rules = SamplerConfig { nfe, reveal: RevealRule::RandomK, ..Default::default() };
            let sampler = Sampler::new(rules);
            let template = &vec![case.vocab as u32; case.batch * case.seq];
            answer(|| {
                let writing = Writing { template, texts: case.batch, stop: None, seed: 1 };
                std::hint::black_box(match cached {
                    true => model.write(&sampler, writing, &mut ()),
                    false => sampler.sample(&model, template, 1),
                });
                Ok(())
            })
        }
        Mode::Product => {
            let ones = |shape: [usize; 2]| burn::tensor::Tensor::<2>::ones(shape, device);
            let (left, right) =
                (ones([case.batch * case.seq, case.width]), ones([case.width, 4 * case.width]));
            let bias = burn::tensor::Tensor::<1>::zeros([4 * case.width], device);
            answer(|| {
                let y = vmd::kernels::linear(
                    left.clone().unsqueeze(),
                    right.clone(),
                    bias.clone(),
                    None,
                    case.precision,
                );
                std::hint::black_box(y.device().sync()?);
                Ok(())
            })
        }
    }
}

fn answer(mut once: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    for line in std::io::stdin().lines() {
        let n: usize = line?.trim().parse().context("a number of runs")?;
        let mut seconds = Vec::with_capacity(n);
        for _ in 0..n {
            let start = Instant::now();
            once()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        println!("{}", serde_json::to_string(&Answer { seconds, peak_mib: peak_mib() })?);
    }
    Ok(())
}

/// The configuration of the preset with the sizes of the case.
fn config(case: &Case) -> anyhow::Result<RunConfig> {
    let preset = if case.latent { "sudoku" } else { "sudoku-mdm" };
    let mut config = RunConfig::plan(presets::text(preset)?, &[], None)?;
    (config.model.seq_len, config.model.vocab) = (case.seq, case.vocab);
    (config.train.batch_size, config.train.steps) = (case.batch, 1_000_000);
    let trunk = &mut config.model.denoiser.trunk;
    (trunk.width, trunk.layers, trunk.loops, trunk.heads) = (case.width, case.layers, case.loops, case.heads);
    trunk.activation = if case.activation == "gelu" { Default::default() } else { trunk.activation };
    config.model.set_precision(case.precision);
    let denoiser = &mut config.model.denoiser;
    denoiser.trunk.mixing = case.mixing;
    if case.parents {
        denoiser.parents = Some(ParentsConfig { order: ParentOrder::Colouring, reach: 1 });
    }
    if !case.edges {
        config.model.graph = None;
        let trunk = &mut config.model.denoiser.trunk;
        trunk.edge_heads.clear();
        trunk.position = vmd::nn::PositionEncoding::Learned;
    }
    if case.blocks > 1 {
        config.model.blocks = case.blocks;
        config.model.denoiser.trunk.position = vmd::nn::PositionEncoding::Rotary;
    }
    if case.chain {
        config.model.graph = Some(GraphSpec::Chain { n: case.seq });
        config.model.denoiser.trunk.edge_heads = vec!["next".into()];
    }
    Ok(config)
}

/// Peak resident memory of this process; 0 if the system does not report it.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kib| kib / 1024.0)
}

/// Random tokens: the time of a step does not depend on their values.
struct RandomTokens {
    seq: usize,
    vocab: usize,
}

impl DataSource for RandomTokens {
    fn seq_len(&self) -> usize {
        self.seq
    }

    fn vocab(&self) -> usize {
        self.vocab
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        let mut rng = keyed_rng(1, index, Purpose::Data);
        tokens.iter_mut().for_each(|token| *token = index_below(&mut rng, self.vocab) as u32);
    }
}
