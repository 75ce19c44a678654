//! Values out of bytes: how a target that needs more than text reads its input. Bytes that are used up
//! read as zero, so that every input is one.

use crate::canary;

/// The unread rest of an input.
pub(crate) struct Entropy<'a>(&'a [u8]);

/// Pieces that texts are put together from: what parsers stumble over.
const PIECES: [&str; 32] = [
    "'",
    "\\",
    "\\'",
    "\"",
    "\n",
    "\r",
    "\t",
    "\u{8}",
    "\u{c}",
    "\u{0}",
    "\u{2028}",
    " ",
    "",
    "%",
    "_",
    "(",
    ")",
    ",",
    ";",
    "--",
    "' OR Id != '",
    "') OR (Id > '",
    " LIMIT 1",
    " AND ",
    "x",
    "ann@made-up.example",
    "Zoë",
    "𝒳",
    "İ",
    "\u{301}",
    "00Q000000000001EAA",
    canary::TEXT,
];

impl<'a> Entropy<'a> {
    /// Reads from these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is small.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    /// Whether or not.
    pub(crate) fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// Eight bytes as a number.
    pub(crate) fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// One of a list.
    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// An instant of the years 1 to 9999, to the nanosecond.
    pub(crate) fn instant(&mut self) -> jiff::Timestamp {
        const FIRST: i64 = -62_135_596_800;
        const SECONDS: u64 = 253_402_300_799 + 62_135_596_800;
        let second = FIRST + i64::try_from(self.number() % SECONDS).unwrap_or(0);
        let nanosecond = i32::try_from(self.number() % 1_000_000_000).unwrap_or(0);
        let nanosecond = if second < 0 { 0 } else { nanosecond };
        jiff::Timestamp::new(second, nanosecond).unwrap_or_default()
    }

    /// Some text.
    pub(crate) fn text(&mut self) -> String {
        let length = self.below(9);
        (0..length)
            .map(|_| match self.below(3) {
                0 => char::from(self.byte()).to_string(),
                _ => self.one_of(&PIECES).to_owned(),
            })
            .collect()
    }

    /// Everything that is left, as text.
    pub(crate) fn rest(&mut self) -> String {
        String::from_utf8_lossy(std::mem::take(&mut self.0)).into_owned()
    }
}
