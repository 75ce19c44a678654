//! A failing seed with as few people, actions and kinds of faults as it needs.

use crate::faults::Kind;
use crate::run::{Options, run};

/// The options under which the seed still fails with the fewest people and actions of users, and
/// without every kind of fault that it does not need.
#[must_use]
pub fn shrunk(seed: u64, options: Options) -> Options {
    let fails = |options: &Options| !run(seed, *options).violations.is_empty();
    if !fails(&options) {
        return options;
    }
    let sizes = (1..=3).flat_map(|people| (1..=10).map(move |actions| (people, actions)));
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
