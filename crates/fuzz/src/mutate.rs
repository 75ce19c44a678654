//! New inputs from those of the corpus, by a seeded generator.

use serde_json::Value;

use crate::{canary, json};

/// The longest input that is made, in bytes.
const LONGEST: usize = 64 * 1024;

/// One new input.
pub(crate) fn mutant(corpus: &[Vec<u8>], rng: &mut fastrand::Rng) -> Vec<u8> {
    let seed = corpus[rng.usize(0..corpus.len())].clone();
    let is_document_kept = rng.u8(0..3) > 0;
    let document = is_document_kept.then(|| changed_document(&seed, rng));
    let mut input = document
        .flatten()
        .unwrap_or_else(|| changed_bytes(seed, rng));
    input.truncate(LONGEST);
    input
}

/// An input with its JSON changed, the same for the same number. `None` when it holds no JSON.
pub fn document_mutant(input: &[u8], number: u32) -> Option<Vec<u8>> {
    changed_document(input, &mut fastrand::Rng::with_seed(number.into()))
}

/// Flips, drops, repeats and inserts bytes.
fn changed_bytes(mut input: Vec<u8>, rng: &mut fastrand::Rng) -> Vec<u8> {
    const INSERTED: [&str; 18] = [
        "'",
        "\"",
        "\\",
        "{",
        "[",
        "]",
        "}",
        ":",
        ",",
        "-",
        "0",
        "9999999999999999999999",
        "e",
        "\n",
        "\u{0}",
        "&a [*a, *a]",
        "Z",
        canary::TEXT,
    ];
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(0..=input.len());
        let end = (at + rng.usize(0..12)).min(input.len());
        match rng.u8(0..5) {
            0 if at < input.len() => input[at] = rng.u8(..),
            1 if at < input.len() => input[at] ^= 1 << rng.u8(0..8),
            2 => drop(input.drain(at..end)),
            3 => {
                let repeated = input[at..end].repeat(rng.usize(1..4));
                input.splice(at..at, repeated);
            }
            _ => {
                let inserted = INSERTED[rng.usize(0..INSERTED.len())];
                input.splice(at..at, inserted.bytes());
            }
        }
    }
    input
}

/// Changes the JSON of an input, the line in front of it or both. `None` when it holds no JSON.
fn changed_document(seed: &[u8], rng: &mut fastrand::Rng) -> Option<Vec<u8>> {
    let (line, body) = match serde_json::from_slice::<Value>(seed) {
        Ok(_) => (None, seed),
        Err(_) => {
            let end = seed.iter().position(|byte| *byte == b'\n')?;
            (Some(&seed[..end]), &seed[end + 1..])
        }
    };
    let mut document: Value = serde_json::from_slice(body).ok()?;
    json::mutate(&mut document, rng);
    let mut input = Vec::new();
    if let Some(line) = line {
        let is_changed = rng.u8(0..8) == 0;
        let line = line.to_vec();
        input.extend(if is_changed {
            changed_bytes(line, rng)
        } else {
            line
        });
        input.push(b'\n');
    }
    input.extend(serde_json::to_vec(&document).ok()?);
    Some(input)
}
