//! Runs a target in a plain `cargo test`: every input of its corpus, then new ones, the same each time.

use std::fs;
use std::panic;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mutate::mutant;
use crate::targets::{TARGETS, Target};

/// New inputs of each target: what a plain `cargo test` has the seconds for.
const INPUTS: u64 = 1_000;

/// What they are made from.
const SEED: u64 = 20_261_123;

/// The longest that one input may take: more is a way to stop the connector with one answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Replays the corpus of a target and tries new inputs; how many the corpus holds.
///
/// # Panics
/// When an input breaks a promise; it is printed.
pub fn drive(target: &Target) -> usize {
    let corpus = corpus(target.name);
    for (name, input) in &corpus {
        check(target, input, &format!("corpus/{}/{name}", target.name));
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let mut rng = fastrand::Rng::with_seed(SEED);
    for number in 0..INPUTS {
        let input = mutant(&seeds, &mut rng);
        check(target, &input, &format!("new input {number}"));
    }
    seeds.len()
}

/// Gives one input to the target of this name.
///
/// # Panics
/// When the input breaks a promise, or no target has the name.
pub fn replay(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").check)(input);
}

/// The inputs of a target, by file name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "corpus", target]
        .iter()
        .collect();
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut inputs: Vec<(String, Vec<u8>)> = listed
        .map(|entry| {
            let path = entry.expect("an entry of the corpus").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let input = fs::read(&path).expect("a file of the corpus");
            (name.into_owned(), input)
        })
        .collect();
    inputs.sort();
    inputs
}

fn check(target: &Target, input: &[u8], what: &str) {
    let began = Instant::now();
    let outcome = panic::catch_unwind(|| (target.check)(input));
    let took = began.elapsed();
    if let Err(broken) = outcome {
        eprintln!(
            "`{}` fails on {what}: {}",
            target.name,
            input.escape_ascii()
        );
        panic::resume_unwind(broken);
    }
    assert!(took < LONGEST, "{what} of `{}` took {took:?}", target.name);
}
