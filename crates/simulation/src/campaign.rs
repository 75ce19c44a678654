//! Many seeds on all cores, in slices after each of which the campaign can be taken up again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use simulation::world::Count;
use simulation::{Options, run};

use crate::{page, tell};

/// How many schedules run between two looks at the progress file.
const SLICE: u64 = 20_000;

const SCHEDULES: (&str, &str) = (
    "<!-- schedules: made by `make simulate` -->",
    "<!-- end of schedules -->",
);
const WITHOUT_TOKENS: (&str, &str) = (
    "<!-- without tokens: made by `make without-tokens` -->",
    "<!-- end of without tokens -->",
);
const STALE_READS: (&str, &str) = (
    "<!-- stale reads: made by `make stale-reads` -->",
    "<!-- end of stale reads -->",
);

/// Seeds to run.
pub struct Campaign {
    /// How each is run.
    pub options: Options,
    /// The first.
    pub start: u64,
    /// How many.
    pub schedules: u64,
    /// How many violations end it.
    pub enough: usize,
    /// Where to keep how far it came.
    pub progress: Option<PathBuf>,
}

/// How far a campaign came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    /// A hash of the program: other code, other numbers.
    code: u64,
    /// How many schedules are done.
    done: u64,
    /// What they counted.
    count: Count,
    /// Seeds that broke an invariant, and which.
    bad: Vec<(u64, String)>,
    /// Seconds of this machine.
    seconds: f64,
}

impl Campaign {
    /// Runs what is left to run, and says what came of it.
    pub fn carry_out(&self, onto: Option<&Path>) -> ExitCode {
        let code = hash_of_this_program();
        let mut progress = self.taken_up(code);
        while progress.done < self.schedules && progress.bad.len() < self.enough {
            let slice = SLICE.min(self.schedules - progress.done);
            let from = self.start + progress.done;
            let begun = Instant::now();
            let (count, bad) = self.slice(from, from + slice);
            progress.done += slice;
            progress.seconds += begun.elapsed().as_secs_f64();
            progress.count.add(&count);
            progress.bad.extend(bad);
            if let Some(file) = &self.progress {
                let text = serde_json::to_string(&progress).expect("plain numbers");
                std::fs::write(file, text).expect("the progress file can be written");
                println!("{} of {}", progress.done, self.schedules);
            }
        }
        self.report(&progress);
        if let Some(file) = onto {
            let block = match self.options {
                Options {
                    with_cache: true, ..
                } => STALE_READS,
                Options {
                    with_tokens: false, ..
                } => WITHOUT_TOKENS,
                _ => SCHEDULES,
            };
            page::replace(file, block, &self.figures(&progress));
        }
        if progress.bad.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// What the progress file says, unless it is about other code.
    fn taken_up(&self, code: u64) -> Progress {
        let fresh = Progress {
            code,
            ..Progress::default()
        };
        let text = self
            .progress
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        let Some(text) = text else { return fresh };
        match serde_json::from_str::<Progress>(&text) {
            Ok(known) if known.code == code => known,
            Ok(_) | Err(_) => {
                println!("the progress file is about other code; beginning anew");
                fresh
            }
        }
    }

    fn slice(&self, from: u64, to: u64) -> (Count, Vec<(u64, String)>) {
        let next = AtomicU64::new(from);
        let sum = Mutex::new((Count::default(), Vec::new()));
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(&next, to, &sum));
            }
        });
        let (count, mut bad) = sum.into_inner().expect("no worker panicked");
        bad.sort_unstable();
        (count, bad)
    }

    fn work(&self, next: &AtomicU64, to: u64, sum: &Mutex<(Count, Vec<(u64, String)>)>) {
        let (mut count, mut bad) = (Count::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                break;
            }
            let outcome = run(seed, self.options);
            count.add(&outcome.count);
            if let Some(first) = outcome.violations.into_iter().next() {
                bad.push((seed, first));
            }
        }
        let mut sum = sum.lock().expect("no worker panicked");
        sum.0.add(&count);
        sum.1.extend(bad);
    }

    fn report(&self, progress: &Progress) {
        for (seed, violation) in progress.bad.iter().take(20) {
            println!("seed {seed}: {violation}");
        }
        if let Some((seed, _)) = progress.bad.first() {
            println!("the story of the first, shrunk:");
            tell(*seed, self.options, false);
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = progress.done as f64 / progress.seconds;
        println!("{} {rate:.0} schedules/s.", self.figures(progress));
    }

    fn figures(&self, progress: &Progress) -> String {
        let Progress {
            done, count, bad, ..
        } = progress;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (bound, per_million) = (3.0 / *done as f64, 1_000_000.0 / count.edits.max(1) as f64);
        let bound = if bad.is_empty() {
            format!(" (95 % bound {bound:.1e} a schedule)")
        } else {
            String::new()
        };
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let rate = |lost: u64| format!("{lost} ({:.0} in a million)", lost as f64 * per_million);
        format!(
            "{done} schedules from seed {}, {} of them violated{bound}. {} entries of users; {} writes to Salesforce, {} to \
             Account Engagement; {} updates refused because the lead had changed since it was read. Entries \
             overwritten unread: {} in Salesforce, {} in Account Engagement.",
            self.start,
            bad.len(),
            count.edits,
            count.crm_writes,
            count.prospect_writes,
            count.refused_as_stale,
            rate(count.unread_on_crm),
            rate(count.unread_on_prospect),
        )
    }
}

/// A campaign goes on only with the very program that began it.
fn hash_of_this_program() -> u64 {
    let program = std::env::current_exe().and_then(std::fs::read);
    let mut hasher = DefaultHasher::new();
    program.expect("this program can be read").hash(&mut hasher);
    hasher.finish()
}
