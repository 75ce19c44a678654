//! Whichever target of `crates/fuzz` the binary is named after.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| fuzz::replay(env!("CARGO_BIN_NAME"), input));

// Every second change keeps JSON what it is: bytes alone seldom get behind the first brace.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let changed = match seed % 2 {
        0 => fuzz::document_mutant(&data[..size], seed),
        _ => None,
    };
    match changed.filter(|changed| changed.len() <= max_size) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
});
