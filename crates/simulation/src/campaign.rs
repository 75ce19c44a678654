//! Many seeds on all cores, in slices after each of which the campaign can be taken up again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use simulation::{Options, run};

use crate::tally::Tally;
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
    /// What the page says of which code the figures are.
    pub code: Option<String>,
}

/// How far a campaign came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    /// A hash of the program, the first seed and the options: another of them, other numbers.
    code: u64,
    /// How many schedules are done.
    done: u64,
    /// What they came to.
    tally: Tally,
    /// Seconds of this machine.
    seconds: f64,
}

impl Campaign {
    /// Runs what is left to run, and says what came of it.
    pub fn carry_out(&self, onto: Option<&Path>) -> ExitCode {
        let mut progress = self.taken_up(self.code_of_figures());
        while progress.done < self.schedules && progress.tally.bad.len() < self.enough {
            let slice = SLICE.min(self.schedules - progress.done);
            let from = self.start + progress.done;
            let begun = Instant::now();
            let tally = self.slice(from, from + slice);
            progress.done += slice;
            progress.seconds += begun.elapsed().as_secs_f64();
            progress.tally.add(tally);
            if let Some(file) = &self.progress {
                keep(file, &progress).expect("the progress file can be written");
                println!("{} of {}", progress.done, self.schedules);
            }
        }
        self.report(&progress);
        if let Some(file) = onto {
            let block = match self.options {
                Options {
                    with_cache: Some(true),
                    ..
                } => STALE_READS,
                Options {
                    with_tokens: false, ..
                } => WITHOUT_TOKENS,
                _ => SCHEDULES,
            };
            let figures = progress.tally.figures(self.start, progress.done);
            let code = self.code.as_ref();
            let of_code = code.map(|code| format!("Of the code `{code}`: "));
            page::replace(file, block, &(of_code.unwrap_or_default() + &figures));
        }
        let unexplained = progress.tally.unexplained();
        for line in &unexplained {
            println!("more than can be explained: {line}");
        }
        if progress.tally.bad.is_empty() && unexplained.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// A campaign goes on only with the very program that began it, and with the same question.
    fn code_of_figures(&self) -> u64 {
        let program = std::env::current_exe().and_then(std::fs::read);
        let mut hasher = DefaultHasher::new();
        program.expect("this program can be read").hash(&mut hasher);
        (self.start, format!("{:?}", self.options)).hash(&mut hasher);
        hasher.finish()
    }

    /// What the progress file says, unless it is about other figures.
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
                println!(
                    "the progress file is about other code or another question; beginning anew"
                );
                fresh
            }
        }
    }

    fn slice(&self, from: u64, to: u64) -> Tally {
        let next = AtomicU64::new(from);
        let sum = Mutex::new(Tally::default());
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(&next, to, &sum));
            }
        });
        let mut tally = sum.into_inner().expect("no worker panicked");
        tally.bad.sort_unstable();
        tally
    }

    fn work(&self, next: &AtomicU64, to: u64, sum: &Mutex<Tally>) {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                break;
            }
            tally.note(seed, run(seed, self.options));
        }
        sum.lock().expect("no worker panicked").add(tally);
    }

    fn report(&self, progress: &Progress) {
        for (seed, violation) in progress.tally.bad.iter().take(20) {
            println!("seed {seed}: {violation}");
        }
        if let Some((seed, _)) = progress.tally.bad.first() {
            println!("the story of the first, shrunk:");
            tell(*seed, self.options, false);
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = progress.done as f64 / progress.seconds;
        let figures = progress.tally.figures(self.start, progress.done);
        println!("{figures} {rate:.0} schedules/s.");
    }
}

/// Whoever is interrupted here leaves the file as it was before.
fn keep(file: &Path, progress: &Progress) -> std::io::Result<()> {
    let text = serde_json::to_string(progress).expect("plain numbers");
    let next = file.with_extension("next");
    std::fs::write(&next, text)?;
    std::fs::rename(next, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(schedules: u64, progress: Option<&Path>) -> Campaign {
        Campaign {
            options: Options::full(),
            start: 0,
            schedules,
            enough: 1,
            progress: progress.map(Path::to_owned),
            code: None,
        }
    }

    fn a_file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("simulation-{}-{name}.json", std::process::id()))
    }

    fn figures(progress: &Progress) -> (u64, String) {
        let done = progress.done;
        (done, progress.tally.figures(0, done))
    }

    #[test]
    fn a_campaign_that_was_interrupted_comes_to_the_same_figures() {
        let file = a_file("interrupted");
        let kept = |schedules| {
            let campaign = campaign(schedules, Some(&file));
            campaign.carry_out(None);
            campaign.taken_up(campaign.code_of_figures())
        };
        assert_eq!(kept(20).done, 20);
        let resumed = kept(50);
        let whole = campaign(50, None);
        let at_once = Progress {
            done: 50,
            tally: whole.slice(0, 50),
            ..Progress::default()
        };
        assert_eq!(figures(&resumed), figures(&at_once));
        std::fs::remove_file(file).expect("it was kept");
    }

    #[test]
    fn a_progress_file_of_another_question_is_not_taken_up() {
        let file = a_file("other");
        let first = campaign(5, Some(&file));
        first.carry_out(None);
        let others = [
            Campaign {
                start: 1,
                ..campaign(5, Some(&file))
            },
            Campaign {
                options: Options {
                    with_tokens: false,
                    ..Options::full()
                },
                ..campaign(5, Some(&file))
            },
        ];
        for other in others {
            assert_eq!(other.taken_up(other.code_of_figures()).done, 0);
        }
        assert_eq!(first.taken_up(first.code_of_figures()).done, 5);
        std::fs::remove_file(file).expect("it was kept");
    }
}
