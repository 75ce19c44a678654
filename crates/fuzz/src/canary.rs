//! Personal data that must not come out again: the corpus and the mutations are full of it.

use std::error::Error;

/// A text as a record could hold it, anywhere.
pub(crate) const TEXT: &str = "canary@kept.secret.made-up.example";

/// A number as a record could hold it.
pub(crate) const NUMBER: u64 = 4_155_550_123;

/// What of the text is looked for: part of it is a leak too.
const PART: &str = "canary@kept";

/// Fails when a text that goes to a log or an error row holds the canary.
pub(crate) fn assert_kept(what: &str, shown: &str) {
    let is_leaked =
        shown.to_ascii_lowercase().contains(PART) || shown.contains(&NUMBER.to_string());
    assert!(!is_leaked, "{what} holds a value of the record: {shown}");
}

/// Fails when an error, its causes or its debug form hold the canary.
pub(crate) fn assert_kept_by(error: &(dyn Error + 'static)) {
    assert_kept("the debug form of an error", &format!("{error:?}"));
    let mut cause = Some(error);
    while let Some(current) = cause {
        assert_kept("an error", &current.to_string());
        cause = current.source();
    }
}
