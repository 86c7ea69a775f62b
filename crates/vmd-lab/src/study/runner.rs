//! Runs child processes concurrently.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use vmd::model::files::write_atomically;
use vmd::train::RunFolder;

use super::plan::{Job, State};

/// How one run ended.
enum Ending {
    Done,
    Stopped,
    Failed(String),
}

/// Trains `jobs`, `workers` at a time, and returns whether Ctrl-C interrupted the training. Failed
/// jobs remain unfinished.
pub(super) fn run(children: &Children, jobs: &[&Job], workers: usize) -> anyhow::Result<bool> {
    let program = program()?;
    let progress = Mutex::new(Progress::new(jobs));
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(job) = jobs.get(index) else { return };
            let on_step = |step| lock(&progress).set_step(index, step);
            let ending = children
                .train(&program, job, &on_step)
                .unwrap_or_else(|error| Ending::Failed(format!("{error:#}")));
            match ending {
                Ending::Stopped => return,
                Ending::Done => lock(&progress).finish(index, "done"),
                Ending::Failed(message) => lock(&progress).finish(index, &format!("failed: {message}")),
            }
        }
    };
    std::thread::scope(|scope| (0..workers.min(jobs.len())).for_each(|_| drop(scope.spawn(work))));
    lock(&progress).bar.finish_and_clear();
    Ok(children.is_stopping())
}

/// The path of the program `vmd`, which is in the folder of this program.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program's file")?;
    let program = own.with_file_name(format!("vmd{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!(
            "{} is missing; start the study with `cargo xtask lab study`, which builds it",
            program.display()
        );
    }
    Ok(program)
}

/// The running processes, and whether to stop them.
#[derive(Debug, Default)]
pub(super) struct Children {
    stop: AtomicBool,
    running: Mutex<Vec<u32>>,
}

impl Children {
    /// No processes yet; installs a Ctrl-C handler that forwards the signal to them.
    pub(super) fn watched() -> anyhow::Result<Arc<Self>> {
        let children = Arc::new(Self::default());
        let of_handler = Arc::clone(&children);
        ctrlc::set_handler(move || of_handler.interrupt()).context("cannot watch for Ctrl-C")?;
        Ok(children)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Forwards Ctrl-C: after the first one the runs save a checkpoint, the second one ends all
    /// processes.
    fn interrupt(&self) {
        let again = self.stop.swap(true, Ordering::SeqCst);
        lock(&self.running).iter().for_each(|&id| interrupt(id));
        if again {
            std::process::exit(130);
        }
        eprintln!("stopping: every run saves a checkpoint; press Ctrl-C again to stop at once");
    }

    /// Starts or resumes a run and waits for it.
    fn train(&self, program: &Path, job: &Job, on_step: &dyn Fn(u64)) -> anyhow::Result<Ending> {
        let mut command = Command::new(program);
        command.args(["train", "--json", "--run"]).arg(&job.folder);
        prepare(job, &mut command)?;
        // Small models gain little from a second thread; concurrent runs use all cores.
        command.env("RAYON_NUM_THREADS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // In a separate process group the children do not receive the terminal's Ctrl-C in addition
        // to the forwarded one.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = {
            let mut running = lock(&self.running);
            if self.is_stopping() {
                return Ok(Ending::Stopped);
            }
            let child = command.spawn().with_context(|| program.display().to_string())?;
            running.push(child.id());
            child
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (records, error) = std::thread::scope(|scope| {
            let records = scope.spawn(|| {
                let mut bytes = Vec::new();
                stdout.map(|mut stdout| stdout.read_to_end(&mut bytes)).transpose().map(|_| bytes)
            });
            let error = stderr.map_or_else(String::new, |stderr| follow(stderr, on_step));
            (records.join(), error)
        });
        // Remove the id before waiting for the process: afterwards the system may reuse it.
        lock(&self.running).retain(|&id| id != child.id());
        let status = child.wait()?;
        if status.success() {
            let records = records.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            write_atomically(&job.records(), &records)?;
            return Ok(Ending::Done);
        }
        if self.is_stopping() {
            return Ok(Ending::Stopped);
        }
        Ok(Ending::Failed(if error.is_empty() { status.to_string() } else { error }))
    }
}

/// Moves an old run with another configuration away, or makes `command` resume an unfinished one.
fn prepare(job: &Job, command: &mut Command) -> anyhow::Result<()> {
    let state = job.state();
    if state == State::Unfinished {
        command.arg("--resume");
        return Ok(());
    }
    let parent = job.folder.parent().context("a run lies in the folder of its arm")?;
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let base = job.folder.file_name().unwrap_or_default().to_string_lossy();
    if state == State::Other {
        let aside = RunFolder::next_free(parent, &format!("{base}-old"));
        std::fs::rename(&job.folder, &aside).with_context(|| job.folder.display().to_string())?;
        eprintln!("{}: the configuration has changed; the old run is now {}", job.name, aside.display());
    }
    let file = parent.join(format!("{base}.toml"));
    write_atomically(&file, job.config.to_toml().as_bytes())?;
    command.arg("--config").arg(file);
    Ok(())
}

/// Reads the messages of a run to the end, and returns its error message, empty if there is none.
fn follow(stderr: impl Read, on_step: &dyn Fn(u64)) -> String {
    let mut error: Vec<String> = Vec::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some((step, _)) = line.strip_prefix("step ").and_then(|rest| rest.split_once('/')) {
            step.parse().into_iter().for_each(on_step);
        }
        if !error.is_empty() || line.starts_with("error: ") || line.contains("panicked at") {
            error.push(line.strip_prefix("error: ").unwrap_or(&line).to_string());
        }
    }
    error.join("\n")
}

#[cfg(unix)]
fn interrupt(id: u32) {
    use nix::sys::signal::{Signal, kill};
    if let Ok(id) = i32::try_from(id) {
        // The process may have ended already.
        let _ = kill(nix::unistd::Pid::from_raw(id), Signal::SIGINT);
    }
}

/// On other systems the console sends Ctrl-C to every process.
#[cfg(not(unix))]
fn interrupt(_: u32) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A progress bar on a terminal, and a line for each finished run.
#[derive(Debug)]
struct Progress {
    bar: ProgressBar,
    started: Instant,
    runs: Vec<RunProgress>,
}

#[derive(Debug)]
struct RunProgress {
    name: String,
    steps: u64,
    /// The step at which this program started or resumed the run; unknown for a resumed run before
    /// its first message.
    from: Option<u64>,
    step: u64,
    ended: bool,
}

impl Progress {
    fn new(jobs: &[&Job]) -> Self {
        let run = |job: &&Job| RunProgress {
            name: job.name.clone(),
            steps: job.config.train.steps,
            from: (job.state() != State::Unfinished).then_some(0),
            step: 0,
            ended: false,
        };
        let runs: Vec<RunProgress> = jobs.iter().map(run).collect();
        let total = runs.iter().map(|run| run.steps).sum();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {msg}")
                .expect("the template is constant"),
        );
        Self { bar, started: Instant::now(), runs }
    }

    fn set_step(&mut self, index: usize, step: u64) {
        let run = &mut self.runs[index];
        run.from.get_or_insert(step);
        run.step = step;
        self.show();
    }

    fn finish(&mut self, index: usize, how: &str) {
        let run = &mut self.runs[index];
        run.from.get_or_insert(run.steps);
        (run.step, run.ended) = (run.steps, true);
        let line = format!("{}: {how} ({})", self.runs[index].name, self.summary());
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
        self.show();
    }

    fn show(&self) {
        self.bar.set_position(self.runs.iter().map(|run| run.step).sum());
        self.bar.set_message(self.summary());
    }

    fn summary(&self) -> String {
        let ended = self.runs.iter().filter(|run| run.ended).count();
        let text = format!("{ended} of {} runs", self.runs.len());
        self.left().map_or(text.clone(), |left| format!("{text}, about {} left", HumanDuration(left)))
    }

    /// Estimated time of the remaining steps, at the average speed of the finished ones.
    fn left(&self) -> Option<Duration> {
        let done: u64 = self.runs.iter().filter_map(|run| run.from.map(|from| run.step - from)).sum();
        let left: u64 = self.runs.iter().map(|run| run.steps - run.step).sum();
        (done > 0 && left > 0).then(|| self.started.elapsed().mul_f64(left as f64 / done as f64))
    }
}
