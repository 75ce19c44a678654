//! The table of mutants: which seed kills each, and by which invariant. Written into a page of the docs.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use simulation::mutants::Mutant;
use simulation::{Options, run};

use crate::page;

/// A mutant that lives longer than this is not killed.
const SCHEDULES: u64 = 100_000;
const BLOCK: (&str, &str) = (
    "<!-- mutants: made by `make mutants` -->",
    "<!-- end of mutants -->",
);

/// The mutant of this name.
pub fn named(name: &str) -> Option<Mutant> {
    let mut all = Mutant::ALL.iter().copied().chain([Mutant::Control]);
    all.find(|mutant| format!("{mutant:?}") == name)
}

/// Lets every mutant die and writes the table into the page.
pub fn write(page: &Path, code: &str) -> ExitCode {
    let mut deaths = deaths();
    let (_, control) = deaths.pop().expect("the control is the last");
    page::replace(page, BLOCK, &table(code, &deaths, &control));
    let alive: Vec<Mutant> = deaths
        .iter()
        .filter(|(_, death)| death.is_none())
        .map(|(mutant, _)| *mutant)
        .collect();
    println!(
        "{} mutants, alive: {alive:?}; the control: {control:?}",
        deaths.len()
    );
    if alive.is_empty() && control.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

type Death = Option<(u64, String)>;

/// How each ends, in their order; the control last.
fn deaths() -> Vec<(Mutant, Death)> {
    // It runs longest.
    let mut all = vec![Mutant::Control];
    all.extend(Mutant::ALL);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(mutant) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let death = death(*mutant);
                    println!("{mutant:?}: {death:?}");
                    found
                        .lock()
                        .expect("no worker panicked")
                        .push((*mutant, death));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no worker panicked");
    found.sort_by_key(|(mutant, _)| *mutant);
    found
}

fn death(mutant: Mutant) -> Death {
    let options = Options::of_mutant(mutant);
    (0..SCHEDULES).find_map(|seed| {
        let first = run(seed, options).violations.into_iter().next()?;
        // What breaks the whole protocol too says nothing about the step.
        let whole = Options::of_mutant(Mutant::Control);
        if mutant != Mutant::Control && !run(seed, whole).violations.is_empty() {
            return None;
        }
        let kind = first.split(':').next().unwrap_or_default().to_owned();
        Some((seed, kind))
    })
}

fn table(code: &str, deaths: &[(Mutant, Death)], control: &Death) -> String {
    let mut text = format!(
        "\nOf the code `{code}`:\n\n| Mutant | What is wrong | First seed | Invariant |\n|---|---|---:|---|\n"
    );
    for (mutant, death) in deaths {
        let (seed, kind) = match death {
            Some((seed, kind)) => (seed.to_string(), kind.as_str()),
            None => (format!("none in {SCHEDULES}"), "**alive**"),
        };
        let what = mutant.what();
        writeln!(text, "| `{mutant:?}` | {what} | {seed} | {kind} |").expect("text");
    }
    let mut seeds: Vec<u64> = deaths
        .iter()
        .filter_map(|(_, death)| Some(death.as_ref()?.0))
        .collect();
    seeds.sort_unstable();
    let median = seeds.get(seeds.len() / 2).copied().unwrap_or_default();
    let last = seeds.last().copied().unwrap_or_default();
    let control = match control {
        None => format!("lives for {SCHEDULES}"),
        Some((seed, kind)) => format!("**dies** of seed {seed}, {kind}"),
    };
    writeln!(
        text,
        "\n{} of {} mutants die; the median within {} schedules, the last within {}. The control, which is the whole \
         protocol behind the same wrappers, {control}.\n",
        seeds.len(),
        deaths.len(),
        median + 1,
        last + 1
    )
    .expect("text");
    text
}
