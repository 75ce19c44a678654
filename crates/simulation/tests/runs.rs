//! What can be said of single runs: a seed is a run, a failing one is told, and mutants die where the page says.

use std::collections::BTreeMap;

use simulation::mutants::Mutant;
use simulation::{Options, run, shrunk};

/// Enough for every kind of fault, few enough for a build without optimisation.
const SEEDS: u64 = 150;

fn telling() -> Options {
    Options {
        tells: true,
        ..Options::full()
    }
}

#[test]
fn one_seed_is_one_run_byte_for_byte() {
    for seed in 0..SEEDS {
        let (first, second) = (run(seed, telling()), run(seed, telling()));
        assert_eq!(first.story, second.story, "seed {seed}");
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        let silent = run(seed, Options::full());
        assert_eq!(silent.fingerprint, first.fingerprint, "seed {seed}, untold");
    }
}

#[test]
fn two_seeds_are_two_runs() {
    let prints = (0..SEEDS).map(|seed| run(seed, Options::full()).fingerprint);
    let distinct: std::collections::BTreeSet<u64> = prints.collect();
    assert_eq!(distinct.len() as u64, SEEDS);
}

#[test]
fn no_invariant_breaks_with_and_without_stale_reads() {
    for seed in 0..SEEDS {
        for with_cache in [false, true] {
            let options = Options {
                with_cache: Some(with_cache),
                ..Options::full()
            };
            let broken = run(seed, options).violations;
            assert!(broken.is_empty(), "seed {seed}, {with_cache}: {broken:?}");
        }
    }
}

/// The table of the page: mutant and first seed.
fn table() -> BTreeMap<String, u64> {
    let page = include_str!("../../../docs/reliability.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let deaths = cells.filter_map(|cells| {
        let name = cells.get(1)?.trim_matches('`').to_owned();
        Some((name, cells.get(3)?.parse().ok()?))
    });
    deaths.collect()
}

/// Every step of the protocol is one that the checker misses when it is gone.
#[test]
fn every_mutant_dies_at_the_seed_that_the_page_names() {
    let table = table();
    for mutant in Mutant::ALL {
        let seed = table.get(&format!("{mutant:?}"));
        let seed = *seed.unwrap_or_else(|| panic!("{mutant:?} has no seed: make mutants"));
        let broken = run(seed, Options::of_mutant(*mutant)).violations;
        assert!(!broken.is_empty(), "{mutant:?} lives at seed {seed}");
        let whole = Options::of_mutant(Mutant::Control);
        assert_eq!(run(seed, whole).violations, [""; 0], "{mutant:?}, {seed}");
    }
}

#[test]
fn the_mutants_are_many_and_the_median_is_found_soon() {
    let mut seeds: Vec<u64> = table().into_values().collect();
    seeds.sort_unstable();
    assert!(seeds.len() >= 30, "{}", seeds.len());
    assert!(seeds[seeds.len() / 2] < 1_000, "{seeds:?}");
    assert!(seeds.last() < Some(&100_000), "{seeds:?}");
}

#[test]
fn a_failing_seed_is_shrunk_and_its_story_names_the_broken_invariant() {
    let options = Options::of_mutant(Mutant::NoStoredIntent);
    let seed = table()["NoStoredIntent"];
    let broken = run(seed, options).violations.remove(0);
    let invariant = broken.split(':').next().expect("its name");
    let smaller = shrunk(seed, options);
    assert!(smaller.most_actions < options.most_actions);
    let told = run(
        seed,
        Options {
            tells: true,
            ..smaller
        },
    );
    let story = told.story.join("\n");
    assert!(story.contains("user creates"), "{story}");
    assert!(story.contains(&format!("VIOLATION {invariant}")), "{story}");
}
