//! A failing seed with as few people, actions and kinds of faults as it needs.

use crate::faults::Kind;
use crate::run::{Options, run};

/// The most people and actions that a run has.
const MOST: (usize, u32) = (12, 40);

/// The options under which the seed still breaks the same invariant with the fewest people and actions of
/// users, and without every kind of fault that it does not need.
#[must_use]
pub fn shrunk(seed: u64, options: Options) -> Options {
    let broken = |options: &Options| run(seed, *options).violations.first().map(|v| invariant(v));
    let Some(first) = broken(&options) else {
        return options;
    };
    let fails = |options: &Options| broken(options).as_ref() == Some(&first);
    let sizes = (1..=MOST.0).flat_map(|people| (1..=MOST.1).map(move |actions| (people, actions)));
    let mut smaller = sizes.map(|(most_people, most_actions)| Options {
        most_people,
        most_actions,
        ..options
    });
    let mut least = smaller.find(fails).unwrap_or(options);
    for kind in Kind::ALL {
        let calmer = Options {
            without: least.without.and(*kind),
            ..least
        };
        if fails(&calmer) {
            least = calmer;
        }
    }
    least
}

/// The name of the invariant that a violation is about.
fn invariant(violation: &str) -> String {
    let name = violation
        .split_once(':')
        .map_or(violation, |(name, _)| name);
    name.to_owned()
}
