//! `simulate`: runs seeds, tells the story of one, lets every mutant die, measures what stale reads cost.

mod campaign;
mod mutants_page;
mod page;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use simulation::faults::Kind;
use simulation::{Options, run, shrunk};

use campaign::Campaign;

/// Runs are short-lived rows and maps; this makes a third more of them in the same time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The real connector in a seeded world.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs seeds until one breaks an invariant, or all are done.
    Run(Run),
    /// Tells the story of one seed, shrunk to the fewest actions under which it still fails.
    Tell {
        /// The seed.
        seed: u64,
        /// Everything that happened, also when nothing broke.
        #[arg(long)]
        whole: bool,
        #[command(flatten)]
        world: WorldArguments,
    },
    /// Lets every mutant die and writes the table into a page.
    Mutants {
        /// The page.
        #[arg(long)]
        page: PathBuf,
        /// Says on the page of which code it is.
        #[arg(long)]
        code: String,
    },
}

#[derive(Args)]
struct Run {
    /// How many schedules.
    #[arg(long, default_value_t = 200_000)]
    schedules: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Stops after so many violations.
    #[arg(long, default_value_t = 20)]
    enough: usize,
    /// Remembers here how far it came, and goes on from there until `schedules` are done in all.
    #[arg(long)]
    progress: Option<PathBuf>,
    /// Writes what it came to into this page.
    #[arg(long)]
    page: Option<PathBuf>,
    /// Says on the page of which code it is.
    #[arg(long)]
    code: Option<String>,
    #[command(flatten)]
    world: WorldArguments,
}

#[derive(Args)]
struct WorldArguments {
    /// Reads of prospects may be a minute old (K4) in every run, or in none.
    #[arg(long)]
    cache: Option<bool>,
    /// Without token fields.
    #[arg(long)]
    no_tokens: bool,
    /// With this step of the protocol left out.
    #[arg(long)]
    mutant: Option<String>,
}

impl WorldArguments {
    fn options(&self) -> Options {
        let named = |name: &String| mutants_page::named(name).expect("the name of a mutant");
        let mutant = self.mutant.as_ref().map(named);
        let options = mutant.map_or_else(Options::full, Options::of_mutant);
        Options {
            with_cache: self.cache,
            with_tokens: !self.no_tokens,
            ..options
        }
    }
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(asked) => {
            let campaign = Campaign {
                options: asked.world.options(),
                start: asked.start,
                schedules: asked.schedules,
                enough: asked.enough,
                progress: asked.progress,
                code: asked.code,
            };
            campaign.carry_out(asked.page.as_deref())
        }
        Command::Tell { seed, whole, world } => {
            tell(seed, world.options(), whole);
            ExitCode::SUCCESS
        }
        Command::Mutants { page, code } => mutants_page::write(&page, &code),
    }
}

/// Prints who did what, when, and which invariant broke.
fn tell(seed: u64, options: Options, whole: bool) {
    let options = if whole {
        options
    } else {
        shrunk(seed, options)
    };
    let outcome = run(
        seed,
        Options {
            tells: true,
            ..options
        },
    );
    for line in &outcome.story {
        println!("{line}");
    }
    let spared = Kind::ALL.iter().filter(|kind| options.without.has(**kind));
    println!(
        "seed {seed}, at most {} actions of {} people, without {:?}: {:?}, fingerprint {:016x}",
        options.most_actions,
        options.most_people,
        spared.collect::<Vec<_>>(),
        outcome.violations,
        outcome.fingerprint
    );
}
