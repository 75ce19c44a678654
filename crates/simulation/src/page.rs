//! Figures in a page of the docs: the lines between two markers are made by a command, never by hand.

use std::path::Path;

/// Replaces what stands between the markers of a block.
///
/// # Panics
/// When the page cannot be read or written, or has no such block.
pub fn replace(page: &Path, (begin, end): (&str, &str), text: &str) {
    let whole = std::fs::read_to_string(page).expect("the page can be read");
    let (before, rest) = whole
        .split_once(begin)
        .expect("the page has a place for the figures");
    let (_, after) = rest.split_once(end).expect("the place ends");
    let replaced = format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim());
    std::fs::write(page, replaced).expect("the page can be written");
}
